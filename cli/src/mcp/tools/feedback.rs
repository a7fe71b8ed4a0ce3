//! `feedback`: whether lessons helped or misled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::LessonOut;
use super::{Effect, MemoryTool, Reply};
use crate::command_error::CommandError;
use crate::commands::{outcomes, show};
use crate::mcp::memory::Memory;

pub(super) struct Feedback;

/// What became of lessons.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// Ids of the lessons, or their first digits.
    #[schemars(length(min = 1))]
    ids: Vec<String>,
    /// `helped`: following it was right. `harmed`: it was wrong, out of date or misleading here.
    verdict: Verdict,
    /// How, in one sentence.
    #[serde(default)]
    #[schemars(with = "String")]
    note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Verdict {
    Helped,
    Harmed,
}

/// What was noted.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    /// The lessons it was noted for.
    lessons: Vec<LessonOut>,
}

impl MemoryTool for Feedback {
    type In = Input;
    type Out = Output;
    const NAME: &'static str = "feedback";
    const TITLE: &'static str = "Give feedback on lessons";
    const DESCRIPTION: &'static str = "Say that recalled lessons helped, or that they were wrong, out of \
        date or misleading. Call it when you followed a lesson and saw the result, or when the user \
        contradicts one. Only say what was seen: without feedback the outcome counts as unknown. The newest \
        word on a lesson counts.";
    const EFFECT: Effect = Effect::Adds;

    fn call(memory: &mut Memory, input: Input) -> Result<Reply<Output>, CommandError> {
        if input.ids.is_empty() {
            return Err(CommandError::user("`ids` names no lesson"));
        }
        let context = &memory.context;
        let mut store = context.store()?;
        let (helped, note) = (input.verdict == Verdict::Helped, input.note.as_deref());
        let about = outcomes::note_feedback(context, &mut store, &input.ids, helped, note)?;
        let mut text = format!("Noted that this {}:\n", if helped { "helped" } else { "harmed" });
        text.extend(about.iter().map(show::brief));
        Ok(Reply { data: Output { lessons: about.iter().map(LessonOut::brief).collect() }, text })
    }
}
