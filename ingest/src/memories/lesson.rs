//! A memory as a lesson that waits for a person.
//!
//! Owns its words, its trust and what makes two the same. Nothing is stored before redaction, and what
//! reads like an order to an agent, or could harm, goes into quarantine.

use std::collections::HashSet;
use std::path::Path;

use cemem_core::exchange::Line;
use cemem_core::id::digest;
use cemem_core::lesson::{Evidence, MAX_TITLE_CHARS, Scope};
use cemem_core::{AppliesWhen, Lesson, LessonId, LessonStatus, Timestamp, Trust};
use serde_json::Value;

use super::{Format, MAX_TEXT, Memories, Memory, inside, lesson_type};
use crate::extract::{injection, wording};
use crate::redact::Redactor;

/// What nobody vouched for is as likely wrong as right.
const CONFIDENCE: f32 = 0.5;
/// Longer words are cut to their first sentence, and stand whole in the body.
const MAX_RULE: usize = 300;
/// Most tags and paths kept.
const MOST: usize = 16;

/// Returns the lines to import: memories with words, each once. What has none is counted as skipped.
/// `source` names the file, `root` the project, `now` dates what has no date.
#[must_use]
pub fn lines(
    memories: &mut Memories,
    format: Format,
    source: &str,
    root: &Path,
    redactor: &Redactor,
    now: Timestamp,
) -> Vec<Line> {
    let mut seen = HashSet::new();
    let mut out = Vec::new();
    for memory in std::mem::take(&mut memories.found) {
        let memory = clean(memory, redactor);
        if memory.text.chars().filter(|c| c.is_alphanumeric()).count() < 3 {
            memories.skip("without words");
            continue;
        }
        let line = line(&memory, format, source, root, now);
        if seen.insert(line.seed.clone()) {
            out.push(line);
        } else {
            memories.skip("said twice");
        }
    }
    out
}

/// Takes secrets and hidden characters out of every text.
fn clean(memory: Memory, redactor: &Redactor) -> Memory {
    let line = |text: String| wording::clean_line(&redactor.redact(&text));
    let block = |text: String| wording::clean_block(&redactor.redact(&text), MAX_TEXT);
    let lines = |texts: Vec<String>| texts.into_iter().map(line).collect::<Vec<_>>();
    let some = |text: String| Some(text).filter(|t| !t.trim().is_empty());
    Memory {
        title: memory.title.map(line).and_then(some),
        text: block(memory.text).trim().to_owned(),
        body: memory.body.map(block).and_then(some),
        kind: line(memory.kind),
        tags: lines(memory.tags),
        files: lines(memory.files),
        row: line(memory.row),
        ts: memory.ts,
    }
}

fn line(memory: &Memory, format: Format, source: &str, root: &Path, now: Timestamp) -> Line {
    let body = memory.body.as_deref().unwrap_or_default();
    let whole = wording::clean_line(&memory.text);
    let short = whole.chars().count() <= MAX_RULE;
    let rule = wording::rule(if short { &whole } else { wording::first_sentence(&memory.text) });
    let parts = [if short { "" } else { memory.text.as_str() }, body];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let title = memory.title.clone().unwrap_or_else(|| wording::title(&rule));
    let texts = [title.as_str(), &memory.text, body];
    let risky = texts.into_iter().any(injection::is_suspicious);
    let created = memory.ts.filter(|ts| *ts <= now).unwrap_or(now);
    let seed = digest([format.program(), title.as_str(), &memory.text, body]);
    let lesson = Lesson {
        id: LessonId::derive(&seed, 0),
        lesson_type: lesson_type(&memory.kind),
        title: wording::clip(&title, MAX_TITLE_CHARS),
        rule,
        why: None,
        body: Some(parts.join("\n\n")).filter(|b| !b.is_empty()),
        applies_when: AppliesWhen {
            paths: memory.files.iter().filter_map(|f| inside(f, root)).take(MOST).collect(),
            tags: tags(&memory.tags),
            ..AppliesWhen::default()
        },
        anchors: Vec::new(),
        evidence: vec![Evidence {
            engine: format!("import:{}", format.program()),
            session: String::new(),
            source_path: source.to_owned(),
            event_uuid: memory.row.clone(),
            event_key: String::new(),
            turn_ts: memory.ts,
            actor: "agent".to_owned(),
            quote: wording::shorten(memory.text.trim()).to_owned(),
        }],
        trust: Trust::Agent,
        status: if risky { LessonStatus::Quarantined } else { LessonStatus::Candidate },
        reviewed: false,
        snoozed_until: None,
        confidence: CONFIDENCE,
        support: 1,
        scope: Scope::Project,
        valid_from: None,
        valid_to: None,
        supersedes: Vec::new(),
        superseded_by: None,
        contradicts: Vec::new(),
        created,
        updated: created,
        extra: Value::Null,
    };
    Line { lesson, seed: Some(seed) }
}

/// Returns tags once each, of a length that is one.
fn tags(all: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for tag in all.iter().filter(|t| (1..=60).contains(&t.chars().count())) {
        if out.len() < MOST && !out.contains(tag) {
            out.push(tag.clone());
        }
    }
    out
}
