//! Cursor: the editor's database, the command line's stores, and agents' transcripts.
//!
//! Owns recognising the three. Must not know where they lie; `places` does.

mod bubbles;
mod editor;
pub(crate) mod places;
mod store;
#[cfg(test)]
mod tests;
mod transcript;

use cemem_core::foreign::{ForeignDb, ForeignError};
use serde_json::Value;

use crate::distill::reply::Shape;
use crate::engines::{Engine, Headless, Signal, Standing, settings};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Output, Part, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "cursor";

/// The editor's global `state.vscdb`.
pub struct Editor;
/// The command line's `store.db`.
pub struct Store;
/// `agent-transcripts/<session>/<session>.jsonl`.
pub struct Transcript;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Cursor",
    standing: Standing::Proven,
    variables: &["XDG_CONFIG_HOME", "APPDATA"],
    program: Some("cursor-agent"),
    formats: &[&Editor, &Store, &Transcript],
    bases: places::bases,
    find: places::find,
    signals: &[Signal::Prompt, Signal::Rejection, Signal::Interrupt, Signal::Plan, Signal::Outcome],
    hooks: Some(settings::CURSOR_HOOKS),
    mcp: Some(settings::CURSOR_MCP),
    headless: Some(Headless {
        args: &["-p", "{prompt}", "--output-format", "json"],
        env: &[],
        shape: Shape::Object("/result"),
    }),
    failure_modes: &[
        "a refusal carries no words; the git branch is not recorded",
        "agents' transcripts have no times and often no tool results",
        "the command line's stores name their folder only by a hash: sessions started in a subfolder \
         of the project are not found",
    ],
};

fn has(tables: &[String], name: &str) -> bool {
    tables.iter().any(|t| t == name)
}

impl Source for Editor {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Database)
    }

    fn sniff_tables(&self, tables: &[String]) -> bool {
        has(tables, "cursorDiskKV")
    }

    fn database(
        &self,
        db: &ForeignDb,
        file: &FileInfo,
        state: &Value,
        out: &mut Output<'_>,
    ) -> Result<Part, ForeignError> {
        editor::read(db, file, state, out)
    }
}

impl Source for Store {
    fn info(&self) -> Info {
        super::info(ENGINE, "cursor-store", Layout::Database)
    }

    fn sniff_tables(&self, tables: &[String]) -> bool {
        tables.len() == 2 && has(tables, "blobs") && has(tables, "meta")
    }

    fn database(
        &self,
        db: &ForeignDb,
        file: &FileInfo,
        state: &Value,
        out: &mut Output<'_>,
    ) -> Result<Part, ForeignError> {
        store::read(db, file, state, out)
    }
}

impl Source for Transcript {
    fn info(&self) -> Info {
        super::info(ENGINE, "cursor-transcript", Layout::Lines)
    }

    /// A row with a role and a message, and nothing of what other engines write beside them.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.rows().next().is_some_and(|row| {
            let content = row.get("message").and_then(|m| m.get("content"));
            matches!(row.get("role").and_then(Value::as_str), Some("user" | "assistant"))
                && content.is_some_and(Value::is_array)
                && ["type", "uuid", "sessionId", "id"].iter().all(|k| !row.contains_key(*k))
        })
    }

    fn reader(&self, file: &FileInfo, state: &Value) -> Box<dyn Reader> {
        Box::new(transcript::TranscriptReader::new(file, state))
    }
}
