//! Taking what was dropped into `.cemem/inbox/`.
//!
//! Owns the move of a dropped file: first claimed by a rename, then checked, then in `done/`, where
//! every run finds it again, or in `rejected/` with the reason beside it. Whoever takes holds a lock,
//! so that no file is taken twice; a run that dies leaves its claims to the next. Must not read
//! events into the store, and must not leave the project: nothing here follows a link.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use cemem_core::Clock;
use cemem_core::durable::{IoResultExt as _, PathError, open_private, write_shared};

use crate::error::FileError;
use crate::sources::inbox::{INBOX, is_own_folder, rows};

/// Longest file that is taken.
pub const MAX_FILE: u64 = 8 * 1024 * 1024;
/// How long the end of a file that stops in the middle is waited for.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Most flaws named in a reason.
const MAX_FLAWS: usize = 20;

/// What became of the files of the inboxes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Now in `done/`.
    pub done: Vec<PathBuf>,
    /// Now in `rejected/`, and why.
    pub rejected: Vec<(PathBuf, String)>,
    /// Still being written: to be looked at again.
    pub waiting: Vec<PathBuf>,
    /// What could not be moved.
    pub errors: Vec<FileError>,
}

/// Takes everything complete in the inboxes of these work trees. Where nothing was dropped, nothing
/// is written.
#[must_use]
pub fn take(roots: &[PathBuf], clock: Clock) -> Taken {
    let mut taken = Taken::default();
    for root in roots {
        let inbox = root.join(INBOX);
        let claimed = inbox.join("claimed");
        if !is_own_folder(root, &inbox)
            || (dropped(&inbox).is_empty() && dropped(&claimed).is_empty())
        {
            continue;
        }
        if let Err(error) = take_from(&inbox, clock, &mut taken) {
            taken.fail(&error);
        }
    }
    taken
}

fn is_real_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// Returns the files of a folder that may hold events. Hidden ones are their writers' business until
/// they are renamed.
fn dropped(folder: &Path) -> Vec<PathBuf> {
    if !is_real_folder(folder) {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|e| e.file_type().is_ok_and(|t| t.is_file()))
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "json" || e == "jsonl"))
        .filter(|p| p.file_name().is_some_and(|n| !n.to_string_lossy().starts_with('.')))
        .collect();
    files.sort();
    files
}

fn take_from(inbox: &Path, clock: Clock, taken: &mut Taken) -> Result<(), PathError> {
    let path = inbox.join(".lock");
    // Whoever may commit could have put a link here, to a file that is none of ours.
    if fs::symlink_metadata(&path).is_ok_and(|meta| !meta.is_file()) {
        let flaw = io::Error::other("it is no plain file; remove it");
        return Err(flaw).context("lock", &path);
    }
    let lock = open_private(&path)?;
    match lock.try_lock() {
        Ok(()) => {}
        // Somebody else is at it, and finds what we would have found.
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(e)) => return Err(e).context("lock", &path),
    }
    let folder = |name: &str| -> Result<PathBuf, PathError> {
        let path = inbox.join(name);
        if !is_real_folder(&path) {
            fs::create_dir(&path).context("create folder", &path)?;
        }
        Ok(path)
    };
    let (claimed, done, rejected) = (folder("claimed")?, folder("done")?, folder("rejected")?);
    for file in dropped(inbox) {
        match look(&file, clock) {
            Look::Waiting => taken.waiting.push(file),
            _ => {
                if let Err(error) = move_into(&file, &claimed) {
                    taken.fail(&error);
                }
            }
        }
    }
    // Those of a run that died are here as well.
    for file in dropped(&claimed) {
        let moved = match look(&file, clock) {
            Look::Good => move_into(&file, &done).map(|path| taken.done.push(path)),
            Look::Bad(reason) => {
                reject(&file, &rejected, &reason).map(|path| taken.rejected.push((path, reason)))
            }
            // It went on growing under its new name; what it lacks is waited for there.
            Look::Waiting => {
                taken.waiting.push(file);
                Ok(())
            }
        };
        if let Err(error) = moved {
            taken.fail(&error);
        }
    }
    Ok(())
}

enum Look {
    Good,
    Bad(String),
    Waiting,
}

