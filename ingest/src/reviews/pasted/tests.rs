//! What people paste, and what they say around it.

use std::path::Path;

use cemem_core::Actor;
use cemem_core::finding::{AuthorKind, Finding, Severity};
use proptest::prelude::*;

use super::*;

/// The person's words and, for each finding, who, how bad, where and what.
fn split(text: &str) -> (String, Vec<String>) {
    let (_, findings, _) = scan(text);
    (own_words(text).into_owned(), findings.iter().map(told).collect())
}

fn told(f: &Finding) -> String {
    let place = f
        .path
        .as_ref()
        .map(|path| format!("{path}:{}-{}", f.line_start.unwrap_or(0), f.line_end.unwrap_or(0)));
    let title = f.title.as_ref().map_or(String::new(), |t| format!("[{t}] "));
    let message = f.message.lines().next().unwrap_or_default();
    format!("{} {:?} {} {title}{message}", f.tool, f.severity, place.unwrap_or("-".into()))
}

#[test]
fn a_title_a_severity_and_a_paragraph() {
    let pasted = "Lock is never released\n\nMedium Severity\n\nThe guard is kept in a field.\n\non src/lock.rs 245\n";
    let found =
        "bugbot Medium src/lock.rs:245-245 [Lock is never released] The guard is kept in a field.";
    assert_eq!(split(pasted), (String::new(), vec![found.into()]));
    let said = format!("what do you think of:\n\n{pasted}\nwe never hold locks over awaits");
    assert_eq!(
        split(&said),
        ("what do you think of:\n\n\nwe never hold locks over awaits".into(), vec![found.into()])
    );
    // A sentence of the person's own is no title, and words right below are the person's.
    assert_eq!(
        split("fix this.\n\nHigh Severity\n\nIt panics.\nuse a Result instead").0,
        "fix this.\n\nuse a Result instead"
    );
    let two = "A\n\nLow Severity\n\nOne.\n\nB\n\nHigh Severity\n\nTwo.\n\nFix in Cursor Fix in Web";
    let (own, found) = split(two);
    assert_eq!((own.as_str(), found.len()), ("", 2));
    let marked = "### T\n\n**High Severity**\n\n<!-- DESCRIPTION START -->\nOne.\n\nTwo.\n<!-- DESCRIPTION END -->\n\n<!-- LOCATIONS START\nsrc/a.rs#L1-L2\nLOCATIONS END -->\n\nplease fix";
    assert_eq!(
        split(marked),
        ("please fix".into(), vec!["bugbot High src/a.rs:1-2 [T] One.".into()])
    );
}

#[test]
fn comments_as_a_page_shows_them() {
    let page = "\
src/a.rs
Comment on lines +10 to +14
    let x = y.unwrap();
Copilot AI
2 hours ago
This may panic.

It is read from a file.

Suggested change
    let x = y.unwrap();
    let x = y?;
Copilot uses AI. Check for mistakes.
Resolve conversation

we return errors in this crate, never panic";
    let (own, found) = split(page);
    assert_eq!(own, "we return errors in this crate, never panic");
    assert_eq!(found, ["copilot Medium src/a.rs:10-14 This may panic."]);
    let (_, findings, _) = scan(page);
    assert!(findings[0].suggestion.as_deref().unwrap().contains("let x = y?;"));
    assert_eq!(findings[0].snippet.as_deref(), Some("    let x = y.unwrap();"));
    assert_eq!(findings[0].author_kind, AuthorKind::Bot);
    let (own, found) =
        split("octocat commented 3 days ago\nPlease name this after the unit.\n\nI disagree");
    assert_eq!((own.as_str(), found.len()), ("I disagree", 1));
    let (_, findings, _) = scan("@octocat reviewed on Jan 3, 2026\nNo abbreviations here.");
    assert_eq!(findings[0].author_kind, AuthorKind::Human);
    assert_eq!(findings[0].author.as_deref(), Some("octocat"));
    let (own, found) = split(
        "from the review:\n\nDuplicate log: it was logged before.\nSuggested change\n    log(x)\n",
    );
    assert_eq!((own.as_str(), found.len()), ("from the review:", 1));
}

