//! The project's git history as events of an engine `git`: what was taken back, what had to be
//! repaired, what was merged after review. Ordinary commits are counted.
//!
//! Owns which commits become events, and how far history was read: the heads of the last walk, in the
//! table of cursors under the repository's folder. What one commit started (the reverts of it, their
//! reverts, the repairs of its lines) is one session, so that extraction sees how it ended. Must not
//! read objects itself ([`cemem_core::history`] does) and must not judge what a commit teaches.

#[cfg(test)]
mod tests;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cemem_core::history::{Commit, History, Interest, Query};
use cemem_core::store::Batch;
use cemem_core::{Cursor, Event, EventKind, Store, Timestamp};
use serde_json::json;

use crate::error::{FileError, IngestError};
use crate::redact::Redactor;
use crate::report::Report;
use crate::source::Output;
use told::Told;

/// The engine's short name.
pub const ENGINE: &str = "git";
/// How far back history is read unless a date is given.
const DEFAULT_REACH: Duration = Duration::from_hours(365 * 24);
/// Raised when other commits become events: history is then read again.
const READER_VERSION: u32 = 1;
/// How often a revert of a revert is followed.
const MAX_CHAIN: usize = 6;
/// Events stored in one transaction.
const GROUP: usize = 2000;

/// How to read history.
pub struct HistoryOptions<'a> {
    /// Takes secrets out.
    pub redactor: &'a Redactor,
    /// The project's work trees.
    pub roots: &'a [PathBuf],
    /// Read again from this date on; without it, what is new, at first of the last year.
    pub since: Option<Timestamp>,
    /// Most commits looked at.
    pub max_commits: usize,
    /// Longest time spent.
    pub budget: Duration,
}

impl<'a> HistoryOptions<'a> {
    /// Returns the usual bounds.
    #[must_use]
    pub fn new(redactor: &'a Redactor, roots: &'a [PathBuf]) -> Self {
        let Query { max_commits, budget, .. } = Query::default();
        Self { redactor, roots, since: None, max_commits, budget }
    }
}

/// Reads what is new in the history of the repositories of these work trees into the store. Candidates
/// are found by the run that follows ([`crate::ingest`]), together with those of sessions. A folder
/// without a repository gives nothing; a repository that cannot be read is in the report.
///
/// # Errors
/// When the store cannot be read or written.
pub fn read_history(
    store: &mut Store,
    options: &HistoryOptions<'_>,
) -> Result<Report, IngestError> {
    let start = Instant::now();
    let mut report = Report::default();
    let mut places: BTreeMap<PathBuf, Vec<(PathBuf, History)>> = BTreeMap::new();
    for root in options.roots {
        match History::open(root) {
            Ok(Some(history)) => {
                let place = history.place().to_owned();
                places.entry(place).or_default().push((root.clone(), history));
            }
            Ok(None) => {}
            Err(e) => report.add_errors(vec![FileError {
                path: e.path,
                line: None,
                message: format!("cannot read the git repository: {}", e.message),
            }]),
        }
    }
    for (place, trees) in places {
        one(store, &place, &trees, options, &mut report)?;
    }
    report.duration = start.elapsed();
    Ok(report)
}

/// Reads one repository.
fn one(
    store: &mut Store,
    place: &Path,
    trees: &[(PathBuf, History)],
    options: &HistoryOptions<'_>,
    report: &mut Report,
) -> Result<(), IngestError> {
    let Some((root, history)) = trees.first() else { return Ok(()) };
    let path = place.to_string_lossy().into_owned();
    let cursor = store.cursor(&path)?;
    let query = query(cursor.as_ref(), options, store.clock().now());
    let also: Vec<String> = trees[1..].iter().filter_map(|(_, h)| h.head()).collect();
    let walked = history.walk(&query, &also, &mut |commit| match told::of(commit) {
        Told::Ordinary => Interest::Pass,
        Told::Merge => Interest::Take,
        Told::Fix => Interest::Repair,
        Told::Revert(target) | Told::Repairs(target) => Interest::About(target),
    });
    report.files += 1;
    report.files_read += u64::from(walked.seen > 0);
    if walked.seen > 0 {
        *report.formats.entry(ENGINE.to_owned()).or_default() += 1;
    }
    for (kind, n) in &walked.skipped {
        report.skip(kind, *n);
    }
    let known = Cursor {
        path,
        format: ENGINE.to_owned(),
        reader: READER_VERSION,
        state: json!({
            "heads": walked.heads, "since": query.since.map(|t| t.0),
            // What was cut off, by time or by a shallow clone, may be there next time.
            "complete": walked.complete && !history.is_shallow(),
        }),
        ..Cursor::default()
    };
    // Oldest first, as they happened; the cursor moves with the last of them.
    let mut commits: Vec<Commit> = walked.commits;
    commits.reverse();
    let mut groups = commits.chunks(GROUP).peekable();
    loop {
        let group = groups.next().unwrap_or_default();
        let last = groups.peek().is_none();
        let mut out = Output::new(ENGINE, options.redactor);
        for commit in group {
            add(&mut out, history, root, commit);
        }
        report.events += out.events;
        let at = if last { known.clone() } else { cursor.clone().unwrap_or(blank(&known)) };
        report.events_new += store.append(&[Batch { cursor: at, sessions: out.take() }])?.events;
        if last {
            return Ok(());
        }
    }
}

