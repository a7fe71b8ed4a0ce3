//! Asking every query of a set.
//!
//! Owns the temporary store and the timing. Every group is visible only to its own queries, through
//! the same filter as any recall. Must not score differently from recall.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use cemem_core::durable::{PathError, write_durable};
use cemem_core::{
    AppliesWhen, Clock, Evidence, Lesson, LessonId, LessonStatus, LessonType, Scope, Store,
    StoreError, Timestamp, Trust,
};
use serde::Serialize;
use thiserror::Error;

use super::cache::Cached;
use super::data::{DataError, DataSet, Doc, LabelledQuery};
use super::metrics::{Summary, summarise};
use crate::engine::Engine;
use crate::error::RetrieveError;
use crate::query::{Filter, IdSet, Mode, Note, Query};
use crate::semantic::{Semantic, SemanticOff};
use crate::view::View;

/// Documents in one transaction.
const CHUNK: usize = 2000;
/// Longest rule made from a text without a title, in characters.
const RULE_CHARS: usize = 120;

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
    /// Learn from each query's answer before the next one, in time order. Nothing is learned yet:
    /// only the order changes.
    pub replay: bool,
    /// An empty folder for the temporary store and its indexes.
    pub work: PathBuf,
    /// A folder for vectors kept between runs.
    pub cache: Option<PathBuf>,
    /// The embedder.
    pub semantic: Semantic,
    /// Results kept of every query.
    pub limit: usize,
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
    let set = DataSet::read(&options.data)?;
    let started = Instant::now();
    let mut store = Store::open(&options.work.join("memory.db"), Clock::System)?;
    fill(&mut store, &set.docs)?;
    let query_engine = Engine::new(&options.work.join("index"), options.semantic.clone());
    let semantic = indexing(options, &query_engine)?;
    let mut engine = Engine::new(&options.work.join("index"), semantic);
    if options.mode.uses_vectors() {
        engine.catch_up(&store, usize::MAX)?;
    }
    let mut notes: Vec<Note> = Vec::new();
    let view = engine.view(&store, options.mode, &mut notes)?;
    let index_ms = ms(started);

    let groups = groups(&set.docs);
    let mut order: Vec<&LabelledQuery> = set.queries.iter().collect();
    if options.replay {
        order.sort_by_key(|q| q.ts);
    }
    let mut rankings: HashMap<&str, Vec<(String, f32)>> = HashMap::new();
    let mut times = Vec::with_capacity(order.len());
    for query in order {
        let started = Instant::now();
        let found = ask(options, &query_engine, &view, query, &groups)?;
        times.push(ms(started));
        rankings.insert(&query.id, found);
    }
    Ok(report(options, &set, &rankings, times, index_ms))
}

