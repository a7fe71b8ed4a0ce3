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

use crate::discover::in_project;
use crate::engines::{Engine, Signal, Standing};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The source's short name.
pub const ENGINE: &str = "inbox";

/// Folder in the project into which anybody drops events.
pub const INBOX: &str = ".cemem/inbox";
/// Folder in it of what was taken.
pub const DONE: &str = ".cemem/inbox/done";
/// Folder in the project in which parallel work keeps its state. Others write it: it is only read.
pub const WORKSPACE: &str = ".ce-workspace";

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

    /// A first row with a version of this schema. Quotes inside strings are escaped, so the bare key
    /// can only be a key.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let text = probe.text.trim_start();
        let row = text.strip_prefix('[').map_or(text, str::trim_start);
        let row = row.split_once('}').map_or(row, |(row, _)| row);
        let versioned = row.split_once("\"cemem\"").is_some_and(|(_, rest)| {
            let version = rest.trim_start().strip_prefix(':').map(str::trim_start);
            version.is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()))
        });
        row.starts_with('{') && versioned && row.contains("\"kind\"")
    }

    fn reader(&self, _file: &FileInfo, _state: &serde_json::Value) -> Box<dyn Reader> {
        Box::new(parse::InboxReader)
    }
}
