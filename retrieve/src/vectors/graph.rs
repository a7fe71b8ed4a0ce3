//! The search over a neighbour graph (HNSW), for resident processes with many vectors.
//!
//! Owns the graph's parameters, and what its points are: vectors of lessons, wherever a shelf keeps their rows by
//! now. A graph only grows; what is gone or changed is passed over, and what came since is looked at row by row.
//! Building takes longer than thousands of exact searches, so a command that answers once never uses it. Must not
//! be the only way to search: the graph can miss neighbours, and a narrow filter starves it.

use std::sync::{Arc, PoisonError, RwLock};

use hnsw_rs::anndists::dist::distances::Distance;
use hnsw_rs::hnsw::Hnsw;
use simsimd::SpatialSimilarity as _;

use super::exact::QueryVector;
use super::segment::quantise;
use super::{KeyMap, RowHit, Shelf, VectorIndex, by_similarity};

/// Rows from which the graph is faster than looking at every row (measured: docs/performance.md).
pub const CROSSOVER_ROWS: usize = 50_000;

pub(super) const NEIGHBOURS: u8 = 16;
const LAYERS: usize = 16;
const EF_BUILD: usize = 100;
/// Candidates kept while searching, at least; half as many again as what is asked if that is more.
const EF_SEARCH: usize = 64;
/// What a saved graph must have been built with.
pub(super) const PARAMETERS: &str = "16-16-100";
/// Marks points whose vectors are gone.
const GONE: u32 = u32::MAX;

/// Cosine distance of 8-bit vectors.
#[derive(Clone, Copy, Default)]
pub(super) struct Cosine8;

impl Distance<i8> for Cosine8 {
    fn eval(&self, a: &[i8], b: &[i8]) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "a distance within 0..=2")]
        let distance = i8::cos(a, b).unwrap_or(2.0) as f32;
        distance.max(0.0)
    }
}

/// The graph as the library has it.
pub(super) type Links = Hnsw<'static, i8, Cosine8>;

/// One vector of a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    /// See [`super::key_of`].
    pub key: u64,
    /// Hash of the lesson's embedded texts.
    pub hash: u64,
    /// Which of its passages.
    pub nth: u32,
}

/// What the points of a graph are, by their number.
#[derive(Debug, Default)]
struct Held {
    points: Vec<Point>,
    /// The newest version of each lesson that is in it.
    lessons: KeyMap<u64>,
}

/// A graph over vectors of lessons. Any number of threads may search while one lets it grow.
pub struct Graph {
    links: Links,
    held: RwLock<Held>,
}

impl Graph {
    /// Builds the graph, one row after the other: the same shelf gives the same graph.
    #[must_use]
    pub fn build(shelf: &Shelf) -> Self {
        let links = Hnsw::new(NEIGHBOURS.into(), shelf.live().max(1), LAYERS, EF_BUILD, Cosine8);
        let graph = Self::of(links, Vec::new());
        graph.grow(shelf);
        graph
    }

    pub(super) fn of(links: Links, points: Vec<Point>) -> Self {
        let lessons = points.iter().map(|point| (point.key, point.hash)).collect();
        Self { links, held: RwLock::new(Held { points, lessons }) }
    }

    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    pub(super) fn points(&self) -> Vec<Point> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).points.clone()
    }

    /// Returns the number of its points, those included whose vectors are gone.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.read().unwrap_or_else(PoisonError::into_inner).points.len()
    }

    /// Returns whether it has no points.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the vectors of a shelf that it does not have, and returns how many they were. One thread at a time.
    pub fn grow(&self, shelf: &Shelf) -> usize {
        let mut added = 0;
        for (key, span) in shelf.lessons() {
            let first = {
                let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
                if held.lessons.get(&key) == Some(&span.hash) {
                    continue;
                }
                held.points.len()
            };
            for (nth, number) in (0..span.rows).zip(first..) {
                self.links.insert_slice((shelf.row(span.first + nth).1, number));
            }
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            held.points.extend((0..span.rows).map(|nth| Point { key, hash: span.hash, nth }));
            held.lessons.insert(key, span.hash);
            added += span.rows as usize;
        }
        added
    }
}

/// A graph laid over one state of a shelf.
pub struct Laid {
    graph: Arc<Graph>,
    /// The row of each point, or `GONE`.
    rows: Vec<u32>,
    /// Rows that the graph does not have.
    missing: Vec<u32>,
}

impl Laid {
    /// Finds the points of a graph in a shelf. Points that come later stay out.
    #[must_use]
    pub fn new(graph: &Arc<Graph>, shelf: &Shelf) -> Self {
        let held = graph.held.read().unwrap_or_else(PoisonError::into_inner);
        let row = |point: &Point| {
            let span = shelf.span(point.key).filter(|span| span.hash == point.hash)?;
            (point.nth < span.rows).then_some(span.first + point.nth)
        };
        let rows = held.points.iter().map(|point| row(point).unwrap_or(GONE)).collect();
        let missing = shelf
            .lessons()
            .filter(|(key, span)| held.lessons.get(key) != Some(&span.hash))
            .flat_map(|(_, span)| span.first..span.first + span.rows)
            .collect();
        Self { graph: Arc::clone(graph), rows, missing }
    }

