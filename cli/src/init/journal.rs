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
    IoResultExt as _, PathError, create_private_dir, open_private, write_durable, write_shared,
};
use cemem_core::id::digest;
use cemem_core::project::Home;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::edit::{self, Part};
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
    /// Folders that were made for it, the innermost first.
    made: Vec<PathBuf>,
    /// The projects it was changed for.
    projects: BTreeSet<String>,
    /// What was put in: an engine's short name, and `hooks` or `mcp`.
    parts: BTreeSet<(String, String)>,
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
        for (at, change) in due.iter().enumerate() {
            if let Err(error) = put(&change.wish.path, change.new.as_deref()) {
                for written in due[..at].iter().rev() {
                    // What can be put back is; the copy beside the journal has the rest.
                    put(&written.wish.path, written.old.as_deref()).ok();
                }
                let made =
                    self.table.files.iter().filter(|(path, _)| !kept.files.contains_key(*path));
                made.for_each(|(_, entry)| clear(&entry.made));
                self.table = kept;
                self.save()?;
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Notes that a project uses a file that is set up already, if it was set up here.
    pub(crate) fn join(&mut self, wish: &Wish, project: &str) {
        if let Some(entry) = self.table.files.get_mut(&wish.path) {
            entry.projects.insert(project.to_owned());
        }
    }

    fn enter(&mut self, change: &Change, project: &str) -> Result<(), JournalError> {
        let (path, new) = (&change.wish.path, change.new.as_deref().unwrap_or_default());
        let parts: BTreeSet<(String, String)> = change
            .wish
            .parts
            .iter()
            .map(|(name, part)| ((*name).to_owned(), kind(part).to_owned()))
            .collect();
        let known = self.table.files.remove(path);
        let untouched =
            |entry: &Entry| change.old.as_deref().is_some_and(|old| stamp(old) == entry.after);
        let mut entry = match known {
            // Set up before and not touched since: what was there before that is what to go back to.
            Some(entry) if untouched(&entry) => entry,
            known => {
                let all: Vec<Part> = change.wish.parts.iter().map(|(_, part)| *part).collect();
                // Changed by somebody since: what to go back to is what is there without ours.
                let before = match (&change.old, &known) {
                    (Some(old), Some(_)) => edit::without(old, &all).ok().or(Some(old.clone())),
                    (old, _) => old.clone(),
                };
                let copy = before
                    .as_ref()
                    .map(|_| format!("{}.bak", &stamp(&path.to_string_lossy())[..16]));
                if let (Some(copy), Some(before)) = (&copy, &before) {
                    write_durable(&self.folder.join(copy), before.as_bytes())?;
                }
                let projects = known.map(|k| k.projects).unwrap_or_default();
                Entry {
                    before: copy,
                    after: String::new(),
                    made: missing_folders(path),
                    projects,
                    parts: BTreeSet::new(),
                }
            }
        };
        entry.after = stamp(new);
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
        let parts: Vec<(&'static str, Part)> =
            entry.parts.iter().filter_map(|(engine, kind)| plan::parts_of(engine, kind)).collect();
        let mut labels = Vec::new();
        for engine in parts.iter().filter_map(|(name, _)| cemem_ingest::engines::engine(name)) {
            if !labels.contains(&engine.label) {
                labels.push(engine.label);
            }
        }
        let wish = Wish { path: path.to_owned(), labels, parts };
        let old = plan::read(path)?;
        let new = match (&old, &entry.before) {
            (None, _) => None,
            (Some(now), before) if stamp(now) == entry.after => match before {
                None => None,
                Some(copy) => plan::read(&self.folder.join(copy))?,
            },
            (Some(now), _) => {
                let all: Vec<Part> = wish.parts.iter().map(|(_, part)| *part).collect();
                Some(edit::without(now, &all)?)
            }
        };
        Ok(Change { wish, old, new })
    }

    /// Takes back what was done for a project.
    ///
    /// # Errors
    /// When a file cannot be written; it stays in the journal then.
    pub(crate) fn undo(&mut self, changes: &[Change], project: &str) -> Result<(), JournalError> {
        for change in changes {
            let path = &change.wish.path;
            if plan::read(path).ok() != Some(change.old.clone()) {
                return Err(JournalError::Changed(path.clone()));
            }
            put(path, change.new.as_deref())?;
            if let Some(entry) = self.table.files.remove(path) {
                if change.new.is_none() {
                    clear(&entry.made);
                }
                if let Some(copy) = entry.before {
                    fs::remove_file(self.folder.join(copy)).ok();
                }
            }
            self.save()?;
        }
        for entry in self.table.files.values_mut() {
            entry.projects.remove(project);
        }
        self.save()
    }

    /// Writes the journal down.
    ///
    /// # Errors
    /// When that is not possible.
    pub(crate) fn save(&self) -> Result<(), JournalError> {
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
