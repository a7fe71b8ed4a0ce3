//! What came before a turn, as features.
//!
//! Owns the reading of the context notation: `A: ` agent text, `A: [` a tool call, `U: ` an earlier
//! turn, `TOOL REJECTED`, `USER INTERRUPTED`, `TOOL ERROR`. An empty context gives the features of
//! "nothing known". Must not look at the turn beyond comparing its words.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::features::Sink;
use super::text::{byte_regex, prefix, suffix, tokens};
use crate::extract::gloss::glossed_if;

/// Bytes kept of each context entry: its end, which is what the person had just read.
const ENTRY_BYTES: usize = 500;
/// Entries looked at, counted from the turn backwards.
const ENTRIES: usize = 4;

static OFFER: LazyLock<Regex> = LazyLock::new(|| {
    byte_regex(
        r"(?i)want me to|would you like|should i|shall i|say the word|let me know|if you|happy to",
    )
});
static CHOICE: LazyLock<Regex> = LazyLock::new(|| {
    byte_regex(
        r"(?i)which |prefer|option|your call|or would|either|what do you think|\bor\b[^?]*\?",
    )
});
static DONE: LazyLock<Regex> = LazyLock::new(|| {
    byte_regex(
        r"(?i)\b(done|fixed|committed|pushed|all tests|pass(es|ed)?|green|clean|updated|removed|added|created|complete|reverted|now )",
    )
});
static ADMITS: LazyLock<Regex> = LazyLock::new(|| {
    byte_regex(
        r"(?i)you'?re (absolutely )?right|good (catch|point)|my mistake|i (should have|missed|apolog)|sorry",
    )
});

/// What the rest of the features need to know about the context.
pub(super) struct ContextFacts {
    /// The turn follows an interruption.
    pub(super) interrupted: bool,
    /// The turn is the reason of a rejection, or follows one.
    pub(super) rejected: bool,
    /// The agent's last text asked the person to choose.
    pub(super) choice: bool,
    /// The agent's last text claimed something was done.
    pub(super) done: bool,
    /// The agent's last words were a question.
    pub(super) asked: bool,
}

/// Returns the end of what the agent said last; empty if that is not known.
pub(super) fn said(context: &[String]) -> &str {
    let from = context.len().saturating_sub(ENTRIES);
    let mut entries = context[from..].iter().rev().map(|entry| entry.trim());
    let said = entries.find(|entry| entry.starts_with("A: ") && !is_tool(entry));
    suffix(said.map_or("", |entry| &entry[3..]), ENTRY_BYTES)
}

fn is_tool(entry: &str) -> bool {
    entry.starts_with("A: [")
}

/// Pushes the context features of a turn of kind `kind` whose own words are `turn`; `foreign` if the talk
/// is in another language.
pub(super) fn push(
    kind: &str,
    context: &[String],
    turn: &[String],
    foreign: bool,
    sink: &mut Sink,
) -> ContextFacts {
    let from = context.len().saturating_sub(ENTRIES);
    let recent: Vec<&str> = context[from..].iter().map(|c| c.trim()).collect();
    let last = recent.last().copied().unwrap_or_default();
    let said = said(context);
    let read = glossed_if(foreign, said);
    let tail = suffix(&read, 300);

    let reason = kind.starts_with("reject");
    let facts = ContextFacts {
        interrupted: last.starts_with("USER INTERRUPTED"),
        rejected: reason || last.starts_with("TOOL REJECTED"),
        choice: CHOICE.is_match(tail.as_bytes()),
        done: DONE.is_match(read.as_bytes()),
        asked: tail.trim_end().ends_with('?'),
    };
    sink.flag("c_last_int", facts.interrupted);
    sink.flag("c_rejected", facts.rejected);
    sink.flag("c_reason", reason);
    sink.flag("c_last_tool", is_tool(last));
    sink.flag("c_last_user", last.starts_with("U: "));
    sink.flag("c_last_said", last.starts_with("A: ") && !is_tool(last));
    let count = |p: &str| recent.iter().filter(|c| c.starts_with(p)).count().min(2) as f32;
    sink.push("c_n_int", count("USER INTERRUPTED"));
    sink.push("c_n_rej", count("TOOL REJECTED"));
    sink.flag("c_tool_error", recent.iter().any(|c| c.starts_with("TOOL ERROR")));
    sink.push("c_tools", recent.iter().filter(|c| is_tool(c)).count() as f32 / 4.0);
    sink.flag("c_asked", facts.asked);
    sink.flag("c_offer", OFFER.is_match(tail.as_bytes()));
    sink.flag("c_choice", facts.choice);
    sink.flag("c_done", facts.done);
    sink.flag("c_admits", ADMITS.is_match(read.as_bytes()));
    sink.flag("c_silent", said.is_empty());
    sink.push("c_said_len", (said.len() as f32).ln_1p() / 6.0);
    push_overlap(&read, &recent, turn, foreign, sink);
    facts
}

/// Pushes how much the turn repeats: the agent's words, a literal run of them, an earlier turn.
fn push_overlap(said: &str, recent: &[&str], turn: &[String], foreign: bool, sink: &mut Sink) {
    let read = |text: &str| tokens(&glossed_if(foreign, text));
    let content = |words: &[String]| -> HashSet<String> {
        words.iter().filter(|w| w.len() > 3 && !w.starts_with('<')).cloned().collect()
    };
    let own = content(turn);
    let base = own.len().max(4) as f32;
    let shared = own.intersection(&content(&tokens(said))).count() as f32;
    sink.push("c_overlap", shared / base);
    sink.push("c_overlap_n", shared.ln_1p());

    let mut runs: HashSet<[String; 4]> = HashSet::new();
    let mut earlier: HashSet<String> = HashSet::new();
    for entry in recent {
        if let Some(said) = entry.strip_prefix("A: ") {
            let words = read(suffix(said, ENTRY_BYTES));
            runs.extend(words.windows(4).map(four));
        } else if let Some(asked) = entry.strip_prefix("U: ") {
            earlier.extend(content(&read(prefix(asked, ENTRY_BYTES))));
        }
    }
    let quoted = turn.windows(4).filter(|w| runs.contains(&four(w))).count() as f32;
    sink.push("c_quotes", quoted.ln_1p());
    sink.push("c_repeats", own.intersection(&earlier).count() as f32 / base);
}

fn four(words: &[String]) -> [String; 4] {
    std::array::from_fn(|i| words[i].clone())
}
