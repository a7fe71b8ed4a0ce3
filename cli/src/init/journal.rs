//! What was changed, copies of what was there before, and the way back.
//!
//! Owns the folder `init/` in cemem's home: one journal for all projects, one copy a file. A file that is
//! as it was left gets its old bytes back; one that somebody changed since loses only our entries. Must not
//! decide what belongs into a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cemem_core::durable::{
    IoResultExt as _, PathError, create_private_dir, open_private, sweep, write_durable,
    write_shared,
};
use cemem_core::id::digest;
use cemem_core::project::Home;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::edit::{self, EditError, Part};
use super::plan::{self, Change, PlanError, Wish};

/// How long another `init` is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing, or not everything, was written.
#[derive(Debug, Error)]
pub(crate) enum JournalError {
    /// A file cannot be written.
    #[error("{0}: {source}", source = .0.source)]
    Path(#[from] PathError),
    /// Another one is at work.
    #[error("another `cemem init` is at work")]
    Busy,
    /// Somebody wrote a file after it was shown.
    #[error("`{}` was changed meanwhile; nothing was written", .0.display())]
    Changed(PathBuf),
    /// The journal is not readable.
    #[error("`{}` is damaged: {detail}", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// What its reader said.
        detail: String,
    },
}

/// One file that was changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    /// The copy of what was there, a file beside the journal; `None` if there was no file.
    before: Option<String>,
    /// Digest of what was written.
    after: String,
    /// Digest of what that replaced, which is still there if the process ended before it wrote.
    #[serde(default)]
    earlier: Option<String>,
    /// Folders that were made for it, the innermost first.
    made: Vec<PathBuf>,
    /// The projects it was changed for.
    projects: BTreeSet<String>,
    /// What was put in: an engine's short name, and `hooks` or `mcp`.
    parts: BTreeSet<(String, String)>,
}

impl Entry {
    /// Returns whether nobody else changed the file since.
    fn left(&self, text: &str) -> bool {
        let stamp = stamp(text);
        stamp == self.after || self.earlier.as_ref() == Some(&stamp)
    }

    /// Returns what was put in.
    fn parts(&self) -> Vec<(&'static str, Part)> {
        self.parts.iter().filter_map(|(engine, kind)| plan::parts_of(engine, kind)).collect()
    }

