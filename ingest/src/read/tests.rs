//! One file, read once and again as it grows, shrinks and breaks.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use cemem_core::store::Batch;

use super::*;

static REDACTOR: LazyLock<Redactor> = LazyLock::new(Redactor::new);

fn row(n: u32) -> String {
    format!(
        "{{\"type\":\"user\",\"uuid\":\"u{n}\",\"sessionId\":\"s\",\"timestamp\":\"2026-01-22T05:17:{n:02}.000Z\",\"message\":{{\"content\":\"prompt {n}\"}}}}\n"
    )
}

/// A file and what is known of it.
struct Case {
    _dir: tempfile::TempDir,
    path: PathBuf,
    cursor: Option<Cursor>,
}

impl Case {
    fn new(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { path: dir.path().join(name), _dir: dir, cursor: None }
    }

    fn write(&self, bytes: impl AsRef<[u8]>) {
        fs::write(&self.path, bytes).unwrap();
    }

    /// Reads what is new; returns the result and the row ids of its events.
    fn read(&mut self) -> (FileRead, Vec<String>) {
        let mut batches: Vec<Batch> = Vec::new();
        let read = read(&self.path, self.cursor.as_ref(), &REDACTOR, &mut |b| batches.push(b));
        let events = batches.iter().flat_map(|b| &b.sessions).flat_map(|(_, e)| e);
        let ids = events.map(|e| e.row_id.clone()).collect();
        if let Some(last) = batches.pop() {
            self.cursor = Some(last.cursor);
        }
        (read, ids)
    }
}

#[test]
fn a_growing_file_is_read_on_from_where_it_was() {
    let mut case = Case::new("s.jsonl");
    case.write(row(1) + &row(2));
    assert_eq!(case.read().1, ["u1", "u2"]);
    assert_eq!(case.read().0.outcome, Outcome::Unchanged);
    let torn = row(4);
    case.write(row(1) + &row(2) + &row(3) + &torn[..30]);
    let (read, ids) = case.read();
    assert_eq!((ids, read.bytes), (vec!["u3".to_owned()], row(3).len() as u64));
    assert_eq!(read.skipped["torn_line"], 1);
    case.write(row(1) + &row(2) + &row(3) + &torn);
    assert_eq!(case.read().1, ["u4"]);
    // A flaw further on is reported with its line in the whole file.
    case.write(row(1) + &row(2) + &row(3) + &torn + "nonsense\n" + &row(5));
    let (read, ids) = case.read();
    assert_eq!((ids, read.errors[0].line), (vec!["u5".to_owned()], Some(5)));
}

#[test]
fn a_file_that_was_replaced_or_cut_is_read_again() {
    let mut case = Case::new("s.jsonl");
    case.write(row(1) + &row(2) + &row(3));
    assert_eq!(case.read().1.len(), 3);
    case.write(row(1));
    assert_eq!(case.read().1, ["u1"]);
    case.write(row(7) + &row(8) + &row(9));
    assert_eq!(case.read().1, ["u7", "u8", "u9"]);
    // The same head, but the offset now lies inside a row.
    let long = row(7).replace("prompt 7", &"x".repeat(5000));
    case.write(&long);
    case.read();
    case.write(long.replace("xxx\"", "xxxyyyyyyyyyyyyyyyyyyyy\"") + &row(8));
    assert_eq!(case.read().1, ["u7", "u8"]);
    if let Some(cursor) = &mut case.cursor {
        cursor.reader = 0;
    }
    assert_eq!(case.read().1.len(), 2, "another reader version reads again");
}

#[test]
fn a_run_of_nuls_that_a_power_cut_left_hides_nothing() {
    let mut case = Case::new("s.jsonl");
    let torn = row(1) + &row(2) + &"\0".repeat(4096);
    case.write(&torn);
    assert_eq!(case.read().1, ["u1", "u2"]);
    // Read from the start: behind a NUL nothing tells where a row begins.
    case.write(torn.clone() + &row(3));
    assert_eq!(case.read().1, ["u1", "u2", "u3"]);
    case.write(torn + &row(3) + &row(4));
    assert_eq!(case.read().1, ["u4"]);
}

