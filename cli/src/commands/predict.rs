//! `cemem predict`: which past mistakes and recurring findings a change is about to repeat.
//!
//! Owns reading the change and telling the answer, also for the tool of the same name. Must not weigh:
//! `cemem_retrieve::predict` does.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use cemem_core::durable::IoResultExt as _;
use cemem_core::exchange::shorten;
use cemem_core::store::Store;
use cemem_retrieve::predict::ask::SHOWN;
use cemem_retrieve::predict::{Change, Diff, Prediction, Risk, predict};
use cemem_retrieve::{Engine, Mode};
use serde_json::{Value, json};

use super::{JSON_VERSION, recall, show};
use crate::args::PredictArgs;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::ui::one_line;
use crate::{exit_code, models};

/// Most of a diff or plan that is read, in bytes: more is no change a person means.
const MAX_INPUT: usize = 4 << 20;
/// Longest way out told in a list, in characters.
const FIX: usize = 400;

pub(super) fn run(context: &mut Context, args: &PredictArgs) -> Result<u8, CommandError> {
    let stdin = Path::new("-");
    if [&args.diff, &args.plan].into_iter().flatten().filter(|p| *p == stdin).count() > 1 {
        return Err(CommandError::user("diff and plan cannot both come from stdin"));
    }
    let mut notes = Vec::new();
    let mut input = |path: Option<&Path>| path.map(|p| read(p, &mut notes)).transpose();
    let (diff, plan) = (input(args.diff.as_deref())?, input(args.plan.as_deref())?);
    let mut paths = Vec::new();
    for path in &args.paths {
        let path = context.path_in_project(path);
        if !context.project.root.join(&path).exists() {
            notes.push(format!("`{}` does not exist: only its name is known", one_line(&path)));
        }
        paths.push(path);
    }
    let change = change(diff.as_deref(), plan.as_deref(), &paths)?;
    let mode = if args.no_semantic { Mode::Lexical } else { Mode::Full };
    let mut engine = context.engine(!args.no_semantic)?;
    engine.prepare(mode);
    let store = context.store_to_read()?;
    let prediction = foresee(context, &mut engine, &store, mode, &change)?;
    notes.extend(remarks(&change));
    let news = prediction.notes.iter().filter(|note| recall::is_news(context, note));
    notes.extend(news.map(models::told));
    notes.iter().for_each(|note| context.ui.say(&format!("note: {note}")));
    let stops = args.gate.filter(|gate| prediction.risks.iter().any(|r| r.probability >= *gate));
    let likely = likely(&prediction, args.gate);
    let shown = &likely[..likely.len().min(args.limit)];
    if context.ui.json {
        let mut envelope = envelope(context, &change, &prediction, shown);
        envelope["n_likely"] = json!(likely.len());
        envelope["gate"] = json!(args.gate.map(|p| json!({ "p": p, "passed": stops.is_none() })));
        envelope["notes"] = json!(notes);
        context.ui.print_json(&envelope)?;
    } else if shown.is_empty() {
        context.ui.say(&nothing(context, &change, &prediction));
    } else {
        context.ui.print(&shown.iter().map(|risk| entry(risk)).collect::<String>())?;
        if shown.len() < likely.len() {
            let all = likely.len();
            context
                .ui
                .say(&format!("the first {} of {all}: `--limit {all}` shows all", shown.len()));
        }
    }
    if let Some(gate) = stops {
        context.ui.say(&format!("gate: something is at least {gate} likely to go wrong again"));
        return Ok(exit_code::FAILED);
    }
    Ok(exit_code::OK)
}

/// Reads a file or stdin, whatever its bytes are.
fn read(path: &Path, notes: &mut Vec<String>) -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    // A byte more than is looked at tells that there is more.
    let limit = MAX_INPUT as u64 + 1;
    if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).context("read", path)?;
    } else {
        let file = File::open(path).context("read", path)?;
        file.take(limit).read_to_end(&mut bytes).context("read", path)?;
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(bounded(&text, &path.display().to_string(), notes).to_owned())
}

/// Returns as much of a diff or plan as is looked at, and notes what is not.
pub(crate) fn bounded<'a>(text: &'a str, name: &str, notes: &mut Vec<String>) -> &'a str {
    if text.len() <= MAX_INPUT {
        return text;
    }
    notes.push(format!("`{}` is larger than 4 MiB: the rest was not looked at", one_line(name)));
    &text[..text.floor_char_boundary(MAX_INPUT)]
}

/// Returns what is about to be done.
///
/// # Errors
/// When the diff is none.
pub(crate) fn change(
    diff: Option<&str>,
    plan: Option<&str>,
    paths: &[String],
) -> Result<Change, CommandError> {
    let mut change = Change::default();
    paths.iter().for_each(|path| change.add_path(path));
    if let Some(plan) = plan {
        change.add_plan(plan);
    }
    if let Some(diff) = diff {
        let diff = Diff::read(diff).ok_or_else(|| {
            CommandError::user("this is no unified diff: it has neither a file's head nor a hunk")
                .hint("`git diff main | cemem predict --diff -`; a plan in words goes to `--plan`")
        })?;
        change.add_diff(&diff);
    }
    Ok(change)
}