    /// Returns the text without what was put in.
    fn without(&self, text: &str) -> Result<String, EditError> {
        let parts: Vec<Part> = self.parts().into_iter().map(|(_, part)| part).collect();
        edit::without(text, &parts)
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Table {
    files: BTreeMap<PathBuf, Entry>,
}

/// What taking everything back for a project would do.
pub(crate) struct WayBack {
    /// A change for each file; or why it has to be left alone.
    pub(crate) changes: Vec<Result<Change, (PathBuf, PlanError)>>,
    /// Files that another project uses, too.
    pub(crate) shared: Vec<PathBuf>,
}

/// The journal, held by one process at a time.
pub(crate) struct Journal {
    folder: PathBuf,
    table: Table,
    _lock: File,
}

/// Returns what tells a text from others.
fn stamp(text: &str) -> String {
    digest([text])
}

fn kind(part: &Part) -> &'static str {
    match part {
        Part::Hooks(..) => "hooks",
        Part::Mcp(_) => "mcp",
    }
}

impl Journal {
    /// Opens the journal, waiting for another process that holds it.
    ///
    /// # Errors
    /// When it cannot be opened or read, or stays held.
    pub(crate) fn open(home: &Home) -> Result<Self, JournalError> {
        let folder = home.0.join("init");
        create_private_dir(&folder)?;
        let lock_path = folder.join("lock");
        let lock = open_private(&lock_path)?;
        let began = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(TryLockError::WouldBlock) => return Err(JournalError::Busy),
                Err(TryLockError::Error(error)) => {
                    return Err(error).context("lock", &lock_path)?;
                }
            }
        }
        let path = folder.join("journal.json");
        let table = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| JournalError::Damaged { path, detail: error.to_string() })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Table::default(),
            Err(error) => return Err(error).context("read", &path)?,
        };
        Ok(Self { folder, table, _lock: lock })
    }

    /// Writes these files, all or none, for a project; copies and journal first. Files that already
    /// are as they shall be are passed over.
    ///
    /// # Errors
    /// When one cannot be written or is not any more what it was; all are then as they were.
    pub(crate) fn write(&mut self, changes: &[Change], project: &str) -> Result<(), JournalError> {
        let mut due = Vec::new();
        for change in changes {
            let path = &change.wish.path;
            sweep(path);
            match plan::read(path) {
                // Somebody else did the same meanwhile.
                Ok(now) if now == change.new => self.join(&change.wish, project),
                Ok(now) if now == change.old => due.push(change),
                Ok(_) => return Err(JournalError::Changed(path.clone())),
                Err(PlanError::Path(error)) => return Err(error.into()),
                Err(_) => return Err(JournalError::Changed(path.clone())),
            }
        }
        let kept = self.table.clone();
        for change in &due {
            self.enter(change, project)?;
        }
        self.save()?;
        if let Err(error) = put_all(&due) {
            let made = self.table.files.iter().filter(|(path, _)| !kept.files.contains_key(*path));
            made.for_each(|(_, entry)| clear(&entry.made));
            self.table = kept;
            self.save()?;
            return Err(error.into());
        }
        Ok(())
    }

    /// Notes that a project uses a file that is set up already, if it was set up here.
    fn join(&mut self, wish: &Wish, project: &str) {
        if let Some(entry) = self.table.files.get_mut(&wish.path) {
            entry.projects.insert(project.to_owned());
        }
    }

    fn enter(&mut self, change: &Change, project: &str) -> Result<(), JournalError> {
        let (path, new) = (&change.wish.path, change.new.as_deref().unwrap_or_default());
        let parts =
            change.added.iter().map(|(name, part)| ((*name).to_owned(), kind(part).to_owned()));
        let known = self.table.files.remove(path);
        let untouched = |entry: &Entry| change.old.as_deref().is_some_and(|old| entry.left(old));
        let mut entry = match known {
            // Set up before and not touched since: what was there before that is what to go back to.
            Some(entry) if untouched(&entry) => entry,
            known => {
                // Changed by somebody since: what to go back to is what is there without ours.
                let before = match (&change.old, &known) {
                    (Some(old), Some(known)) => known.without(old).ok().or(Some(old.clone())),
                    (old, _) => old.clone(),
                };
                let copy = before
                    .as_ref()
                    .map(|_| format!("{}.bak", &stamp(&path.to_string_lossy())[..16]));
                if let (Some(copy), Some(before)) = (&copy, &before) {
                    write_durable(&self.folder.join(copy), before.as_bytes())?;
                }
                let (projects, parts) = known.map(|k| (k.projects, k.parts)).unwrap_or_default();
                Entry {
                    before: copy,
                    after: String::new(),
                    earlier: None,
                    made: missing_folders(path),
                    projects,
                    parts,
                }
            }
        };
        entry.after = stamp(new);
        entry.earlier = change.old.as_deref().map(stamp);
        entry.projects.insert(project.to_owned());
        entry.parts.extend(parts);
        self.table.files.insert(path.clone(), entry);
        Ok(())
    }

    /// Returns what taking everything back for a project would do.
    pub(crate) fn way_back(&self, project: &str) -> WayBack {
        let (mut changes, mut shared) = (Vec::new(), Vec::new());
        for (path, entry) in self.table.files.iter().filter(|(_, e)| e.projects.contains(project)) {
            if entry.projects.len() > 1 {
                shared.push(path.clone());
            } else {
                changes.push(self.change_back(path, entry).map_err(|error| (path.clone(), error)));
            }
        }
        WayBack { changes, shared }
    }

    fn change_back(&self, path: &Path, entry: &Entry) -> Result<Change, PlanError> {
        let parts = entry.parts();
        let mut labels = Vec::new();
        for engine in parts.iter().filter_map(|(name, _)| cemem_ingest::engines::engine(name)) {
            if !labels.contains(&engine.label) {
                labels.push(engine.label);
            }
        }
        let wish = Wish { path: path.to_owned(), labels, parts };
        let old = plan::read(path)?;
        let copy = match &entry.before {
            Some(copy) => plan::read(&self.folder.join(copy))?,
            None => None,
        };
        let new = match (&old, &entry.before, copy) {
            (None, ..) => None,
            (Some(now), None, _) if entry.left(now) => None,
            (Some(now), Some(_), Some(copy)) if entry.left(now) => Some(copy),
            // Changed since, or its copy is lost.
            (Some(now), ..) => Some(entry.without(now)?),
        };
        plan::unprotected(Change { wish, old, new, added: Vec::new() })
    }

    /// Returns whether a file was set up for any project.
    pub(crate) fn knows(&self, path: &Path) -> bool {
        self.table.files.contains_key(path)
    }

    /// Returns whether nothing was set up, or the journal was lost.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.files.is_empty()
    }

    /// Finds the files of a project whose folder got another name: those of the same names below its
    /// root that hold what was put in.
    pub(crate) fn follow(&mut self, project: &str, root: &Path) {
        let files = &self.table.files;
        let of_project = files.iter().filter(|(_, entry)| entry.projects.contains(project));
        let moved: Vec<(PathBuf, PathBuf, PathBuf)> = of_project
            .filter(|(path, _)| !path.exists())
            .filter_map(|(path, entry)| {
                path.ancestors().skip(1).find_map(|old_root| {
                    let now = root.join(path.strip_prefix(old_root).ok()?);
                    let text = plan::read(&now).ok()??;
                    let ours = entry.left(&text) || entry.without(&text).is_ok_and(|t| t != text);
                    let found = ours && !files.contains_key(&now);
                    found.then(|| (path.clone(), now, old_root.to_owned()))
                })
            })
            .collect();
        for (path, now, old_root) in moved {
            if let Some(mut entry) = self.table.files.remove(&path) {
                for folder in &mut entry.made {
                    if let Ok(inner) = folder.strip_prefix(&old_root) {
                        *folder = root.join(inner);
                    }
                }
                self.table.files.insert(now, entry);
            }
        }
    }

    /// Takes back what was done for a project, in all of these files or in none.
    ///
    /// # Errors
    /// When a file cannot be written or is not any more what it was; all are then as they were, and in
    /// the journal.
    pub(crate) fn undo(&mut self, changes: &[Change], project: &str) -> Result<(), JournalError> {
        for change in changes {
            let path = &change.wish.path;
            if plan::read(path).ok() != Some(change.old.clone()) {
                return Err(JournalError::Changed(path.clone()));
            }
        }
        let due: Vec<&Change> = changes.iter().filter(|change| change.is_due()).collect();
        put_all(&due)?;
        let mut copies = Vec::new();
        for change in changes {
            let Some(entry) = self.table.files.remove(&change.wish.path) else { continue };
            if change.new.is_none() {
                clear(&entry.made);
            }
            copies.extend(entry.before);
        }
        // What was left alone stays, so that it can be taken back when it was mended.
        for entry in self.table.files.values_mut().filter(|entry| entry.projects.len() > 1) {
            entry.projects.remove(project);
        }
        self.save()?;
        for copy in copies {
            fs::remove_file(self.folder.join(copy)).ok();
        }
        Ok(())
    }

    /// Writes the journal down.
    ///
    /// # Errors
    /// When that is not possible.
    fn save(&self) -> Result<(), JournalError> {
        let bytes = serde_json::to_vec_pretty(&self.table).expect("texts serialise");
        Ok(write_durable(&self.folder.join("journal.json"), &bytes)?)
    }
}

