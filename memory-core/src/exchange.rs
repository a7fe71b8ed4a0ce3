//! The one-lesson-a-line format of `import` and `export`.
//!
//! Owns the mapping between a JSON line and a [`Lesson`]. A line needs only `rule`; everything a
//! lesson has is written, and keys cemem does not know are kept in `extra`, so that
//! export → import → export gives the same bytes. Must not touch files or the store.

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

/// A line as others write it: everything optional, so that hand-written files work.
#[derive(Debug, Deserialize)]
struct WireLesson {
    id: Option<String>,
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
    #[serde(default)]
    extra: Map<String, Value>,
}

/// The keys above: everything else in a line goes to `extra`.
const KNOWN: &[&str] = &[
    "id",
    "type",
    "title",
    "rule",
    "why",
    "body",
    "applies_when",
    "anchors",
    "evidence",
    "trust",
    "status",
    "reviewed",
    "confidence",
    "support",
    "scope",
    "valid_from",
    "valid_to",
    "supersedes",
    "superseded_by",
    "contradicts",
    "created",
    "updated",
    "extra",
];

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
pub fn from_line(
    text: &str,
    source: &str,
    line: usize,
    now: Timestamp,
) -> Result<Lesson, LineError> {
    let mut object: Map<String, Value> = serde_json::from_str(text)?;
    let unknown: Vec<String> =
        object.keys().filter(|k| !KNOWN.contains(&k.as_str())).cloned().collect();
    let mut extra: Map<String, Value> =
        unknown.into_iter().filter_map(|k| object.remove(&k).map(|v| (k, v))).collect();
    if object.get("extra").is_some_and(Value::is_null) {
        object.remove("extra");
    }
    let wire: WireLesson = serde_json::from_value(Value::Object(object))?;
    extra.extend(wire.extra.clone());
    build(wire, extra, source, line, now)
}

fn build(
    wire: WireLesson,
    extra: Map<String, Value>,
    source: &str,
    line: usize,
    now: Timestamp,
) -> Result<Lesson, LineError> {
    let pick = |text: Option<String>| text.filter(|t| !t.trim().is_empty());
    let (title, rule) = (pick(wire.title), pick(wire.rule));
    let rule = rule.or_else(|| title.clone()).ok_or(LineError::NoRule)?;
    let title = title.unwrap_or_else(|| shorten(&rule, MAX_TITLE_CHARS));
    let lesson_type = wire.lesson_type.unwrap_or(LessonType::Fact);
    let created = wire.created.unwrap_or(now);
    let id = match pick(wire.id) {
        Some(id) => LessonId(id),
        None => LessonId::derive(&digest([lesson_type.as_str(), &title, &rule]), 0),
    };
    let mut evidence = wire.evidence;
    if evidence.is_empty() {
        evidence.push(Evidence {
            engine: "import".into(),
            session: String::new(),
            source_path: source.to_owned(),
            event_uuid: line.to_string(),
            event_key: String::new(),
            turn_ts: wire.created,
            actor: "user".into(),
            quote: shorten(&rule, MAX_RULE_CHARS),
        });
    }
    Ok(Lesson {
        id,
        lesson_type,
        title,
        rule,
        why: wire.why,
        body: wire.body,
        applies_when: wire.applies_when,
        anchors: wire.anchors,
        evidence,
        trust: wire.trust.unwrap_or(Trust::HumanReview),
        status: wire.status.unwrap_or(LessonStatus::Active),
        reviewed: wire.reviewed.unwrap_or(true),
        confidence: wire.confidence.unwrap_or(0.9),
        support: wire.support.unwrap_or(1),
        scope: wire.scope.unwrap_or(Scope::Project),
        valid_from: wire.valid_from,
        valid_to: wire.valid_to,
        supersedes: wire.supersedes,
        superseded_by: wire.superseded_by,
        contradicts: wire.contradicts,
        created,
        updated: wire.updated.unwrap_or(created),
        extra: if extra.is_empty() { Value::Null } else { Value::Object(extra) },
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minimal_line_becomes_a_lesson_with_evidence() {
        let now = Timestamp::parse("2026-01-01").unwrap();
        let l = from_line(r#"{"type":"convention","title":"T","rule":"Use tabs."}"#, "f", 3, now);
        let l = l.unwrap();
        assert_eq!(l.status, LessonStatus::Active);
        assert_eq!(
            (l.evidence[0].source_path.as_str(), l.evidence[0].event_uuid.as_str()),
            ("f", "3")
        );
        assert_eq!(l.created, now);
    }

    #[test]
    fn export_is_lossless_and_keeps_unknown_keys() {
        let now = Timestamp::parse("2026-01-01").unwrap();
        let line = r#"{"rule":"Use tabs.","severity":"high","applies_when":{"paths":["a/*"]}}"#;
        let once = from_line(line, "f", 1, now).unwrap();
        assert_eq!(once.extra["severity"], "high");
        let text = to_line(&once);
        let twice = from_line(&text, "elsewhere", 9, Timestamp(0)).unwrap();
        assert_eq!(once, twice);
        assert_eq!(to_line(&twice), text);
    }

    #[test]
    fn bad_lines_say_what_is_wrong() {
        let now = Timestamp(0);
        assert!(from_line("[]", "f", 1, now).is_err());
        assert!(matches!(from_line(r#"{"why":"x"}"#, "f", 1, now), Err(LineError::NoRule)));
        let wrong = from_line(r#"{"rule":"x","type":"poem"}"#, "f", 1, now).unwrap_err();
        assert!(wrong.to_string().contains("poem"), "{wrong}");
    }

    #[test]
    fn shortening_ends_at_words() {
        assert_eq!(shorten("one  two\nthree", 40), "one two three");
        assert_eq!(shorten("alpha beta gamma", 12), "alpha beta…");
    }
}
