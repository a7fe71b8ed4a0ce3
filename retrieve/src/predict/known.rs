//! What went wrong before.
//!
//! Owns [`Hazard`] and how often each came up: delivered lessons, findings that reviewers and analyzers
//! repeat, and checks that failed and were fixed. Pure: takes what the store holds and returns data. What
//! only a tool printed, and what a person took out, is not known here.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cemem_core::store::{CandidateState, Span, StoredCandidate};
use cemem_core::{
    Candidate, Evidence, Lesson, LessonId, LessonStatus, LessonType, Outcome, Signal, Timestamp,
    Trust, Verdict,
};

use super::change::mentioned;

/// Most paths kept of one hazard.
const MAX_PATHS: usize = 40;
/// Longest text that is compared with a change, in bytes.
const MAX_TEXT: usize = 4_000;

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
    /// What it is called: a lesson's id, `ruff UP032`, a finding's fingerprint.
    pub key: String,
    /// Where it comes from.
    pub source: Source,
    /// The lesson that says it, if there is one.
    pub lesson: Option<LessonId>,
    /// What went wrong, or what to do instead, in one line.
    pub title: String,
    /// Where: files, folders, patterns.
    pub paths: Vec<String>,
    /// What is compared with a change, where no index knows it.
    pub text: String,
    /// How it was fixed last time.
    pub fix: Option<String>,
    /// Each time it came up, oldest first; one row a session.
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
    // A lesson that says nothing but one group does is that group.
    let told: HashSet<&LessonId> = groups.iter().filter_map(|g| g.lesson.as_ref()).collect();
    let lessons = record.lessons.iter().filter(|l| l.status.is_recallable());
    let mut all: Vec<Hazard> =
        lessons.filter(|l| !told.contains(&l.id)).map(|l| lesson(record, l)).collect();
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all.extend(groups);
    all
}

/// Adds a row unless its session is there already; keeps the earliest of a session.
fn add(past: &mut Vec<Evidence>, row: &Evidence) {
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

fn sorted(mut past: Vec<Evidence>) -> Vec<Evidence> {
    past.sort_by(|a, b| {
        (a.turn_ts, &a.engine, &a.session).cmp(&(b.turn_ts, &b.engine, &b.session))
    });
    past
}

/// Returns how many of these sessions are later than the first time; where no time is known, all others.
fn chances<'a>(past: &[Evidence], spans: impl Iterator<Item = &'a Span>) -> usize {
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
        title: if lesson.rule.is_empty() { &lesson.title } else { &lesson.rule }.clone(),
        paths: distinct(paths.chain(anchors).chain(mentioned(body))),
        text: String::new(),
        fix: fix_in(body),
        chances: chances(&past, record.spans.iter().filter(|span| span.prompted)),
        past,
        trust: lesson.trust,
    }
}

fn distinct(paths: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let paths = paths.map(|path| path.replace('\\', "/").trim_matches('/').to_owned());
    let paths = paths.map(|path| path.trim_start_matches("./").to_owned());
    paths.filter(|path| !path.is_empty() && seen.insert(path.clone())).take(MAX_PATHS).collect()
}

/// Returns the part of a document that tells the way out: what stands under such a heading.
fn fix_in(body: &str) -> Option<String> {
    const HEADINGS: [&str; 6] =
        ["solution", "fix", "resolution", "fixed", "workaround", "prevention"];
    let mut level = 0;
    let mut out = String::new();
    for line in body.lines() {
        let depth = line.bytes().take_while(|b| *b == b'#').count();
        let is_heading = depth > 0 && line[depth..].starts_with(' ');
        if is_heading && level == 0 {
            let words = line[depth..].to_lowercase();
            let mut words = words.split(|c: char| !c.is_alphanumeric());
            if words.any(|word| HEADINGS.contains(&word)) {
                level = depth;
            }
        } else if is_heading && depth <= level {
            break;
        } else if level > 0 {
            out.push_str(line);
            out.push('\n');
        }
    }
    // What a fix of a failed check holds has no headings: `Fixed by:` and the edits.
    let told = body.split_once("Fixed by:\n").map(|(_, edits)| edits.trim());
    let out = out.trim();
    (!out.is_empty()).then_some(out).or(told).map(str::to_owned)
}

/// Returns what makes two candidates the same thing going wrong, and its name for people.
fn group_of(candidate: &Candidate) -> Option<(Source, String)> {
    match candidate.signal {
        Signal::FailFix => Some((Source::Fix, candidate.title.clone())),
        Signal::Finding => {
            let finding = &candidate.extra["finding"];
            let tool = finding["tool"].as_str().unwrap_or_default();
            let rule = finding["rule_id"].as_str().filter(|rule| !rule.is_empty());
            let key = match rule {
                Some(rule) => format!("{tool} {rule}"),
                None => finding["fingerprint"].as_str()?.to_owned(),
            };
            Some((Source::Finding, key.trim().to_owned()))
        }
        _ => None,
    }
}

