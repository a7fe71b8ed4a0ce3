//! One state of both indexes, ready to be asked.
//!
//! Owns [`View`]: filter, signals, fusion and cut-off, without touching the store. It never changes,
//! so any number of threads may ask it. Must not catch up or load models.

use std::sync::Arc;

use crate::error::Result;
use crate::filter::accepted;
use crate::lexical::schema::TextField;
use crate::lexical::score::{FieldScores, LexicalQuery, scores};
use crate::lexical::snapshot::{GONE, Snapshot};
use crate::lexical::writer::LexicalError;
use crate::near::{Compared, Vectors, best};
use crate::place::Place;
use crate::query::{Mode, Query, Ranked};
use crate::rank::history::Uses;
use crate::rank::{Evidence, Facts, Near, Signal, Variant, explain, fuse};
use crate::semantic::scale::Scale;
use crate::text::terms::Analyser;
use crate::vectors::Shelf;
use crate::vectors::graph::Graph;

/// Longest query text that is read, in bytes; the rest says nothing new.
pub const MAX_QUERY_BYTES: usize = 64 << 10;
/// Lessons that words put first, and as many that vectors do, are scored with everything that is known of them;
/// more if more are wanted.
const SHORTLIST: usize = 100;

/// A state of the indexes.
pub struct View {
    place: Place,
    snapshot: Snapshot,
    vectors: Option<Vectors>,
}

/// A ranking, best first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranking {
    /// At most as many as asked for; only relevant ones unless asked otherwise.
    pub results: Vec<Ranked>,
    /// Lessons the filter let through.
    pub searched: usize,
}

impl View {
    pub(crate) fn new(place: Place, snapshot: Snapshot, vectors: Option<(Shelf, Scale)>) -> Self {
        let vectors = vectors.map(|(shelf, scale)| Vectors::new(shelf, scale, &snapshot));
        Self { place, snapshot, vectors }
    }

    /// Returns the number of lessons.
    #[must_use]
    pub fn n_lessons(&self) -> usize {
        self.snapshot.lessons.len()
    }

    /// Returns the number of lessons without vectors.
    #[must_use]
    pub fn n_without_vectors(&self) -> usize {
        self.vectors.as_ref().map_or(self.n_lessons(), Vectors::n_without)
    }

    /// Returns the vectors.
    #[must_use]
    pub fn shelf(&self) -> Option<&Shelf> {
        self.vectors.as_ref().map(|vectors| &vectors.shelf)
    }

    /// Returns whether queries use a graph.
    #[must_use]
    pub fn has_graph(&self) -> bool {
        self.vectors.as_ref().is_some_and(Vectors::has_graph)
    }

    /// Lets queries use a graph of these vectors, or of most of them, from now on.
    pub fn lay(&self, graph: &Arc<Graph>) {
        if let Some(vectors) = &self.vectors {
            vectors.lay(graph);
        }
    }

    /// Returns the words of a query, for [`Self::rank`].
    #[must_use]
    pub fn words(analyser: &Analyser, text: &str) -> LexicalQuery {
        LexicalQuery::of(analyser, bounded(text))
    }

    /// Ranks the lessons for a query. `words` are the query's terms, `vector` its embedding, if
    /// vectors are to take part.
    ///
    /// # Errors
    /// When the lexical index is damaged.
    pub fn rank(
        &self,
        query: &Query,
        words: &LexicalQuery,
        vector: Option<&[f32]>,
    ) -> Result<Ranking> {
        self.try_rank(query, words, vector).map_err(|e| self.place.lexical_error(e))
    }

    fn try_rank(
        &self,
        query: &Query,
        words: &LexicalQuery,
        vector: Option<&[f32]>,
    ) -> std::result::Result<Ranking, LexicalError> {
        let accepted = accepted(&self.snapshot, &query.filter)?;
        let searched = accepted.len();
        let mode = if vector.is_some() { query.mode } else { Mode::Lexical };
        let fields = scores(&self.snapshot, words)?;
        let lexical = lexical(&fields, &accepted);
        let depth = match query.variant {
            // A baseline ranks all there is.
            Some(variant) if variant.is_baseline() => usize::MAX,
            _ => SHORTLIST.max(query.limit),
        };
        let compared = self
            .vectors
            .as_ref()
            .zip(vector)
            .map(|(vectors, vector)| vectors.compare(vector, &accepted, depth));
        let uses = match &query.history {
            Some(history) if mode == Mode::Full => history.uses(words),
            _ => Uses::default(),
        };
        let said = accepted.iter().map(|&o| self.snapshot.lessons[o as usize].terms as usize);
        let mut facts = Facts {
            ideal: fields.ideal,
            unknown: fields.unknown,
            words: words.words.len(),
            searched,
            said: said.sum(),
            headed: words.headed,
            nearest: compared.as_ref().map_or(0.0, |compared| compared.highest),
        };
        let candidates = self.shortlist(accepted, &lexical, compared.as_ref(), &uses, depth);
        let mut signals: Vec<Signal> = candidates
            .iter()
            .map(|&o| {
                let near = compared.as_ref().map_or_else(Near::default, |c| c.of(o));
                let lesson = self.snapshot.lessons[o as usize];
                let learned = uses.of(lesson.key, lesson.created);
                Signal { learned, near, ..self.signal(o, &lexical, &fields) }
            })
            .collect();
        if let Some(variant) = query.variant {
            variant.change(&mut signals, &mut facts);
        }
        let (evidence, scores) = self.weigh(query.variant, &candidates, &signals, mode, facts);
        let mut results = Vec::new();
        if evidence.answers || query.keep_irrelevant {
            let shown = |at: &usize| mode != Mode::Lexical || scores[*at] > 0.0;
            let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for at in best(&scores, query.limit).filter(shown) {
                let id = self.snapshot.id(candidates[at])?;
                let mut why = explain(&signals[at], &evidence, facts, mode);
                let probability = match query.variant {
                    // Scores of another kind.
                    Some(variant) if variant.is_baseline() => None,
                    _ => evidence.probability(scores[at], highest, mode),
                };
                why.extend(probability.map(|probability| ("probability", probability)));
                results.push(Ranked { id, score: scores[at], why });
            }
            results.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
            results.truncate(query.limit);
        }
        Ok(Ranking { results, searched })
    }

