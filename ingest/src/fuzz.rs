//! Hostile input for every parser, in a bounded number of cases.
//!
//! Seeds are the files under `fixtures/`; each is mutated as bytes, as JSON values and as SQL rows and
//! read by the format it is recognised as, whatever it has become. Nothing may panic, overflow the stack
//! or give more than it was given. `PROPTEST_CASES` makes a run as long as wanted.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::sniff::{Probe, identify, identify_database};
use crate::source::{Layout, Source, sources};
use crate::sources::testing::{Found, read, read_path};

/// Cases of each of the two runs; a case reads one small text.
const CASES: u32 = 3000;
/// Cases of the run over databases, which are made anew each time.
const DATABASES: u32 = 150;

struct Seed {
    source: &'static dyn Source,
    path: PathBuf,
    text: String,
}

/// Every fixture that is recognised; SQL is recognised as the database it makes.
fn seeds() -> Vec<Seed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let walk = walkdir::WalkDir::new(root).sort_by_file_name().into_iter();
    let files = walk.filter_map(Result::ok).filter(|e| e.file_type().is_file());
    files
        .filter_map(|entry| {
            let path = entry.into_path();
            let text = fs::read_to_string(&path).unwrap();
            let source = if path.extension().is_some_and(|e| e == "sql") {
                let connection = rusqlite::Connection::open_in_memory().unwrap();
                connection.execute_batch(&text).unwrap();
                identify_database(&tables(&connection))
            } else {
                identify(&Probe::new(&text, &path))
            };
            source.map(|source| Seed { source, path, text })
        })
        .collect()
}

fn tables(connection: &rusqlite::Connection) -> Vec<String> {
    let mut list =
        connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let names = list.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

/// What is put into a text; long ones are made when used.
const TOKENS: [&str; 24] = [
    "null",
    "\"",
    "{",
    "}",
    "[",
    "]",
    "-1",
    "1e999",
    "99999999999999999999",
    "\\ud800",
    "\\u0000",
    "\u{feff}",
    "\u{0}",
    "\r\n",
    "```",
    "---\n",
    "]]>",
    "<!ENTITY x \"&y;\">",
    "&x;",
    "<",
    "#### ",
    "_**User**_",
    "é\u{301}\u{202e}",
    "\t",
];

/// One change of a text.
#[derive(Debug, Clone)]
enum Change {
    Cut(Index),
    Insert(Index, usize),
    Deep(Index, bool),
    Long(Index),
    Remove(Index, usize),
    Repeat(Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        2 => at().prop_map(Change::Cut),
        6 => (at(), 0..TOKENS.len()).prop_map(|(at, token)| Change::Insert(at, token)),
        1 => (at(), any::<bool>()).prop_map(|(at, array)| Change::Deep(at, array)),
        1 => at().prop_map(Change::Long),
        3 => (at(), 1_usize..200).prop_map(|(at, len)| Change::Remove(at, len)),
        3 => (at(), 1_usize..200).prop_map(|(at, len)| Change::Repeat(at, len)),
    ]
}

fn apply(text: &mut String, change: &Change) {
    let place = |text: &str, at: &Index| text.floor_char_boundary(at.index(text.len() + 1));
    match change {
        Change::Cut(at) => text.truncate(place(text, at)),
        Change::Insert(at, token) => text.insert_str(place(text, at), TOKENS[*token]),
        Change::Deep(at, true) => text.insert_str(place(text, at), &"[".repeat(5000)),
        Change::Deep(at, false) => text.insert_str(place(text, at), &"{\"a\":".repeat(5000)),
        Change::Long(at) => text.insert_str(place(text, at), &"x".repeat(100_000)),
        Change::Remove(at, len) => {
            let from = place(text, at);
            let to = text.ceil_char_boundary((from + len).min(text.len()));
            text.replace_range(from..to, "");
        }
        Change::Repeat(at, len) => {
            let from = place(text, at);
            let to = text.ceil_char_boundary((from + len).min(text.len()));
            let part = text[from..to].to_owned();
            text.insert_str(from, &part);
        }
    }
}

/// Values that are of another type than the reader hopes.
fn odd_value(n: usize) -> Value {
    let all = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("\u{202e}\u{0}"),
        json!([]),
        json!({}),
        json!([[[{}]]]),
        json!({"type": "text", "text": 7}),
        json!("2026-99-99T99:99:99Z"),
        json!("../../../etc/passwd"),
    ];
    all[n % all.len()].clone()
}

