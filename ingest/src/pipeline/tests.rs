//! Whole runs over folders, good and bad.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use cemem_core::{Clock, Timestamp};

use super::*;
use crate::report::NoProgress;

static REDACTOR: LazyLock<Redactor> = LazyLock::new(Redactor::new);

fn store() -> Store {
    Store::open_in_memory(Clock::Fixed(Timestamp(1_760_000_000_000))).unwrap()
}

fn run(store: &mut Store, inputs: &[Input]) -> Report {
    let options =
        IngestOptions { roots: &[], redactor: &REDACTOR, progress: &NoProgress, threads: 2 };
    ingest(store, inputs, &options).unwrap()
}

fn session(id: &str, rows: u32) -> String {
    (0..rows)
        .map(|n| format!("{{\"type\":\"user\",\"uuid\":\"{id}-{n}\",\"sessionId\":\"{id}\",\"timestamp\":\"2026-01-22T05:17:{n:02}.000Z\",\"message\":{{\"content\":\"prompt {n}\"}}}}\n"))
        .collect()
}

fn put(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_same_input_twice_adds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    put(&dir.path().join("a.jsonl"), session("a", 5));
    put(&dir.path().join("copy/a-again.jsonl"), session("a", 7));
    put(
        &dir.path().join("docs/solutions/x.md"),
        "---\nproblem_type: build_error\n---\n# T\n\nUse make.\n",
    );
    let mut store = store();
    let inputs = [Input::named(dir.path())];
    let first = run(&mut store, &inputs);
    assert_eq!((first.files, first.files_read, first.events, first.events_new), (3, 3, 13, 8));
    let counts = store.counts().unwrap();
    let second = run(&mut store, &inputs);
    assert_eq!((second.files, second.files_read, second.events_new), (3, 0, 0));
    assert_eq!((second.candidates, store.counts().unwrap()), (0, counts));
}

#[test]
fn bad_neighbours_do_not_lose_the_good_ones() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    put(&at("good.jsonl"), session("g", 3));
    put(&at("flawed.jsonl"), session("f", 2) + "nonsense\n" + &session("f2", 1));
    put(&at("empty.jsonl"), "");
    put(&at("noise.bin.txt"), [0_u8; 3000]);
    put(&at("picture.png"), "not opened");
    put(&at("node_modules/x.jsonl"), session("hidden", 1));
    put(&at("README.md"), "# Hello\n");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(dir.path(), at("loop")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        std::os::unix::fs::symlink(at("good.jsonl"), at("link.jsonl")).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    }
    let mut store = store();
    let report = run(&mut store, &[Input::named(dir.path()), Input::named(at("missing.jsonl"))]);
    assert_eq!((report.files, report.events_new), (2, 6));
    assert_eq!(report.skipped["empty_file"], 1);
    assert_eq!(report.skipped["binary_file"], 1);
    assert_eq!(report.skipped["other_file"], 1);
    assert_eq!(report.skipped["unrecognised_file"], 1);
    assert_eq!(report.skipped["malformed_line"], 1);
    let told: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|e| e.ends_with("flawed.jsonl:3: not a JSON object")), "{told:?}");
    assert!(told.iter().any(|e| e.ends_with("missing.jsonl: file not found")), "{told:?}");
    #[cfg(unix)]
    assert_eq!(report.skipped["not_a_file"], 3);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_named_and_the_rest_goes_in() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let closed = dir.path().join("closed.jsonl");
    put(&closed, session("c", 2));
    put(&dir.path().join("open.jsonl"), session("o", 2));
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let report = run(&mut store(), &[Input::named(dir.path())]);
    // Root may read everything; then there is nothing to refuse.
    let refused = fs::File::open(&closed).is_err();
    assert_eq!(report.events_new, if refused { 2 } else { 4 });
    assert_eq!(report.error_count, u64::from(refused));
    if refused {
        assert_eq!(report.errors[0].message, "permission denied");
    }
}

