//! `cemem init`: sets up the agents that are used here, after showing what it would change.
//!
//! Owns what is shown and asked, and the first reading. Must not edit: `crate::init` does.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use cemem_core::lesson::LessonStatus;
use cemem_core::store::LessonFilter;
use serde_json::{Value, json};

use super::{JSON_VERSION, ingest, starters};
use crate::args::{IngestArgs, InitArgs};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::init::command_line::Program;
use crate::init::edit;
use crate::init::journal::{Journal, JournalError, WayBack};
use crate::init::plan::{self, Change, PlanError, Reach};
use crate::sync::render;
use crate::ui::{one_line, unified};
use crate::{engine_places, exit_code};

/// Lessons that are shown after the first reading.
const SHOWN: usize = 3;

/// A file that is left alone, and why.
struct Refused {
    path: PathBuf,
    labels: String,
    why: String,
}

pub(super) fn run(context: &mut Context, args: &InitArgs) -> Result<u8, CommandError> {
    if args.undo {
        return undo(context, args);
    }
    let known = engine_places::of(context);
    check_names(&args.engines)?;
    let engines = plan::engines(&known, &args.engines);
    if engines.is_empty() {
        return Err(CommandError::user("no coding agent was found on this machine").hint(
            "`cemem init --engine claude-code` sets one up anyway; `cemem doctor --engines` lists \
             all that are known",
        ));
    }
    let own = std::env::current_exe()?;
    let program = Program::here(&own);
    let reach = if args.user { Reach::User } else { Reach::Project };
    let wishes = plan::wishes(&engines, &known, &context.project.root, reach);
    let (mut changes, mut refused) = (Vec::new(), Vec::new());
    for wish in &wishes {
        match plan::change(wish, &program) {
            Ok(change) => changes.push(change),
            Err(error) => refused.push(refusal(&wish.path, wish.labels.join(", "), &error)),
        }
    }
    let due = changes.iter().filter(|change| change.is_due()).count();
    show(context, &changes, &refused)?;
    let decided = due == 0 || agreed(context, args, "write", due)?;
    if decided {
        Journal::open(&context.home)?.write(&changes, &context.project.id)?;
    }
    tell(context, &changes, &refused, decided)?;
    if decided && due > 0 {
        remarks(context, &changes, &program);
    }
    if decided && !context.ui.json {
        offer(context)?;
    }
    if decided && !args.no_ingest && !context.ui.json {
        first_reading(context, args)?;
    }
    let all_well = decided && refused.is_empty();
    Ok(if all_well { exit_code::OK } else { exit_code::FAILED })
}

fn undo(context: &Context, args: &InitArgs) -> Result<u8, CommandError> {
    // Held while it looks and while it writes, not while it asks.
    let open = || -> Result<Journal, JournalError> {
        let mut journal = Journal::open(&context.home)?;
        journal.follow(&context.project.id, &context.project.root);
        Ok(journal)
    };
    let journal = open()?;
    let WayBack { changes: mut found, shared } = journal.way_back(&context.project.id);
    if found.is_empty() && shared.is_empty() {
        found = by_name(context, &journal);
    }
    drop(journal);
    let (mut changes, mut refused) = (Vec::new(), Vec::new());
    for change in found {
        match change {
            Ok(change) => changes.push(change),
            Err((path, error)) => refused.push(refusal(&path, String::new(), &error)),
        }
    }
    if changes.is_empty() && refused.is_empty() && shared.is_empty() {
        context.ui.say("nothing was set up here");
    }
    show(context, &changes, &refused)?;
    let due = changes.iter().filter(|change| change.is_due()).count();
    let decided = due == 0 || agreed(context, args, "restore", due)?;
    if decided {
        open()?.undo(&changes, &context.project.id)?;
        for path in shared {
            context.ui.say(&format!("{}: kept, another project uses it", path.display()));
        }
    }
    tell(context, &changes, &refused, decided)?;
    let all_well = decided && refused.is_empty();
    Ok(if all_well { exit_code::OK } else { exit_code::FAILED })
}

