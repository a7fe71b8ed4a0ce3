//! Where files of earlier commits stand now.
//!
//! Owns what an anchor in the code needs to know of history: which commit was current at a time,
//! which content a path had in it, when a path went away and under which name its content lives on,
//! and since when a file says something else. Follows first parents only. Everything is bounded in
//! commits, comparisons and time. Must not know what an anchor is.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path};
use std::time::{Duration, Instant};

use git2::{Commit, ObjectType, Oid, Repository};

use super::changes::{self, Change};
use super::message::timestamp;
use super::{History, walk};
use crate::clock::Timestamp;

/// Most commits looked at in one walk.
const MAX_COMMITS: usize = 20_000;
/// Longest file compared or read, in bytes.
pub const MAX_FILE: u64 = 512 * 1024;
/// Most files of one commit that another one's content is compared with.
const MAX_CANDIDATES: usize = 200;
/// Most comparisons of two files in one walk.
const MAX_COMPARISONS: usize = 5_000;
/// Share of the longer file's lines that both must have for one to be the other under a new name.
const SAME: f64 = 0.5;
/// How many renames in a row are followed.
const MAX_CHAIN: usize = 4;

/// What became of a path that is no longer there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Hash of the commit that took it away.
    pub commit: String,
    /// The path its content has at the commit that was asked about, if it lives on.
    pub to: Option<String>,
}

impl History {
    /// Returns the hash of what the main work tree has checked out (for a bare repository, of its
    /// HEAD): linked work trees share a memory, and what one of them tries out is not yet the code.
    /// Where that leads nowhere, of what this work tree has. `None` before the first commit.
    #[must_use]
    pub fn main_head(&self) -> Option<String> {
        let main = Repository::open(self.repo.commondir()).ok();
        let head = main.and_then(|repo| repo.head().ok()?.peel_to_commit().ok().map(|c| c.id()));
        let head = head.or_else(|| self.head_id()).filter(|id| walk::find(&self.repo, *id).is_ok());
        head.map(|id| id.to_string())
    }

    /// Returns when the commits from `head` on were made, newest first, with their hashes, back to
    /// the first that is older than `until`.
    #[must_use]
    pub fn timeline(&self, head: &str, until: Timestamp) -> Vec<(Timestamp, String)> {
        let mut found = Vec::new();
        for commit in self.first_parents(head, Duration::from_secs(2)) {
            let at = timestamp(commit.time().seconds()).unwrap_or(Timestamp(0));
            found.push((at, commit.id().to_string()));
            if at < until {
                break;
            }
        }
        found
    }

    /// Returns the content a path has in a commit, by its hash; `None` if it is no file there.
    #[must_use]
    pub fn blob_at(&self, commit: &str, path: &str) -> Option<String> {
        let commit = walk::find(&self.repo, Oid::from_str(commit).ok()?).ok()?;
        blob_in(&commit, path).map(|id| id.to_string())
    }

    /// Returns whether a content of this hash is here.
    #[must_use]
    pub fn has_blob(&self, blob: &str) -> bool {
        Oid::from_str(blob).is_ok_and(|id| self.repo.odb().is_ok_and(|odb| odb.exists(id)))
    }

    /// Returns the bytes a path has in the main work tree, with the hash they would have as a blob;
    /// `None` where there is no plain file, or it is too long.
    #[must_use]
    pub fn work_file(&self, path: &str) -> Option<(String, Vec<u8>)> {
        let main = Repository::open(self.repo.commondir()).ok();
        let folder = main.as_ref().and_then(Repository::workdir).or_else(|| self.repo.workdir())?;
        let plain = |c: Component<'_>| matches!(c, Component::Normal(name) if name != ".git");
        if !Path::new(path).components().all(plain) {
            return None;
        }
        let folder = folder.canonicalize().ok()?;
        let file = folder.join(path);
        // No link on the way: it could lead out of the repository.
        if file.canonicalize().ok()? != file {
            return None;
        }
        let meta = std::fs::metadata(&file).ok().filter(|m| m.is_file() && m.len() <= MAX_FILE)?;
        let bytes = std::fs::read(&file).ok().filter(|b| b.len() as u64 <= meta.len().max(1))?;
        let id = Oid::hash_object(ObjectType::Blob, &bytes).ok()?;
        Some((id.to_string(), bytes))
    }

    /// Returns what became of paths that are not in `head`, as far as history tells within the
    /// budget.
    #[must_use]
    pub fn fates(&self, head: &str, paths: &[String], budget: Duration) -> HashMap<String, Fate> {
        let start = Instant::now();
        let mut fates = self.removals(head, paths, budget);
        for _ in 1..MAX_CHAIN {
            let gone = |to: &String| self.blob_at(head, to).is_none();
            let open: HashSet<String> =
                fates.values().filter_map(|f| f.to.clone()).filter(gone).collect();
            if open.is_empty() {
                break;
            }
            let open: Vec<String> = open.into_iter().collect();
            let next = self.removals(head, &open, budget.saturating_sub(start.elapsed()));
            for fate in fates.values_mut() {
                if let Some(to) = &fate.to
                    && open.contains(to)
                {
                    // The last commit that took it away counts.
                    match next.get(to) {
                        Some(later) => fate.clone_from(later),
                        None => fate.to = None,
                    }
                }
            }
        }
        for fate in fates.values_mut() {
            fate.to = fate.to.take().filter(|to| self.blob_at(head, to).is_some());
        }
        fates
    }

