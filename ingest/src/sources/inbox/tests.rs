//! What reported rows become.

use cemem_core::finding::{AuthorKind, Severity};
use cemem_core::{Actor, EventKind};

use super::*;
use crate::sniff::identify;
use crate::sources::testing::read;

const FIXTURE: &str = include_str!("../../../fixtures/inbox/events.jsonl");

#[test]
fn every_kind_becomes_an_event_of_the_agents_side() {
    let found = read(&Inbox, "x", FIXTURE);
    assert_eq!(found.errors, Vec::<String>::new());
    let names: Vec<_> = found.events().iter().map(|e| e.kind.name()).collect();
    assert_eq!(
        names,
        ["reported", "reported", "tool_call", "tool_result", "reported", "reported", "finding"]
    );
    assert!(found.events().iter().all(|e| e.actor != Actor::User));
    let EventKind::Finding(finding) = &found.events()[6].kind else { panic!("a finding") };
    assert_eq!((finding.author_kind, finding.severity), (AuthorKind::Bot, Severity::Low));
    assert_eq!((finding.path.as_deref(), finding.line_start), (Some("src/a.rs"), Some(4)));
    assert_eq!(found.sessions.iter().filter(|(s, _)| s.id == "stream-1").count(), 1);
}

#[test]
fn the_same_row_is_the_same_event_in_any_file_and_shape() {
    let keys = |text: &str| -> Vec<String> {
        let mut keys: Vec<_> =
            read(&Inbox, "y", text).events().iter().map(|e| e.key.clone()).collect();
        keys.sort();
        keys
    };
    let list = format!("[{}]", FIXTURE.trim().replace('\n', ",\n  "));
    assert_eq!(keys(FIXTURE), keys(&list));
    let later = FIXTURE.replace("2026-04-01", "2026-04-02");
    assert_ne!(keys(FIXTURE), keys(&later));
}

#[test]
fn rows_are_known_by_their_version_and_nothing_else_is_taken_for_one() {
    let engine = |text: &str| {
        let probe = Probe::new(text, std::path::Path::new("x"));
        identify(&probe).map(|s| s.info().format)
    };
    assert_eq!(engine(FIXTURE), Some(ENGINE));
    assert_eq!(engine("[\n {\"kind\": \"note\", \"cemem\" : 1, \"text\": \"x\"}]"), Some(ENGINE));
    for other in [
        r#"{"kind":"note","text":"x"}"#,
        r#"{"a":"\"cemem\":1 \"kind\""}"#,
        r#"{"cemem":"yes","kind":"note"}"#,
    ] {
        assert_eq!(engine(other), None, "{other}");
    }
}

#[test]
fn a_flaw_costs_its_row_only_and_is_named() {
    let found = read(&Inbox, "z", &FIXTURE.replacen("\"rule\"", "\"rumour\"", 1));
    assert_eq!(found.events().len(), 6);
    assert!(found.errors[0].starts_with("line 2: "), "{:?}", found.errors);
    for cut in 0..FIXTURE.len() {
        if let Some(text) = FIXTURE.get(..cut) {
            read(&Inbox, "cut", text);
        }
    }
}

#[test]
fn the_schema_that_is_documented_is_the_one_that_is_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/inbox.schema.json");
    let expected = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    let documented = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        documented, expected,
        "write it anew: cargo run -p cemem-ingest --example inbox_schema > docs/inbox.schema.json"
    );
}
