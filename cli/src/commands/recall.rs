//! `cemem recall`: the few lessons that matter for a task, or an honest "nothing relevant".

use std::time::Duration;

use cemem_core::exchange::shorten;
use cemem_core::id::digest;
use cemem_core::lesson::LessonStatus;
use cemem_core::store::{LessonFilter, Store};
use cemem_core::{Channel, Exposure};
use cemem_ingest::Redactor;
use cemem_retrieve::{
    Answer, Engine, Filter, Hit, Mode, Note, Pack, Query, RetrieveError, SemanticOff, pack,
};
use serde_json::{Value, json};

use super::{JSON_VERSION, as_of, elsewhere, show, text_of};
use crate::args::RecallArgs;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::hooks::capture;
use crate::ui::one_line;
use crate::{exit_code, models};

/// Results considered for a token budget: more than a block can hold.
pub(crate) const BUDGET_POOL: usize = 30;
/// Longest query kept with a showing, in characters.
const MAX_ASKED: usize = 200;
/// Longest wait for another writer before a showing is left unrecorded.
const PATIENCE: Duration = Duration::from_millis(5);

pub(super) fn run(context: &mut Context, args: &RecallArgs) -> Result<u8, CommandError> {
    let query = query(context, args)?;
    let mut engine = context.engine(!args.no_semantic)?;
    // Loads the model while the store and the index are opened.
    engine.prepare(query.mode);
    let mut store = context.store_to_read()?;
    let as_of = args.as_of.as_deref().map(as_of::date).transpose()?;
    let answer = match as_of {
        Some(date) => as_of::recall(&engine, &store, &query, date)?,
        None => {
            let mut answer = answer(context, &mut engine, &store, &query)?;
            elsewhere::join(context, &engine, &store, &query, args.all_projects, &mut answer);
            answer
        }
    };
    if let Some(date) = as_of {
        context.ui.say(&format!("as of {}", date.date()));
    }
    for note in answer.notes.iter().filter(|note| is_news(context, note)) {
        context.ui.say(&format!("note: {}", models::told(note)));
    }
    // Tokens are counted only for who wants to know: that takes a tokenizer.
    let budget = args.budget.or(context.ui.json.then_some(usize::MAX));
    let block = budget.map(|budget| pack(&answer.results, budget));
    let shown = shown(&answer, block.as_ref());
    if let (true, Some(block)) = (context.ui.json, &block) {
        context.ui.print_json(&envelope(context, &answer, block, &shown, args))?;
    } else if answer.results.is_empty() {
        context.ui.say(&nothing(context, &store, &answer));
    } else if let (Some(block), Some(budget)) = (&block, args.budget) {
        context.ui.print(&block.text)?;
        if block.included.is_empty() {
            context.ui.say(&format!("no lesson fits into {budget} tokens"));
        }
    } else {
        let text: String = shown.iter().map(|hit| entry(hit, args)).collect();
        context.ui.print(&text)?;
    }
    // Who asks how the scores came about looks at the ranking, and who asks for the past at history:
    // neither wants help.
    if !args.explain && as_of.is_none() {
        record(&mut store, &shown, &query.text, Channel::Recall);
    }
    // Who waits for another model need not wait for the next session to end.
    if answer.notes.iter().any(|note| matches!(note, Note::ModelPending { .. }))
        && store.check_writable().is_ok()
    {
        capture::start_for_vectors(context);
    }
    Ok(exit_code::OK)
}

/// Answers a query; see [`ask`].
///
/// # Errors
/// When lessons could not be looked for.
pub(crate) fn answer(
    context: &Context,
    engine: &mut Engine,
    store: &Store,
    query: &Query,
) -> Result<Answer, CommandError> {
    ask(context, engine, store, |engine| engine.recall(store, query))
}

/// Asks an engine, or one over a private copy of the indexes where they can neither be read nor caught up in
/// their place.
///
/// # Errors
/// When nobody could look.
pub(crate) fn ask<T>(
    context: &Context,
    engine: &mut Engine,
    store: &Store,
    question: impl Fn(&mut Engine) -> Result<T, RetrieveError>,
) -> Result<T, CommandError> {
    let error = match question(engine) {
        Ok(answer) => return Ok(answer),
        Err(error @ RetrieveError::Store(_)) => return Err(error.into()),
        Err(error) => error,
    };
    let copy = context.scratch_index()?;
    let mut engine = engine.elsewhere(copy.path());
    let answer = question(&mut engine).map_err(|_| CommandError::from(error))?;
    // On a store that is read-only this is as it should be.
    if store.check_writable().is_ok() {
        context.ui.warn("the search index cannot be used in its place: `cemem doctor` tells why");
    }
    Ok(answer)
}

/// Returns the results that reach the reader: those of the block, if they are packed.
pub(crate) fn shown<'a>(answer: &'a Answer, block: Option<&Pack>) -> Vec<&'a Hit> {
    let Some(block) = block else { return answer.results.iter().collect() };
    answer.results.iter().filter(|hit| block.included.contains(&hit.lesson.id)).collect()
}

