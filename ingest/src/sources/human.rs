//! Which text under the user's name was typed by a person.
//!
//! Owns the list of texts harnesses inject, and the unwrapping of those that enclose a person's
//! words. Must not judge the words.

/// What a text under the user's name is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spoken {
    /// A person's words, without injected blocks.
    Typed(String),
    /// A slash command's arguments: a person's words, but not an ordinary turn.
    Command(String),
    /// A plan that was accepted and is now carried out; the text is the plan.
    Plan(String),
    /// The marker left by stopping the agent.
    Interrupt {
        /// While a tool ran.
        during_tool: bool,
    },
    /// A summary of earlier history.
    Summary,
    /// Written by the harness.
    Injected,
    /// Nothing.
    Empty,
}

/// Starts of texts no person typed.
const INJECTED: &[&str] = &[
    "<local-command-stdout>",
    "<local-command-stderr>",
    "<local-command-caveat>",
    "Caveat: The messages below were generated",
    "<bash-input>",
    "<bash-stdout>",
    "<bash-stderr>",
    "<task-notification>",
    "<agent-notification>",
    "<user-prompt-submit-hook>",
    "<teammate-message",
    "Base directory for this skill:",
    "# AGENTS.md instructions",
    "<INSTRUCTIONS>",
    "<user_instructions>",
    "<environment_context>",
    "<permissions instructions>",
    "<app-context>",
    "<collaboration_mode>",
    "<skills_instructions>",
    "<plugins_instructions>",
    "<turn_aborted>",
    "<user_shell_command>",
    "<user_action>",
    "<user_info>",
    "<subagent_notification>",
    "[Tool result]",
    "<persisted-output>",
];

/// Blocks that are put around or between a person's words: removed, the rest stays.
const BLOCKS: &[&str] = &[
    "system-reminder",
    "ide_opened_file",
    "ide_selection",
    "ide_diagnostics",
    "user_info",
    "additional_data",
    "attached_files",
    "system-notification",
];

/// The marker of a stopped agent.
pub(super) const INTERRUPT: &str = "[Request interrupted by user";
const SUMMARY: &str = "This session is being continued from a previous conversation";
const PLAN: &str = "Implement the following plan:";
const IDE_CONTEXT: &str = "# Context from my IDE setup:";
const IDE_REQUEST: &str = "## My request for Codex:";

/// Returns what `text`, found under the user's name, is.
pub(super) fn classify(text: &str) -> Spoken {
    let text = text.trim();
    if text.is_empty() {
        return Spoken::Empty;
    }
    if let Some(rest) = text.strip_prefix(INTERRUPT) {
        return Spoken::Interrupt { during_tool: rest.starts_with(" for tool use") };
    }
    if text.starts_with(SUMMARY) {
        return Spoken::Summary;
    }
    if let Some(plan) = text.strip_prefix(PLAN) {
        return Spoken::Plan(plan.trim().to_owned());
    }
    if text.starts_with("<command-name>") || text.starts_with("<command-message>") {
        return match between(text, "<command-args>", "</command-args>").map(str::trim) {
            Some(args) if !args.is_empty() => Spoken::Command(args.to_owned()),
            _ => Spoken::Injected,
        };
    }
    if INJECTED.iter().any(|start| text.starts_with(start)) || is_notice(text) {
        return Spoken::Injected;
    }
    let text = if text.starts_with(IDE_CONTEXT) {
        // The last heading: the context itself may quote one.
        match text.rfind(IDE_REQUEST) {
            Some(at) => text[at + IDE_REQUEST.len()..].trim(),
            None => return Spoken::Injected,
        }
    } else {
        between(text, "<user_query>", "</user_query>").map_or(text, str::trim)
    };
    let said = without_blocks(text);
    match said.trim() {
        "" => Spoken::Injected,
        said => Spoken::Typed(said.to_owned()),
    }
}

/// Whether a text is one element by which a harness reports something: `<ci-monitor-event>…`.
fn is_notice(text: &str) -> bool {
    let name = text.strip_prefix('<').and_then(|rest| rest.split_once('>')).map(|(name, _)| name);
    name.is_some_and(|name| {
        name.len() <= 40
            && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
            && ["-event", "-notification", "-reminder"].iter().any(|end| name.ends_with(end))
            && text.ends_with(&format!("</{name}>"))
    })
}

/// The text between the first `open` and the next `close`.
pub(super) fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let from = text.find(open)? + open.len();
    let to = text[from..].find(close)? + from;
    Some(&text[from..to])
}

/// Removes injected blocks; one that is never closed goes to the end of the text only if it is a
/// system reminder, because a person may well write about the others. Linear in the text, whoever
/// wrote it.
fn without_blocks(text: &str) -> String {
    let mut out = text.to_owned();
    for name in BLOCKS {
        if let Some(rest) = without(&out, name) {
            out = rest;
        }
    }
    out
}

/// Returns the text without the blocks of one name; `None` if it has none.
fn without(text: &str, name: &str) -> Option<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    text.find(&open)?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(&open) {
        let Some(end) = rest[at..].find(&close) else {
            // No block that opens later is closed either.
            if name == "system-reminder" {
                rest = &rest[..at];
            }
            break;
        };
        out.push_str(&rest[..at]);
        rest = &rest[at + end + close.len()..];
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_harness_are_told_apart() {
        let typed = |t: &str| Spoken::Typed(t.to_owned());
        assert_eq!(classify("  no, use tabs "), typed("no, use tabs"));
        assert_eq!(
            classify("<system-reminder>x</system-reminder>\nno, use tabs<system-reminder>y"),
            typed("no, use tabs")
        );
        assert_eq!(
            classify("<ide_opened_file>The user opened a.rs</ide_opened_file>why here?"),
            typed("why here?")
        );
        assert_eq!(classify("<ide_selection>only context</ide_selection>"), Spoken::Injected);
        assert_eq!(classify("<ci-event>a comment</ci-event>"), Spoken::Injected);
        assert_eq!(classify("<my-event> why this tag?"), typed("<my-event> why this tag?"));
        assert_eq!(
            classify("what does <ide_selection> mean?"),
            typed("what does <ide_selection> mean?")
        );
        assert_eq!(
            classify(
                "<command-name>/fix</command-name><command-args>the flaky test</command-args>"
            ),
            Spoken::Command("the flaky test".into())
        );
        assert_eq!(classify("<command-name>/exit</command-name>"), Spoken::Injected);
        assert_eq!(
            classify(
                "# Context from my IDE setup:\n\n## Open tabs\n\n## My request for Codex:\ndont run"
            ),
            typed("dont run")
        );
        assert_eq!(
            classify("[Request interrupted by user for tool use]"),
            Spoken::Interrupt { during_tool: true }
        );
        assert_eq!(classify("Implement the following plan:\n\n# P"), Spoken::Plan("# P".into()));
        assert_eq!(classify(" \n"), Spoken::Empty);
        assert_eq!(classify("<user_query>\nhi\n</user_query>"), typed("hi"));
    }

    #[test]
    fn thousands_of_blocks_take_no_longer_than_their_text() {
        let open = "<ide_selection>".repeat(100_000);
        let closed = "<ide_selection></ide_selection>".repeat(100_000);
        let start = std::time::Instant::now();
        assert_eq!(without_blocks(&open), open);
        assert_eq!(without_blocks(&closed), "");
        // The square of this takes minutes.
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    }
}
