//! A program with a deadline.
//!
//! Owns starting it in a process group of its own and ending that group, so that nothing it started
//! stays behind. Must not know what the program is or says.

use std::io::Read;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use wait_timeout::ChildExt as _;

/// How long output may take to arrive after the end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A finished program.
pub(super) struct Finished {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// More was printed than was kept.
    pub(super) too_much: bool,
}

/// Runs a prepared command whose output is piped; `None` if it had to be ended.
///
/// # Errors
/// When it cannot be started or waited for.
pub(super) fn run(
    command: &mut Command,
    patience: Duration,
    max: usize,
) -> std::io::Result<Option<Finished>> {
    own_group(command);
    let mut child = command.spawn()?;
    let stdout = child.stdout.take().map(|pipe| collect(pipe, max));
    let stderr = child.stderr.take().map(|pipe| collect(pipe, 64 * 1024));
    let status = child.wait_timeout(patience);
    // Also after a good end: what it left running would hold its output open.
    end(&mut child);
    let Some(status) = status? else { return Ok(None) };
    let text = |pipe: Option<Receiver<(Vec<u8>, bool)>>| {
        let (bytes, more) = pipe.and_then(|p| p.recv_timeout(LAST_WORDS).ok()).unwrap_or_default();
        (String::from_utf8_lossy(&bytes).into_owned(), more)
    };
    let ((stdout, too_much), (stderr, _)) = (text(stdout), text(stderr));
    Ok(Some(Finished { status, stdout, stderr, too_much }))
}

/// Reads a pipe to its end aside, keeping at most `max` bytes.
fn collect(mut pipe: impl Read + Send + 'static, max: usize) -> Receiver<(Vec<u8>, bool)> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let limit = u64::try_from(max).unwrap_or(u64::MAX);
        // What arrived before a broken pipe counts.
        pipe.by_ref().take(limit).read_to_end(&mut kept).ok();
        let more = std::io::copy(&mut pipe, &mut std::io::sink()).unwrap_or(0) > 0;
        send.send((kept, more)).ok();
    });
    receive
}

#[cfg(unix)]
fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) {}

/// Ends the program and everything in its group.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // Nobody may be left in it, which is well.
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
    }
    // It may be gone by now; nothing depends on it.
    child.kill().and_then(|()| child.wait().map(drop)).ok();
}
