//! OpenHands: one file an event, in two generations, and the output of its batch runs.
//!
//! Owns recognising the formats. Must not unpack the pickled state beside the events.

mod events;
mod parse;
pub(crate) mod places;
#[cfg(test)]
mod tests;
mod wire;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::engines::{Engine, Headless, Signal, Standing, settings};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "openhands";

/// A folder of events, read through one of its files.
pub struct Conversation;
/// `output.jsonl`: one instance of a benchmark a line.
pub struct Batch;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "OpenHands",
    standing: Standing::Proven,
    variables: &[places::VARIABLE],
    program: Some("openhands"),
    formats: &[&Conversation, &Batch],
    bases: places::bases,
    find: places::find,
    signals: &[
        Signal::Prompt,
        Signal::Rejection,
        Signal::Feedback,
        Signal::Interrupt,
        Signal::Compaction,
        Signal::Outcome,
    ],
    hooks: None,
    mcp: Some(settings::OPENHANDS_MCP),
    headless: Some(Headless::text(&["--headless", "-t", "{prompt}"])),
    failure_modes: &[
        "sessions of the first generation do not say which project they are of: name their folder",
        "times of the first generation carry no zone: read as UTC",
        "conversations of the second generation are read as documented",
    ],
};

impl Source for Conversation {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Whole)
    }

    /// An event in a folder of events, or the state of a conversation.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let text = probe.text.trim_start();
        let has = |key: &str| text.contains(key);
        if !text.starts_with('{') {
            return false;
        }
        if probe.path.ends_with(places::STATE) {
            return has("\"working_dir\"") || has("\"workspace\"");
        }
        places::number(probe.path).is_some()
            && (has("\"kind\"") || has("\"action\"") || has("\"observation\""))
            && (has("\"timestamp\"") || has("\"source\""))
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Box::new(parse::ConversationReader::new(file))
    }

    fn companions(&self, path: &Path) -> Vec<PathBuf> {
        places::companions(path)
    }
}

impl Source for Batch {
    fn info(&self) -> Info {
        super::info(ENGINE, "openhands-batch", Layout::Lines)
    }

    /// A row with a history and what it was measured against.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.rows().any(|row| {
            row.get("history").is_some_and(Value::is_array)
                && row.contains_key("metrics")
                && (row.contains_key("instance_id") || row.contains_key("git_patch"))
        })
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Box::new(parse::BatchReader::new(file))
    }
}
