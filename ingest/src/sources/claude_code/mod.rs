//! Claude Code session files: `projects/<slug>/<session>.jsonl`, sub-agent files beside them.
//!
//! Owns recognising the format. Must not know where such files live; [`crate::discover`] does.

mod parse;
mod queue;
mod results;
#[cfg(test)]
mod tests;
mod wire;

use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "claude-code";

/// The Claude Code format.
pub struct ClaudeCode;

impl Source for ClaudeCode {
    fn info(&self) -> Info {
        Info { engine: ENGINE, version: super::READER_VERSION, layout: Layout::Lines }
    }

    /// A row with a session id, or a metadata row only Claude Code writes.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.rows().any(|row| {
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
