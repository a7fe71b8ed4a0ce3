//! What went wrong before.
//!
//! Owns [`Hazard`] and how often each came up: delivered lessons, and what [`super::groups`] makes of
//! candidates. Pure: takes what the store holds and returns data. What only a tool printed, and what a
//! person took out, is not known here.

use std::collections::{BTreeSet, HashSet};

use cemem_core::store::{Span, StoredCandidate};
use cemem_core::{Evidence, Lesson, LessonId, LessonType, Outcome, Trust, Verdict};

use super::change::mentioned;
use super::groups::groups;
use crate::text::markdown::lines;

/// Most paths kept of one hazard.
const MAX_PATHS: usize = 40;

/// Where a hazard comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A lesson that recall shows too.
    Lesson(LessonType),
    /// A rule of an analyzer, or one finding that was repeated.
    Finding,
    /// A check that failed and was fixed.
    Fix,
}

impl Source {
    /// Returns the stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lesson(kind) => kind.as_str(),
            Self::Finding => "finding",
            Self::Fix => "fail_fix",
        }
    }
}

/// Something that went wrong before.
#[derive(Debug, Clone, PartialEq)]
pub struct Hazard {
    /// What it is called: a lesson's id, `ruff UP032`, a finding's fingerprint. Never a sentence.
    pub key: String,
    /// Where it comes from.
    pub source: Source,
    /// The lesson that says it, if there is one.
    pub lesson: Option<LessonId>,
    /// What went wrong, or what to do instead, in one line; without a delivered lesson only where it was.
    pub title: String,
    /// Where: files, folders, patterns.
    pub paths: Vec<String>,
    /// What is compared with a change, where no index knows it.
    pub text: String,
    /// How it was fixed last time.
    pub fix: Option<String>,
    /// Each time it came up, oldest first; one row a session. Without a delivered lesson no words.
    pub past: Vec<Evidence>,
    /// Sessions (or reports) since the first time.
    pub chances: usize,
    /// The most trusted word for it.
    pub trust: Trust,
}

impl Hazard {
    /// Returns how often it came up again after the first time.
    #[must_use]
    pub fn again(&self) -> usize {
        self.past.len().saturating_sub(1)
    }
}

/// What the store holds, as far as hazards are made of it.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// All lessons.
    pub lessons: &'a [Lesson],
    /// Candidates that are still found.
    pub candidates: &'a [&'a StoredCandidate],
    /// Verdicts.
    pub outcomes: &'a [Outcome],
    /// Sessions.
    pub spans: &'a [Span],
}

/// Returns every hazard, lessons first, each kind by key.
#[must_use]
pub fn hazards(record: Record<'_>) -> Vec<Hazard> {
    let groups = groups(record);
    // A lesson that says nothing but one group does is that group; what a person decided stands alone.
    let told: HashSet<&LessonId> = groups.iter().filter_map(|g| g.lesson.as_ref()).collect();
    let lessons = record.lessons.iter().filter(|l| l.status.is_recallable());
    let mut all: Vec<Hazard> =
        lessons.filter(|l| !told.contains(&l.id)).map(|l| lesson(record, l)).collect();
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all.extend(groups);
    all
}

/// Adds a row unless its session is there already; keeps the earliest of a session.
pub(super) fn add(past: &mut Vec<Evidence>, row: &Evidence) {
    let same = |known: &&mut Evidence| {
        (&known.engine, &known.session) == (&row.engine, &row.session)
            && (!row.session.is_empty() || known.source_path == row.source_path)
    };
    match past.iter_mut().find(same) {
        Some(known) if row.turn_ts.is_some() && row.turn_ts < known.turn_ts => {
            *known = row.clone();
        }
        Some(_) => {}
        None => past.push(row.clone()),
    }
}

pub(super) fn sorted(mut past: Vec<Evidence>) -> Vec<Evidence> {
    past.sort_by(|a, b| {
        (a.turn_ts, &a.engine, &a.session).cmp(&(b.turn_ts, &b.engine, &b.session))
    });
    past
}