/// Judges a file by its content.
fn look(file: &Path, clock: Clock) -> Look {
    let read = || -> io::Result<(String, u64)> {
        let mut bytes = Vec::new();
        File::open(file)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        let len = bytes.len() as u64;
        Ok((String::from_utf8_lossy(&bytes).into_owned(), len))
    };
    let (text, len) = match read() {
        Ok(read) => read,
        Err(e) => return Look::Bad(crate::read::describe(&e)),
    };
    if len > MAX_FILE {
        return Look::Bad(format!("longer than {MAX_FILE} bytes"));
    }
    let (events, flaws) = rows(text.trim_start_matches('\u{feff}'));
    let whole = flaws.iter().all(|flaw| !flaw.cut);
    match (events.is_empty(), flaws.is_empty()) {
        (false, true) => Look::Good,
        (true, true) if is_young(file, clock) => Look::Waiting,
        (true, true) => Look::Bad("no event in it".to_owned()),
        _ if !whole && is_young(file, clock) => Look::Waiting,
        _ => {
            let mut lines: Vec<_> = flaws.iter().take(MAX_FLAWS).map(ToString::to_string).collect();
            if flaws.len() > MAX_FLAWS {
                lines.push(format!("and {} more", flaws.len() - MAX_FLAWS));
            }
            Look::Bad(lines.join("\n"))
        }
    }
}

/// Whether somebody may still be writing.
fn is_young(file: &Path, clock: Clock) -> bool {
    let modified = fs::metadata(file).and_then(|m| m.modified()).ok();
    let since = modified.and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let modified = since.and_then(|d| i64::try_from(d.as_millis()).ok()).unwrap_or(0);
    let patience = i64::try_from(PATIENCE.as_millis()).unwrap_or(i64::MAX);
    clock.now().0.saturating_sub(modified) < patience
}

/// Moves a file into a folder under a name that is free there.
fn move_into(file: &Path, folder: &Path) -> Result<PathBuf, PathError> {
    let to = free_name(file, folder);
    fs::rename(file, &to).context("move", file)?;
    Ok(to)
}

/// Returns `name.json`, or `name-2.json`: nothing is replaced. Only the holder of the lock moves.
fn free_name(file: &Path, folder: &Path) -> PathBuf {
    let part = |part: Option<&std::ffi::OsStr>| {
        part.map(|p| p.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let (stem, extension) = (part(file.file_stem()), part(file.extension()));
    let taken = |path: &PathBuf| fs::symlink_metadata(path).is_ok();
    let first = folder.join(format!("{stem}.{extension}"));
    if !taken(&first) {
        return first;
    }
    (2_u64..)
        .map(|n| folder.join(format!("{stem}-{n}.{extension}")))
        .find(|path| !taken(path))
        .expect("a folder does not hold every number")
}

/// Moves a file to the rejected ones and writes the reason beside it. The reason first: a file there
/// without one would be a riddle.
fn reject(file: &Path, folder: &Path, reason: &str) -> Result<PathBuf, PathError> {
    let to = free_name(file, folder);
    let mut beside = to.clone().into_os_string();
    beside.push(".reason.txt");
    write_shared(Path::new(&beside), format!("{reason}\n").as_bytes())?;
    fs::rename(file, &to).context("move", file)?;
    Ok(to)
}

impl Taken {
    fn fail(&mut self, error: &PathError) {
        let message = format!("{error}: {}", crate::read::describe(&error.source));
        self.errors.push(FileError { path: error.path.clone(), line: None, message });
    }

    /// Adds to a run's report what the person who dropped a file wants to know.
    pub fn tell(self, report: &mut crate::Report) {
        if !self.waiting.is_empty() {
            report.skip("inbox_file_still_written", self.waiting.len() as u64);
        }
        if !self.rejected.is_empty() {
            report.skip("inbox_file_rejected", self.rejected.len() as u64);
        }
        let rejected = self.rejected.into_iter().map(|(path, reason)| {
            let first = reason.lines().next().unwrap_or_default();
            FileError { path, line: None, message: format!("rejected: {first}") }
        });
        report.add_errors(rejected.chain(self.errors).collect());
    }
}

#[cfg(test)]
mod tests;
