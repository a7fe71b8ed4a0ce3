//! `forget`: takes lessons out, and back in.

use cemem_core::Store;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::LessonOut;
use super::{Effect, MemoryTool, Reply};
use crate::command_error::CommandError;
use crate::commands::{lessons, show};
use crate::mcp::memory::Memory;

/// Changes looked through for the one to take back.
const RECENT: usize = 10_000;

pub(super) struct Forget;

/// What to take out, or which change to take back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// Ids of the lessons to take out, or their first digits.
    #[serde(default)]
    ids: Vec<String>,
    /// Why they do not hold.
    #[serde(default)]
    #[schemars(with = "String")]
    reason: Option<String>,
    /// Instead of taking lessons out: the `change` of an earlier answer, to take that back.
    #[serde(default)]
    #[schemars(with = "i64")]
    undo: Option<i64>,
}

/// What was done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    /// Number of the change; `undo` takes it back.
    change: i64,
    /// The lessons as they stand now.
    lessons: Vec<LessonOut>,
}

impl MemoryTool for Forget {
    type In = Input;
    type Out = Output;
    const NAME: &'static str = "forget";
    const TITLE: &'static str = "Forget lessons";
    const DESCRIPTION: &'static str = "Take lessons out, because the user says so or they no longer hold: \
        they are not recalled any more and not learned again in the same words. Nothing is deleted; `undo` \
        with the number in the answer brings them back.";
    const EFFECT: Effect = Effect::TakesOut;

    fn call(memory: &mut Memory, input: Input) -> Result<Reply<Output>, CommandError> {
        let mut store = memory.context.store()?;
        let (change, ids) = match (input.undo, input.ids.is_empty()) {
            (Some(change), true) => {
                check_undoable(&store, change)?;
                let undone = store.undo(Some(change), "agent")?;
                (undone.by, undone.lessons.iter().map(ToString::to_string).collect::<Vec<_>>())
            }
            (None, false) => {
                let reason = input.reason.as_deref().unwrap_or_default();
                let now = memory.context.clock.now();
                let (change, out) = lessons::retire(&mut store, &input.ids, now, "agent", reason)?;
                (change, out.iter().map(|lesson| lesson.id.to_string()).collect())
            }
            _ => return Err(CommandError::user("give either `ids` or `undo`")),
        };
        memory.is_behind = true;
        let now = lessons::get_all(&store, &ids)?;
        let mut text: String = now.iter().map(show::brief).collect();
        text.push_str(&match input.undo {
            Some(undone) => format!("Change {undone} is taken back.\n"),
            None => format!("Taken out by change {change}; `undo` {change} brings them back.\n"),
        });
        let lessons = now.iter().map(LessonOut::brief).collect();
        Ok(Reply { data: Output { change, lessons }, text })
    }
}

/// Checks that a change is one that an agent made here: what people decided, they take back themselves.
fn check_undoable(store: &Store, change: i64) -> Result<(), CommandError> {
    let ours = store.log(RECENT)?.into_iter().any(|row| {
        row.op == change
            && row.actor == "agent"
            && [lessons::RETIRE, "undo", "redo"].contains(&row.verb.as_str())
    });
    let message = || {
        CommandError::user(format!("change {change} was not made by `forget`"))
            .hint(format!("a person can take it back: `cemem lessons undo {change}`"))
    };
    if ours { Ok(()) } else { Err(message()) }
}
