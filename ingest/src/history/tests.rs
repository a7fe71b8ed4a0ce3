//! History through the whole road: repository, events, candidates, lessons.

use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::store::{CandidateFilter, LessonFilter};
use cemem_core::{Actor, Clock, LessonStatus, Signal};
use git2::{Repository, Signature, Time};

use super::*;
use crate::consolidate::consolidate;
use crate::{IngestOptions, NoProgress, ingest};

/// The time of the first commit, in seconds.
const FIRST: i64 = 1_790_000_000;
const NOW: Timestamp = Timestamp((FIRST + 30 * 24 * 3600) * 1000);

struct World {
    dir: tempfile::TempDir,
    repo: Repository,
    store: Store,
    commits: i64,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repo = Repository::init(dir.path()).unwrap();
        let store = Store::open_in_memory(Clock::Fixed(NOW)).unwrap();
        Self { dir, repo, store, commits: 0 }
    }

    /// Commits a file on HEAD, an hour after the last.
    fn commit(&mut self, message: &str, text: &str) -> String {
        fs::write(self.dir.path().join("client.rs"), text).unwrap();
        let mut index = self.repo.index().unwrap();
        index.add_path(Path::new("client.rs")).unwrap();
        let tree = self.repo.find_tree(index.write_tree().unwrap()).unwrap();
        let time = Time::new(FIRST + self.commits * 3600, 0);
        self.commits += 1;
        let who = Signature::new("Ann", "ann@example.com", &time).unwrap();
        let parent = self.repo.head().ok().and_then(|h| h.peel_to_commit().ok());
        let parents: Vec<_> = parent.iter().collect();
        self.repo.commit(Some("HEAD"), &who, &who, message, &tree, &parents).unwrap().to_string()
    }

    fn read(&mut self, since: Option<Timestamp>) -> Report {
        let redactor = Redactor::new();
        let roots: [PathBuf; 1] = [self.dir.path().to_owned()];
        let options = HistoryOptions { since, ..HistoryOptions::new(&redactor, &roots) };
        let mut report = read_history(&mut self.store, &options).unwrap();
        let options =
            IngestOptions { redactor: &redactor, progress: &NoProgress, roots: &roots, threads: 1 };
        report.absorb(ingest(&mut self.store, &[], &options).unwrap());
        consolidate(&mut self.store, None).unwrap();
        report
    }

    fn lessons(&self) -> Vec<(String, LessonStatus)> {
        let lessons = self.store.lessons(&LessonFilter::default()).unwrap();
        lessons.into_iter().map(|l| (l.rule, l.status)).collect()
    }
}

fn revert(sha: &str, why: &str) -> String {
    format!("Revert \"add retry\"\n\nThis reverts commit {sha}.\n\n{why}\n")
}

#[test]
fn a_revert_with_a_reason_waits_for_review_and_says_where_it_stands() {
    let mut world = World::new();
    let bad = world.commit("add retry", "let retry_each_request = true;\n");
    let why = "Retries charged customers twice because the server is not idempotent.";
    let sha = world.commit(&revert(&bad, why), "let retry_each_request = false;\n");
    world.commit("docs: nothing to learn", "x\n");
    let report = world.read(None);
    assert_eq!((report.events_new, report.skipped["ordinary_commit"]), (1, 2));
    assert_eq!((report.files, report.formats["git"]), (1, 1));
    let rule = format!("The change 'add retry' was taken back: {why}");
    assert_eq!(world.lessons(), [(rule, LessonStatus::Candidate)]);
    let stored = &world.store.candidates(CandidateFilter::All).unwrap()[0];
    let evidence = &stored.candidate.evidence;
    assert_eq!((evidence[0].event_uuid.as_str(), evidence[0].session.as_str()), (&*sha, &*bad));
    assert_eq!(
        (evidence[0].quote.as_str(), evidence[1].quote.as_str()),
        (why, "Revert \"add retry\"")
    );
    assert_eq!(stored.candidate.signal, Signal::Revert);
    // The same history again adds nothing, a new commit is read alone.
    assert_eq!(world.read(None).events, 0);
    world.commit(
        "fix: the flag\n\nIt was read too late because of the cache.",
        "let retry_each_request = late;\n",
    );
    let report = world.read(None);
    assert_eq!((report.events, report.events_new), (0, 0), "nobody's recent lines");
    assert_eq!(world.read(Some(Timestamp(0))).events_new, 0);
}

#[test]
fn a_revert_that_is_taken_back_later_teaches_nothing_any_more() {
    let mut world = World::new();
    let bad = world.commit("add retry", "a\n");
    let why = "Retries charged customers twice because the server is not idempotent.";
    let first = world.commit(&revert(&bad, why), "b\n");
    world.read(None);
    assert_eq!(world.lessons()[0].1, LessonStatus::Candidate);
    let again = format!(
        "Reapply \"add retry\"\n\nThis reverts commit {first}.\n\nThe server is idempotent now, so that is safe."
    );
    world.commit(&again, "a\n");
    world.read(None);
    assert_eq!(world.lessons()[0].1, LessonStatus::Retired);
}

