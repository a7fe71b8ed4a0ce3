//! `scale`: what a resident process takes with 1,000, 10,000, 100,000 and, when named, 1,000,000 lessons.
//!
//! `cargo bench -p cemem-benches --bench scale -- 1000 10000 100000`. Whole recalls in the default mode, with the
//! history of 200 past tasks in the ranking, on a store and an index on disk, in a process that was started for
//! it. Lessons and their vectors are made up; questions are embedded by the model where `CEMEM_ORT_DYLIB` names
//! its library, else their vectors are made up too. Not criterion: what counts is the slowest few, and a
//! million lessons are made once.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cemem_benches::filled::{self, SEED};
use cemem_benches::measured::{Times, resident};
use cemem_core::clock::Clock;
use cemem_core::{Store, Timestamp};
use cemem_retrieve::rank::{History, Task};
use cemem_retrieve::vectors::graph::{CROSSOVER_ROWS, Graph};
use cemem_retrieve::vectors::{Shelf, graph_file};
use cemem_retrieve::view::View;
use cemem_retrieve::{Embedder, Engine, Mode, Query, Semantic};

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const CALLS: usize = 400;
const PAST_TASKS: usize = 200;
/// With this the suite calls itself to measure in a process that did not fill the memory.
const ASK: &str = "ask";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    if let [ask, dir, size] = args.as_slice()
        && ask == ASK
    {
        return answer(Path::new(dir), size.parse().expect("a number"));
    }
    let named: Vec<usize> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    // `cargo bench -- FILTER` for another suite.
    if named.is_empty() && args.iter().any(|filter| !"scale".starts_with(filter.as_str())) {
        return;
    }
    for size in if named.is_empty() { SIZES.to_vec() } else { named } {
        measure(size);
    }
}

#[expect(clippy::disallowed_methods, reason = "a process of its own, as a server is one")]
fn measure(size: usize) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let began = Instant::now();
    let store = filled::store(&dir.path().join("memory.db"), size);
    let stored = began.elapsed();
    let began = Instant::now();
    let index = dir.path().join("index");
    let mut engine = Engine::new(&index, filled::semantic(mode()));
    engine.catch_up(&store, usize::MAX).expect("the indexes catch up");
    tell(&format!(
        "{size} lessons: stored in {stored:.1?}, indexed in {:.1?} without embedding, {:.0} MB of indexes",
        began.elapsed(),
        bytes(&index) as f64 / 1e6
    ));
    build(&engine.view(&store, mode(), &mut Vec::new()).expect("the index opens"), size);
    drop((engine, store));
    let this = std::env::current_exe().expect("this program is somewhere");
    let done = Command::new(this).arg(ASK).arg(dir.path()).arg(size.to_string()).status();
    assert!(done.expect("it starts").success(), "measuring {size} lessons failed");
}

/// The default mode of recall, without vectors where there is no model.
fn mode() -> Mode {
    if filled::runtime().is_some() { Mode::Full } else { Mode::Lexical }
}

/// Asks a memory that lies in `dir`.
fn answer(dir: &Path, size: usize) {
    let mut store = Store::open(&dir.join("memory.db"), Clock::System).expect("the store opens");
    let semantic = filled::semantic(mode());
    let embedder = match &semantic {
        Semantic::Custom(embedder) => Some(Arc::clone(embedder)),
        _ => None,
    };
    let mut engine = Engine::new(&dir.join("index"), semantic);
    let view = engine.view(&store, mode(), &mut Vec::new()).expect("the index opens");
    let texts = cemem_corpus::queries(SEED, 64 + PAST_TASKS);
    let history = Arc::new(past(&engine, &texts[64..], size));
    let ask = |text: &String| Query {
        mode: mode(),
        history: Some(Arc::clone(&history)),
        ..Query::new(text.as_str())
    };
    let mut timed = |name: &str, calls: usize| {
        let times = texts[..64].iter().cycle().take(calls).map(|text| {
            let began = Instant::now();
            engine.recall(&store, &ask(text)).expect("recall answers");
            began.elapsed()
        });
        percentiles(&format!("scale/{size}/{name}"), times.collect());
    };
    timed("first 64 recalls", 64);
    if many(&view).is_some() {
        timed("warm recall, every row", 64);
        lay(&view, size);
        timed("first 64 then", 64);
    }
    timed("warm recall", CALLS);
    if let Some(embedder) = embedder {
        embedding(embedder.as_ref(), &texts[..64], size);
    }
    tell(&format!("scale/{size}/resident {:.0} MB", resident(std::process::id())));
    let fresh = cemem_corpus::synthetic::lessons(SEED + 1, 20);
    let mut put = Vec::new();
    let mut seen = Vec::new();
    for lesson in &fresh {
        let began = Instant::now();
        store
            .put_lessons(std::slice::from_ref(lesson), "bench", "import", "")
            .expect("it is taken");
        put.push(began.elapsed());
        let began = Instant::now();
        engine.catch_up(&store, 8).expect("the indexes catch up");
        seen.push(began.elapsed());
    }
    percentiles(&format!("scale/{size}/one lesson stored"), put);
    percentiles(&format!("scale/{size}/one lesson indexed"), seen);
}

