//! Asking every query of a set.
//!
//! Owns the order, the timing, and what is learned on the way. Must not score differently from recall.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use cemem_core::durable::{PathError, write_durable};
use cemem_core::{LessonId, StoreError, Timestamp};
use serde::Serialize;
use thiserror::Error;

use super::data::{DataError, LabelledQuery};
use super::metrics::{Summary, summarise};
use super::prepared::Prepared;
use crate::engine::RankError;
use crate::error::RetrieveError;
use crate::query::{Filter, Mode, Query, Ranked, Why};
use crate::rank::{History, Task, Variant};
use crate::semantic::{Semantic, SemanticOff};

/// Why a set could not be measured.
#[derive(Debug, Error)]
pub enum EvalError {
    /// The set cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The temporary store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Recall failed.
    #[error(transparent)]
    Retrieve(#[from] RetrieveError),
    /// A file could not be written.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The mode needs a model and there is none.
    #[error("mode `{mode}` needs the embedding model: {off}")]
    NoModel {
        /// The mode.
        mode: &'static str,
        /// Why there is none.
        off: SemanticOff,
    },
}

/// How to measure.
#[derive(Clone)]
pub struct Options {
    /// Folder of the set.
    pub data: PathBuf,
    /// Which signals take part.
    pub mode: Mode,
    /// How the queries are asked.
    pub asking: Asking,
    /// An empty folder for the temporary store and its indexes.
    pub work: PathBuf,
    /// A folder for vectors kept between runs.
    pub cache: Option<PathBuf>,
    /// The embedder.
    pub semantic: Semantic,
    /// Results kept of every query.
    pub limit: usize,
}

/// How the queries are asked.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Asking {
    /// In order of time, each query knowing which documents this share of the earlier ones used, the
    /// latest before it; `None` for knowing nothing. What is asked at the same time is not known
    /// yet, and a query without a time neither learns nor teaches.
    pub replay: Option<f32>,
    /// Ranked otherwise.
    pub variant: Option<Variant>,
}

/// One line of a run file.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// The query.
    pub query: String,
    /// The document.
    pub doc: String,
    /// 1-based.
    pub rank: usize,
    /// Its score.
    pub score: f32,
    /// The chance that anything in the list is useful.
    pub chance: f32,
}

/// What came out.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The mode's name.
    pub mode: &'static str,
    /// Documents put into the store.
    pub docs: usize,
    /// Queries asked.
    pub queries: usize,
    /// The figures.
    #[serde(flatten)]
    pub summary: Summary,
    /// Median time of one query in milliseconds, embedding included.
    pub p50_ms: f64,
    /// 95th percentile.
    pub p95_ms: f64,
    /// Time to fill the store and both indexes, in milliseconds.
    pub index_ms: f64,
}

/// Measures a set.
///
/// # Errors
/// When the set cannot be read, the store fails, or the mode needs a model that is not there.
pub fn evaluate(options: &Options) -> Result<(Report, Vec<RunRow>), EvalError> {
    let prepared = Prepared::new(options, false)?;
    let found = prepared.ask(options, options.asking)?;
    Ok(report(options, &prepared, found))
}

/// What was found, by query, and how long each query took in milliseconds.
pub struct Found<'a> {
    rankings: HashMap<&'a str, Vec<Scored>>,
    times: Vec<f64>,
}

/// A document that was found.
#[derive(Debug, Clone)]
pub struct Scored {
    /// The document.
    pub doc: String,
    /// Its score.
    pub score: f32,
    /// See [`crate::Why`].
    pub why: Why,
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

impl Prepared {
    /// Asks every query.
    ///
    /// # Errors
    /// When the index is damaged or the mode needs a model that is not there.
    pub fn ask(&self, options: &Options, asking: Asking) -> Result<Found<'_>, EvalError> {
        let mut order: Vec<&LabelledQuery> = self.set.queries.iter().collect();
        if asking.replay.is_some() {
            order.sort_by_key(|q| q.ts);
        }
        let mut past: Vec<Task> = Vec::new();
        let mut known: (usize, Arc<History>) = (0, Arc::default());
        let mut found = Found { rankings: HashMap::new(), times: Vec::new() };
        for query in order {
            if let (Some(share), Some(now)) = (asking.replay, query.ts) {
                let before = past.partition_point(|task| task.at < now);
                if before != known.0 {
                    let seen = portion(before, share);
                    known = (before, Arc::new(History::new(past[before - seen..before].to_vec())));
                }
                past.extend(self.task(query, now));
            }
            let started = Instant::now();
            let history = query.ts.map(|_| Arc::clone(&known.1)).unwrap_or_default();
            let ranking = self.one(options, asking, query, history)?;
            found.times.push(ms(started));
            found.rankings.insert(&query.id, ranking);
        }
        Ok(found)
    }

