//! Reading what a session left, and learning from it, in the background.
//!
//! Owns the process that outlives the hook: one a project, at low priority, ended after five minutes,
//! and idle for most of the time however often it is called. Must not read or learn itself: that is
//! the road of `cemem ingest`.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cemem_core::Store;
use cemem_core::durable::{IoResultExt as _, create_private_dir, open_private};
use cemem_core::project::Home;
use cemem_ingest::engines::setup::HookEvent;
use cemem_retrieve::Engine;
use cemem_retrieve::engine::EMBED_ON_RECALL;

use super::reach::Reach;
use super::{deadline, log};
use crate::args::CaptureArgs;
use crate::command_error::CommandError;
use crate::commands::{elsewhere, ingest, sync};
use crate::context::Context;
use crate::{exit_code, priority};

/// Longest life of the process.
const CAP: Duration = Duration::from_secs(300);
/// It rests this many times as long as it worked, so that it takes a small part of one core.
const REST: u32 = 9;
/// Longest rest.
const MAX_REST: Duration = Duration::from_secs(60);
/// How often a resting process looks whether the session has ended.
const STEP: Duration = Duration::from_millis(100);
/// What a process is called in the log.
const NAME: &str = "capture";

/// Returns how the process is started for an event: at the end of a session it does not rest.
pub(super) fn flags(event: &HookEvent) -> &'static [&'static str] {
    if event.name.to_ascii_lowercase().ends_with("end") { &["--now"] } else { &[] }
}

/// Starts the process for the vectors that are missing: nobody need wait for the next session to end.
pub(crate) fn start_for_vectors(context: &Context) {
    let started = start(&context.home, &context.project.root, &["--vectors", "--now"]);
    if let Err(error) = started {
        let error = error.in_full();
        context.ui.warn(&format!("vectors are not made in the background: {error}"));
    }
}

/// Starts the process and leaves it alone.
///
/// # Errors
/// When it cannot be started.
#[expect(clippy::disallowed_methods, reason = "the program is this one")]
pub(super) fn start(home: &Home, folder: &Path, flags: &[&str]) -> Result<(), CommandError> {
    let own = std::env::current_exe()?;
    let mut command = Command::new(&own);
    command.arg("--quiet").arg("--project").arg(folder).arg("capture").args(flags);
    // The folder of the session may be removed while it runs.
    let place = if home.0.is_dir() { home.0.clone() } else { std::env::temp_dir() };
    command.current_dir(place).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    detach(&mut command);
    let child = command.spawn().context("start", &own)?;
    // Not waited for: it belongs to the system once the hook has ended.
    drop(child);
    Ok(())
}

/// Keeps signals meant for the agent's terminal from reaching the process.
#[cfg(unix)]
fn detach(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

/// Keeps the process from opening a console window, and from ending with the agent's.
#[cfg(windows)]
fn detach(command: &mut Command) {
    use std::os::windows::process::CommandExt as _;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    command.creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW);
}

#[cfg(not(any(unix, windows)))]
fn detach(_: &mut Command) {}

/// Works until there is nothing more to do; one process a project works, others tell it and end.
/// What goes wrong is logged: nobody reads what this process prints.
///
/// # Errors
/// When the project's folder cannot be made.
pub(crate) fn run(context: &Context, args: &CaptureArgs) -> Result<u8, CommandError> {
    let began = Instant::now();
    settle_down();
    let folder = context.home.project_dir(&context.project);
    create_private_dir(&folder)?;
    let turn = Turn::of(&folder)?;
    let mut call = match args {
        CaptureArgs { vectors: true, .. } => Call::Vectors,
        CaptureArgs { now: true, .. } => Call::Now,
        _ => Call::Later,
    };
    while let Some(taken) = turn.take(call)? {
        call = turn.rest(taken);
        let work = Instant::now();
        let read = if call == Call::Vectors { Ok(()) } else { once(context) };
        // What sessions say comes first; whoever called to be read is not kept waiting either.
        let done = read.and_then(|()| vectors(context, &turn));
        if let Err(error) = done {
            log::note(NAME, &error.in_full());
        }
        turn.give_back(work.elapsed());
        let Some(next) = turn.called() else { break };
        call = next;
        if began.elapsed() + MAX_REST > CAP {
            // Whoever called was told that it will be seen to.
            let flags: &[&str] = if next == Call::Now { &["--now"] } else { &[] };
            start(&context.home, &context.project.root, flags)?;
            break;
        }
    }
    Ok(exit_code::OK)
}

fn once(context: &Context) -> Result<(), CommandError> {
    let store = ingest::in_background(context)?;
    for note in sync::automatic(context)? {
        log::note(NAME, &note);
    }
    Reach::refresh(&context.home.index_dir(&context.project), &store)
}

/// Makes the vectors that are missing, here and in the user's memory, which is asked here too; until somebody
/// calls.
fn vectors(context: &Context, turn: &Turn) -> Result<(), CommandError> {
    let store = context.store_to_read()?;
    let mut engine = context.engine(true)?;
    embed(&mut engine, &store, turn)?;
    match elsewhere::of_user(context, &engine)? {
        Some((store, mut engine)) => embed(&mut engine, &store, turn),
        None => Ok(()),
    }
}

fn embed(engine: &mut Engine, store: &Store, turn: &Turn) -> Result<(), CommandError> {
    loop {
        let done = engine.catch_up(store, EMBED_ON_RECALL)?;
        if !done.pending || done.vectors == 0 || turn.called().is_some() {
            return Ok(());
        }
    }
}