/// A cursor that says nothing was read.
fn blank(known: &Cursor) -> Cursor {
    Cursor { state: serde_json::Value::Null, ..known.clone() }
}

/// Returns what to walk: everything new since the last walk; from a given date on everything.
fn query(cursor: Option<&Cursor>, options: &HistoryOptions<'_>, now: Timestamp) -> Query {
    let reach = i64::try_from(DEFAULT_REACH.as_millis()).unwrap_or(i64::MAX);
    let since = options.since.unwrap_or(Timestamp(now.0.saturating_sub(reach)));
    let state = cursor.filter(|c| c.reader == READER_VERSION).map(|c| &c.state);
    // The last walk counts only if it reached as far back as this one is to, and to its end.
    let whole = |s: &&serde_json::Value| {
        s["complete"] == true && s["since"].as_i64().is_some_and(|reached| reached <= since.0)
    };
    let heads = state.filter(whole).and_then(|s| s["heads"].as_array());
    let heads = heads.filter(|_| options.since.is_none());
    let known = heads.into_iter().flatten().filter_map(|h| h.as_str().map(str::to_owned)).collect();
    Query { since: Some(since), known, max_commits: options.max_commits, budget: options.budget }
}

/// Adds the event of a commit to the session of what it is about.
fn add(out: &mut Output<'_>, history: &History, root: &Path, commit: &Commit) {
    let told = told::of(commit);
    let about = commit.about.as_ref();
    let session = match (&told, about) {
        (Told::Merge, _) => {
            let month: String = commit.authored.map(Timestamp::date).unwrap_or_default();
            format!("merges {}", month.chars().take(7).collect::<String>())
        }
        (_, Some(about)) => origin(history, &about.sha),
        (_, None) => commit.sha.clone(),
    };
    let subject = about.map(|a| a.subject.clone()).unwrap_or_default();
    let title = if subject.is_empty() { commit.subject.clone() } else { subject.clone() };
    let entry = out.session(&session);
    entry.title.get_or_insert(if told == Told::Merge { session.clone() } else { title });
    entry.cwd = Some(root.display().to_string());
    let reverts = matches!(told, Told::Revert(_));
    let named = about.map(|a| a.sha.clone());
    let event = Event {
        key: commit.sha.clone(),
        row_id: commit.sha.clone(),
        ts: commit.authored.or(commit.committed),
        actor: told::actor(commit),
        kind: EventKind::Commit {
            sha: commit.sha.clone(),
            subject: commit.subject.clone(),
            body: commit.body.clone(),
            author: commit.author.clone(),
            trailers: commit.trailers.iter().map(told::line).collect(),
            files: commit.files.clone(),
            reverts: named.clone().filter(|_| reverts),
            fixes: named.filter(|_| !reverts),
            about: subject,
            diff: about.map(|a| a.diff.clone()).unwrap_or_default(),
        },
        cwd: None,
        branch: None,
        offset: 0,
        len: 0,
    };
    out.event(&session, event);
}

/// Returns the commit a chain of reverts began with.
fn origin(history: &History, sha: &str) -> String {
    let mut at = sha.to_owned();
    for _ in 0..MAX_CHAIN {
        let Some(commit) = history.commit(&at) else { break };
        let Told::Revert(target) = told::of(&commit) else { break };
        match history.named(&at, &target) {
            Some(about) if about.sha != at => at = about.sha,
            _ => break,
        }
    }
    at
}
