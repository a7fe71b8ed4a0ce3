//! What reaches the terminal: stdout is data, stderr is talk, colour is decoration.
//!
//! Owns every print in cemem. Text that came from sessions is escaped before it is shown, so that
//! no transcript can move the cursor or forge a line.

mod diff;
mod full_screen;
mod progress;
mod sanitize;

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

pub use diff::unified;
pub use full_screen::{FullScreen, Input};
pub use progress::Bar;
pub use sanitize::{one_line, printable};

use crate::command_error::CommandError;

/// Where a command writes.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    /// Machine-readable output was asked for.
    pub json: bool,
    /// Say only what matters.
    pub quiet: bool,
}

impl Ui {
    /// Writes text to stdout.
    ///
    /// # Errors
    /// When stdout is closed or full.
    pub fn print(self, text: &str) -> Result<(), CommandError> {
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(())
    }

    /// Writes one JSON value and a newline to stdout.
    ///
    /// # Errors
    /// When stdout is closed or full.
    pub fn print_json(self, value: &impl Serialize) -> Result<(), CommandError> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        if io::stdout().is_terminal() {
            serde_json::to_writer_pretty(&mut out, value)?;
        } else {
            serde_json::to_writer(&mut out, value)?;
        }
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(())
    }

    /// Says something to the person, on stderr.
    pub fn say(self, text: &str) {
        if !self.quiet {
            warn(text);
        }
    }

    /// Says something the person must know, on stderr.
    pub fn warn(self, text: &str) {
        warn(text);
    }

    /// Returns whether a progress bar would be seen.
    #[must_use]
    pub fn shows_progress(self) -> bool {
        !self.quiet && !self.json && io::stderr().is_terminal()
    }
}

fn warn(text: &str) {
    // A closed stderr is no reason to fail.
    let _ignored = writeln!(anstream::stderr().lock(), "{}", printable(text));
}

/// Tells the person what went wrong, why, and what to do.
pub fn report(error: &CommandError, json: bool) {
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    if json {
        let value = serde_json::json!({
            "version": 1,
            "error": { "message": error.to_string(), "causes": causes, "hint": error.advice(),
                       "exit_code": error.exit_code() },
        });
        warn(&value.to_string());
        return;
    }
    let mut text = format!("error: {error}");
    for cause in causes {
        text.push_str(&format!("\ncaused by: {cause}"));
    }
    if let Some(hint) = error.advice() {
        text.push_str(&format!("\nhint: {hint}"));
    }
    warn(&text);
}
