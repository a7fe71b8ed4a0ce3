//! Pi's sessions: one file of lines each, a tree by `id` and `parentId`.
//!
//! Owns recognising the format. Must not read settings or keys beside the sessions.

mod parse;
mod places;
#[cfg(test)]
mod tests;

use crate::engines::{Engine, Headless, Signal, Standing};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "pi";

/// The format of Pi.
pub struct Pi;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Pi",
    standing: Standing::Proven,
    variables: &["PI_CODING_AGENT_DIR"],
    program: Some("pi"),
    formats: &[&Pi],
    bases: places::bases,
    find: places::find,
    signals: &[
        Signal::Prompt,
        Signal::Interrupt,
        Signal::Rewind,
        Signal::Compaction,
        Signal::Outcome,
    ],
    hooks: None,
    mcp: None,
    headless: Some(Headless::text(&["-p", "{prompt}"])),
    failure_modes: &[
        "calls are never asked about, so there are no refusals; no branch is recorded",
    ],
};

impl Source for Pi {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Lines)
    }

    /// A header with an id and a folder, or a message with a role of its own.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.rows().take(8).any(|row| {
            let text = |key: &str| row.get(key).and_then(|v| v.as_str());
            let role = row.get("message").and_then(|m| m.get("role")).and_then(|v| v.as_str());
            match text("type") {
                Some("session") => ["id", "timestamp", "cwd"].iter().all(|k| text(k).is_some()),
                Some("message") => {
                    row.contains_key("parentId")
                        && matches!(role, Some("toolResult" | "bashExecution"))
                }
                _ => false,
            }
        })
    }

    fn reader(&self, file: &FileInfo, state: &serde_json::Value) -> Box<dyn Reader> {
        Box::new(parse::PiReader::new(file, state))
    }
}
