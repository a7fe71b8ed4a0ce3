//! Findings and failures that came up before, each kind of them one hazard.
//!
//! Owns which candidates are the same thing going wrong, and what may be told of it: a name, places and
//! counts. Words come from the delivered lesson that a group is, and from nowhere else: what waits for a
//! person, was set aside or came through a folder for events is not told to agents by this way.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cemem_core::candidate::checked_rule;
use cemem_core::id::digest;
use cemem_core::store::{CandidateState, Span, StoredCandidate};
use cemem_core::{Candidate, Evidence, Lesson, LessonId, LessonStatus, Signal, Timestamp, Trust};

use super::change::is_path;
use super::known::{Hazard, Record, Source, add, chances, distinct, fix_in, sorted, title};

/// Longest text that is compared with a change, in bytes.
const MAX_TEXT: usize = 4_000;
/// Longest name that is told, in bytes.
const MAX_NAME: usize = 120;
/// Digits that stand for a name that is not told.
const DIGITS: usize = 8;

/// What makes two candidates the same thing going wrong: whether it is a fixed failure, and its name.
type Name = (bool, String);

/// Returns what a candidate would be called as a hazard, and whether it is a fixed failure. No name is a
/// sentence: one that a report or a tool made up is told by its digest.
#[must_use]
pub fn name_of(candidate: &Candidate) -> Option<Name> {
    match candidate.signal {
        Signal::FailFix => {
            let title = &candidate.title;
            if checked_rule(title).is_some_and(|code| is_name(code, "")) {
                return Some((true, title.clone()));
            }
            let family = candidate.applies_when.commands.first().map_or("check", String::as_str);
            Some((true, format!("{family} {}", &digest([title])[..DIGITS])))
        }
        Signal::Finding => {
            let finding = &candidate.extra["finding"];
            let tool = finding["tool"].as_str().unwrap_or_default();
            let rule = finding["rule_id"].as_str().filter(|rule| !rule.is_empty());
            let name = match rule {
                Some(rule) if is_name(tool, " ") && is_name(rule, "") => format!("{tool} {rule}"),
                Some(rule) => format!("rule {}", &digest([tool, rule])[..DIGITS]),
                None => finding["fingerprint"].as_str().filter(|f| is_name(f, ""))?.to_owned(),
            };
            Some((false, name.trim().to_owned()))
        }
        _ => None,
    }
}

/// Whether a text is a name as programs give them.
fn is_name(text: &str, also: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "-_./:@+#".contains(c) || also.contains(c);
    text.len() <= MAX_NAME && text.chars().all(is_part)
}

/// Returns the hazards that candidates make, by kind and name.
pub(super) fn groups(record: Record<'_>) -> Vec<Hazard> {
    let lessons: HashMap<&LessonId, &Lesson> = record.lessons.iter().map(|l| (&l.id, l)).collect();
    let lesson_of = |stored: &StoredCandidate| match &stored.state {
        CandidateState::Absorbed(id) => lessons.get(id).copied(),
        _ => None,
    };
    let mut groups: BTreeMap<Name, Vec<&StoredCandidate>> = BTreeMap::new();
    let mut rests: HashMap<&LessonId, BTreeSet<Option<Name>>> = HashMap::new();
    for &stored in record.candidates {
        let name = name_of(&stored.candidate);
        let lesson = lesson_of(stored);
        if let Some(lesson) = lesson {
            rests.entry(&lesson.id).or_default().insert(name.clone());
        }
        let taken_out = stored.state == CandidateState::Gone || lesson.is_some_and(is_taken_out);
        let is_known = stored.candidate.trust > Trust::ToolOutput && !stored.is_reported();
        if let Some(name) = name.filter(|_| is_known && !taken_out) {
            groups.entry(name).or_default().push(stored);
        }
    }
    let is_one = |lesson: &&Lesson| {
        rests[&lesson.id].len() == 1 && lesson.status.is_recallable() && !lesson.reviewed
    };
    groups
        .into_iter()
        .filter(|(_, members)| is_worth(members))
        .map(|(name, members)| {
            let lesson = members.iter().filter_map(|m| lesson_of(m)).find(is_one);
            group(record, name, members, lesson)
        })
        .collect()
}

