//! `cemem eval predict`: what would have been predicted, by time.
//!
//! Owns reading sets and sessions for it and the table. Must not touch the project's own memory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use cemem_core::durable::write_durable;
use cemem_retrieve::Mode;
use cemem_retrieve::eval::predict::{Outcome, Pair, came_again, cited, sum_up};
use cemem_retrieve::eval::{Asking, Options, Prepared};
use serde_json::json;

use super::learned::learned_from;
use super::{JSON_VERSION, eval};
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;

pub(super) fn run(
    context: &Context,
    sets: &[PathBuf],
    sessions: &[PathBuf],
    with_model: bool,
    out: Option<&Path>,
) -> Result<u8, CommandError> {
    let mut pairs = Vec::new();
    for set in sets {
        pairs.extend(of_set(context, set, with_model)?);
    }
    if !sessions.is_empty() {
        pairs.extend(came_again(&learned_from(context, sessions)?)?);
    }
    if let Some(out) = out {
        let rows: Result<Vec<String>, _> = pairs.iter().map(serde_json::to_string).collect();
        let text: String = rows?.iter().map(|row| format!("{row}\n")).collect();
        write_durable(&absolute(out)?, text.as_bytes())?;
    }
    let outcomes = sum_up(&pairs);
    if context.ui.json {
        context.ui.print_json(&json!({ "version": JSON_VERSION, "kinds": outcomes }))?;
    } else {
        let tables: String = outcomes.iter().map(|(kind, outcome)| table(kind, outcome)).collect();
        context.ui.print(&tables)?;
    }
    Ok(exit_code::OK)
}

fn of_set(context: &Context, set: &Path, with_model: bool) -> Result<Vec<Pair>, CommandError> {
    let work = tempfile::tempdir().map_err(CommandError::from)?;
    let options = Options {
        data: absolute(set)?,
        mode: if with_model { Mode::Full } else { Mode::Lexical },
        asking: Asking::default(),
        work: work.path().to_owned(),
        cache: Some(context.home.cache_dir().join("eval-vectors")),
        semantic: context.semantic(with_model)?,
        limit: usize::MAX,
    };
    let measured = Prepared::new(&options, true).and_then(|prepared| cited(&prepared, &options));
    let name = set.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut pairs = measured.map_err(|e| eval::failed(set, e))?;
    pairs.iter_mut().for_each(|pair| pair.kind = format!("{name} {}", pair.kind));
    Ok(pairs)
}

fn table(kind: &str, outcome: &Outcome) -> String {
    let mut out = format!(
        "{kind}: {} tasks, {} pairs, {} weighed, {} came true\n{:<12}   AUC     AP  hit@3\n",
        outcome.tasks, outcome.pairs, outcome.weighed, outcome.came, ""
    );
    // Writing to a string cannot fail.
    for (name, f) in [
        ("predicted", outcome.predicted),
        ("base rate", outcome.by_base),
        ("words", outcome.by_words),
    ] {
        let _ignored = writeln!(out, "{name:<12} {:.3}  {:.3}  {:.3}", f.auc, f.ap, f.hit_3);
    }
    let _ignored = writeln!(
        out,
        "shown: precision {:.3}, recall {:.3}; Brier {:.4} (constant {:.4})",
        outcome.precision, outcome.recall, outcome.brier.0, outcome.brier.1
    );
    for (from, n, said, came) in &outcome.calibration {
        let _ignored =
            writeln!(out, "  from {from:.2}  {n:>5} pairs  said {said:.3}  came {came:.3}");
    }
    out.push('\n');
    out
}
