//! How near lessons are to the vector of a query.
//!
//! Owns [`Vectors`]: the rows of each lesson of one state of the index, and the neighbour graph laid over them once
//! there is one. Must not rank: words and vectors meet in the view.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::lexical::snapshot::{GONE, Snapshot};
use crate::rank::Near;
use crate::semantic::scale::Scale;
use crate::vectors::exact::QueryVector;
use crate::vectors::graph::{Graph, Laid};
use crate::vectors::shelf::Span;
use crate::vectors::{Shelf, VectorIndex as _};

/// Most passages that a graph is asked for, for each lesson that is wanted.
const MOST_ROWS: usize = 8;

/// The vectors of a state of the indexes.
pub(crate) struct Vectors {
    pub shelf: Shelf,
    /// How the cosines of their model are read.
    scale: Scale,
    /// Rows of each lesson, by ordinal.
    spans: Vec<Option<Span>>,
    graph: RwLock<Option<Arc<Charted>>>,
}

/// A graph over the rows, and whose they are.
struct Charted {
    graph: Laid,
    /// The lesson of each row, by ordinal; `GONE` for rows of none.
    owners: Vec<u32>,
}

impl Vectors {
    pub(crate) fn new(shelf: Shelf, scale: Scale, snapshot: &Snapshot) -> Self {
        let rows = |key| shelf.span(key).filter(|span| span.rows > 0);
        let spans = snapshot.lessons.iter().map(|meta| rows(meta.key)).collect();
        Self { shelf, scale, spans, graph: RwLock::default() }
    }

    /// Returns the number of lessons that have none.
    pub(crate) fn n_without(&self) -> usize {
        self.spans.iter().filter(|span| span.is_none()).count()
    }

    /// Lets queries use a graph from now on.
    pub(crate) fn lay(&self, graph: &Arc<Graph>) {
        let mut owners = vec![GONE; self.shelf.rows() as usize];
        for (ordinal, span) in (0_u32..).zip(&self.spans) {
            let rows =
                span.map_or(0..0, |span| span.first as usize..(span.first + span.rows) as usize);
            owners[rows].fill(ordinal);
        }
        let charted = Charted { graph: Laid::new(graph, &self.shelf), owners };
        *self.graph.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(charted));
    }

    /// Returns whether queries use a graph.
    pub(crate) fn has_graph(&self) -> bool {
        self.graph().is_some()
    }

    /// Returns the graph that was laid last.
    fn graph(&self) -> Option<Arc<Charted>> {
        self.graph.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Compares a query's vector with the lessons, all of them where no graph knows which are near. `accepted`
    /// are those that may be answered, `depth` is how many of the nearest are wanted.
    pub(crate) fn compare(&self, vector: &[f32], accepted: &[u32], depth: usize) -> Compared<'_> {
        let query = QueryVector::new(vector);
        // A narrow filter starves a graph; looking at few rows is fast anyway.
        let narrow = accepted.len() * 4 < self.spans.len();
        let graph = self.graph().filter(|_| !narrow && depth < accepted.len());
        if let Some(Charted { graph, owners }) = graph.as_deref() {
            let mut allowed = vec![false; self.spans.len()];
            accepted.iter().for_each(|&ordinal| allowed[ordinal as usize] = true);
            let owner = |row: u32| owners[row as usize];
            let accept = |row| allowed.get(owner(row) as usize).is_some_and(|&allowed| allowed);
            let over = graph.over(&self.shelf);
            let mut rows = depth;
            let (hits, nearest) = loop {
                let hits = over.search(vector, rows, &accept);
                let lessons: HashSet<u32> = hits.iter().map(|hit| owner(hit.row)).collect();
                // The passages of a long lesson are not to take the place of all others.
                if lessons.len() >= depth || hits.len() < rows || rows >= MOST_ROWS * depth {
                    break (hits, lessons.into_iter().collect());
                }
                rows *= 2;
            };
            let highest = hits.first().map_or(0.0, |hit| self.scale.of(hit.cosine));
            return Compared { vectors: self, query, cosines: None, nearest, highest };
        }
        // One pass over all rows is faster than many jumps, unless few are wanted.
        let cosines = (!narrow).then(|| query.scan(&self.shelf));
        let mut compared =
            Compared { vectors: self, query, cosines, nearest: Vec::new(), highest: 0.0 };
        let near: Vec<Near> = accepted.iter().map(|&o| compared.of(o)).collect();
        compared.highest = near.iter().map(|near| near.best).fold(0.0, f32::max);
        let dense: Vec<f32> = near.iter().map(Near::dense).collect();
        compared.nearest = best(&dense, depth).map(|at| accepted[at]).collect();
        compared
    }
}

/// A query's vector beside those of the lessons.
pub(crate) struct Compared<'a> {
    vectors: &'a Vectors,
    query: QueryVector,
    /// The cosine of every row, where all were looked at.
    cosines: Option<Vec<f32>>,
    /// The nearest lessons, in no order.
    pub nearest: Vec<u32>,
    /// The highest cosine of any passage of the accepted lessons; 0 if all are below.
    pub highest: f32,
}

impl Compared<'_> {
    /// Returns how near a lesson is.
    pub(crate) fn of(&self, ordinal: u32) -> Near {
        let Some(span) = self.vectors.spans[ordinal as usize] else { return Near::default() };
        let cosine = |row: u32| {
            self.vectors.scale.of(match &self.cosines {
                Some(all) => all[row as usize],
                None => self.query.cosine(&self.vectors.shelf, row),
            })
        };
        let first = cosine(span.first);
        let others = (span.first + 1..span.first + span.rows).map(cosine);
        Near { first, best: others.fold(first, f32::max), passages: span.rows }
    }
}

/// Returns where the best values are. Equal ones at the edge are all kept: what decides between them, their ids,
/// is not known here.
pub(crate) fn best(values: &[f32], limit: usize) -> impl Iterator<Item = usize> + '_ {
    let edge = match limit {
        0 => f32::INFINITY,
        _ if values.len() <= limit => f32::NEG_INFINITY,
        _ => {
            let mut sorted = values.to_vec();
            *sorted.select_nth_unstable_by(limit - 1, |a, b| b.total_cmp(a)).1
        }
    };
    values.iter().enumerate().filter(move |&(_, &value)| value >= edge).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::best;

    #[test]
    fn what_is_equal_at_the_edge_is_kept() {
        let of = |limit| best(&[1.0, 3.0, 2.0, 2.0, 0.0], limit).collect::<Vec<_>>();
        assert_eq!(of(0), [0_usize; 0]);
        assert_eq!(of(1), [1]);
        assert_eq!(of(2), [1, 2, 3]);
        assert_eq!(of(3), [1, 2, 3]);
        assert_eq!(of(9), [0, 1, 2, 3, 4]);
    }
}
