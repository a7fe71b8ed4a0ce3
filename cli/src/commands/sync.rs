//! `cemem sync`: regenerates the managed block, shows the diff, creates nothing unasked.

use std::path::{Path, PathBuf};

use cemem_core::LessonId;
use cemem_core::durable::{IoResultExt as _, write_shared};
use cemem_core::lesson::{Lesson, LessonStatus};
use cemem_core::store::LessonFilter;
use cemem_ingest::sources::rules;
use serde_json::json;
use similar::TextDiff;

use super::JSON_VERSION;
use crate::args::SyncArgs;
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;
use crate::sync::block::{BlockError, prose, with_block};
use crate::sync::render;

/// The files that are kept up to date where they exist.
const DEFAULT_FILES: [&str; 7] = [
    "CLAUDE.md",
    ".claude/CLAUDE.md",
    "GEMINI.md",
    "QWEN.md",
    ".github/copilot-instructions.md",
    ".cursor/rules/cemem.mdc",
    // Last: of files that include each other it is the one that tools without includes read.
    "AGENTS.md",
];
/// What Cursor wants above a rule that holds in every session.
const CURSOR_HEAD: &str = "---\ndescription: Project memory\nalwaysApply: true\n---\n";

/// One file and what it should hold.
#[derive(Debug)]
struct Target {
    path: PathBuf,
    old: String,
    new: String,
}

pub(super) fn run(context: &mut Context, args: &SyncArgs) -> Result<u8, CommandError> {
    let statuses = vec![LessonStatus::Active, LessonStatus::Stale];
    let filter = LessonFilter { statuses, types: Vec::new() };
    let mut lessons = context.store_to_read()?.lessons(&filter)?;
    lessons.retain(|lesson| !stands_in_rule_files(lesson, &context.project.worktrees));
    let (lines, standing) = render::block(&lessons, args.lines);
    let files = targets(context, args)?;
    if files.is_empty() {
        return Err(CommandError::user(format!(
            "none of {} is in `{}`",
            DEFAULT_FILES.join(", "),
            context.project.root.display()
        ))
        .hint("`cemem sync --file CLAUDE.md` creates one"));
    }
    let mut planned = Vec::new();
    for path in files {
        planned.push(plan(path, &lines, args.force)?);
    }
    let changed: Vec<&Target> = planned.iter().filter(|t| t.old != t.new).collect();
    let writes = !args.check && !args.dry_run;
    if writes {
        for target in &changed {
            write_shared(&target.path, target.new.as_bytes())?;
        }
        note_standing(context, &planned, &standing);
    }
    tell(context, &planned, &changed, args)?;
    let is_stale = args.check && !changed.is_empty();
    Ok(if is_stale { exit_code::FAILED } else { exit_code::OK })
}

/// Notes which lessons stand in the files now: every session that begins from here on has seen them.
/// What cannot be noted is told and takes nothing from the files.
fn note_standing(context: &Context, planned: &[Target], standing: &[LessonId]) {
    let note = || -> Result<(), CommandError> {
        let mut store = context.store()?;
        for target in planned {
            // A project has one memory in all its worktrees, and the file one place in each.
            let roots = context.project.worktrees.iter().chain([&context.project.root]);
            let place = roots.filter_map(|root| target.path.strip_prefix(root).ok()).next();
            let place = place.unwrap_or(&target.path).to_string_lossy();
            store.record_standing(&place, standing)?;
        }
        Ok(())
    };
    if let Err(error) = note() {
        context.ui.say(&format!("note: what stands in the files could not be recorded: {error}"));
    }
}

/// Returns whether all that speaks for a lesson is a rule file of this repository: agents read it there,
/// and a second copy would outlive the first.
fn stands_in_rule_files(lesson: &Lesson, roots: &[PathBuf]) -> bool {
    let here = |path: &str| roots.iter().any(|root| Path::new(path).starts_with(root));
    lesson.evidence.iter().all(|e| e.engine == rules::ENGINE && here(&e.source_path))
}

/// Returns the files to write: those named, or the usual ones that exist. A file that is a link to
/// another, or that includes another (`@AGENTS.md`), is served by that other one.
fn targets(context: &Context, args: &SyncArgs) -> Result<Vec<PathBuf>, CommandError> {
    if !args.files.is_empty() {
        return args.files.iter().map(|f| absolute(f)).collect();
    }
    let root = &context.project.root;
    let mut files: Vec<(PathBuf, PathBuf)> = Vec::new();
    for path in DEFAULT_FILES.iter().map(|f| root.join(f)).filter(|p| p.is_file()) {
        let real = std::fs::canonicalize(&path).context("find", &path)?;
        if files.iter().all(|(_, known)| *known != real) {
            files.push((path, real));
        }
    }
    let mut includes = Vec::new();
    for (path, _) in &files {
        includes.push(included(path, root, &files)?);
    }
    let written = (0..files.len()).filter(|&file| !is_served(file, &includes));
    Ok(written.map(|file| files[file].0.clone()).collect())
}