#[test]
fn a_named_file_that_is_no_session_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.md");
    put(&path, "# Hello\n");
    let report = run(&mut store(), &[Input::named(&path)]);
    assert_eq!(report.errors[0].message, "no session format that is known");
    let report = run(&mut store(), &[Input::discovered(dir.path().join("gone"))]);
    assert!(report.errors.is_empty());
}

#[test]
fn a_folder_of_unrelated_files_is_passed_quickly() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..2000 {
        put(&dir.path().join(format!("{}/f{n}.txt", n % 10)), format!("file {n}"));
    }
    let report = run(&mut store(), &[Input::named(dir.path())]);
    assert_eq!(
        (report.files, report.skipped["unrecognised_file"], report.error_count),
        (0, 2000, 0)
    );
}

#[test]
fn an_edited_document_replaces_its_older_self() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("docs/solutions/x.md");
    let text = |rule: &str| {
        format!("---\nproblem_type: build_error\ntitle: T\n---\n## Solution\n\n{rule}\n")
    };
    put(&path, text("Use make test before you commit anything here."));
    let mut store = store();
    run(&mut store, &[Input::named(dir.path())]);
    put(&path, text("Use cargo nextest before you commit anything here."));
    run(&mut store, &[Input::named(dir.path())]);
    let live = |store: &Store| {
        let live = store.candidates(cemem_core::store::CandidateFilter::Live).unwrap();
        live.iter().map(|c| c.candidate.rule.clone()).collect::<Vec<_>>()
    };
    assert_eq!(live(&store), ["Use cargo nextest before you commit anything here."]);
    // Taken back: the words are old, the document is not.
    put(&path, text("Use make test before you commit anything here."));
    let report = run(&mut store, &[Input::named(dir.path())]);
    assert_eq!(report.events_new, 1);
    assert_eq!(live(&store), ["Use make test before you commit anything here."]);
    assert_eq!(run(&mut store, &[Input::named(dir.path())]).events_new, 0);
}

#[test]
fn an_edited_document_changes_its_lesson() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("docs/solutions/x.md");
    let mut store = store();
    for tool in ["make", "cargo nextest", "make"] {
        put(
            &path,
            format!(
                "---\nproblem_type: build_error\ntitle: Tests\n---\n## Solution\n\nUse {tool} before you \
                 commit anything here.\n"
            ),
        );
        run(&mut store, &[Input::named(dir.path())]);
        crate::consolidate::consolidate(&mut store, None).unwrap();
        let all = store.lessons(&cemem_core::store::LessonFilter::default()).unwrap();
        let active: Vec<_> = all
            .iter()
            .filter(|l| l.status == cemem_core::LessonStatus::Active)
            .map(|l| l.rule.as_str())
            .collect();
        assert_eq!(active, [format!("Use {tool} before you commit anything here.")]);
    }
}

#[test]
fn documents_of_one_name_in_two_places_are_two() {
    let dir = tempfile::tempdir().unwrap();
    let text = |rule: &str| {
        format!("---\nproblem_type: build_error\ntitle: {rule}\n---\n## Solution\n\n{rule}\n")
    };
    let places = ["app/packages/a", "app/packages/b", "other", "plain/c", "plain/d"];
    for (place, tool) in places.iter().zip(["make", "just", "ninja", "bazel", "gradle"]) {
        let path = dir.path().join(place).join("docs/solutions/x.md");
        put(&path, text(&format!("Use {tool} before you commit anything here.")));
    }
    put(&dir.path().join("app/.git/HEAD"), "ref: refs/heads/main\n");
    put(&dir.path().join("other/.git/HEAD"), "ref: refs/heads/main\n");
    // Another work tree of the first: the same documents.
    let link = dir.path().join("app/.git/worktrees/fix");
    put(&dir.path().join("fix/.git"), format!("gitdir: {}\n", link.display()));
    let copy = dir.path().join("fix/packages/a/docs/solutions/x.md");
    put(&copy, text("Use make before you commit anything here."));
    let mut store = store();
    let report = run(&mut store, &[Input::named(dir.path())]);
    assert_eq!((report.files_read, report.events_new), (6, 5));
    let live = store.candidates(cemem_core::store::CandidateFilter::Live).unwrap();
    assert_eq!(live.len(), 5);
}