/// Returns what takes entries out that no journal knows of: those that came with the project, or all
/// if the journal was lost.
fn by_name(context: &Context, journal: &Journal) -> Vec<Result<Change, (PathBuf, PlanError)>> {
    let known = engine_places::of(context);
    let root = &context.project.root;
    let wishes = plan::wishes(&plan::engines(&known, &[]), &known, root, Reach::Project);
    let unknown = |wish: &&plan::Wish| {
        !journal.knows(&wish.path) && (wish.path.starts_with(root) || journal.is_empty())
    };
    let changes = wishes.iter().filter(unknown).map(|wish| (wish, plan::removal(wish)));
    changes
        .filter_map(|(wish, change)| match change {
            Ok(change) => change.is_due().then_some(Ok(change)),
            Err(PlanError::Edit(_)) if !names_us(&wish.path) => None,
            Err(error) => Some(Err((wish.path.clone(), error))),
        })
        .collect()
}

/// Returns whether a file that cannot be understood may hold something of ours.
fn names_us(path: &Path) -> bool {
    plan::read(path).is_ok_and(|text| text.is_some_and(|text| text.contains(edit::SERVER)))
}

fn refusal(path: &Path, labels: String, error: &PlanError) -> Refused {
    Refused { path: path.to_owned(), labels, why: error.to_string() }
}

fn check_names(names: &[String]) -> Result<(), CommandError> {
    let all =
        cemem_ingest::engines::ENGINES.iter().filter(|e| e.hooks.is_some() || e.mcp.is_some());
    let able: Vec<&str> = all.map(|e| e.name).collect();
    match names.iter().find(|name| !able.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(CommandError::user(format!("`{name}` is no engine that can be set up"))
            .hint(format!("known are {}", able.join(", ")))),
    }
}

/// Shows the changes as a diff, and what is left alone.
fn show(context: &Context, changes: &[Change], refused: &[Refused]) -> Result<(), CommandError> {
    if context.ui.json {
        return Ok(());
    }
    for change in changes.iter().filter(|change| change.is_due()) {
        context.ui.print_diff(&diff(change))?;
    }
    for Refused { path, labels, why } in refused {
        let of = if labels.is_empty() { String::new() } else { format!(" ({labels})") };
        context.ui.warn(&format!("{}{of}: left alone, {why}", path.display()));
    }
    Ok(())
}

fn diff(change: &Change) -> String {
    let name = |text: &Option<String>| match text {
        Some(_) => change.wish.path.display().to_string(),
        None => "/dev/null".to_owned(),
    };
    let (old, new) = (change.old.as_deref().unwrap_or(""), change.new.as_deref().unwrap_or(""));
    unified(old, new, (&name(&change.old), &name(&change.new)))
}

/// Asks once; without a terminal to ask at, only `--yes` is a yes.
fn agreed(context: &Context, args: &InitArgs, verb: &str, n: usize) -> Result<bool, CommandError> {
    if args.yes {
        return Ok(true);
    }
    let files = if n == 1 { "this file".to_owned() } else { format!("these {n} files") };
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        context.ui.warn(&format!(
            "nothing was changed: there is no terminal to ask at; `--yes` will {verb} {files}"
        ));
        return Ok(false);
    }
    asked(context, &format!("{verb} {files}? [y/N]"))
}

