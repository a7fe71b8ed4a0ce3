//! Where the work that is checked out began.
//!
//! Owns the question which commit a branch left another one at. Must not judge the work.

use std::collections::HashSet;

use git2::{Oid, Repository};

use super::{HistoryError, message, walk};
use crate::clock::Timestamp;

/// What a branch is measured against where nobody names it, first that exists and is another one.
const DEFAULTS: [&str; 5] =
    ["refs/remotes/origin/HEAD", "origin/main", "origin/master", "main", "master"];

/// The commit at which the work that is checked out left another branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The branch or commit, as it was named or found: `origin/main`.
    pub name: String,
    /// Full hash of the last commit both share.
    pub sha: String,
    /// When that became part of the history.
    pub committed: Timestamp,
    /// When the work began: the oldest of what its commits build on and of the commits themselves.
    /// Merging or rebasing moves the commit that both share, not this.
    pub began: Timestamp,
}

/// Most commits of a branch that are looked at for where it began.
const MOST_OWN: usize = 10_000;

/// See [`super::History::base`].
pub(super) fn find(
    repo: &Repository,
    head: Option<Oid>,
    named: Option<&str>,
) -> Result<Option<Base>, String> {
    let (name, other) = match named {
        Some(name) => (name.to_owned(), commit_of(repo, name)?),
        None => match default_branch(repo) {
            Some(found) => found,
            None => return Ok(None),
        },
    };
    let Some(head) = head else { return Ok(None) };
    let shared = match repo.merge_base(head, other) {
        Ok(shared) => shared,
        Err(_) if named.is_none() => return Ok(None),
        Err(_) => return Err(format!("`{name}` and what is checked out have no common commit")),
    };
    let commit = walk::find(repo, shared).map_err(str::to_owned)?;
    let committed = message::read(&commit).0.committed.unwrap_or(Timestamp(0));
    let began = began(repo, head, other).map_err(|e| e.message().to_owned())?;
    let began = began.map_or(committed, |t| t.min(committed));
    Ok(Some(Base { name, sha: shared.to_string(), committed, began }))
}

/// Returns when the commits that only `head` has began; `None` if there are none.
fn began(repo: &Repository, head: Oid, other: Oid) -> Result<Option<Timestamp>, git2::Error> {
    let mut walk = repo.revwalk()?;
    walk.push(head)?;
    walk.hide(other)?;
    let own: HashSet<Oid> = walk.take(MOST_OWN).collect::<Result<_, _>>()?;
    let mut oldest: Option<Timestamp> = None;
    for oid in &own {
        let Ok(commit) = walk::find(repo, *oid) else { continue };
        // A rebased commit keeps the time at which it was written.
        let written = message::read(&commit).0.authored;
        let left = commit
            .parent_ids()
            .filter(|parent| !own.contains(parent))
            .filter_map(|parent| message::read(&walk::find(repo, parent).ok()?).0.committed);
        oldest = written.into_iter().chain(left).chain(oldest).min();
    }
    Ok(oldest)
}

fn commit_of(repo: &Repository, name: &str) -> Result<Oid, String> {
    let found = repo.revparse_single(name).and_then(|object| object.peel_to_commit());
    found.map(|commit| commit.id()).map_err(|e| match e.code() {
        git2::ErrorCode::NotFound => format!("there is no branch, tag or commit `{name}` here"),
        git2::ErrorCode::Ambiguous => format!("`{name}` begins more than one commit"),
        _ => format!("`{name}`: {}", e.message()),
    })
}

fn default_branch(repo: &Repository) -> Option<(String, Oid)> {
    let checked_out = repo.head().ok();
    let own = checked_out.as_ref().and_then(|head| head.name().ok());
    DEFAULTS.iter().find_map(|name| {
        // Nothing is measured against itself.
        if own == Some(&format!("refs/heads/{name}")) {
            return None;
        }
        let oid = commit_of(repo, name).ok()?;
        Some((name.trim_start_matches("refs/remotes/").to_owned(), oid))
    })
}

impl super::History {
    /// Returns where the work that is checked out left `named` (a branch, a tag, a hash), or the
    /// default branch where nobody names one: the remote's, else `main` or `master`. `None` before
    /// the first commit, and where nothing is named and there is no such branch or nothing in common.
    ///
    /// # Errors
    /// When what was named is not there or shares nothing with what is checked out, which a clone cut
    /// short also looks like.
    pub fn base(&self, named: Option<&str>) -> Result<Option<Base>, HistoryError> {
        find(&self.repo, self.head_id(), named)
            .map_err(|message| HistoryError { path: self.place.clone(), message })
    }
}

#[cfg(test)]
mod tests {
    use git2::{Signature, Time};

    use super::*;
    use crate::history::History;

