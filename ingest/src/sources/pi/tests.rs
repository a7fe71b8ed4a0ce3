//! A session of Pi from header to name.

use super::{ENGINE, Pi};
use crate::discover::Places;
use crate::sources::testing::{read, read_path, samples};

const SESSION: &str = include_str!("../../../fixtures/pi/session.jsonl");

#[test]
fn a_session_from_its_header_to_its_name() {
    let found = read(&Pi, "2026-05-12_x", SESSION);
    assert_eq!(
        found.told(),
        [
            "a1 prompt: Run the tests of the parser.",
            "a2 agent: I run them.",
            "a2 call bash [] cargo test parser ",
            "a3 result Some(false) Some(101) test parser::odd ... FAILED\n\nCommand exited with code 101",
            "a4 call edit [\"src/parser.rs\"] - b",
            "a4 interrupt true",
            "a5 prompt: no, never edit the parser by hand, it is generated",
            "a7 compaction",
            "a8 rewind",
        ]
    );
    let session = &found.sessions[0].0;
    assert_eq!(session.id, "8f0c2b1e-7d55-4b7a-9a44-3f5f0e0c9b11");
    assert_eq!(session.cwd.as_deref(), Some("/w/app"));
    assert_eq!(session.title.as_deref(), Some("The parser is generated"));
    assert_eq!(found.skipped.get("custom_message"), Some(&1));
    assert!(found.errors.is_empty());
}

#[test]
fn only_this_projects_sessions_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = dir.path().join(".pi/agent/sessions").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("--w-app--/t_1.jsonl", SESSION);
    put("--w-other--/t_2.jsonl", &SESSION.replace("/w/app", "/w/other"));
    let home = dir.path().to_owned();
    let places = Places { home, roots: vec!["/w/app".into()], ..Places::default() };
    let found = super::places::find(&places);
    assert_eq!(found.len(), 1);
    assert!(found[0].engine == ENGINE && found[0].path.ends_with("--w-app--/t_1.jsonl"));
}

#[test]
fn genuine_files_are_read() {
    let Some(dir) = samples("fixtures") else { return };
    let files = walkdir::WalkDir::new(dir.path().join("_fixtures")).into_iter().flatten();
    let own = files.filter(|e| {
        let path = e.path().to_string_lossy();
        (path.contains("/pi/") || path.contains("/pi_agent/")) && path.ends_with(".jsonl")
    });
    let mut n = 0;
    for entry in own {
        let found = read_path(entry.path());
        assert!(found.errors.is_empty(), "{}: {:?}", entry.path().display(), found.errors);
        assert_eq!(found.sessions[0].0.engine, ENGINE, "{}", entry.path().display());
        assert!(found.told().iter().any(|t| t.contains("prompt: ")));
        n += 1;
    }
    assert!(n >= 2);
}
