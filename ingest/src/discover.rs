//! Where this project's sessions lie, for every engine.
//!
//! Owns the folders of each engine and which of their sessions belong to a project. Must not read
//! the environment: home and overrides come in as arguments.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::pipeline::Input;
use crate::sources::{claude_code, codex, solutions, specstory};

/// What discovery needs to know.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The user's home folder.
    pub home: PathBuf,
    /// `CLAUDE_CONFIG_DIR`, if set.
    pub claude_config_dir: Option<PathBuf>,
    /// `CODEX_HOME`, if set.
    pub codex_home: Option<PathBuf>,
    /// The project's folder and its worktrees, absolute. Every spelling that sessions may have
    /// recorded helps (with and without symlinks resolved).
    pub roots: Vec<PathBuf>,
}

/// A place that holds sessions of the project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The engine's short name.
    pub engine: &'static str,
    /// A file, or a folder of which everything belongs to the project.
    pub path: PathBuf,
}

impl From<Found> for Input {
    fn from(found: Found) -> Self {
        Self::discovered(found.path)
    }
}

/// How much of a file is looked at for its working directory.
const LOOK: u64 = 64 * 1024;

/// Returns the places that hold sessions of this project, in a stable order. Folders that cannot be
/// read are left out.
#[must_use]
pub fn discover(places: &Places) -> Vec<Found> {
    let mut found = claude(places);
    found.extend(codex_sessions(places));
    for root in &places.roots {
        for (engine, folder) in
            [(specstory::ENGINE, ".specstory/history"), (solutions::ENGINE, "docs/solutions")]
        {
            let path = root.join(folder);
            if path.is_dir() {
                found.push(Found { engine, path });
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Returns the folder name Claude Code gives a working directory.
#[must_use]
pub fn claude_slug(cwd: &Path) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    cwd.to_string_lossy().chars().map(keep).collect()
}

fn claude(places: &Places) -> Vec<Found> {
    let bases = match &places.claude_config_dir {
        Some(dir) => vec![dir.join("projects")],
        None => [".claude/projects", ".config/claude/projects"]
            .iter()
            .map(|p| places.home.join(p))
            .collect(),
    };
    let slugs: Vec<String> = places.roots.iter().map(|r| claude_slug(r)).collect();
    let mut found = Vec::new();
    for folder in bases.iter().flat_map(|b| subfolders(b)) {
        let Some(name) = folder.file_name().map(|n| n.to_string_lossy().into_owned()) else {
            continue;
        };
        let exact = slugs.contains(&name);
        let below = || {
            slugs.iter().any(|s| name.strip_prefix(s.as_str()).is_some_and(|r| r.starts_with('-')))
        };
        if !exact && !below() {
            continue;
        }
        // The name is lossy: `my-app` and `my.app` share it, and `my-app-2` looks like a subfolder.
        let belongs = match recorded_cwd(&folder) {
            Some(cwd) => is_under(&cwd, &places.roots),
            None => exact,
        };
        if belongs {
            found.push(Found { engine: claude_code::ENGINE, path: folder });
        }
    }
    found
}

/// The working directory recorded in a folder of Claude Code sessions.
fn recorded_cwd(folder: &Path) -> Option<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .ok()?
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "jsonl"))
        .collect();
    files.sort();
    files.iter().take(8).find_map(|f| cwd_in(&head(f)?))
}

fn codex_sessions(places: &Places) -> Vec<Found> {
    let base = places.codex_home.clone().unwrap_or_else(|| places.home.join(".codex"));
    ["sessions", "archived_sessions"]
        .iter()
        .flat_map(|dir| walkdir::WalkDir::new(base.join(dir)).max_depth(6))
        .filter_map(Result::ok)
        .filter(|e| {
            let name = e.file_name().to_string_lossy();
            name.starts_with("rollout-")
                && (name.ends_with(".jsonl") || name.ends_with(".jsonl.zst"))
        })
        .filter(|e| {
            let cwd = head(e.path()).and_then(|text| cwd_in(&text));
            cwd.is_some_and(|cwd| is_under(&cwd, &places.roots))
        })
        .map(|e| Found { engine: codex::ENGINE, path: e.into_path() })
        .collect()
}

