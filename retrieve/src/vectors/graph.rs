//! The search over a neighbour graph (HNSW), for resident processes with many vectors.
//!
//! Owns the graph's parameters. Building takes longer than thousands of exact searches, so a
//! command that answers once never uses it. Must not be the only way to search: the graph can miss
//! neighbours, and a narrow filter starves it.

use hnsw_rs::anndists::dist::distances::Distance;
use hnsw_rs::hnsw::Hnsw;
use simsimd::SpatialSimilarity as _;

use super::exact::QueryVector;
use super::segment::quantise;
use super::{RowHit, Shelf, VectorIndex, by_similarity};

/// Rows from which the graph is faster than looking at every row (measured: docs/performance.md).
pub const CROSSOVER_ROWS: usize = 50_000;

const NEIGHBOURS: usize = 16;
const LAYERS: usize = 16;
const EF_BUILD: usize = 100;
/// Candidates kept while searching, at least; half as many again as what is asked if that is more.
const EF_SEARCH: usize = 64;

/// Cosine distance of 8-bit vectors.
#[derive(Clone, Copy, Default)]
struct Cosine8;

impl Distance<i8> for Cosine8 {
    fn eval(&self, a: &[i8], b: &[i8]) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "a distance within 0..=2")]
        let distance = i8::cos(a, b).unwrap_or(2.0) as f32;
        distance.max(0.0)
    }
}

/// A graph over the live rows of a shelf as they were when it was built.
pub struct Graph {
    hnsw: Hnsw<'static, i8, Cosine8>,
}

impl Graph {
    /// Builds the graph, one row after the other: the same shelf gives the same graph.
    #[must_use]
    pub fn build(shelf: &Shelf) -> Self {
        let rows = shelf.rows() as usize;
        let hnsw = Hnsw::new(NEIGHBOURS, rows.max(1), LAYERS, EF_BUILD, Cosine8);
        for row in (0..shelf.rows()).filter(|&row| shelf.is_live(row)) {
            hnsw.insert_slice((shelf.row(row).1, row as usize));
        }
        Self { hnsw }
    }

    /// Returns this graph as an index over `shelf`, which must be the one it was built from.
    #[must_use]
    pub fn over<'a>(&'a self, shelf: &'a Shelf) -> impl VectorIndex + 'a {
        Over { graph: self, shelf }
    }
}

struct Over<'a> {
    graph: &'a Graph,
    shelf: &'a Shelf,
}

impl VectorIndex for Over<'_> {
    fn search(&self, query: &[f32], k: usize, accept: &dyn Fn(u32) -> bool) -> Vec<RowHit> {
        let steps = quantise(query).steps;
        let filter = |id: &usize| u32::try_from(*id).is_ok_and(accept);
        let found =
            self.graph.hnsw.search_filter(&steps, k, EF_SEARCH.max(k + k / 2), Some(&filter));
        let query = QueryVector::new(query);
        let mut hits: Vec<RowHit> = found
            .into_iter()
            .filter_map(|n| u32::try_from(n.d_id).ok())
            .map(|row| RowHit { row, cosine: query.cosine(self.shelf, row) })
            .collect();
        hits.sort_unstable_by(by_similarity);
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantic::Embedder as _;
    use crate::semantic::hashed::HashEmbedder;
    use crate::vectors::exact::Exact;
    use crate::vectors::segment::LessonVectors;
    use crate::vectors::shelf;

    #[test]
    fn finds_what_looking_at_every_row_finds() {
        const WORDS: [&str; 12] = [
            "auth", "token", "clock", "queue", "parser", "schema", "index", "cache", "retry",
            "merge", "lock", "patch",
        ];
        let embedder = HashEmbedder::new(64);
        let texts: Vec<String> = (0..1500_usize)
            .map(|i| {
                format!("{} {} {} {i}", WORDS[i % 12], WORDS[i / 12 % 12], WORDS[i / 144 % 12])
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let lessons: Vec<LessonVectors> = (0_u64..)
            .zip(embedder.embed(&texts).unwrap())
            .map(|(key, v)| LessonVectors { key, hash: key, rows: vec![quantise(&v)] })
            .collect();
        let dir = tempfile::tempdir().unwrap();
        shelf::reset(dir.path(), "m", 64, "store").unwrap();
        let open = || Shelf::open(dir.path(), "m", Some(64)).unwrap();
        shelf::append(open(), &lessons, open().watermark().clone()).unwrap();
        let shelf = open();
        let graph = Graph::build(&shelf);
        let mut same = 0;
        for text in texts.iter().step_by(50) {
            let query = embedder.embed(&[*text]).unwrap().remove(0);
            let odd = |row: u32| row % 2 == 1;
            let truth = Exact(&shelf).search(&query, 10, &odd);
            let found = graph.over(&shelf).search(&query, 10, &odd);
            assert!(found.iter().all(|hit| odd(hit.row)));
            same += truth.iter().filter(|t| found.iter().any(|f| f.row == t.row)).count();
        }
        assert!(same >= 285, "{same} of 300");
    }
}
