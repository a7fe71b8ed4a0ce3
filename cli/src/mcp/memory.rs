//! One project's memory on a thread of its own: the libraries are synchronous.
//!
//! Owns the order of calls and what is done between them. A call opens the store anew, which costs half a
//! millisecond: a store that was replaced, upgraded or repaired meanwhile is seen, no transaction is left
//! open beside other servers, and writes keep the promises of the command line. Only the index and the
//! model stay; and, for a moment, an idle connection, without which every call would read the store's log. What
//! an answer need not wait for is done on a second thread, so that the next call need not wait for it either.
//! Must not know the protocol.

use std::fmt;
#[cfg(unix)]
use std::fs::Metadata;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cemem_core::Store;
use cemem_retrieve::projection::CaughtUp;
use cemem_retrieve::{Engine, Semantic};
use tokio::sync::oneshot;

use super::progress::Reporter;
use crate::command_error::CommandError;
use crate::commands::elsewhere;
use crate::config::{Config, ModelsConfig};
use crate::context::Context;

/// After this long without a call, the index takes in what was written, and the store is let go.
const IDLE: Duration = Duration::from_millis(300);
/// And for about so long: a call that comes meanwhile waits.
const WORK: Duration = Duration::from_millis(300);

/// What a call works on.
pub(super) struct Memory {
    /// The project, and where everything is.
    pub(super) context: Context,
    /// The search engine; opens and loads on the first recall.
    pub(super) engine: Engine,
    /// The models it was made for; `None` before there were any that somebody knows.
    models: Option<ModelsConfig>,
    /// Why there were none.
    fault: Option<CommandError>,
    /// Told how far a long call is.
    pub(super) progress: Reporter,
    /// Something was written that the index does not know yet.
    pub(super) is_behind: bool,
    held: Option<Held>,
    aside: Lane<Aside>,
}

/// A connection that nobody uses. The last one to go writes a store's log into it or leaves it to be read by the next
/// one; between two calls neither is worth its time.
struct Held {
    _store: Store,
    file: FileId,
}

type Job = Box<dyn FnOnce(&mut Memory) + Send>;
type Aside = Box<dyn FnOnce() + Send>;

impl Memory {
    fn new(context: Context, aside: Lane<Aside>) -> Self {
        let engine = Engine::new(&context.home.index_dir(&context.project), Semantic::Off);
        let (progress, is_behind) = (Reporter::default(), false);
        Self { context, engine, models: None, fault: None, progress, is_behind, held: None, aside }
    }

    /// Lets go of a store that is another file by now.
    fn look_at_store(&mut self) {
        let now = self.held.as_ref().and_then(|_| self.store_file());
        self.held = self.held.take().filter(|held| Some(held.file) == now);
    }

    /// Keeps the store open until the next call, or until none comes.
    fn hold(&mut self) {
        if self.held.is_none()
            && let Some(file) = self.store_file()
        {
            let store = self.context.store_to_read().ok();
            self.held = store.map(|store| Held { _store: store, file });
        }
    }

    /// Returns which file the store is; `None` where there is none, or where the system does not tell.
    fn store_file(&self) -> Option<FileId> {
        file_id(&self.context.home.store_path(&self.context.project))
    }

    /// Takes over the models that a person has set since. What is wrong in the file then changes nothing
    /// here, once there was an engine; every command tells.
    fn look_at_config(&mut self) {
        self.fault = match self.changed_models() {
            Ok(None) => None,
            Ok(Some((engine, models))) => {
                (self.engine, self.models) = (engine.resident(), Some(models));
                None
            }
            Err(error) => Some(error).filter(|_| self.models.is_none()),
        };
    }

    fn changed_models(&self) -> Result<Option<(Engine, ModelsConfig)>, CommandError> {
        let models = Config::load(&self.context.home)?.models;
        if self.models.as_ref() == Some(&models) {
            return Ok(None);
        }
        Ok(Some((self.context.engine(true)?, models)))
    }

    /// Makes sure that there is an engine to search with, for the tools that do.
    ///
    /// # Errors
    /// When nobody knows the models that are set.
    pub(super) fn check_engine(&mut self) -> Result<(), CommandError> {
        self.fault.take().map_or(Ok(()), Err)
    }

    /// Returns why nothing can be searched with.
    pub(super) fn fault(&self) -> Option<&CommandError> {
        self.fault.as_ref()
    }

