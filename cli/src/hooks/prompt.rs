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
use crate::config::Config;
use crate::{models, runtime};

/// Most lessons for one prompt.
const LESSONS: usize = 5;
/// Most tokens for one prompt.
const BUDGET: usize = 700;
/// Fewer letters and digits than this ask nothing: "yes", "go on".
const LEAST: usize = 8;
/// A sign of Chinese, Japanese or Korean says about as much as so many letters.
const WIDE: usize = 3;
/// The share of the time after which the model is not waited for any more.
const PATIENCE: f64 = 0.6;

pub(super) fn answer(call: &Call<'_>, store: Store) -> Result<Option<String>, CommandError> {
    let prompt = asked(&call.input.prompt);
    if said(prompt) < LEAST || store.lesson_seq()? == 0 {
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
    Telling { lessons, budget: BUDGET, place, tail: "" }.answer(call, store)
}

/// Returns what a prompt asks: what follows the name of a slash command; nothing for `!`, which runs a
/// command.
fn asked(prompt: &str) -> &str {
    let prompt = prompt.trim();
    let is_name = |word: &str| {
        word.chars().all(|c| c.is_alphanumeric() || matches!(c, ':' | '-' | '_' | '.'))
    };
    let (first, rest) = prompt.split_once(char::is_whitespace).unwrap_or((prompt, ""));
    match first.strip_prefix('/') {
        Some(name) if is_name(name) => rest.trim_start(),
        _ if prompt.starts_with('!') => "",
        _ => prompt,
    }
}

/// Returns how much a prompt says, in letters and digits.
fn said(prompt: &str) -> usize {
    let is_wide = |c: char| ('\u{2e80}'..='\u{d7ff}').contains(&c) || c >= '\u{20000}';
    prompt.chars().filter(|c| c.is_alphanumeric()).map(|c| if is_wide(c) { WIDE } else { 1 }).sum()
}

/// Returns what need not be told: what the session has seen, and what stands in files it reads.
fn seen(call: &Call<'_>, store: &Store) -> Result<Vec<cemem_core::LessonId>, CommandError> {
    let session: Option<SessionRef> = call.session();
    let mut seen = store.standing_lessons()?;
    if let Some(session) = session {
        seen.extend(store.seen_by(&session)?);
    }
    Ok(seen.into_iter().collect())
}

/// Returns the answer in which the model took part, if it came in time. The thread that is late is
/// left behind: the process ends without it.
fn hybrid(call: &Call<'_>, query: &Query) -> Option<Answer> {
    let runtime = runtime::find(&call.home);
    if runtime.is_none() && cfg!(not(feature = "bundled-onnxruntime")) {
        return None;
    }
    // A name that nobody knows is told by every other command.
    let set = Config::load(&call.home).and_then(|c| models::embedding(&call.home, &c.models));
    let semantic = set.unwrap_or(Semantic::Shipped { runtime });
    let (index, path) = (call.home.index_dir(&call.project), call.home.store_path(&call.project));
    let (query, clock) = (Query { mode: Mode::Hybrid, ..query.clone() }, call.clock);
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut engine = Engine::new(&index, semantic);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_asked_about_what_follows_its_name() {
        for (prompt, question) in [
            ("/ce:plan add a check\nfor berths", "add a check\nfor berths"),
            ("/clear", ""),
            ("/home/me/src/x.rs lets two in", "/home/me/src/x.rs lets two in"),
            ("!rm -r build", ""),
            ("  fix it / them ", "fix it / them"),
        ] {
            assert_eq!(asked(prompt), question, "{prompt}");
        }
    }

    #[test]
    fn short_words_say_little_and_a_short_chinese_sentence_enough() {
        assert!(said("go on") < LEAST && said("好的") < LEAST);
        assert!(said("修复泊位重复") >= LEAST && said("예약 중복 수정") >= LEAST);
    }
}
