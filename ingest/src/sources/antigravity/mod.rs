//! Antigravity, its editor and its command line: `brain/<id>/.system_generated/logs/*.jsonl`.
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
pub const ENGINE: &str = "antigravity";

/// A transcript.
pub struct Antigravity;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Antigravity",
    standing: Standing::Experimental,
    variables: &[],
    program: Some("agy"),
    formats: &[&Antigravity],
    bases: places::bases,
    find: places::find,
    signals: &[Signal::Prompt, Signal::Compaction, Signal::Outcome],
    hooks: None,
    mcp: Some(settings::ANTIGRAVITY_MCP),
    headless: Some(Headless::text(&["-p", "{prompt}"])),
    failure_modes: &[
        "neither working directory nor branch is recorded: a session belongs to the folder whose \
         files its first calls name",
        "how a refusal or a stop is written is not known: neither is told",
    ],
};

impl Source for Antigravity {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Lines)
    }

    /// A numbered step with a source and a type.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.rows().next().is_some_and(|row| {
            let named = |key: &str| row.get(key).is_some_and(Value::is_string);
            row.get("step_index").is_some_and(Value::is_u64) && named("source") && named("type")
        })
    }

    fn reader(&self, file: &FileInfo, state: &Value) -> Box<dyn Reader> {
        Box::new(parse::AntigravityReader::new(file, state))
    }
}
