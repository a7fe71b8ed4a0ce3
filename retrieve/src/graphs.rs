//! Which neighbour graph a resident process uses.
//!
//! Owns [`Graphs`]: reading the graph that is saved beside the vectors, building one where there is none, letting
//! it grow with them and saving it again, all on one thread of its own. Nobody waits for it: until a graph is laid
//! over a view, that view looks at every row. Must not search.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use cemem_core::durable::PathError;

use crate::vectors::graph::Graph;
use crate::vectors::{Shelf, graph_file};
use crate::view::View;

/// A graph that grew by this share of itself since it was saved is saved again.
const SAVE_SHARE: usize = 8;

/// The graph of a process.
pub(crate) struct Graphs {
    /// Rows from which a graph pays.
    from_rows: usize,
    /// The newest view, until somebody sees to it.
    latest: Mutex<Option<Arc<View>>>,
    /// Held by the thread that sees to the views.
    mine: Mutex<Option<Mine>>,
}

/// A graph and where it is saved.
struct Mine {
    vectors: PathBuf,
    graph: Arc<Graph>,
    /// Points that are saved.
    saved: usize,
}

impl Graphs {
    pub(crate) fn new(from_rows: usize) -> Arc<Self> {
        Arc::new(Self { from_rows, latest: Mutex::default(), mine: Mutex::default() })
    }

    /// Sees to it that a view has a graph in a while, if it has enough vectors.
    pub(crate) fn serve(self: &Arc<Self>, view: &Arc<View>) {
        if view.shelf().is_some_and(|shelf| shelf.rows() as usize >= self.from_rows) {
            *self.latest() = Some(Arc::clone(view));
            let graphs = Arc::clone(self);
            thread::spawn(move || graphs.work());
        }
    }

    fn latest(&self) -> MutexGuard<'_, Option<Arc<View>>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to the newest view until there is no newer one. Who is at it already sees to the others' too.
    fn work(&self) {
        while let Ok(mut mine) = self.mine.try_lock() {
            let next = self.latest().take();
            match next {
                // What cannot be locked or saved is tried again with the next view.
                Some(view) => drop(see_to(&mut mine, &view)),
                None => {
                    drop(mine);
                    if self.latest().is_none() {
                        return;
                    }
                }
            }
        }
    }
}

/// Lays a graph over a view, and lets it grow.
fn see_to(mine: &mut Option<Mine>, view: &View) -> Result<(), PathError> {
    let Some(shelf) = view.shelf() else { return Ok(()) };
    if mine.as_ref().is_none_or(|mine| !mine.fits(shelf)) {
        *mine = Some(Mine::of(shelf)?);
    }
    let Some(mine) = mine else { return Ok(()) };
    view.lay(&mine.graph);
    if mine.graph.grow(shelf) > 0 {
        view.lay(&mine.graph);
    }
    let n = mine.graph.len();
    if n > mine.saved + mine.saved / SAVE_SHARE {
        let lock = graph_file::lock(&mine.vectors)?;
        graph_file::save(&mine.graph, &mine.vectors, shelf.dim())?;
        drop(lock);
        mine.saved = n;
    }
    Ok(())
}

impl Mine {
    /// Reads or builds the graph of a shelf.
    fn of(shelf: &Shelf) -> Result<Self, PathError> {
        if let Some(mine) = Self::saved(shelf) {
            return Ok(mine);
        }
        let lock = graph_file::lock(shelf.folder())?;
        // Another process may have built it while this one waited.
        if let Some(mine) = Self::saved(shelf) {
            return Ok(mine);
        }
        let graph = Graph::build(shelf);
        graph_file::save(&graph, shelf.folder(), shelf.dim())?;
        drop(lock);
        let saved = graph.len();
        Ok(Self { vectors: shelf.folder().to_owned(), graph: Arc::new(graph), saved })
    }

    fn saved(shelf: &Shelf) -> Option<Self> {
        let graph = Arc::new(graph_file::load(shelf.folder(), shelf.dim())?);
        let saved = graph.len();
        let mine = Self { vectors: shelf.folder().to_owned(), graph, saved };
        mine.fits(shelf).then_some(mine)
    }

    /// Returns whether it is of these vectors, and not mostly of vectors that are gone.
    fn fits(&self, shelf: &Shelf) -> bool {
        self.vectors == shelf.folder() && self.graph.len() <= 2 * shelf.live() + 64
    }
}
