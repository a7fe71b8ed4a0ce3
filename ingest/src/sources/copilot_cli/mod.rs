//! GitHub Copilot CLI: `session-state/<id>/events.jsonl`.
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
pub const ENGINE: &str = "copilot-cli";

/// `events.jsonl`.
pub struct CopilotCli;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Copilot CLI",
    standing: Standing::Proven,
    variables: &["COPILOT_HOME"],
    program: Some("copilot"),
    formats: &[&CopilotCli],
    bases: places::bases,
    find: places::find,
    signals: &[
        Signal::Prompt,
        Signal::Steering,
        Signal::Rejection,
        Signal::Feedback,
        Signal::Interrupt,
        Signal::Rewind,
        Signal::Compaction,
        Signal::HookBlock,
        Signal::Outcome,
    ],
    hooks: Some(settings::COPILOT_HOOKS),
    mcp: Some(settings::COPILOT_MCP),
    headless: Some(Headless::text(&["-p", "{prompt}"])),
    failure_modes: &[
        "a failed command is flagged as a success: its exit status is read from the last line",
        "plans are kept in a file beside the session and are not read",
    ],
};

impl Source for CopilotCli {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Lines)
    }

    /// Rows of a known family with their data in an object of its own.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.rows().any(|row| {
            let kind = row.get("type").and_then(Value::as_str).unwrap_or_default();
            let family = kind.split_once('.').map(|(family, _)| family);
            row.get("data").is_some_and(Value::is_object)
                && row.contains_key("parentId")
                && matches!(
                    family,
                    Some("session" | "user" | "assistant" | "tool" | "hook" | "permission")
                )
        })
    }

    fn reader(&self, file: &FileInfo, state: &Value) -> Box<dyn Reader> {
        Box::new(parse::CopilotReader::new(file, state))
    }
}
