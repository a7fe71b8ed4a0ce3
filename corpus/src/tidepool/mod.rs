//! Eleven sessions of one invented project, `tidepool`: a berth-booking service for small harbours
//! (Rust API, TypeScript client).
//!
//! Owns the stories that are committed under `data/sessions`; `data/expected.md` says what should be
//! learned from them. Must not know a file format: the writers in [`crate::format`] do that.

mod client;
mod data;
mod payments;
mod platform;

use crate::format::ClaudeSession;

/// Where the invented project lives on its invented author's machine.
pub(crate) const CWD: &str = "/home/mara/src/tidepool";

/// One file of the corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorpusFile {
    /// Path below `data/sessions`, with `/`.
    pub path: String,
    /// Content.
    pub text: String,
}

/// Returns every session file, sorted by path.
#[must_use]
pub fn files() -> Vec<CorpusFile> {
    let mut files = Vec::new();
    files.extend(data::files());
    files.extend(client::files());
    files.extend(payments::files());
    files.extend(platform::files());
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn claude_file(session: &ClaudeSession) -> CorpusFile {
    let path = format!("claude-code/projects/-home-mara-src-tidepool/{}.jsonl", session.id());
    CorpusFile { path, text: session.finish() }
}

fn codex_file(day: &str, time: &str, id: &str, text: String) -> CorpusFile {
    let folder = day.replace('-', "/");
    CorpusFile { path: format!("codex/sessions/{folder}/rollout-{day}T{time}-{id}.jsonl"), text }
}
