//! `remember`: an acknowledged, durable write into a store of 10,000 lessons.
//!
//! Measures what a person waits for inside the process; the index is not touched, it catches up on
//! the next recall.

use cemem_core::Store;
use cemem_core::clock::Clock;
use cemem_core::lesson::Lesson;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const N_LESSONS: usize = 10_000;

fn remember(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut store =
        Store::open(&dir.path().join("memory.db"), Clock::System).expect("a fresh store opens");
    let lessons = cemem_corpus::synthetic::lessons(7, N_LESSONS);
    store.put_lessons(&lessons, "bench", "import", "").expect("the store takes lessons");
    let mut n = 0_u64;
    c.bench_function("remember", |b| {
        b.iter_batched(
            || {
                n += 1;
                let rule = format!("{} (take {n})", lessons[n as usize % N_LESSONS].rule);
                Lesson { rule, ..lessons[n as usize % N_LESSONS].clone() }
            },
            |lesson| store.remember(lesson, false).expect("the store takes the lesson"),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, remember);
criterion_main!(benches);
