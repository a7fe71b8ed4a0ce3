//! `history/whole` and `history/nothing_new`: a repository of 20,000 commits into a store on disk.
//!
//! The repository is made here, in one pack as after a `git gc`: 400 files in 20 folders, a line or two
//! changed by each commit, every fourth a fix of recent lines with a reason, a few reverts and merges.

use std::hint::black_box;
use std::path::Path;

use cemem_core::{Clock, Store, Timestamp};
use cemem_ingest::{HistoryOptions, Redactor, Report, read_history};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Time};

/// Commits of the repository.
const COMMITS: usize = 20_000;
/// Folders, and files in each.
const WIDTH: usize = 20;
/// Lines of a file.
const LINES: usize = 80;
/// Time of the first commit, in seconds.
const FIRST: i64 = 1_780_000_000;
/// Between two commits, in seconds.
const STEP: i64 = 1200;

fn history(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    make(dir.path()).expect("the repository can be made");
    let mut group = c.benchmark_group("history");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.throughput(Throughput::Elements(COMMITS as u64));
    group.bench_function("whole", |b| {
        b.iter(|| {
            let home = tempfile::tempdir().expect("a temporary folder");
            let report = read(&mut open(home.path()), dir.path());
            assert!(report.events > 1000 && report.error_count == 0, "{report:?}");
            assert!(!report.skipped.contains_key("commit_beyond_time_limit"), "{report:?}");
            black_box(report)
        });
    });
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut store = open(home.path());
    read(&mut store, dir.path());
    group.bench_function("nothing_new", |b| {
        b.iter(|| {
            let report = read(&mut store, dir.path());
            assert_eq!(report.events, 0);
            black_box(report)
        });
    });
    group.finish();
}

fn open(home: &Path) -> Store {
    let now = Timestamp((FIRST + COMMITS as i64 * STEP) * 1000);
    Store::open(&home.join("memory.db"), Clock::Fixed(now)).expect("a fresh store opens")
}

fn read(store: &mut Store, root: &Path) -> Report {
    let redactor = Redactor::new();
    let roots = [root.to_owned()];
    read_history(store, &HistoryOptions::new(&redactor, &roots)).expect("history goes in")
}

/// Makes the repository; its objects are gathered in memory and written as one pack.
fn make(root: &Path) -> Result<(), git2::Error> {
    let repo = Repository::init(root)?;
    let odb = repo.odb()?;
    let memory = odb.add_new_mempack_backend(1000)?;
    let mut files: Vec<Vec<String>> = (0..WIDTH * WIDTH).map(content).collect();
    let mut tree = repo.find_tree(repo.treebuilder(None)?.write()?)?;
    let mut last: Option<Oid> = None;
    let mut earlier = Vec::with_capacity(COMMITS);
    for n in 0..COMMITS {
        // A fix goes back to the file of the commit before it.
        let fix = n % 4 == 3;
        let file = (if fix { n - 1 } else { n }) * 7919 % files.len();
        let line = (if fix { n - 1 } else { n }) * 31 % LINES;
        files[file][line] = format!("    let value_{n} = store.load(\"key {n}\")?;");
        let blob = repo.blob(files[file].join("\n").as_bytes())?;
        let path = format!("dir{:02}/file{:02}.rs", file / WIDTH, file % WIDTH);
        let mut update = TreeUpdateBuilder::new();
        update.upsert(path.as_str(), blob, FileMode::Blob);
        tree = repo.find_tree(update.create_updated(&repo, &tree)?)?;
        let who = Signature::new("Ann", "ann@example.com", &Time::new(FIRST + n as i64 * STEP, 0))?;
        let mut parents: Vec<Oid> = last.into_iter().collect();
        if n % 50 == 49 {
            parents.push(earlier[n - 5]);
        }
        let message = message(n, &earlier);
        let parents: Vec<_> =
            parents.into_iter().map(|p| repo.find_commit(p)).collect::<Result<_, _>>()?;
        let parents: Vec<_> = parents.iter().collect();
        let oid = repo.commit(None, &who, &who, &message, &tree, &parents)?;
        earlier.push(oid);
        last = Some(oid);
    }
    let mut pack = git2::Buf::new();
    memory.dump(&repo, &mut pack)?;
    let mut writer = odb.packwriter()?;
    std::io::Write::write_all(&mut writer, &pack).expect("the pack can be written");
    writer.commit()?;
    let head = last.expect("there are commits");
    let name =
        repo.find_reference("HEAD")?.symbolic_target()?.unwrap_or("refs/heads/main").to_owned();
    repo.reference(&name, head, true, "made")?;
    Ok(())
}

fn message(n: usize, earlier: &[Oid]) -> String {
    match n {
        _ if n % 50 == 49 => format!("Merge pull request #{n} from ann/branch-{n}\n\nStep {n}"),
        _ if n % 200 == 150 => format!(
            "Revert \"step {}\"\n\nThis reverts commit {}.\n\nIt broke the import because key {n} is read twice.",
            n - 10,
            earlier[n - 10]
        ),
        _ if n % 4 == 3 => format!(
            "fix: load key {n} once\n\nThe store was asked for it twice because the cache is filled late."
        ),
        _ => format!("step {n}"),
    }
}

fn content(file: usize) -> Vec<String> {
    (0..LINES).map(|line| format!("    let first_{file}_{line} = {line};")).collect()
}

criterion_group!(benches, history);
criterion_main!(benches);
