//! Where this project's sessions lie, for every engine.
//!
//! Owns [`Places`], and the questions every engine asks of them: whose session is this. Which folders
//! an engine uses is in its row of [`crate::engines`]. Must not read the environment: home and
//! variables come in as arguments.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::engines::ENGINES;
use crate::pipeline::Input;

/// The platform whose habits of placing files count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Os {
    /// Linux and the other XDG systems.
    #[default]
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl Os {
    /// The platform this was built for.
    pub const HERE: Self = if cfg!(target_os = "macos") {
        Self::MacOs
    } else if cfg!(windows) {
        Self::Windows
    } else {
        Self::Linux
    };
}

/// Variables of the platform that place applications' folders.
pub const PLATFORM_VARIABLES: &[&str] = &["XDG_DATA_HOME", "XDG_CONFIG_HOME", "APPDATA"];

/// What discovery needs to know.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The user's home folder.
    pub home: PathBuf,
    /// The variables engines read (the rows of [`ENGINES`] name them) that are set and not empty.
    pub variables: BTreeMap<String, PathBuf>,
    /// The platform.
    pub os: Os,
    /// The project's folder and its worktrees, absolute. Every spelling that sessions may have
    /// recorded helps (with and without symlinks resolved).
    pub roots: Vec<PathBuf>,
}

impl Places {
    /// Returns a variable's path, if it is set.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Path> {
        self.variables.get(name).map(PathBuf::as_path)
    }

    /// Returns the folder a variable names, or `below` the home folder.
    #[must_use]
    pub fn variable_or(&self, name: &str, below: &str) -> PathBuf {
        self.variable(name).map_or_else(|| self.home.join(below), Path::to_owned)
    }

    /// Returns the folder of applications' data by XDG: `~/.local/share`, or `XDG_DATA_HOME`.
    #[must_use]
    pub fn xdg_data(&self) -> PathBuf {
        self.variable_or("XDG_DATA_HOME", ".local/share")
    }

    /// Returns the folder of desktop applications' settings on this platform.
    #[must_use]
    pub fn app_config(&self) -> PathBuf {
        match self.os {
            Os::Linux => self.variable_or("XDG_CONFIG_HOME", ".config"),
            Os::MacOs => self.home.join("Library/Application Support"),
            Os::Windows => self.variable_or("APPDATA", "AppData/Roaming"),
        }
    }

    /// Returns the `User` folders of VS Code and its forks, and of its remote server.
    #[must_use]
    pub fn vscode_users(&self) -> Vec<PathBuf> {
        let config = self.app_config();
        let mut users: Vec<PathBuf> = ["Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf"]
            .iter()
            .map(|app| config.join(app).join("User"))
            .collect();
        users.push(self.home.join(".vscode-server/data/User"));
        users
    }

    /// Returns whether a recorded working directory lies in this project.
    #[must_use]
    pub fn owns(&self, cwd: &str) -> bool {
        is_under(cwd, &self.roots)
    }
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
    let mut found: Vec<Found> = ENGINES.iter().flat_map(|e| (e.find)(places)).collect();
    found.sort();
    found.dedup();
    found
}

/// Returns how many files there are in what was found: one, or those of a folder.
#[must_use]
pub fn files_in(path: &Path) -> u64 {
    let entries = walkdir::WalkDir::new(path).into_iter().filter_map(Result::ok);
    entries.filter(|entry| entry.file_type().is_file()).count() as u64
}

/// Returns folders of the project itself that exist, for engines that write there.
pub(crate) fn in_project(engine: &'static str, folder: &str, places: &Places) -> Vec<Found> {
    let folders = places.roots.iter().map(|root| root.join(folder));
    folders.filter(|p| p.exists()).map(|path| Found { engine, path }).collect()
}

/// Returns the folders in a folder; none if it cannot be read.
pub(crate) fn subfolders(base: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(base) else { return Vec::new() };
    entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.is_dir()).collect()
}

/// The first bytes of a regular file, unpacked.
pub(crate) fn head(path: &Path) -> Option<String> {
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
pub(crate) fn cwd_in(text: &str) -> Option<String> {
    text_in(text, "cwd")
}

/// The first text under this key, found as [`cwd_in`] does.
pub(crate) fn text_in(text: &str, key: &str) -> Option<String> {
    let quoted = format!("\"{key}\"");
    let at = text.find(&quoted)? + quoted.len();
    let rest = text[at..].trim_start().strip_prefix(':')?.trim_start();
    match serde_json::Deserializer::from_str(rest).into_iter::<String>().next()? {
        Ok(cwd) if !cwd.is_empty() => Some(cwd),
        _ => None,
    }
}

/// Whether a folder lies under a root and in no repository of its own below it: that would be another
/// project.
pub(crate) fn is_under(cwd: &str, roots: &[PathBuf]) -> bool {
    let own = |folder: &&Path| !roots.iter().any(|root| root == folder);
    roots.iter().filter(|root| Path::new(cwd).starts_with(root)).any(|_| {
        !Path::new(cwd).ancestors().take_while(own).any(|folder| folder.join(".git").exists())
    })
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
    fn a_repository_below_is_another_project() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("work");
        fs::create_dir_all(root.join("other/.git")).unwrap();
        fs::create_dir_all(root.join("plain/deep")).unwrap();
        let places = Places { roots: vec![root.clone()], ..Places::default() };
        let owns = |below: &str| places.owns(&root.join(below).to_string_lossy());
        assert!(owns("") && owns("plain/deep") && owns("gone/folder"));
        assert!(!owns("other") && !owns("other/src") && !places.owns("/elsewhere"));
    }

    #[test]
    fn overrides_and_project_folders() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("repo");
        put(&root.join(".specstory/history/a.md"), "x");
        put(&root.join("docs/solutions/b.md"), "x");
        let claude = dir.path().join("cfg");
        let slug = crate::sources::claude_code::slug(&root);
        put(&claude.join("projects").join(&slug).join("s.jsonl"), "{}\n");
        let places = Places {
            home: dir.path().join("nobody"),
            variables: [
                ("CLAUDE_CONFIG_DIR".to_owned(), claude),
                ("CODEX_HOME".to_owned(), dir.path().join("none")),
            ]
            .into(),
            os: Os::HERE,
            roots: vec![root],
        };
        let engines: Vec<_> = discover(&places).into_iter().map(|f| f.engine).collect();
        assert_eq!(engines, ["claude-code", "docs-solutions", "specstory"]);
        assert_eq!(
            crate::sources::claude_code::slug(Path::new("/Users/a/my_app.v2")),
            "-Users-a-my-app-v2"
        );
    }
}