/// Returns the folders that are missing above a file, the innermost first.
fn missing_folders(path: &Path) -> Vec<PathBuf> {
    path.ancestors().skip(1).take_while(|folder| !folder.exists()).map(Path::to_owned).collect()
}

/// Removes folders, the innermost first, that are empty: something else may have moved in.
fn clear(folders: &[PathBuf]) {
    folders.iter().for_each(|folder| drop(fs::remove_dir(folder)));
}

/// Writes all of these files or none.
fn put_all(due: &[&Change]) -> Result<(), PathError> {
    for (at, change) in due.iter().enumerate() {
        if let Err(error) = put(&change.wish.path, change.new.as_deref()) {
            for written in due[..at].iter().rev() {
                // What can be put back is; the copy beside the journal has the rest.
                put(&written.wish.path, written.old.as_deref()).ok();
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Makes a file hold this text, or not be there.
fn put(path: &Path, text: Option<&str>) -> Result<(), PathError> {
    match text {
        Some(text) => {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).context("create folder", folder)?;
            }
            write_shared(path, text.as_bytes())
        }
        None => match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("remove", path)
            }
            _ => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::command_line::Program;
    use super::*;
    use cemem_ingest::discover::Os;

    const OLD: &str = "{ \"mine\": 1 }\n";

    /// Two files below `root` of a project that `home` has set up, and what is to be done to them so
    /// that they name this program.
    fn changes(root: &Path, program: &str) -> Vec<Change> {
        let files = [(".claude/settings.json", "hooks"), (".mcp.json", "mcp")];
        let wish = |(file, kind): (&str, &str)| Wish {
            path: root.join(file),
            labels: Vec::new(),
            parts: vec![plan::parts_of("claude-code", kind).unwrap()],
        };
        let program = Program::new(program, Os::Linux);
        files.map(wish).iter().map(|wish| plan::change(wish, &program).unwrap()).collect()
    }

    fn back(journal: &Journal) -> Vec<Change> {
        journal.way_back("p").changes.into_iter().map(Result::unwrap).collect()
    }

    /// Returns a place with a project whose server file is the user's.
    fn set_up() -> (tempfile::TempDir, Home, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (home, root) = (Home(dir.path().join("home")), dir.path().join("project"));
        fs::create_dir(&root).unwrap();
        fs::write(root.join(".mcp.json"), OLD).unwrap();
        Journal::open(&home).unwrap().write(&changes(&root, "/a/cemem"), "p").unwrap();
        (dir, home, root)
    }

    #[test]
    fn a_process_that_ended_between_journal_and_files_does_no_harm() {
        let (_dir, home, root) = set_up();
        let again = changes(&root, "/b/cemem");
        Journal::open(&home).unwrap().write(&again, "p").unwrap();
        for change in &again {
            fs::write(&change.wish.path, change.old.as_deref().unwrap()).unwrap();
        }
        let mut journal = Journal::open(&home).unwrap();
        journal.undo(&back(&journal), "p").unwrap();
        assert_eq!(fs::read_to_string(root.join(".mcp.json")).unwrap(), OLD);
        assert!(!root.join(".claude").exists());
    }

    #[test]
    fn a_project_that_was_renamed_is_found() {
        let (dir, home, root) = set_up();
        let now = dir.path().join("renamed");
        fs::rename(&root, &now).unwrap();
        let mut journal = Journal::open(&home).unwrap();
        journal.follow("p", &now);
        journal.undo(&back(&journal), "p").unwrap();
        assert_eq!(fs::read_to_string(now.join(".mcp.json")).unwrap(), OLD);
        assert!(!now.join(".claude").exists() && journal.is_empty());
    }

    #[test]
    fn undo_is_for_all_files_or_for_none() {
        let (_dir, home, root) = set_up();
        let mut journal = Journal::open(&home).unwrap();
        let changes = back(&journal);
        let written = fs::read_to_string(root.join(".claude/settings.json")).unwrap();
        fs::write(root.join(".mcp.json"), "{}").unwrap();
        assert!(matches!(journal.undo(&changes, "p"), Err(JournalError::Changed(_))));
        assert_eq!(fs::read_to_string(root.join(".claude/settings.json")).unwrap(), written);
        assert_eq!(back(&journal).len(), 2);
    }
}
