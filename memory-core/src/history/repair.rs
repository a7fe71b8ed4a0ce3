//! Whose lines a commit repairs, and which commit a message names.
//!
//! Owns the look back from one commit along first parents (a merge counts as one change). Lines are
//! told by their words: what moved in between is still found. Must not walk further than "recent".

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use git2::{Oid, Repository};

use super::changes::{self, Change, Changes, Lines};
use super::{About, Commit, Interest, Target, message, walk};

/// A commit is recent for this long, in seconds …
const RECENT: i64 = 14 * 24 * 3600;
/// … and for this many commits.
const REACH: usize = 100;
/// How far a subject that a message names is looked for, in commits.
const NAMED_REACH: usize = 500;
/// Files of a fix whose lines are followed.
const MAX_FILES: usize = 20;
/// Lines followed of one fix.
const MAX_LINES: usize = 400;
/// Longest change kept, in bytes.
const MAX_DIFF: usize = 2000;
/// Changes of files kept in memory; they are worked out again if there are more.
const MAX_KEPT: usize = 20_000;

/// One commit on the way back.
#[derive(Clone, Copy)]
struct Link {
    tree: Oid,
    time: i64,
    parent: Option<Oid>,
}

/// What was looked at so far: the windows of neighbouring commits overlap.
pub(super) struct Chain<'r> {
    repo: &'r Repository,
    links: HashMap<Oid, Option<Link>>,
    changes: HashMap<Oid, Rc<Changes>>,
    added: HashMap<(Oid, Oid), Rc<Vec<u64>>>,
}

impl<'r> Chain<'r> {
    pub(super) fn new(repo: &'r Repository) -> Self {
        Self { repo, links: HashMap::new(), changes: HashMap::new(), added: HashMap::new() }
    }

    /// Fills in the files of a commit and what it is about; returns whether it is still wanted.
    pub(super) fn complete(&mut self, commit: &mut Commit, interest: &Interest) -> bool {
        let Ok(oid) = Oid::from_str(&commit.sha) else { return false };
        if commit.parents.len() < 2 {
            let changes = self.changes(oid);
            commit.files = changes.files.iter().take(64).map(|c| c.path.clone()).collect();
        }
        match interest {
            Interest::Pass => false,
            Interest::Take => true,
            Interest::About(target) => {
                commit.about = self.named(oid, target);
                true
            }
            Interest::Repair => {
                commit.about = self.repaired(oid);
                commit.about.is_some()
            }
        }
    }

    fn link(&mut self, oid: Oid) -> Option<Link> {
        let repo = self.repo;
        *self.links.entry(oid).or_insert_with(|| {
            let commit = walk::find(repo, oid).ok()?;
            let parent = commit.parent_ids().next();
            Some(Link { tree: commit.tree_id(), time: commit.time().seconds(), parent })
        })
    }

    fn changes(&mut self, oid: Oid) -> Rc<Changes> {
        if let Some(known) = self.changes.get(&oid) {
            return Rc::clone(known);
        }
        let link = self.link(oid);
        let old = link.and_then(|l| l.parent).map(|parent| self.link(parent).map(|l| l.tree));
        let found = match (link, old) {
            // A parent that is not here: what changed cannot be told.
            (None, _) | (_, Some(None)) => Changes::default(),
            (Some(link), Some(old)) => changes::between(self.repo, old, link.tree),
            (Some(link), None) => changes::between(self.repo, None, link.tree),
        };
        if self.changes.len() >= MAX_KEPT {
            self.changes.clear();
        }
        let found = Rc::new(found);
        self.changes.insert(oid, Rc::clone(&found));
        found
    }

    fn added(&mut self, change: &Change) -> Rc<Vec<u64>> {
        let key = (change.old, change.new);
        if let Some(known) = self.added.get(&key) {
            return Rc::clone(known);
        }
        let Lines { added, .. } = changes::lines(self.repo, change, 0);
        if self.added.len() >= MAX_KEPT {
            self.added.clear();
        }
        let added = Rc::new(added);
        self.added.insert(key, Rc::clone(&added));
        added
    }

