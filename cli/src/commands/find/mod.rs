//! `cemem find`: the answer of `recall` in the shape that compound-cli gives its own, schema version 1,
//! so that what reads the one can read the other, without a key or a network.
//!
//! | module | owns |
//! |---|---|
//! | `state` | what was said of the work |
//! | `diff` | what a diff touches |
//! | `markdown` | documents in sections with their lines |
//! | `hit` | one lesson as a hit, its document read again for the passage |
//! | `choose` | which lessons may be answered at all |
//! | `overlap` | how far a draft repeats what is known |
//!
//! Owns the envelope, the scores in it and the exit code. Must not rank: `recall` does. It writes nothing
//! but the note of what was shown.

mod choose;
mod diff;
mod hit;
mod markdown;
mod overlap;
mod state;

use std::fmt::Write as _;
use std::fs;
use std::time::Instant;

use cemem_core::{Channel, Store};
use cemem_ingest::Redactor;
use cemem_retrieve::{Answer, Filter, Hit, Mode, Note, Query, rank};
use serde_json::{Value, json};

use self::choose::Chosen;
use self::hit::Found;
use self::overlap::Parts;
use self::state::State;
use super::recall;
use crate::args::FindArgs;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::similarity::Sentences;
use crate::ui::{one_line, report};
use crate::{exit_code, models};

/// Version of the shape, compound-cli's.
const SCHEMA_VERSION: u32 = 1;
/// Least overlap of a draft with what it repeats.
const REPEATS: f32 = 0.5;

pub(super) fn run(context: &mut Context, args: &FindArgs) -> Result<u8, CommandError> {
    let began = Instant::now();
    let state = State::new(args)?;
    let mut store = context.store_to_read()?;
    let chosen = choose::choose(&store, args)?;
    let query = Query {
        mode: Mode::Full,
        limit: recall::BUDGET_POOL,
        // Where nothing is relevant, the chance that something is belongs to the answer too.
        keep_irrelevant: true,
        filter: Filter { among: chosen.among.clone(), ..Filter::default() },
        ..Query::new(state.question())
    };
    let mut engine = context.engine(true)?;
    engine.prepare(query.mode);
    let answer = recall::answer(context, &mut engine, &store, &query)?;
    if answer.n_lessons == 0 {
        let name = &context.project.name;
        let error = CommandError::user(format!("project `{name}` has no lessons yet"))
            .hint("`cemem ingest` reads its sessions, its rules and its `docs/solutions`");
        report(&error, context.ui.json);
        return Ok(exit_code::NO_LESSONS);
    }
    let found = judged(context, args, &state, &answer);
    let model = engine.model_id().filter(|_| !by_words(&answer));
    let envelope = envelope(args, (&state, &chosen), &answer, &found, model, began);
    if context.ui.json {
        context.ui.print_json(&envelope)?;
    } else if args.compact {
        context.ui.print(&compact(&found, &envelope))?;
    } else {
        told(context, &store, &found, &answer)?;
    }
    let shown: Vec<&Hit> = found.iter().filter(|f| f.is_hit).map(|f| f.hit).collect();
    note(&mut store, &shown, args, &state);
    Ok(exit_code::OK)
}

/// Notes what was shown for a piece of work; comparing a draft is none.
fn note(store: &mut Store, shown: &[&Hit], args: &FindArgs, state: &State) {
    if !args.overlap {
        recall::record(store, shown, &state.question(), Channel::Recall);
    }
}

/// Returns what was found with the score it has here, best first.
///
/// Recall says how likely it is that its best lesson is useful; every other one has the part of that
/// chance that its own score is of the best one's.
fn judged<'a>(
    context: &Context,
    args: &FindArgs,
    state: &State,
    answer: &'a Answer,
) -> Vec<Found<'a>> {
    let redactor = Redactor::new();
    let words = state.words();
    let best = answer.results.first().map_or(0.0, |hit| hit.score).max(1e-6);
    let draft = state.draft.as_deref().filter(|_| args.overlap).map(Parts::of_document);
    let sentences = Sentences::new(context, draft.is_some());
    let least = threshold(args, answer);
    let own = draft.as_ref().and(args.doc.as_deref()).and_then(|doc| fs::canonicalize(doc).ok());
    let is_draft = |hit: &Hit| {
        own.as_deref().is_some_and(|own| hit::is_of_document(context, &hit.lesson, own))
    };
    let mut found: Vec<Found<'a>> = Vec::new();
    // A draft that was read already repeats itself.
    for hit in answer.results.iter().filter(|hit| !is_draft(hit)) {
        let file = hit::file_of(context, &hit.lesson, &redactor);
        let overlap = draft.as_ref().map(|draft| {
            let known = match &file {
                Some(file) => Parts::of_document(&file.text),
                None => Parts::of_lesson(&hit.lesson),
            };
            draft.overlap(&known, &sentences)
        });
        let chance = hit.why.get("chance").copied().unwrap_or(0.0);
        let share = (hit.score / best).clamp(0.0, 1.0);
        let score = overlap.map_or(chance * share, |overlap| overlap.overall);
        let shape = hit::shape(&hit.lesson, file.as_ref(), &words, &redactor);
        found.push(Found { hit, score, overlap, shape, is_hit: score >= least });
    }
    found.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| a.hit.lesson.id.cmp(&b.hit.lesson.id))
    });
    found
}