/// Puts odd values at places of a JSON document, or of each line of one.
fn misuse(text: &str, places: &[(Index, usize)]) -> String {
    let in_value = |mut value: Value, places: &[(Index, usize)]| {
        for (at, odd) in places {
            let nodes = count(&value);
            replace(&mut value, &mut at.index(nodes), &odd_value(*odd));
        }
        value.to_string()
    };
    if let Ok(value) = serde_json::from_str(text) {
        return in_value(value, places);
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut out: Vec<String> = lines.iter().map(|l| (*l).to_owned()).collect();
    for (at, odd) in places {
        let line = at.index(lines.len().max(1));
        if let Some(Ok(value)) = lines.get(line).map(|line| serde_json::from_str(line)) {
            // The same random number chooses the line and, further down, the place in it.
            out[line] = in_value(value, &[(*at, *odd), (*at, odd + 5)]);
        }
    }
    out.join("\n") + "\n"
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

fn replace(value: &mut Value, left: &mut usize, with: &Value) -> bool {
    if *left == 0 {
        value.clone_from(with);
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| replace(item, left, with)),
        Value::Object(fields) => fields.values_mut().any(|field| replace(field, left, with)),
        _ => false,
    }
}

/// `PROPTEST_CASES` counts where it is set.
fn config(cases: u32) -> Config {
    let set = Config::default();
    let usual = set.cases == 256;
    Config { cases: if usual { cases } else { set.cases }, failure_persistence: None, ..set }
}

/// A text gives at most what it holds, a few times over.
fn bounded(found: &Found, len: usize) {
    let events = found.events();
    let held: usize = events.iter().map(|e| serde_json::to_string(&e.kind).unwrap().len()).sum();
    assert!(held <= 16 * len + 64 * 1024, "{held} bytes from {len}");
    assert!(events.len() <= len + 16, "{} events from {len} bytes", events.len());
}

#[test]
fn every_format_has_a_seed() {
    let seeded: BTreeSet<&str> = seeds().iter().map(|s| s.source.info().format).collect();
    let all: BTreeSet<&str> = sources().map(|s| s.info().format).collect();
    let missing: Vec<_> = all.difference(&seeded).collect();
    assert!(missing.is_empty(), "no fixture under ingest/fixtures for {missing:?}");
}

#[test]
fn mutated_texts_break_no_reader() {
    let seeds: Vec<Seed> =
        seeds().into_iter().filter(|s| s.source.info().layout != Layout::Database).collect();
    let changes = proptest::collection::vec(change(), 1..5);
    let run = TestRunner::new(config(CASES)).run(&(any::<Index>(), changes), |(which, changes)| {
        let seed = which.get(&seeds);
        let mut text = seed.text.clone();
        changes.iter().for_each(|change| apply(&mut text, change));
        bounded(&read(seed.source, "mutated", &text), text.len());
        // Told apart by content, it may become another format's.
        if let Some(other) = identify(&Probe::new(&text, &seed.path)) {
            bounded(&read(other, "mutated", &text), text.len());
        }
        Ok(())
    });
    run.unwrap();
}

#[test]
fn values_of_other_types_break_no_reader() {
    let seeds: Vec<Seed> =
        seeds().into_iter().filter(|s| s.source.info().layout != Layout::Database).collect();
    let places = proptest::collection::vec((any::<Index>(), 0_usize..64), 1..6);
    let run = TestRunner::new(config(CASES)).run(&(any::<Index>(), places), |(which, places)| {
        let seed = which.get(&seeds);
        let text = misuse(&seed.text, &places);
        bounded(&read(seed.source, "misused", &text), text.len());
        Ok(())
    });
    run.unwrap();
}

#[test]
fn broken_databases_break_no_reader() {
    let seeds: Vec<Seed> =
        seeds().into_iter().filter(|s| s.source.info().layout == Layout::Database).collect();
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<Vec<u8>> = seeds.iter().map(|seed| made(dir.path(), &seed.text)).collect();
    let flips = proptest::collection::vec((any::<Index>(), any::<u8>()), 0..40);
    let values = proptest::collection::vec((any::<Index>(), 0_usize..64), 0..4);
    let run = TestRunner::new(config(DATABASES)).run(
        &(any::<Index>(), flips, values, any::<Option<Index>>()),
        |(which, flips, values, cut)| {
            let at = which.index(seeds.len());
            // Either the file is damaged, or its values are odd.
            let mut file = if values.is_empty() {
                let mut file = bytes[at].clone();
                flips.iter().for_each(|(at, byte)| file[at.index(bytes[0].len())] = *byte);
                file
            } else {
                made(dir.path(), &odd_rows(&seeds[at].text, &values))
            };
            if let Some(cut) = cut {
                file.truncate(cut.index(file.len()));
            }
            let path = dir.path().join("fuzzed.db");
            fs::write(&path, &file).unwrap();
            bounded(&read_path(&path), file.len());
            Ok(())
        },
    );
    run.unwrap();
}

/// The bytes of the database that some SQL makes; of an empty one where the SQL fails.
fn made(folder: &Path, sql: &str) -> Vec<u8> {
    let path = folder.join("made.db");
    let _none = fs::remove_file(&path);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let _odd = connection.execute_batch(sql);
    drop(connection.close());
    fs::read(&path).unwrap()
}

/// Misuses the JSON texts in the rows of a dump.
fn odd_rows(sql: &str, places: &[(Index, usize)]) -> String {
    let mut out = String::with_capacity(sql.len());
    for (n, part) in sql.split('\'').enumerate() {
        if n > 0 {
            out.push('\'');
        }
        let is_text = n % 2 == 1 && part.starts_with(['{', '[']);
        let text = if is_text { misuse(part, places).replace('\'', "''") } else { part.to_owned() };
        out.push_str(&text);
    }
    out
}

#[test]
fn depth_and_bombs_break_no_reader() {
    let bomb: String = std::iter::once("<!DOCTYPE b [<!ENTITY a0 \"lol\">".to_owned())
        .chain((1..12).map(|n| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10))))
        .chain(["]><testsuites><testsuite name=\"&a11;\"><testcase name=\"&a11;\">&a11;</testcase></testsuite></testsuites>".to_owned()])
        .collect();
    let deep = 100_000;
    let hostile = [
        "[".repeat(deep),
        "{\"a\":".repeat(deep),
        format!("{{\"type\":\"user\",\"message\":{}", "{\"content\":[".repeat(deep)),
        format!("---\na: {}\n---\n# x\n", "[".repeat(deep)),
        "- ".repeat(deep) + "x",
        "> ".repeat(deep) + "x",
        "<a>".repeat(deep),
        "```\n".repeat(deep),
        "#### \n".repeat(deep),
        bomb,
    ];
    for source in sources().filter(|s| s.info().layout != Layout::Database) {
        for text in &hostile {
            bounded(&read(source, "hostile", text), text.len());
        }
    }
}
