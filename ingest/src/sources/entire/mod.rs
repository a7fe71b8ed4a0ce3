//! Entire checkpoints: sessions of many engines on a branch of the repository.
//!
//! Owns recognising normalised transcripts, and which references hold checkpoints. Full transcripts
//! are their engines' and read by their readers; `crate::checkpoints` takes both off the branch.

mod parse;
#[cfg(test)]
mod tests;
mod wire;

use std::path::{Path, PathBuf};

use cemem_core::branch::Branches;
use serde_json::Value;

use crate::discover::{Found, Places};
use crate::engines::{Engine, Signal, Standing};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "entire";

/// `transcript.jsonl` of a checkpoint.
pub struct Transcript;

/// References that hold checkpoints: one branch, or one reference each.
pub(crate) const REFS: &[&str] =
    &["refs/heads/entire/*", "refs/remotes/*/entire/*", "refs/entire/*"];
/// What a checkpoint says of its session.
pub(crate) const META: &str = "metadata.json";

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Entire checkpoints",
    standing: Standing::Proven,
    variables: &[],
    program: Some("entire"),
    formats: &[&Transcript],
    bases,
    find,
    signals: &[Signal::Prompt, Signal::Rejection, Signal::Feedback, Signal::Outcome],
    hooks: None,
    mcp: None,
    headless: None,
    failure_modes: &[
        "a session is stored again at every commit: its latest checkpoint is read",
        "where only the normalised transcript is kept, refusals are told by their text",
        "checkpoints on a server that were never fetched are not seen",
    ],
};

/// The folders in which the references of the project's repositories lie.
fn bases(places: &Places) -> Vec<PathBuf> {
    let refs = |root: &PathBuf| {
        let git = root.join(".git");
        [git.join("refs/heads/entire"), git.join("refs/entire")]
    };
    places.roots.iter().flat_map(refs).collect()
}

/// One file of each repository that has checkpoints: where their references lie.
fn find(places: &Places) -> Vec<Found> {
    let mut found: Vec<Found> =
        places.roots.iter().filter_map(|root| reference_file(root)).collect();
    found.sort();
    found.dedup();
    found
}

fn reference_file(root: &Path) -> Option<Found> {
    let branches = Branches::open(root).ok()?;
    let tips = branches.tips(REFS).ok()?;
    let common = branches.common_dir();
    // Packed references have no file of their own.
    let loose = tips.keys().map(|name| common.join(name)).find(|path| path.is_file());
    let packed = || Some(common.join("packed-refs")).filter(|p| !tips.is_empty() && p.is_file());
    loose.or_else(packed).map(|path| Found { engine: ENGINE, path })
}

impl Source for Transcript {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Lines)
    }

    /// A versioned row that names its agent.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.rows().any(|row| {
            row.get("v").is_some_and(Value::is_u64)
                && row.get("agent").is_some_and(Value::is_string)
                && row.contains_key("content")
                && matches!(row.get("type").and_then(Value::as_str), Some("user" | "assistant"))
        })
    }

    fn reader(&self, file: &FileInfo, state: &Value) -> Box<dyn Reader> {
        Box::new(parse::TranscriptReader::new(file, state))
    }

    fn companions(&self, path: &Path) -> Vec<PathBuf> {
        Some(path.with_file_name(META)).filter(|p| p.is_file()).into_iter().collect()
    }
}
