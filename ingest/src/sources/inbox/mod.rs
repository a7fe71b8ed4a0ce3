//! Events that people, scripts and parallel work report by writing a file: `.cemem/inbox/*.json(l)`,
//! and the same rows in `.ce-workspace/`.
//!
//! Owns the one schema of such rows (`wire`), and what they mean. Must not move files:
//! [`crate::inbox`] takes them from the inbox first, and what it took lies in `done/`.

mod parse;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use parse::rows;
pub use wire::{ReportedEvent, schema};

use std::path::Path;

use cemem_core::reported::lies_in;
pub use cemem_core::reported::{DONE, ENGINE, INBOX, WORKSPACE};

use crate::discover::in_project;
use crate::engines::{Engine, Signal, Standing};
use crate::reviews::json;
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The format of reported events.
pub struct Inbox;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Inbox",
    standing: Standing::Proven,
    variables: &[],
    program: None,
    formats: &[&Inbox],
    bases: |places| {
        let both = |root: &std::path::PathBuf| [root.join(INBOX), root.join(WORKSPACE)];
        places.roots.iter().flat_map(both).collect()
    },
    find: |places| {
        let mut found = in_project(ENGINE, DONE, places);
        found.extend(in_project(ENGINE, WORKSPACE, places));
        // A link would have us read somebody else's files as this project's.
        found.retain(|f| places.roots.iter().any(|root| is_own_folder(root, &f.path)));
        found
    },
    signals: &[Signal::Outcome, Signal::Finding],
    hooks: None,
    mcp: None,
    headless: None,
    failure_modes: &[
        "nobody can tell who wrote a file: what it states waits for review, whoever it says said so",
    ],
};

impl Source for Inbox {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Whole)
    }

    /// A first row with a version of this schema. What was taken from the inbox was checked already.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        is_row(probe.text) || lies_in(probe.path, DONE)
    }

    fn reader(&self, _file: &FileInfo, _state: &serde_json::Value) -> Box<dyn Reader> {
        Box::new(parse::InboxReader)
    }
}

/// Whether a text begins with an event.
fn is_row(text: &str) -> bool {
    let Some(start) = json::start(text) else { return false };
    let row = start.as_array().map_or(Some(&start), |rows| rows.first());
    row.is_some_and(|row| row["cemem"].is_number() && row["kind"].is_string())
}

/// Whether every part of a path below a work tree is a folder of its own and no link.
pub(crate) fn is_own_folder(root: &Path, folder: &Path) -> bool {
    let Ok(below) = folder.strip_prefix(root) else { return false };
    let mut at = root.to_owned();
    below.components().all(|part| {
        at.push(part);
        at.symlink_metadata().is_ok_and(|meta| meta.is_dir())
    })
}