/// Returns what a candidate would be called as a hazard, and whether it is a fixed failure.
#[must_use]
pub fn name_of(candidate: &Candidate) -> Option<(bool, String)> {
    group_of(candidate).map(|(source, key)| (source == Source::Fix, key))
}

fn groups(record: Record<'_>) -> Vec<Hazard> {
    let lessons: HashMap<&LessonId, &Lesson> = record.lessons.iter().map(|l| (&l.id, l)).collect();
    let taken_out = |state: &CandidateState| match state {
        CandidateState::Absorbed(id) => lessons.get(id).is_some_and(|l| {
            !matches!(
                l.status,
                LessonStatus::Active | LessonStatus::Stale | LessonStatus::Candidate
            )
        }),
        CandidateState::Gone => true,
        _ => false,
    };
    let mut groups: BTreeMap<(bool, String), Vec<&StoredCandidate>> = BTreeMap::new();
    let mut rests: HashMap<&LessonId, BTreeSet<Option<(bool, String)>>> = HashMap::new();
    for &stored in record.candidates {
        let group = name_of(&stored.candidate);
        if let CandidateState::Absorbed(id) = &stored.state {
            rests.entry(id).or_default().insert(group.clone());
        }
        let Some(group) = group else { continue };
        if stored.candidate.trust > Trust::ToolOutput && !taken_out(&stored.state) {
            groups.entry(group).or_default().push(stored);
        }
    }
    let groups = groups.into_iter().filter(|(_, members)| is_worth(members));
    groups
        .map(|(key, members)| {
            let only = |id: &&LessonId| rests[id].len() == 1 && lessons[id].status.is_recallable();
            let mut ids = members.iter().filter_map(|m| absorbed_by(m));
            let lesson = ids.find(|id| lessons.contains_key(id) && only(id)).cloned();
            group(record, key, &members, lesson)
        })
        .collect()
}

fn absorbed_by(stored: &StoredCandidate) -> Option<&LessonId> {
    match &stored.state {
        CandidateState::Absorbed(id) => Some(id),
        _ => None,
    }
}

/// One finding without a rule's name is its own business until it is repeated, unless a person made it.
fn is_worth(members: &[&StoredCandidate]) -> bool {
    let sessions: BTreeSet<_> = members.iter().map(|m| &m.session).collect();
    sessions.len() > 1
        || members.iter().any(|m| {
            let c = &m.candidate;
            c.signal == Signal::FailFix
                || c.trust >= Trust::HumanReview
                || c.extra["finding"]["rule_id"].is_string()
        })
}

fn group(
    record: Record<'_>,
    (is_fix, key): (bool, String),
    members: &[&StoredCandidate],
    lesson: Option<LessonId>,
) -> Hazard {
    let mut members = members.to_vec();
    members.sort_by_key(|m| (at(m), &m.candidate.key));
    let mut past = Vec::new();
    for row in members.iter().filter_map(|m| m.candidate.evidence.first()) {
        add(&mut past, row);
    }
    let past = sorted(past);
    let engines: BTreeSet<&str> = members.iter().map(|m| m.session.engine.as_str()).collect();
    let counts = |span: &&Span| match is_fix {
        true => span.prompted,
        false => engines.contains(span.session.engine.as_str()),
    };
    let last = members.last().map(|m| &m.candidate);
    let fixes = members.iter().rev().map(|m| &m.candidate);
    let mut text = String::new();
    for m in members.iter().rev() {
        if text.len() > MAX_TEXT {
            break;
        }
        let quotes = m.candidate.evidence.iter().map(|row| row.quote.as_str());
        for part in [m.candidate.rule.as_str()].into_iter().chain(quotes) {
            text.push_str(part);
            text.push('\n');
        }
    }
    Hazard {
        source: if is_fix { Source::Fix } else { Source::Finding },
        lesson,
        title: last.map(|c| c.rule.clone()).unwrap_or_default(),
        paths: distinct(members.iter().flat_map(|m| m.candidate.applies_when.paths.clone())),
        text,
        fix: fixes.filter_map(fixed).next(),
        chances: chances(&past, record.spans.iter().filter(counts)),
        past,
        trust: members.iter().map(|m| m.candidate.trust).max().unwrap_or(Trust::ToolOutput),
        key,
    }
}

fn at(stored: &StoredCandidate) -> Option<Timestamp> {
    stored.candidate.evidence.first().and_then(|row| row.turn_ts)
}

/// Returns how a finding or a failure was fixed, as far as the candidate tells.
fn fixed(candidate: &Candidate) -> Option<String> {
    let body = candidate.body.as_deref().map(str::trim).filter(|body| !body.is_empty());
    if let Some(body) = body {
        return Some(fix_in(body).unwrap_or_else(|| body.to_owned()));
    }
    let commit = candidate.extra["finding"]["fixed_by"].as_array()?.last()?.as_str()?;
    Some(format!("in commit {}", commit.chars().take(12).collect::<String>()))
}
