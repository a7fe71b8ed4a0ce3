//! What the answers of tools have in common: projects and lessons as data, notes, names as schemas.
//!
//! Owns the words of the `--json` envelopes where they mean the same. Text from sessions is on one line and
//! without control characters; that it is data is said where it is shown.

use cemem_core::exchange::shorten;
use cemem_core::lesson::{Evidence, LessonType, Stage};
use cemem_core::{Lesson, LessonStatus};
use cemem_retrieve::{Hit, Note, SemanticOff};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::commands::show;
use crate::context::Context;
use crate::models;
use crate::ui::one_line;

/// Longest quote of evidence in a list, in characters.
const QUOTE: usize = 300;

/// The project an answer is about.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProjectOut {
    /// Its name.
    pub(super) name: String,
    /// Its id.
    id: String,
    /// Its folder.
    root: String,
}

impl ProjectOut {
    pub(super) fn of(context: &Context) -> Self {
        let project = &context.project;
        let root = project.root.display().to_string();
        Self { name: one_line(&project.name), id: project.id.clone(), root }
    }
}

/// A lesson in an answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LessonOut {
    /// Its id; other tools take it.
    id: String,
    /// What kind of lesson it is.
    #[serde(rename = "type")]
    #[schemars(schema_with = "lesson_type")]
    lesson_type: LessonType,
    /// What to do, in one sentence.
    rule: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    why: Option<String>,
    /// Where it is in its life.
    #[schemars(schema_with = "lesson_status")]
    status: LessonStatus,
    /// Whose word it is: user, human_review, analyzer, agent, tool_output.
    trust: String,
    /// How sure it is, 0 to 1.
    confidence: f32,
    /// In how many sessions it was seen.
    support: u32,
    /// Paths it applies to; none means everywhere.
    paths: Vec<String>,
    /// Which code has changed since it was learned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    doubt: Option<String>,
    /// Ids of lessons that say the opposite.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contradicts: Vec<String>,
    /// The words it rests on.
    evidence: Vec<EvidenceOut>,
    /// How relevant it is: more is better, and most are between 0 and 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f32")]
    score: Option<f32>,
    /// The memory it was learned in, where that is not this project's: it may not hold here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    origin: Option<String>,
}

/// One row of evidence.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EvidenceOut {
    /// The words.
    quote: String,
    /// Who said them.
    actor: String,
    /// When, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    date: Option<String>,
    /// Where they stand: engine and session, or file.
    source: String,
}

impl LessonOut {
    /// Returns a lesson with its first row of evidence.
    pub(super) fn brief(lesson: &Lesson) -> Self {
        Self::with(lesson, 1)
    }

    /// Returns a lesson with all its evidence.
    pub(super) fn full(lesson: &Lesson) -> Self {
        Self::with(lesson, usize::MAX)
    }

    /// Adds how relevant it is, and where it was found.
    pub(super) fn found(self, hit: &Hit) -> Self {
        Self { score: Some(hit.score), origin: hit.origin.as_deref().map(one_line), ..self }
    }

    fn with(lesson: &Lesson, rows: usize) -> Self {
        Self {
            id: lesson.id.to_string(),
            lesson_type: lesson.lesson_type,
            rule: one_line(&lesson.rule),
            why: lesson.why.as_deref().map(one_line).filter(|why| !why.is_empty()),
            status: lesson.status,
            trust: lesson.trust.to_string(),
            confidence: lesson.confidence,
            support: lesson.support,
            paths: lesson.applies_when.paths.iter().map(|p| one_line(p)).collect(),
            doubt: show::doubt(lesson),
            contradicts: lesson.contradicts.iter().map(ToString::to_string).collect(),
            evidence: lesson.evidence.iter().take(rows).map(EvidenceOut::of).collect(),
            score: None,
            origin: None,
        }
    }
}

impl EvidenceOut {
    pub(super) fn of(row: &Evidence) -> Self {
        let place = if row.session.is_empty() { &row.source_path } else { &row.session };
        let source = format!("{} {}", one_line(&row.engine), one_line(place));
        Self {
            quote: shorten(&one_line(&row.quote), QUOTE),
            actor: one_line(&row.actor),
            date: row.turn_ts.map(|ts| ts.date()),
            source: source.trim_end().to_owned(),
        }
    }
}

/// Returns paths that an agent told as lessons name them; it may tell them whole, or from the root.
pub(super) fn paths(context: &Context, told: Vec<String>) -> Vec<String> {
    let project = &context.project;
    let inside = |path: String| project.inside(&project.root.join(&path)).unwrap_or(path);
    told.into_iter().map(inside).collect()
}

/// Returns what the reader of an answer should know, with what to do about it.
pub(super) fn notes(notes: &[Note]) -> Vec<String> {
    let is_news = |note: &&Note| !matches!(note, Note::SemanticOff(SemanticOff::Disabled));
    notes.iter().filter(is_news).map(models::told).collect()
}

/// Returns a schema of names.
fn names<T: ToString>(all: &[T]) -> Schema {
    let names: Vec<String> = all.iter().map(T::to_string).collect();
    json_schema!({ "type": "string", "enum": names })
}

pub(super) fn lesson_type(_: &mut SchemaGenerator) -> Schema {
    names(LessonType::ALL)
}

pub(super) fn lesson_types(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": names(LessonType::ALL) })
}

pub(super) fn lesson_status(_: &mut SchemaGenerator) -> Schema {
    names(LessonStatus::ALL)
}

pub(super) fn stage(_: &mut SchemaGenerator) -> Schema {
    names(Stage::ALL)
}
