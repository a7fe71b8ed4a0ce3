//! Which folders are watched, and how.
//!
//! Owns the watchers: the system's where it can, `poll` where it cannot.
//! Folders that do not exist yet are waited for in the nearest one that does. Must not know what lies
//! in a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use notify::event::{ModifyKind, RemoveKind};
use notify::{ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::poll::Poll;
use super::{Host, Message, News, WatchOptions};

/// See the module.
pub(super) struct Folders {
    native: Option<RecommendedWatcher>,
    poll: Poll,
    /// What sources say: folders or files, there or not.
    bases: BTreeSet<PathBuf>,
    /// What is watched.
    armed: BTreeMap<PathBuf, Armed>,
    /// Folders with links resolved, as the system may name them, and as they were given.
    resolved: Vec<(PathBuf, PathBuf)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Armed {
    recursive: bool,
    polled: bool,
}

/// Whether the system has no room for more watches.
pub(super) fn is_full(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::MaxFilesWatch => true,
        ErrorKind::Io(e) => {
            matches!(e.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
        }
        _ => false,
    }
}

/// Whether what an event is about may no longer be where it was.
pub(super) fn may_be_gone(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Remove(RemoveKind::Any | RemoveKind::Folder | RemoveKind::Other)
            | EventKind::Remove(RemoveKind::File)
            | EventKind::Modify(ModifyKind::Name(_))
    )
}

impl Folders {
    pub(super) fn new(
        sender: &Sender<Message>,
        options: &WatchOptions,
        host: &mut dyn Host,
    ) -> Self {
        let mut folders = Self {
            native: None,
            poll: Poll::default(),
            bases: BTreeSet::new(),
            armed: BTreeMap::new(),
            resolved: Vec::new(),
        };
        if !options.only_poll {
            let sender = sender.clone();
            match notify::recommended_watcher(move |event| {
                // The loop may have ended.
                drop(sender.send(Message::Changed(event)));
            }) {
                Ok(watcher) => folders.native = Some(watcher),
                Err(error) => {
                    host.tell(News::Polling { folder: None, reason: error.to_string() });
                }
            }
        }
        folders
    }

    /// How many folders are watched.
    pub(super) fn len(&self) -> usize {
        self.armed.len()
    }

    /// Watches exactly what these bases need; returns whether anything is watched that was not.
    pub(super) fn arm(&mut self, bases: &BTreeSet<PathBuf>, host: &mut dyn Host) -> bool {
        self.bases.clone_from(bases);
        let wanted = wanted(bases);
        let over: Vec<PathBuf> = self
            .armed
            .iter()
            .filter(|(path, armed)| wanted.get(*path) != Some(&armed.recursive))
            .map(|(path, _)| path.clone())
            .collect();
        for path in over {
            self.release(&path);
        }
        let mut more = false;
        for (path, recursive) in wanted {
            if !self.armed.contains_key(&path) {
                self.watch(&path, recursive, host);
                more = true;
            }
        }
        self.resolved = bases
            .iter()
            .chain(self.armed.keys())
            .filter_map(|base| Some((base.canonicalize().ok()?, base.clone())))
            .filter(|(resolved, base)| resolved != base)
            .collect();
        // The longest first: folders lie in each other.
        self.resolved.sort_by_key(|(resolved, _)| std::cmp::Reverse(resolved.as_os_str().len()));
        more
    }

    fn watch(&mut self, path: &Path, recursive: bool, host: &mut dyn Host) {
        let mode = if recursive { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        if let Some(native) = &mut self.native {
            match native.watch(path, mode) {
                Ok(()) => {
                    self.armed.insert(path.to_owned(), Armed { recursive, polled: false });
                    return;
                }
                Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => return,
                Err(error) => {
                    drop(native.unwatch(path));
                    let reason = error.to_string();
                    host.tell(News::Polling { folder: Some(path.to_owned()), reason });
                }
            }
        }
        self.poll.add(path, recursive);
        self.armed.insert(path.to_owned(), Armed { recursive, polled: true });
    }

    fn release(&mut self, path: &Path) {
        let Some(armed) = self.armed.remove(path) else { return };
        if armed.polled {
            self.poll.remove(path);
        } else {
            // What is gone cannot be released, and need not be.
            drop(self.native.as_mut().map(|w| w.unwatch(path)));
        }
    }

    /// The system has no room for the folders below those it watches: from now on all are looked at.
    pub(super) fn poll_all(&mut self, error: &notify::Error, host: &mut dyn Host) {
        if self.native.take().is_some() {
            self.armed.retain(|_, armed| armed.polled);
            host.tell(News::Polling { folder: None, reason: error.to_string() });
        }
    }

    /// Whether folders must be looked at.
    pub(super) fn polls(&self) -> bool {
        !self.poll.is_empty()
    }

    /// Looks at them: what changed, and what is gone.
    pub(super) fn look(&mut self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        self.poll.look()
    }

    /// Returns a path as sources spell it.
    pub(super) fn as_given(&self, path: PathBuf) -> PathBuf {
        let below = |(resolved, given): &(PathBuf, PathBuf)| {
            let rest = path.strip_prefix(resolved).ok()?;
            Some(if rest.as_os_str().is_empty() { given.clone() } else { given.join(rest) })
        };
        self.resolved.iter().find_map(below).unwrap_or(path)
    }

    /// Forgets what is watched at a path that may be gone; whether anything was.
    pub(super) fn forget(&mut self, path: &Path) -> bool {
        let gone: Vec<PathBuf> =
            self.armed.keys().filter(|armed| armed.starts_with(path)).cloned().collect();
        for path in &gone {
            self.release(path);
        }
        !gone.is_empty()
    }

    /// Whether something at this path may be the way to a base that was not there.
    pub(super) fn leads_to_base(&self, path: &Path) -> bool {
        self.bases.iter().any(|base| {
            base.starts_with(path) && !self.armed.contains_key(base) && !self.is_file_watched(base)
        })
    }

    /// A base that is a file is watched through its folder.
    fn is_file_watched(&self, base: &Path) -> bool {
        base.parent().is_some_and(|folder| self.armed.contains_key(folder)) && !base.is_dir()
    }

    /// Whether a path lies in a base.
    pub(super) fn in_base(&self, path: &Path) -> bool {
        // A file beside a database that is a base belongs to it.
        let main = super::owners::main_file(path);
        self.bases.iter().any(|base| path.starts_with(base) || main == *base)
    }
}

/// Returns the folders to watch, and whether with everything below them.
fn wanted(bases: &BTreeSet<PathBuf>) -> BTreeMap<PathBuf, bool> {
    let mut wanted: BTreeMap<PathBuf, bool> = BTreeMap::new();
    for base in bases {
        if base.is_dir() {
            wanted.insert(base.clone(), true);
        } else if let Some(there) = base.ancestors().skip(1).find(|a| a.is_dir()) {
            wanted.entry(there.to_owned()).or_insert(false);
        }
    }
    let deep: Vec<PathBuf> = wanted.iter().filter(|(_, r)| **r).map(|(p, _)| p.clone()).collect();
    wanted.retain(|path, _| !deep.iter().any(|d| path != d && path.starts_with(d)));
    wanted
}