#[test]
fn steps_in_order_equal_the_last_alone() {
    let lines: Vec<String> = (1..30)
        .map(|n| match n % 5 {
            0 => format!("{{\"type\":\"queue-operation\",\"operation\":\"enqueue\",\"timestamp\":\"2026-01-22T05:17:{n:02}.000Z\",\"sessionId\":\"s\",\"content\":\"q{n}\"}}\n"),
            1 => format!("{{\"type\":\"queue-operation\",\"operation\":\"remove\",\"timestamp\":\"2026-01-22T05:17:{n:02}.000Z\",\"sessionId\":\"s\"}}\n"),
            _ => row(n),
        })
        .collect();
    let text = lines.concat();
    let mut whole = Case::new("s.jsonl");
    whole.write(&text);
    let expected = whole.read().1;
    for step in [1, 7, 100, 333] {
        let mut case = Case::new("s.jsonl");
        let mut got = Vec::new();
        for end in (step..text.len()).step_by(step).chain([text.len()]) {
            case.write(&text[..end]);
            got.extend(case.read().1);
        }
        assert_eq!(got, expected, "steps of {step}");
        assert_eq!(case.cursor.unwrap().state, whole.cursor.clone().unwrap().state);
    }
}

#[test]
fn compressed_and_utf16_files_are_read() {
    let text = "{\"timestamp\":\"2026-01-01T00:00:00Z\",\"type\":\"session_meta\",\"payload\":{\"id\":\"t\"}}\n\
        {\"timestamp\":\"2026-01-01T00:00:01Z\",\"type\":\"event_msg\",\"payload\":{\"type\":\"user_message\",\"message\":\"hi\"}}\n";
    let mut packed = Case::new("rollout-1.jsonl.zst");
    packed.write(zstd::encode_all(text.as_bytes(), 3).unwrap());
    assert_eq!(packed.read().1, ["1"]);
    assert_eq!(packed.read().0.outcome, Outcome::Unchanged);
    let mut damaged = Case::new("rollout-2.jsonl.zst");
    let mut bytes = zstd::encode_all(text.repeat(4000).as_bytes(), 1).unwrap();
    bytes.truncate(bytes.len() - 20);
    damaged.write(bytes);
    let (read, _) = damaged.read();
    assert!(!read.errors.is_empty() || read.skipped.contains_key("torn_line"), "{read:?}");
    for big in [false, true] {
        let units = std::iter::once(0xFEFF).chain(row(1).encode_utf16().collect::<Vec<_>>());
        let bytes: Vec<u8> =
            units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
        let mut wide = Case::new("s.jsonl");
        wide.write(bytes);
        assert_eq!(wide.read().1, ["u1"]);
    }
}

#[test]
fn what_is_no_session_is_told_apart() {
    let skipped = |name: &str, bytes: &[u8]| {
        let mut case = Case::new(name);
        case.write(bytes);
        case.read().0.outcome
    };
    assert_eq!(skipped("a.jsonl", b""), Outcome::Skipped("empty_file"));
    assert_eq!(skipped("a.jsonl", &[0; 4000]), Outcome::Skipped("binary_file"));
    assert_eq!(skipped("a.jsonl", b"{\"a\":1}\n"), Outcome::Skipped("unrecognised_file"));
    assert_eq!(skipped("a.md", b"# Readme\n"), Outcome::Skipped("unrecognised_file"));
    let mut gone = Case::new("gone.jsonl");
    let (read, _) = gone.read();
    assert_eq!(
        (read.outcome, read.errors[0].message.as_str()),
        (Outcome::Failed, "file not found")
    );
    let dir = tempfile::tempdir().unwrap();
    let read = super::read(dir.path(), None, &REDACTOR, &mut |_| {});
    assert_eq!(read.errors[0].message, "not a regular file");
}

#[test]
fn a_first_row_longer_than_the_first_look_is_still_recognised() {
    let mut case = Case::new("s.txt");
    case.write(row(1).replace("prompt 1", &"word ".repeat(10_000)) + &row(2));
    assert_eq!(case.read().1, ["u1", "u2"]);
}

#[test]
fn documents_are_read_again_when_they_change() {
    let mut case = Case::new("a.md");
    case.write("---\nproblem_type: build_error\n---\n# One\n\nText\u{0}\r\n");
    assert_eq!(case.read().1.len(), 1);
    assert_eq!(case.read().0.outcome, Outcome::Unchanged);
    case.write("---\nproblem_type: build_error\n---\n# One, better\n");
    assert_eq!(case.read().1.len(), 1);
}
