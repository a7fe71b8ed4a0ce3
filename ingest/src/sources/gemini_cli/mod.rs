//! Gemini CLI: `tmp/<project>/chats/session-*.json`, the same as JSONL since 0.40, and the bare lists
//! that `/chat share` writes.
//!
//! Owns recognising the format, whatever the file is called. Must not know where the files lie;
//! `places` does.

pub(super) mod calls;
mod parse;
pub(crate) mod places;
mod shared;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::distill::reply::Shape;
use crate::engines::{Engine, Headless, Signal, Standing, settings};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "gemini-cli";

/// A recorded session: one document, or a row a change.
pub struct GeminiCli;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Gemini CLI",
    standing: Standing::Proven,
    variables: &["GEMINI_CLI_HOME", "GEMINI_HOME"],
    program: Some("gemini"),
    formats: &[&GeminiCli],
    bases: places::bases,
    find: places::find,
    signals: &[
        Signal::Prompt,
        Signal::Rejection,
        Signal::Interrupt,
        Signal::Plan,
        Signal::Question,
        Signal::Rewind,
        Signal::Compaction,
        Signal::Outcome,
    ],
    hooks: Some(settings::GEMINI_HOOKS),
    mcp: Some(settings::GEMINI_MCP),
    headless: Some(Headless {
        args: &["-p", "{prompt}", "-o", "json"],
        // The folder is empty and made for this.
        env: &[("GEMINI_CLI_TRUST_WORKSPACE", "true")],
        shape: Shape::Object("/response"),
    }),
    failure_modes: &[
        "neither working directory nor branch is recorded: a session belongs to the folder the \
         engine keeps for a project",
        "what `/chat share` writes has neither ids nor times: its session is named by its file",
    ],
};

impl Source for GeminiCli {
    fn info(&self) -> Info {
        // Rows change earlier ones, so even the JSONL is read as a whole.
        super::info(ENGINE, ENGINE, Layout::Whole)
    }

    /// An object that names a session and its project's hash, or a list of turns in parts. Inside
    /// strings the quotes would be escaped.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let text = probe.text.trim_start();
        let list = text.strip_prefix('[').map(str::trim_start);
        if let Some(turn) = list.filter(|rest| rest.starts_with('{')) {
            let start = &turn[..turn.floor_char_boundary(24)];
            let keys = ["\"role\"", "\"parts\""];
            return keys.iter().any(|key| start.contains(key))
                && keys.iter().all(|key| turn.contains(key));
        }
        text.starts_with('{')
            && ["\"sessionId\"", "\"projectHash\""].iter().all(|key| probe.says(key))
    }

    fn reader(&self, file: &FileInfo, _: &Value) -> Box<dyn Reader> {
        Box::new(parse::GeminiReader::new(file))
    }
}
