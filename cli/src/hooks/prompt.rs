//! Lessons for a prompt, in time.
//!
//! Owns what is asked and how long the model is waited for: its answer where it comes in time, the
//! one by words alone where not. Must not rank: retrieval does, and says when nothing is relevant.

use std::sync::mpsc;

use cemem_core::Store;
use cemem_core::store::SessionRef;
use cemem_retrieve::{Answer, Engine, Filter, Mode, Query, Semantic};

use super::Call;
use super::answer::Telling;
use crate::command_error::CommandError;
use crate::runtime;

/// Most lessons for one prompt.
const LESSONS: usize = 5;
/// Most tokens for one prompt.
const BUDGET: usize = 700;
/// Fewer letters and digits than this ask nothing: "yes", "go on".
const LEAST: usize = 8;
/// The share of the time after which the model is not waited for any more.
const PATIENCE: f64 = 0.6;

pub(super) fn answer(call: &Call<'_>, store: Store) -> Result<Option<String>, CommandError> {
    let prompt = call.input.prompt.trim();
    // A slash command is the engine's business, and `!` runs a command.
    let said = prompt.chars().filter(|c| c.is_alphanumeric()).count();
    if said < LEAST || prompt.starts_with(['/', '!']) || store.lesson_seq()? == 0 {
        return Ok(None);
    }
    let query = Query {
        limit: LESSONS,
        filter: Filter { exclude: seen(call, &store)?, ..Filter::default() },
        ..Query::new(prompt)
    };
    let answer = match hybrid(call, &query) {
        Some(answer) => answer,
        None => by_words(call, &store, query)?,
    };
    let lessons = answer.results.into_iter().map(|hit| hit.lesson).collect();
    let place = prompt.to_owned();
    Telling { lessons, budget: BUDGET, place, again: false, tail: "" }.answer(call, store)
}

fn seen(call: &Call<'_>, store: &Store) -> Result<Vec<cemem_core::LessonId>, CommandError> {
    let session: Option<SessionRef> = call.session();
    Ok(match session {
        Some(session) => store.seen_by(&session)?.into_iter().collect(),
        None => Vec::new(),
    })
}

/// Returns the answer in which the model took part, if it came in time. The thread that is late is
/// left behind: the process ends without it.
fn hybrid(call: &Call<'_>, query: &Query) -> Option<Answer> {
    let runtime = runtime::find(&call.home);
    if runtime.is_none() && cfg!(not(feature = "bundled-onnxruntime")) {
        return None;
    }
    let (index, path) = (call.home.index_dir(&call.project), call.home.store_path(&call.project));
    let (query, clock) = (Query { mode: Mode::Hybrid, ..query.clone() }, call.clock);
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut engine = Engine::new(&index, Semantic::Shipped { runtime });
        engine.prepare(query.mode);
        let answer = Store::open(&path, clock).ok().and_then(|s| engine.recall(&s, &query).ok());
        // Nobody may be waiting any more.
        let _late = send.send(answer);
        // Its end would wait for a model that is still loading.
        std::mem::forget(engine);
    });
    receive.recv_timeout(call.deadline.left(PATIENCE)).ok().flatten()
}

fn by_words(call: &Call<'_>, store: &Store, query: Query) -> Result<Answer, CommandError> {
    let mut engine = Engine::new(&call.home.index_dir(&call.project), Semantic::Off);
    Ok(engine.recall(store, &Query { mode: Mode::Lexical, ..query })?)
}
