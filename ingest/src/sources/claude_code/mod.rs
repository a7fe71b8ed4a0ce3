//! Claude Code session files: `projects/<slug>/<session>.jsonl`, sub-agent files beside them.
//!
//! Owns recognising the format. Must not know where such files live; [`crate::discover`] does.

mod parse;
pub(crate) mod places;
mod queue;
mod results;
#[cfg(test)]
mod tests;
mod wire;

pub use places::slug;

use crate::distill::reply::Shape;
use crate::engines::{Engine, Headless, Signal, Standing, settings};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "claude-code";

/// The Claude Code format.
pub struct ClaudeCode;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Claude Code",
    standing: Standing::Proven,
    variables: &["CLAUDE_CONFIG_DIR"],
    program: Some("claude"),
    formats: &[&ClaudeCode],
    bases: places::bases,
    find: places::find,
    signals: &[
        Signal::Prompt,
        Signal::Steering,
        Signal::Rejection,
        Signal::Feedback,
        Signal::Interrupt,
        Signal::Edit,
        Signal::Plan,
        Signal::Question,
        Signal::Rewind,
        Signal::Compaction,
        Signal::HookBlock,
        Signal::Outcome,
    ],
    hooks: Some(settings::CLAUDE_HOOKS),
    mcp: Some(settings::CLAUDE_MCP),
    headless: Some(Headless {
        args: &["-p", "{prompt}", "--output-format", "json"],
        env: &[],
        shape: Shape::Object("/result"),
    }),
    failure_modes: &[
        "sessions older than cleanupPeriodDays (30) are deleted: ingest or watch before that",
        "piped commands report success although a test failed: output patterns decide",
    ],
};

impl Source for ClaudeCode {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Lines)
    }

    /// A row with a session id, or a metadata row only Claude Code writes.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        // Qwen Code's rows have the same ids, but messages in parts and payloads of their own.
        let other = |row: &serde_json::Map<String, serde_json::Value>| {
            row.contains_key("systemPayload")
                || row.get("message").is_some_and(|m| m.get("parts").is_some())
        };
        probe.rows().filter(|row| !other(row)).any(|row| {
            let text = |key: &str| row.get(key).and_then(|v| v.as_str());
            let conversation = text("sessionId").is_some()
                && (text("uuid").is_some()
                    || text("operation").is_some()
                    || text("type").is_some());
            conversation
                && (row.contains_key("parentUuid")
                    || row.contains_key("message")
                    || row.contains_key("isSidechain")
                    || matches!(
                        text("type"),
                        Some(
                            "queue-operation"
                                | "custom-title"
                                | "ai-title"
                                | "pr-link"
                                | "last-prompt"
                                | "mode"
                                | "permission-mode"
                                | "agent-name"
                                | "worktree-state"
                                | "tag"
                        )
                    ))
                || matches!(text("type"), Some("file-history-snapshot"))
                || (text("type") == Some("summary") && row.contains_key("leafUuid"))
        })
    }

    fn reader(&self, file: &FileInfo, state: &serde_json::Value) -> Box<dyn Reader> {
        Box::new(parse::ClaudeReader::new(file, state))
    }
}
