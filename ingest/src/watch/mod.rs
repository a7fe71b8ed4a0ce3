//! Reading what is new as soon as it is written, for as long as somebody wants it.
//!
//! | module | owns |
//! |---|---|
//! | `folders` | which folders are watched, and how: by the system, or by looking |
//! | `poll` | folders that are looked at again and again |
//! | `owners` | which project a changed file belongs to |
//! | `work` | one project: reading, consolidating, what is due |
//!
//! Owns the loop: events are gathered until they pause, then read; the pass over candidates waits for
//! a calm moment; between them the loop sleeps. Never needed: [`crate::ingest`] reaches the same
//! state. Must not print, and must not know signals: it is told to stop, and tells its [`Host`].

mod folders;
mod owners;
mod poll;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use cemem_core::Clock;
use cemem_core::store::Applied;

use crate::discover::Places;
use crate::redact::Redactor;
use crate::report::Report;
use folders::Folders;
use work::Work;

/// More changed paths than this are a reason to look at everything.
const MAX_PENDING: usize = 4096;

/// A project to watch.
#[derive(Debug, Clone)]
pub struct Watched {
    /// The name people see.
    pub name: String,
    /// Where its sessions may lie.
    pub places: Places,
    /// Its database.
    pub store: PathBuf,
    /// The time.
    pub clock: Clock,
}

/// How to watch.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// Changes are read when there was none for this long …
    pub settle: Duration,
    /// … or the first of them is this old.
    pub at_most: Duration,
    /// The pass over candidates waits until nothing was read for this long.
    pub calm: Duration,
    /// Everything is looked at again after this long, whatever was told.
    pub sweep: Duration,
    /// Look at the folders this often instead of being told; also how often those are looked at that
    /// the system cannot watch.
    pub poll: Duration,
    /// Do not ask the system at all.
    pub only_poll: bool,
    /// A file that tells of new projects when it changes.
    pub registry: Option<PathBuf>,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            settle: Duration::from_millis(60),
            at_most: Duration::from_millis(300),
            calm: Duration::from_secs(2),
            sweep: Duration::from_mins(15),
            poll: Duration::from_millis(700),
            only_poll: false,
            registry: None,
        }
    }
}

/// What a watch tells.
#[derive(Debug)]
pub enum News {
    /// It watches: so many projects, and folders (some do not exist yet).
    Watching {
        /// Projects.
        projects: usize,
        /// Folders that are watched.
        folders: usize,
    },
    /// The system cannot watch this folder: it is looked at again and again instead.
    Polling {
        /// The folder; none for all of them.
        folder: Option<PathBuf>,
        /// Why.
        reason: String,
    },
    /// Something was read.
    Read {
        /// The project.
        project: String,
        /// What was read.
        report: Box<Report>,
    },
    /// The pass changed lessons.
    Learned {
        /// The project.
        project: String,
        /// What changed.
        applied: Applied,
    },
    /// Something went wrong; it is tried again.
    Trouble {
        /// The project, where it is about one.
        project: Option<String>,
        /// What happened.
        message: String,
    },
}

/// Who runs a watch.
pub trait Host {
    /// Returns the projects to watch; asked again when the registry changes.
    fn projects(&mut self) -> Vec<Watched>;
    /// Is told what happens.
    fn tell(&mut self, news: News);
}

/// What arrives at the loop.
enum Message {
    Changed(notify::Result<notify::Event>),
    Stop,
}

/// Ends a watch, from any thread.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    sender: Sender<Message>,
}

impl Stop {
    /// Asks the watch to end. What it is doing is finished first, in small steps.
    pub fn stop(&self) {
        self.asked.store(true, Ordering::SeqCst);
        // A watch that has ended needs no word.
        drop(self.sender.send(Message::Stop));
    }
}

/// A watch that can be started.
#[derive(Debug)]
pub struct Watch {
    stop: Stop,
    receiver: Receiver<Message>,
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

impl Watch {
    /// Returns a watch that has not begun.
    #[must_use]
    pub fn new() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { stop: Stop { asked: Arc::default(), sender }, receiver }
    }

