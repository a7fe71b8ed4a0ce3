//! Where CodeMachine keeps its register, its logs and the homes of the engines it runs.
//!
//! Owns those folder names. Which sessions in a home are the project's, the engine's own places say.

use std::fs;
use std::path::{Path, PathBuf};

use super::ENGINE;
use crate::discover::{Found, Places, in_project};
use crate::sources::tool::key;
use crate::sources::{claude_code, codex, opencode};

/// Most logs that are looked for beside a register.
const MAX_LOGS: usize = 10_000;

fn home(places: &Places, engine: &str) -> PathBuf {
    places.home.join(".codemachine").join(engine)
}

/// The folders of data in OpenCode's home.
fn opencode_data(places: &Places) -> Vec<PathBuf> {
    let home = home(places, "opencode");
    ["data/opencode", ".local/share/opencode", "share/opencode", "opencode"]
        .iter()
        .map(|below| home.join(below))
        .collect()
}

/// Returns the folders of sessions.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    let mut bases: Vec<PathBuf> =
        places.roots.iter().map(|r| r.join(".codemachine/logs")).collect();
    bases.push(home(places, "claude").join("projects"));
    bases.extend(["sessions", "archived_sessions"].map(|dir| home(places, "codex").join(dir)));
    bases.extend(opencode_data(places));
    bases
}

/// Returns the project's register and logs, and its sessions in the private homes.
pub(super) fn find(places: &Places) -> Vec<Found> {
    let mut found = in_project(ENGINE, ".codemachine/logs", places);
    let claude = home(places, "claude").join("projects");
    found.extend(claude_code::places::find_in(ENGINE, &claude, places));
    found.extend(codex::places::find_in(ENGINE, &home(places, "codex"), places));
    for data in opencode_data(places) {
        found.extend(opencode::places::find_in(ENGINE, &data, places));
    }
    found
}

/// Returns the id of an agent's session: agents are numbered anew in every project.
pub(super) fn session(file: &Path, agent: u64) -> String {
    let folder = file.parent().map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
    format!("{}-agent-{agent}", &key(["codemachine", &folder])[..12])
}

/// Returns the project's folder: that of `.codemachine`.
pub(super) fn project(file: &Path) -> Option<String> {
    let own = file.ancestors().find(|a| a.file_name().is_some_and(|n| n == ".codemachine"))?;
    Some(own.parent()?.to_string_lossy().into_owned())
}

/// Returns the logs beside a register, sorted.
pub(super) fn logs_beside(register: &Path) -> Vec<PathBuf> {
    let Some(Ok(entries)) = register.parent().map(fs::read_dir) else { return Vec::new() };
    let mut logs: Vec<PathBuf> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "log"))
        .collect();
    logs.sort();
    logs.truncate(MAX_LOGS);
    logs
}