/// Lowers the priority and sets an end.
fn settle_down() {
    priority::yield_to_others(priority::BACKGROUND);
    std::thread::spawn(|| {
        std::thread::sleep(CAP);
        log::note(NAME, "took longer than five minutes and was ended; the next one goes on");
        deadline::end()
    });
}

/// What a process is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    /// To make vectors. Nobody need be told: whoever has the turn makes them after its reading.
    Vectors,
    /// To read, after a rest.
    Later,
    /// To read at once: a session has ended.
    Now,
}

/// Whose turn it is.
struct Turn {
    /// Locked by whom the turn belongs to; holds how long the last one worked, in milliseconds.
    lock: File,
    path: PathBuf,
    /// There while there is more to read than what the holder may have seen.
    later: PathBuf,
    /// There while that is of a session that has ended: it ends a rest.
    now: PathBuf,
}

impl Turn {
    fn of(folder: &Path) -> Result<Self, CommandError> {
        let path = folder.join("capture.lock");
        let lock = open_private(&path)?;
        let (later, now) = (folder.join("capture.call"), folder.join("capture.now"));
        Ok(Self { lock, path, later, now })
    }

    /// Takes the turn, and returns what for; `None` if another process has it and knows what there is to do.
    fn take(&self, call: Call) -> Result<Option<Call>, CommandError> {
        for attempt in 0..2 {
            match self.lock.try_lock() {
                Ok(()) => return Ok(Some(self.answer(call))),
                Err(TryLockError::WouldBlock) if attempt == 0 => {
                    let told = match call {
                        Call::Vectors => return Ok(None),
                        Call::Later => &self.later,
                        Call::Now => &self.now,
                    };
                    File::create(told).context("write", told)?;
                    // The holder may have looked just before: then the turn is free by now.
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(error).context("lock", &self.path).map_err(CommandError::from);
                }
            }
        }
        Ok(None)
    }

    fn give_back(&self, worked: Duration) {
        // Without it the next one does not rest.
        fs::write(&self.path, worked.as_millis().to_string()).ok();
        self.lock.unlock().ok();
    }

    /// Returns what is about to be done: what was asked for until now too, unless it is to be read and this call is
    /// not.
    fn answer(&self, call: Call) -> Call {
        if call == Call::Vectors {
            return call;
        }
        let called = self.called();
        for told in [&self.later, &self.now] {
            fs::remove_file(told).ok();
        }
        if called == Some(Call::Now) { Call::Now } else { call }
    }

    /// Returns what others asked for since the turn was taken.
    fn called(&self) -> Option<Call> {
        match (self.now.exists(), self.later.exists()) {
            (true, _) => Some(Call::Now),
            (false, true) => Some(Call::Later),
            (false, false) => None,
        }
    }

    /// Waits until the last one lies long enough back, or a session has ended; returns what is to be done.
    fn rest(&self, call: Call) -> Call {
        let worked = fs::read_to_string(&self.path).ok().and_then(|t| t.trim().parse().ok());
        let pause = Duration::from_millis(worked.unwrap_or(0)).saturating_mul(REST).min(MAX_REST);
        let since = || fs::metadata(&self.path).ok()?.modified().ok()?.elapsed().ok();
        while call == Call::Later && !self.now.exists() && since().is_some_and(|t| t < pause) {
            std::thread::sleep(STEP);
        }
        self.answer(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_works_and_the_others_tell_it() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (Turn::of(dir.path()).unwrap(), Turn::of(dir.path()).unwrap());
        assert_eq!(first.take(Call::Later).unwrap(), Some(Call::Later));
        assert_eq!(first.called(), None);
        assert_eq!(second.take(Call::Later).unwrap(), None);
        assert_eq!(first.called(), Some(Call::Later), "it was told that there is more");
        assert!(second.take(Call::Now).unwrap().is_none());
        assert!(second.take(Call::Later).unwrap().is_none());
        first.give_back(Duration::ZERO);
        // Who is in less of a hurry does not make less of it.
        assert_eq!(second.take(Call::Later).unwrap(), Some(Call::Now));
        assert_eq!(second.called(), None);
    }

    #[test]
    fn who_wants_vectors_neither_calls_nor_answers_for_another() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (Turn::of(dir.path()).unwrap(), Turn::of(dir.path()).unwrap());
        assert!(first.take(Call::Vectors).unwrap().is_some());
        assert!(second.take(Call::Vectors).unwrap().is_none() && first.called().is_none());
        assert!(second.take(Call::Now).unwrap().is_none() && first.called().is_some());
        first.give_back(Duration::from_secs(6));
        let began = Instant::now();
        assert!(second.take(Call::Vectors).unwrap().is_some());
        assert_eq!(second.rest(Call::Vectors), Call::Vectors);
        assert_eq!(second.called(), Some(Call::Now), "what is to be read is still to be read");
        assert!(began.elapsed() < Duration::from_secs(5), "vectors wait for no rest");
    }

    #[test]
    fn a_rest_ends_when_a_session_does() {
        let dir = tempfile::tempdir().unwrap();
        let turn = Turn::of(dir.path()).unwrap();
        assert!(turn.take(Call::Later).unwrap().is_some());
        turn.give_back(Duration::from_secs(6));
        assert!(turn.take(Call::Later).unwrap().is_some());
        fs::write(&turn.now, "").unwrap();
        let began = Instant::now();
        assert_eq!(turn.rest(Call::Later), Call::Now);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        fs::write(&turn.path, "50").unwrap();
        turn.rest(Call::Later);
        assert!(began.elapsed() >= Duration::from_millis(400), "nine times as long as it worked");
    }
}