    /// Returns what ends it.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Watches until it is told to stop. Everything is read once at the beginning.
    pub fn run(self, host: &mut dyn Host, options: &WatchOptions) {
        let folders = Folders::new(&self.stop.sender, options, host);
        let mut state = State {
            host,
            options,
            redactor: Redactor::new(),
            asked: self.stop.asked.clone(),
            folders,
            projects: Vec::new(),
            pending: BTreeSet::new(),
            first: None,
            last: Instant::now(),
            later: BTreeMap::new(),
            reload: false,
            rearm: false,
            sweep: Instant::now() + options.sweep,
            look: Instant::now() + options.poll,
        };
        state.begin();
        while !state.asked.load(Ordering::SeqCst) {
            match self.receiver.recv_timeout(state.rest()) {
                Ok(Message::Changed(event)) => {
                    state.note(event);
                    // All of a burst before the next look at the clock.
                    while let Ok(Message::Changed(event)) = self.receiver.try_recv() {
                        state.note(event);
                    }
                }
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            state.turn();
        }
        state.end();
    }
}

/// A watch at work.
struct State<'a> {
    host: &'a mut dyn Host,
    options: &'a WatchOptions,
    redactor: Redactor,
    asked: Arc<AtomicBool>,
    folders: Folders,
    projects: Vec<Work>,
    /// Paths that changed and were not read yet.
    pending: BTreeSet<PathBuf>,
    /// When the first and the last of them changed.
    first: Option<Instant>,
    last: Instant,
    /// Paths to look at again, and when: nobody owned them yet, or they were half written.
    later: BTreeMap<PathBuf, Instant>,
    reload: bool,
    rearm: bool,
    sweep: Instant,
    /// The next look at folders that the system cannot watch.
    look: Instant,
}

