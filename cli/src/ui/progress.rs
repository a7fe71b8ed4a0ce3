//! The progress bar of long work, on a terminal only.
//!
//! Owns the one bar. Must not be the only place where a result is told: a summary follows.

use cemem_ingest::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over bytes with the number of files beside it; invisible where nobody would see it.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// Returns a bar that draws on stderr if `visible`.
    #[must_use]
    pub fn new(visible: bool) -> Self {
        let bar = ProgressBar::new(0);
        if !visible {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template(
            "{bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec} {wide_msg}",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn begin(&self, _files: u64, bytes: u64) {
        self.0.set_length(bytes);
    }

    fn advance(&self, _files: u64, bytes: u64) {
        self.0.inc(bytes);
    }

    fn extracting(&self, sessions: u64) {
        self.0.set_message(format!("looking for lessons in {sessions} sessions"));
    }
}
