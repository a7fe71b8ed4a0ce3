//! Goose: `sessions.db`, and the JSONL files of versions before it.
//!
//! Owns recognising the two. Must not know where they lie; `places` does.

mod events;
mod lines;
pub(crate) mod places;
mod tables;
#[cfg(test)]
mod tests;

use cemem_core::foreign::{ForeignDb, ForeignError};
use serde_json::Value;

use crate::engines::{Engine, Headless, Signal, Standing, settings};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Output, Part, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "goose";

/// `sessions.db`.
pub struct Database;
/// A session's JSONL file.
pub struct Lines;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Goose",
    standing: Standing::Proven,
    variables: &["XDG_DATA_HOME", "GOOSE_PATH_ROOT"],
    program: Some("goose"),
    formats: &[&Database, &Lines],
    bases: places::bases,
    find: places::find,
    signals: &[
        Signal::Prompt,
        Signal::Rejection,
        Signal::Interrupt,
        Signal::Compaction,
        Signal::Outcome,
    ],
    hooks: None,
    mcp: Some(settings::GOOSE_MCP),
    headless: Some(Headless::text(&["run", "--text", "{prompt}"])),
    failure_modes: &[
        "a refusal carries no words, and the git branch is not recorded",
        "interrupts are told by the text the engine leaves behind",
    ],
};

impl Source for Database {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Database)
    }

    fn sniff_tables(&self, tables: &[String]) -> bool {
        ["sessions", "messages", "schema_version"].iter().all(|t| tables.iter().any(|x| x == t))
    }

    fn database(
        &self,
        db: &ForeignDb,
        file: &FileInfo,
        state: &Value,
        out: &mut Output<'_>,
    ) -> Result<Part, ForeignError> {
        tables::read(db, file, state, out)
    }
}

impl Source for Lines {
    fn info(&self) -> Info {
        super::info(ENGINE, "goose-jsonl", Layout::Lines)
    }

    /// The first row describes the session.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.rows().next().is_some_and(|row| {
            row.contains_key("working_dir")
                && ["message_count", "description"].iter().any(|k| row.contains_key(*k))
                && !row.contains_key("role")
        })
    }

    fn reader(&self, file: &FileInfo, state: &Value) -> Box<dyn Reader> {
        Box::new(lines::GooseReader::new(file, state))
    }
}
