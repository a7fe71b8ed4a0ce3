//! `ingest/claude_code`: one core's rate for parsing and normalising Claude Code session files;
//! `engines/NAME`: the same for every engine that writes lines.
//!
//! The latter read what `$CEMEM_ENGINES` (a folder of genuine sessions of any engine) holds of the
//! format, if that is half a megabyte, or the rows of its fixture over and over, each with its longest text drawn out until the row
//! has the 2 KB of genuine ones (Claude Code 3.5, Copilot CLI 2.5, Codex 1.0 KB a row).
//!
//! Reads the files under `$CEMEM_SAMPLES` (a folder of genuine sessions) or, without it, generated
//! ones of the same mix of rows. Nothing is stored: the store has its own suite. Redaction is part
//! of normalising and is included; the page cache is warm.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use cemem_ingest::engines::ENGINES;
use cemem_ingest::read::read;
use cemem_ingest::sniff::{FIRST_LOOK, Probe, SECOND_LOOK, identify};
use cemem_ingest::source::Layout;
use cemem_ingest::{IngestOptions, Input, NoProgress, Redactor, ingest};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use serde_json::Value;

/// Bytes of a generated session.
const SYNTHETIC: usize = 16 * 1024 * 1024;
/// Bytes of genuine sessions that make a figure; opening files costs more than fewer.
const ENOUGH: u64 = 512 * 1024;
/// Bytes of a row in the mean.
const ROW: usize = 2048;

fn claude_code(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let files = sample_files(dir.path());
    let bytes = size(&files);
    let redactor = Redactor::new();
    let events: u64 = files.iter().map(|f| read(f, None, &redactor, &mut |_| {}).events).sum();
    assert!(events > 0, "the input holds no session");
    let mut group = c.benchmark_group("ingest");
    group.sampling_mode(SamplingMode::Flat).sample_size(10).throughput(Throughput::Bytes(bytes));
    group.bench_function("claude_code", |b| {
        b.iter(|| {
            for file in &files {
                read(file, None, &redactor, &mut |batch| {
                    black_box(&batch);
                });
            }
        });
    });
    group.bench_function("fresh_store", |b| {
        b.iter(|| {
            let home = tempfile::tempdir().expect("a temporary folder");
            let path = home.path().join("memory.db");
            let mut store = cemem_core::Store::open(&path, cemem_core::Clock::System)
                .expect("a fresh store opens");
            let inputs: Vec<Input> = files.iter().map(Input::named).collect();
            let options = IngestOptions {
                roots: &[],
                redactor: &redactor,
                progress: &NoProgress,
                threads: 0,
            };
            ingest(&mut store, &inputs, &options).expect("the sessions go in")
        });
    });
    group.finish();
}

#[expect(clippy::print_stderr, reason = "which rows were read belongs to the figures")]
fn engines(c: &mut Criterion) {
    let redactor = Redactor::new();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest/fixtures");
    let mut found = Vec::new();
    if let Some(folder) = std::env::var_os("CEMEM_ENGINES") {
        collect(Path::new(&folder), &mut found);
    }
    let mut seeds = Vec::new();
    collect(&fixtures, &mut seeds);
    let mut group = c.benchmark_group("engines");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    let lines = ENGINES.iter().flat_map(|e| e.formats).map(|s| s.info());
    for info in lines.filter(|info| info.layout == Layout::Lines) {
        let is_own = |path: &PathBuf| format_of(path) == Some(info.format);
        let genuine: Vec<PathBuf> = found.iter().filter(|p| is_own(p)).cloned().collect();
        let files = match seeds.iter().find(|p| is_own(p)) {
            Some(seed) if size(&genuine) < ENOUGH => vec![repeated(seed, dir.path(), info.format)],
            _ => genuine,
        };
        let bytes = size(&files);
        eprintln!("{}: {} files, {bytes} bytes", info.format, files.len());
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(info.format, |b| {
            b.iter(|| {
                for file in &files {
                    read(file, None, &redactor, &mut |batch| drop(black_box(batch)));
                }
            });
        });
    }
    group.finish();
}

fn size(files: &[PathBuf]) -> u64 {
    files.iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum()
}

fn format_of(path: &Path) -> Option<&'static str> {
    let text = std::fs::read_to_string(path).ok()?;
    // As the product looks: further where the first row is long.
    [FIRST_LOOK, SECOND_LOOK].into_iter().find_map(|look| {
        let end = text.floor_char_boundary(look);
        Some(identify(&Probe::new(&text[..end], path))?.info().format)
    })
}