/// Returns the least score of a hit.
fn threshold(args: &FindArgs, answer: &Answer) -> f32 {
    let recalls = rank::least_chance(if by_words(answer) { Mode::Lexical } else { Mode::Full });
    args.threshold.unwrap_or(if args.overlap { REPEATS } else { recalls })
}

/// Returns whether the answer is one by words alone.
fn by_words(answer: &Answer) -> bool {
    answer.notes.iter().any(|note| matches!(note, Note::SemanticOff(_)))
}

/// Returns a score with four decimals.
fn rounded(score: f32) -> f64 {
    (f64::from(score) * 10_000.0).round() / 10_000.0
}

fn envelope(
    args: &FindArgs,
    (state, chosen): (&State, &Chosen),
    answer: &Answer,
    found: &[Found<'_>],
    model: Option<&str>,
    began: Instant,
) -> Value {
    let hits: Vec<Value> = found.iter().filter(|f| f.is_hit).map(Found::json).collect();
    let threshold = rounded(threshold(args, answer));
    let best = found.first().map_or(0.0, |f| rounded(f.score));
    let gate = json!({ "probability": best, "threshold": threshold, "hits": hits.len() });
    let mut warnings: Vec<String> = answer.notes.iter().map(models::told).collect();
    warnings.extend(chosen.warnings.iter().cloned());
    json!({
        "schema_version": SCHEMA_VERSION,
        "mode": match (args.gate, args.overlap) {
            (true, _) => "gate",
            (_, true) => "overlap",
            _ => "find",
        },
        "state": state,
        "nothing_relevant": hits.is_empty(),
        "hits": hits,
        "threshold": threshold,
        "suggest_threshold": threshold,
        "tier_one_threshold": threshold,
        "frontmatter_only": false,
        "gate": args.gate.then_some(gate),
        "usage": {
            "requests": 0, "input_tokens": 0, "output_tokens": 0, "estimated_usd": 0.0,
            "wall_ms": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "model": model.unwrap_or("words"),
        },
        "corpus": {
            "solutions": answer.n_lessons, "pack_rules": 0, "pack_candidates": 0,
            "judged": answer.n_lessons.saturating_sub(chosen.filtered_out.total), "tier_two_judged": found.len(), "prefilter_dropped": 0,
            "prefilter_dropped_protected": 0, "candidate_cap": answer.n_lessons,
            "filtered_out": chosen.filtered_out,
        },
        "warnings": warnings,
    })
}

/// Returns one line a hit, and a last one with the counts.
fn compact(found: &[Found<'_>], envelope: &Value) -> String {
    let mut out = String::new();
    let mut n = 0;
    for found in found.iter().filter(|f| f.is_hit) {
        n += 1;
        let shape = &found.shape;
        // Writing to a string cannot fail.
        let _ignored = writeln!(
            out,
            "{}\t{:.2}\tsolution\t-\t{}-{}",
            one_line(&shape.path),
            found.score,
            shape.passage.start_line,
            shape.passage.end_line
        );
    }
    let (corpus, usage) = (&envelope["corpus"], &envelope["usage"]);
    let _ignored = writeln!(
        out,
        "# hits={n} nothing_relevant={} threshold={} judged={} solutions={} pack_rules=0 \
         pack_candidates=0 requests=0 tokens=0 usd=0.0000 ms={}",
        n == 0,
        envelope["threshold"],
        corpus["judged"],
        corpus["solutions"],
        usage["wall_ms"]
    );
    out
}

/// Prints the hits for a person.
fn told(
    context: &Context,
    store: &Store,
    found: &[Found<'_>],
    answer: &Answer,
) -> Result<(), CommandError> {
    let mut out = String::new();
    for found in found.iter().filter(|f| f.is_hit) {
        let (shape, lesson) = (&found.shape, &found.hit.lesson);
        // Writing to a string cannot fail.
        let _ignored = writeln!(
            out,
            "{:.2}  {}:{}-{}  {}\n      {}  {}",
            found.score,
            one_line(&shape.path),
            shape.passage.start_line,
            shape.passage.end_line,
            one_line(&shape.title),
            lesson.id,
            one_line(&lesson.rule)
        );
    }
    if out.is_empty() {
        context.ui.say(&recall::nothing(context, store, answer));
    }
    context.ui.print(&out)
}
