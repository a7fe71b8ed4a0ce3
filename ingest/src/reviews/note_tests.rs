//! What agents write down: todos, findings as JSON, review notes.

use cemem_core::finding::{FindingStatus, Severity};

use super::testing::{findings, fixture, format_of, never_panics, shown};
use super::*;
use crate::sources::testing::read;

#[test]
fn every_field_is_kept() {
    let table: [(&dyn Source, &str, usize); 6] = [
        (&findings_json::FINDINGS, "ce-findings.json", 4),
        (&findings_json::FINDINGS, "synthesis.json", 1),
        (&findings_json::FINDINGS, "codex-review.json", 1),
        (&findings_json::VERDICT, "verdict.json", 1),
        (&review_notes::ReviewNotes, "residual-review-findings.md", 3),
        (&review_notes::ReviewNotes, "validation.md", 2),
    ];
    for (source, name, count) in table {
        let text = fixture(name);
        assert_eq!(findings(source, name, &text).len(), count, "{name}");
        insta::assert_snapshot!(name.replace('.', "_"), shown(&read(source, name, &text)));
        never_panics(source, &text);
    }
}

#[test]
fn a_todo_keeps_its_id_when_it_is_done() {
    let open = fixture("todo.md");
    let done = open.replace("status: ready", "status: complete");
    let (before, after) = (
        read(&todos::Todos, "todos__004-ready-p1-lock-leak", &open),
        read(&todos::Todos, "004-complete-p1-lock-leak", &done),
    );
    assert_eq!(before.sessions[0].0.id, after.sessions[0].0.id);
    assert_eq!(before.events()[0].row_id, after.events()[0].row_id);
    assert_ne!(before.events()[0].key, after.events()[0].key);
    let found = findings(&todos::Todos, "004-ready-p1-lock-leak.md", &open);
    assert_eq!((found[0].severity, found[0].status), (Severity::High, FindingStatus::Open));
    insta::assert_snapshot!("todo", shown(&after));
    never_panics(&todos::Todos, &open);
    let template = open.replace("status: ready", "status: pending|ready");
    assert_eq!(read(&todos::Todos, "000-pending-p3-TEMPLATE", &template).skipped["template"], 1);
}

#[test]
fn approval_is_no_finding_and_schemas_are_no_reports() {
    let approved = fixture("verdict.json").replace("changes_requested", "approved");
    let approved = approved.replace("Split the module.", "");
    let found = read(&findings_json::VERDICT, "v", &approved);
    assert_eq!((found.events().len(), found.skipped["approved"]), (0, 1));
    for (name, other) in [
        (
            "schema.json",
            r#"{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"findings":{"type":"array"}}}"#,
        ),
        (
            "loop.json",
            r#"{"scenario":"x","terminal_status":"success","review_attempts":[],"findings":[]}"#,
        ),
        ("notes.md", "# How we review\n\n## P1 means urgent\n"),
        ("plan.md", "# Plan\n\n- **P1** do it\n"),
        ("post.md", "---\ntitle: x\nstatus: draft\n---\n# A\n"),
    ] {
        assert_eq!(format_of(name, other), None, "{name}");
    }
}

#[test]
fn lists_under_a_priority_are_findings() {
    let text = "# Review Findings\n\nIntro.\n\n## P1 — Critical\n\n- [x] `src/a.rs:9` drops the lock\n  too early\n- `src/b.rs:3` no test\n\n## P2\n\n### Names differ\n\nIn `src/c.rs:1`.\n\n## Notes\n\n- not one\n";
    let found = findings(&review_notes::ReviewNotes, "review-findings.md", text);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert_eq!((found[0].severity, found[0].status), (Severity::High, FindingStatus::Resolved));
    assert!(found[0].message.ends_with("too early"));
    assert_eq!(
        (found[2].severity, found[2].title.as_deref()),
        (Severity::Medium, Some("Names differ"))
    );
}
