//! `anchors/first`, `anchors/moved` and `anchors/nothing_new`: 10,000 lessons in a repository of
//! 5,000 files.
//!
//! Every lesson names a function of one file. `first` fills all anchors; for `moved` every tenth file
//! has changed since, a fifth of those in the function's definition, and every fiftieth file has
//! another name; `nothing_new` looks again at the same commit.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use cemem_core::exchange::from_line;
use cemem_core::{Clock, Store, Timestamp};
use cemem_ingest::Redactor;
use cemem_ingest::anchors::{LookOptions, Looked, look};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Time};
use serde_json::json;

/// Files of the repository.
const FILES: usize = 5_000;
/// Lessons.
const LESSONS: usize = 10_000;
/// Functions of a file.
const FUNCTIONS: usize = 40;
/// Time of the first commit, in seconds; all lessons were said a day and a half later, and the code
/// changed after another.
const FIRST: i64 = 1_780_000_000;
const DAY: i64 = 24 * 3600;

fn anchors(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let repo = Repository::init_bare(dir.path()).expect("a repository can be made");
    let first = commit(&repo, None).expect("the first commit");
    let second = commit(&repo, Some(first)).expect("the second commit");
    let home = tempfile::tempdir().expect("a temporary folder");
    let filled = home.path().join("filled.db");
    at(&repo, first);
    let all = run(&mut learn(&filled), dir.path());
    assert_eq!((all.lessons, all.fresh), (LESSONS, LESSONS), "{all:?}");

    let mut group = c.benchmark_group("anchors");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.throughput(Throughput::Elements(LESSONS as u64));
    let mut n = 0;
    group.bench_function("first", |b| {
        b.iter_batched(
            || {
                n += 1;
                learn(&home.path().join(format!("{n}.db")))
            },
            |mut store| black_box(run(&mut store, dir.path())),
            criterion::BatchSize::PerIteration,
        );
    });
    at(&repo, second);
    group.bench_function("moved", |b| {
        b.iter_batched(
            || {
                n += 1;
                let copy = home.path().join(format!("{n}.db"));
                std::fs::copy(&filled, &copy).expect("a store can be copied");
                open(&copy)
            },
            |mut store| {
                let looked = run(&mut store, dir.path());
                assert!(looked.drifted > 0 && looked.moved > 0 && looked.gone == 0, "{looked:?}");
                black_box(looked)
            },
            criterion::BatchSize::PerIteration,
        );
    });
    let mut store = open(&filled);
    run(&mut store, dir.path());
    group.bench_function("nothing_new", |b| {
        b.iter(|| {
            let looked = run(&mut store, dir.path());
            assert_eq!(looked.lessons, 0);
            black_box(looked)
        });
    });
    group.finish();
}

fn at(repo: &Repository, commit: Oid) {
    repo.set_head_detached(commit).expect("the commit is there");
}

fn open(path: &Path) -> Store {
    let now = Timestamp((FIRST + 10 * DAY) * 1000);
    Store::open(path, Clock::Fixed(now)).expect("a store opens")
}

/// A store with all lessons, none looked at.
fn learn(path: &Path) -> Store {
    let mut store = open(path);
    let said = Timestamp((FIRST + DAY * 3 / 2) * 1000).to_string();
    let lesson = |n: usize| {
        let rule = format!("Call `step_{}_{}` first.", n % FILES, n / FILES);
        let line = json!({
            "id": format!("L-{n:08x}"), "rule": rule, "reviewed": false,
            "anchors": [{ "path": path_of(n % FILES) }],
            "applies_when": { "paths": [path_of(n % FILES)] },
            "evidence": [{ "engine": "bench", "quote": rule, "turn_ts": said }],
        });
        from_line(&line.to_string(), "bench", n, Timestamp(0)).expect("a lesson").lesson
    };
    let lessons: Vec<_> = (0..LESSONS).map(lesson).collect();
    store.put_lessons(&lessons, "import", "import", "").expect("the store can be written");
    store
}

fn run(store: &mut Store, root: &Path) -> Looked {
    let redactor = Redactor::new();
    let roots: [PathBuf; 1] = [root.to_owned()];
    let looked = look(store, &LookOptions::new(&redactor, &roots)).expect("the code can be read");
    assert!(looked.complete && looked.not_checked.is_none(), "{looked:?}");
    looked
}

fn path_of(file: usize) -> String {
    format!("crates/part_{}/src/file_{file}.rs", file % 50)
}

fn text_of(file: usize, later: bool) -> String {
    (0..FUNCTIONS)
        .map(|n| {
            let more = if later && file.is_multiple_of(50) && n == 0 { ", more: u8" } else { "" };
            let body = if later { "other" } else { "compute" };
            format!("/// Step {n}.\npub fn step_{file}_{n}(input: &str{more}) -> u64 {{\n    {body}(input, {n})\n}}\n\n")
        })
        .collect()
}

/// Commits the code as it is at first, or as it is later.
fn commit(repo: &Repository, parent: Option<Oid>) -> Result<Oid, git2::Error> {
    let later = parent.is_some();
    let parent = parent.map(|id| repo.find_commit(id)).transpose()?;
    let base = match &parent {
        Some(parent) => parent.tree()?,
        None => repo.find_tree(repo.treebuilder(None)?.write()?)?,
    };
    let mut update = TreeUpdateBuilder::new();
    for file in (0..FILES).filter(|file| !later || file.is_multiple_of(10)) {
        let blob = repo.blob(text_of(file, later).as_bytes())?;
        update.upsert(path_of(file), blob, FileMode::Blob);
    }
    for file in (0..FILES).filter(|file| later && file % 50 == 7) {
        update.remove(path_of(file));
        let blob = repo.blob(text_of(file, false).as_bytes())?;
        update.upsert(path_of(file).replace("file_", "renamed_"), blob, FileMode::Blob);
    }
    let tree = repo.find_tree(update.create_updated(repo, &base)?)?;
    let time = Time::new(FIRST + if later { 4 * DAY } else { 0 }, 0);
    let who = Signature::new("Ann", "ann@example.com", &time)?;
    let parents: Vec<_> = parent.iter().collect();
    repo.commit(None, &who, &who, "code", &tree, &parents)
}

criterion_group!(benches, anchors);
criterion_main!(benches);
