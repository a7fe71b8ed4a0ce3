//! Lessons in a folder of solution documents: the documents they came from, and new ones.
//!
//! Owns which file a lesson belongs to. A document that nothing was changed about stays as it is, byte for
//! byte. Must not write.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cemem_core::lesson::{Evidence, Lesson, LessonType, Scope};
use cemem_core::store::LogRow;
use cemem_core::{LessonId, Store};

use super::copies::Copies;
use super::pages::{self, Found, Planned, Wanted};
use super::target::{Target, is_inside, markdown, read};
use crate::command_error::CommandError;
use crate::sync::drift::{Drift, Edit};
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
    /// What was written into the folder.
    pub(crate) copies: Copies,
}

/// A document that lessons came from, and the place it is written to.
struct Document {
    /// Which one it is: its path in the project, or the one it had elsewhere.
    origin: PathBuf,
    old: Option<String>,
    new: String,
    /// What stands at a place that is not the document's own and is not known to be a copy, with the same
    /// edits: an older copy becomes the new one by them, anything else is somebody's work.
    there: Option<String>,
}

impl Document {
    fn take_edits(&mut self, of: &Told<'_>) {
        self.new = of.written_into(&self.new);
        self.there = self.there.as_deref().map(|there| of.written_into(there));
    }
}

type Documents = BTreeMap<PathBuf, Document>;

/// A lesson that was read from documents, and all it ever said.
struct Told<'a> {
    lesson: &'a Lesson,
    rows: Vec<LogRow>,
}

