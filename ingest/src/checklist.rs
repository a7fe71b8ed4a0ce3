//! What every reader must cope with, on the genuine files that showed it.
//!
//! One test a trap of real sessions: objects glued on a line, JSON under another name, sessions stored
//! twice, huge lines, other systems' paths, other scripts, drifted schemas, broken documents. Reads the
//! shared samples; a test says so and passes where they are absent. Counts of human signals are
//! compared with an independent script in `tests/e2e/samples.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cemem_core::{Clock, Event, EventKind, Store, Timestamp};

use crate::pipeline::{IngestOptions, Input, ingest};
use crate::redact::Redactor;
use crate::report::{NoProgress, Report};
use crate::sources::testing::{read_path, samples};

static REDACTOR: LazyLock<Redactor> = LazyLock::new(Redactor::new);

/// A store with everything under these paths.
fn fed(paths: &[PathBuf]) -> (Store, Report) {
    let mut store = Store::open_in_memory(Clock::Fixed(Timestamp(1_760_000_000_000))).unwrap();
    let inputs: Vec<Input> = paths.iter().map(Input::named).collect();
    let options =
        IngestOptions { roots: &[], redactor: &REDACTOR, progress: &NoProgress, threads: 2 };
    let report = ingest(&mut store, &inputs, &options).unwrap();
    (store, report)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    walk.filter_map(Result::ok).filter(|e| e.file_type().is_file()).map(|e| e.into_path()).collect()
}

/// The files under a folder whose name holds one of these.
fn named(folder: &Path, parts: &[&str]) -> Vec<PathBuf> {
    let mut found = files(folder);
    found.retain(|p| parts.iter().any(|part| p.to_string_lossy().contains(part)));
    found
}

/// Every event of these files, each file read on its own.
fn events(paths: &[PathBuf]) -> Vec<Event> {
    let all = paths.iter().flat_map(|path| read_path(path).sessions);
    all.flat_map(|(_, events)| events).collect()
}

fn keys(paths: &[PathBuf]) -> BTreeSet<String> {
    events(paths).into_iter().map(|e| e.key).collect()
}

fn prompts(events: &[Event]) -> Vec<&str> {
    let said = events.iter().filter_map(|e| match &e.kind {
        EventKind::UserPrompt { text, .. } => Some(text.as_str()),
        _ => None,
    });
    said.collect()
}

#[test]
fn two_objects_on_one_line_are_two() {
    let Some(dir) = samples("claude-code") else { return };
    let glued = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().any(|line| {
            let values = serde_json::Deserializer::from_str(line).into_iter::<serde_json::Value>();
            values.filter(Result::is_ok).count() > 1
        })
    };
    let found: Vec<PathBuf> = files(dir.path()).into_iter().filter(glued).collect();
    assert!(found.len() >= 3, "{found:?}");
    for path in found {
        let read = read_path(&path);
        assert!(read.errors.is_empty(), "{}: {:?}", path.display(), read.errors);
    }
}

#[test]
fn a_document_under_another_name_is_the_same() {
    let Some(dir) = samples("gemini-cli") else { return };
    let originals = files(dir.path());
    let renamed: Vec<PathBuf> = originals.iter().map(|p| p.with_extension("jsonl")).collect();
    let before = keys(&originals);
    assert!(!before.is_empty());
    for (from, to) in originals.iter().zip(&renamed) {
        fs::rename(from, to).unwrap();
    }
    assert_eq!(keys(&renamed), before);
    assert_eq!(fed(&renamed).1.error_count, 0);
}

#[test]
fn a_session_stored_twice_is_one() {
    let Some(dir) = samples("claude-code") else { return };
    let pair = named(dir.path(), &["569aed7b-6ead-4790-a3fe-c7028466112c"]);
    assert_eq!(pair.len(), 2);
    let (older, newer, both) = (keys(&pair[..1]), keys(&pair[1..]), keys(&pair));
    assert!(both.len() < older.len() + newer.len(), "they share rows");
    let heard = fed(&pair).0.heard().unwrap()["claude-code"];
    assert_eq!((heard.sessions, heard.events), (1, both.len() as u64));
}

