//! Files on the branches of a git repository, read without checking anything out.
//!
//! Owns [`Branches`]: which branches there are, which files lie on one, and what is in them, each
//! bounded. Must not know what the files mean, and must not write into the repository.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository};
use tempfile::TempDir;

use crate::durable::{IoResultExt as _, PathError, open_private};
use crate::scratch;

/// Most references looked at.
const MAX_REFS: usize = 50_000;
/// Most files listed of one branch.
const MAX_FILES: usize = 500_000;
/// Most entries of trees looked at: a few small objects can unfold into any number of folders.
const MAX_ENTRIES: usize = 2_000_000;
/// Most bytes of paths listed.
const MAX_PATHS: usize = 64 * 1024 * 1024;
/// Folders deeper than this are left out.
const MAX_DEPTH: usize = 16;

/// Why a repository could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BranchError {
    /// Git said no.
    #[error("cannot read the git repository at {}: {message}", path.display())]
    Git {
        /// The folder that was asked for.
        path: PathBuf,
        /// What git says.
        message: String,
    },
    /// A copy could not be written.
    #[error("{0}")]
    Io(#[from] PathError),
}

/// An open repository.
pub struct Branches {
    repo: Repository,
    place: PathBuf,
}

/// A file on a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchFile {
    /// Its path from the root of the tree.
    pub path: String,
    /// The id of its content: the same content has the same id.
    pub blob: String,
}

/// Private copies of files of a branch; gone when this is dropped.
#[derive(Debug)]
pub struct Copies {
    folder: TempDir,
}

impl Copies {
    /// Returns where the copy of this name lies.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Branches {
    /// Opens the repository of a work tree, or a repository's own folder.
    ///
    /// # Errors
    /// When there is none, or it belongs to somebody git does not trust.
    pub fn open(folder: &Path) -> Result<Self, BranchError> {
        match Repository::open(folder) {
            Ok(repo) => Ok(Self { repo, place: folder.to_owned() }),
            Err(e) => Err(git_error(folder, &e)),
        }
    }

    /// Returns the folder that all work trees of the repository share: `/w/app/.git`.
    #[must_use]
    pub fn common_dir(&self) -> PathBuf {
        let folder = self.repo.commondir();
        folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
    }

    /// Returns the references that fit one of the patterns (`refs/heads/notes/*`; a star spans
    /// slashes), with the commit each points to.
    ///
    /// # Errors
    /// When git cannot list them. One that is broken is left out.
    pub fn tips(&self, patterns: &[&str]) -> Result<BTreeMap<String, String>, BranchError> {
        let mut tips = BTreeMap::new();
        for pattern in patterns {
            let found = self.repo.references_glob(pattern).map_err(|e| self.wrong(&e))?;
            for reference in found.take(MAX_REFS).filter_map(Result::ok) {
                let commit = reference.peel_to_commit();
                if let (Ok(name), Ok(commit)) = (reference.name(), commit) {
                    tips.insert(name.to_owned(), commit.id().to_string());
                }
            }
        }
        Ok(tips)
    }

    /// Returns the files of a commit, in the order of their paths as git sorts them. What is no plain
    /// file, has no plain name or lies too deep is left out.
    ///
    /// # Errors
    /// When the commit is not there.
    pub fn files(&self, commit: &str) -> Result<Vec<BranchFile>, BranchError> {
        let commit = Oid::from_str(commit).and_then(|id| self.repo.find_commit(id));
        let tree = commit.map(|c| c.tree_id());
        let mut files = Vec::new();
        let (mut seen, mut bytes) = (0, 0);
        let mut open = vec![(String::new(), tree.map_err(|e| self.wrong(&e))?, 0)];
        while let Some((folder, id, depth)) = open.pop() {
            // A partial clone lacks some.
            let Ok(tree) = self.repo.find_tree(id) else { continue };
            let mut below = Vec::new();
            for entry in &tree {
                let Ok(name) = entry.name() else { continue };
                let path = format!("{folder}{name}");
                match entry.kind() {
                    Some(ObjectType::Tree) if depth < MAX_DEPTH => {
                        below.push((path + "/", entry.id(), depth + 1));
                    }
                    Some(ObjectType::Blob) if entry.filemode() & 0o170_000 == 0o100_000 => {
                        files.push(BranchFile { path, blob: entry.id().to_string() });
                    }
                    _ => {}
                }
                seen += 1;
                bytes += folder.len() + name.len();
                if files.len() >= MAX_FILES || seen >= MAX_ENTRIES || bytes >= MAX_PATHS {
                    return Ok(files);
                }
            }
            open.extend(below.into_iter().rev());
        }
        Ok(files)
    }

    /// Returns the size of a content in bytes; `None` if it is not there.
    #[must_use]
    pub fn size(&self, blob: &str) -> Option<u64> {
        let (size, kind) = self.repo.odb().ok()?.read_header(Oid::from_str(blob).ok()?).ok()?;
        (kind == ObjectType::Blob).then_some(size as u64)
    }

