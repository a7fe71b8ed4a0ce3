//! One state of both indexes, ready to be asked.
//!
//! Owns [`View`]: filter, signals, fusion and cut-off, without touching the store. It never changes,
//! so any number of threads may ask it. Must not catch up or load models.

use std::sync::OnceLock;

use crate::error::Result;
use crate::filter::accepted;
use crate::lexical::schema::TextField;
use crate::lexical::score::{FieldScores, LexicalQuery, scores};
use crate::lexical::snapshot::{GONE, Snapshot};
use crate::lexical::writer::LexicalError;
use crate::projection::Place;
use crate::query::{Mode, Query, Ranked};
use crate::rank::history::Uses;
use crate::rank::{Evidence, Facts, Signal, Variant, explain, fuse};
use crate::semantic::scale::Scale;
use crate::text::terms::Analyser;
use crate::vectors::exact::QueryVector;
use crate::vectors::graph::Graph;
use crate::vectors::shelf::Span;
use crate::vectors::{Shelf, VectorIndex as _};

/// Longest query text that is read, in bytes; the rest says nothing new.
pub const MAX_QUERY_BYTES: usize = 64 << 10;
/// Candidates of each kind when not every lesson is looked at.
const CANDIDATES: usize = 200;

/// A state of the indexes.
pub struct View {
    place: Place,
    snapshot: Snapshot,
    shelf: Option<Shelf>,
    /// How the cosines of the vectors' model are read.
    scale: Scale,
    /// Rows of each lesson, by ordinal.
    spans: Vec<Option<Span>>,
    graph: OnceLock<Graph>,
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
        let (shelf, scale) = vectors.map_or_else(Default::default, |(s, scale)| (Some(s), scale));
        let spans = match &shelf {
            None => vec![None; snapshot.lessons.len()],
            Some(shelf) => snapshot
                .lessons
                .iter()
                .map(|meta| shelf.span(meta.key).filter(|span| span.rows > 0))
                .collect(),
        };
        Self { place, snapshot, shelf, scale, spans, graph: OnceLock::new() }
    }

    /// Returns the number of lessons.
    #[must_use]
    pub fn n_lessons(&self) -> usize {
        self.snapshot.lessons.len()
    }

    /// Returns the number of lessons without vectors.
    #[must_use]
    pub fn n_without_vectors(&self) -> usize {
        self.spans.iter().filter(|span| span.is_none()).count()
    }

    /// Returns the vectors.
    #[must_use]
    pub fn shelf(&self) -> Option<&Shelf> {
        self.shelf.as_ref()
    }

    /// Builds the neighbour graph if there are at least `from_rows` vectors; queries use it from then
    /// on. Takes long: for resident processes, on a thread of its own.
    pub fn build_graph(&self, from_rows: usize) {
        if let Some(shelf) = self.shelf.as_ref().filter(|s| s.rows() as usize >= from_rows) {
            self.graph.get_or_init(|| Graph::build(shelf));
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
        let mut allowed = vec![false; self.snapshot.lessons.len()];
        accepted.iter().for_each(|&o| allowed[o as usize] = true);
        let mode = if vector.is_some() { query.mode } else { Mode::Lexical };
        let fields = scores(&self.snapshot, words)?;
        let candidates = self.candidates(accepted, &allowed, &fields, vector);
        let cosines = vector.map_or_else(Vec::new, |v| self.cosines(&candidates, v));
        let uses = match &query.history {
            Some(history) if mode == Mode::Full => history.uses(words),
            _ => Uses::default(),
        };
        let lexical: Vec<f32> = (0_u32..)
            .zip(&allowed)
            .map(|(o, &allowed)| if allowed { by_words(o, &fields).lexical() } else { 0.0 })
            .collect();
        let mut signals: Vec<Signal> = candidates
            .iter()
            .enumerate()
            .map(|(at, &o)| {
                let near = cosines.get(at).copied().unwrap_or_default();
                let lesson = self.snapshot.lessons[o as usize];
                let learned = uses.of(lesson.key, lesson.created);
                Signal { learned, ..self.signal(o, &lexical, &fields, near) }
            })
            .collect();
        let mut facts = Facts {
            ideal: fields.ideal,
            unknown: fields.unknown,
            words: words.words.len(),
            searched,
            said: signals.iter().map(|signal| signal.terms as usize).sum(),
            headed: words.headed,
        };
        if let Some(variant) = query.variant {
            variant.change(&mut signals, &mut facts);
        }
        let (evidence, scores) = self.weigh(query.variant, &candidates, &signals, mode, facts);
        let mut results = Vec::new();
        if evidence.answers || query.keep_irrelevant {
            let kept = best(&scores, query.limit, |at| match mode {
                Mode::Lexical => scores[at] > 0.0,
                _ => true,
            });
            for at in kept {
                let id = self.snapshot.id(candidates[at])?;
                let why = explain(&signals[at], &evidence, facts, mode);
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

    /// Returns the lessons worth scoring: all of them, unless a graph narrows them down.
    fn candidates(
        &self,
        accepted: Vec<u32>,
        allowed: &[bool],
        fields: &FieldScores,
        vector: Option<&[f32]>,
    ) -> Vec<u32> {
        let (Some(shelf), Some(graph), Some(vector)) = (&self.shelf, self.graph.get(), vector)
        else {
            return accepted;
        };
        // A narrow filter starves the graph; looking at few rows is fast anyway.
        if accepted.len() * 4 < self.snapshot.lessons.len() {
            return accepted;
        }
        let owner = |row| shelf.owner(row).and_then(|key| self.snapshot.ordinal(key));
        let accept = |row| owner(row).is_some_and(|o| allowed[o as usize]);
        let near = graph.over(shelf).search(vector, CANDIDATES, &accept);
        let mut by_words = accepted;
        let words = |o: u32| fields.get(TextField::Whole, o) + fields.get(TextField::Exact, o);
        if by_words.len() > CANDIDATES {
            by_words.select_nth_unstable_by(CANDIDATES - 1, |&a, &b| {
                words(b).total_cmp(&words(a)).then(a.cmp(&b))
            });
            by_words.truncate(CANDIDATES);
        }
        by_words.extend(near.iter().filter_map(|hit| owner(hit.row)));
        by_words.sort_unstable();
        by_words.dedup();
        by_words
    }

    /// Returns everything known of a lesson; what the filter hides beside it stays hidden.
    fn signal(&self, ordinal: u32, lexical: &[f32], fields: &FieldScores, near: Near) -> Signal {
        let lesson = self.snapshot.lessons[ordinal as usize];
        let beside = self.snapshot.beside[ordinal as usize]
            .into_iter()
            .filter(|&o| o != GONE)
            .map(|o| lexical[o as usize]);
        Signal {
            cos_first: near.first,
            cos_best: near.best,
            passages: near.passages,
            beside: beside.sum(),
            terms: lesson.terms,
            unvouched: lesson.meta.unvouched,
            ..by_words(ordinal, fields)
        }
    }

    /// Returns how near each candidate's passages are.
    fn cosines(&self, candidates: &[u32], vector: &[f32]) -> Vec<Near> {
        let Some(shelf) = &self.shelf else { return Vec::new() };
        let query = QueryVector::new(vector);
        // One pass over all rows is faster than many jumps, unless there are few candidates.
        let all = (candidates.len() * 4 > self.spans.len()).then(|| query.scan(shelf));
        let near = |&ordinal: &u32| {
            let Some(span) = self.spans[ordinal as usize] else { return Near::default() };
            let rows = span.first..span.first + span.rows;
            let cosine = |row: u32| {
                self.scale.of(match &all {
                    Some(all) => all[row as usize],
                    None => query.cosine(shelf, row),
                })
            };
            let first = cosine(span.first);
            let best = rows.map(cosine).fold(f32::NEG_INFINITY, f32::max);
            Near { first, best, passages: span.rows }
        };
        candidates.iter().map(near).collect()
    }
}

/// How near a lesson's passages are to the query.
#[derive(Debug, Clone, Copy, Default)]
struct Near {
    first: f32,
    best: f32,
    passages: u32,
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

/// Returns where the best scores are. Equal scores at the edge are all kept, until ids decide
/// between them.
fn best(scores: &[f32], limit: usize, keep: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..scores.len()).filter(|&at| keep(at)).collect();
    if kept.len() > limit && limit > 0 {
        let by_score = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]);
        let (_, edge, _) = kept.select_nth_unstable_by(limit - 1, by_score);
        let edge = scores[*edge];
        kept.retain(|&at| scores[at] >= edge);
    }
    kept
}

/// Cuts a query at a character boundary.
pub(crate) fn bounded(text: &str) -> &str {
    let mut end = text.len().min(MAX_QUERY_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
