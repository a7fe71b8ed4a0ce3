//! What nobody has decided about since a moment.
//!
//! Owns the meaning of "undecided": which lessons and findings still wait, and what settles them. Must
//! not read git or print.

use std::collections::{BTreeMap, HashMap, HashSet};

use cemem_core::lesson::{Lesson, LessonStatus};
use cemem_core::store::{
    CandidateFilter, CandidateState, LessonFilter, SessionRef, Settlement, Store, StoredCandidate,
};
use cemem_core::{
    AuthorKind, Candidate, EventKind, Finding, FindingStatus, LessonId, Severity, Signal, Timestamp,
};
use serde::Serialize;

use crate::command_error::CommandError;

/// A finding of a linter below this is its own business; one of a reviewer never is.
const GRAVE: Severity = Severity::High;

/// From this probability words that correct nobody are more likely a lasting rule than a task.
const LASTING: f32 = 0.5;

/// What waits, and what became of the rest.
#[derive(Debug, Default)]
pub(super) struct Undecided {
    /// Lessons that wait for a decision, oldest evidence first.
    pub(super) lessons: Vec<Lesson>,
    /// Findings that are still open.
    pub(super) findings: Vec<OpenFinding>,
    /// When the last of it was said.
    latest: Option<Timestamp>,
    /// What was decided, or needed no decision.
    pub(super) done: Done,
}

impl Undecided {
    /// Returns whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lessons.is_empty() && self.findings.is_empty()
    }
}

/// How much is done, of what has evidence since the base.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Done {
    /// Delivered without anybody's decision: said clearly or often enough.
    pub(super) learned: usize,
    /// Accepted, edited or remembered.
    pub(super) accepted: usize,
    /// Rejected or retired.
    pub(super) rejected: usize,
    /// Merged into others or replaced by them.
    pub(super) merged: usize,
    /// Put off.
    pub(super) snoozed: usize,
    /// Waiting in review without holding the work: more likely tasks than rules.
    pub(super) doubtful: usize,
    /// Declared to hold nothing to learn, findings included.
    pub(super) settled: usize,
    /// In quarantine: no words of the people who work here.
    pub(super) quarantined: usize,
}

/// A finding that a report still holds open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct OpenFinding {
    /// The same for the same flaw in other reports.
    pub(super) fingerprint: String,
    /// Who found it.
    pub(super) tool: String,
    /// Its rule, if it names one.
    pub(super) rule_id: Option<String>,
    /// How bad.
    pub(super) severity: Severity,
    /// Where.
    pub(super) path: Option<String>,
    /// First line.
    pub(super) line: Option<u64>,
    /// What is wrong.
    pub(super) message: String,
}

/// Returns what has evidence later than `since` (all, if there is no such moment) and was not decided.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn look(
    store: &Store,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Result<Undecided, CommandError> {
    let settlements = store.settlements()?;
    let lessons = store.lessons(&LessonFilter::default())?;
    let candidates = store.candidates(CandidateFilter::Live)?;
    let doubtful = doubtful(&candidates);
    let mut found = Undecided::default();
    for lesson in &lessons {
        let last = last_said(lesson);
        if since.is_some_and(|since| last <= since) {
            continue;
        }
        let is_settled =
            settlements.iter().any(|s| s.covers.contains(&lesson.id) && s.reaches(last));
        let done = &mut found.done;
        match lesson.status {
            LessonStatus::Quarantined => done.quarantined += 1,
            LessonStatus::Candidate if lesson.is_snoozed(now) => done.snoozed += 1,
            LessonStatus::Candidate if is_settled => done.settled += 1,
            LessonStatus::Candidate if doubtful.contains(&lesson.id) => done.doubtful += 1,
            LessonStatus::Candidate => {
                found.latest = found.latest.max(Some(last));
                found.lessons.push(lesson.clone());
            }
            LessonStatus::Active | LessonStatus::Stale if lesson.reviewed => done.accepted += 1,
            LessonStatus::Active | LessonStatus::Stale => done.learned += 1,
            LessonStatus::Superseded => done.merged += 1,
            LessonStatus::Retired if lesson.reviewed => done.rejected += 1,
            // Nothing supports it any more.
            LessonStatus::Retired => {}
        }
    }
    found.lessons.sort_by_key(|l| (last_said(l), l.id.clone()));
    findings(store, candidates, since, &settlements, &mut found)?;
    Ok(found)
}

