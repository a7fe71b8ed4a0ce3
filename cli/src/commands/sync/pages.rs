//! Files of one lesson each: which are there, which are wanted, which somebody edited.
//!
//! Owns their names, which stay once given, and that only a file of our own that nobody edited is replaced
//! or removed. Must not write, nor decide what becomes of an edit.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use cemem_core::lesson::Lesson;
use cemem_core::{LessonId, Store};
use cemem_ingest::Redactor;
use serde_yaml_ng::Value;

use super::others::{Form, Other, Whose, whose};
use super::target::Target;
use crate::command_error::CommandError;
use crate::commands::review::Words;
use crate::sync::drift::{Drift, Edit};
use crate::sync::front;
use crate::sync::page::{self, Page, Says};

/// Keys of the front matter that are words of the lesson; the others belong to whoever touches them.
const WORDS: [&str; 4] = ["title", "type", "paths", "files"];

/// A file of a lesson that is there.
pub(crate) struct Found {
    path: PathBuf,
    text: String,
    page: Page,
}

impl Found {
    /// Returns which lesson's it is.
    pub(crate) fn id(&self) -> &LessonId {
        &self.page.id
    }

    /// Returns those of the files that are of this kind.
    pub(crate) fn among(files: Vec<(PathBuf, String)>) -> Vec<Self> {
        let redactor = Redactor::new();
        let of = |(path, text): (PathBuf, String)| {
            let mut page = page::parse(&text)?;
            if !page.intact {
                // As it would be stored: what is a secret in the file is none in the memory.
                page.says = page::parse(&redactor.redact(&text)).and_then(|page| page.says);
            }
            Some(Self { path, text, page })
        };
        files.into_iter().filter_map(of).collect()
    }
}

/// A lesson that should have a file.
pub(crate) struct Wanted<'a> {
    pub(crate) lesson: &'a Lesson,
    /// Where a new one goes.
    pub(crate) folder: PathBuf,
}

/// What comes first in the front matter of a lesson's file in a folder.
pub(crate) type Head<'a> = dyn Fn(&Lesson, &Path) -> Vec<(String, Value)> + 'a;

/// What is to be done.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    pub(crate) targets: Vec<Target>,
    pub(crate) drifts: Vec<Drift>,
    /// Lessons that another memory wrote and this one knows nothing of.
    pub(crate) others: Vec<Other>,
}

impl Planned {
    pub(crate) fn absorb(&mut self, other: Self) {
        self.targets.extend(other.targets);
        self.drifts.extend(other.drifts);
        self.others.extend(other.others);
    }
}

/// Returns what becomes of the files: those of wanted lessons follow them, those of others go. A file of a
/// lesson that is not this memory's own is somebody else's. New files get no name in `taken`.
pub(crate) fn plan(
    store: &Store,
    wanted: Vec<Wanted<'_>>,
    found: Vec<Found>,
    mut taken: BTreeSet<PathBuf>,
    head: &Head<'_>,
    force: bool,
) -> Result<Planned, CommandError> {
    let mut planned = Planned::default();
    let mut there: HashMap<LessonId, Vec<Found>> = HashMap::new();
    for file in found {
        taken.insert(file.path.clone());
        there.entry(file.page.id.clone()).or_default().push(file);
    }
    for Wanted { lesson, folder } in wanted {
        let Some(files) = there.remove(&lesson.id) else {
            let path = free(&folder, lesson, &taken);
            taken.insert(path.clone());
            let new = Some(page::render(lesson, &head(lesson, &folder), "\n"));
            planned.targets.push(Target { path, old: None, new });
            continue;
        };
        for file in files {
            let folder = file.path.parent().unwrap_or(&folder);
            let (written, now) = states(store, lesson, &file.page, &|l| head(l, folder))?;
            let edit = match (&file.page.says, file.page.intact) {
                (_, true) => None,
                (None, false) => Some(Edit::Unreadable),
                (Some(says), false) => {
                    let words = says.since(written.as_ref().unwrap_or(&now), &now);
                    (words != Words::default())
                        .then(|| Edit::Change { id: lesson.id.clone(), words: Box::new(words) })
                }
            };
            let head = head(lesson, folder);
            let newline = front::newline(&file.text);
            let new = match edit {
                Some(edit) if !force => {
                    let edits = vec![edit];
                    planned.drifts.push(Drift { path: file.path.clone(), edits, rest: Vec::new() });
                    file.text.clone()
                }
                Some(_) => page::render(lesson, &head, newline),
                None if file.page.intact && written.is_some() => {
                    page::render(lesson, &head, newline)
                }
                // Somebody put more into it, or has it so: only the lesson's words follow.
                None => page::refresh(&file.text, lesson, &head, &WORDS),
            };
            let (path, old) = (file.path, Some(file.text));
            planned.targets.push(Target { path, old, new: Some(new) });
        }
    }
    for file in there.into_values().flatten() {
        planned.leave(store, file, force)?;
    }
    planned.targets.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(planned)
}

impl Planned {
    /// Plans the end of a file whose lesson is no longer delivered, unless it is somebody else's.
    fn leave(&mut self, store: &Store, file: Found, force: bool) -> Result<(), CommandError> {
        let Found { path, text, page } = file;
        match whose(store, &page.id)? {
            Whose::Own => {}
            Whose::Undecided => return Ok(()),
            Whose::Unknown => {
                let rule = page.says.map(|says| says.rule().to_owned());
                self.others.push(Other { path, id: page.id, rule, form: Form::Page(text) });
                return Ok(());
            }
        }
        let new = if page.intact || force { None } else { Some(text.clone()) };
        if new.is_some() {
            let edits = vec![Edit::Orphan(page.id)];
            self.drifts.push(Drift { path: path.clone(), edits, rest: Vec::new() });
        }
        self.targets.push(Target { path, old: Some(text), new });
        Ok(())
    }
}

/// Returns what the lesson said when the file was written, if it is all that was, and what it says now; as
/// the file would say it.
fn states(
    store: &Store,
    lesson: &Lesson,
    file: &Page,
    head: &dyn Fn(&Lesson) -> Vec<(String, Value)>,
) -> Result<(Option<Says>, Says), CommandError> {
    let as_page = |state: &Lesson| page::parse(&page::render(state, &head(state), "\n"));
    let now = as_page(lesson);
    let history = match &now {
        // Most files are as they should be.
        Some(now) if now.sum == file.sum => Vec::new(),
        _ => store.history(&lesson.id)?,
    };
    let was = history.iter().rev().filter_map(|row| as_page(&row.after));
    let written = now.iter().cloned().chain(was).find(|page| page.sum == file.sum);
    let now = now.and_then(|page| page.says);
    let now =
        now.ok_or_else(|| CommandError::Internal(format!("`{}` cannot be written", lesson.id)))?;
    Ok((written.and_then(|page| page.says), now))
}

/// Returns a path for a new file, where nothing is: called after the title, and after the id where that
/// name is taken.
fn free(folder: &Path, lesson: &Lesson, taken: &BTreeSet<PathBuf>) -> PathBuf {
    let name = page::name(&lesson.title);
    let with_id = format!("{name}-{}", lesson.id.as_str().to_lowercase());
    let numbered = (2..).map(|n| format!("{with_id}-{n}"));
    // A link to nowhere is something too.
    let is_free = |path: &PathBuf| !taken.contains(path) && path.symlink_metadata().is_err();
    [name, with_id.clone()]
        .into_iter()
        .chain(numbered)
        .map(|name| folder.join(format!("{name}.md")))
        .find(is_free)
        .expect("there are more numbers than files")
}