#[test]
fn a_fix_is_tied_to_what_it_repairs_and_three_that_agree_are_a_lesson() {
    let mut world = World::new();
    let rule = "Never hold the connection pool lock across an await point, it deadlocks.";
    let mut status = Vec::new();
    for n in 0..5 {
        let text = format!("let guard_number_{n} = pool.lock_everything();\n");
        world.commit(&format!("feat: step {n}"), &text);
        world.commit(&format!("fix: deadlock {n}\n\n{rule}"), &format!("drop(guard_{n});\n"));
        world.read(None);
        status.push(world.lessons().first().map(|(_, status)| *status));
    }
    let active = status.iter().position(|s| *s == Some(LessonStatus::Active));
    assert!(active.is_none_or(|n| n >= 2), "{status:?}");
    assert_eq!(status[0], Some(LessonStatus::Candidate));
    assert_eq!(status[4], Some(LessonStatus::Active), "{status:?}");
    assert_eq!(world.lessons()[0].0, rule);
    let lesson = &world.store.lessons(&LessonFilter::default()).unwrap()[0];
    assert!(lesson.body.as_ref().is_some_and(|b| b.contains("-let guard_number_")));
    assert_eq!(
        (lesson.support, lesson.applies_when.paths.as_slice()),
        (5, &["client.rs".to_owned()][..])
    );
}

#[test]
fn secrets_are_redacted_and_hashes_are_none() {
    let mut world = World::new();
    let bad = world.commit("add retry", "a\n");
    let token = ["ghp", "_16C7e42F292c6912E7710c838347Ae178B4a"].concat();
    let sha =
        world.commit(&revert(&bad, &format!("It leaked {token} because of the log line.")), "b\n");
    world.read(None);
    let sessions = world.store.dirty_sessions().unwrap();
    assert!(sessions.is_empty());
    let stored = &world.store.candidates(CandidateFilter::All).unwrap()[0];
    let events = world.store.session_events(&stored.session).unwrap();
    let EventKind::Commit { sha: kept, body, reverts, author, .. } = &events[0].event.kind else {
        panic!("{events:?}")
    };
    assert_eq!((kept, reverts.as_ref(), author.as_str()), (&sha, Some(&bad), "Ann"));
    assert!(!body.contains(&token), "{body}");
    assert_eq!(events[0].event.actor, Actor::User);
}

#[test]
fn merges_are_kept_by_month_and_old_commits_are_left_out() {
    let mut world = World::new();
    world.commit("first", "a\n");
    world.commit("add x (#4)\n\nWords.\n\nReviewed-by: Bo <bo@example.com>", "b\n");
    let report = world.read(None);
    assert_eq!((report.events_new, report.skipped["ordinary_commit"]), (1, 1));
    let mut late = World::new();
    late.commit("Revert \"x\"\n\nIt broke because of y and z.", "a\n");
    late.store = Store::open_in_memory(Clock::Fixed(Timestamp(NOW.0 + 400 * 86_400_000))).unwrap();
    let report = late.read(None);
    assert_eq!((report.events, report.skipped["commit_before_since"]), (0, 1));
    let report = late.read(Some(Timestamp(0)));
    assert_eq!(report.events_new, 1);
}

#[test]
fn folders_without_a_repository_and_broken_ones() {
    let mut world = World::new();
    let plain = tempfile::tempdir().unwrap();
    let broken = tempfile::tempdir().unwrap();
    fs::write(broken.path().join(".git"), "gitdir: nowhere\n").unwrap();
    let redactor = Redactor::new();
    let roots = [plain.path().to_owned(), broken.path().to_owned(), plain.path().join("none")];
    let report = read_history(&mut world.store, &HistoryOptions::new(&redactor, &roots)).unwrap();
    assert_eq!((report.files, report.events), (0, 0));
    assert!(report.error_count <= 1);
}

#[test]
fn a_short_look_first_hides_nothing_from_a_longer_one() {
    let mut world = World::new();
    let bad = world.commit("add retry", "let retry_each_request = true;\n");
    let why = "Retries charged customers twice because the server is not idempotent.";
    world.commit(&revert(&bad, why), "let retry_each_request = false;\n");
    let late = Timestamp((FIRST + 24 * 3600) * 1000);
    assert_eq!(world.read(Some(late)).events_new, 0);
    assert_eq!(world.read(None).events_new, 1, "the usual reach is a year");
    assert_eq!(world.read(None).events_new, 0);
}

#[test]
fn a_shallow_clone_that_is_completed_is_read_on() {
    let mut world = World::new();
    let bad = world.commit("add retry", "let retry_each_request = true;\n");
    let why = "Retries charged customers twice because the server is not idempotent.";
    world.commit(&revert(&bad, why), "let retry_each_request = false;\n");
    let head = world.commit("docs: more", "x\n");
    let shallow = world.dir.path().join(".git/shallow");
    fs::write(&shallow, format!("{head}\n")).unwrap();
    assert_eq!(world.read(None).events_new, 0);
    fs::remove_file(shallow).unwrap();
    assert_eq!(world.read(None).events_new, 1);
}
