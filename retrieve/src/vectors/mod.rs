//! Vectors on disk and the search for the nearest ones.
//!
//! | module | owns |
//! |---|---|
//! | [`segment`] | the format of one immutable file of 8-bit vectors |
//! | [`shelf`] | which files belong together: the manifest, newest-wins, compaction |
//! | [`exact`] | the search that looks at every vector |
//! | [`graph`] | the search over a neighbour graph, for resident processes with many vectors |
//! | `mmap` | mapping files |
//!
//! Owns [`VectorIndex`]. Must not know texts, models or ranking: it sees lesson keys and numbers.

pub mod exact;
pub mod graph;
mod mmap;
pub mod segment;
pub mod shelf;

use cemem_core::LessonId;
use cemem_core::id::digest;

pub use segment::{LessonVectors, SegmentError, quantise};
pub use shelf::{Shelf, ShelfError, Watermark};

/// Returns the number a lesson is known by inside the indexes: 64 bits of the hash of its id.
#[must_use]
pub fn key_of(id: &LessonId) -> u64 {
    let hex = digest([id.as_str()]);
    u64::from_str_radix(&hex[..16], 16).expect("a digest is hex")
}

/// A row and how similar it is to the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowHit {
    /// Row number in the [`Shelf`].
    pub row: u32,
    /// Cosine, -1..=1.
    pub cosine: f32,
}

/// A search for the rows most similar to a query vector.
pub trait VectorIndex {
    /// Returns at most `k` of the rows that `accept` lets through, most similar first, ties by row.
    fn search(&self, query: &[f32], k: usize, accept: &dyn Fn(u32) -> bool) -> Vec<RowHit>;
}

/// Orders hits: most similar first, then by row.
fn by_similarity(a: &RowHit, b: &RowHit) -> std::cmp::Ordering {
    b.cosine.total_cmp(&a.cosine).then(a.row.cmp(&b.row))
}
