//! Which memory a folder belongs to, and where it lives on disk.
//!
//! Owns project identity: git common dir + normalised remote + root commit, so that worktrees,
//! clones in other folders and renamed folders share one memory; outside git the canonical path.
//! Must not read the environment: the home folder comes in as an argument.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use git2::{Repository, Sort};
use serde::{Deserialize, Serialize};

use crate::durable::{
    IoResultExt as _, PathError, create_private_dir, open_private, write_durable,
};
use crate::id::digest;

/// Digits of a project id.
const ID_LEN: usize = 16;
/// A root commit further back than this is not looked for: the walk must stay short on huge
/// histories. The remote (or else the folder) then identifies the project.
const MAX_WALK: usize = 200_000;

/// The folder that holds every store, `$CEMEM_HOME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home(pub PathBuf);

/// One project: a memory and the folders it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Stable id: the name of its folder under `projects/`.
    pub id: String,
    /// The name people see: the folder of the main work tree.
    pub name: String,
    /// The work tree (or plain folder) the command was started in.
    pub root: PathBuf,
    /// Every work tree that shares this memory, `root` among them.
    pub worktrees: Vec<PathBuf>,
}

/// Remembers which key led to which project, so that the hot path never walks history and a
/// project keeps its memory when a remote is added later.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Aliases {
    version: u32,
    /// Identity key (`dir:…`, `git:…`) to project id.
    projects: BTreeMap<String, String>,
}

impl Home {
    /// Returns the folder of a project's store and indexes.
    #[must_use]
    pub fn project_dir(&self, project: &Project) -> PathBuf {
        self.0.join("projects").join(&project.id)
    }

    /// Returns the database of a project.
    #[must_use]
    pub fn store_path(&self, project: &Project) -> PathBuf {
        self.project_dir(project).join("memory.db")
    }

    /// Returns the folder of a project's indexes: disposable.
    #[must_use]
    pub fn index_dir(&self, project: &Project) -> PathBuf {
        self.project_dir(project).join("index")
    }