    /// Returns, for each path, the last commit that took it away and the name it got there.
    fn removals(&self, head: &str, paths: &[String], budget: Duration) -> HashMap<String, Fate> {
        let mut wanted: HashSet<&str> = paths.iter().map(String::as_str).collect();
        let mut fates = HashMap::new();
        let mut lines = Similar { repo: &self.repo, known: HashMap::new(), left: MAX_COMPARISONS };
        for commit in self.first_parents(head, budget) {
            if wanted.is_empty() {
                break;
            }
            let Ok(parent) = commit.parent(0) else { break };
            if parent.tree_id() == commit.tree_id() {
                continue;
            }
            let moved = changes::moved(&self.repo, parent.tree_id(), commit.tree_id());
            let (removed, added): (Vec<&Change>, Vec<&Change>) =
                moved.iter().partition(|c| c.new.is_zero());
            for change in removed {
                if wanted.remove(change.path.as_str()) {
                    let to = lines.heir(change, &added);
                    let fate = Fate { commit: commit.id().to_string(), to };
                    fates.insert(change.path.clone(), fate);
                }
            }
        }
        fates
    }

    /// Returns the commit since which a path has not had a content that `holds`; `None` if that is
    /// too long ago to be found.
    #[must_use]
    pub fn since(
        &self,
        head: &str,
        path: &str,
        budget: Duration,
        holds: &mut dyn FnMut(&str) -> bool,
    ) -> Option<String> {
        let mut newer: Option<(Oid, Option<Oid>)> = None;
        for commit in self.first_parents(head, budget) {
            let blob = blob_in(&commit, path);
            if let Some((id, was)) = newer
                && was != blob
                && blob.is_none_or(|b| holds(&b.to_string()))
            {
                return Some(id.to_string());
            }
            newer = Some((commit.id(), blob));
        }
        None
    }

    fn first_parents(&self, head: &str, budget: Duration) -> impl Iterator<Item = Commit<'_>> {
        let start = Instant::now();
        let first = Oid::from_str(head).ok().and_then(|id| walk::find(&self.repo, id).ok());
        std::iter::successors(first, |commit| {
            walk::find(&self.repo, commit.parent_id(0).ok()?).ok()
        })
        .take(MAX_COMMITS)
        .enumerate()
        .take_while(move |(n, _)| n % 32 != 31 || start.elapsed() < budget)
        .map(|(_, commit)| commit)
    }
}

fn blob_in(commit: &Commit<'_>, path: &str) -> Option<Oid> {
    let entry = commit.tree().ok()?.get_path(Path::new(path)).ok()?;
    let is_file = entry.filemode() & 0o170_000 == 0o100_000;
    is_file.then(|| entry.id())
}

/// Compares contents by their lines.
struct Similar<'r> {
    repo: &'r Repository,
    known: HashMap<Oid, Option<Vec<u64>>>,
    /// Comparisons that may still be made.
    left: usize,
}

impl Similar<'_> {
    /// Returns the file that one commit put in place of another.
    fn heir(&mut self, removed: &Change, added: &[&Change]) -> Option<String> {
        let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let same: Vec<_> = added.iter().filter(|a| a.new == removed.old).collect();
        let named = same.iter().find(|a| name(&a.path) == name(&removed.path));
        if let Some(twin) = named.or(same.first()) {
            return Some(twin.path.clone());
        }
        let kind = |path: &str| path.rsplit_once('.').map(|(_, kind)| kind.to_owned());
        let mut near: Vec<_> =
            added.iter().filter(|a| kind(&a.path) == kind(&removed.path)).collect();
        near.sort_by_key(|a| (name(&a.path) != name(&removed.path), a.path.clone()));
        let mut best: Option<(f64, &str)> = None;
        for change in near.into_iter().take(MAX_CANDIDATES) {
            let Some(left) = self.left.checked_sub(1) else { break };
            self.left = left;
            let share = self.share(removed.old, change.new);
            if share >= SAME && best.is_none_or(|(most, _)| share > most) {
                best = Some((share, &change.path));
            }
        }
        best.map(|(_, path)| path.to_owned())
    }

    /// Returns which share of the longer one's lines both have.
    #[expect(clippy::cast_precision_loss, reason = "lines of a bounded file")]
    fn share(&mut self, a: Oid, b: Oid) -> f64 {
        for id in [a, b] {
            if !self.known.contains_key(&id) {
                let lines = lines(self.repo, id);
                self.known.insert(id, lines);
            }
        }
        let (Some(Some(a)), Some(Some(b))) = (self.known.get(&a), self.known.get(&b)) else {
            return 0.0;
        };
        let (mut i, mut j, mut both) = (0, 0, 0_usize);
        while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
            both += usize::from(x == y);
            i += usize::from(x <= y);
            j += usize::from(y <= x);
        }
        both as f64 / a.len().max(b.len()).max(1) as f64
    }
}

/// Returns the hashes of a text's lines that say something, sorted.
fn lines(repo: &Repository, id: Oid) -> Option<Vec<u64>> {
    let (size, _) = repo.odb().ok()?.read_header(id).ok()?;
    if size as u64 > MAX_FILE {
        return None;
    }
    let blob = repo.find_blob(id).ok().filter(|b| !b.is_binary())?;
    let mut lines: Vec<u64> =
        blob.content().split(|b| *b == b'\n').filter_map(changes::significant).collect();
    lines.sort_unstable();
    Some(lines)
}
