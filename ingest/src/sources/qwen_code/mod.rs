//! Qwen Code: `projects/<project>/chats/<session>.jsonl`.
//!
//! Owns recognising the format. Must not know where the files lie; `places` does.

mod parse;
pub(crate) mod places;
#[cfg(test)]
mod tests;
mod wire;

use serde_json::Value;

use crate::engines::{Engine, Headless, Signal, Standing, settings};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "qwen-code";

/// A recorded chat.
pub struct QwenCode;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Qwen Code",
    standing: Standing::Proven,
    variables: &["QWEN_RUNTIME_DIR", "QWEN_HOME"],
    program: Some("qwen"),
    formats: &[&QwenCode],
    bases: places::bases,
    find: places::find,
    signals: &[
        Signal::Prompt,
        Signal::Steering,
        Signal::Rejection,
        Signal::Interrupt,
        Signal::Rewind,
        Signal::Compaction,
        Signal::Outcome,
    ],
    hooks: None,
    mcp: Some(settings::QWEN_MCP),
    headless: Some(Headless::text(&["-p", "{prompt}"])),
    failure_modes: &[
        "long outputs are cut by the engine before they are recorded",
        "sessions of the versions that kept one JSON document each are not looked for",
    ],
};

impl Source for QwenCode {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Lines)
    }

    /// A row of a message in parts, or of the engine's own kinds of system rows.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.rows().any(|row| {
            let kind = row.get("type").and_then(Value::as_str);
            let parts = row.get("message").and_then(|m| m.get("parts"));
            ["uuid", "sessionId"].iter().all(|key| row.contains_key(*key))
                && match kind {
                    Some("user" | "assistant" | "tool_result") => {
                        parts.is_some_and(Value::is_array)
                    }
                    Some("system") => row.contains_key("systemPayload"),
                    _ => false,
                }
        })
    }

    fn reader(&self, _: &FileInfo, state: &Value) -> Box<dyn Reader> {
        Box::new(parse::QwenReader::new(state))
    }
}
