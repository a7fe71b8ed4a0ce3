//! Where VS Code and its forks keep chats.
//!
//! Owns the folder names and which workspaces are this project's. Must not read chats.

use std::path::PathBuf;

use super::ENGINE;
use crate::discover::{Found, Places, head, subfolders, text_in};
use crate::sources::tool::path_of;

/// Says which folder a workspace is.
pub(super) const WORKSPACE: &str = "workspace.json";

/// Returns the folders of workspaces.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    places.vscode_users().into_iter().map(|user| user.join("workspaceStorage")).collect()
}

/// Returns the folders of chats of the project's workspaces.
pub(super) fn find(places: &Places) -> Vec<Found> {
    bases(places)
        .iter()
        .flat_map(|base| subfolders(base))
        .filter(|workspace| {
            let described = head(&workspace.join(WORKSPACE));
            let folder = described.and_then(|text| folder_of(&text));
            folder.is_some_and(|folder| places.owns(&folder))
        })
        .map(|workspace| workspace.join("chatSessions"))
        .filter(|chats| chats.is_dir())
        .map(|path| Found { engine: ENGINE, path })
        .collect()
}

/// Returns the folder a workspace's description names; that of its file, where it has many.
pub(super) fn folder_of(described: &str) -> Option<String> {
    if let Some(uri) = text_in(described, "folder") {
        return path_of(&uri);
    }
    let file = path_of(&text_in(described, "workspace")?)?;
    Some(file.rsplit_once(['/', '\\'])?.0.to_owned())
}
