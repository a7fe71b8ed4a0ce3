//! Prompts a person can start: `plan` and `compound`.
//!
//! Owns their words. `plan` brings what is known about a task before anything is planned; `compound` has
//! the agent phrase what the work taught and ask the person about it. Neither decides anything: words go
//! through the gate of the distillers, decisions are the person's.

use cemem_retrieve::{Mode, Query};
use rmcp::model::{
    ErrorData, GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role,
};
use serde_json::Value;

use super::memory::Memory;
use super::tools::{recall, told};
use crate::ui::one_line;

/// Tokens of what is known about a task.
const TOKENS: usize = 2500;
/// Most lessons about a task.
const LESSONS: usize = 12;

const COMPOUND: &str = "\
Turn what this work taught into lessons for later sessions of this project, with the tools of the MCP \
server `cemem`.

1. Call `review` with `read: true`. It reads what this and earlier sessions hold and shows what waits.
2. Phrase every entry of `to_phrase` that another task would profit from: one imperative sentence, in the \
words of its quotes, with the pieces of the quotes it rests on copied character by character. Where one \
would help no other task, give `advice: \"not_a_lesson\"`. Send them all in one call, `review` with \
`phrasings`. What is refused is refused for the reason given: say it closer to the quotes, once, or leave \
it.
3. Show the user what waits (`queue`): the rule, who said it, and what contradicts it. Ask which hold and \
which do not, then call `review` with `accept`, `reject` and the user's reason. Decide nothing yourself. \
What is marked `person_only` the user accepts at a terminal: `cemem review`.
4. If something important was learned in this session that nobody said in words (the cause of a failure and \
its fix, a decision and its reason), store it with `remember`, one rule a call, after the user has agreed.
5. Report in three lines: what was accepted, what was rejected, what still waits.
";

/// Returns what clients see of the prompts.
pub(super) fn definitions() -> Vec<Prompt> {
    let task = PromptArgument::new("task")
        .with_title("Task")
        .with_description("What is to be done, in your own words.")
        .with_required(true);
    let compound = "Turn what this work taught into lessons: phrase them, ask, decide, store.";
    let plan = "Recall what this project has learned about a task, before planning it.";
    vec![
        Prompt::new("compound", Some(compound), None).with_title("Compound what was learned"),
        Prompt::new("plan", Some(plan), Some(vec![task])).with_title("Plan with what is known"),
    ]
}

/// A prompt that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    Compound,
    Plan(String),
}

impl Wanted {
    /// Reads a request.
    ///
    /// # Errors
    /// When there is no such prompt, or its task is missing.
    pub(super) fn of(name: &str, arguments: Option<JsonObject>) -> Result<Self, ErrorData> {
        match name {
            "compound" => Ok(Self::Compound),
            "plan" => match arguments.unwrap_or_default().remove("task") {
                Some(Value::String(task)) if !task.trim().is_empty() => Ok(Self::Plan(task)),
                _ => Err(ErrorData::invalid_params("`plan` needs a `task`", None)),
            },
            other => Err(ErrorData::invalid_params(format!("Unknown prompt: {other}"), None)),
        }
    }

    /// Returns the prompt for this project.
    ///
    /// # Errors
    /// When lessons could not be looked for.
    pub(super) fn get(&self, memory: &mut Memory) -> Result<GetPromptResult, ErrorData> {
        let text = match self {
            Self::Compound => COMPOUND.to_owned(),
            Self::Plan(task) => plan(memory, task)?,
        };
        Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]))
    }
}

fn plan(memory: &mut Memory, task: &str) -> Result<String, ErrorData> {
    let query = Query { mode: Mode::Full, limit: LESSONS, ..Query::new(task) };
    let known = recall::text(memory, query, TOKENS)
        .map_err(|error| ErrorData::internal_error(told(&error), None))?;
    Ok(format!(
        "Plan this task:\n\n{task}\n\nWhat project `{}` has learned about it:\n\n{}\nBefore you plan, check \
         these lessons against the code as it is now. In the plan, say which of them you follow and by which \
         step, and which do not apply and why. Call `recall` again, with `paths`, for every part of the code \
         you come to plan a change in.\n",
        one_line(&memory.context.project.name),
        known
    ))
}