/// Returns which of `files` a file includes.
fn included(
    path: &Path,
    root: &Path,
    files: &[(PathBuf, PathBuf)],
) -> Result<Vec<usize>, CommandError> {
    let text = read(path)?;
    let folder = path.parent().unwrap_or(root);
    let mut found = Vec::new();
    for line in prose(&text) {
        let Some(other) = line.strip_prefix('@').and_then(|l| l.split_whitespace().next()) else {
            continue;
        };
        for real in [folder, root].iter().filter_map(|f| std::fs::canonicalize(f.join(other)).ok())
        {
            found.extend(files.iter().position(|(_, known)| *known == real));
        }
    }
    Ok(found)
}

/// Returns whether another file that is written reaches the reader of this one. Of files that include
/// each other the last is written: `AGENTS.md` is read by tools that know no includes.
fn is_served(file: usize, includes: &[Vec<usize>]) -> bool {
    let mine = reached(file, includes);
    mine.into_iter()
        .any(|other| other != file && (other > file || !reached(other, includes).contains(&file)))
}

fn reached(from: usize, includes: &[Vec<usize>]) -> Vec<usize> {
    let mut found: Vec<usize> = includes[from].clone();
    let mut next = 0;
    while let Some(&file) = found.get(next) {
        next += 1;
        for &other in &includes[file] {
            if !found.contains(&other) {
                found.push(other);
            }
        }
    }
    found
}

fn read(path: &Path) -> Result<String, CommandError> {
    // Checked by `exists`, not by the error, so that a file without permission is no empty file.
    let bytes = if path.exists() { std::fs::read(path).context("read", path)? } else { Vec::new() };
    String::from_utf8(bytes).map_err(|_| {
        CommandError::user(format!("`{}` is not UTF-8 text; it was left alone", path.display()))
    })
}

fn plan(path: PathBuf, lines: &[String], force: bool) -> Result<Target, CommandError> {
    let old = read(&path)?;
    let is_new_rule = old.is_empty() && path.extension().is_some_and(|e| e == "mdc");
    let before = if is_new_rule && !lines.is_empty() { CURSOR_HEAD } else { &old };
    let new = with_block(before, lines, force).map_err(|error| {
        let hint = match error {
            BlockError::Edited(_) => {
                "move the edit outside the markers or into a lesson (`cemem lessons edit`), then \
                 `cemem sync --force`"
            }
            BlockError::Unbalanced(_) | BlockError::Second(_) => {
                "remove the stray `cemem:begin` or `cemem:end` line, then run it again"
            }
        };
        CommandError::user(format!("{}: {error}", path.display())).hint(hint)
    })?;
    Ok(Target { path, old, new })
}

fn tell(
    context: &Context,
    planned: &[Target],
    changed: &[&Target],
    args: &SyncArgs,
) -> Result<(), CommandError> {
    if context.ui.json {
        let files: Vec<_> = planned
            .iter()
            .map(|t| json!({ "path": t.path, "changed": t.old != t.new, "diff": diff(t) }))
            .collect();
        return context.ui.print_json(&json!({
            "version": JSON_VERSION, "files": files,
            "written": !args.check && !args.dry_run && !changed.is_empty(),
        }));
    }
    for target in changed {
        // The file keeps its line endings; a terminal need not see them.
        context.ui.print(&crate::ui::printable(&diff(target).replace('\r', "")))?;
    }
    for target in planned {
        let name = target.path.strip_prefix(&context.project.root).unwrap_or(&target.path);
        let state = match (target.old == target.new, args.check, args.dry_run) {
            (true, ..) => "up to date",
            (false, true, _) => "out of date: run `cemem sync`",
            (false, _, true) => "would change",
            (false, ..) => "written",
        };
        context.ui.say(&format!("{}: {state}", name.display()));
    }
    Ok(())
}

fn diff(target: &Target) -> String {
    let name = target.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    TextDiff::from_lines(&target.old, &target.new)
        .unified_diff()
        .context_radius(2)
        .header(&format!("a/{name}"), &format!("b/{name}"))
        .to_string()
}