/// A file of the seed's rows, drawn out and repeated.
fn repeated(seed: &Path, dir: &Path, format: &str) -> PathBuf {
    let rows = std::fs::read_to_string(seed).expect("a fixture can be read");
    let rows: String = rows.lines().map(|row| drawn_out(row) + "\n").collect();
    let path = dir.join(format!("{format}.jsonl"));
    std::fs::write(&path, rows.repeat(SYNTHETIC / 4 / rows.len().max(1)))
        .expect("the rows can be written");
    path
}

fn drawn_out(row: &str) -> String {
    let Ok(mut value) = serde_json::from_str(row) else { return row.to_owned() };
    if let Some(text) = longest(&mut value) {
        let missing = ROW.saturating_sub(row.len());
        text.extend(
            "\n    let value = store.get(name)?; // why it holds".chars().cycle().take(missing),
        );
    }
    value.to_string()
}

/// The longest text in a row that has white space in it: ids and paths stay as they are.
fn longest(value: &mut Value) -> Option<&mut String> {
    match value {
        Value::String(text) => text.contains(char::is_whitespace).then_some(text),
        Value::Array(items) => items.iter_mut().filter_map(longest).max_by_key(|t| t.len()),
        Value::Object(fields) => fields.values_mut().filter_map(longest).max_by_key(|t| t.len()),
        _ => None,
    }
}

/// The session files under `$CEMEM_SAMPLES`, or one generated file.
fn sample_files(dir: &Path) -> Vec<PathBuf> {
    if let Some(samples) = std::env::var_os("CEMEM_SAMPLES") {
        let mut files = Vec::new();
        collect(Path::new(&samples), &mut files);
        assert!(!files.is_empty(), "no .jsonl file under $CEMEM_SAMPLES");
        return files;
    }
    let path = dir.join("synthetic.jsonl");
    std::fs::write(&path, synthetic(SYNTHETIC)).expect("the generated session can be written");
    vec![path]
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.filter_map(|e| Some(e.ok()?.path())).collect())
        .unwrap_or_default();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "jsonl") {
            files.push(path);
        }
    }
}

/// A session of about `size` bytes with the rows of genuine ones: a sixth streaming noise, most of
/// the rest tool results that repeat whole files.
fn synthetic(size: usize) -> String {
    let (file, part) = (source(400), source(130));
    let mut out = String::with_capacity(size + 64 * 1024);
    let mut n = 0;
    while out.len() < size {
        let head = format!(
            "\"parentUuid\":\"p{n}\",\"isSidechain\":false,\"userType\":\"external\",\"cwd\":\"/w/app\",\
             \"sessionId\":\"bench\",\"version\":\"2.1.0\",\"gitBranch\":\"main\""
        );
        let tail = format!(
            "\"uuid\":\"u{n}\",\"timestamp\":\"2026-01-22T05:{:02}:{:02}.000Z\"",
            n / 60 % 60,
            n % 60
        );
        let row = match n % 6 {
            0 => format!(
                "{{{head},\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":\"no, keep the order of rows {n}\"}},{tail}}}"
            ),
            1 => format!(
                "{{{head},\"message\":{{\"model\":\"m\",\"role\":\"assistant\",\"content\":[{{\"type\":\"text\",\"text\":\"I will change `store.rs` and run the tests ({n}).\"}}]}},\"type\":\"assistant\",{tail}}}"
            ),
            2 => format!(
                "{{{head},\"message\":{{\"model\":\"m\",\"role\":\"assistant\",\"content\":[{{\"type\":\"tool_use\",\"id\":\"t{n}\",\"name\":\"Edit\",\"input\":{{\"file_path\":\"/w/app/store.rs\",\"old_string\":\"a\",\"new_string\":\"b\"}}}}]}},\"type\":\"assistant\",{tail}}}"
            ),
            3 => format!(
                "{{{head},\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":[{{\"tool_use_id\":\"t{}\",\"type\":\"tool_result\",\"content\":\"{}\"}}]}},{tail},\"toolUseResult\":{{\"filePath\":\"/w/app/store.rs\",\"originalFile\":\"{file}\"}}}}",
                n - 1,
                part
            ),
            _ => format!(
                "{{{head},\"type\":\"progress\",\"data\":{{\"type\":\"bash_progress\",\"fullOutput\":\"{}\"}},{tail}}}",
                "x".repeat(2000)
            ),
        };
        out.push_str(&row);
        out.push('\n');
        n += 1;
    }
    out
}

/// Lines of source text, with the escapes JSON has for it: quotes, tabs, line ends.
fn source(lines: usize) -> String {
    (0..lines).fold(String::new(), |mut text, n| {
        write!(text, "{n:5}→\\tlet value_{n} = store.get(\\\"key {n}\\\")?; // why it holds\\n")
            .expect("writing to a string cannot fail");
        text
    })
}

criterion_group!(benches, claude_code, engines);
criterion_main!(benches);
