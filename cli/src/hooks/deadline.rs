//! Ending in time.
//!
//! Owns the thread that ends the process when its time is over, and the way a hook ends: at once,
//! without waiting for a model that another thread is loading. Must not print anything.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::log;
use crate::config::HooksConfig;

/// How often the time is looked at: the limit is known for certain only when the configuration was
/// read.
const STEP: Duration = Duration::from_millis(25);
/// How long an answer that is being printed may take on top.
const LAST_WORD: Duration = Duration::from_millis(100);

/// The time a hook has.
#[derive(Debug)]
pub(super) struct Deadline {
    began: Instant,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit_ms: AtomicU64,
    name: Mutex<String>,
    /// Held while the answer is printed, and from then on: half an answer is none.
    printing: Mutex<()>,
}

impl Deadline {
    /// Starts the clock.
    pub(super) fn start() -> Self {
        let began = Instant::now();
        let shared = Arc::new(Shared {
            limit_ms: AtomicU64::new(HooksConfig::default().deadline_ms),
            name: Mutex::new(String::new()),
            printing: Mutex::new(()),
        });
        let watched = Arc::clone(&shared);
        // Without a thread there is no end by force; the hook itself still works.
        let _unwatched = std::thread::Builder::new().name("deadline".into()).spawn(move || {
            watch(began, &watched);
        });
        Self { began, shared }
    }

    /// Says who is called, for the log.
    pub(super) fn name(&self, name: &str) {
        name.clone_into(&mut self.shared.name.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Sets the limit, in milliseconds from the start.
    pub(super) fn set(&self, limit_ms: u64) {
        self.shared.limit_ms.store(limit_ms, Ordering::Relaxed);
    }

    /// Returns what is left until this share of the time is over.
    pub(super) fn left(&self, share: f64) -> Duration {
        let limit = Duration::from_millis(self.shared.limit_ms.load(Ordering::Relaxed));
        limit.mul_f64(share).saturating_sub(self.began.elapsed())
    }

    /// Does the last thing, which is not interrupted any more.
    pub(super) fn finish(&self, last: impl FnOnce()) {
        let held = self.shared.printing.lock().unwrap_or_else(PoisonError::into_inner);
        last();
        // Held until the end, which follows.
        std::mem::forget(held);
    }
}

fn watch(began: Instant, shared: &Shared) {
    loop {
        let limit = Duration::from_millis(shared.limit_ms.load(Ordering::Relaxed));
        let left = limit.saturating_sub(began.elapsed());
        if left.is_zero() {
            break;
        }
        std::thread::sleep(left.min(STEP));
    }
    if shared.printing.try_lock().is_err() {
        std::thread::sleep(LAST_WORD);
    }
    let name = shared.name.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let limit = shared.limit_ms.load(Ordering::Relaxed);
    log::note(&name, &format!("took longer than {limit} ms and was ended without an answer"));
    end();
}

/// Ends the process with 0, now. Destructors would wait for the model, and the exit code of the ONNX
/// Runtime must not run while a thread is still inside it.
#[cfg(unix)]
pub(super) fn end() -> ExitCode {
    #[expect(unsafe_code, reason = "no safe function ends a process without running exit handlers")]
    // SAFETY: it takes no pointer and does not return.
    unsafe {
        libc::_exit(0)
    }
}

/// Ends the process with 0, now.
#[cfg(not(unix))]
#[expect(clippy::exit, reason = "a hook that is late must end, whatever its other threads do")]
pub(super) fn end() -> ExitCode {
    std::process::exit(0)
}