    /// Returns a content; `None` if it is not there or longer than `max` bytes.
    #[must_use]
    pub fn read(&self, blob: &str, max: u64) -> Option<Vec<u8>> {
        self.size(blob).filter(|size| *size <= max)?;
        Some(self.repo.find_blob(Oid::from_str(blob).ok()?).ok()?.content().to_owned())
    }

    /// Writes contents of at most `max` bytes into a new private folder, under these names; `None` if
    /// the first is not there or too long. Others that are not are left out.
    ///
    /// # Errors
    /// When a copy cannot be written.
    pub fn copy(&self, files: &[(&str, &str)], max: u64) -> Result<Option<Copies>, BranchError> {
        let place = tempfile::env::temp_dir();
        let folder = scratch::folder().context("create a folder in", &place)?;
        for (n, (blob, name)) in files.iter().enumerate() {
            match self.read(blob, max) {
                Some(bytes) => {
                    let path = folder.path().join(name);
                    open_private(&path)?.write_all(&bytes).context("write", &path)?;
                }
                None if n == 0 => return Ok(None),
                None => {}
            }
        }
        Ok(Some(Copies { folder }))
    }

    fn wrong(&self, e: &git2::Error) -> BranchError {
        git_error(&self.place, e)
    }
}

fn git_error(path: &Path, e: &git2::Error) -> BranchError {
    BranchError::Git { path: path.to_owned(), message: e.message().to_owned() }
}

#[cfg(test)]
mod tests {
    use git2::{Signature, Time};

    use super::*;

    /// Commits files to a branch without a work tree; returns the commit.
    fn commit(repo: &Repository, reference: &str, files: &[(&str, &str)]) -> String {
        let mut index = git2::Index::new().unwrap();
        for (path, text) in files {
            let id = repo.blob(text.as_bytes()).unwrap();
            let zero = git2::IndexTime::new(0, 0);
            let entry = git2::IndexEntry {
                ctime: zero,
                mtime: zero,
                dev: 0,
                ino: 0,
                mode: 0o100_644,
                uid: 0,
                gid: 0,
                file_size: 0,
                id,
                flags: 0,
                flags_extended: 0,
                path: path.as_bytes().to_owned(),
            };
            index.add(&entry).unwrap();
        }
        let tree = repo.find_tree(index.write_tree_to(repo).unwrap()).unwrap();
        let who = Signature::new("t", "t@example.com", &Time::new(1_700_000_000, 0)).unwrap();
        let parent = repo.find_reference(reference).ok().and_then(|r| r.peel_to_commit().ok());
        let parents: Vec<_> = parent.iter().collect();
        repo.commit(Some(reference), &who, &who, "c", &tree, &parents).unwrap().to_string()
    }

    #[test]
    fn branches_are_listed_and_files_read_without_a_checkout() {
        let dir = tempfile::tempdir().unwrap();
        let repo = Repository::init(dir.path()).unwrap();
        commit(&repo, "refs/heads/main", &[("a.rs", "code")]);
        let tip = commit(&repo, "refs/heads/notes/v1", &[("x/y/z.txt", "long text"), ("b", "b")]);
        commit(&repo, "refs/notes/one/two", &[("b", "b")]);
        let branches = Branches::open(dir.path()).unwrap();
        assert_eq!(branches.common_dir(), dir.path().join(".git").canonicalize().unwrap());
        let tips = branches.tips(&["refs/heads/notes/*", "refs/notes/*"]).unwrap();
        assert_eq!(tips.keys().collect::<Vec<_>>(), ["refs/heads/notes/v1", "refs/notes/one/two"]);
        assert_eq!(tips["refs/heads/notes/v1"], tip);
        let files = branches.files(&tip).unwrap();
        assert_eq!(files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["b", "x/y/z.txt"]);
        let blob = files[1].blob.as_str();
        assert_eq!(branches.read(blob, 9).unwrap(), b"long text");
        assert_eq!((branches.read(blob, 8), branches.size(blob)), (None, Some(9)));
        assert_eq!((branches.read(&tip, 999), branches.size("no id")), (None, None));
        let copies = branches.copy(&[(blob, "t.txt"), (&files[0].blob, "m")], 9).unwrap().unwrap();
        let path = copies.path("t.txt");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "long text");
        assert_eq!(std::fs::read_to_string(copies.path("m")).unwrap(), "b");
        drop(copies);
        assert!(!path.exists());
        assert!(branches.copy(&[(blob, "t.txt")], 8).unwrap().is_none());
        assert!(!dir.path().join("x").exists());
    }

    #[test]
    fn what_is_no_repository_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let Err(error) = Branches::open(dir.path()) else { panic!("opened a plain folder") };
        assert!(error.to_string().starts_with("cannot read the git repository at "), "{error}");
        let repo = Repository::init(dir.path()).unwrap();
        drop(repo);
        let branches = Branches::open(dir.path()).unwrap();
        assert!(branches.tips(&["refs/heads/x/*"]).unwrap().is_empty());
        assert!(branches.files("0123456789012345678901234567890123456789").is_err());
    }
}