/// Notes which lessons were shown, now that they are: later sessions decide what became of them.
/// Where that cannot be done at once it is left, because the answer is what was asked for.
pub(crate) fn record(store: &mut Store, shown: &[&Hit], asked: &str, channel: Channel) {
    // The store knows nothing of lessons of other memories.
    let shown: Vec<_> = shown.iter().filter(|hit| hit.origin.is_none()).collect();
    if shown.is_empty() || store.check_writable().is_err() {
        return;
    }
    // What a person asks may hold a secret; a log pasted as a query may be long.
    let head: String = asked.chars().take(4 * MAX_ASKED).collect();
    let place = shorten(&one_line(&Redactor::new().redact(&head)), MAX_ASKED);
    let ts = store.clock().now();
    let rows: Vec<Exposure> = (0_u32..)
        .zip(shown)
        .map(|(rank, hit)| Exposure {
            lesson: hit.lesson.id.clone(),
            ts,
            until: None,
            channel,
            session: None,
            place: place.clone(),
            rank,
        })
        .collect();
    let _unrecorded = store.record_exposures_in_passing(&rows, PATIENCE);
}

/// Returns whether a note is worth saying: that there is no runtime, or not the model that is set, is said
/// once on a machine, not with every recall. `--json` has every note, and `cemem doctor` tells at any time.
pub(super) fn is_news(context: &Context, note: &Note) -> bool {
    let told = match note {
        Note::SemanticOff(SemanticOff::Disabled) => return false,
        Note::SemanticOff(_) => "told-words-only".to_owned(),
        Note::OtherModel { off, .. } | Note::NotReranked(off) => {
            format!("told-{}", &digest([off.to_string()])[..8])
        }
        _ => return true,
    };
    let told = context.home.cache_dir().join(told);
    let first = !told.exists();
    if first {
        // If it cannot be remembered, it is said again: no harm.
        let _unwritten = cemem_core::durable::create_private_dir(&context.home.cache_dir())
            .and_then(|()| cemem_core::durable::open_private(&told).map(drop));
    }
    first
}

fn query(context: &Context, args: &RecallArgs) -> Result<Query, CommandError> {
    let since = super::since(args.since.as_deref())?;
    Ok(Query {
        mode: if args.no_semantic { Mode::Lexical } else { Mode::Full },
        limit: if args.budget.is_some() { args.limit.max(BUDGET_POOL) } else { args.limit },
        filter: Filter {
            types: args.types.clone(),
            stages: args.stage.into_iter().collect(),
            paths: args.paths.iter().map(|path| context.path_in_project(path)).collect(),
            since,
            ..Filter::default()
        },
        rerank: true,
        ..Query::new(text_of(&args.query)?)
    })
}

/// Says that there is nothing, where was looked, and among how many.
pub(crate) fn nothing(context: &Context, store: &Store, answer: &Answer) -> String {
    let name = &context.project.name;
    let elsewhere = match answer.n_elsewhere {
        0 => String::new(),
        n => format!(" and {n} of other memories"),
    };
    let waiting = || {
        let waiting = LessonFilter { statuses: vec![LessonStatus::Candidate], types: Vec::new() };
        store.lessons(&waiting).map_or(0, |lessons| lessons.len())
    };
    match answer.n_lessons {
        0 if answer.n_elsewhere > 0 => {
            format!(
                "nothing relevant: project `{name}` has no lessons yet; looked at none{elsewhere}"
            )
        }
        0 => match waiting() {
            0 => format!("project `{name}` has no lessons yet: `cemem ingest` reads its sessions"),
            n => format!(
                "project `{name}` has no lessons that are recalled yet: {n} wait in `cemem review`"
            ),
        },
        1 => format!("nothing relevant: looked at the 1 lesson of project `{name}`{elsewhere}"),
        n => format!("nothing relevant: looked at the {n} lessons of project `{name}`{elsewhere}"),
    }
}

fn entry(hit: &Hit, args: &RecallArgs) -> String {
    let mut out = format!("{:.2}  {}", hit.score, show::brief(&hit.lesson));
    if let Some(origin) = &hit.origin {
        out.push_str(&format!("    learned in {}, may not hold here\n", one_line(origin)));
    }
    if args.as_of.is_some() {
        out.push_str(&format!("    {}\n", as_of::span(&hit.lesson)));
    }
    if let Some(evidence) = hit.lesson.evidence.first() {
        out.push_str(&show::quote(evidence));
    }
    if args.explain {
        let parts: Vec<_> = hit.why.iter().map(|(name, v)| format!("{name} {v:.3}")).collect();
        out.push_str(&format!("    why: {}\n", parts.join(", ")));
    }
    out
}

fn envelope(
    context: &Context,
    answer: &Answer,
    block: &Pack,
    shown: &[&Hit],
    args: &RecallArgs,
) -> Value {
    let results: Vec<Value> = shown
        .iter()
        .map(|hit| {
            let l = &hit.lesson;
            json!({
                "id": l.id, "type": l.lesson_type, "title": l.title, "rule": l.rule,
                "score": hit.score, "why": hit.why, "status": l.status, "trust": l.trust,
                "confidence": l.confidence, "support": l.support, "reason": l.why,
                "applies_when": l.applies_when, "evidence": l.evidence,
                "stale": l.is_doubtful(), "doubt": show::doubt(l),
                "valid_from": l.valid_from, "valid_to": l.valid_to,
                "superseded_by": l.superseded_by, "origin": hit.origin,
            })
        })
        .collect();
    let notes: Vec<_> = answer.notes.iter().map(models::told).collect();
    json!({
        "version": JSON_VERSION,
        "project": context.project.name,
        "project_id": context.project.id,
        "as_of": args.as_of,
        "n_lessons": answer.n_lessons,
        "n_elsewhere": answer.n_elsewhere,
        "nothing_relevant": answer.results.is_empty(),
        "results": results,
        "tokens": block.tokens,
        "context": args.budget.map(|_| block.text.clone()),
        "notes": notes,
    })
}
