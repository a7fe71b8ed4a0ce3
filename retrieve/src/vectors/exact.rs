//! The search that looks at every vector.
//!
//! Owns the 8-bit dot products. Must not rank anything but rows.

use simsimd::SpatialSimilarity as _;

use super::segment::{Quantised, quantise};
use super::{RowHit, Shelf, VectorIndex, by_similarity};

/// A query, rounded like the rows.
#[derive(Debug, Clone)]
pub struct QueryVector(Quantised);

impl QueryVector {
    /// Rounds a unit vector.
    #[must_use]
    pub fn new(vector: &[f32]) -> Self {
        Self(quantise(vector))
    }

    /// Returns the cosine of one row.
    #[must_use]
    pub fn cosine(&self, shelf: &Shelf, row: u32) -> f32 {
        let (scale, steps) = shelf.row(row);
        self.dot(scale, steps)
    }
}

impl QueryVector {
    /// Returns the cosine of every row, dead ones included, in order: one pass over the files.
    #[must_use]
    pub fn scan(&self, shelf: &Shelf) -> Vec<f32> {
        let mut out = Vec::with_capacity(shelf.rows() as usize);
        for (scale, steps) in shelf.all_rows() {
            out.push(self.dot(scale, steps));
        }
        out
    }

    fn dot(&self, scale: f32, steps: &[i8]) -> f32 {
        // Both sides have the model's length: the shelf checks it when it opens a file.
        let dot = i8::dot(&self.0.steps, steps).unwrap_or(0.0);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a dot product of 8-bit vectors fits f32"
        )]
        let dot = dot as f32;
        dot * scale * self.0.scale
    }
}

/// Exact search over a shelf.
pub struct Exact<'a>(pub &'a Shelf);

impl VectorIndex for Exact<'_> {
    fn search(&self, query: &[f32], k: usize, accept: &dyn Fn(u32) -> bool) -> Vec<RowHit> {
        let query = QueryVector::new(query);
        let mut hits: Vec<RowHit> = (0_u32..)
            .zip(query.scan(self.0))
            .filter(|&(row, _)| self.0.is_live(row) && accept(row))
            .map(|(row, cosine)| RowHit { row, cosine })
            .collect();
        if hits.len() > k && k > 0 {
            hits.select_nth_unstable_by(k - 1, by_similarity);
        }
        hits.truncate(k);
        hits.sort_unstable_by(by_similarity);
        hits
    }
}