    /// Returns the search over `shelf`, which must be the one it was laid over.
    #[must_use]
    pub fn over<'a>(&'a self, shelf: &'a Shelf) -> impl VectorIndex + 'a {
        Over { laid: self, shelf }
    }
}

struct Over<'a> {
    laid: &'a Laid,
    shelf: &'a Shelf,
}

impl VectorIndex for Over<'_> {
    fn search(&self, query: &[f32], k: usize, accept: &dyn Fn(u32) -> bool) -> Vec<RowHit> {
        let steps = quantise(query).steps;
        let row = |number: usize| self.laid.rows.get(number).copied().filter(|&row| row != GONE);
        let filter = |number: &usize| row(*number).is_some_and(accept);
        let ef = EF_SEARCH.max(k + k / 2);
        let found = self.laid.graph.links.search_filter(&steps, k, ef, Some(&filter));
        let near = found.iter().filter_map(|neighbour| row(neighbour.d_id));
        let missing = self.laid.missing.iter().copied().filter(|&row| accept(row));
        let query = QueryVector::new(query);
        let hit = |row| RowHit { row, cosine: query.cosine(self.shelf, row) };
        let mut hits: Vec<RowHit> = near.chain(missing).map(hit).collect();
        hits.sort_unstable_by(by_similarity);
        // A version that came back is in the graph twice.
        hits.dedup_by_key(|hit| hit.row);
        hits.truncate(k);
        hits
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use super::*;
    use crate::semantic::Embedder as _;
    use crate::semantic::hashed::HashEmbedder;
    use crate::vectors::exact::Exact;
    use crate::vectors::segment::LessonVectors;
    use crate::vectors::shelf;

    /// Length of the vectors of [`filled`].
    pub(in crate::vectors) const WORDY: usize = 64;

    /// A shelf of `n` lessons of a passage each, and their vectors.
    pub(in crate::vectors) fn filled(n: usize) -> (tempfile::TempDir, Shelf, Vec<Vec<f32>>) {
        const WORDS: [&str; 12] = [
            "auth", "token", "clock", "queue", "parser", "schema", "index", "cache", "retry",
            "merge", "lock", "patch",
        ];
        let text = |i: usize| {
            format!("{} {} {} {i}", WORDS[i % 12], WORDS[i / 12 % 12], WORDS[i / 144 % 12])
        };
        let texts: Vec<String> = (0..n).map(text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = HashEmbedder::new(WORDY).embed(&texts).unwrap();
        let dir = tempfile::tempdir().unwrap();
        shelf::reset(dir.path(), "m", WORDY, "store").unwrap();
        let shelf = put(dir.path(), (0..).zip(&vectors).map(|(key, v)| of(key, key, v)).collect());
        (dir, shelf, vectors)
    }

    fn of(key: u64, hash: u64, vector: &[f32]) -> LessonVectors {
        LessonVectors { key, hash, rows: vec![quantise(vector)] }
    }

    /// Adds lessons to a shelf and opens it again.
    fn put(folder: &Path, lessons: Vec<LessonVectors>) -> Shelf {
        let open = || Shelf::open(folder, "m", Some(WORDY)).unwrap();
        shelf::append(open(), &lessons, open().watermark().clone()).unwrap();
        open()
    }

    #[test]
    fn what_came_is_found_and_what_went_is_not() {
        let (dir, before, vectors) = filled(200);
        let graph = Arc::new(Graph::build(&before));
        let gone = LessonVectors { key: 3, hash: 0, rows: Vec::new() };
        // Lesson 4 says something else now, and 1,000 is new.
        let news = vec![gone, of(4, 44, &vectors[150]), of(1_000, 1, &vectors[3])];
        let shelf = put(dir.path(), news);
        let owners = |query: usize| -> Vec<u64> {
            let laid = Laid::new(&graph, &shelf);
            let hits = laid.over(&shelf).search(&vectors[query], 2, &|_| true);
            hits.iter().filter_map(|hit| shelf.owner(hit.row)).collect()
        };
        let check = || {
            assert_eq!(owners(3)[0], 1_000);
            let mut same = owners(150);
            same.sort_unstable();
            assert_eq!(same, [4, 150]);
            assert_ne!(owners(4)[0], 4);
        };
        check();
        assert_eq!((graph.grow(&shelf), graph.grow(&shelf)), (2, 0));
        check();
        assert_eq!(graph.len(), 202);
    }

    #[test]
    fn finds_what_looking_at_every_row_finds() {
        let (_dir, shelf, vectors) = filled(1500);
        let laid = Laid::new(&Arc::new(Graph::build(&shelf)), &shelf);
        let mut same = 0;
        for query in vectors.iter().step_by(50) {
            let odd = |row: u32| row % 2 == 1;
            let truth = Exact(&shelf).search(query, 10, &odd);
            let found = laid.over(&shelf).search(query, 10, &odd);
            assert!(found.iter().all(|hit| odd(hit.row)));
            same += truth.iter().filter(|t| found.iter().any(|f| f.row == t.row)).count();
        }
        assert!(same >= 285, "{same} of 300");
    }
}