/// Returns how many of these sessions are later than the first time; where no time is known, all others.
pub(super) fn chances<'a>(past: &[Evidence], spans: impl Iterator<Item = &'a Span>) -> usize {
    let first = past.iter().find_map(|row| row.turn_ts);
    let is_first = |span: &Span| {
        past.first().is_some_and(|row| {
            (&row.engine, &row.session) == (&span.session.engine, &span.session.id)
        })
    };
    let later = |span: &&Span| match (first, span.started.or(span.ended)) {
        (Some(first), Some(at)) => at > first,
        _ => true,
    };
    let later = spans.filter(|span| !is_first(span)).filter(later).count();
    later.max(past.len().saturating_sub(1))
}

fn lesson(record: Record<'_>, lesson: &Lesson) -> Hazard {
    let mut past = Vec::new();
    lesson.evidence.iter().for_each(|row| add(&mut past, row));
    let again = |o: &&Outcome| {
        o.lesson == lesson.id && matches!(o.verdict, Verdict::Violated | Verdict::Recurred)
    };
    for outcome in record.outcomes.iter().filter(again) {
        let Some(session) = &outcome.session else { continue };
        let row = Evidence {
            engine: session.engine.clone(),
            session: session.id.clone(),
            source_path: String::new(),
            event_uuid: String::new(),
            event_key: outcome.event_key.clone(),
            turn_ts: Some(outcome.ts),
            actor: outcome.verdict.to_string(),
            quote: outcome.note.clone(),
        };
        add(&mut past, &row);
    }
    let past = sorted(past);
    let body = lesson.body.as_deref().unwrap_or_default();
    let paths = lesson.applies_when.paths.iter().cloned();
    let anchors = lesson.anchors.iter().map(|anchor| anchor.path.clone());
    Hazard {
        key: lesson.id.to_string(),
        source: Source::Lesson(lesson.lesson_type),
        lesson: Some(lesson.id.clone()),
        title: title(lesson),
        paths: distinct(paths.chain(anchors).chain(mentioned(body))),
        text: String::new(),
        fix: fix_in(body),
        chances: chances(&past, record.spans.iter().filter(|span| span.prompted)),
        past,
        trust: lesson.trust,
    }
}

pub(super) fn distinct(paths: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let paths = paths.map(|path| path.replace('\\', "/").trim_matches('/').to_owned());
    let paths = paths.map(|path| path.trim_start_matches("./").to_owned());
    paths.filter(|path| !path.is_empty() && seen.insert(path.clone())).take(MAX_PATHS).collect()
}

/// Returns the one line that tells a lesson.
pub(super) fn title(lesson: &Lesson) -> String {
    if lesson.rule.is_empty() { &lesson.title } else { &lesson.rule }.clone()
}

/// Returns the part of a document that tells the way out: what stands under such a heading.
pub(super) fn fix_in(body: &str) -> Option<String> {
    const HEADINGS: [&str; 6] =
        ["solution", "fix", "resolution", "fixed", "workaround", "prevention"];
    let is_way_out = |words: &str| {
        let words = words.to_lowercase();
        words.split(|c: char| !c.is_alphanumeric()).any(|word| HEADINGS.contains(&word))
    };
    let mut level = 0;
    let mut out = String::new();
    for line in lines(body) {
        match line.heading {
            Some(heading) if level == 0 => {
                level = if is_way_out(heading.words) { heading.level } else { 0 };
            }
            Some(heading) if heading.level <= level => break,
            _ if level > 0 => out.push_str(line.text),
            _ => {}
        }
    }
    // What a fix of a failed check holds has no headings: `Fixed by:` and the edits.
    let told = body.split_once("Fixed by:\n").map(|(_, edits)| edits.trim());
    let out = out.trim();
    (!out.is_empty()).then_some(out).or(told).map(str::to_owned)
}
