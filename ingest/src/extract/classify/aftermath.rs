//! What the agent did after a turn, as features.
//!
//! Owns the reading of the entries that follow a turn, in the notation of `context`: `A: ` agent
//! text, `A: [` a tool call. An agent that is corrected says so, edits at once or takes something
//! back; one that is asked looks things up. Must not look at the turn itself: these features only
//! shift a verdict that stands without them, since what followed is not always known.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::features::Sink;
use super::text::{byte_regex, prefix, straighten};
use crate::extract::gloss::glossed_if;
use crate::extract::is_edit;

/// Bytes read of the agent's first words: whether it gives in stands at their start.
const SAID_BYTES: usize = 300;

/// What the agent's first words may say.
static SAYS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    [
        (
            "n_right",
            r"\byou'?re (absolutely |totally |completely |quite )?(right|correct)|\b(good|great|excellent|nice) catch|\b(fair|good|great|excellent) point|\byou make a|\bthat'?s (a )?(fair|good|great|right|correct)\b",
        ),
        (
            "n_sorry",
            r"\bmy (mistake|bad)\b|apolog|\bsorry\b|\bi (misread|misunderst\w+|missed|should(n'?t)? (not )?have|was wrong|over\w+|incorrectly|mistakenly|got (that|it) wrong|assumed|conflated|confused)|\bi see (the (issue|problem|confusion))?|\bthanks for (the )?(correct|clarif|catch)|\bah,",
        ),
        ("n_ok", r"^(ok|okay|sure|got it|understood|makes sense|agreed|alright|right|exactly)\b|makes sense"),
        (
            "n_undo",
            r"\b(let me|i'll|i will|i need to|now) (revert|remove|undo|simplify|restore|rework|redo|switch|move|drop|put|rename)\b",
        ),
        ("n_instead", r"\binstead\b|\brather than\b|\bsimpler\b|\bcleaner\b"),
        (
            "n_answers",
            r"^(that'?s a )?(great|good|excellent) (question|q\b)|^(yes|no)\b([,.]| -| \xE2\x80\x94)|^short answer",
        ),
        ("n_starts", r"^(let me|i'll|i will|now (let|i)|looking|first)\b"),
        ("n_done", r"^(great|perfect|excellent|done|good|committed)\b[!,. ]"),
    ]
    .into_iter()
    .map(|(name, pattern)| (name, byte_regex(&format!("(?i){pattern}"))))
    .collect()
});
static UNDOES: LazyLock<Regex> =
    LazyLock::new(|| byte_regex(r": .*(\bgit (checkout|revert|restore|reset)\b|\brm )"));
static COMMITS: LazyLock<Regex> =
    LazyLock::new(|| byte_regex(r": .*\b(git (commit|push)|gh pr)\b"));

/// Returns the names of the features in their order.
pub(super) fn names() -> Vec<String> {
    let mut sink = Sink::with_names();
    push(&[], false, &mut sink);
    sink.names.unwrap_or_default()
}

/// Returns the features of what followed a turn, oldest first; `foreign` if the talk is in another language.
pub(super) fn values(after: &[String], foreign: bool) -> Vec<f32> {
    let mut sink = Sink::default();
    push(after, foreign, &mut sink);
    sink.values
}

fn push(after: &[String], foreign: bool, sink: &mut Sink) {
    let calls: Vec<&str> = after.iter().filter_map(|e| e.strip_prefix("A: [")).collect();
    let said = after.iter().filter(|e| !e.starts_with("A: [")).find_map(|e| e.strip_prefix("A: "));
    let said = straighten(prefix(said.unwrap_or_default().trim_start(), SAID_BYTES));
    let said = glossed_if(foreign, &said);
    for (name, pattern) in SAYS.iter() {
        sink.flag(name, pattern.is_match(said.as_bytes()));
    }
    let first = calls.first().map(|c| c.split(':').next().unwrap_or(c));
    sink.flag("n_no_calls", first.is_none());
    sink.flag("n_edits", first.is_some_and(is_edit));
    sink.flag("n_looks", first.is_some_and(looks));
    sink.flag("n_undoes", calls.iter().any(|c| UNDOES.is_match(c.as_bytes())));
    sink.flag("n_commits", calls.iter().any(|c| COMMITS.is_match(c.as_bytes())));
}

/// Returns whether a tool only looks something up.
fn looks(tool: &str) -> bool {
    let name = tool.to_ascii_lowercase();
    ["read", "grep", "glob", "search", "list", "agent", "task", "view", "find"]
        .iter()
        .any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(after: &[&str]) -> Vec<String> {
        said_in(false, after)
    }

    fn said_in(foreign: bool, after: &[&str]) -> Vec<String> {
        let after: Vec<String> = after.iter().map(|e| (*e).to_owned()).collect();
        let on = names().into_iter().zip(values(&after, foreign)).filter(|(_, v)| *v > 0.0);
        on.map(|(name, _)| name).collect()
    }

    #[test]
    fn an_agent_that_gives_in_and_takes_back_is_seen() {
        assert_eq!(
            found(&["A: You’re right, sorry.", "A: [Bash: git checkout src/a.rs]"]),
            ["n_right", "n_sorry", "n_undoes"]
        );
        assert_eq!(found(&["A: [Edit: src/a.rs]", "A: Now it says so."]), ["n_edits"]);
    }

    #[test]
    fn an_agent_gives_in_in_other_languages() {
        for said in
            ["A: Du hast recht, tut mir leid.", "A: 你说得对，抱歉。", "A: その通り、すみません。"]
        {
            assert_eq!(said_in(true, &[said])[..2], ["n_right", "n_sorry"], "{said}");
        }
    }

    #[test]
    fn an_agent_that_answers_or_looks_is_seen() {
        assert_eq!(found(&["A: Yes, it is a map."]), ["n_answers", "n_no_calls"]);
        assert_eq!(found(&["A: Let me look.", "A: [Grep: fn parse]"]), ["n_starts", "n_looks"]);
    }
}