    /// Returns what a query teaches once it is over.
    fn task(&self, query: &LabelledQuery, at: Timestamp) -> Option<Task> {
        let grades = self.set.grades.get(&query.id)?;
        let used = grades.keys().map(|id| (LessonId(id.clone()), true)).collect();
        Some(Task { at, words: self.engine.words(&query.text), used })
    }

    fn one(
        &self,
        options: &Options,
        asking: Asking,
        query: &LabelledQuery,
        history: Arc<History>,
    ) -> Result<Vec<Scored>, EvalError> {
        let mut asked = Query::new(query.text.as_str());
        asked.mode = options.mode;
        asked.limit = options.limit;
        asked.history = Some(history);
        asked.variant = asking.variant;
        asked.filter = Filter {
            until: query.ts,
            exclude: query.exclude.iter().cloned().map(LessonId).collect(),
            among: Some(self.groups.get(&query.group).cloned().unwrap_or_default()),
            ..Filter::default()
        };
        let ranking = self.engine.rank(&self.view, &asked).map_err(|e| match e {
            RankError::Off(off) => EvalError::NoModel { mode: options.mode.as_str(), off },
            RankError::Failed(e) => EvalError::Retrieve(e),
        })?;
        let scored = |r: Ranked| Scored { doc: r.id.0, score: r.score, why: r.why };
        Ok(ranking.results.into_iter().map(scored).collect())
    }

    /// Sums up what was found.
    #[must_use]
    pub fn summary(&self, found: &Found<'_>) -> Summary {
        let queries = &self.set.queries;
        let ids: Vec<Vec<String>> = queries
            .iter()
            .map(|q| found.rankings[q.id.as_str()].iter().map(|hit| hit.doc.clone()).collect())
            .collect();
        let grades = |q: &LabelledQuery| self.set.grades.get(&q.id);
        summarise(
            queries.iter().zip(&ids).map(|(q, ids)| (q.query_type.as_str(), &ids[..], grades(q))),
        )
    }
}

/// Returns this share of a count, rounded up.
fn portion(of: usize, share: f32) -> usize {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count of queries"
    )]
    let portion = (of as f32 * share.clamp(0.0, 1.0)).ceil() as usize;
    portion.min(of)
}

fn report(options: &Options, prepared: &Prepared, found: Found<'_>) -> (Report, Vec<RunRow>) {
    let mut rows = Vec::new();
    for query in &prepared.set.queries {
        for (i, hit) in found.rankings[query.id.as_str()].iter().enumerate() {
            rows.push(RunRow {
                query: query.id.clone(),
                doc: hit.doc.clone(),
                rank: i + 1,
                score: hit.score,
                chance: hit.why.get("chance").copied().unwrap_or_default(),
            });
        }
    }
    let summary = prepared.summary(&found);
    let mut times = found.times;
    times.sort_by(f64::total_cmp);
    let percentile = |p: usize| times.get((times.len().saturating_sub(1)) * p / 100).copied();
    let report = Report {
        mode: options.mode.as_str(),
        docs: prepared.set.docs.len(),
        queries: prepared.set.queries.len(),
        summary,
        p50_ms: percentile(50).unwrap_or(0.0),
        p95_ms: percentile(95).unwrap_or(0.0),
        index_ms: prepared.index_ms,
    };
    (report, rows)
}

/// Writes `query \t document \t rank \t score \t chance` lines.
///
/// # Errors
/// When the file cannot be written.
pub fn write_run(path: &Path, rows: &[RunRow]) -> Result<(), PathError> {
    let mut text = String::new();
    for row in rows {
        writeln!(text, "{}\t{}\t{}\t{}\t{}", row.query, row.doc, row.rank, row.score, row.chance)
            .expect("writing to a string cannot fail");
    }
    write_durable(path, text.as_bytes())
}
