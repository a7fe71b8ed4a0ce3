//! Recall: `recall/warm` (in process), `recall/cold` (the whole process), `vectors` (exact against
//! graph).
//!
//! The model takes part where the environment variable `CEMEM_ORT_DYLIB` names an ONNX Runtime library; the
//! lexical figures need nothing. `recall/cold` runs the `cemem` binary that lies beside
//! the bench (`cargo build --release -p cemem-cli` first).

use std::process::{Command, Stdio};
use std::sync::Arc;

use cemem_benches::filled::{N_LESSONS, SEED, binary, runtime, semantic, store};
use cemem_core::project::Home;
use cemem_retrieve::vectors::exact::Exact;
use cemem_retrieve::vectors::graph::{Graph, Laid};
use cemem_retrieve::vectors::{LessonVectors, Shelf, VectorIndex as _, quantise, shelf};
use cemem_retrieve::{Engine, Mode, Query};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn modes() -> Vec<Mode> {
    match runtime() {
        Some(_) => vec![Mode::Lexical, Mode::Hybrid],
        None => vec![Mode::Lexical],
    }
}

fn warm(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let store = store(&dir.path().join("memory.db"), N_LESSONS);
    let queries = cemem_corpus::queries(SEED, 64);
    let mut group = c.benchmark_group("recall/warm");
    for mode in modes() {
        let mut next = queries.iter().cycle();
        // Inside, so that a filter on the command line skips the work.
        group.bench_function(mode.as_str(), |b| {
            let mut engine = Engine::new(&dir.path().join("index"), semantic(mode));
            engine.catch_up(&store, usize::MAX).expect("the indexes catch up");
            b.iter(|| {
                let text = next.next().expect("a cycle never ends").as_str();
                engine.recall(&store, &Query { mode, ..Query::new(text) }).expect("recall answers")
            });
        });
    }
    group.finish();
}

#[expect(clippy::disallowed_methods, reason = "the figure is that of the whole process")]
fn cold(c: &mut Criterion) {
    let Some(cemem) = binary() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (home, project) = (dir.path().join("home"), dir.path().join("project"));
    std::fs::create_dir_all(&project).expect("a folder can be made");
    let place = Home(home.clone());
    let resolved = place.resolve(&project).expect("the project resolves");
    let store = store(&place.store_path(&resolved), N_LESSONS);
    let mut group = c.benchmark_group("recall/cold");
    group.sample_size(20);
    for mode in modes() {
        let run = || {
            let mut command = Command::new(&cemem);
            command.args(["recall", "auth token refresh bug", "--json"]);
            if mode == Mode::Lexical {
                command.arg("--no-semantic");
            }
            command.current_dir(&project).env("CEMEM_HOME", &home);
            let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            assert!(done.expect("cemem starts").success(), "recall failed");
        };
        group.bench_function(mode.as_str(), |b| {
            let mut engine = Engine::new(&place.index_dir(&resolved), semantic(mode));
            engine.catch_up(&store, usize::MAX).expect("the indexes catch up");
            b.iter(run);
        });
    }
    group.finish();
}

/// Returns clustered vectors, like those of texts on a few hundred topics.
fn vectors(n: usize, dim: usize) -> Vec<Vec<f32>> {
    let mut state = SEED | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        #[expect(clippy::cast_precision_loss, reason = "only the rough size matters")]
        let value = (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0;
        value
    };
    let centres: Vec<Vec<f32>> = (0..300).map(|_| (0..dim).map(|_| random()).collect()).collect();
    (0..n)
        .map(|i| {
            let raw: Vec<f32> = centres[i % 300].iter().map(|c| c + 0.9 * random()).collect();
            let norm = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
            raw.into_iter().map(|x| x / norm).collect()
        })
        .collect()
}

const DIM: usize = 384;
const K: usize = 10;

/// A shelf of made-up vectors, queries near them, and the graph over it.
struct Field {
    _dir: tempfile::TempDir,
    shelf: Shelf,
    graph: Laid,
    queries: Vec<Vec<f32>>,
}

#[expect(clippy::print_stderr, reason = "the overlap belongs to the figures")]
fn field(n: usize) -> Field {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut rows = vectors(n + 50, DIM);
    let queries = rows.split_off(n);
    let lessons: Vec<LessonVectors> = (0_u64..)
        .zip(&rows)
        .map(|(key, v)| LessonVectors { key, hash: key, rows: vec![quantise(v)] })
        .collect();
    let open = || Shelf::open(dir.path(), "bench", Some(DIM)).expect("the shelf opens");
    shelf::reset(dir.path(), "bench", DIM, "store").expect("the shelf is made");
    shelf::append(open(), &lessons, open().watermark().clone()).expect("the shelf takes vectors");
    let shelf = open();
    let started = std::time::Instant::now();
    let graph = Laid::new(&Arc::new(Graph::build(&shelf)), &shelf);
    let built = started.elapsed();
    let near = graph.over(&shelf);
    let mut same = 0;
    for query in &queries {
        let truth = Exact(&shelf).search(query, K, &|_| true);
        let found = near.search(query, K, &|_| true);
        same += truth.iter().filter(|t| found.iter().any(|f| f.row == t.row)).count();
    }
    eprintln!("{n} vectors: graph built in {built:.1?}, top-{K} overlap {same}/{}", K * 50);
    drop(near);
    Field { _dir: dir, shelf, graph, queries }
}

fn crossover(c: &mut Criterion) {
    let mut group = c.benchmark_group("vectors");
    group.sample_size(20);
    for n in [1_000, 10_000, 100_000] {
        // Both benches of a size share one field, made when the first of them runs.
        let shared = std::cell::OnceCell::new();
        group.bench_function(BenchmarkId::new("exact", n), |b| {
            let field = shared.get_or_init(|| field(n));
            let mut next = field.queries.iter().cycle();
            let exact = Exact(&field.shelf);
            b.iter(|| exact.search(next.next().expect("a cycle never ends"), K, &|_| true));
        });
        group.bench_function(BenchmarkId::new("graph", n), |b| {
            let field = shared.get_or_init(|| field(n));
            let mut next = field.queries.iter().cycle();
            let graph = field.graph.over(&field.shelf);
            b.iter(|| graph.search(next.next().expect("a cycle never ends"), K, &|_| true));
        });
    }
    group.finish();
}

criterion_group!(benches, warm, cold, crossover);
criterion_main!(benches);
