//! Every format on a fixture, and on fixtures that were damaged.

use std::path::Path;

use cemem_core::foreign::ForeignDb;
use cemem_core::{Lesson, LessonStatus, LessonType, Timestamp, Trust};
use proptest::prelude::*;

use super::*;
use crate::redact::Redactor;

const NOW: Timestamp = Timestamp(1_777_000_000_000);
const TEXTS: [(&str, Format); 4] = [
    (include_str!("fixtures/memory.jsonl"), Format::KnowledgeGraph),
    (include_str!("fixtures/mem0.json"), Format::Mem0),
    (include_str!("fixtures/openmemory.jsonl"), Format::Mem0),
    (include_str!("fixtures/note.md"), Format::BasicMemoryNote),
];
const DATABASES: [(&str, Format); 3] = [
    (include_str!("fixtures/claude-mem.sql"), Format::ClaudeMem),
    (include_str!("fixtures/basic-memory.sql"), Format::BasicMemory),
    (include_str!("fixtures/mcp-memory-service.sql"), Format::McpMemoryService),
];

/// Makes a database of statements; those that fail are left out.
fn database(folder: &Path, sql: &str) -> ForeignDb {
    let path = folder.join("m.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    for statement in sql.split_inclusive(";\n") {
        let _damaged = connection.execute_batch(statement);
    }
    drop(connection);
    ForeignDb::open(&path).unwrap()
}

fn lessons(memories: &mut Memories, format: Format) -> Vec<Lesson> {
    let lines = lines(memories, format, "/m", Path::new("/project"), &Redactor::new(), NOW);
    lines.into_iter().map(|line| line.lesson).collect()
}

fn of_database(sql: &str, format: Format) -> (Vec<Lesson>, Memories) {
    let folder = tempfile::tempdir().unwrap();
    let db = database(folder.path(), sql);
    assert_eq!(Format::of_database(&db).unwrap(), Some(format));
    let mut memories = format.read_database(&db, Some(&["Project".to_owned()])).unwrap();
    (lessons(&mut memories, format), memories)
}

fn of_text(text: &str, format: Format) -> (Vec<Lesson>, Memories) {
    assert_eq!(Format::of_text(text), Some(format), "{text}");
    let mut memories = format.read_text(text);
    (lessons(&mut memories, format), memories)
}

fn skipped(memories: &Memories) -> Vec<(&str, usize)> {
    memories.skipped.iter().map(|(why, n)| (*why, *n)).collect()
}

#[test]
fn claude_mem_gives_what_lasts() {
    let (all, memories) = of_database(DATABASES[0].0, Format::ClaudeMem);
    let rules: Vec<_> = all.iter().map(|l| l.rule.as_str()).collect();
    assert_eq!(rules.len(), 5, "{rules:?}");
    let first = &all[0];
    assert_eq!(
        first.rule,
        "Open one connection pool for the whole process, not one for each worker."
    );
    assert_eq!((first.title.as_str(), first.lesson_type), ("Pool ran dry", LessonType::Solution));
    assert_eq!(first.applies_when.paths, ["src/storage/pool.rs"]);
    assert!(first.body.as_deref().unwrap().ends_with("- The server allows 100 connections"));
    assert_eq!((first.trust, first.status), (Trust::Agent, LessonStatus::Candidate));
    let evidence = &first.evidence[0];
    assert_eq!(
        (evidence.engine.as_str(), evidence.event_uuid.as_str()),
        ("import:claude-mem", "observations 1")
    );
    assert_eq!(first.created.date(), "2026-02-03");
    assert_eq!(all[2].status, LessonStatus::Quarantined, "{}", all[2].rule);
    let text = serde_json::to_string(&all).unwrap();
    assert!(text.contains("reset every night") && !text.contains("s3cr3tpassw0rd"), "{text}");
    assert_eq!(
        skipped(&memories),
        [
            ("of another project", 1),
            ("what was done, not what was learned", 1),
            ("without words", 1)
        ]
    );
    assert_eq!(memories.projects["other"], 1);
}

#[test]
fn basic_memory_gives_its_observations() {
    let (all, memories) = of_database(DATABASES[1].0, Format::BasicMemory);
    let kinds: Vec<_> = all.iter().map(|l| l.lesson_type).collect();
    assert_eq!(kinds, [LessonType::Decision, LessonType::Constraint]);
    assert_eq!(
        (all[0].title.as_str(), all[0].body.as_deref()),
        ("Search index", Some("after the outage"))
    );
    assert_eq!(all[0].applies_when.tags, ["search", "index"]);
    assert_eq!(all[0].created.date(), "2026-01-10");
    assert_eq!(
        skipped(&memories),
        [("notes without an observation", 1), ("of another project", 1)]
    );

    let (all, memories) = of_text(TEXTS[3].0, Format::BasicMemoryNote);
    let rules: Vec<_> = all.iter().map(|l| (l.lesson_type, l.rule.as_str())).collect();
    assert_eq!(
        rules,
        [
            (LessonType::Decision, "Invoices are imported in batches of five hundred"),
            (LessonType::Mistake, "Dates of the supplier are in local time without an offset"),
        ]
    );
    assert_eq!(all[0].applies_when.tags, ["billing", "import"]);
    assert_eq!(all[0].evidence[0].event_uuid, "13");
    assert_eq!(skipped(&memories), [("relations", 1)]);
}