fn subfolders(base: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(base) else { return Vec::new() };
    entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.is_dir()).collect()
}

/// The first bytes of a regular file, unpacked.
fn head(path: &Path) -> Option<String> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let file = fs::File::open(path).ok()?;
    let mut bytes = Vec::new();
    if path.extension().is_some_and(|e| e == "zst") {
        zstd::stream::read::Decoder::new(file).ok()?.take(LOOK).read_to_end(&mut bytes).ok()?;
    } else {
        file.take(LOOK).read_to_end(&mut bytes).ok()?;
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first recorded working directory. Quotes inside strings are escaped, so the bare key can
/// only be a key.
fn cwd_in(text: &str) -> Option<String> {
    let at = text.find("\"cwd\"")? + 5;
    let rest = text[at..].trim_start().strip_prefix(':')?.trim_start();
    match serde_json::Deserializer::from_str(rest).into_iter::<String>().next()? {
        Ok(cwd) if !cwd.is_empty() => Some(cwd),
        _ => None,
    }
}

fn is_under(cwd: &str, roots: &[PathBuf]) -> bool {
    roots.iter().any(|root| Path::new(cwd).starts_with(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn finds_this_project_and_no_neighbour() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        let root = Path::new("/w/my-app");
        let row =
            |cwd: &str| format!("{{\"sessionId\":\"s\",\"cwd\":{}}}\n", serde_json::json!(cwd));
        let projects = home.join(".claude/projects");
        put(&projects.join("-w-my-app/a.jsonl"), &row("/w/my-app"));
        put(&projects.join("-w-my-app-sub/a.jsonl"), &row("/w/my-app/sub"));
        put(&projects.join("-w-my-app-2/a.jsonl"), &row("/w/my-app-2"));
        put(&projects.join("-w-other/a.jsonl"), &row("/w/other"));
        let codex = home.join(".codex/sessions/2025/01/01");
        put(&codex.join("rollout-1.jsonl"), &row("/w/my-app/sub"));
        put(&codex.join("rollout-2.jsonl"), &row("/elsewhere"));
        let packed = zstd::encode_all(row("/w/my-app").as_bytes(), 3).unwrap();
        fs::write(codex.join("rollout-3.jsonl.zst"), packed).unwrap();
        let places =
            Places { home: home.to_owned(), roots: vec![root.to_owned()], ..Places::default() };
        let names: Vec<String> = discover(&places)
            .iter()
            .map(|f| f.path.strip_prefix(home).unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(
            names,
            [
                ".claude/projects/-w-my-app",
                ".claude/projects/-w-my-app-sub",
                ".codex/sessions/2025/01/01/rollout-1.jsonl",
                ".codex/sessions/2025/01/01/rollout-3.jsonl.zst",
            ]
        );
    }

    #[test]
    fn overrides_and_project_folders() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("repo");
        put(&root.join(".specstory/history/a.md"), "x");
        put(&root.join("docs/solutions/b.md"), "x");
        let claude = dir.path().join("cfg");
        let slug = claude_slug(&root);
        put(&claude.join("projects").join(&slug).join("s.jsonl"), "{}\n");
        let places = Places {
            home: dir.path().join("nobody"),
            claude_config_dir: Some(claude),
            codex_home: Some(dir.path().join("none")),
            roots: vec![root],
        };
        let engines: Vec<_> = discover(&places).into_iter().map(|f| f.engine).collect();
        assert_eq!(engines, ["claude-code", "docs-solutions", "specstory"]);
        assert_eq!(claude_slug(Path::new("/Users/a/my_app.v2")), "-Users-a-my-app-v2");
    }
}