impl Told<'_> {
    /// Returns whether a text is the document that the lesson was read from by evidence like this: an imported
    /// lesson may name any file.
    fn is_in(&self, text: &str, is_from_it: &dyn Fn(&Evidence) -> bool) -> bool {
        let was = self.rows.iter().flat_map(|row| row.before.iter().chain([&row.after]));
        let states: Vec<&Lesson> = was.chain([self.lesson]).collect();
        let rows = states.iter().flat_map(|state| &state.evidence);
        let rows = rows.filter(|row| row.engine == solutions::ENGINE && is_from_it(row));
        document::is_of(text, &states, &rows.map(|row| row.quote.as_str()).collect::<Vec<_>>())
    }

    /// Returns the document with what people changed in the lesson.
    fn written_into(&self, text: &str) -> String {
        let edits = self.rows.iter().filter(|row| EDITS.contains(&row.verb.as_str()));
        let steps: Vec<document::Step<'_>> =
            edits.filter_map(|row| Some((row.before.as_ref()?, &row.after))).collect();
        let rows = self.rows.iter().flat_map(|row| &row.after.evidence);
        let quotes = rows.filter(|e| e.engine == solutions::ENGINE).map(|e| e.quote.as_str());
        document::updated(text, self.lesson, &steps, &quotes.collect::<Vec<_>>())
    }
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
    let mut documents = Documents::new();
    let mut fresh: Vec<&Lesson> = Vec::new();
    for lesson in lessons {
        let is_document = solutions::is_document(lesson);
        if is_document {
            let told = Told { lesson, rows: store.history(&lesson.id)? };
            let sources = sources(&told, place)?;
            let has_one = !sources.is_empty();
            for (inner, text) in sources {
                copy(&told, &inner, text, place, &mut documents)?;
            }
            if place.all && !has_one {
                restore(&told, place, &mut documents)?;
            }
            if place.all || has_one {
                continue;
            }
        }
        let wants_one = place.all
            || with_file.contains(&lesson.id)
            || lesson.lesson_type == LessonType::Solution && !is_document;
        if wants_one && lesson.scope != Scope::User {
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
    let taken = documents.keys().cloned().collect();
    let mut planned = pages::plan(store, wanted.collect(), found, taken, &head, place.force)?;
    for (path, document) in documents {
        planned.put(path, document, place.force);
    }
    // `ingest` reads these.
    planned.others.clear();
    Ok(planned)
}

impl Planned {
    fn put(&mut self, path: PathBuf, document: Document, force: bool) {
        let Document { old, new, there, .. } = document;
        let new = match there {
            Some(there) if there != new && !force => {
                let edits = vec![Edit::Unreadable];
                self.drifts.push(Drift { path: path.clone(), edits, rest: Vec::new() });
                old.clone()
            }
            _ => Some(new),
        };
        self.targets.push(Target { path, old, new });
    }
}

/// Plans the document at `inner` in the project, with what was changed in a lesson that came from it.
fn copy(
    told: &Told<'_>,
    inner: &Path,
    text: String,
    place: &Place<'_>,
    documents: &mut Documents,
) -> Result<(), CommandError> {
    let source = place.root.join(inner);
    let to = match inner.strip_prefix(solutions::FOLDER) {
        _ if !place.all => source.clone(),
        Ok(rest) => place.folder.join(rest),
        // With its folders: another one may have the same name.
        Err(_) => place.folder.join(inner),
    };
    let to = free(documents, to, inner, told.lesson);
    let mut document = match documents.remove(&to) {
        // Another lesson may have changed the same document.
        Some(known) => known,
        None => {
            let is_own = to == source;
            let old = if is_own { Some(text.clone()) } else { read(&to)? };
            let is_free = |text: &String| is_own || place.copies.holds(&to, text);
            let there = old.clone().filter(|text| !is_free(text));
            Document { origin: inner.to_owned(), old, new: text, there }
        }
    };
    document.take_edits(told);
    documents.insert(to, document);
    Ok(())
}

/// Plans the document of a lesson that was read from one which is not at hand; where it stands in its
/// place already, it gets only what was changed.
fn restore(
    told: &Told<'_>,
    place: &Place<'_>,
    documents: &mut Documents,
) -> Result<(), CommandError> {
    let lesson = told.lesson;
    let row = lesson.evidence.iter().find(|row| row.engine == solutions::ENGINE);
    let source = row.map(|row| row.source_path.as_str());
    let path = source.unwrap_or_default().replace('\\', "/");
    let below = format!("{}/", solutions::FOLDER);
    let inner = path.rsplit_once(&below).map(|(_, inner)| inner).or(path.rsplit('/').next());
    let inner = inner.filter(|i| i.ends_with(".md") && !i.split('/').any(|part| part == ".."));
    let name = || format!("{}.md", page::name(&lesson.title));
    let inner = inner.map_or_else(name, str::to_owned);
    let origin = in_project(Path::new(&path), place).unwrap_or(Path::new(&path));
    let to = free(documents, place.folder.join(&inner), origin, lesson);
    if let Some(document) = documents.get_mut(&to) {
        document.take_edits(told);
        return Ok(());
    }
    let old = read(&to)?;
    let category = inner.rsplit_once('/').map_or("", |(folder, _)| folder);
    let written = solutions::document(lesson, category, place.module);
    let (new, there) = match &old {
        Some(text) if told.is_in(text, &|from| Some(from.source_path.as_str()) == source) => {
            (told.written_into(text), None)
        }
        _ => (written, old.clone()),
    };
    documents.insert(to, Document { origin: origin.to_owned(), old, new, there });
    Ok(())
}

/// Returns this place, or one beside it where another document takes it.
fn free(documents: &Documents, to: PathBuf, origin: &Path, lesson: &Lesson) -> PathBuf {
    if documents.get(&to).is_none_or(|known| known.origin == origin) {
        return to;
    }
    let name = to.file_stem().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!("{name}-{}.md", lesson.id.as_str().to_lowercase()))
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

/// Returns the documents that a lesson was read from and that are there, by their paths in the project,
/// with what they say.
fn sources(told: &Told<'_>, place: &Place<'_>) -> Result<Vec<(PathBuf, String)>, CommandError> {
    let rows = told.lesson.evidence.iter().filter(|row| row.engine == solutions::ENGINE);
    let mut found: Vec<(PathBuf, String)> = Vec::new();
    for inner in rows.filter_map(|row| in_project(Path::new(&row.source_path), place)) {
        let source = place.root.join(inner);
        let is_known = found.iter().any(|(known, _)| known == inner);
        if is_known || !source.is_file() || !is_inside(place.root, &source) {
            continue;
        }
        let is_from_it =
            |row: &Evidence| in_project(Path::new(&row.source_path), place) == Some(inner);
        let text = read(&source)?.filter(|text| told.is_in(text, &is_from_it));
        found.extend(text.map(|text| (inner.to_owned(), text)));
    }
    Ok(found)
}

/// Returns a path in one of the project's folders as seen from there.
fn in_project<'a>(path: &'a Path, place: &Place<'_>) -> Option<&'a Path> {
    place.roots.iter().find_map(|root| path.strip_prefix(root).ok())
}