#[test]
fn huge_lines_and_images_stay_outside() {
    let Some(dir) = samples("claude-code") else { return };
    let longest = |path: &PathBuf| {
        fs::read_to_string(path).unwrap().lines().map(str::len).max().unwrap_or_default()
    };
    let large: Vec<PathBuf> =
        files(dir.path()).into_iter().filter(|p| longest(p) > 300_000).collect();
    assert!(!large.is_empty());
    assert_eq!(fed(&large).1.error_count, 0);
    for event in events(&large) {
        let text = serde_json::to_string(&event.kind).unwrap();
        assert!(text.len() < 200_000, "{} bytes in {}", text.len(), event.row_id);
        let longest = text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c)));
        assert!(longest.map(str::len).max().unwrap_or_default() < 5000, "{}", event.row_id);
    }
}

#[test]
fn windows_paths_are_kept() {
    let Some(dir) = samples("claude-code") else { return };
    let paths = named(dir.path(), &["Nomos-N4s__nomos"]);
    assert_eq!(fed(&paths).1.error_count, 0);
    let events = events(&paths);
    assert!(events.iter().any(|e| e.cwd.as_deref().is_some_and(|c| c.contains(":\\"))));
    assert!(!prompts(&events).is_empty());
}

#[test]
fn nul_bytes_and_tiny_sessions_break_nothing() {
    let Some(dir) = samples("specstory") else { return };
    let whole = files(dir.path()).into_iter().find(|p| events(std::slice::from_ref(p)).len() > 20);
    let whole = whole.unwrap();
    let before = events(std::slice::from_ref(&whole)).len();
    let text = fs::read_to_string(&whole).unwrap();
    let middle = text.floor_char_boundary(text.len() / 2);
    fs::write(&whole, format!("{}\0\0\0\0{}", &text[..middle], &text[middle..])).unwrap();
    let found = read_path(&whole);
    assert_eq!((found.errors.len(), found.events().len()), (0, before));
    let Some(dir) = samples("codex") else { return };
    let tiny: Vec<PathBuf> =
        files(dir.path()).into_iter().filter(|p| p.metadata().unwrap().len() < 2048).collect();
    assert!(!tiny.is_empty());
    let (_, report) = fed(&tiny);
    assert_eq!((report.files, report.error_count), (tiny.len() as u64, 0), "{report:?}");
}

#[test]
fn drifted_schemas_are_counted_never_fatal() {
    let Some(dir) = samples("fixtures") else { return };
    let drifted = named(dir.path(), &["schema_drift"]);
    assert!(drifted.len() >= 5);
    for path in drifted {
        let found = read_path(&path);
        let foreign = found.errors == ["unrecognised_file"];
        // Further fields of known rows are no rows: there is nothing to count.
        let counted = found.errors.is_empty()
            && (found.skipped.values().sum::<u64>() > 0 || !found.events().is_empty());
        assert!(foreign || counted, "{}: {:?}", path.display(), found.errors);
        // These keep the envelope of their engine: only rows are strange.
        let kept = ["/claude/", "/copilot/"].iter().any(|e| path.to_string_lossy().contains(e));
        assert!(!kept || counted && !found.events().is_empty(), "{}", path.display());
    }
}

#[test]
fn a_report_that_is_none_is_named() {
    let Some(dir) = samples("review") else { return };
    for path in named(dir.path(), &["junit/edobry__minsky"]) {
        let found = read_path(&path);
        let told = found.errors.first().map(String::as_str).unwrap_or_default();
        let findings = found.events().len();
        assert!(!told.is_empty() || findings > 0, "{}: silence", path.display());
    }
}

#[test]
fn words_in_other_scripts_are_whole() {
    for archive in ["claude-code", "codex", "specstory", "copilot-cli", "review"] {
        let Some(dir) = samples(archive) else { return };
        for path in files(dir.path()) {
            if fs::read_to_string(&path).is_ok_and(|text| !text.contains('\u{fffd}')) {
                let broken = |e: &Event| format!("{:?}", e.kind).contains('\u{fffd}');
                assert!(
                    !events(std::slice::from_ref(&path)).iter().any(broken),
                    "{}",
                    path.display()
                );
            }
        }
    }
}