/// Returns the vectors of a view, where there are enough for a graph to pay.
fn many(view: &View) -> Option<&Shelf> {
    view.shelf().filter(|shelf| shelf.rows() as usize >= CROSSOVER_ROWS)
}

/// Builds and saves the graph of a view with many vectors, as the first resident process does.
fn build(view: &View, size: usize) {
    let Some(shelf) = many(view) else { return };
    let began = Instant::now();
    let graph = Graph::build(shelf);
    let built = began.elapsed();
    let began = Instant::now();
    graph_file::save(&graph, shelf.folder(), shelf.dim()).expect("the graph is saved");
    let (saved, mb) = (began.elapsed(), bytes(shelf.folder()) as f64 / 1e6);
    tell(&format!("scale/{size}/graph built in {built:.1?}, saved in {saved:.1?}; {mb:.0} MB"));
}

/// Reads the graph of a view with many vectors and lays it over them, as every later one does.
fn lay(view: &View, size: usize) {
    let Some(shelf) = many(view) else { return };
    let began = Instant::now();
    // Where a run was ended while it built the graph, the rest can still be asked: `scale ask FOLDER SIZE`.
    let Some(graph) = graph_file::load(shelf.folder(), shelf.dim()) else {
        return tell(&format!("scale/{size}/no graph is saved"));
    };
    tell(&format!("scale/{size}/graph read in {:.1?}", began.elapsed()));
    view.lay(&Arc::new(graph));
}

/// What the model takes of each recall.
fn embedding(embedder: &dyn Embedder, texts: &[String], size: usize) {
    let times = texts.iter().cycle().take(CALLS).map(|text| {
        let began = Instant::now();
        embedder.embed(&[text.as_str()]).expect("the model answers");
        began.elapsed()
    });
    percentiles(&format!("scale/{size}/of that, embedding"), times.collect());
}

/// Past tasks, each of which five lessons helped.
fn past(engine: &Engine, texts: &[String], size: usize) -> History {
    let lessons = cemem_corpus::synthetic::lessons(SEED, size.min(1_000));
    let task = |(n, text): (usize, &String)| Task {
        at: Timestamp(1_700_000_000_000 + n as i64 * 3_600_000),
        words: engine.words(text),
        used: (0..5).map(|i| (lessons[(n * 5 + i) % lessons.len()].id.clone(), true)).collect(),
    };
    History::new(texts.iter().enumerate().map(task).collect())
}

fn percentiles(name: &str, times: Vec<Duration>) {
    let times = Times::new(times);
    tell(&format!("{name:<34} p50 {:>8.2} ms   p95 {:>8.2} ms", times.ms(0.5), times.ms(0.95)));
}

#[expect(clippy::print_stdout, reason = "printing is all it is for")]
fn tell(line: &str) {
    println!("{line}");
}

/// Size of everything in a folder.
fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.path() {
            path if path.is_dir() => bytes(&path),
            path => path.metadata().map_or(0, |meta| meta.len()),
        })
        .sum()
}