/// Returns the lessons behind which there is only talk that may be no rule: nobody was corrected, nothing was
/// decided, repaired or found, and no rule was stated that is likely to last. A task that only sounds like a
/// rule holds no work up; a lesson that came as one, from a file or another memory, is no such talk.
fn doubtful(candidates: &[StoredCandidate]) -> HashSet<LessonId> {
    let tells = |candidate: &Candidate| {
        let is_remark =
            matches!(candidate.signal, Signal::Correction | Signal::Steering | Signal::StatedRule);
        !is_remark || candidate.correction >= LASTING || candidate.durable >= LASTING
    };
    let of = |wanted: bool| -> HashSet<LessonId> {
        let wanted = candidates.iter().filter(|stored| tells(&stored.candidate) == wanted);
        let absorbed = wanted.filter_map(|stored| match &stored.state {
            CandidateState::Absorbed(id) => Some(id.clone()),
            _ => None,
        });
        absorbed.collect()
    };
    let telling = of(true);
    of(false).into_iter().filter(|id| !telling.contains(id)).collect()
}

/// Returns when it was said last; where nobody dated it, when it came in.
fn last_said(lesson: &Lesson) -> Timestamp {
    lesson.evidence.iter().filter_map(|e| e.turn_ts).max().unwrap_or(lesson.created)
}

/// Adds the findings that are still open and became no lesson.
fn findings(
    store: &Store,
    candidates: Vec<StoredCandidate>,
    since: Option<Timestamp>,
    settlements: &[Settlement],
    found: &mut Undecided,
) -> Result<(), CommandError> {
    let is_set_aside = |c: &StoredCandidate| !matches!(c.state, CandidateState::Absorbed(_));
    let mut reports: BTreeMap<SessionRef, Vec<Candidate>> = BTreeMap::new();
    for stored in candidates {
        let dated = stored.candidate.evidence.iter().filter_map(|e| e.turn_ts).max();
        let is_new = since.is_none_or(|since| dated.is_none_or(|ts| ts > since));
        if stored.candidate.signal == Signal::Finding && is_new && is_set_aside(&stored) {
            reports.entry(stored.session).or_default().push(stored.candidate);
        }
    }
    let mut seen = HashSet::new();
    for (report, candidates) in reports {
        let standing = standing(store, &report)?;
        for candidate in candidates {
            let first = &candidate.evidence[0];
            let Some(finding) = standing.get(&first.event_uuid) else { continue };
            if !is_open(finding) || !seen.insert(finding.fingerprint.clone()) {
                continue;
            }
            let settles = |s: &Settlement| {
                s.findings.contains(&finding.fingerprint)
                    && first.turn_ts.is_none_or(|ts| s.reaches(ts))
            };
            if settlements.iter().any(settles) {
                found.done.settled += 1;
            } else {
                found.latest = found.latest.max(first.turn_ts);
                found.findings.push(told(finding));
            }
        }
    }
    found.findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| (&a.path, a.line).cmp(&(&b.path, b.line)))
    });
    Ok(())
}

/// Returns how each finding of a report stands, by row: a change of status is a later event.
fn standing(store: &Store, report: &SessionRef) -> Result<HashMap<String, Finding>, CommandError> {
    let mut last = HashMap::new();
    for stored in store.session_events(report)? {
        if let EventKind::Finding(finding) = stored.event.kind {
            last.insert(stored.event.row_id, *finding);
        }
    }
    Ok(last)
}

fn is_open(finding: &Finding) -> bool {
    finding.status == FindingStatus::Open
        && (finding.author_kind != AuthorKind::Analyzer || finding.severity >= GRAVE)
}

fn told(finding: &Finding) -> OpenFinding {
    OpenFinding {
        fingerprint: finding.fingerprint.clone(),
        tool: finding.tool.clone(),
        rule_id: finding.rule_id.clone(),
        severity: finding.severity,
        path: finding.path.clone(),
        line: finding.line_start,
        message: finding.title.clone().unwrap_or_else(|| finding.message.clone()),
    }
}

/// Returns a declaration that all of this holds nothing to learn.
pub(super) fn settlement(
    undecided: &Undecided,
    why: String,
    head: String,
    now: Timestamp,
) -> Settlement {
    let covers: Vec<LessonId> = undecided.lessons.iter().map(|l| l.id.clone()).collect();
    let findings = undecided.findings.iter().map(|f| f.fingerprint.clone()).collect();
    let through = undecided.latest.filter(|latest| *latest > now);
    Settlement { ts: now, actor: "user".into(), head, why, covers, findings, through }
}