    /// Has something done that no answer waits for.
    pub(super) fn aside(&self, work: impl FnOnce() + Send + 'static) {
        // The thread is there as long as its lane.
        let _done = self.aside.push(Box::new(work));
    }

    fn run(&mut self, job: Job) {
        self.look_at_config();
        self.look_at_store();
        job(self);
        self.progress = Reporter::default();
    }

    /// Does what can wait until nobody asks.
    fn rest(&mut self) {
        self.held = None;
        if self.is_behind {
            self.catch_up();
        }
    }

    /// Embeds some of what was written, so that the next recall need not.
    fn catch_up(&mut self) {
        // A model that takes long to load keeps no call waiting.
        if !self.engine.is_warm() {
            return;
        }
        // Not tried again and again if it faults.
        self.is_behind = false;
        // Where it fails, or another process is at it, the next recall sees to it and tells.
        self.is_behind = self.catch_up_some().is_ok_and(|done| done.pending && done.vectors > 0);
    }

    /// Embeds some of this memory, or else of the user's, which is asked with it.
    fn catch_up_some(&mut self) -> Result<CaughtUp, CommandError> {
        let store = self.context.store_to_read()?;
        let done = self.engine.catch_up_for(&store, WORK)?;
        match elsewhere::of_user(&self.context, &self.engine)? {
            Some((store, mut engine)) if !done.pending => Ok(engine.catch_up_for(&store, WORK)?),
            _ => Ok(done),
        }
    }
}

/// Device and number of a file.
type FileId = (u64, u64);

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().ok().filter(Metadata::is_file).map(|file| (file.dev(), file.ino()))
}

/// An open file cannot be replaced here: none is held.
#[cfg(not(unix))]
fn file_id(_: &Path) -> Option<FileId> {
    None
}

/// A thread that takes jobs one after the other. Dropped, it waits until those it was given are done.
struct Lane<J> {
    jobs: Option<Sender<J>>,
    thread: Option<JoinHandle<()>>,
}

impl<J: Send + 'static> Lane<J> {
    fn start(name: &str, run: impl FnOnce(Receiver<J>) + Send + 'static) -> io::Result<Self> {
        let (jobs, todo) = mpsc::channel();
        let thread = thread::Builder::new().name(name.into()).spawn(move || run(todo))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Returns whether the thread is there to do it.
    fn push(&self, job: J) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok())
    }
}

impl<J> fmt::Debug for Lane<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("thread", &self.thread).finish_non_exhaustive()
    }
}

impl<J> Drop for Lane<J> {
    fn drop(&mut self) {
        drop(self.jobs.take());
        let _fault = self.thread.take().map(JoinHandle::join);
    }
}

/// The thread that a memory lives on. Ends when it is dropped, after the call it is in: what that writes is
/// either acknowledged or not begun.
#[derive(Debug)]
pub(super) struct Worker(Lane<Job>);

impl Worker {
    /// Starts a thread for the project of this context; opens nothing yet.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(context: Context) -> Result<Self, CommandError> {
        let aside = Lane::start("aside", |todo: Receiver<Aside>| {
            for work in todo {
                let _fault = catch_unwind(AssertUnwindSafe(work));
            }
        })?;
        let memory = Memory::new(context, aside);
        Ok(Self(Lane::start("memory", move |todo| serve(memory, &todo))?))
    }

    /// Runs a call on the memory; returns its answer when it comes.
    ///
    /// # Errors
    /// When the call ended in a fault of cemem.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            // Cancelled while it waited for its turn: nobody wants it any more.
            if !answer.is_closed() {
                let _gone = answer.send(call(memory));
            }
        });
        let fault = || CommandError::Internal("a call to the memory did not come back".into());
        if !self.0.push(job) {
            return Err(fault());
        }
        answered.await.map_err(|_| fault())
    }
}

/// Runs the jobs that come, until nobody can send any more.
fn serve(mut memory: Memory, todo: &Receiver<Job>) {
    loop {
        let next = match memory.is_behind || memory.held.is_some() {
            true => todo.recv_timeout(IDLE),
            false => todo.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        if matches!(next, Err(RecvTimeoutError::Disconnected)) {
            return;
        }
        // A fault in one call must not end the others; the caller sees its end.
        let _fault = catch_unwind(AssertUnwindSafe(|| match next {
            Ok(job) => {
                memory.run(job);
                memory.hold();
            }
            Err(_) => memory.rest(),
        }));
    }
}