    /// Returns the recent commit that brought in most of the lines this one takes out.
    fn repaired(&mut self, oid: Oid) -> Option<About> {
        let fix = self.link(oid)?;
        let changes = self.changes(oid);
        if changes.many || changes.files.len() > MAX_FILES {
            return None;
        }
        let mut removed: HashMap<&str, HashSet<u64>> = HashMap::new();
        let mut diffs: HashMap<&str, String> = HashMap::new();
        let mut room = MAX_LINES;
        for change in changes.files.iter().filter(|c| !c.old.is_zero()) {
            let lines = changes::lines(self.repo, change, MAX_DIFF);
            let taken: HashSet<u64> = lines.removed.into_iter().take(room).collect();
            room -= taken.len();
            if !taken.is_empty() {
                removed.insert(&change.path, taken);
                diffs.insert(&change.path, lines.text);
            }
        }
        let mut votes: Vec<(Oid, usize, String)> = Vec::new();
        let mut at = fix.parent;
        for _ in 0..REACH {
            if removed.is_empty() {
                break;
            }
            let Some(earlier) = at else { break };
            let Some(link) = self.link(earlier).filter(|l| fix.time - l.time <= RECENT) else {
                break;
            };
            let theirs = self.changes(earlier);
            for change in theirs.files.iter().filter(|_| !theirs.many) {
                let Some(open) = removed.get_mut(change.path.as_str()) else { continue };
                let before = open.len();
                for line in self.added(change).iter() {
                    open.remove(line);
                }
                let hits = before - open.len();
                if open.is_empty() {
                    removed.remove(change.path.as_str());
                }
                if hits > 0 {
                    votes.push((earlier, hits, change.path.clone()));
                }
            }
            at = link.parent;
        }
        let mut total: HashMap<Oid, usize> = HashMap::new();
        for (oid, hits, _) in &votes {
            *total.entry(*oid).or_default() += hits;
        }
        // Of equals the nearest, which was voted for first.
        let (best, ..) = votes.iter().rev().max_by_key(|(oid, ..)| total[oid])?;
        let mut about = self.about(*best)?;
        for (_, _, path) in votes.iter().filter(|(oid, ..)| oid == best) {
            if let Some(text) = diffs.get(path.as_str()).filter(|_| about.diff.len() < MAX_DIFF) {
                about.diff.push_str(text);
            }
        }
        about.diff = message::bounded(&about.diff, MAX_DIFF);
        Some(about)
    }

    fn about(&self, oid: Oid) -> Option<About> {
        let commit = message::read(&walk::find(self.repo, oid).ok()?).0;
        Some(About { sha: commit.sha, subject: commit.subject, diff: String::new() })
    }

    /// Returns the commit a message names.
    pub(super) fn named(&mut self, from: Oid, target: &Target) -> Option<About> {
        match target {
            Target::Sha(sha, subject) => {
                let here = self.repo.find_commit_by_prefix(sha).ok().map(|c| c.id());
                match here.filter(|oid| *oid != from) {
                    Some(oid) => self.about(oid),
                    None => self.subject(from, subject.as_deref()?),
                }
            }
            Target::Subject(subject) => self.subject(from, subject),
        }
    }

    /// Returns the nearest earlier commit with this subject; hosts add the number of the request.
    fn subject(&mut self, from: Oid, subject: &str) -> Option<About> {
        let mut at = self.link(from)?.parent;
        for _ in 0..NAMED_REACH {
            let oid = at?;
            let found = message::read(&walk::find(self.repo, oid).ok()?).0;
            let is = |text: &str| {
                text.strip_prefix(subject)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(" (#"))
                    || subject.strip_prefix(text).is_some_and(|rest| rest.starts_with(" (#"))
            };
            let merged = found.parents.len() > 1 && found.body.lines().next().is_some_and(is);
            if is(&found.subject) || merged {
                return Some(About {
                    sha: found.sha,
                    subject: subject.to_owned(),
                    diff: String::new(),
                });
            }
            at = self.link(oid)?.parent;
        }
        None
    }
}
