//! Where Goose keeps its sessions.
//!
//! Owns the folder names and which sessions are this project's. Must not read more of a file than its
//! start.

use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::foreign::{ForeignDb, ForeignError};

use super::ENGINE;
use crate::discover::{Found, Os, Places, head, text_in};

/// Returns the folders of sessions.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    if let Some(root) = places.variable("GOOSE_PATH_ROOT") {
        return vec![root.join("data/sessions")];
    }
    let mut bases = match places.os {
        Os::Windows => vec![places.app_config().join("Block/goose/data/sessions")],
        Os::MacOs => vec![
            places.xdg_data().join("goose/sessions"),
            places.app_config().join("Block.goose/data/sessions"),
            places.app_config().join("Block.goose/sessions"),
        ],
        Os::Linux => vec![places.xdg_data().join("goose/sessions")],
    };
    bases.push(places.home.join(".goose/sessions"));
    bases
}

/// Returns the project's sessions.
pub(super) fn find(places: &Places) -> Vec<Found> {
    let files = bases(places).into_iter().flat_map(|base| {
        let entries = fs::read_dir(base).into_iter().flatten();
        entries.filter_map(|e| Some(e.ok()?.path())).collect::<Vec<_>>()
    });
    let ours = files.filter(|p| match p.extension().and_then(|e| e.to_str()) {
        Some("db") => has_session(p, places),
        Some("jsonl") => {
            let first = head(p).and_then(|t| text_in(t.lines().next()?, "working_dir"));
            first.is_some_and(|d| places.owns(&d))
        }
        _ => false,
    });
    ours.map(|path| Found { engine: ENGINE, path }).collect()
}

/// Whether a database has a session of the project. One that cannot be read now is named, so that
/// the read says why.
fn has_session(path: &Path, places: &Places) -> bool {
    let look = || -> Result<bool, ForeignError> {
        let db = ForeignDb::open(path)?;
        let mut ours = false;
        db.rows("SELECT DISTINCT working_dir FROM sessions", &[], |row| {
            ours = row.text("working_dir").is_some_and(|d| places.owns(&d));
            !ours
        })?;
        Ok(ours)
    };
    path.is_file() && !places.roots.is_empty() && look().unwrap_or(true)
}
