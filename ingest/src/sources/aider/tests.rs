//! Chat histories and what becomes of them.

use std::fs;
use std::path::Path;

use cemem_core::EventKind;

use super::{Aider, HISTORY, ROW};
use crate::discover::Places;
use crate::sources::testing::{Found, read, read_path, samples};

const CHAT: &str = include_str!("../../../fixtures/aider/chat.md");

fn chat(text: &str) -> Found {
    read(&Aider, ".aider.chat.history", text)
}

/// What was told, without the agent's text.
fn told(found: &Found) -> Vec<String> {
    found.told().into_iter().filter(|t| !t.contains(" agent: ")).collect()
}

#[test]
fn a_history_is_cut_into_sessions_turns_and_outcomes() {
    let found = chat(CHAT);
    let ids: Vec<_> = found.sessions.iter().map(|(s, _)| s.id.as_str()).collect();
    assert_eq!(ids, ["2026-01-05 10:00:00", "2026-01-05 10:00:00#2", "2026-01-06 09:30:00"]);
    assert_eq!(found.sessions[0].0.engine_version.as_deref(), Some("0.86.1"));
    assert_eq!(found.sessions[0].0.started.unwrap().to_string(), "2026-01-05T10:00:00.000Z");
    assert_eq!(
        told(&found),
        [
            "1 prompt: use the clock that is passed in\n\nand no other",
            "1 call edit [\"src/clock.rs\"] - ",
            "1 result Some(true) None Applied edit to src/clock.rs",
            "1 call lint [] flake8 src/clock.rs ",
            "1 result Some(false) None src/clock.rs:3:1: F401 unused import",
            "1 call fix [] - Attempt to fix lint errors",
            "1 rejected User -",
            "1 call test [] cargo test clock ",
            "1 result Some(false) None test clock ... FAILED",
            "1 call test [] cargo test clock ",
            "1 result Some(true) None ",
            "2 prompt: don't touch the tests",
            "2 interrupt false",
            "3 prompt: no, revert that",
            "3 call edit [] - ",
            "3 result Some(false) None # 1 SEARCH/REPLACE block failed to match!\n\n## SearchReplaceNoExactMatch",
            "3 rewind",
            "1 prompt: hi",
            "1 prompt: why is this slow?",
            "1 call shell [] cargo bench Run shell command",
            "1 rejected User -",
            "1 call shell [] cargo build ",
        ]
    );
    assert_eq!(found.skipped["canned_prompt"], 2);
    assert_eq!(found.skipped["command"], 2);
    assert_eq!(found.skipped["exit"], 2);
}

#[test]
fn headings_in_answers_are_not_typed() {
    let quoted = "# aider chat started at 2026-01-05 10:00:00\n\n#### write docs  \n\nHere:\n\n\
        #### Usage\n\n```md\n\n#### never do this  \n\n```\n\ntext\n#### and not this  \n\n\
        > Tokens: 1 sent  \n\n#### thanks  \n";
    assert_eq!(told(&chat(quoted)), ["1 prompt: write docs", "2 prompt: thanks"]);
    // A fence the model never closed does not swallow what follows.
    let open = "#### a  \n\n```md\nx\n> ^C KeyboardInterrupt  \n\n#### b  \n\n```\ny\n\n#### c  \n";
    let found = chat(open);
    let prompts = found.told().into_iter().filter(|t| t.contains(" prompt: "));
    assert_eq!(prompts.collect::<Vec<_>>(), ["1 prompt: a", "2 prompt: b", "3 prompt: c"]);
    // Editors take the spaces at the ends of lines away.
    let trimmed =
        "# aider chat started at x\n\n#### one\n#### two\n\nok\n\n#### /src/a.rs is wrong\n";
    assert_eq!(told(&chat(trimmed)), ["1 prompt: one\ntwo", "2 prompt: /src/a.rs is wrong"]);
}

#[test]
fn keys_stay_when_a_history_grows() {
    let whole = chat(CHAT);
    let keys: Vec<_> = whole.events().iter().map(|e| e.key.clone()).collect();
    let unique: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(unique.len(), keys.len());
    let cut = CHAT.find("# aider chat started at 2026-01-06").unwrap();
    let part = chat(&CHAT[..cut]);
    let before: Vec<_> = part.events().iter().map(|e| e.key.clone()).collect();
    assert_eq!(before, keys[..before.len()]);
}

#[test]
fn torn_histories_are_read() {
    for cut in (0..CHAT.len()).filter(|n| CHAT.is_char_boundary(*n)) {
        assert!(chat(&CHAT[..cut]).errors.is_empty());
        chat(&CHAT[cut..]);
    }
}

#[test]
fn a_history_is_the_projects_if_it_lies_there() {
    let dir = tempfile::tempdir().unwrap();
    let (root, other) = (dir.path().join("app"), dir.path().join("other"));
    for file in [root.join(HISTORY), root.join("log/chat.md"), other.join("chat.md")] {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, CHAT).unwrap();
    }
    let find = |variable: &Path| {
        let variables = [("AIDER_CHAT_HISTORY_FILE".to_owned(), variable.to_owned())].into();
        let places = Places { roots: vec![root.clone()], variables, ..Places::default() };
        (ROW.find)(&places).into_iter().map(|f| f.path).collect::<Vec<_>>()
    };
    assert_eq!(find(Path::new("log/chat.md")), [root.join(HISTORY), root.join("log/chat.md")]);
    assert_eq!(find(&other.join("chat.md")), [root.join(HISTORY)]);
    let found = read_path(&root.join(HISTORY));
    assert_eq!(found.sessions[0].0.cwd.as_deref(), root.to_str());
}

#[test]
fn published_transcripts_are_read() {
    let Some(folder) = samples("aider") else { return };
    let files = walkdir::WalkDir::new(folder.path()).sort_by_file_name();
    let files = files.into_iter().map(Result::unwrap).filter(|f| f.file_type().is_file());
    let (mut prompts, mut interrupts, mut edits, mut runs, mut sessions) = (0, 0, 0, 0, 0);
    for file in files {
        let found = read_path(file.path());
        assert!(found.errors.is_empty(), "{:?} {:?}", file.path(), found.errors);
        sessions += found.sessions.len();
        for event in found.events() {
            match &event.kind {
                EventKind::UserPrompt { .. } => prompts += 1,
                EventKind::UserInterrupt { .. } => interrupts += 1,
                EventKind::ToolCall { name, .. } if name == "edit" => edits += 1,
                EventKind::ToolCall { name, .. } if name == "run" => runs += 1,
                _ => {}
            }
        }
    }
    // `#### ` lines less commands; `^C Keyboard`; `> Applied edit`; `#### /run`: counted with grep.
    assert_eq!((sessions, prompts, interrupts, edits, runs), (9, 36, 2, 35, 4));
}
