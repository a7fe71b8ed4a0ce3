//! `remember`: a lesson in the agent's words, durably.

use cemem_core::lesson::{LessonStatus, LessonType, Trust};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::{self, LessonOut};
use super::{Effect, MemoryTool, Reply};
use crate::command_error::CommandError;
use crate::commands::remember::{Statement, remember};
use crate::commands::show;
use crate::mcp::memory::Memory;

pub(super) struct Remember;

/// The lesson.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// The lesson: first one imperative sentence that somebody who was not here can follow; details after
    /// an empty line.
    text: String,
    /// What kind of lesson it is (default convention, or what it is already).
    #[serde(default, rename = "type")]
    #[schemars(schema_with = "shape::lesson_type")]
    lesson_type: Option<LessonType>,
    /// Files, folders or globs it applies to, relative to the project.
    #[serde(default)]
    paths: Vec<String>,
    /// Why it holds.
    #[serde(default)]
    #[schemars(with = "String")]
    why: Option<String>,
}

/// What was stored.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    /// The lesson as it stands, on disk.
    lesson: LessonOut,
}

impl MemoryTool for Remember {
    type In = Input;
    type Out = Output;
    const NAME: &'static str = "remember";
    const TITLE: &'static str = "Remember a lesson";
    const DESCRIPTION: &'static str = "Store a lesson for later sessions of this project: what the user \
        asked to remember, a convention or decision, a mistake and how to avoid it, the fix of an error. \
        Not for the state of the current task, nor for what the code says anyway. It is on disk when this \
        returns, with secrets taken out. The same text again adds nothing; `forget` takes it back.";
    const EFFECT: Effect = Effect::Adds;

    fn call(memory: &mut Memory, input: Input) -> Result<Reply<Output>, CommandError> {
        let statement = Statement {
            text: &input.text,
            lesson_type: input.lesson_type,
            why: input.why.as_deref(),
            paths: &input.paths,
            by: Trust::Agent,
        };
        let lesson = remember(&memory.context, &statement)?;
        memory.is_behind = true;
        let what = match lesson.status {
            LessonStatus::Active => "Stored",
            LessonStatus::Quarantined => {
                "Set apart, because it reads like an order to agents or could do harm: a person decides \
                 about it with `cemem review`"
            }
            LessonStatus::Stale => {
                "Known already, and delivered with a doubt, because the code has changed since"
            }
            // It was known, and somebody had decided about it.
            _ => "Known already, and not delivered",
        };
        let text = format!("{what}: {}", show::brief(&lesson));
        Ok(Reply { data: Output { lesson: LessonOut::full(&lesson) }, text })
    }
}
