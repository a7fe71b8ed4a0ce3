//! Reports through a whole run, into a store and back.

use std::collections::BTreeSet;
use std::path::Path;

use cemem_core::finding::FindingStatus;
use cemem_core::store::SessionRef;
use cemem_core::{Clock, EventKind, Store, Timestamp};

use super::testing::fixture;
use crate::pipeline::{IngestOptions, Input, ingest};
use crate::redact::Redactor;
use crate::report::NoProgress;

fn store() -> Store {
    Store::open_in_memory(Clock::Fixed(Timestamp(1_760_000_000_000))).unwrap()
}

/// Returns events found and new.
fn run(store: &mut Store, path: &Path) -> (u64, u64) {
    let redactor = Redactor::new();
    let options =
        IngestOptions { redactor: &redactor, roots: &[], progress: &NoProgress, threads: 1 };
    let report = ingest(store, &[Input::named(path)], &options).unwrap();
    assert_eq!(report.errors, []);
    (report.events, report.events_new)
}

#[test]
fn a_report_again_adds_nothing_and_a_changed_thread_adds_its_state() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store();
    let put = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let sarif = put("r.sarif", &fixture("codeql.sarif"));
    assert_eq!(run(&mut store, &sarif), (4, 4));
    let again = put("r.sarif", &(fixture("codeql.sarif") + "\n"));
    assert_eq!(run(&mut store, &again), (4, 0), "rewritten, the same");
    let rest = put("rest.json", &fixture("github-rest-comments.json"));
    assert_eq!(run(&mut store, &rest), (3, 3));
    let copy = put("copy.json", &fixture("github-rest-comments.json"));
    assert_eq!(run(&mut store, &copy), (3, 0), "the same comments in two dumps");
    // The dump with threads says more: one is resolved by now, the other is known as it is.
    let threads = put("threads.json", &fixture("github-threads.json"));
    assert_eq!(run(&mut store, &threads), (2, 1));
    let session = SessionRef { engine: "github".into(), id: "o/r#7".into() };
    let events = store.session_events(&session).unwrap();
    let last = events.iter().rfind(|e| e.event.row_id == "discussion_r2738967483").unwrap();
    let EventKind::Finding(finding) = &last.event.kind else { panic!("{last:?}") };
    assert_eq!(finding.status, FindingStatus::Resolved);
}

#[test]
fn a_large_report_comes_in_several_batches() {
    let results = (0..30_000).map(|i| {
        format!(r#"{{"ruleId":"r/{}","message":{{"text":"Value {i} is odd."}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"src/{i}.c"}},"region":{{"startLine":{i}}}}}}}]}}"#, i % 7)
    });
    let results: Vec<String> = results.collect();
    let text = format!(
        r#"{{"version":"2.1.0","runs":[{{"results":[{}],"tool":{{"driver":{{"name":"T"}}}}}}]}}"#,
        results.join(",")
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.sarif");
    std::fs::write(&path, text).unwrap();
    let (mut batches, mut keys, mut unfinished) = (0, BTreeSet::new(), 0);
    let read = crate::read::read(&path, None, &Redactor::new(), &mut |batch| {
        batches += 1;
        unfinished += u32::from(batch.cursor.mtime_ns == -1);
        let events = batch.sessions.into_iter().flat_map(|(_, events)| events);
        keys.extend(events.map(|e| e.key));
    });
    assert_eq!((read.events, keys.len()), (30_000, 30_000));
    assert!(batches > 1 && unfinished == batches - 1, "{batches} {unfinished}");
    let mut store = store();
    assert_eq!(run(&mut store, &path), (30_000, 30_000));
    assert_eq!(run(&mut store, &path), (0, 0), "unchanged");
}
