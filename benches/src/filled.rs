//! A memory of many lessons to measure against, and the binary to measure.
//!
//! Owns what suites have in common. Real queries are embedded by the real model; the lessons have made-up
//! vectors of the same size, because embedding them takes minutes and changes no figure. The model takes part
//! where the environment variable `CEMEM_ORT_DYLIB` names an ONNX Runtime library.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cemem_core::Store;
use cemem_core::clock::Clock;
use cemem_core::project::Home;
use cemem_retrieve::semantic::EmbedError;
use cemem_retrieve::semantic::hashed::HashEmbedder;
use cemem_retrieve::{Embedder, Engine, Mode, Semantic};

/// Lessons of a memory.
pub const N_LESSONS: usize = 10_000;
/// What everything made up starts from.
pub const SEED: u64 = 7;

/// Returns the library that runs the model, if one is named.
#[must_use]
pub fn runtime() -> Option<PathBuf> {
    std::env::var_os("CEMEM_ORT_DYLIB").filter(|v| !v.is_empty()).map(PathBuf::from)
}

/// The shipped model for single texts, made-up vectors for batches.
struct Quick {
    model: Arc<dyn Embedder>,
    made_up: HashEmbedder,
}

impl Embedder for Quick {
    fn model_id(&self) -> &str {
        self.model.model_id()
    }

    fn dim(&self) -> usize {
        self.model.dim()
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        if texts.len() == 1 { self.model.embed(texts) } else { self.made_up.embed(texts) }
    }
}

/// Returns the embedder of a mode.
///
/// # Panics
/// When the named library does not run the model.
#[must_use]
pub fn semantic(mode: Mode) -> Semantic {
    if !mode.uses_vectors() {
        return Semantic::Off;
    }
    let model = Semantic::Shipped { runtime: runtime() }.load().expect("the model loads");
    let made_up = HashEmbedder::new(model.dim());
    Semantic::Custom(Arc::new(Quick { model, made_up }))
}

/// Lessons put at once.
const AT_ONCE: usize = 50_000;

/// Returns a store with so many lessons.
///
/// # Panics
/// When the disk does not take it.
#[must_use]
pub fn store(path: &Path, n_lessons: usize) -> Store {
    let mut store = Store::open(path, Clock::System).expect("a fresh store opens");
    let lessons = cemem_corpus::synthetic::lessons(SEED, n_lessons);
    for some in lessons.chunks(AT_ONCE) {
        store.put_lessons(some, "bench", "import", "").expect("the store takes lessons");
    }
    store
}

/// Fills the memory of a project folder and brings its indexes up to it.
///
/// # Panics
/// When the disk does not take it.
pub fn memory(home: &Path, project: &Path, mode: Mode) {
    let place = Home(home.to_owned());
    let resolved = place.resolve(project).expect("the project resolves");
    let store = store(&place.store_path(&resolved), N_LESSONS);
    let mut engine = Engine::new(&place.index_dir(&resolved), semantic(mode));
    engine.catch_up(&store, usize::MAX).expect("the indexes catch up");
}

/// Returns the `cemem` binary built with the same profile as this bench, if it was
/// (`cargo build --release -p cemem-cli`).
#[must_use]
pub fn binary() -> Option<PathBuf> {
    let bench = std::env::current_exe().ok()?;
    let path = bench.parent()?.parent()?.join("cemem");
    path.is_file().then_some(path)
}
