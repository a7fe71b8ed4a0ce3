//! SARIF as the tools write it.

use cemem_core::finding::{FindingStatus, Severity};

use super::*;
use crate::reviews::testing::{findings, fixture, format_of, never_panics, shown};
use crate::sources::testing::read;

#[test]
fn every_tool_keeps_rule_level_path_region_and_fingerprint() {
    for tool in ["codeql", "ruff", "semgrep", "bandit", "clippy"] {
        let text = fixture(&format!("{tool}.sarif"));
        assert!(!findings(&Sarif, "r.sarif", &text).is_empty());
        insta::assert_snapshot!(tool, shown(&read(&Sarif, "r.sarif", &text)));
    }
}

#[test]
fn absent_fields_mean_what_the_standard_says() {
    let codeql = findings(&Sarif, "r.sarif", &fixture("codeql.sarif"));
    assert_eq!(codeql.len(), 4);
    let [injection, local, bare, review] = &codeql[..] else { unreachable!() };
    assert_eq!(injection.fingerprint, "java/path-injection:39fa2ee980eb94b0:1");
    assert_eq!((injection.severity, injection.level.as_deref()), (Severity::High, Some("error")));
    assert_eq!((injection.line_end, injection.column_start), (Some(41), Some(24)));
    assert_eq!(injection.message, "This path depends on a user-provided value.");
    assert_eq!(local.message, "Variable tmp is never read.");
    assert_eq!(local.path.as_deref(), Some("app/src/Main.java"));
    assert_eq!((local.status, local.column_start), (FindingStatus::Dismissed, Some(1)));
    assert_eq!(bare.level.as_deref(), Some("warning"));
    assert_eq!(bare.path.as_deref(), Some("app/src/My Main.java"));
    assert_eq!((bare.status, bare.line_end), (FindingStatus::Open, Some(11)));
    assert_eq!((review.level.as_deref(), review.severity), (Some("none"), Severity::Info));
    assert_eq!(review.status, FindingStatus::Resolved);
}

#[test]
fn a_fingerprint_that_is_the_same_for_all_is_not_used() {
    let found = read(&Sarif, "r.sarif", &fixture("semgrep.sarif"));
    let rows: Vec<&str> = found.events().iter().map(|e| e.row_id.as_str()).collect();
    assert_eq!(rows[1], format!("{}#2", rows[0]), "the same flaw twice in one file");
    assert!(!rows[0].contains("login"), "{rows:?}");
}

#[test]
fn a_report_read_again_has_the_same_keys() {
    let text = fixture("ruff.sarif");
    let keys = |text: &str| -> Vec<String> {
        read(&Sarif, "r.sarif", text).events().iter().map(|e| e.key.clone()).collect()
    };
    let all = keys(&text);
    assert_eq!(all.len(), 3);
    assert_eq!(all, keys(&text));
    assert_eq!(all, keys(&text.replace("\"startLine\": 17", "\"startLine\": 70")), "moved");
    let unique: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(unique.len(), 3);
}

#[test]
fn other_json_is_no_sarif() {
    for other in [
        r#"{"name":"x","version":"2.1.0","scripts":{}}"#,
        r#"{"runs":{"using":"node20","main":"dist/index.js"}}"#,
        r#"{"runs":[{"id":1,"status":"completed"}],"total_count":1}"#,
        r#"{"workflow_runs":[],"runs":[]}"#,
    ] {
        assert_ne!(format_of("x.json", other), Some("sarif"), "{other}");
    }
}

#[test]
fn no_cut_or_mutation_panics() {
    never_panics(&Sarif, &fixture("codeql.sarif"));
    let deep = format!("{{\"version\":\"2.1.0\",\"runs\":{}", "[".repeat(100_000));
    assert_eq!(read(&Sarif, "deep", &deep).errors.len(), 1);
}
