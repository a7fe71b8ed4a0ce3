//! `status`: which project this is and how its memory is.

use std::collections::BTreeMap;

use cemem_core::lesson::LessonStatus;
use cemem_core::store::LessonFilter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Effect, MemoryTool, Reply};
use crate::command_error::CommandError;
use crate::mcp::memory::Memory;
use crate::runtime;

pub(super) struct Status;

/// Nothing to say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {}

/// How the memory is.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    /// Version of cemem.
    version: String,
    /// Lessons by status: active and stale ones are delivered, candidates and quarantined ones wait.
    by_status: BTreeMap<String, usize>,
    /// How many lessons recall can answer.
    delivered: usize,
    /// How many wait for a decision.
    waiting: usize,
    /// Whether recall knows meanings too, or words only.
    semantic: bool,
    /// Whether anything can be stored.
    writable: bool,
    /// What is wrong, and what to do about it.
    notes: Vec<String>,
}

impl MemoryTool for Status {
    type In = Input;
    type Out = Output;
    const NAME: &'static str = "status";
    const TITLE: &'static str = "Memory status";
    const DESCRIPTION: &'static str = "Say which project this memory belongs to, how many lessons it holds, \
        how many wait for a decision, and what keeps it from working fully. Call it when an answer looks \
        wrong, empty or about another project.";
    const EFFECT: Effect = Effect::Reads;

    fn call(memory: &mut Memory, _: Input) -> Result<Reply<Output>, CommandError> {
        let context = &memory.context;
        let store = context.store_to_read()?;
        let lessons = store.lessons(&LessonFilter::default())?;
        let mut by_status = BTreeMap::new();
        for status in LessonStatus::ALL {
            let n = lessons.iter().filter(|l| l.status == *status).count();
            if n > 0 {
                by_status.insert(status.to_string(), n);
            }
        }
        let semantic = runtime::find(&context.home).is_some();
        let mut notes = Vec::new();
        if !semantic {
            notes.push("recall knows words only: no ONNX Runtime was found; `cemem doctor` tells where it looked".into());
        }
        notes.extend(
            memory.fault().map(|error| format!("nothing can be recalled: {}", error.in_full())),
        );
        let unwritable = store.check_writable().err().map(CommandError::from);
        notes.extend(unwritable.as_ref().map(|error| format!("nothing can be stored: {error}")));
        notes.extend(
            context.trouble.as_ref().map(|t| format!("the table of projects: {}", t.cause())),
        );
        let data = Output {
            version: env!("CARGO_PKG_VERSION").into(),
            delivered: lessons.iter().filter(|l| l.status.is_recallable()).count(),
            waiting: lessons.iter().filter(|l| l.is_waiting()).count(),
            by_status,
            semantic,
            writable: unwritable.is_none(),
            notes,
        };
        let mut text = format!(
            "Folder `{}`. {} lessons can be recalled, {} wait for a decision.\n",
            context.project.root.display(),
            data.delivered,
            data.waiting
        );
        for note in &data.notes {
            text.push_str(&format!("Note: {note}\n"));
        }
        Ok(Reply { data, text })
    }
}