fn asked(context: &Context, question: &str) -> Result<bool, CommandError> {
    context.ui.warn(question);
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn tell(
    context: &Context,
    changes: &[Change],
    refused: &[Refused],
    decided: bool,
) -> Result<(), CommandError> {
    if context.ui.json {
        let files = changes.iter().map(|change| {
            json!({ "path": change.wish.path, "engines": change.wish.labels,
                    "changed": change.is_due(), "diff": diff(change), "error": null })
        });
        let errors = refused.iter().map(
            |r| json!({ "path": r.path, "engines": r.labels, "changed": false, "error": r.why }),
        );
        return context.ui.print_json(&json!({
            "version": JSON_VERSION, "project": context.project.name, "written": decided,
            "files": files.chain(errors).collect::<Vec<Value>>(),
        }));
    }
    for change in changes {
        let state = match (change.is_due(), decided, &change.new) {
            (false, ..) => "is as it should be",
            (true, false, _) => "left as it is",
            (true, true, None) => "removed",
            (true, true, Some(_)) => "written",
        };
        let labels = change.wish.labels.join(", ");
        context.ui.say(&format!("{} ({labels}): {state}", change.wish.path.display()));
    }
    Ok(())
}

/// Says what a person has to know of what was written.
fn remarks(context: &Context, changes: &[Change], program: &Program) {
    let written = |name: &str| {
        changes.iter().any(|c| c.is_due() && c.wish.parts.iter().any(|(engine, _)| *engine == name))
    };
    if program.path != "cemem" {
        context.ui.say(&format!(
            "note: `cemem` is not in PATH, so the settings name {}; put it into PATH before others \
             share them",
            program.path
        ));
    }
    if written("claude-code") {
        context.ui.say("note: Claude Code asks once whether it may use the server of this project");
    }
    if written("codex") {
        context.ui.say("note: Codex runs hooks only after you trusted them in its `/hooks` screen");
    }
    context.ui.say("`cemem init --undo` takes all of this back");
}

/// Offers what held in other projects of this kind.
fn offer(context: &Context) -> Result<(), CommandError> {
    let (n, kinds) = starters::offer(context)?;
    if n > 0 {
        context.ui.say(&format!(
            "{n} convention(s) that hold in several of your {} projects wait for your decision: \
             `cemem review`",
            kinds.join(" and ")
        ));
    }
    Ok(())
}

/// Offers to read what agents left so far, and says what was learned.
fn first_reading(context: &mut Context, args: &InitArgs) -> Result<(), CommandError> {
    let lessons = |context: &Context| {
        let statuses = vec![LessonStatus::Active, LessonStatus::Stale];
        let filter = LessonFilter { statuses, types: Vec::new() };
        Ok::<_, CommandError>(context.store_to_read()?.lessons(&filter)?)
    };
    if !lessons(context)?.is_empty() {
        return Ok(());
    }
    let at_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let question = "read the sessions this project already has, to learn from them? [y/N]";
    if !(args.yes || at_terminal && asked(context, question)?) {
        return Ok(());
    }
    ingest::run(context, &IngestArgs { paths: Vec::new(), since: None })?;
    let mut learned = lessons(context)?;
    learned.sort_by(|a, b| {
        render::value(b).total_cmp(&render::value(a)).then_with(|| a.id.cmp(&b.id))
    });
    match learned.len() {
        0 => context.ui.say("nothing to learn yet: what comes up in sessions from now on is kept"),
        n => {
            let noun = if n == 1 { "lesson is" } else { "lessons are" };
            context.ui.say(&format!("{n} {noun} ready for the next session, among them:"));
            for lesson in learned.iter().take(SHOWN) {
                context.ui.say(&format!("  {} {}", lesson.id, one_line(&lesson.rule)));
            }
        }
    }
    Ok(())
}

impl From<JournalError> for CommandError {
    fn from(error: JournalError) -> Self {
        let hint = match &error {
            JournalError::Path(_) => "nothing was half written; make it writable and run it again",
            JournalError::Busy => "wait for it to end, then try again",
            JournalError::Changed(_) => "run it again to see the file as it is now",
            JournalError::Damaged { .. } => {
                "move it away: `cemem init --undo` then takes our entries out by their names"
            }
        };
        Self::user(error.to_string()).hint(hint)
    }
}
