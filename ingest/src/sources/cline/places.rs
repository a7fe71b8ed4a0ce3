//! Where the three keep their tasks, and what lies beside one.
//!
//! Owns the folder names and which tasks are this project's: the index of tasks says so, or the
//! context the extension puts under the first prompt. Must not read whole sessions.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{CLINE, Tasks};
use crate::discover::{Found, Places, head, subfolders, text_in};
use crate::sources::tool::text;

/// Names of a task's rows, the newer first.
const ROWS: &[&str] = &["ui_messages.json", "claude_messages.json"];
/// The conversation as the model saw it.
pub(super) const HISTORY: &str = "api_conversation_history.json";
/// What a task's own note of itself is called.
pub(super) const ITEM: &str = "history_item.json";
/// The list of all tasks, in the folder above theirs.
pub(super) const INDEX: &str = "taskHistory.json";
/// Headings of the harness's context that name the folder.
const FOLDER: &[&str] = &["# Current Working Directory (", "# Current Workspace Directory ("];

/// Returns the folders of tasks.
pub(super) fn bases(tasks: &Tasks, places: &Places) -> Vec<PathBuf> {
    let mut bases: Vec<PathBuf> = places
        .vscode_users()
        .into_iter()
        .map(|user| user.join("globalStorage").join(tasks.extension).join("tasks"))
        .collect();
    if tasks.engine == CLINE.engine {
        bases.push(places.home.join(".cline/data/tasks"));
    }
    bases
}

/// Returns the project's tasks.
pub(super) fn find(tasks: &Tasks, places: &Places) -> Vec<Found> {
    let mut found = Vec::new();
    for base in bases(tasks, places) {
        let known = index(&base);
        for task in subfolders(&base) {
            let id = task.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let Some(rows) = ROWS.iter().map(|name| task.join(name)).find(|p| p.is_file()) else {
                continue;
            };
            let cwd = known.get(&id).cloned().or_else(|| own_folder(&task, &rows));
            if cwd.is_some_and(|cwd| places.owns(&cwd)) {
                found.push(Found { engine: tasks.engine, path: rows });
            }
        }
    }
    found
}

/// Returns the files beside a task's rows that say more.
pub(super) fn companions(rows: &Path) -> Vec<PathBuf> {
    let Some(task) = rows.parent() else { return Vec::new() };
    let mut beside = vec![task.join(HISTORY), task.join(ITEM)];
    if let Some(storage) = task.parent().and_then(Path::parent) {
        beside.push(storage.join("state").join(INDEX));
    }
    beside
}

/// The folders of the tasks that the list of all names.
fn index(base: &Path) -> HashMap<String, String> {
    let path = base.parent().map(|storage| storage.join("state").join(INDEX));
    let listed: Value = path
        .and_then(|path| crate::read::companion(&path))
        .and_then(|listed| serde_json::from_str(&listed).ok())
        .unwrap_or_default();
    let tasks = listed.as_array().map_or(&[][..], Vec::as_slice);
    tasks
        .iter()
        .filter_map(|task| Some((text(task, &["id"])?.to_owned(), folder_of(task)?.to_owned())))
        .collect()
}

/// Returns the folder that an entry of the list, or a task's note of itself, names.
pub(super) fn folder_of(item: &Value) -> Option<&str> {
    ["cwdOnTaskInitialization", "workspace"].iter().find_map(|key| text(item, &[key]))
}

/// The folder that the files of a task name themselves.
fn own_folder(task: &Path, rows: &Path) -> Option<String> {
    let item = head(&task.join(ITEM));
    let noted = item.and_then(|text| {
        ["cwdOnTaskInitialization", "workspace"].iter().find_map(|key| text_in(&text, key))
    });
    noted.or_else(|| folder_in(&head(&task.join(HISTORY))?)).or_else(|| folder_in(&head(rows)?))
}

/// Returns the folder that the harness's context names in the raw text of a task's files. Prompts
/// and files may quote such a context: they are escaped more often than the real one.
pub(super) fn folder_in(raw: &str) -> Option<String> {
    let places = FOLDER.iter().flat_map(|mark| {
        raw.match_indices(mark).map(|(at, mark)| {
            // The line before ends in `\n`, with as many backslashes as it was put into strings.
            let before = raw[..at].strip_suffix('n').unwrap_or(&raw[..at]);
            let escapes = before.len() - before.trim_end_matches('\\').len();
            (escapes, at + mark.len())
        })
    });
    // Of those escaped least the last: the context stands below what the person wrote.
    let (_, at) = places.min_by_key(|(escapes, at)| (*escapes, std::cmp::Reverse(*at)))?;
    let rest = &raw[at..raw.floor_char_boundary(at + 4096)];
    let end = rest.find(") Files").or_else(|| rest.find(')'))?;
    let folder = rest[..end].replace("\\\\", "\\");
    (!folder.is_empty() && !folder.contains('\n')).then_some(folder)
}
