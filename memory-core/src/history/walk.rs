//! Which commits, newest first.
//!
//! Owns the order, the bounds and what was read before. A walk of its own rather than git's: a
//! missing or damaged object must cost that object only. Must not look at files.

use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

use git2::{Commit as GitCommit, ObjectType, Oid, Repository};

use super::{Commit, Interest, Query, Walked, message};

/// A commit larger than this holds no message that anybody wrote.
const MAX_OBJECT: usize = 32 * 1024 * 1024;
/// How often the time is looked at, in commits.
const LOOK: u64 = 64;

/// Returns a commit, or why it cannot be had (a name for counts).
pub(super) fn find(repo: &Repository, oid: Oid) -> Result<GitCommit<'_>, &'static str> {
    let header = repo.odb().and_then(|odb| odb.read_header(oid));
    match header {
        Err(_) => Err("missing_object"),
        Ok((_, kind)) if kind != ObjectType::Commit => Err("not_a_commit"),
        Ok((size, _)) if size > MAX_OBJECT => Err("commit_too_large"),
        Ok(_) => repo.find_commit(oid).map_err(|_| "damaged_object"),
    }
}

/// The commits still to be looked at.
struct Front<'r> {
    repo: &'r Repository,
    queue: BinaryHeap<(i64, Oid)>,
    /// Every commit met.
    met: HashMap<Oid, State>,
    /// How many wait in the queue that were not read before.
    fresh: usize,
}

/// What is known of a commit that was met.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waits in the queue, not read before.
    Fresh,
    /// Was read by an earlier walk, or lies behind one that was.
    Known,
    /// Was read by this walk.
    Done,
}

impl Front<'_> {
    /// Adds a commit, or passes on that it was read before.
    fn add(&mut self, oid: Oid, state: State, walked: &mut Walked) {
        match self.met.get_mut(&oid) {
            None => {
                self.met.insert(oid, state);
                match find(self.repo, oid) {
                    Ok(commit) => {
                        self.queue.push((commit.time().seconds(), oid));
                        self.fresh += usize::from(state == State::Fresh);
                    }
                    Err(kind) if state == State::Fresh => {
                        *walked.skipped.entry(kind).or_default() += 1;
                    }
                    Err(_) => {}
                }
            }
            Some(was) if state == State::Known && *was == State::Fresh => {
                *was = State::Known;
                self.fresh -= 1;
            }
            // Where clocks were wrong a known commit may have been read once more, which costs time
            // and nothing else.
            Some(_) => {}
        }
    }
}

/// Returns the commits that are wanted, newest first.
pub(super) fn walk(
    repo: &Repository,
    query: &Query,
    heads: &[Oid],
    start: Instant,
    interest: &mut dyn FnMut(&Commit) -> Interest,
    walked: &mut Walked,
) -> Vec<(Commit, Interest)> {
    let mut front = Front { repo, queue: BinaryHeap::new(), met: HashMap::new(), fresh: 0 };
    for oid in query.known.iter().filter_map(|sha| Oid::from_str(sha).ok()) {
        front.add(oid, State::Known, walked);
    }
    for oid in heads {
        front.add(*oid, State::Fresh, walked);
        walked.heads.push(oid.to_string());
    }
    walked.heads.sort();
    walked.heads.dedup();
    let since = query.since.map(|t| t.0.div_euclid(1000));
    let mut wanted = Vec::new();
    let mut turns = 0_u64;
    while front.fresh > 0 {
        let Some((time, oid)) = front.queue.pop() else { break };
        turns += 1;
        if turns.is_multiple_of(LOOK) && start.elapsed() >= query.budget {
            walked.complete = false;
            break;
        }
        let known = front.met.get(&oid) == Some(&State::Known);
        if !known {
            front.fresh -= 1;
            front.met.insert(oid, State::Done);
        }
        let Ok(commit) = find(repo, oid) else { continue };
        if !known && since.is_some_and(|since| time < since) {
            *walked.skipped.entry("commit_before_since").or_default() += 1;
            continue;
        }
        if !known {
            if walked.seen >= query.max_commits as u64 {
                *walked.skipped.entry("commit_beyond_limit").or_default() += front.fresh as u64 + 1;
                break;
            }
            walked.seen += 1;
            take(&commit, interest, walked, &mut wanted);
        }
        let parents: Vec<Oid> = commit.parent_ids().collect();
        drop(commit);
        for parent in parents {
            front.add(parent, if known { State::Known } else { State::Fresh }, walked);
        }
    }
    wanted
}

fn take(
    commit: &GitCommit<'_>,
    interest: &mut dyn FnMut(&Commit) -> Interest,
    walked: &mut Walked,
    wanted: &mut Vec<(Commit, Interest)>,
) {
    let (read, odd) = message::read(commit);
    if let Some(kind) = odd {
        *walked.skipped.entry(kind).or_default() += 1;
    }
    match interest(&read) {
        Interest::Pass => *walked.skipped.entry("ordinary_commit").or_default() += 1,
        interest => wanted.push((read, interest)),
    }
}
