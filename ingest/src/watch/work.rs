//! One watched project: reading what changed, and the pass over its candidates.
//!
//! Owns what is due for the project. The store is opened for each step and closed after it, so that
//! an idle watch holds nothing. Must not lose a change: what could not be stored is read again.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cemem_core::Store;
use cemem_core::history::History;

use super::owners::{Claim, Owners};
use super::{Host, News, Watched};
use crate::anchors::{self, LookOptions};
use crate::discover::discover;
use crate::engines::ENGINES;
use crate::error::IngestError;
use crate::history::{HistoryOptions, read_history};
use crate::inbox;
use crate::learn::learn;
use crate::pipeline::{IngestOptions, Input, ingest};
use crate::redact::Redactor;
use crate::report::{NoProgress, Report};
use crate::sources::inbox::{DONE, INBOX, is_own_folder};

/// Inputs read between two looks at whether to stop.
const STEP: usize = 64;
/// How long to wait before what could not be stored, or is half written, is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long to wait before everything that could not be stored is tried again.
pub(super) const LATER: Duration = Duration::from_secs(30);

/// Paths to look at again, and when.
pub(super) type Later = Vec<(PathBuf, Instant)>;

/// What a step left to do.
#[derive(Default)]
pub(super) struct Left {
    /// Could not be stored, or is half written.
    pub(super) again: Later,
    /// May become this project's, unless it proves to be another's.
    pub(super) doubts: Later,
}

/// See the module.
pub(super) struct Work {
    watched: Watched,
    bases: Vec<PathBuf>,
    /// Files that change with the history of the repository.
    histories: Vec<PathBuf>,
    owners: Owners,
    /// When something was last read that the pass has not seen.
    fresh: Option<Instant>,
    /// The trouble that was told last; none since something went well.
    told: Option<String>,
}

/// What a step reads.
#[derive(Default)]
struct Step {
    inputs: BTreeSet<PathBuf>,
    inbox: bool,
    history: bool,
}

impl Work {
    pub(super) fn new(watched: Watched) -> Self {
        let histories: Vec<PathBuf> =
            watched.places.roots.iter().map(|root| History::log(root)).collect();
        let bases = ENGINES.iter().flat_map(|e| (e.bases)(&watched.places));
        let bases = bases.chain(histories.iter().cloned()).collect();
        // Another process may have ended before its pass.
        let fresh = Some(Instant::now());
        Self { watched, bases, histories, owners: Owners::default(), fresh, told: None }
    }

    /// Whether this is that project, in the same places.
    pub(super) fn is(&self, other: &Watched) -> bool {
        self.watched.store == other.store && self.watched.places.roots == other.places.roots
    }

    /// Returns the folders and files to watch.
    pub(super) fn bases(&self) -> impl Iterator<Item = &PathBuf> {
        self.bases.iter()
    }

    /// Returns when the pass is due, if it is, with this much calm before it.
    pub(super) fn due(&self, calm: Duration) -> Option<Instant> {
        self.fresh.map(|at| at + calm)
    }

