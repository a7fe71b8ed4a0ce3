//! `reviews/sarif`: a report of 100,000 results; `reviews/todos`: a folder of 132 notes.
//!
//! Reports are made up, in the shape CodeQL and compound engineering write them. `read` is parse and
//! normalise on one core; `stored` is the whole way into a fresh store, candidates included.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use cemem_core::{Clock, Store};
use cemem_ingest::read::read;
use cemem_ingest::{IngestOptions, Input, NoProgress, Redactor, ingest};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};

const RESULTS: usize = 100_000;
const SHEETS: usize = 132;

fn reviews(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let report = dir.path().join("report.sarif");
    std::fs::write(&report, sarif()).expect("the report can be written");
    let todos = dir.path().join("todos");
    std::fs::create_dir(&todos).expect("a folder for todos");
    for n in 0..SHEETS {
        let name = format!("{n:03}-pending-p{}-check-{n}.md", 1 + n % 3);
        std::fs::write(todos.join(name), todo(n)).expect("a todo can be written");
    }
    let redactor = Redactor::new();
    let mut group = c.benchmark_group("reviews");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.bench_function("sarif/read", |b| {
        b.iter(|| {
            let done = read(&report, None, &redactor, &mut |batch| drop(black_box(batch)));
            assert_eq!(done.events, RESULTS as u64);
        });
    });
    for (name, path) in [("sarif/stored", &report), ("todos/stored", &todos)] {
        group.bench_function(name, |b| b.iter(|| stored(path, &redactor)));
    }
    group.finish();
}

fn stored(path: &Path, redactor: &Redactor) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut store =
        Store::open(&home.path().join("memory.db"), Clock::System).expect("a fresh store opens");
    let options = IngestOptions { roots: &[], redactor, progress: &NoProgress, threads: 0 };
    let report = ingest(&mut store, &[Input::named(path)], &options).expect("the reports go in");
    assert!(report.events_new > 0, "{report:?}");
}

fn sarif() -> String {
    let mut out = String::from(
        "{\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{\"name\":\"CodeQL\",\"rules\":[",
    );
    for rule in 0..200 {
        let comma = if rule == 0 { "" } else { "," };
        write!(out, "{comma}{{\"id\":\"rs/rule-{rule}\",\"shortDescription\":{{\"text\":\"Rule {rule}\"}},\"properties\":{{\"security-severity\":\"7.5\"}}}}")
            .expect("writing to a string cannot fail");
    }
    out.push_str("]}},\"results\":[");
    for n in 0..RESULTS {
        let comma = if n == 0 { "" } else { "," };
        let (rule, file, line) = (n % 200, n / 50, n % 900 + 1);
        write!(
            out,
            "{comma}{{\"ruleId\":\"rs/rule-{rule}\",\"ruleIndex\":{rule},\"level\":\"warning\",\
             \"message\":{{\"text\":\"The value of `input_{n}` reaches a query without a check.\"}},\
             \"locations\":[{{\"physicalLocation\":{{\"artifactLocation\":{{\"uri\":\"src/module_{file}/handler.rs\",\
             \"uriBaseId\":\"%SRCROOT%\"}},\"region\":{{\"startLine\":{line},\"startColumn\":9,\"endColumn\":31,\
             \"snippet\":{{\"text\":\"let rows = db.query(input_{n})?;\"}}}}}}}}],\
             \"partialFingerprints\":{{\"primaryLocationLineHash\":\"{n:016x}:1\"}}}}"
        )
        .expect("writing to a string cannot fail");
    }
    out.push_str("]}]}");
    out
}

fn todo(n: usize) -> String {
    format!(
        "---\nstatus: pending\npriority: p{}\nissue_id: \"{n:03}\"\ntags: [code-review, rust]\n\
         dependencies: []\n---\n\n# Check the bounds of handler {n}\n\n## Problem Statement\n\n\
         `src/handlers/h{n}.rs:{}` reads past the end when the list is empty.\n\n## Findings\n\n- seen \
         in the review of handler {n}\n\n## Proposed Solutions\n\n### Option A\n\nReturn early.\n\n\
         ## Recommended Action\n\nOption A.\n\n## Acceptance Criteria\n\n- [ ] a test with an empty list\n",
        1 + n % 3,
        n + 1
    )
}

criterion_group!(benches, reviews);
criterion_main!(benches);
