//! Consolidation: `consolidate/10000_candidates` (into 10,000 lessons), `consolidate/one_session`
//! (what a session adds, into 1,000 and 10,000 lessons), `consolidate/nothing_new`.
//!
//! Words only, reading, planning and writing together, on a store on disk. The candidates are made
//! up; their words are as skewed as real ones, so that as many pairs have to be compared.

use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::clock::Clock;
use cemem_core::store::LessonFilter;
use cemem_core::{Candidate, Store, Timestamp};
use cemem_corpus::synthetic::put_candidates;
use cemem_ingest::consolidate::consolidate;
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};

const SEED: u64 = 11;
const SIZES: [usize; 2] = [1_000, 10_000];
/// Candidates that one session holds.
const OF_ONE_SESSION: usize = 8;
const NOW: Clock = Clock::Fixed(Timestamp(1_800_000_000_000));

/// A consolidated store and candidates it has not met.
struct Memory {
    dir: tempfile::TempDir,
    path: PathBuf,
    fresh: Vec<Candidate>,
}

impl Memory {
    /// Makes candidates until so many of them became lessons, and keeps `n_fresh` more aside.
    fn new(n_lessons: usize, n_fresh: usize) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("memory.db");
        let mut store = Store::open(&path, NOW).expect("a fresh store opens");
        let all = cemem_corpus::candidates(SEED, 4 * n_lessons + n_fresh);
        let step = n_lessons / 2 / OF_ONE_SESSION * OF_ONE_SESSION;
        let mut used = 0;
        while store.lessons(&LessonFilter::default()).expect("readable").len() < n_lessons {
            put_candidates(&mut store, &all[used..used + step]).expect("the store takes them");
            used += step;
            consolidate(&mut store, None).expect("the pass runs");
        }
        // As any memory after the second `ingest`: a pass has found that there is nothing to do.
        let (plan, _) = consolidate(&mut store, None).expect("the pass runs");
        assert!(plan.is_empty());
        let fresh = all[used..used + n_fresh].to_vec();
        Self { dir, path, fresh }
    }

    /// Returns a copy of the store that holds `n` new candidates, with what passes keep beside it.
    fn copy(&self, name: &Path, n: usize) -> Store {
        let path = self.dir.path().join(name);
        for extension in ["db", "pass"] {
            let file = self.path.with_extension(extension);
            let copy = path.with_extension(extension);
            fs::copy(file, &copy).expect("a store can be copied");
            // Or the pass would wait for the copy to reach the disk.
            fs::File::open(copy).and_then(|copy| copy.sync_all()).expect("a copy can be synced");
        }
        let mut store = Store::open(&path, NOW).expect("the copy opens");
        put_candidates(&mut store, &self.fresh[..n]).expect("the store takes them");
        store
    }
}

fn suite(c: &mut Criterion) {
    let mut group = c.benchmark_group("consolidate");
    group.sample_size(10);
    for size in SIZES {
        let memory = Memory::new(size, 10_000);
        let mut run = |name: &str, n: usize| {
            group.bench_function(BenchmarkId::new(name, size), |b| {
                b.iter_batched(
                    || memory.copy(Path::new("copy.db"), n),
                    |mut store| consolidate(&mut store, None).expect("the pass runs"),
                    BatchSize::PerIteration,
                );
            });
        };
        run("nothing_new", 0);
        run("one_session", OF_ONE_SESSION);
        if size == 10_000 {
            run("10000_candidates", 10_000);
        }
    }
    group.finish();
}

criterion_group!(benches, suite);
criterion_main!(benches);
