//! What becomes of a text, as a diff.
//!
//! Owns its form and how a terminal gets it. Must not know whose text it is.

use similar::TextDiff;

use super::{Ui, printable};
use crate::command_error::CommandError;

/// Returns the change of a text as a unified diff, under the names of what it was and what it becomes.
#[must_use]
pub fn unified(old: &str, new: &str, (from, to): (&str, &str)) -> String {
    TextDiff::from_lines(old, new).unified_diff().context_radius(2).header(from, to).to_string()
}

impl Ui {
    /// Writes a diff to stdout.
    ///
    /// # Errors
    /// When stdout is closed or full.
    pub fn print_diff(self, diff: &str) -> Result<(), CommandError> {
        // The file keeps its line endings; a terminal need not see them.
        self.print(&printable(&diff.replace('\r', "")))
    }
}
