//! Every set of a folder, against baselines, with parts left out and with shares of the history.
//!
//! Owns which questions a suite asks. Must not render.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::durable::IoResultExt as _;
use serde::Serialize;

use super::metrics::{Metrics, Summary};
use super::prepared::Prepared;
use super::run::{Asking, EvalError, Options};
use crate::rank::{Part, Variant};

/// The baselines and their names.
pub const BASELINES: [(&str, Variant); 4] = [
    ("BM25", Variant::Bm25),
    ("dense", Variant::Dense),
    ("RRF", Variant::Rrf),
    ("convex", Variant::Convex),
];
/// Shares of the history that are replayed for the curve.
pub const SHARES: [f32; 6] = [0.0, 0.1, 0.25, 0.5, 0.75, 1.0];

/// What came out for one set.
#[derive(Debug, Clone, Serialize)]
pub struct SetResult {
    /// The folder's name.
    pub name: String,
    /// Query types whose queries have a time.
    pub timed: Vec<String>,
    /// In the order of [`BASELINES`].
    pub baselines: Vec<Summary>,
    /// cemem without history.
    pub plain: Summary,
    /// cemem with history; the same where no query has a time.
    pub replayed: Summary,
    /// With history and without one part, in the order of [`Part::ALL`].
    pub without: Vec<Summary>,
    /// With a share of the history, in the order of [`SHARES`]; empty where no query has a time.
    pub curve: Vec<Summary>,
}

/// Returns the sets in a folder, or in its folder `retrieval`, by name.
///
/// # Errors
/// When the folder cannot be read.
pub fn sets(folder: &Path) -> Result<Vec<PathBuf>, EvalError> {
    let inner = folder.join("retrieval");
    let folder = if inner.is_dir() { inner.as_path() } else { folder };
    let mut sets = Vec::new();
    for entry in fs::read_dir(folder).context("read", folder)? {
        let path = entry.context("read", folder)?.path();
        if path.join("queries.jsonl").is_file() {
            sets.push(path);
        }
    }
    sets.sort();
    Ok(sets)
}

/// Asks one set everything.
///
/// # Errors
/// See [`super::evaluate`].
pub fn measure(options: &Options) -> Result<SetResult, EvalError> {
    let prepared = Prepared::new(options, true)?;
    let ask = |asking: Asking| -> Result<Summary, EvalError> {
        Ok(prepared.summary(&prepared.ask(options, asking)?))
    };
    let otherwise = |variant: Variant| Asking { variant: Some(variant), ..Asking::default() };
    let replay = |share: f32| Asking { replay: Some(share), variant: None };
    let queries = &prepared.set.queries;
    let timed: BTreeSet<&str> =
        queries.iter().filter(|q| q.ts.is_some()).map(|q| q.query_type.as_str()).collect();
    let baselines: Result<Vec<_>, _> = BASELINES.iter().map(|(_, v)| ask(otherwise(*v))).collect();
    let shares = if timed.is_empty() { &[][..] } else { &SHARES[..] };
    let curve: Result<Vec<_>, _> = shares.iter().map(|share| ask(replay(*share))).collect();
    let without =
        |part: &Part| ask(Asking { replay: Some(1.0), variant: Some(Variant::Without(*part)) });
    let name = options.data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(SetResult {
        name,
        timed: timed.into_iter().map(str::to_owned).collect(),
        baselines: baselines?,
        plain: ask(Asking::default())?,
        replayed: ask(replay(1.0))?,
        without: Part::ALL.iter().map(without).collect::<Result<_, _>>()?,
        curve: curve?,
    })
}

/// Returns the figures of all queries of a set.
#[must_use]
pub fn all(summary: &Summary) -> Metrics {
    summary.by_type.get("ALL").copied().unwrap_or_default()
}

/// Returns the mean recall@5 over sets and query types that have a time, of the summaries that
/// `of` picks; `None` if there are none.
#[must_use]
pub fn timed_recall(results: &[SetResult], of: impl Fn(&SetResult) -> &Summary) -> Option<f64> {
    let figures: Vec<f64> = results
        .iter()
        .flat_map(|set| {
            let summary = of(set);
            set.timed.iter().filter_map(|t| summary.by_type.get(t)).map(|m| m.recall_5)
        })
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "a count of sets and types")]
    let n = figures.len() as f64;
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / n)
}
