//! `cemem export`: one lesson a line for `import`, a document to read, or documents of `docs/solutions`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cemem_core::Lesson;
use cemem_core::durable::{IoResultExt as _, write_shared};
use cemem_core::exchange::to_line;
use cemem_core::store::LessonFilter;
use serde_json::json;

use super::sync::copies::Copies;
use super::sync::documents::{self, Place};
use super::sync::pages::Planned;
use super::sync::target::is_inside;
use super::{JSON_VERSION, lessons, show};
use crate::args::{ExportArgs, ExportFormat};
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;
use crate::ui::{one_line, printable};

pub(super) fn export(context: &mut Context, args: &ExportArgs) -> Result<u8, CommandError> {
    let filter = LessonFilter { statuses: lessons::statuses(args.statuses()), types: Vec::new() };
    let mut lessons = lessons::whole(&context.store_to_read()?, &filter)?;
    lessons.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    if args.format == ExportFormat::Solutions {
        return documents(context, &lessons, args.output.as_deref());
    }
    let text: String = match args.format {
        ExportFormat::Markdown => markdown(&context.project.name, &lessons),
        _ => lessons.iter().map(|l| to_line(l) + "\n").collect(),
    };
    match &args.output {
        None => context.ui.print(&text)?,
        Some(path) => {
            let path = absolute(path)?;
            write_shared(&path, text.as_bytes())?;
            let n = lessons.len();
            if context.ui.json {
                let object = json!({ "version": JSON_VERSION, "lessons": n, "path": path });
                context.ui.print_json(&object)?;
            } else {
                context.ui.say(&format!("{n} lessons written to {}", path.display()));
            }
        }
    }
    Ok(exit_code::OK)
}

/// Returns the lessons as one document, oldest first, each with its newest evidence.
fn markdown(project: &str, lessons: &[Lesson]) -> String {
    let mut out = format!("# Lessons of {}\n", one_line(project));
    for lesson in lessons {
        out.push_str(&format!(
            "\n## {} ({})\n\n{}\n",
            one_line(&lesson.title),
            lesson.id,
            one_line(&lesson.rule)
        ));
        if let Some(why) = &lesson.why {
            out.push_str(&format!("\n**Why:** {}\n", one_line(why)));
        }
        let reach = &lesson.applies_when;
        let places = [&reach.paths, &reach.commands, &reach.symbols].into_iter().flatten();
        let places: Vec<String> = places.map(|place| format!("`{}`", one_line(place))).collect();
        if !places.is_empty() {
            out.push_str(&format!("\n**Where:** {}\n", places.join(", ")));
        }
        if let Some(body) = &lesson.body {
            // Headings of its own stand below the lesson's.
            let lines = printable(body);
            let lines = lines
                .trim()
                .lines()
                .map(|l| if l.starts_with('#') { format!("##{l}") } else { l.to_owned() });
            out.push_str(&format!("\n{}\n", lines.collect::<Vec<_>>().join("\n")));
        }
        out.push_str(&format!(
            "\n_{}, {}, trust {}, learned {}_\n",
            lesson.lesson_type,
            lesson.status,
            lesson.trust,
            lesson.created.date()
        ));
        if let Some(evidence) = lesson.evidence.last() {
            out.push_str(&format!("\n> {}\n", show::quote(evidence).trim().replace('\n', "\n> ")));
        }
    }
    out
}

/// Writes a document for each lesson into a folder: the one it came from, or a new one.
fn documents(
    context: &Context,
    lessons: &[Lesson],
    folder: Option<&Path>,
) -> Result<u8, CommandError> {
    let Some(folder) = folder else {
        return Err(CommandError::user("documents need a folder")
            .hint("`cemem export --format solutions --output docs/solutions`"));
    };
    let folder = absolute(folder)?;
    std::fs::create_dir_all(&folder).context("create folder", &folder)?;
    let (project, store) = (&context.project, context.store_to_read()?);
    let roots = project.worktrees.iter().chain([&project.root]).map(PathBuf::as_path).collect();
    let place = Place {
        roots,
        root: &project.root,
        folder: folder.clone(),
        module: &project.name,
        all: true,
        force: false,
        copies: Copies::of(&store, &folder)?,
    };
    let planned = documents::plan(&store, lessons, &place)?;
    drop(store);
    let (n_written, left) = write(context, &folder, &planned)?;
    let stand = planned.targets.iter().filter(|t| !left.contains(t.path.as_path()));
    let texts = stand.clone().filter_map(|t| Some((t.path.as_path(), t.new.as_deref()?)));
    note(context, &place.copies, &place.copies.with(texts));
    if context.ui.json {
        let edited: Vec<_> = planned.drifts.iter().map(|drift| &drift.path).collect();
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "documents": planned.targets.len(), "written": n_written,
            "edited": edited,
        }))?;
    }
    let n_same = stand.count() - n_written;
    let alone =
        if left.is_empty() { String::new() } else { format!(", {} left alone", left.len()) };
    context.ui.say(&format!(
        "{n_written} documents written to {}, {n_same} were up to date{alone}",
        folder.display()
    ));
    Ok(if planned.drifts.is_empty() { exit_code::OK } else { exit_code::FAILED })
}

/// Writes what is planned; returns how many documents that were, and which were left alone.
fn write<'a>(
    context: &Context,
    folder: &Path,
    planned: &'a Planned,
) -> Result<(usize, BTreeSet<&'a Path>), CommandError> {
    let mut left: BTreeSet<&Path> = planned.drifts.iter().map(|d| d.path.as_path()).collect();
    let mut n_written = 0;
    for target in planned.targets.iter().filter(|target| target.is_due()) {
        if !is_inside(folder, &target.path) {
            let path = target.path.display();
            context.ui.warn(&format!("a link leads `{path}` elsewhere; it was left alone"));
            left.insert(&target.path);
            continue;
        }
        target.write()?;
        n_written += 1;
    }
    for drift in &planned.drifts {
        let path = drift.path.display();
        context
            .ui
            .warn(&format!("`{path}` was edited by hand, or is another text; it was left alone"));
    }
    Ok((n_written, left))
}

/// Notes the copies that stand there now, so that they follow for as long as nobody touches them. What cannot be
/// noted is told.
fn note(context: &Context, before: &Copies, now: &Copies) {
    if now == before {
        return;
    }
    let noted = context.store().and_then(|mut store| now.note(&mut store));
    if let Err(error) = noted {
        context.ui.say(&format!("note: what was written could not be recorded: {error}"));
    }
}
