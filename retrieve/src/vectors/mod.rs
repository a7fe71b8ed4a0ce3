//! Vectors on disk and the search for the nearest ones.
//!
//! | module | owns |
//! |---|---|
//! | [`segment`] | the format of one immutable file of 8-bit vectors |
//! | [`shelf`] | which files belong together: the manifest, newest-wins, compaction |
//! | [`exact`] | the search that looks at every vector |
//! | [`graph`] | the search over a neighbour graph, for resident processes with many vectors |
//! | [`graph_file`] | the graph on disk |
//! | `mmap` | mapping files |
//!
//! Owns [`VectorIndex`]. Must not know texts, models or ranking: it sees lesson keys and numbers.

pub mod exact;
pub mod graph;
pub mod graph_file;
mod mmap;
pub mod segment;
pub mod shelf;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

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

/// Hashes keys, which are hashes already, by leaving them as they are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.0 = self.0.rotate_left(8) ^ u64::from(*b));
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// A map by lesson key.
pub(crate) type KeyMap<V> = HashMap<u64, V, BuildHasherDefault<KeyHasher>>;

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
