//! Copilot Chat in VS Code: `chatSessions/<id>.json`, and the same as a log of changes.
//!
//! Owns recognising both. Must not know where they lie; `places` does.

mod log;
mod parse;
pub(crate) mod places;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::engines::{Engine, Signal, Standing, settings};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "copilot-chat";

/// A chat, as a document or as a log.
pub struct CopilotChat;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Copilot Chat (VS Code)",
    standing: Standing::Proven,
    variables: &["XDG_CONFIG_HOME", "APPDATA"],
    program: None,
    formats: &[&CopilotChat],
    bases: places::bases,
    find: places::find,
    signals: &[
        Signal::Prompt,
        Signal::Rejection,
        Signal::Interrupt,
        Signal::Edit,
        Signal::HookBlock,
        Signal::Outcome,
    ],
    hooks: None,
    mcp: Some(settings::COPILOT_CHAT_MCP),
    headless: None,
    failure_modes: &[
        "the git branch is not recorded, a refusal carries no words, and everything in a turn has \
         the time of its prompt",
        "chats in a window without a folder belong to no project",
    ],
};

impl Source for CopilotChat {
    fn info(&self) -> Info {
        // Entries of the log change earlier ones: it is read as a whole.
        super::info(ENGINE, ENGINE, Layout::Whole)
    }

    /// An object with requests and what only a chat has, at the top or as the log's first state.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let text = probe.text.trim_start();
        let key = |name: &str| text.contains(&format!("\"{name}\""));
        text.starts_with('{')
            && key("requests")
            && (key("responderUsername") || key("requesterUsername") || key("initialLocation"))
            || (text.starts_with("{\"kind\":0,") && key("requests") && key("sessionId"))
    }

    fn reader(&self, file: &FileInfo, _: &Value) -> Box<dyn Reader> {
        Box::new(parse::ChatReader::new(file))
    }

    fn companions(&self, path: &Path) -> Vec<PathBuf> {
        path.parent()
            .and_then(Path::parent)
            .map(|w| w.join(places::WORKSPACE))
            .into_iter()
            .collect()
    }
}
