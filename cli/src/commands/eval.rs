//! `cemem eval`: quality on labelled data, through the same code as real lessons.

use std::fmt::Write as _;
use std::path::Path;

use cemem_retrieve::Mode;
use cemem_retrieve::eval::{Asking, EvalError, Options, Report, evaluate, write_run};

use super::{JSON_VERSION, corrections, foreseen, pairs, replayed, suite};
use crate::args::EvalCommand;
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;

/// Results kept of every query, as the metrics need.
pub(super) const DEPTH: usize = 10;

pub(super) fn run(context: &mut Context, command: EvalCommand) -> Result<u8, CommandError> {
    match command {
        EvalCommand::Retrieval { data, mode, replay, run } => {
            retrieval(context, &data, &mode, replay, run.as_deref())
        }
        EvalCommand::Suite { folder, svg } => suite::run(context, &folder, svg.as_deref()),
        EvalCommand::Predict { sets, sessions, no_semantic, out } => {
            foreseen::run(context, &sets, &sessions, !no_semantic, out.as_deref())
        }
        EvalCommand::Outcomes { sessions, out } => {
            replayed::run(context, &sessions, out.as_deref())
        }
        EvalCommand::Corrections { turns, out } => corrections::run(context, &turns, &out),
        EvalCommand::Pairs(args) => pairs::run(context, &args),
    }
}

fn retrieval(
    context: &Context,
    data: &Path,
    mode: &str,
    replay: bool,
    run: Option<&Path>,
) -> Result<u8, CommandError> {
    let mode = Mode::parse(mode)
        .ok_or_else(|| CommandError::Internal(format!("clap let the mode `{mode}` through")))?;
    let work = tempfile::tempdir().map_err(CommandError::from)?;
    let options = Options {
        data: absolute(data)?,
        mode,
        asking: Asking { replay: replay.then_some(1.0), ..Asking::default() },
        work: work.path().to_owned(),
        cache: Some(context.home.cache_dir().join("eval-vectors")),
        semantic: context.semantic(mode.uses_vectors())?,
        limit: DEPTH,
    };
    let (report, rows) = evaluate(&options).map_err(|e| failed(data, e))?;
    if let Some(path) = run {
        write_run(&absolute(path)?, &rows)?;
    }
    if context.ui.json {
        let mut value = serde_json::to_value(&report)?;
        if let Some(object) = value.as_object_mut() {
            object.insert("version".into(), JSON_VERSION.into());
        }
        context.ui.print_json(&value)?;
    } else {
        context.ui.print(&table(&report))?;
    }
    Ok(exit_code::OK)
}

/// Says which set could not be measured.
pub(super) fn failed(data: &Path, error: EvalError) -> CommandError {
    CommandError::User {
        message: format!("cannot measure `{}`", data.display()),
        source: Some(Box::new(error)),
        hint: None,
    }
}

fn table(report: &Report) -> String {
    let mut out = format!(
        "{} documents, {} queries, mode {}\n{:<24}     n    R@1    R@5   R@10  Hit@5    MRR nDCG@10\n",
        report.docs, report.queries, report.mode, ""
    );
    // Writing to a string cannot fail.
    for (name, m) in &report.summary.by_type {
        let _ignored = writeln!(
            out,
            "{name:<24} {:>5}  {:.3}  {:.3}  {:.3}  {:.3}  {:.3}  {:.3}",
            m.n, m.recall_1, m.recall_5, m.recall_10, m.hit_5, m.mrr, m.ndcg_10
        );
    }
    let s = &report.summary;
    if s.negatives > 0 {
        let share = s.negatives_empty as f64 / s.negatives as f64;
        let _ignored = writeln!(
            out,
            "negatives                {:>5}  answered with nothing: {share:.3}",
            s.negatives
        );
    }
    let _ignored = writeln!(out, "positives answered with nothing: {}", s.positives_empty);
    let _ignored = writeln!(
        out,
        "per query p50 {:.2} ms, p95 {:.2} ms; indexing {:.1} s",
        report.p50_ms,
        report.p95_ms,
        report.index_ms / 1000.0
    );
    out
}
