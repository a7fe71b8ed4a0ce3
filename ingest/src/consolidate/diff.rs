//! What has to change, as actions.
//!
//! Owns the comparison of a lesson as it stands with the lesson as it shall stand. Must not decide
//! anything about content.

use cemem_core::plan::Change;
use cemem_core::store::{CandidateState, StoredCandidate};
use cemem_core::{Action, CandidateKey, Lesson, LessonStatus, Plan, Timestamp};

use rayon::prelude::*;

use super::Kept;
use crate::gone;

/// Returns the plan: what is new, what changes, what is set aside; nothing that is already so.
pub(crate) fn plan(
    kept: Vec<Kept<'_>>,
    leftovers: Vec<(&Lesson, Lesson)>,
    drops: Vec<(&StoredCandidate, &str)>,
    now: Timestamp,
) -> Plan {
    let mut creates = Vec::new();
    let mut updates = Vec::new();
    let changes: Vec<Action> =
        kept.into_par_iter().filter_map(|cluster| action(cluster, now)).collect();
    for change in changes {
        let is_new = matches!(change, Action::Create { .. });
        if is_new { creates.push(change) } else { updates.push(change) }
    }
    for (before, mut after) in leftovers {
        let change = match &after.superseded_by {
            Some(id) if after.status == LessonStatus::Superseded => Change::Supersede(id.clone()),
            _ => Change::Revise(unsupported(before).to_owned()),
        };
        if *before != after {
            after.updated = now;
            updates.push(Action::Update {
                lesson: Box::new(after),
                candidates: Vec::new(),
                change,
            });
        }
    }
    let mut set_aside: Vec<(&CandidateKey, &str)> = drops
        .into_iter()
        .filter(|(stored, reason)| !matches!(&stored.state, CandidateState::Dropped(old) if old == reason))
        .map(|(stored, reason)| (&stored.candidate.key, reason))
        .collect();
    set_aside.sort_unstable();
    let drops = set_aside
        .into_iter()
        .map(|(key, reason)| Action::Drop { candidate: key.clone(), reason: reason.to_owned() });
    let actions = creates.into_iter().chain(updates).chain(drops).collect();
    Plan { actions }
}

/// Returns what has to be done for the lesson of a cluster.
fn action(cluster: Kept<'_>, now: Timestamp) -> Option<Action> {
    let candidates = newly_absorbed(&cluster);
    match cluster.before {
        None => Some(Action::Create { lesson: Box::new(cluster.lesson), candidates }),
        Some(before) => update(before, cluster, candidates, now),
    }
}

/// Returns why a lesson is left without support, in the words of the log.
fn unsupported(lesson: &Lesson) -> &'static str {
    if lesson.evidence.iter().all(|e| gone::is_document(&e.engine)) {
        "its document is gone or says something else"
    } else {
        "nothing supports it any more"
    }
}

fn newly_absorbed(cluster: &Kept<'_>) -> Vec<CandidateKey> {
    let mut keys: Vec<CandidateKey> = cluster
        .members
        .iter()
        .filter(|m| match &m.state {
            CandidateState::Absorbed(id) => {
                *id != cluster.lesson.id && !cluster.stands_for.contains(&id)
            }
            _ => true,
        })
        .map(|m| m.candidate.key.clone())
        .collect();
    keys.sort();
    keys
}

fn update(
    before: &Lesson,
    cluster: Kept<'_>,
    candidates: Vec<CandidateKey>,
    now: Timestamp,
) -> Option<Action> {
    let mut lesson = cluster.lesson;
    let same = { lesson.updated == before.updated && lesson == *before };
    if same && candidates.is_empty() {
        return None;
    }
    if !same {
        lesson.updated = now;
    }
    let change = change(before, &lesson, &cluster.merged);
    Some(Action::Update { lesson: Box::new(lesson), candidates, change })
}

fn change(before: &Lesson, after: &Lesson, merged: &[cemem_core::LessonId]) -> Change {
    if let Some(id) = merged.first() {
        return Change::Merge(id.clone());
    }
    if after.status == LessonStatus::Superseded
        && before.status != after.status
        && let Some(id) = &after.superseded_by
    {
        return Change::Supersede(id.clone());
    }
    if let Some(id) = after.contradicts.iter().find(|id| !before.contradicts.contains(id)) {
        return Change::Contradict(id.clone());
    }
    if after.evidence.len() > before.evidence.len() || after.support > before.support {
        return Change::Reinforce;
    }
    let what = if before.status != after.status {
        format!("now {}", after.status)
    } else if before.rule != after.rule {
        "clearer wording".to_owned()
    } else {
        "evidence worked out anew".to_owned()
    };
    Change::Revise(what)
}
