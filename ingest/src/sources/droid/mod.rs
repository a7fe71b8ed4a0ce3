//! Factory Droid: `sessions/<folder>/<uuid>.jsonl`.
//!
//! Owns recognising the format. Must not know where the files lie; `places` does.

mod parse;
pub(crate) mod places;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::engines::{Engine, Headless, Signal, Standing, settings};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "factory-droid";

/// A session.
pub struct Droid;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Factory Droid",
    standing: Standing::Experimental,
    variables: &[],
    program: Some("droid"),
    formats: &[&Droid],
    bases: places::bases,
    find: places::find,
    signals: &[Signal::Prompt, Signal::Compaction, Signal::Outcome],
    hooks: None,
    mcp: Some(settings::DROID_MCP),
    headless: Some(Headless::text(&["exec", "{prompt}"])),
    failure_modes: &[
        "how a refusal or a stop is written is not known: neither is told",
        "the git branch is not recorded",
    ],
};

impl Source for Droid {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Lines)
    }

    /// The row every session begins with.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.rows().next().is_some_and(|row| {
            row.get("type").and_then(Value::as_str) == Some("session_start")
                && row.get("id").is_some_and(Value::is_string)
        })
    }

    fn reader(&self, file: &FileInfo, state: &Value) -> Box<dyn Reader> {
        Box::new(parse::DroidReader::new(file, state))
    }
}