    /// Reads those of the changed paths that are the project's. `owned` holds those that another
    /// project has; a database may hold sessions of several.
    pub(super) fn read_changed<'p>(
        &mut self,
        paths: &'p [PathBuf],
        owned: &mut BTreeSet<&'p Path>,
        redactor: &Redactor,
        host: &mut dyn Host,
    ) -> Left {
        let mut step = Step::default();
        let mut left = Left::default();
        let mut mine: Vec<PathBuf> = Vec::new();
        let mut asked = BTreeSet::new();
        let mut taken: Vec<&Path> = Vec::new();
        for path in paths {
            if self.histories.contains(path) {
                step.history = true;
            } else if self.watched.places.roots.iter().any(|r| path.starts_with(r.join(INBOX))) {
                step.inbox = true;
            } else if !owned.contains(path.as_path()) {
                match self.owners.claim(path, &self.watched.places, &mut asked) {
                    Claim::Ours(inputs) => {
                        step.inputs.extend(inputs);
                        mine.push(path.clone());
                        if path.extension().is_some_and(|e| e == "jsonl") {
                            taken.push(path);
                        }
                    }
                    Claim::Later(at) => left.doubts.push((path.clone(), at)),
                    Claim::Not => {}
                }
            }
        }
        let unread = self.owners.unread();
        mine.extend(unread.iter().cloned());
        step.inputs.extend(unread);
        if step.inputs.is_empty() && !step.inbox && !step.history {
            return left;
        }
        match self.step(&step, redactor, host) {
            Ok(more) => {
                owned.extend(taken);
                left.again.extend(more);
            }
            Err(error) => {
                self.trouble(&error, host);
                let again = Instant::now() + AGAIN;
                // One of them stands for all: the step takes every inbox, every history.
                let root = self.watched.places.roots.first();
                mine.extend(root.filter(|_| step.inbox).map(|r| r.join(INBOX)));
                mine.extend(self.histories.first().filter(|_| step.history).cloned());
                left.again.extend(mine.into_iter().map(|path| (path, again)));
            }
        }
        left
    }

    /// Reads everything that is new in the project, as `ingest` does; nothing comes back if it has to
    /// be tried again.
    pub(super) fn read_all(
        &mut self,
        redactor: &Redactor,
        asked: &AtomicBool,
        host: &mut dyn Host,
    ) -> Option<Later> {
        let places = &self.watched.places;
        let mut inputs: Vec<PathBuf> = discover(places).into_iter().map(|f| f.path).collect();
        self.owners.know(inputs.iter().cloned());
        inputs.extend(crate::missing_folders(places).into_iter().map(|i| i.path));
        let mut later = Vec::new();
        let mut first = true;
        // At least one step: the history and the inbox are read without any session.
        for part in inputs.chunks(STEP).chain(inputs.is_empty().then_some(&[][..])) {
            if asked.load(Ordering::SeqCst) {
                break;
            }
            let step =
                Step { inputs: part.iter().cloned().collect(), inbox: first, history: first };
            first = false;
            match self.step(&step, redactor, host) {
                Ok(more) => later.extend(more),
                Err(error) => {
                    self.trouble(&error, host);
                    return None;
                }
            }
        }
        Some(later)
    }

    fn step(
        &mut self,
        step: &Step,
        redactor: &Redactor,
        host: &mut dyn Host,
    ) -> Result<Later, IngestError> {
        let roots = &self.watched.places.roots;
        let mut store = Store::open(&self.watched.store, self.watched.clock)?;
        let mut report = Report::default();
        let mut inputs: Vec<Input> = step.inputs.iter().map(Input::discovered).collect();
        let mut later = Vec::new();
        if step.inbox {
            let taken = inbox::take(roots, self.watched.clock);
            let again = Instant::now() + AGAIN;
            later.extend(taken.waiting.iter().map(|path| (path.clone(), again)));
            taken.tell(&mut report);
            let done = roots.iter().map(|root| (root, root.join(DONE)));
            let done = done.filter(|(root, done)| is_own_folder(root, done));
            inputs.extend(done.map(|(_, done)| Input::discovered(done)));
        }
        let mut moved = false;
        if step.history {
            let history = read_history(&mut store, &HistoryOptions::new(redactor, roots))?;
            moved = history.files_read > 0;
            report.absorb(history);
        }
        let options = IngestOptions { redactor, progress: &NoProgress, roots, threads: 1 };
        report.absorb(ingest(&mut store, &inputs, &options)?);
        self.told = None;
        // When HEAD moved, the code of the lessons may have.
        if report.candidates > 0 || moved || self.fresh.is_some() {
            self.fresh = Some(Instant::now());
        }
        if report.events_new > 0 || report.error_count > 0 {
            let project = self.watched.name.clone();
            host.tell(News::Read { project, report: Box::new(report) });
        }
        Ok(later)
    }

    /// Turns candidates into lessons and looks at their code. What fails is tried at the next calm
    /// moment.
    pub(super) fn consolidate(&mut self, redactor: &Redactor, host: &mut dyn Host) {
        self.fresh = None;
        let look = LookOptions::new(redactor, &self.watched.places.roots);
        let pass = Store::open(&self.watched.store, self.watched.clock).and_then(|mut store| {
            let (_, mut applied) = learn(&mut store)?;
            let seen = anchors::look(&mut store, &look)?.applied;
            applied.updated += seen.updated;
            applied.op = applied.op.max(seen.op);
            Ok(applied)
        });
        match pass {
            Ok(applied) if applied.op != 0 => {
                host.tell(News::Learned { project: self.watched.name.clone(), applied });
            }
            Ok(_) => {}
            Err(error) => {
                self.fresh = Some(Instant::now() + LATER);
                self.trouble(&IngestError::Store(error), host);
            }
        }
    }

    /// Tells what went wrong, once as long as it stays the same.
    fn trouble(&mut self, error: &IngestError, host: &mut dyn Host) {
        let causes = std::iter::successors(error.source(), |e| (*e).source());
        let message = causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"));
        if self.told.as_ref() != Some(&message) {
            let project = Some(self.watched.name.clone());
            host.tell(News::Trouble { project, message: message.clone() });
            self.told = Some(message);
        }
    }
}
