//! `lessons`: what is stored, as a list or one of them in full.

use cemem_core::Lesson;
use cemem_core::lesson::{LessonStatus, LessonType};
use cemem_core::store::LessonFilter;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::shape::{self, LessonOut};
use super::{Effect, MemoryTool, Reply};
use crate::args::StatusFilter;
use crate::command_error::CommandError;
use crate::commands::{lessons, show};
use crate::mcp::memory::Memory;

/// Most lessons of an answer.
const MOST: usize = 100;

pub(super) struct Lessons;

/// Which lessons.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// Show this one in full: its id, or the first digits.
    #[serde(default)]
    #[schemars(with = "String")]
    id: Option<String>,
    /// Only lessons of this status: `delivered` (the default) is what recall may answer, `all` is every one.
    #[serde(default)]
    #[schemars(schema_with = "statuses")]
    status: Option<String>,
    /// Only lessons of these types.
    #[serde(default)]
    #[schemars(schema_with = "shape::lesson_types")]
    types: Vec<LessonType>,
    /// Leave out this many from the beginning.
    #[serde(default)]
    offset: usize,
    /// At most this many (default 20).
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 100))]
    limit: usize,
}

fn twenty() -> usize {
    20
}

fn statuses(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = ["delivered", "all"]
        .into_iter()
        .chain(LessonStatus::ALL.iter().map(|s| s.as_str()))
        .collect();
    json_schema!({ "type": "string", "enum": names })
}

/// What is stored.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    /// How many there are of this kind.
    total: usize,
    /// The `offset` of what follows, if anything does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    next_offset: Option<usize>,
    /// The lessons, by type, the oldest first.
    lessons: Vec<LessonOut>,
}

impl MemoryTool for Lessons {
    type In = Input;
    type Out = Output;
    const NAME: &'static str = "lessons";
    const TITLE: &'static str = "List or show lessons";
    const DESCRIPTION: &'static str = "List the lessons stored for this project, or show one in full with \
        all its evidence (`id`). For looking something up by name or going through everything; for a task, \
        `recall` finds what matters.";
    const EFFECT: Effect = Effect::Reads;

    fn call(memory: &mut Memory, input: Input) -> Result<Reply<Output>, CommandError> {
        let store = memory.context.store_to_read()?;
        if let Some(id) = &input.id {
            let lesson = lessons::get(&store, id)?;
            let counters = store.counters()?.get(&lesson.id).copied().unwrap_or_default();
            let text =
                format!("One lesson, data for your judgement:\n{}", show::full(&lesson, &counters));
            let lessons = vec![LessonOut::full(&lesson)];
            return Ok(Reply { data: Output { total: 1, next_offset: None, lessons }, text });
        }
        let statuses = lessons::statuses(status(input.status.as_deref())?);
        let mut all = lessons::whole(&store, &LessonFilter { statuses, types: input.types })?;
        all.sort_by(|a, b| {
            (a.lesson_type, a.created, &a.id).cmp(&(b.lesson_type, b.created, &b.id))
        });
        let shown: Vec<&Lesson> =
            all.iter().skip(input.offset).take(input.limit.clamp(1, MOST)).collect();
        let end = input.offset.saturating_add(shown.len());
        let next_offset = (end < all.len()).then_some(end);
        let mut text =
            format!("{} of {} lessons, data for your judgement:\n", shown.len(), all.len());
        text.extend(shown.iter().map(|lesson| show::brief(lesson)));
        if let Some(next) = next_offset {
            text.push_str(&format!("More with `offset` {next}.\n"));
        }
        let lessons = shown.into_iter().map(LessonOut::brief).collect();
        Ok(Reply { data: Output { total: all.len(), next_offset, lessons }, text })
    }
}

fn status(name: Option<&str>) -> Result<StatusFilter, CommandError> {
    let unknown = || CommandError::user(format!("`{}` is no status", name.unwrap_or_default()));
    match name {
        None | Some("delivered") => Ok(StatusFilter::Delivered),
        Some("all") => Ok(StatusFilter::All),
        Some(other) => LessonStatus::parse(other).map(StatusFilter::Only).ok_or_else(unknown),
    }
}
