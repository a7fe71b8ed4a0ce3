//! A prediction from end to end.
//!
//! Owns [`predict`]: reading the store, asking the index about the lessons, weighing everything. Must not
//! render, and must not decide what is worth showing beyond [`SHOWN`].

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cemem_core::Store;
use cemem_core::store::{CandidateFilter, LessonFilter, StoredCandidate};

use super::change::Change;
use super::known::{Hazard, Record, Source, hazards};
use super::score::{Found, Signals, Tally, base_rates, of_group, of_lesson, place};
use crate::engine::Engine;
use crate::error::RetrieveError;
use crate::query::{Filter, Hit, IdSet, Mode, Note, Query};
use crate::text::terms::Analyser;

/// Lessons that are weighed, the most relevant ones.
pub(crate) const MOST_LESSONS: usize = 200;
/// From this probability on a hazard is worth a reader's time (docs/quality.md).
pub const SHOWN: f32 = 0.10;
/// Most names told that a change shares with a hazard.
const MAX_SHARED: usize = 6;

/// A hazard and how likely it comes true.
#[derive(Debug, Clone, PartialEq)]
pub struct Risk {
    /// What went wrong before.
    pub hazard: Hazard,
    /// How likely it goes wrong again with this change, 0..=1.
    pub probability: f32,
    /// What that rests on.
    pub signals: Signals,
    /// Files of the change near to where it went wrong.
    pub files: Vec<String>,
    /// Rare words it shares with the change.
    pub shared: Vec<String>,
}

/// What a change is about to repeat.
#[derive(Debug, Clone, Default)]
pub struct Prediction {
    /// Most likely first; all that were weighed.
    pub risks: Vec<Risk>,
    /// Things that went wrong before, weighed or not.
    pub n_known: usize,
    /// What else the reader should know.
    pub notes: Vec<Note>,
}

/// Says what is likely to go wrong again.
///
/// # Errors
/// When the store or the index cannot be read.
pub fn predict(
    engine: &mut Engine,
    store: &Store,
    mode: Mode,
    change: &Change,
) -> Result<Prediction, RetrieveError> {
    let lessons = store.lessons(&LessonFilter::default())?;
    let candidates = store.candidates(CandidateFilter::Live)?;
    let candidates: Vec<&StoredCandidate> = candidates.iter().collect();
    let (outcomes, spans) = (store.outcomes()?, store.spans(true)?);
    let record =
        Record { lessons: &lessons, candidates: &candidates, outcomes: &outcomes, spans: &spans };
    let known = hazards(record);
    let mut prediction = Prediction { n_known: known.len(), ..Prediction::default() };
    if change.is_empty() || known.is_empty() {
        return Ok(prediction);
    }
    let ids: IdSet =
        known.iter().filter(|h| is_lesson(h)).filter_map(|h| h.lesson.as_ref()).collect();
    let answer = engine.recall(
        store,
        &Query {
            mode,
            limit: MOST_LESSONS,
            filter: Filter { among: Some(Arc::new(ids)), ..Filter::default() },
            keep_irrelevant: true,
            ..Query::new(change.text.as_str())
        },
    )?;
    prediction.notes = answer.notes;
    let hits: HashMap<&str, &Hit> =
        answer.results.iter().map(|hit| (hit.lesson.id.as_str(), hit)).collect();
    prediction.risks = weigh(known, change, &hits);
    Ok(prediction)
}

fn is_lesson(hazard: &Hazard) -> bool {
    matches!(hazard.source, Source::Lesson(_))
}