#[test]
fn progress_adds_up() {
    #[derive(Default)]
    struct Count(AtomicU64, AtomicU64);
    impl Progress for Count {
        fn begin(&self, files: u64, _: u64) {
            self.0.store(files, Ordering::Relaxed);
        }
        fn advance(&self, files: u64, _: u64) {
            self.1.fetch_add(files, Ordering::Relaxed);
        }
        fn extracting(&self, _: u64) {}
    }
    let dir = tempfile::tempdir().unwrap();
    for n in 0..20 {
        put(&dir.path().join(format!("{n}.jsonl")), session(&format!("s{n}"), 2));
    }
    let count = Count::default();
    let options = IngestOptions { roots: &[], redactor: &REDACTOR, progress: &count, threads: 2 };
    ingest(&mut store(), &[Input::named(dir.path())], &options).unwrap();
    assert_eq!((count.0.into_inner(), count.1.into_inner()), (20, 20));
}

/// A row of a Claude Code session.
fn said(session: &str, n: u32, text: &str) -> String {
    let row = serde_json::json!({
        "type": "user", "uuid": format!("{session}-{n}"), "sessionId": session,
        "timestamp": format!("2026-01-22T05:17:{n:02}.000Z"), "message": { "content": text },
    });
    format!("{row}\n")
}

#[test]
fn nothing_is_learned_from_a_distillers_own_session() {
    const RULE: &str = "no, never commit generated files to the repository, always run make clean";
    let dir = tempfile::tempdir().unwrap();
    let request = format!("{}\n\nYou phrase lessons. {RULE}", crate::distill::MARKER);
    let wrapped = format!("# Template\n\n[REQUEST]\n{request}");
    let path = |name: &str| dir.path().join(name);
    put(&path("own.jsonl"), said("own", 1, &request) + &said("own", 2, RULE));
    put(&path("wrapped.jsonl"), said("wrapped", 1, &wrapped) + &said("wrapped", 2, RULE));
    let codex = [
        serde_json::json!({"timestamp":"2026-01-22T05:17:00.000Z","type":"session_meta","payload":{"id":"cx","timestamp":"2026-01-22T05:17:00.000Z","cwd":"/x","originator":"codex_exec","cli_version":"0.1.0"}}),
        serde_json::json!({"timestamp":"2026-01-22T05:17:01.000Z","type":"event_msg","payload":{"type":"user_message","message":request}}),
        serde_json::json!({"timestamp":"2026-01-22T05:17:02.000Z","type":"event_msg","payload":{"type":"user_message","message":RULE}}),
    ];
    put(&path("rollout-cx.jsonl"), codex.map(|row| format!("{row}\n")).concat());
    let mut store = store();
    let report = run(&mut store, &[Input::named(dir.path())]);
    assert_eq!((report.files_read, report.candidates), (3, 0), "{report:?}");
    assert!(report.skipped["distiller_session"] >= 6, "{:?}", report.skipped);
    // It goes on growing while it is watched.
    put(
        &path("own.jsonl"),
        said("own", 1, &request) + &said("own", 2, RULE) + &said("own", 3, RULE),
    );
    assert_eq!(run(&mut store, &[Input::named(dir.path())]).candidates, 0);

    // A request pasted into somebody's work takes away nothing but itself.
    put(
        &path("work.jsonl"),
        said("work", 1, "tidy up, please") + &said("work", 2, &request) + &said("work", 3, RULE),
    );
    let report = run(&mut store, &[Input::named(dir.path())]);
    assert!(report.candidates > 0, "the words of a person are heard: {report:?}");
}
