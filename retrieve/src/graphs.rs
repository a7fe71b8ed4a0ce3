//! Which neighbour graph a resident process uses.
//!
//! Owns [`Graphs`]: reading the graph that is saved beside the vectors, building one where there is none, letting
//! it grow with them and saving it again, all on one thread of its own. Nobody waits for it: until a graph is laid
//! over a view, that view looks at every row. Must not search.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;

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
    /// Points when it was saved last, or could not be.
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
        loop {
            let mut mine = match self.mine.try_lock() {
                Ok(mine) => mine,
                Err(TryLockError::WouldBlock) => return,
                Err(TryLockError::Poisoned(fault)) => {
                    // Whatever the graph was in the middle of: another one is read or built.
                    self.mine.clear_poison();
                    let mut mine = fault.into_inner();
                    *mine = None;
                    mine
                }
            };
            let next = self.latest().take();
            match next {
                Some(view) => see_to(&mut mine, &view),
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
fn see_to(mine: &mut Option<Mine>, view: &View) {
    let Some(shelf) = view.shelf() else { return };
    let mut here = mine.take().filter(|mine| mine.fits(shelf)).unwrap_or_else(|| Mine::of(shelf));
    view.lay(&here.graph);
    if here.graph.grow(shelf) > 0 {
        view.lay(&here.graph);
    }
    here.save_if_grown(shelf);
    *mine = Some(here);
}

impl Mine {
    /// Reads or builds the graph of a shelf. Who comes while another process builds it waits for that.
    fn of(shelf: &Shelf) -> Self {
        let lock = graph_file::lock(shelf.folder()).ok().filter(|lock| lock.lock().is_ok());
        if let Some(mine) = Self::saved(shelf) {
            return mine;
        }
        let graph = Arc::new(Graph::build(shelf));
        let mut mine = Self { vectors: shelf.folder().to_owned(), graph, saved: 0 };
        // Where there can be no lock, nothing can be saved either.
        if lock.is_some() {
            mine.save(shelf);
        }
        mine
    }

    /// Saves it; where that fails, it is tried again once it has grown.
    fn save(&mut self, shelf: &Shelf) {
        drop(graph_file::save(&self.graph, &self.vectors, shelf.dim()));
        self.saved = self.graph.len();
    }

    fn save_if_grown(&mut self, shelf: &Shelf) {
        if self.graph.len() > self.saved + self.saved / SAVE_SHARE
            && let Ok(lock) = graph_file::lock(&self.vectors)
            && lock.try_lock().is_ok()
        {
            self.save(shelf);
        }
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
