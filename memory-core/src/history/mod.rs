//! The history of a git repository, read and never written.
//!
//! | module | owns |
//! |---|---|
//! | `walk` | which commits, newest first, and where to stop |
//! | `message` | subject, body and trailers of a commit's message |
//! | `changes` | which files and lines a commit changed |
//! | `repair` | whose lines a commit repairs |
//! | `lines` | since when the lines of a file stand there |
//! | `places` | where files of earlier commits stand now |
//! | `base` | where the work that is checked out began |
//!
//! Owns every look into a repository's objects. Everything is bounded, in number, size and time;
//! what cannot be read is counted and left out. Must not judge what a commit means: who asks does.

mod base;
mod changes;
mod lines;
mod message;
mod places;
mod repair;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use git2::{ErrorCode, Oid, Repository};

use crate::clock::Timestamp;
pub use base::Base;
pub use places::{Fate, MAX_FILE};
use repair::Chain;

/// Why a repository could not be read at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the git repository at {}: {message}", path.display())]
pub struct HistoryError {
    /// The folder that was asked for.
    pub path: PathBuf,
    /// What git says.
    pub message: String,
}

/// An open repository.
pub struct History {
    repo: Repository,
    place: PathBuf,
}

/// What to read.
#[derive(Debug, Clone)]
pub struct Query {
    /// Commits older than this, and what lies behind them, are left out.
    pub since: Option<Timestamp>,
    /// Hashes of commits that were read before, with everything behind them.
    pub known: Vec<String>,
    /// Most commits looked at.
    pub max_commits: usize,
    /// Time after which no more commits are looked at.
    pub budget: Duration,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            since: None,
            known: Vec::new(),
            max_commits: 20_000,
            budget: Duration::from_secs(20),
        }
    }
}

/// What is wanted of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interest {
    /// Nothing.
    Pass,
    /// The commit and the files it changed.
    Take,
    /// The same, and the commit it speaks of.
    About(Target),
    /// The same, and the recent commit whose lines it repairs; left out if there is none.
    Repair,
}

/// How a message names another commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// By its hash or the start of it, and by its subject where that is no longer known.
    Sha(String, Option<String>),
    /// By its subject.
    Subject(String),
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    /// Full hash.
    pub sha: String,
    /// Full hashes of its parents.
    pub parents: Vec<String>,
    /// First paragraph of the message, on one line.
    pub subject: String,
    /// The rest without trailers.
    pub body: String,
    /// `Key: value` lines at the message's end, in order.
    pub trailers: Vec<Trailer>,
    /// Author's name.
    pub author: String,
    /// Author's address.
    pub email: String,
    /// When it was written.
    pub authored: Option<Timestamp>,
    /// When it became part of this history.
    pub committed: Option<Timestamp>,
    /// Files it changed against its first parent, relative to the repository, with `/`; not told for
    /// merges.
    pub files: Vec<String>,
    /// The commit it takes back or repairs, as far as it is known.
    pub about: Option<About>,
}

/// A line of a message that names a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailer {
    /// `Reviewed-by`.
    pub key: String,
    /// What follows the colon.
    pub value: String,
}

/// Another commit that a commit is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// Full hash.
    pub sha: String,
    /// Its subject.
    pub subject: String,
    /// The change in the lines that were repaired, where lines led to it.
    pub diff: String,
}

/// What a walk gave.
#[derive(Debug, Clone, Default)]
pub struct Walked {
    /// The commits that were wanted, newest first.
    pub commits: Vec<Commit>,
    /// Commits looked at.
    pub seen: u64,
    /// What was left out, by kind.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Where the walk began: the next one's [`Query::known`].
    pub heads: Vec<String>,
    /// Nothing within the asked bounds was left out for want of time.
    pub complete: bool,
}

impl History {
    /// Opens the repository whose work tree (or bare folder) this is; `None` where there is none.
    ///
    /// # Errors
    /// When there is one that cannot be opened.
    pub fn open(folder: &Path) -> Result<Option<Self>, HistoryError> {
        match Repository::open(folder) {
            Ok(repo) => {
                let common = repo.commondir();
                let place = common.canonicalize().unwrap_or_else(|_| common.to_owned());
                Ok(Some(Self { repo, place }))
            }
            Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
            Err(e) => {
                Err(HistoryError { path: folder.to_owned(), message: e.message().to_owned() })
            }
        }
    }

    /// Returns the file that grows with every commit made in a work tree; where git would put it if
    /// there is no repository yet.
    #[must_use]
    pub fn log(folder: &Path) -> PathBuf {
        let git = Repository::open(folder).map(|repo| repo.path().to_owned());
        git.unwrap_or_else(|_| folder.join(".git")).join("logs/HEAD")
    }

    /// Returns the folder all work trees of the repository share.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Returns whether history is cut off.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.repo.is_shallow()
    }

    /// Returns the hash of what is checked out; `None` before the first commit, or where HEAD leads
    /// nowhere.
    #[must_use]
    pub fn head(&self) -> Option<String> {
        self.head_id().map(|oid| oid.to_string())
    }

    fn head_id(&self) -> Option<Oid> {
        let head = self.repo.head().ok()?;
        head.peel_to_commit().ok().map(|c| c.id()).or_else(|| head.target())
    }

    /// Returns the commit of a hash, without its files; `None` if it is not here.
    #[must_use]
    pub fn commit(&self, sha: &str) -> Option<Commit> {
        let oid = Oid::from_str(sha).ok()?;
        let commit = walk::find(&self.repo, oid).ok()?;
        Some(message::read(&commit).0)
    }

    /// Returns the commit that another one's message names.
    #[must_use]
    pub fn named(&self, sha: &str, target: &Target) -> Option<About> {
        Chain::new(&self.repo).named(Oid::from_str(sha).ok()?, target)
    }

    /// Walks from HEAD and from `also` (other work trees' heads), newest first, and asks of every
    /// commit what is wanted of it. Files and lines are not told yet when it asks.
    #[must_use]
    pub fn walk(
        &self,
        query: &Query,
        also: &[String],
        interest: &mut dyn FnMut(&Commit) -> Interest,
    ) -> Walked {
        let start = Instant::now();
        let mut walked = Walked { complete: true, ..Walked::default() };
        let heads: Vec<Oid> = self
            .head_id()
            .into_iter()
            .chain(also.iter().filter_map(|sha| Oid::from_str(sha).ok()))
            .collect();
        let mut wanted = walk::walk(&self.repo, query, &heads, start, interest, &mut walked);
        let mut chain = Chain::new(&self.repo);
        for (commit, interest) in &mut wanted {
            if start.elapsed() >= query.budget {
                walked.complete = false;
                *walked.skipped.entry("commit_beyond_time_limit").or_default() += 1;
                continue;
            }
            if chain.complete(commit, interest) {
                walked.commits.push(std::mem::take(commit));
            } else {
                *walked.skipped.entry("fix_of_older_lines").or_default() += 1;
            }
        }
        walked
    }

    /// Returns since when each of these lines stands in a file of HEAD: the time of the commit that
    /// brought its words in. `None` for lines that are not committed. `path` is relative to the
    /// repository. Looks at a bounded number of commits; a line older than those has the time of the
    /// oldest.
    #[must_use]
    pub fn line_dates(&self, path: &str, lines: &[&str]) -> Vec<Option<Timestamp>> {
        lines::dates(&self.repo, self.head_id(), path, lines)
    }
}