    /// Scores what is known of each candidate.
    fn weigh(
        &self,
        variant: Option<Variant>,
        candidates: &[u32],
        signals: &[Signal],
        mode: Mode,
        facts: Facts,
    ) -> (Evidence, Vec<f32>) {
        let (mut evidence, mut scores) = fuse(signals, mode, facts);
        if let Some(baseline) = variant.and_then(|variant| variant.baseline(signals)) {
            evidence.answers = true;
            return (evidence, baseline);
        }
        for (score, &ordinal) in scores.iter_mut().zip(candidates) {
            let stale = self.snapshot.lessons[ordinal as usize].meta.stale;
            *score = if stale { demoted(*score) } else { *score };
        }
        (evidence, scores)
    }

    /// Returns the lessons worth scoring, ascending: those that words, vectors or past tasks put forward, and
    /// those that were learned beside what words put forward.
    fn shortlist(
        &self,
        accepted: Vec<u32>,
        lexical: &[f32],
        compared: Option<&Compared<'_>>,
        uses: &Uses<'_>,
        depth: usize,
    ) -> Vec<u32> {
        if accepted.len() <= depth {
            return accepted;
        }
        let words: Vec<f32> = accepted.iter().map(|&o| lexical[o as usize]).collect();
        let by_words = best(&words, depth).filter(|&at| words[at] > 0.0).map(|at| accepted[at]);
        let mut out: Vec<u32> = by_words.collect();
        let beside = |&o: &u32| self.snapshot.beside[o as usize];
        let mut others: Vec<u32> = out.iter().flat_map(beside).filter(|&o| o != GONE).collect();
        others.extend(uses.keys().filter_map(|key| self.snapshot.ordinal(key)));
        out.extend(others.into_iter().filter(|o| accepted.binary_search(o).is_ok()));
        out.extend(compared.into_iter().flat_map(|compared| &compared.nearest));
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Returns what the index knows of a lesson; what the filter hides beside it stays hidden.
    fn signal(&self, ordinal: u32, lexical: &[f32], fields: &FieldScores) -> Signal {
        let lesson = self.snapshot.lessons[ordinal as usize];
        let beside = self.snapshot.beside[ordinal as usize]
            .into_iter()
            .filter(|&o| o != GONE)
            .map(|o| lexical[o as usize]);
        Signal {
            beside: beside.sum(),
            terms: lesson.terms,
            unvouched: lesson.meta.unvouched,
            ..by_words(ordinal, fields)
        }
    }
}

/// Returns the lexical score of every accepted lesson, by ordinal; 0 for the others.
fn lexical(fields: &FieldScores, accepted: &[u32]) -> Vec<f32> {
    let n = fields.column(TextField::Whole).len();
    if accepted.len() == n {
        return (0..).take(n).map(|ordinal| by_words(ordinal, fields).lexical()).collect();
    }
    let mut out = vec![0.0; n];
    accepted.iter().for_each(|&o| out[o as usize] = by_words(o, fields).lexical());
    out
}

/// Returns the score of a lesson whose code has changed: it gives way to what is nearly as near, and
/// is still found where nothing else is. Cosines can be negative: never more than before.
fn demoted(score: f32) -> f32 {
    score - 0.2 * score.abs()
}

/// Returns what the words say of a lesson.
fn by_words(ordinal: u32, fields: &FieldScores) -> Signal {
    let get = |field| fields.get(field, ordinal);
    Signal {
        whole: get(TextField::Whole),
        passage: get(TextField::Passage),
        title: get(TextField::Title),
        rule: get(TextField::Rule),
        place: get(TextField::Place),
        exact: get(TextField::Exact),
        ..Signal::default()
    }
}

/// Cuts a query at a character boundary.
pub(crate) fn bounded(text: &str) -> &str {
    let mut end = text.len().min(MAX_QUERY_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