#[test]
fn mcp_memory_service_gives_what_is_not_deleted() {
    let (all, memories) = of_database(DATABASES[2].0, Format::McpMemoryService);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].lesson_type, LessonType::Convention);
    assert_eq!(all[0].applies_when.tags, ["build", "release"]);
    assert_eq!(
        (all[0].evidence[0].event_uuid.as_str(), all[0].body.as_ref()),
        ("0c1f7be2a9d34c55", None)
    );
    assert_eq!(all[1].rule, "The team prefers short pull requests.");
    assert!(all[1].body.as_deref().unwrap().ends_with("found too."), "a long text stays whole");
    assert_eq!(skipped(&memories), [("deleted", 1), ("made by the program of other rows", 1)]);
}

#[test]
fn graphs_and_exports_as_text() {
    let (all, memories) = of_text(TEXTS[0].0, Format::KnowledgeGraph);
    let rules: Vec<_> = all.iter().map(|l| l.rule.as_str()).collect();
    assert_eq!(
        rules,
        [
            "billing-service: Amounts are integers in cents",
            "billing-service talks to the ledger over gRPC only",
            "No deploys on Fridays after noon",
        ]
    );
    assert_eq!(all[2].lesson_type, LessonType::Convention);
    assert_eq!(skipped(&memories), [("entities without an observation", 1), ("relations", 1)]);
    assert!(memories.errors.len() == 1 && memories.errors[0].starts_with("line 5"));

    let (all, memories) = of_text(TEXTS[1].0, Format::Mem0);
    assert_eq!(all[0].rule, "Prefers pnpm over npm in this repository");
    assert_eq!(
        (all[0].lesson_type, all[0].applies_when.tags.join(" ").as_str()),
        (LessonType::Preference, "tooling")
    );
    assert_eq!(
        (skipped(&memories), memories.errors.join("\n").as_str()),
        (vec![("deleted", 1)], "entry 3: no memory")
    );
    let (all, memories) = of_text(TEXTS[2].0, Format::Mem0);
    assert_eq!(
        (all.len(), all[0].lesson_type, skipped(&memories)),
        (1, LessonType::Convention, vec![("said twice", 1)])
    );
    // The start of a file is enough, wherever it ends.
    let long = TEXTS[1].0.repeat(2);
    for end in [300, 420, TEXTS[1].0.len() - 2] {
        assert_eq!(Format::of_text(&long[..end]), Some(Format::Mem0), "{end}");
    }
}

#[test]
fn other_texts_are_nobodys() {
    for text in [
        "",
        "{}",
        "[]",
        "[1]",
        r#"{"rule":"Use tabs.","id":"L-123456"}"#,
        r#"{"type":"decision","title":"x"}"#,
        r#"{"type":"user","message":{"content":"hi"}}"#,
        "# A heading\n- [x] done\n",
        "---\ntitle: a\ntype: note\n---\nno observation\n",
    ] {
        assert_eq!(Format::of_text(text), None, "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let db = database(folder.path(), "CREATE TABLE memories (a);\nCREATE TABLE entity (id);\n");
    assert_eq!(Format::of_database(&db).unwrap(), None);
}

/// Cuts a piece out of a text and puts another in.
fn damaged(text: &str, at: prop::sample::Index, len: usize, put: &str) -> String {
    let at = text.floor_char_boundary(at.index(text.len()));
    let end = text.floor_char_boundary((at + len).min(text.len()));
    format!("{}{put}{}", &text[..at], &text[end..])
}

const PUT: &str = "(\"|\\{|\\}|\\[|\\]|null|-1|1e999|99999999999999999999|\\\\ud800|\n|---\n|- \\[|\u{0}|\u{feff}|\\PC){0,4}";

proptest! {
    #[test]
    fn damaged_texts_never_panic(which in 0..TEXTS.len(), at: prop::sample::Index, len in 0..40_usize, put in PUT) {
        let text = damaged(TEXTS[which].0, at, len, &put);
        if let Some(format) = Format::of_text(&text) {
            let mut memories = format.read_text(&text);
            lessons(&mut memories, format);
        }
        for format in Format::ALL {
            lessons(&mut format.read_text(&text), format);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn damaged_databases_never_panic(which in 0..DATABASES.len(), at: prop::sample::Index, len in 0..40_usize, put in PUT) {
        let folder = tempfile::tempdir().unwrap();
        let db = database(folder.path(), &damaged(DATABASES[which].0, at, len, &put));
        if let Some(format) = Format::of_database(&db).unwrap()
            && let Ok(mut memories) = format.read_database(&db, None)
        {
            lessons(&mut memories, format);
        }
    }
}

#[test]
fn a_first_line_that_is_cut_off_is_told_by_its_keys() {
    let words = "one fact after the other, ".repeat(4000);
    let line = |kind: &str| {
        format!(
            "{{\"type\": \"{kind}\",\"name\":\"Pool\",\"entityType\":\"x\",\"observations\":[\"{words}\"]}}\n"
        )
    };
    let whole = line("entity");
    assert_eq!(Format::of_text(&whole[..64 * 1024]), Some(Format::KnowledgeGraph));
    assert_eq!(Format::of_text(&line("other")[..64 * 1024]), None);
    // What is no JSON for another reason is nobody's.
    assert_eq!(Format::of_text(&whole.replacen("[", "[,", 1)), None);
    assert_eq!(Format::KnowledgeGraph.read_text(&whole).found.len(), 1);
}
