//! Lessons in a folder of solution documents: the documents they came from, and new ones.
//!
//! Owns which file a lesson belongs to. A document that nothing was changed about stays as it is, byte for
//! byte. Must not write.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cemem_core::lesson::{Lesson, LessonType, Scope};
use cemem_core::store::LogRow;
use cemem_core::{LessonId, Store};

use super::pages::{self, Found, Planned, Wanted};
use super::target::{Target, markdown, read};
use crate::command_error::CommandError;
use crate::sync::{document, page, solutions};

/// Verbs of changes that people make to a lesson's words.
const EDITS: [&str; 4] = ["edit", "import", "undo", "redo"];

/// Where documents are, and where they go.
pub(crate) struct Place<'a> {
    /// The project's folders: documents below them are the lessons' own.
    pub(crate) roots: Vec<&'a Path>,
    /// The one of them that is looked at.
    pub(crate) root: &'a Path,
    /// The folder of documents that is written.
    pub(crate) folder: PathBuf,
    /// What a lesson is filed under that does not say.
    pub(crate) module: &'a str,
    /// Every lesson gets a document, not just solutions; elsewhere than in the project's own folder.
    pub(crate) all: bool,
    /// What was edited by hand is written again.
    pub(crate) force: bool,
}

/// Returns the documents of these lessons, which are delivered or were asked for.
pub(crate) fn plan(
    store: &Store,
    lessons: &[Lesson],
    place: &Place<'_>,
) -> Result<Planned, CommandError> {
    let there = markdown(&place.folder);
    let folders = folders(&there, &place.folder);
    let mut found = Found::among(there);
    if place.all {
        // An export takes nothing away.
        let wanted: BTreeSet<&LessonId> = lessons.iter().map(|lesson| &lesson.id).collect();
        found.retain(|file| wanted.contains(file.id()));
    }
    let with_file: BTreeSet<LessonId> = found.iter().map(|file| file.id().clone()).collect();
    let mut files: BTreeMap<PathBuf, Target> = BTreeMap::new();
    let mut fresh: Vec<&Lesson> = Vec::new();
    for lesson in lessons {
        let sources = sources(lesson, place);
        for (source, to) in &sources {
            let Some(text) = read(source)? else { continue };
            let old = if source == to { Some(text.clone()) } else { read(to)? };
            // Another lesson may have changed the same document.
            let target = files.entry(to.clone());
            let target =
                target.or_insert_with(|| Target { path: to.clone(), old, new: Some(text) });
            let new = target.new.take().unwrap_or_default();
            target.new = Some(with_edits(store, lesson, &new)?);
        }
        if place.all && sources.is_empty() && solutions::is_document(lesson) {
            let target = restored(store, lesson, place)?;
            files.entry(target.path.clone()).or_insert(target);
            continue;
        }
        let wants_one = place.all
            || with_file.contains(&lesson.id)
            || lesson.lesson_type == LessonType::Solution && !solutions::is_document(lesson);
        if sources.is_empty() && wants_one && lesson.scope != Scope::User {
            fresh.push(lesson);
        }
    }
    let wanted = fresh.into_iter().map(|lesson| {
        let folder = place.folder.join(solutions::folder(lesson, &folders));
        Wanted { lesson, folder }
    });
    let head = |lesson: &Lesson, folder: &Path| {
        let category = folder.strip_prefix(&place.folder).unwrap_or(Path::new(""));
        solutions::head(lesson, &category.to_string_lossy().replace('\\', "/"), place.module)
    };
    let mut planned = pages::plan(store, wanted.collect(), found, &head, place.force)?;
    planned.targets.extend(files.into_values());
    // `ingest` reads these.
    planned.others.clear();
    Ok(planned)
}

/// Returns the document of a lesson that was read from one which is not at hand; what stands in its place
/// already gets only what was changed.
fn restored(store: &Store, lesson: &Lesson, place: &Place<'_>) -> Result<Target, CommandError> {
    let row = lesson.evidence.iter().find(|row| row.engine == solutions::ENGINE);
    let path = row.map(|row| row.source_path.replace('\\', "/")).unwrap_or_default();
    let below = format!("{}/", solutions::FOLDER);
    let inner = path.rsplit_once(&below).map(|(_, inner)| inner).or(path.rsplit('/').next());
    let inner = inner.filter(|i| i.ends_with(".md") && !i.split('/').any(|part| part == ".."));
    let name = || format!("{}.md", page::name(&lesson.title));
    let inner = inner.map_or_else(name, str::to_owned);
    let path = place.folder.join(&inner);
    let old = read(&path)?;
    let category = inner.rsplit_once('/').map_or("", |(folder, _)| folder);
    let new = match &old {
        Some(text) => with_edits(store, lesson, text)?,
        None => solutions::document(lesson, category, place.module),
    };
    Ok(Target { path, old, new: Some(new) })
}

/// Returns which folders there are, and what the documents in them are about that were not made here.
fn folders(there: &[(PathBuf, String)], folder: &Path) -> solutions::Folders {
    let mut folders = solutions::Folders::new();
    for (path, text) in there {
        let inner = path.strip_prefix(folder).unwrap_or(path);
        let Some(name) = inner.parent().and_then(|p| p.to_str()).filter(|p| !p.is_empty()) else {
            continue;
        };
        let problems = folders.entry(name.replace('\\', "/")).or_default();
        if let Some(problem) = solutions::problem(text).filter(|_| page::parse(text).is_none()) {
            *problems.entry(problem).or_default() += 1;
        }
    }
    folders
}

/// Returns the documents that a lesson was read from, each with the place it is written to.
fn sources(lesson: &Lesson, place: &Place<'_>) -> Vec<(PathBuf, PathBuf)> {
    let mut found: Vec<(PathBuf, PathBuf)> = Vec::new();
    for row in lesson.evidence.iter().filter(|row| row.engine == solutions::ENGINE) {
        let path = Path::new(&row.source_path);
        let inner = place.roots.iter().find_map(|root| path.strip_prefix(root).ok());
        let Some(inner) = inner else { continue };
        let source = place.root.join(inner);
        let to = match inner.strip_prefix(solutions::FOLDER) {
            Ok(rest) if place.all => place.folder.join(rest),
            _ if place.all => place.folder.join(inner.file_name().unwrap_or_default()),
            _ => source.clone(),
        };
        if source.is_file() && !found.iter().any(|(known, _)| *known == source) {
            found.push((source, to));
        }
    }
    found
}

fn with_edits(store: &Store, lesson: &Lesson, text: &str) -> Result<String, CommandError> {
    let rows: Vec<LogRow> = store.history(&lesson.id)?;
    let steps: Vec<document::Step<'_>> = rows
        .iter()
        .filter(|row| EDITS.contains(&row.verb.as_str()))
        .filter_map(|row| Some((row.before.as_ref()?, &row.after)))
        .collect();
    let quotes: Vec<&str> = rows
        .iter()
        .flat_map(|row| &row.after.evidence)
        .filter(|e| e.engine == solutions::ENGINE)
        .map(|e| e.quote.as_str())
        .collect();
    Ok(document::updated(text, lesson, &steps, &quotes))
}
