//! Since when the lines of a file stand there.
//!
//! Owns a blame by words: a line is as old as the commit since which its words stand in the file
//! without a break, wherever in the file. That is cheaper than git's own, and a rule that was moved
//! keeps its date. Must not look at more than a bounded number of commits.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use git2::{Commit, Oid, Repository};

use super::message::timestamp;
use super::{changes, walk};
use crate::clock::Timestamp;

/// Most commits looked at for one file.
const MAX_COMMITS: usize = 20_000;
/// Longest time spent on one file.
const BUDGET: Duration = Duration::from_millis(500);
/// Longest file looked at, in bytes.
const MAX_FILE: usize = 1024 * 1024;

/// See [`super::History::line_dates`].
pub(super) fn dates(
    repo: &Repository,
    head: Option<Oid>,
    path: &str,
    lines: &[&str],
) -> Vec<Option<Timestamp>> {
    let wanted: Vec<u64> = lines.iter().map(|l| changes::hash(l.trim().as_bytes())).collect();
    let mut found = vec![None; lines.len()];
    let start = Instant::now();
    let path = Path::new(path);
    let Some(mut at) = head.and_then(|oid| walk::find(repo, oid).ok()) else { return found };
    let Some(mut blob) = blob_at(&at, path) else { return found };
    let Some(mut text) = words(repo, blob) else { return found };
    let mut open: Vec<usize> = (0..lines.len()).filter(|i| text.contains(&wanted[*i])).collect();
    for turn in 0..MAX_COMMITS {
        if open.is_empty() {
            return found;
        }
        if turn % 32 == 31 && start.elapsed() > BUDGET {
            break;
        }
        let Some((parent, older)) = back(&at, path, blob) else { break };
        if older == Some(blob) {
            at = parent;
            continue;
        }
        let before = older.and_then(|id| words(repo, id)).unwrap_or_default();
        let came = time_of(&at);
        open.retain(|i| {
            let was = before.contains(&wanted[*i]);
            if !was {
                found[*i] = came;
            }
            was
        });
        let Some(older) = older else { return found };
        (at, blob, text) = (parent, older, before);
    }
    // The first commit, the end of a shallow clone, or the bound: at least as old as this.
    let oldest = time_of(&at);
    for i in open.into_iter().filter(|i| text.contains(&wanted[*i])) {
        found[i] = oldest;
    }
    found
}

/// Returns the parent to go on with, and the file in it: the one where the file is the same, if any.
fn back<'r>(commit: &Commit<'r>, path: &Path, blob: Oid) -> Option<(Commit<'r>, Option<Oid>)> {
    let mut first = None;
    for parent in commit.parents() {
        let there = blob_at(&parent, path);
        if there == Some(blob) {
            return Some((parent, there));
        }
        if first.is_none() {
            first = Some((parent, there));
        }
    }
    first
}

fn blob_at(commit: &Commit<'_>, path: &Path) -> Option<Oid> {
    Some(commit.tree().ok()?.get_path(path).ok()?.id())
}

fn words(repo: &Repository, blob: Oid) -> Option<HashSet<u64>> {
    let (size, _) = repo.odb().ok()?.read_header(blob).ok()?;
    if size > MAX_FILE {
        return None;
    }
    let blob = repo.find_blob(blob).ok()?;
    Some(blob.content().split(|b| *b == b'\n').map(|l| changes::hash(l.trim_ascii())).collect())
}

fn time_of(commit: &Commit<'_>) -> Option<Timestamp> {
    timestamp(commit.author().when().seconds()).filter(|t| t.0 > 0)
}