#[test]
fn what_the_terminal_prints() {
    let printed = "author:\tcoderabbitai\nassociation:\tnone\nedited:\tfalse\nstatus:\tcommented\n--\n_⚠️ Potential issue_ | _🟠 Major_\n\n**Check it.**\n\nIt may fail.\n--\nauthor:\toctocat\nassociation:\tmember\nstatus:\tcommented\n--\nLGTM!\n--\ntake only the first";
    assert_eq!(
        split(printed),
        ("take only the first".into(), vec!["coderabbit High - [Check it.] It may fail.".into()])
    );
}

#[test]
fn comments_and_prompts_of_coderabbit() {
    let comment = "⚠️ Potential issue | 🔴 Critical\n\nCheck the result.\n\nIt may fail.\n\n🤖 Prompt for AI Agents\nIn src/a.rs around lines 10 to 12, the result is dropped;\nreturn it.\n\nand add a test";
    assert_eq!(
        split(comment),
        (
            "and add a test".into(),
            vec!["coderabbit Critical src/a.rs:10-12 [Check the result.] It may fail.".into()]
        )
    );
    let prompt = "Verify each finding against the current code and only fix it if needed.\n\nIn `@src/a.rs` around lines 3 - 9, The function drops its error; return it to the caller instead of logging it here.\n\nuse anyhow";
    let (own, found) = split(prompt);
    assert_eq!(own, "use anyhow");
    assert!(found[0].starts_with("coderabbit Medium src/a.rs:3-9 The function drops"), "{found:?}");
    let list = "Inline comments:\nIn `@src/a.rs`:\n- Around line 12: Return the error.\n- Around line 20-24: Name it\n  after the unit.\n\nthanks";
    let (own, found) = split(list);
    assert_eq!(own, "thanks");
    assert_eq!(found[1], "coderabbit Medium src/a.rs:20-24 Name it");
}

#[test]
fn other_programs() {
    let gemini = "![high](https://www.gstatic.com/codereviewagent/high-priority.svg)\n\nThe hint is wrong.\n\n```suggestion\n    a: int = 1\n```\n\nno, keep it";
    assert_eq!(
        split(gemini),
        ("no, keep it".into(), vec!["gemini-code-assist High - The hint is wrong.".into()])
    );
    let greptile = "This is a comment left during a code review.\nPath: src/a.rs\nLine: 12:14\n\nComment:\nThe error is lost.\n\nHow can I resolve this? If you propose a fix, please make it concise.\n\nuse thiserror";
    assert_eq!(
        split(greptile),
        ("use thiserror".into(), vec!["greptile Medium src/a.rs:12-14 The error is lost.".into()])
    );
    let codex = "- [P1] Keep the lock — src/a.rs:3-9\n  It is dropped early.\n- [P3] Name it — src/b.rs:4\nfix the first";
    assert_eq!(
        split(codex),
        (
            "fix the first".into(),
            vec![
                "codex High src/a.rs:3-9 [Keep the lock] It is dropped early.".into(),
                "codex Low src/b.rs:4-4 [Name it] Name it".into()
            ]
        )
    );
}

#[test]
fn a_persons_own_words_are_nobody_elses() {
    for own in [
        "In src/a.rs around line 10, use a map",
        "In a.rs around lines 10 to 20, use a map",
        "alice reviewed yesterday and wants tabs",
        "this is of high severity: never log tokens",
        "use:\n\n- tabs\n- no unwrap\n\nalways",
        "author: me\nname: x",
        "Comment on lines you change",
        "see src/a.rs\nit is outdated",
        "Low\n\nSeverity is wrong here",
        "Found 2 issues with your plan:\n\n1. no tests\n2. no docs",
        "Medium Severity",
        "ok\nReply...",
    ] {
        assert_eq!(split(own), (own.to_owned(), Vec::new()), "{own}");
    }
}

