//! What some sessions teach, to measure it.
//!
//! Owns reading them into a store that lives in memory. Must not touch the project's own memory.

use std::path::PathBuf;

use cemem_core::Store;
use cemem_ingest::consolidate::consolidate;
use cemem_ingest::{IngestOptions, Input, Redactor};

use super::ingest::warn_of_errors;
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::ui::Bar;

/// Returns a store that has learned from these files and folders, and from nothing else.
///
/// # Errors
/// When there is nothing in them: a figure of nothing would pass for one.
pub(super) fn learned_from(context: &Context, sessions: &[PathBuf]) -> Result<Store, CommandError> {
    let mut store = Store::open_in_memory(context.clock)?;
    let inputs: Result<Vec<_>, _> =
        sessions.iter().map(|p| absolute(p).map(Input::named)).collect();
    let redactor = Redactor::new();
    let bar = Bar::new(context.ui.shows_progress());
    let options = IngestOptions { redactor: &redactor, progress: &bar, roots: &[], threads: 0 };
    let report = cemem_ingest::ingest(&mut store, &inputs?, &options)?;
    warn_of_errors(context, &report);
    if report.files == 0 {
        let names: Vec<_> = sessions.iter().map(|p| format!("`{}`", p.display())).collect();
        let message = format!("there is nothing to learn from in {}", names.join(", "));
        return Err(
            CommandError::user(message).hint("name files or folders of sessions or reports")
        );
    }
    consolidate(&mut store, None)?;
    Ok(store)
}
