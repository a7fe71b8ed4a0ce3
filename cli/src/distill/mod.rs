//! Asking somebody to phrase lessons.
//!
//! | module | owns |
//! |---|---|
//! | `engine` | an engine run without a person |
//! | `process` | a program with a deadline, and the end of all it started |
//! | `http` | a model behind HTTP |
//! | `wire` | what such models are sent and answer |
//! | `ledger` | prices, caps, what was spent |
//! | `breaker` | leaving alone who keeps failing |
//!
//! Owns who is asked and how often. What comes back goes through `cemem_ingest::distill`, whoever
//! answered; nothing here may change a lesson.

mod breaker;
mod engine;
mod http;
mod ledger;
mod process;
mod wire;

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use cemem_core::Store;
use cemem_ingest::distill::{Answer, answer};

use crate::command_error::CommandError;
use crate::config::{Distill, Distiller};
use crate::context::Context;

/// Set for every program a distiller starts: what runs under it learns nothing.
pub const RUNNING: &str = "CEMEM_DISTILLING";
/// Longest answer that is read, in bytes.
const MAX_OUTPUT: usize = answer::MAX_ANSWER;
/// Longest wait between two tries, whatever a server asks for.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// What somebody answered.
#[derive(Debug)]
pub struct Said {
    /// Who, as phrasings name it: `engine:claude-code`.
    pub by: String,
    /// What of it can be read.
    pub answer: Answer,
}

/// Returns whether this process runs inside a distiller.
#[must_use]
pub fn is_running() -> bool {
    std::env::var_os(RUNNING).is_some_and(|v| !v.is_empty() && v != "0")
}

/// Puts a request to the distiller.
///
/// # Errors
/// When it cannot be asked, does not answer, or may not be paid for.
pub fn ask(
    context: &Context,
    store: &mut Store,
    who: Distiller,
    config: &Distill,
    request: &str,
) -> Result<Said, CommandError> {
    match who {
        Distiller::Engine => engine::ask(context, config, request),
        Distiller::Http => http::ask(context, store, config, request),
        Distiller::Rules | Distiller::Agent => {
            Err(CommandError::Internal("nobody is asked by this distiller".into()))
        }
    }
}

/// Why a try failed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failed {
    /// What happened.
    message: String,
    /// Whether another try may help.
    again: bool,
    /// How long to wait before it, if the other side said so.
    wait: Option<Duration>,
}

impl Failed {
    fn for_good(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: false, wait: None }
    }

    fn for_now(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: true, wait: None }
    }
}

/// Tries until it works, waiting longer each time, with jitter.
fn with_retries<T>(
    config: &Distill,
    mut attempt: impl FnMut() -> Result<T, Failed>,
) -> Result<T, Failed> {
    let mut waits = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(config.retry_delay_ms))
        .with_max_delay(MAX_WAIT)
        .with_max_times(config.retries.min(10))
        .with_jitter()
        .build();
    loop {
        let failed = match attempt() {
            Ok(done) => return Ok(done),
            Err(failed) => failed,
        };
        let Some(wait) = waits.next().filter(|_| failed.again) else { return Err(failed) };
        std::thread::sleep(wait.max(failed.wait.unwrap_or_default()).min(MAX_WAIT));
    }
}

/// Reads an answer; one without any proposal may be better the next time.
fn read(text: &str) -> Result<Answer, Failed> {
    let answer = answer::parse(text);
    if answer.is_empty() {
        return Err(Failed::for_now("the answer holds no proposals"));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_bounded_and_end_where_they_cannot_help() {
        let config = Distill { retries: 2, retry_delay_ms: 1, ..Distill::default() };
        let mut n = 0;
        let mut count = |again: bool| {
            n += 1;
            if again { Err::<(), _>(Failed::for_now("x")) } else { Err(Failed::for_good("y")) }
        };
        assert_eq!(with_retries(&config, || count(true)).unwrap_err().message, "x");
        assert_eq!(with_retries(&config, || count(false)).unwrap_err().message, "y");
        assert_eq!(n, 4, "three tries, then one");
    }
}