/// Returns what the indexes are filled with: the embedder behind a cache, if one is wanted.
fn indexing(options: &Options, engine: &Engine) -> Result<Semantic, EvalError> {
    if !options.mode.uses_vectors() {
        return Ok(Semantic::Off);
    }
    let embedder =
        engine.embedder().map_err(|off| EvalError::NoModel { mode: options.mode.as_str(), off })?;
    Ok(Semantic::Custom(match &options.cache {
        Some(folder) => Arc::new(Cached::open(embedder, folder)?),
        None => embedder,
    }))
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Puts documents into the store as lessons.
fn fill(store: &mut Store, docs: &[Doc]) -> Result<(), StoreError> {
    for (number, chunk) in docs.chunks(CHUNK).enumerate() {
        let lessons: Vec<Lesson> =
            (number * CHUNK..).zip(chunk).map(|(at, doc)| lesson(at, doc)).collect();
        store.put_lessons(&lessons, "eval", "import", "")?;
    }
    Ok(())
}

/// Makes a lesson of the document at this place in the file.
fn lesson(at: usize, doc: &Doc) -> Lesson {
    let ts = doc.ts.unwrap_or(Timestamp(0));
    let first = doc.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let rule = if doc.title.is_empty() { first } else { &doc.title };
    Lesson {
        id: LessonId(doc.id.clone()),
        lesson_type: LessonType::Fact,
        title: doc.title.clone(),
        rule: rule.chars().take(RULE_CHARS).collect(),
        why: None,
        body: Some(doc.text.clone()),
        applies_when: AppliesWhen::default(),
        anchors: Vec::new(),
        evidence: vec![Evidence {
            engine: "eval".into(),
            session: doc.session.clone(),
            source_path: String::new(),
            event_uuid: doc.id.clone(),
            event_key: doc.id.clone(),
            // Turns follow each other as they stand in the file, whatever their times look like.
            turn_ts: i64::try_from(at).ok().map(Timestamp),
            actor: if doc.by_assistant { "assistant" } else { "user" }.into(),
            quote: rule.chars().take(RULE_CHARS).collect(),
        }],
        trust: if doc.by_assistant { Trust::Agent } else { Trust::User },
        status: LessonStatus::Active,
        confidence: 1.0,
        support: 1,
        reviewed: !doc.by_assistant,
        snoozed_until: None,
        scope: Scope::Project,
        valid_from: None,
        valid_to: None,
        supersedes: Vec::new(),
        superseded_by: None,
        contradicts: Vec::new(),
        created: ts,
        updated: ts,
        extra: serde_json::Value::Null,
    }
}

fn groups(docs: &[Doc]) -> HashMap<&str, Arc<IdSet>> {
    let mut ids: HashMap<&str, Vec<LessonId>> = HashMap::new();
    for doc in docs {
        ids.entry(&doc.group).or_default().push(LessonId(doc.id.clone()));
    }
    ids.into_iter().map(|(group, ids)| (group, Arc::new(ids.iter().collect()))).collect()
}

fn ask(
    options: &Options,
    engine: &Engine,
    view: &View,
    query: &LabelledQuery,
    groups: &HashMap<&str, Arc<IdSet>>,
) -> Result<Vec<(String, f32)>, EvalError> {
    let mut asked = Query::new(query.text.as_str());
    asked.mode = options.mode;
    asked.limit = options.limit;
    asked.filter = Filter {
        until: query.ts,
        exclude: query.exclude.iter().cloned().map(LessonId).collect(),
        among: Some(groups.get(query.group.as_str()).cloned().unwrap_or_default()),
        ..Filter::default()
    };
    let ranking = engine.rank(view, &asked).map_err(|e| match e {
        crate::engine::RankError::Off(off) => {
            EvalError::NoModel { mode: options.mode.as_str(), off }
        }
        crate::engine::RankError::Failed(e) => EvalError::Retrieve(e),
    })?;
    Ok(ranking.results.into_iter().map(|r| (r.id.0, r.score)).collect())
}

fn report(
    options: &Options,
    set: &DataSet,
    rankings: &HashMap<&str, Vec<(String, f32)>>,
    mut times: Vec<f64>,
    index_ms: f64,
) -> (Report, Vec<RunRow>) {
    let ids: Vec<Vec<String>> = set
        .queries
        .iter()
        .map(|q| rankings[q.id.as_str()].iter().map(|(id, _)| id.clone()).collect())
        .collect();
    let summary = summarise(
        set.queries
            .iter()
            .zip(&ids)
            .map(|(q, ids)| (q.query_type.as_str(), &ids[..], set.grades.get(&q.id))),
    );
    let mut rows = Vec::new();
    for query in &set.queries {
        for (i, (doc, score)) in rankings[query.id.as_str()].iter().enumerate() {
            let (query, doc) = (query.id.clone(), doc.clone());
            rows.push(RunRow { query, doc, rank: i + 1, score: *score });
        }
    }
    times.sort_by(f64::total_cmp);
    let percentile = |p: usize| times.get((times.len().saturating_sub(1)) * p / 100).copied();
    let report = Report {
        mode: options.mode.as_str(),
        docs: set.docs.len(),
        queries: set.queries.len(),
        summary,
        p50_ms: percentile(50).unwrap_or(0.0),
        p95_ms: percentile(95).unwrap_or(0.0),
        index_ms,
    };
    (report, rows)
}

/// Writes `query \t document \t rank \t score` lines.
///
/// # Errors
/// When the file cannot be written.
pub fn write_run(path: &Path, rows: &[RunRow]) -> Result<(), PathError> {
    let mut text = String::new();
    for row in rows {
        writeln!(text, "{}\t{}\t{}\t{}", row.query, row.doc, row.rank, row.score)
            .expect("writing to a string cannot fail");
    }
    write_durable(path, text.as_bytes())
}