#[test]
fn labelled_corrections_stay_the_persons() {
    let turns =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/eval/corrections/dev.jsonl");
    let Ok(turns) = std::fs::read_to_string(turns) else { return };
    let (mut pasted, mut corrections) = (0, 0);
    for line in turns.lines() {
        let turn: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = turn["text"].as_str().unwrap();
        let own = own_words(text);
        pasted += usize::from(own != text);
        let real = turn["correction"] == true
            || (turn["durable"] == true && turn["act"] != "review" && turn["act"] != "bug_report");
        if real {
            corrections += 1;
            assert!(own.contains(turn["span"].as_str().unwrap()), "{}: {own}", turn["id"]);
        }
    }
    assert!(pasted >= 10 && corrections >= 50, "{pasted} {corrections}");
}

#[test]
fn findings_are_events_beside_the_prompt() {
    let said = "Lock is never released\n\nMedium Severity\n\nThe guard is kept.\n\nuse tabs";
    let prompt = Event {
        key: "k".into(),
        row_id: "r".into(),
        ts: None,
        actor: Actor::User,
        kind: EventKind::UserPrompt { text: said.into(), steering: false },
        cwd: Some("/w".into()),
        branch: None,
        offset: 7,
        len: 9,
    };
    let found = events(&prompt);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].actor, found[0].offset), (Actor::Agent, 7));
    assert_eq!(found[0].cwd.as_deref(), Some("/w"));
    assert_ne!(found[0].key, prompt.key);
    let EventKind::Finding(finding) = &found[0].kind else { panic!("{:?}", found[0].kind) };
    assert_eq!((finding.severity, finding.fingerprint.len()), (Severity::Medium, 24));
    // A sub-agent's prompt is an agent's.
    assert!(events(&Event { actor: Actor::Subagent, ..prompt }).is_empty());
}

#[test]
fn long_texts_of_any_shape_end() {
    for line in [
        "Medium Severity\n",
        "a.rs\nComment on line 1\n",
        "author:\tx\nassociation:\ty\n--\n",
        "In `@a.rs`:\n",
        "- [P1] a — b.rs:1\n",
        "x\n\n",
    ] {
        let text = line.repeat(16 * 1024 / line.len());
        let start = std::time::Instant::now();
        let (own, _) = split(&text);
        assert!(own.len() <= text.len());
        assert!(start.elapsed().as_secs() < 10, "{line:?} {:?}", start.elapsed());
    }
}

proptest! {
    /// Lines of every shape, and others between: none may be found where the quick look says no.
    #[test]
    fn what_is_found_has_a_mark(picked in proptest::collection::vec(0..LINES.len(), 1..9)) {
        let text: Vec<&str> = picked.iter().map(|i| LINES[*i]).collect();
        let text = text.join("\n");
        let (_, findings, pasted) = super::scan(&text);
        prop_assert!(super::may_hold_one(&text) || (findings.is_empty() && !pasted), "{text}");
    }
}

const LINES: &[&str] = &[
    "",
    "Please look at this and fix what is wrong with it.",
    "src/a.rs",
    "Comment on line R12",
    "Commented on lines +10 to +14",
    "octocat reviewed 2 hours ago",
    "octocat",
    "commented yesterday",
    "on Jan 3",
    "reviewed on Feb 12, 2026",
    "Outdated",
    "Suggested change",
    "author:\tmara",
    "association:\tmember",
    "--",
    "Medium Severity",
    "**High Severity**",
    "_⚠\u{fe0f} Potential issue_ | _🟠 Major_",
    "🧹 Nitpick",
    "In `@src/a.rs` around lines 10 - 14, the retry has no key and may send the same order twice: add it.",
    "In src/a.rs at line 3: the lock is never released, and the second writer waits for ever and ever here.",
    "In `@src/a.rs`:",
    "- Around line 10: the retry has no key",
    "Inline comments:",
    "Verify each finding against the current code",
    "This is a comment left during a code review.",
    "Path: src/a.rs",
    "Line: 3:4",
    "Comment:",
    "How can I resolve this?",
    "![medium](https://x/y.svg) The retry has no key.",
    "**<sub>![P1 Badge](https://x/y)</sub> Title**",
    "- [P1] Retry without a key — src/a.rs:10-14",
    "Found 2 issues:",
    "1. Retry without a key https://github.com/o/r/blob/abc/src/a.rs#L1-L4",
];