    /// Commits nothing to a reference at this second; returns the hash.
    fn commit(repo: &Repository, reference: &str, at: i64) -> String {
        let who = Signature::new("t", "t@example.com", &Time::new(at, 0)).unwrap();
        let mut index = repo.index().unwrap();
        let tree = repo.find_tree(index.write_tree().unwrap()).unwrap();
        let parent = repo.find_reference(reference).ok().and_then(|r| r.peel_to_commit().ok());
        let parents: Vec<_> = parent.iter().collect();
        let text = format!("at {at}");
        repo.commit(Some(reference), &who, &who, &text, &tree, &parents).unwrap().to_string()
    }

    #[test]
    fn a_branch_is_measured_from_where_it_left() {
        let dir = tempfile::tempdir().unwrap();
        let repo = Repository::init(dir.path()).unwrap();
        let history = || History::open(dir.path()).unwrap().unwrap();
        assert_eq!(history().base(None).unwrap(), None, "before the first commit");

        let shared = commit(&repo, "refs/heads/main", 1_700_000_000);
        let oid = Oid::from_str(&shared).unwrap();
        repo.reference("refs/heads/topic", oid, true, "").unwrap();
        commit(&repo, "refs/heads/main", 1_700_000_100);
        commit(&repo, "refs/heads/topic", 1_700_000_200);
        repo.set_head("refs/heads/topic").unwrap();
        let base = history().base(None).unwrap().unwrap();
        let at = Timestamp(1_700_000_000_000);
        let sha = shared.clone();
        assert_eq!(base, Base { name: "main".into(), sha, committed: at, began: at });

        repo.reference("refs/remotes/origin/trunk", oid, true, "").unwrap();
        repo.reference_symbolic("refs/remotes/origin/HEAD", "refs/remotes/origin/trunk", true, "")
            .unwrap();
        assert_eq!(history().base(None).unwrap().unwrap().name, "origin/HEAD");
        assert_eq!(history().base(Some(&shared[..12])).unwrap().unwrap().sha, shared);
        let wrong = history().base(Some("no-such-branch")).unwrap_err();
        assert!(wrong.to_string().contains("no-such-branch"), "{wrong}");
    }

    /// Merging main, the merge that a pull request is tested as, and a rebase move what both share.
    #[test]
    fn taking_in_the_other_branch_does_not_move_where_the_work_began() {
        let dir = tempfile::tempdir().unwrap();
        let repo = Repository::init(dir.path()).unwrap();
        let oid = |sha: &str| Oid::from_str(sha).unwrap();
        let left = commit(&repo, "refs/heads/main", 1_700_000_000);
        repo.reference("refs/heads/topic", oid(&left), true, "").unwrap();
        let own = commit(&repo, "refs/heads/topic", 1_700_000_100);
        let later = commit(&repo, "refs/heads/main", 1_700_000_200);
        let who = |at| Signature::new("t", "t@example.com", &Time::new(at, 0)).unwrap();
        let tree = repo.find_commit(oid(&own)).unwrap().tree().unwrap();
        let found = |sha: &str| repo.find_commit(oid(sha)).unwrap();
        let began = |head: Oid| {
            repo.set_head_detached(head).unwrap();
            let base = History::open(dir.path()).unwrap().unwrap().base(None).unwrap().unwrap();
            assert_eq!(base.sha, later);
            base.began
        };
        for parents in [[&own, &later], [&later, &own]] {
            let parents = parents.map(|sha| found(sha));
            let parents: Vec<_> = parents.iter().collect();
            let now = who(1_700_000_300);
            let merged = repo.commit(None, &now, &now, "merge", &tree, &parents).unwrap();
            assert_eq!(began(merged), Timestamp(1_700_000_000_000));
        }
        let (written, now) = (who(1_700_000_100), who(1_700_000_300));
        let rebased = repo.commit(None, &written, &now, "own", &tree, &[&found(&later)]).unwrap();
        assert_eq!(began(rebased), Timestamp(1_700_000_100_000), "no trace of where it began");
        assert_eq!(began(oid(&later)), Timestamp(1_700_000_200_000), "nothing of its own");

        repo.set_head("refs/heads/main").unwrap();
        let itself = History::open(dir.path()).unwrap().unwrap().base(None).unwrap();
        assert_eq!(itself, None, "no branch is measured against itself");
    }

    #[test]
    fn what_shares_nothing_is_an_error_only_if_it_was_named() {
        let dir = tempfile::tempdir().unwrap();
        let repo = Repository::init(dir.path()).unwrap();
        commit(&repo, "refs/heads/main", 1);
        commit(&repo, "refs/heads/other", 2);
        repo.set_head("refs/heads/other").unwrap();
        let history = History::open(dir.path()).unwrap().unwrap();
        assert_eq!(history.base(None).unwrap(), None);
        let error = history.base(Some("main")).unwrap_err().to_string();
        assert!(error.contains("no common commit"), "{error}");
    }
}
