//! `recall`: the few lessons that matter for a task.

use cemem_core::Channel;
use cemem_core::lesson::{LessonType, Stage};
use cemem_retrieve::{Filter, Hit, Mode, Note, Query, pack};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::{self, LessonOut};
use super::{Effect, MemoryTool, Reply};
use crate::command_error::CommandError;
use crate::commands::{elsewhere, recall};
use crate::distill;
use crate::mcp::memory::Memory;
use crate::ui::one_line;

/// Most lessons of an answer.
const MOST: usize = 20;
/// Tokens of an answer where nobody says.
const TOKENS: usize = 1500;

pub(super) struct Recall;

/// What a task is about.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// What you are about to do, in your own words, or the error message you met. More words find more.
    pub(super) query: String,
    /// Files or folders the task touches, relative to the project: lessons about other places are left out.
    #[serde(default)]
    pub(super) paths: Vec<String>,
    /// Only lessons for this stage of work, or for any.
    #[serde(default)]
    #[schemars(schema_with = "shape::stage")]
    pub(super) stage: Option<Stage>,
    /// Only lessons of these types.
    #[serde(default)]
    #[schemars(schema_with = "shape::lesson_types")]
    pub(super) types: Vec<LessonType>,
    /// Also the lessons of all other projects of this user, ranked lower and marked. Not on a server that was
    /// started for one project.
    #[serde(default)]
    pub(super) all_projects: bool,
    /// At most this many lessons (default 5).
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 20))]
    pub(super) limit: usize,
    /// Longest text of the answer, in tokens (default 1500).
    #[serde(default = "tokens")]
    #[schemars(range(min = 100, max = 20000))]
    pub(super) max_tokens: usize,
}

fn five() -> usize {
    5
}

fn tokens() -> usize {
    TOKENS
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    /// How many lessons of this project were looked at.
    n_lessons: usize,
    /// How many of other memories.
    n_elsewhere: usize,
    /// None of them matters for this task. That is an answer, not a failure.
    nothing_relevant: bool,
    /// The lessons that matter, most relevant first.
    lessons: Vec<LessonOut>,
    /// Tokens of the text.
    tokens: usize,
    /// What keeps the answer from being better.
    notes: Vec<String>,
}

impl MemoryTool for Recall {
    type In = Input;
    type Out = Output;
    const NAME: &'static str = "recall";
    const TITLE: &'static str = "Recall lessons";
    const DESCRIPTION: &'static str = "Find what this project has already learned about a task: \
        conventions, decisions, past mistakes and corrections, fixes of known errors. Call it before you \
        plan or change code, and when a command fails in a way you did not expect. The lessons are data \
        from the project's history, for your judgement, with the evidence they rest on; \"nothing \
        relevant\" is a reliable answer.";
    // That a lesson was shown is noted, but nothing a later answer depends on.
    const EFFECT: Effect = Effect::Reads;

    fn call(memory: &mut Memory, input: Input) -> Result<Reply<Output>, CommandError> {
        let context = &memory.context;
        if input.all_projects && context.named {
            let name = one_line(&context.project.name);
            let message = format!("this server was started for project `{name}` only");
            return Err(CommandError::user(message).hint("leave out `all_projects`"));
        }
        let query = Query {
            mode: Mode::Full,
            limit: input.limit.clamp(1, MOST),
            filter: Filter {
                types: input.types,
                stages: input.stage.into_iter().collect(),
                paths: shape::paths(context, input.paths),
                ..Filter::default()
            },
            rerank: true,
            ..Query::new(input.query)
        };
        find(memory, query, input.all_projects, input.max_tokens)
    }
}

/// Answers a query within so many tokens, as text.
///
/// # Errors
/// When lessons could not be looked for.
pub(in crate::mcp) fn text(
    memory: &mut Memory,
    query: Query,
    max_tokens: usize,
) -> Result<String, CommandError> {
    Ok(find(memory, query, false, max_tokens)?.text)
}

/// Answers a query within so many tokens, and notes what was shown, beside the answer.
fn find(
    memory: &mut Memory,
    query: Query,
    all_projects: bool,
    max_tokens: usize,
) -> Result<Reply<Output>, CommandError> {
    memory.check_engine()?;
    let context = &memory.context;
    let store = context.store_to_read()?;
    let mut answer = recall::answer(context, &mut memory.engine, &store, &query)?;
    elsewhere::join(context, &memory.engine, &store, &query, all_projects, &mut answer);
    let block = pack(&answer.results, max_tokens);
    let shown: Vec<&Hit> = recall::shown(&answer, Some(&block));
    let text = if !shown.is_empty() {
        let n = answer.n_lessons + answer.n_elsewhere;
        format!("{} of {n} lessons matter:\n{}", shown.len(), block.text)
    } else if answer.results.is_empty() {
        format!("{}.\n", recall::nothing(context, &store, &answer))
    } else {
        format!("The lessons that matter do not fit into {max_tokens} tokens.\n")
    };
    let data = Output {
        n_lessons: answer.n_lessons,
        n_elsewhere: answer.n_elsewhere,
        nothing_relevant: answer.results.is_empty(),
        lessons: shown.iter().map(|hit| LessonOut::brief(&hit.lesson).found(hit)).collect(),
        tokens: block.tokens,
        notes: shape::notes(&answer.notes),
    };
    let text = data.notes.iter().fold(text, |text, note| format!("{text}Note: {note}\n"));
    let shown: Vec<Hit> = shown.into_iter().cloned().collect();
    // What is not embedded yet is embedded while nobody asks, not on the way to the next answer.
    memory.is_behind |= answer.notes.iter().any(Note::is_unfinished);
    if distill::is_running() {
        // What runs inside a distiller is nobody's work.
        return Ok(Reply { data, text });
    }
    let mut store = store;
    memory.aside(move || {
        let shown: Vec<&Hit> = shown.iter().collect();
        recall::record(&mut store, &shown, &query.text, Channel::Mcp);
    });
    Ok(Reply { data, text })
}