    /// Returns the folder for things any project can make again: optimised models, caches.
    #[must_use]
    pub fn cache_dir(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// Returns the project that `folder` belongs to, recording it on first sight.
    ///
    /// # Errors
    /// When the folder does not exist or the alias table cannot be written.
    pub fn resolve(&self, folder: &Path) -> Result<Project, PathError> {
        let folder = fs::canonicalize(folder).context("find folder", folder)?;
        let repo = Repository::discover(&folder).ok();
        let (root, common) = match &repo {
            Some(repo) => {
                let common = canonical(repo.commondir());
                (repo.workdir().map_or_else(|| common.clone(), canonical), common)
            }
            None => (folder.clone(), folder.clone()),
        };
        let place = format!("dir:{}", common.display());
        let known = self.aliases();
        let id = match known.projects.get(&place) {
            Some(id) => id.clone(),
            None => self.register(&place, repo.as_ref())?,
        };
        let main = if repo.is_some() { main_worktree(&common) } else { root.clone() };
        let name =
            main.file_name().map_or_else(|| id.clone(), |n| n.to_string_lossy().into_owned());
        let worktrees =
            repo.as_ref().map_or_else(|| vec![root.clone()], |r| worktrees(r, &main, &root));
        Ok(Project { id, name, root, worktrees })
    }

    fn aliases(&self) -> Aliases {
        // A damaged table costs a walk, not a memory: ids are derived, so they come out the same.
        fs::read(self.alias_path())
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    fn alias_path(&self) -> PathBuf {
        self.0.join("projects").join("aliases.json")
    }

    /// Finds or makes the id of a folder met for the first time, under a lock so that two commands
    /// started together agree.
    fn register(&self, place: &str, repo: Option<&Repository>) -> Result<String, PathError> {
        create_private_dir(&self.0.join("projects"))?;
        let lock_path = self.0.join("projects").join("aliases.lock");
        let lock = open_private(&lock_path)?;
        lock.lock().context("lock", &lock_path)?;
        let mut aliases = self.aliases();
        let keys = repo.map(identity_keys).unwrap_or_default();
        let known = keys.iter().find_map(|k| aliases.projects.get(k)).cloned();
        let id = known.unwrap_or_else(|| {
            let mut id = digest([keys.first().map_or(place, String::as_str)]);
            id.truncate(ID_LEN);
            id
        });
        aliases.version = 1;
        for key in keys.into_iter().chain([place.to_owned()]) {
            aliases.projects.entry(key).or_insert_with(|| id.clone());
        }
        let bytes = serde_json::to_vec_pretty(&aliases).expect("a map of strings serialises");
        write_durable(&self.alias_path(), &bytes)?;
        Ok(id)
    }
}

/// Returns the identities of a repository, strongest first: remote and root commit together tell
/// forks of one template apart; the root commit alone links clones without a remote.
fn identity_keys(repo: &Repository) -> Vec<String> {
    // A remote that is a folder says nothing about the project that the root commit does not.
    let remote = remote_url(repo).filter(|u| is_hosted(u)).map(|url| normalise_remote(&url));
    let root = root_commit(repo);
    match (remote, root) {
        (Some(remote), Some(root)) => vec![format!("git:{remote}#{root}")],
        (Some(remote), None) => vec![format!("git:{remote}")],
        (None, Some(root)) => vec![format!("git:#{root}")],
        (None, None) => Vec::new(),
    }
}

fn remote_url(repo: &Repository) -> Option<String> {
    let named = repo.find_remote("origin").or_else(|_| {
        let names = repo.remotes()?;
        let first = names.iter().flatten().flatten().next().map(str::to_owned);
        repo.find_remote(first.as_deref().unwrap_or("origin"))
    });
    named.ok().and_then(|remote| remote.url().ok().map(str::to_owned))
}

fn is_hosted(url: &str) -> bool {
    let local = url.starts_with("file://") || url.starts_with(['/', '.', '~', '\\']);
    // `C:\\x` has its colon where a host name would be a single letter.
    !local && url.find(':').is_some_and(|colon| colon > 1)
}

/// Returns the remote without scheme, user, port, `.git` and case, so that SSH and HTTPS clones agree.
fn normalise_remote(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    let url = url.strip_suffix(".git").unwrap_or(url);
    let (had_scheme, rest) = match url.split_once("://") {
        Some((_, rest)) => (true, rest),
        None => (false, url),
    };
    let rest = match rest.split_once('@') {
        Some((user, host)) if !user.contains('/') => host,
        _ => rest,
    };
    let rest = if had_scheme {
        match rest.split_once('/') {
            Some((host, path)) => format!("{}/{path}", host.split(':').next().unwrap_or(host)),
            None => rest.to_owned(),
        }
    } else {
        // The scp form `host:owner/name`.
        rest.replacen(':', "/", 1)
    };
    rest.to_lowercase()
}

/// Returns the oldest root commit reachable from HEAD along first parents.
fn root_commit(repo: &Repository) -> Option<String> {
    let mut walk = repo.revwalk().ok()?;
    walk.push_head().ok()?;
    walk.simplify_first_parent().ok()?;
    walk.set_sorting(Sort::NONE).ok()?;
    let mut last = None;
    for (n, oid) in walk.enumerate() {
        if n >= MAX_WALK {
            return None;
        }
        last = Some(oid.ok()?);
    }
    last.map(|oid| oid.to_string())
}

fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Returns the main work tree of a repository's common dir, `…/project/.git` → `…/project`.
fn main_worktree(common: &Path) -> PathBuf {
    match common.parent() {
        Some(parent) if common.file_name().is_some_and(|n| n == ".git") => parent.to_owned(),
        _ => common.to_owned(),
    }
}

fn worktrees(repo: &Repository, main: &Path, root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned(), main.to_owned()];
    if let Ok(names) = repo.worktrees() {
        for name in names.iter().flatten().flatten() {
            if let Ok(tree) = repo.find_worktree(name) {
                found.push(canonical(tree.path()));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(repo: &Repository) {
        let who = git2::Signature::now("t", "t@example.com").unwrap();
        let tree = repo.find_tree(repo.index().unwrap().write_tree().unwrap()).unwrap();
        repo.commit(Some("HEAD"), &who, &who, "first", &tree, &[]).unwrap();
    }

    #[test]
    fn remotes_agree_across_protocols() {
        let want = "github.com/acme/api";
        for url in [
            "git@github.com:Acme/api.git",
            "https://github.com/acme/api",
            "ssh://git@github.com:22/acme/api.git/",
        ] {
            assert_eq!(normalise_remote(url), want, "{url}");
        }
    }

    #[test]
    fn worktrees_clones_and_subfolders_share_one_memory() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home(dir.path().join("home"));
        let main = dir.path().join("main");
        let repo = Repository::init(&main).unwrap();
        commit(&repo);
        let tree = dir.path().join("tree");
        repo.worktree("tree", &tree, None).unwrap();
        let clone = dir.path().join("renamed");
        Repository::clone(main.to_str().unwrap(), &clone).unwrap();
        fs::create_dir(main.join("sub")).unwrap();
        let id = |p: &Path| home.resolve(p).unwrap().id;
        assert_eq!(id(&main), id(&tree));
        assert_eq!(id(&main), id(&main.join("sub")));
        assert_eq!(home.resolve(&tree).unwrap().name, "main");
        assert_eq!(id(&main), id(&clone));
    }

    #[test]
    fn folders_are_no_remotes() {
        assert!(is_hosted("git@github.com:acme/api.git") && is_hosted("https://host/x"));
        for local in ["/srv/git/api", "../api", "file:///srv/api", "C:\\git\\api"] {
            assert!(!is_hosted(local), "{local}");
        }
    }

    #[test]
    fn a_renamed_folder_keeps_its_memory() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home(dir.path().join("home"));
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        commit(&Repository::init(&old).unwrap());
        let before = home.resolve(&old).unwrap().id;
        fs::rename(&old, &new).unwrap();
        assert_eq!(home.resolve(&new).unwrap().id, before);
    }

    #[test]
    fn folders_outside_git_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home(dir.path().join("home"));
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::create_dir(&a).unwrap();
        fs::create_dir(&b).unwrap();
        assert_ne!(home.resolve(&a).unwrap().id, home.resolve(&b).unwrap().id);
        assert!(home.resolve(&dir.path().join("c")).is_err());
    }
}