/// Returns what was not looked at.
pub(crate) fn remarks(change: &Change) -> Option<String> {
    let n = change.n_binary;
    (n > 0).then(|| format!("{n} binary file(s): only their names are known"))
}

/// Predicts; see [`recall::ask`].
///
/// # Errors
/// When nobody could look.
pub(crate) fn foresee(
    context: &Context,
    engine: &mut Engine,
    store: &Store,
    mode: Mode,
    change: &Change,
) -> Result<Prediction, CommandError> {
    recall::ask(context, engine, store, |engine| predict(engine, store, mode, change))
}

/// Returns the risks that are worth showing, or that a gate asks about.
pub(crate) fn likely(prediction: &Prediction, gate: Option<f32>) -> Vec<&Risk> {
    let from = gate.map_or(SHOWN, |gate| gate.min(SHOWN));
    prediction.risks.iter().filter(|risk| risk.probability >= from).collect()
}

/// Says that nothing is likely, and what was looked at.
pub(crate) fn nothing(context: &Context, change: &Change, prediction: &Prediction) -> String {
    let name = one_line(&context.project.name);
    if change.is_empty() {
        return "the change is empty: nothing to look at".to_owned();
    }
    match prediction.n_known {
        0 => format!("project `{name}` knows of nothing that went wrong yet"),
        n => format!(
            "nothing is likely to go wrong again: {} file(s) and {} new line(s) against {n} known \
             mistakes, findings and failures of project `{name}`",
            change.paths.len(),
            change.n_added
        ),
    }
}

/// Returns how often it came up: `again in 2 of 14 sessions since 2026-03-01`.
pub(crate) fn history(risk: &Risk) -> String {
    let hazard = &risk.hazard;
    let since = hazard.past.iter().find_map(|row| row.turn_ts);
    let since = since.map_or_else(String::new, |ts| format!(" since {}", ts.date()));
    let again = match (hazard.again(), hazard.chances) {
        (0, 0) => "seen once".to_owned(),
        (again, chances) => format!("again in {again} of {chances} session(s)"),
    };
    format!("{again}{since}")
}

/// Returns what ties it to the change.
pub(crate) fn ties(risk: &Risk) -> String {
    let list = |items: &[String]| {
        let more = items.len().saturating_sub(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let first: Vec<String> = items.iter().take(3).map(|item| one_line(item)).collect();
        format!("{}{more}", first.join(", "))
    };
    let s = &risk.signals;
    let mut ties = Vec::new();
    if s.place > 0.0 {
        let what = match s.place {
            p if p >= 0.9 => "same file",
            p if p >= 0.5 => "same folder",
            _ => "same kind of file",
        };
        ties.push(format!("{what}: {}", list(&risk.files)));
    }
    if !risk.shared.is_empty() {
        ties.push(format!("same words: {}", list(&risk.shared)));
    }
    ties.push(format!("relevance {:.2}", s.words));
    ties.join("; ")
}

fn entry(risk: &Risk) -> String {
    let hazard = &risk.hazard;
    let key = one_line(&hazard.key);
    let mut out = format!(
        "{:.2}  {key}  {}  {}\n    base rate {:.2}: {}\n    {}\n",
        risk.probability,
        hazard.source.as_str(),
        shorten(&one_line(&hazard.title), FIX),
        risk.signals.base,
        history(risk),
        ties(risk)
    );
    if let Some(evidence) = hazard.past.iter().rev().find(|row| !row.quote.is_empty()) {
        out.push_str(&show::quote(evidence));
    }
    if let Some(fix) = fix(risk) {
        // Writing to a string cannot fail.
        let _ignored = writeln!(out, "    fixed last time: {fix}");
    }
    out
}

/// Returns how it was fixed last time, on one line.
pub(crate) fn fix(risk: &Risk) -> Option<String> {
    let fix = one_line(risk.hazard.fix.as_deref()?);
    let fix = fix.trim();
    (!fix.is_empty()).then(|| shorten(fix, FIX))
}

fn envelope(context: &Context, change: &Change, prediction: &Prediction, shown: &[&Risk]) -> Value {
    let risks: Vec<Value> = shown
        .iter()
        .map(|risk| {
            let (hazard, s) = (&risk.hazard, &risk.signals);
            json!({
                "key": hazard.key, "type": hazard.source.as_str(), "lesson": hazard.lesson,
                "title": hazard.title, "probability": risk.probability, "base_rate": s.base,
                "again": hazard.again(), "chances": hazard.chances,
                "rests_on": { "place": s.place, "words": s.words },
                "files": risk.files, "shared": risk.shared, "paths": hazard.paths,
                "trust": hazard.trust, "evidence": hazard.past, "fix": hazard.fix,
            })
        })
        .collect();
    json!({
        "version": JSON_VERSION,
        "project": context.project.name,
        "project_id": context.project.id,
        "paths": change.paths,
        "n_added": change.n_added,
        "n_known": prediction.n_known,
        "nothing_likely": shown.is_empty(),
        "risks": risks,
    })
}
