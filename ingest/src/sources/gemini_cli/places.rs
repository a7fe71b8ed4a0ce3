//! Where Gemini CLI keeps its sessions.
//!
//! Owns the folder names and which of them is this project's. Must not read sessions.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::ENGINE;
use crate::discover::{Found, Places, head, subfolders};

/// The engine's folder.
fn home(places: &Places) -> PathBuf {
    match places.variable("GEMINI_HOME") {
        Some(home) => home.to_owned(),
        None => places.variable("GEMINI_CLI_HOME").unwrap_or(&places.home).join(".gemini"),
    }
}

/// Returns the folder of projects.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    vec![home(places).join("tmp")]
}

/// Returns the project's folders of sessions. A project's folder is named by the hash of its path, or
/// by a short name that `projects.json` or a file in it explains.
pub(super) fn find(places: &Places) -> Vec<Found> {
    let home = home(places);
    let mut names: Vec<String> = places.roots.iter().map(|root| hash(root)).collect();
    let projects = head(&home.join("projects.json"));
    let projects: Value =
        projects.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    if let Some(known) = projects.get("projects").and_then(Value::as_object) {
        let own = known.iter().filter(|(path, _)| places.owns(path));
        names.extend(own.filter_map(|(_, name)| Some(name.as_str()?.to_owned())));
    }
    subfolders(&home.join("tmp"))
        .into_iter()
        .filter(|folder| {
            let name = folder.file_name().map(|n| n.to_string_lossy().into_owned());
            let told = head(&folder.join(".project_root"));
            name.is_some_and(|name| names.contains(&name))
                || told.is_some_and(|root| places.owns(root.trim()))
        })
        .map(|folder| folder.join("chats"))
        .filter(|chats| chats.is_dir())
        .map(|path| Found { engine: ENGINE, path })
        .collect()
}

/// The hash of a project's path, as the engine writes it.
pub(super) fn hash(root: &Path) -> String {
    let sum = Sha256::digest(root.to_string_lossy().as_bytes());
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}