/// Weighs every hazard; lessons that the index did not answer are left out.
fn weigh(known: Vec<Hazard>, change: &Change, hits: &HashMap<&str, &Hit>) -> Vec<Risk> {
    let best = hits.values().map(|hit| hit.score).fold(0.0, f32::max);
    let rates = rates(&known);
    let shares = Shares::of(&known, &change.text);
    let mut risks: Vec<Risk> = Vec::new();
    for (at, (hazard, base)) in known.into_iter().zip(rates).enumerate() {
        let (near, files) = place(&hazard.paths, &change.paths);
        let (weight, shared) = if is_lesson(&hazard) {
            let Some(hit) = hits.get(hazard.key.as_str()) else { continue };
            let found = Found { score: hit.score, why: &hit.why, best };
            (of_lesson(base, near, found), Vec::new())
        } else {
            let (share, shared) = shares.with(at);
            (of_group(base, near, share, is_elsewhere(&hazard, change, near)), shared)
        };
        let signals = weight.signals;
        if let Some(probability) = weight.probability {
            risks.push(Risk { hazard, probability, signals, files, shared });
        }
    }
    risks.sort_by(|a, b| {
        b.probability.total_cmp(&a.probability).then_with(|| a.hazard.key.cmp(&b.hazard.key))
    });
    risks
}

/// Whether a hazard has places and the change touches none that is like them.
pub(crate) fn is_elsewhere(hazard: &Hazard, change: &Change, near: f32) -> bool {
    !hazard.paths.is_empty() && !change.paths.is_empty() && near <= 0.0
}

/// Returns the base rate of each hazard; lessons and what recurs have priors of their own.
#[must_use]
pub fn rates(known: &[Hazard]) -> Vec<f32> {
    let tally = |h: &Hazard| Tally { again: h.again(), chances: h.chances };
    let of = |lessons: bool| {
        let tallies: Vec<_> = known.iter().filter(|h| is_lesson(h) == lessons).map(tally).collect();
        base_rates(&tallies).into_iter()
    };
    let (mut lessons, mut others) = (of(true), of(false));
    let rate = |h: &Hazard| if is_lesson(h) { lessons.next() } else { others.next() };
    known.iter().map(rate).map(Option::unwrap_or_default).collect()
}

/// The rare words that hazards without an index share with a change.
#[derive(Debug)]
pub struct Shares {
    terms: Vec<BTreeSet<String>>,
    with_term: HashMap<String, usize>,
    n: usize,
    change: BTreeSet<String>,
}

impl Shares {
    /// Looks at the text of every hazard that is no lesson, and at the change's.
    #[must_use]
    pub fn of(known: &[Hazard], change: &str) -> Self {
        let analyser = Analyser::default();
        let terms_of = |text: &str| -> BTreeSet<String> {
            let terms = analyser.analyse(text);
            terms.words.into_iter().chain(terms.exact).collect()
        };
        let terms: Vec<_> = known.iter().map(|h| terms_of(&h.text)).collect();
        let mut with_term: HashMap<String, usize> = HashMap::new();
        for term in terms.iter().flatten() {
            *with_term.entry(term.clone()).or_default() += 1;
        }
        let n = terms.iter().filter(|terms| !terms.is_empty()).count();
        Self { terms, with_term, n, change: terms_of(change) }
    }

    /// Returns the share of a hazard's words that the change has, rare ones counting more, and the
    /// rarest of them.
    #[must_use]
    pub fn with(&self, at: usize) -> (f32, Vec<String>) {
        #[expect(clippy::cast_precision_loss, reason = "counts of hazards")]
        let rarity =
            |term: &String| (1.0 + self.n as f32 / self.with_term[term].max(1) as f32).ln();
        let terms = &self.terms[at];
        let all: f32 = terms.iter().map(&rarity).sum();
        let mut shared: Vec<&String> = terms.intersection(&self.change).collect();
        // Added to zero: the sum of nothing is minus zero.
        let sum: f32 = 0.0 + shared.iter().map(|term| rarity(term)).sum::<f32>();
        shared.sort_by(|a, b| rarity(b).total_cmp(&rarity(a)).then(a.cmp(b)));
        let shared = shared.into_iter().take(MAX_SHARED).cloned().collect();
        (if all > 0.0 { sum / all } else { 0.0 }, shared)
    }
}