impl State<'_> {
    fn begin(&mut self) {
        self.load();
        let (projects, folders) = (self.projects.len(), self.folders.len());
        self.host.tell(News::Watching { projects, folders });
        self.sweep_all();
    }

    /// Asks for the projects and arms their folders.
    fn load(&mut self) {
        let known: Vec<_> = std::mem::take(&mut self.projects);
        let mut projects = Vec::new();
        for watched in self.host.projects() {
            let old = known.iter().position(|w| w.is(&watched));
            projects.push((old, watched));
        }
        let mut known: Vec<Option<Work>> = known.into_iter().map(Some).collect();
        for (old, watched) in projects {
            let work = old.and_then(|at| known[at].take()).unwrap_or_else(|| Work::new(watched));
            self.projects.push(work);
        }
        self.arm();
    }

    /// Watches what exists of the folders; the nearest that exists of those that do not.
    fn arm(&mut self) -> bool {
        let mut bases: BTreeSet<PathBuf> =
            self.projects.iter().flat_map(|w| w.bases().cloned()).collect();
        bases.extend(self.options.registry.clone());
        self.folders.arm(&bases, self.host)
    }

    /// Takes one event in.
    fn note(&mut self, event: notify::Result<notify::Event>) {
        let event = match event {
            Ok(event) if event.need_rescan() => return self.sweep_soon(),
            Ok(event) => event,
            Err(error) => {
                if folders::is_full(&error) {
                    self.folders.poll_all(&error, self.host);
                    self.rearm = true;
                }
                return self.sweep_soon();
            }
        };
        // Reading what was written makes such events too.
        if matches!(event.kind, notify::EventKind::Access(_)) {
            return;
        }
        let gone = folders::may_be_gone(&event.kind);
        for path in event.paths {
            let path = self.folders.as_given(path);
            self.note_path(path, gone);
        }
        self.bound();
    }

    /// Looks at the folders that the system cannot watch.
    fn look(&mut self) {
        self.look = Instant::now() + self.options.poll;
        let (changed, gone) = self.folders.look();
        changed.into_iter().for_each(|path| self.note_path(path, false));
        gone.into_iter().for_each(|path| self.note_path(path, true));
        self.bound();
    }

    fn note_path(&mut self, path: PathBuf, gone: bool) {
        if gone {
            self.rearm |= self.folders.forget(&path);
        }
        self.rearm |= self.folders.leads_to_base(&path);
        if self.options.registry.as_deref() == Some(&*path) {
            self.reload = true;
            self.touch();
        } else if self.folders.in_base(&path) {
            self.pending.insert(path);
            self.touch();
        }
        if self.rearm {
            self.touch();
        }
    }

    /// Too much to look at one by one is a reason to look at everything.
    fn bound(&mut self) {
        if self.pending.len() > MAX_PENDING {
            self.pending.clear();
            self.sweep_soon();
        }
    }

    fn touch(&mut self) {
        self.last = Instant::now();
        self.first.get_or_insert(self.last);
    }

    fn sweep_soon(&mut self) {
        self.sweep = self.sweep.min(Instant::now() + self.options.at_most);
    }

    /// Returns how long nothing is due.
    fn rest(&self) -> Duration {
        let burst = self.first.map(|first| self.burst_ends(first));
        let due = self.projects.iter().filter_map(|w| w.due(self.options.calm));
        let look = self.folders.polls().then_some(self.look);
        let all = due.chain(burst).chain(look).chain(self.later.values().min().copied());
        let next = all.fold(self.sweep, Instant::min);
        next.saturating_duration_since(Instant::now())
    }

    fn burst_ends(&self, first: Instant) -> Instant {
        (self.last + self.options.settle).min(first + self.options.at_most)
    }

    /// Does what is due.
    fn turn(&mut self) {
        let now = Instant::now();
        if self.folders.polls() && self.look <= now {
            self.look();
        }
        let ripe: Vec<_> =
            self.later.iter().filter(|(_, at)| **at <= now).map(|(p, _)| p.clone()).collect();
        for path in ripe {
            self.later.remove(&path);
            self.pending.insert(path);
            self.first.get_or_insert(now);
        }
        if self.first.is_some_and(|first| self.burst_ends(first) <= now) {
            self.first = None;
            self.read_pending();
        }
        if self.sweep <= now {
            self.arm();
            self.sweep_all();
        }
        for at in 0..self.projects.len() {
            let calm = self.projects[at].due(self.options.calm);
            if calm.is_some_and(|due| due <= now) && !self.asked.load(Ordering::SeqCst) {
                self.projects[at].consolidate(&self.redactor, self.host);
            }
        }
    }

    fn read_pending(&mut self) {
        if std::mem::take(&mut self.reload) {
            self.load();
            self.sweep = Instant::now();
        }
        if std::mem::take(&mut self.rearm) {
            // What was written there before it was watched told nobody.
            if self.arm() {
                self.sweep = Instant::now();
            }
        }
        let paths: Vec<PathBuf> = std::mem::take(&mut self.pending).into_iter().collect();
        let mut owned: BTreeSet<&Path> = BTreeSet::new();
        let mut doubts = Vec::new();
        for work in &mut self.projects {
            let left = work.read_changed(&paths, &mut owned, &self.redactor, self.host);
            self.later.extend(left.again);
            doubts.extend(left.doubts);
            if self.asked.load(Ordering::SeqCst) {
                return;
            }
        }
        doubts.retain(|(path, _)| !owned.contains(path.as_path()));
        self.later.extend(doubts);
    }

    fn sweep_all(&mut self) {
        self.sweep = Instant::now() + self.options.sweep;
        for work in &mut self.projects {
            match work.read_all(&self.redactor, &self.asked, self.host) {
                Some(later) => self.later.extend(later),
                None => self.sweep = self.sweep.min(Instant::now() + work::LATER),
            }
        }
    }

    /// Leaves the candidates that are there consolidated, as `ingest` does.
    fn end(&mut self) {
        for work in &mut self.projects {
            if work.due(Duration::ZERO).is_some() {
                work.consolidate(&self.redactor, self.host);
            }
        }
    }
}
