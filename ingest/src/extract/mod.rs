//! Signals in a session's events, as candidates with evidence.
//!
//! | module | owns |
//! |---|---|
//! | [`classify`] | how likely a turn's words are a correction, and durable |
//! | [`judge`] | the seam between finding a turn and judging it |
//! | `human` | what a person said |
//! | `answer` | whether a "no" answers or forbids |
//! | `decision` | answered questions, approved plans |
//! | `fail_fix` | a check failed, was fixed, passed |
//! | `rework` | a person changed the agent's work |
//! | `record` | whether a decision is in force |
//! | [`document`] | documents that already state a lesson |
//! | `finding` | review findings |
//! | `commit` | commits taken back or repaired, with the reason |
//! | `reported` | what was reported by writing a file |
//! | `stated` | rules in files agents read |
//! | `outcome` | what became of the lessons a session was shown |
//! | `untrusted` | rules planted in text no person typed |
//! | [`injection`] | what such text looks like |
//! | [`signs`] | a live command or failure, as lessons name it |
//! | `command`, `scope` | command families; where a rule applies |
//! | [`whole`] | pieces of sentences, and the sentences they are of |
//! | [`wording`] | clean rules, titles, exact quotes |
//! | `view` | a session's events with their joins |
//!
//! Everything here is pure: the same events give the same candidates. Must not decide what becomes
//! a lesson: it finds, the pass judges.

use cemem_core::store::{SessionRef, StoredEvent};
use cemem_core::{Candidate, EventKind, Trust};
pub(crate) use finding::{Sieve, Sieves};

pub(crate) mod answer;
pub mod classify;
mod command;
mod commit;
mod decision;
pub mod document;
pub(crate) mod fail_fix;
mod finding;
pub(crate) mod gloss;
mod human;
pub mod injection;
pub mod judge;
pub(crate) mod outcome;
mod record;
mod reported;
mod rework;
mod scope;
pub mod signs;
mod stated;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod untrusted;
mod view;
pub mod whole;
pub mod wording;

use judge::Judge;
use view::View;

use crate::distill;

/// A candidate and the index of the event it was found at.
struct Found {
    idx: usize,
    candidate: Candidate,
}

/// Returns the candidates of one session, in event order, judged by the shipped classifier; pure and
/// deterministic.
#[must_use]
pub fn extract_session(session: &SessionRef, events: &[StoredEvent]) -> Vec<Candidate> {
    extract_with(session, events, classify::Classifier::shipped())
}

/// Returns the candidates of one session, in event order, judged by `judge`.
#[must_use]
pub fn extract_with(
    session: &SessionRef,
    events: &[StoredEvent],
    judge: &dyn Judge,
) -> Vec<Candidate> {
    if is_distillers(events) {
        return Vec::new();
    }
    let view = View::new(session, events);
    let mut found = human::find(&view, judge);
    found.extend(decision::find(&view));
    found.extend(fail_fix::find(&view));
    found.extend(rework::find(&view));
    found.extend(document::find(&view));
    found.extend(finding::find(&view, judge));
    found.extend(commit::find(&view));
    found.extend(reported::find(&view));
    found.extend(stated::find(&view));
    found.extend(untrusted::find(&view));
    // Stable, so that signals of one event keep the order above.
    found.sort_by_key(|f| f.idx);
    let mut candidates: Vec<Candidate> = found.into_iter().map(|f| f.candidate).collect();
    for candidate in candidates.iter_mut().filter(|c| c.is_reported()) {
        candidate.trust = candidate.trust.min(Trust::Agent);
    }
    candidates
}

/// Whether the session was a distiller's: its first prompt is a request of ours, and what follows is
/// what a model made of lessons that are known already.
fn is_distillers(events: &[StoredEvent]) -> bool {
    let prompt = events.iter().find_map(|stored| match &stored.event.kind {
        EventKind::UserPrompt { text, .. } => Some(text),
        _ => None,
    });
    prompt.is_some_and(|text| distill::is_request(text))
}

/// Returns whether a tool changes files.
fn is_edit(tool: &str) -> bool {
    let name = tool.rsplit("__").next().unwrap_or(tool).to_ascii_lowercase();
    matches!(
        name.as_str(),
        "edit"
            | "write"
            | "multiedit"
            | "notebookedit"
            | "apply_patch"
            | "str_replace"
            | "str_replace_editor"
            | "create_file"
            | "write_file"
            | "replace"
            | "search_replace"
            | "edit_file"
            | "write_to_file"
            | "replace_in_file"
            | "insert_edit_into_file"
            | "patch"
    )
}
