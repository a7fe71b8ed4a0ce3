//! What a folder tells about itself: its repository, remote, root commit, age.
//!
//! Owns the reading of git. Must not know any table: whether two folders are one project is decided
//! in `aliases`.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use git2::{Oid, Repository, Sort};

/// A root commit further back than this is not looked for: the walk must stay short on huge
/// histories. The remote (or else the folder) then identifies the project.
const MAX_WALK: usize = 200_000;
/// How far a known project's history is followed again on every look: enough to notice that the
/// first commit of a young repository was amended, too little to be felt.
const YOUNG: usize = 8;

/// One folder, looked at once.
pub(super) struct Facts {
    repo: Option<Repository>,
    /// The work tree, or the plain folder.
    pub(super) root: PathBuf,
    /// The common dir of all work trees, or the plain folder: where the memory belongs.
    pub(super) place: String,
    /// What `place` was before somebody ran `git init` in it; `None` outside git.
    pub(super) plain: Option<String>,
    /// The main work tree, or the plain folder.
    pub(super) main: PathBuf,
    /// When the main folder was made, nanoseconds since the epoch; `None` where the file system does
    /// not tell. A folder that was deleted and made again has another one; a renamed one keeps it.
    pub(super) born: Option<u64>,
    /// The normalised address of the hosted remote.
    pub(super) remote: Option<String>,
    /// The commit checked out; `None` before the first one.
    pub(super) head: Option<Oid>,
    /// History is cut off: its last commit is no root.
    pub(super) shallow: bool,
    first_commit: OnceCell<Option<String>>,
}

impl Facts {
    /// Looks at a folder, whose path is canonical.
    pub(super) fn of(folder: &Path) -> Self {
        let repo = Repository::discover(folder).ok();
        let (root, common) = match &repo {
            Some(repo) => {
                let common = canonical(repo.commondir());
                (repo.workdir().map_or_else(|| common.clone(), canonical), common)
            }
            None => (folder.to_owned(), folder.to_owned()),
        };
        let main = match &repo {
            Some(repo) if repo.is_worktree() => main_worktree(&common),
            _ => root.clone(),
        };
        // A remote that is a folder says nothing about the project that the root commit does not.
        let remote = repo.as_ref().and_then(remote_url).filter(|url| is_hosted(url));
        Self {
            place: common.display().to_string(),
            plain: repo.is_some().then(|| main.display().to_string()),
            born: born(&main),
            remote: remote.map(|url| normalise_remote(&url)),
            head: repo.as_ref().and_then(|r| r.head().ok()?.peel_to_commit().ok()).map(|c| c.id()),
            shallow: repo.as_ref().is_some_and(Repository::is_shallow),
            first_commit: OnceCell::new(),
            repo,
            root,
            main,
        }
    }

    /// Whether the folder belongs to a git repository.
    pub(super) fn is_git(&self) -> bool {
        self.repo.is_some()
    }

    /// Returns the root commit reachable from HEAD along first parents. Walks history on first use.
    pub(super) fn first_commit(&self) -> Option<&str> {
        self.first_commit.get_or_init(|| self.walk(MAX_WALK)).as_deref()
    }

    /// Returns the root commit if it is only a few commits away. Cheap.
    pub(super) fn near_first_commit(&self) -> Option<String> {
        self.walk(YOUNG)
    }

    fn walk(&self, limit: usize) -> Option<String> {
        let repo = self.repo.as_ref().filter(|_| !self.shallow)?;
        let mut walk = repo.revwalk().ok()?;
        walk.push(self.head?).ok()?;
        walk.simplify_first_parent().ok()?;
        walk.set_sorting(Sort::NONE).ok()?;
        let mut last = None;
        for (n, oid) in walk.enumerate() {
            if n >= limit {
                return None;
            }
            last = Some(oid.ok()?);
        }
        last.map(|oid| oid.to_string())
    }

    /// Whether the repository holds this commit, on whatever branch.
    pub(super) fn holds(&self, commit: &str) -> bool {
        let Some(repo) = &self.repo else { return false };
        Oid::from_str(commit).is_ok_and(|oid| repo.find_commit(oid).is_ok())
    }

    /// Returns every work tree of the project, this one among them.
    pub(super) fn worktrees(&self) -> Vec<PathBuf> {
        let mut found = vec![self.root.clone(), self.main.clone()];
        if let Some(repo) = &self.repo
            && let Ok(names) = repo.worktrees()
        {
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
}

fn born(folder: &Path) -> Option<u64> {
    let made = fs::metadata(folder).and_then(|meta| meta.created()).ok()?;
    u64::try_from(made.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn folders_are_no_remotes() {
        assert!(is_hosted("git@github.com:acme/api.git") && is_hosted("https://host/x"));
        for local in ["/srv/git/api", "../api", "file:///srv/api", "C:\\git\\api"] {
            assert!(!is_hosted(local), "{local}");
        }
    }
}
