//! Where Cursor keeps its sessions.
//!
//! Owns the folder names, what they encode, and which sessions are this project's. A session that
//! lies in several places is read from the richest one. Must not read more of a file than is needed
//! to tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cemem_core::foreign::{ForeignDb, ForeignError, Param};
use md5::{Digest, Md5};

use super::ENGINE;
use super::bubbles::folder;
use super::editor;
use crate::discover::{Found, Places, head, is_under, subfolders, text_in};
use crate::sources::tool::{list, path_of, text};

/// Most conversations whose folder is looked for in their own rows to find a database.
const MAX_LOOK: usize = 200;

fn user(places: &Places) -> PathBuf {
    places.app_config().join("Cursor/User")
}

/// Returns the folders of sessions.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    let home = places.home.join(".cursor");
    vec![user(places).join("globalStorage"), home.join("chats"), home.join("projects")]
}

/// Returns the project's sessions.
pub(super) fn find(places: &Places) -> Vec<Found> {
    let mut paths = Vec::new();
    let mut known = BTreeSet::new();
    let global = user(places).join("globalStorage/state.vscdb");
    if global.is_file() && !places.roots.is_empty() {
        match composers_of(&global, places) {
            Ok(ids) if ids.is_empty() => {}
            Ok(ids) => {
                known.extend(ids);
                paths.push(global);
            }
            // The read says what is wrong with it.
            Err(_) => paths.push(global),
        }
    }
    for root in &places.roots {
        for session in subfolders(&places.home.join(".cursor/chats").join(hash(root))) {
            let store = session.join("store.db");
            let name = session.file_name().map(|n| n.to_string_lossy().into_owned());
            if store.is_file() && name.is_some_and(|n| known.insert(n)) {
                paths.push(store);
            }
        }
        let project = places.home.join(".cursor/projects").join(encode(root));
        for session in subfolders(&project.join("agent-transcripts")) {
            let name = session.file_name().map(|n| n.to_string_lossy().into_owned());
            let Some(name) = name else { continue };
            // What sub-agents did stands nowhere else.
            let path = if known.contains(&name) { session.join("subagents") } else { session };
            if path.is_dir() {
                paths.push(path);
            }
        }
    }
    paths.into_iter().map(|path| Found { engine: ENGINE, path }).collect()
}

/// Ids of the project's conversations that hold something.
fn composers_of(global: &Path, places: &Places) -> Result<Vec<String>, ForeignError> {
    let db = ForeignDb::open(global)?;
    if db.columns("cursorDiskKV")?.is_empty() {
        return Ok(Vec::new());
    }
    let mut listed: BTreeMap<String, Option<String>> =
        editor::listed(&db)?.into_iter().map(|(id, l)| (id, l.cwd)).collect();
    for (id, cwd) in workspaces(global, &places.roots) {
        listed.entry(id).or_default().get_or_insert(cwd);
    }
    let (mut ours, mut looked) = (Vec::new(), 0);
    for id in editor::composers(&db)? {
        let mut cwd = listed.get(&id).cloned().flatten();
        if cwd.is_none() && looked < MAX_LOOK {
            looked += 1;
            cwd = own_folder(&db, &id)?;
        }
        if cwd.is_some_and(|c| places.owns(&c)) && holds_something(&db, &id)? {
            ours.push(id);
        }
    }
    Ok(ours)
}

/// The folder a conversation names itself, or its first bubble does.
fn own_folder(db: &ForeignDb, id: &str) -> Result<Option<String>, ForeignError> {
    let redactor = crate::redact::Redactor::new();
    let mut unused = crate::source::Output::new(ENGINE, &redactor);
    Ok(editor::composer(db, id, None, &mut unused)?.and_then(|c| c.cwd))
}

fn holds_something(db: &ForeignDb, id: &str) -> Result<bool, ForeignError> {
    let (mut found, from) = (false, format!("bubbleId:{id}:"));
    let to = format!("bubbleId:{id};");
    let sql = "SELECT key FROM cursorDiskKV WHERE key >= ?1 AND key < ?2 LIMIT 1";
    db.rows(sql, &[Param::Text(from), Param::Text(to)], |_| {
        found = true;
        false
    })?;
    if !found {
        let key = format!("composerData:{id}");
        let sql = "SELECT value FROM cursorDiskKV WHERE key = ?1";
        db.rows(sql, &[Param::Text(key)], |row| {
            found = row.text("value").is_some_and(|v| v.contains("\"conversation\":[{"));
            false
        })?;
    }
    Ok(found)
}

/// Returns the folders of conversations by the databases of workspaces beside a global one; only
/// those of workspaces under the roots, if there are any.
pub(super) fn workspaces(global: &Path, roots: &[PathBuf]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let Some(user) = global.parent().and_then(Path::parent) else { return found };
    for workspace in subfolders(&user.join("workspaceStorage")) {
        let described = head(&workspace.join("workspace.json"));
        let uri =
            described.and_then(|t| text_in(&t, "folder").or_else(|| text_in(&t, "workspace")));
        let Some(cwd) = uri.and_then(|u| path_of(&u)) else { continue };
        if !roots.is_empty() && !is_under(&cwd, roots) {
            continue;
        }
        for id in conversations(&workspace.join("state.vscdb")).unwrap_or_default() {
            found.insert(id, cwd.clone());
        }
    }
    found
}

/// Ids of the conversations a workspace's database lists.
fn conversations(path: &Path) -> Result<Vec<String>, ForeignError> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let db = ForeignDb::open(path)?;
    let data = editor::item(&db, "composer.composerData")?.unwrap_or_default();
    let all = list(&data, &["allComposers"]).iter().filter_map(|c| text(c, &["composerId"]));
    let selected = list(&data, &["selectedComposerIds"]).iter().filter_map(|c| c.as_str());
    // A conversation that says its own folder is not moved by being open here.
    let all = all.filter(|id| {
        let entry = list(&data, &["allComposers"]).iter();
        !entry.filter(|c| text(c, &["composerId"]) == Some(id)).any(|c| folder(c).is_some())
    });
    Ok(all.chain(selected).map(str::to_owned).collect())
}

/// The name of the folder of the command line's sessions in this folder.
pub(super) fn hash(cwd: &Path) -> String {
    let digest = Md5::digest(cwd.to_string_lossy().as_bytes());
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// The name of the folder of agents' transcripts in this folder.
pub(super) fn encode(cwd: &Path) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = cwd.to_string_lossy().chars().map(keep).collect();
    name.trim_start_matches('-').to_owned()
}

/// Returns the root whose hash stands in the path of a store.
pub(super) fn hashed(store: &Path, roots: &[PathBuf]) -> Option<String> {
    let name = store.parent()?.parent()?.file_name()?.to_string_lossy().into_owned();
    roots.iter().find(|r| hash(r) == name).map(|r| r.to_string_lossy().into_owned())
}

/// Returns the root whose encoded name stands in the path of a transcript.
pub(super) fn encoded(transcript: &Path, roots: &[PathBuf]) -> Option<String> {
    let names: Vec<String> = transcript
        .ancestors()
        .filter_map(|a| Some(a.file_name()?.to_string_lossy().into_owned()))
        .collect();
    let root = roots.iter().find(|r| names.contains(&encode(r)))?;
    Some(root.to_string_lossy().into_owned())
}