fn is_taken_out(lesson: &Lesson) -> bool {
    !lesson.status.is_recallable() && lesson.status != LessonStatus::Candidate
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

/// Returns the hazard of these members. `lesson` is the delivered one that says nothing else.
fn group(
    record: Record<'_>,
    (is_fix, key): Name,
    mut members: Vec<&StoredCandidate>,
    lesson: Option<&Lesson>,
) -> Hazard {
    members.sort_by_key(|m| (at(m), &m.candidate.key));
    let mut past = Vec::new();
    for row in members.iter().filter_map(|m| first_row(m, lesson)) {
        add(&mut past, &row);
    }
    let past = sorted(past);
    let engines: BTreeSet<&str> = members.iter().map(|m| m.session.engine.as_str()).collect();
    let counts = |span: &&Span| match is_fix {
        true => span.prompted,
        false => engines.contains(span.session.engine.as_str()),
    };
    let places = members.iter().flat_map(|m| m.candidate.applies_when.paths.iter());
    let of_lesson = lesson.iter().flat_map(|lesson| &lesson.applies_when.paths);
    let paths = distinct(of_lesson.chain(places).cloned());
    let most_trusted = members.iter().map(|m| m.candidate.trust).max();
    Hazard {
        source: if is_fix { Source::Fix } else { Source::Finding },
        lesson: lesson.map(|lesson| lesson.id.clone()),
        title: lesson.map_or_else(|| place_told(is_fix, &paths), title),
        text: text(&members),
        fix: lesson.and_then(way_out).or_else(|| commit(&members)),
        chances: chances(&past, record.spans.iter().filter(counts)),
        trust: lesson.map(|l| l.trust).or(most_trusted).unwrap_or(Trust::ToolOutput),
        past,
        paths,
        key,
    }
}

fn at(stored: &StoredCandidate) -> Option<Timestamp> {
    stored.candidate.evidence.first().and_then(|row| row.turn_ts)
}

/// Returns when and where a member was found; its words only where the lesson holds them too.
fn first_row(member: &StoredCandidate, lesson: Option<&Lesson>) -> Option<Evidence> {
    let row = member.candidate.evidence.first()?;
    let is_told = lesson
        .is_some_and(|lesson| lesson.evidence.iter().any(|told| told.identity() == row.identity()));
    let quote = if is_told { row.quote.clone() } else { String::new() };
    Some(Evidence { quote, ..row.clone() })
}

/// Returns what is compared with a change: it is never told, but for the words a change has too.
fn text(members: &[&StoredCandidate]) -> String {
    let mut text = String::new();
    for candidate in members.iter().rev().map(|m| &m.candidate) {
        if text.len() > MAX_TEXT {
            break;
        }
        let quotes = candidate.evidence.iter().map(|row| row.quote.as_str());
        for part in [candidate.rule.as_str()].into_iter().chain(quotes) {
            text.push_str(part);
            text.push('\n');
        }
    }
    text
}

/// Says where it was: `found before in src/a.py and 2 more files`.
fn place_told(is_fix: bool, paths: &[String]) -> String {
    let what = if is_fix { "failed before and was fixed" } else { "found before" };
    let mut files = paths.iter().filter(|path| is_path(path));
    match (files.next(), files.count()) {
        (None, _) => what.to_owned(),
        (Some(first), 0) => format!("{what} in {first}"),
        (Some(first), more) => format!("{what} in {first} and {more} more file(s)"),
    }
}

/// Returns how it was fixed, as far as the lesson tells.
fn way_out(lesson: &Lesson) -> Option<String> {
    let body = lesson.body.as_deref()?.trim();
    (!body.is_empty()).then(|| fix_in(body).unwrap_or_else(|| body.to_owned()))
}

/// Returns the last commit that fixed it.
fn commit(members: &[&StoredCandidate]) -> Option<String> {
    let fixed_by = |m: &&StoredCandidate| {
        let commits = m.candidate.extra["finding"]["fixed_by"].as_array()?;
        let commit = commits.last()?.as_str()?;
        let is_id = commit.len() >= 7 && commit.bytes().all(|b| b.is_ascii_hexdigit());
        is_id.then(|| format!("in commit {}", commit.chars().take(12).collect::<String>()))
    };
    members.iter().rev().find_map(fixed_by)
}
