//! The one-lesson-a-line format of `import` and `export`.
//!
//! Owns the mapping between a JSON line and a [`Lesson`]. A line needs only `rule`; everything a
//! lesson has is written, and what cemem does not know or does not take is kept in `extra`
//! (`keep`), so that export → import → export gives the same bytes. Must not touch files or the
//! store.

mod keep;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::clock::Timestamp;
use crate::id::{LessonId, digest};
use crate::lesson::{
    Anchor, AppliesWhen, Evidence, Lesson, LessonStatus, LessonType, MAX_RULE_CHARS,
    MAX_TITLE_CHARS, Scope, Trust,
};

/// Why a line is no lesson.
#[derive(Debug, Error)]
pub enum LineError {
    /// Not JSON, or a field of the wrong type.
    #[error("not a lesson: {0}")]
    Json(#[from] serde_json::Error),
    /// No rule and no title.
    #[error("a lesson needs a `rule`")]
    NoRule,
}

/// A line that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The lesson, under its own id or the shortest one derived from the line.
    pub lesson: Lesson,
    /// What the id is derived from; `None` if the line brought an id, and with it the right to
    /// replace the lesson that has it.
    pub seed: Option<String>,
}

/// A line as others write it: everything optional, so that hand-written files work.
#[derive(Debug, Deserialize)]
struct WireLesson {
    #[serde(rename = "type")]
    lesson_type: Option<LessonType>,
    title: Option<String>,
    rule: Option<String>,
    why: Option<String>,
    body: Option<String>,
    #[serde(default)]
    applies_when: AppliesWhen,
    #[serde(default)]
    anchors: Vec<Anchor>,
    #[serde(default)]
    evidence: Vec<Evidence>,
    trust: Option<Trust>,
    status: Option<LessonStatus>,
    reviewed: Option<bool>,
    snoozed_until: Option<Timestamp>,
    confidence: Option<f32>,
    support: Option<u32>,
    scope: Option<Scope>,
    valid_from: Option<Timestamp>,
    valid_to: Option<Timestamp>,
    #[serde(default)]
    supersedes: Vec<LessonId>,
    superseded_by: Option<LessonId>,
    #[serde(default)]
    contradicts: Vec<LessonId>,
    created: Option<Timestamp>,
    updated: Option<Timestamp>,
}

/// The engine of evidence that is the line itself.
pub(crate) const IMPORT_ENGINE: &str = "import";

/// Returns the line for a lesson, without a newline.
#[must_use]
pub fn to_line(lesson: &Lesson) -> String {
    serde_json::to_string(lesson).expect("a lesson has string keys only")
}

/// Returns the lesson of a line. `source` names the file and `line` (1-based) for lessons that
/// bring no evidence of their own; `now` dates those without dates.
///
/// # Errors
/// When the line is not a JSON object with a rule, or a known field has the wrong type.
pub fn from_line(text: &str, source: &str, line: usize, now: Timestamp) -> Result<Line, LineError> {
    let mut object: Map<String, Value> = serde_json::from_str(text)?;
    let given = object.get("id").and_then(Value::as_str).and_then(LessonId::parse);
    let seed = match &given {
        Some(_) => None,
        None => Some(digest([keep::canonical(&object)])),
    };
    let (mut kept, extra) = keep::take(&mut object);
    let wire: WireLesson = serde_json::from_value(Value::Object(object))?;
    let derived = LessonId::derive(seed.as_deref().unwrap_or_default(), 0);
    let stated = wire.created;
    let mut lesson = build(wire, given.unwrap_or(derived), &mut kept, now)?;
    if lesson.evidence.is_empty() {
        lesson.evidence.push(own_evidence(&lesson, source, line, stated));
    }
    lesson.extra = keep::merged(extra, kept);
    Ok(Line { lesson, seed })
}

/// Fills in what the line left out and brings everything within the limits of a lesson; what that
/// cuts goes into the body or `kept`.
fn build(
    wire: WireLesson,
    id: LessonId,
    kept: &mut Map<String, Value>,
    now: Timestamp,
) -> Result<Lesson, LineError> {
    let pick = |text: Option<String>| text.filter(|t| !t.trim().is_empty());
    let (title, rule) = (pick(wire.title), pick(wire.rule));
    let rule = rule.or_else(|| title.clone()).ok_or(LineError::NoRule)?;
    let title = match title {
        Some(title) if title.chars().count() > MAX_TITLE_CHARS => {
            let short = shorten(&title, MAX_TITLE_CHARS);
            kept.insert("title".into(), Value::String(title));
            short
        }
        Some(title) => title,
        None => shorten(&rule, MAX_TITLE_CHARS),
    };
    let (rule, body) = fit_rule(rule, wire.body);
    let trust = wire.trust.unwrap_or(Trust::HumanReview);
    let status = match wire.status.unwrap_or(LessonStatus::Active) {
        // What a tool printed is delivered only after a person has looked at it here.
        status if status.is_recallable() && trust == Trust::ToolOutput => LessonStatus::Quarantined,
        status => status,
    };
    let created = wire.created.unwrap_or(now);
    Ok(Lesson {
        id,
        lesson_type: wire.lesson_type.unwrap_or(LessonType::Fact),
        title,
        rule,
        why: wire.why,
        body,
        applies_when: wire.applies_when,
        anchors: wire.anchors,
        evidence: wire.evidence,
        trust,
        status,
        reviewed: wire.reviewed.unwrap_or(true),
        snoozed_until: wire.snoozed_until,
        confidence: wire.confidence.unwrap_or(0.9).clamp(0.0, 1.0),
        support: wire.support.unwrap_or(1),
        scope: wire.scope.unwrap_or(Scope::Project),
        valid_from: wire.valid_from,
        valid_to: wire.valid_to,
        supersedes: wire.supersedes,
        superseded_by: wire.superseded_by,
        contradicts: wire.contradicts,
        created,
        updated: wire.updated.unwrap_or(created),
        extra: Value::Null,
    })
}

/// Returns the line itself as evidence.
fn own_evidence(lesson: &Lesson, source: &str, line: usize, stated: Option<Timestamp>) -> Evidence {
    Evidence {
        engine: IMPORT_ENGINE.into(),
        session: String::new(),
        source_path: source.to_owned(),
        event_uuid: line.to_string(),
        event_key: String::new(),
        turn_ts: stated,
        actor: "user".into(),
        quote: lesson.rule.clone(),
    }
}

/// Returns a rule at the length that is kept, and the body: all of a longer rule comes first in it.
#[must_use]
pub fn fit_rule(rule: String, body: Option<String>) -> (String, Option<String>) {
    if rule.chars().count() <= MAX_RULE_CHARS {
        return (rule, body);
    }
    let short = shorten(&rule, MAX_RULE_CHARS);
    let body = match body {
        Some(body) if body.starts_with(&rule) => body,
        Some(body) if !body.trim().is_empty() => format!("{rule}\n\n{body}"),
        _ => rule,
    };
    (short, Some(body))
}

/// Returns the first `max` characters, cut at a word where one ends near.
#[must_use]
pub fn shorten(text: &str, max: usize) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= max {
        return flat;
    }
    let cut: String = flat.chars().take(max.saturating_sub(1)).collect();
    let end = cut.rfind(' ').filter(|&i| i * 2 > cut.len()).unwrap_or(cut.len());
    format!("{}…", cut[..end].trim_end())
}
