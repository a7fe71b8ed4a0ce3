//! Reads a text as a file of one format, without a file.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cemem_core::{Cursor, Event, EventKind, Session};

use crate::records::{Lines, MAX_LINE, Position};
use crate::redact::Redactor;
use crate::source::{FileInfo, Layout, Output, Record, Source};

/// What a reader found.
pub(crate) struct Found {
    pub(crate) sessions: Vec<(Session, Vec<Event>)>,
    pub(crate) skipped: BTreeMap<String, u64>,
    pub(crate) errors: Vec<String>,
}

impl Found {
    /// Every event, in order.
    pub(crate) fn events(&self) -> Vec<&Event> {
        self.sessions.iter().flat_map(|(_, events)| events).collect()
    }

    /// Every event's row id and kind, shortened to what tests compare.
    pub(crate) fn told(&self) -> Vec<String> {
        self.events().iter().map(|e| format!("{} {}", e.row_id, tell(&e.kind))).collect()
    }
}

fn tell(kind: &EventKind) -> String {
    match kind {
        EventKind::UserPrompt { text, steering: false } => format!("prompt: {text}"),
        EventKind::UserPrompt { text, steering: true } => format!("steering: {text}"),
        EventKind::AgentText { text } => format!("agent: {text}"),
        EventKind::ToolCall { name, files, command, detail, .. } => {
            format!("call {name} {files:?} {} {detail}", command.as_deref().unwrap_or("-"))
        }
        EventKind::ToolResult { ok, exit_code, text, .. } => {
            format!("result {ok:?} {exit_code:?} {text}")
        }
        EventKind::ToolRejected { by, feedback, .. } => {
            format!("rejected {by:?} {}", feedback.as_deref().unwrap_or("-"))
        }
        EventKind::UserInterrupt { during_tool } => format!("interrupt {during_tool}"),
        EventKind::UserEdit { path, diff } => format!("edit {path} {diff}"),
        EventKind::Plan { state, text } => format!("plan {state:?} {text}"),
        EventKind::QuestionAnswered { question, answer } => format!("answer {question} {answer}"),
        EventKind::HookBlocked { text } => format!("hook {text}"),
        other => other.name().to_owned(),
    }
}

/// Reads `text` as a file named `stem`.
pub(crate) fn read(source: &dyn Source, stem: &str, text: &str) -> Found {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(Redactor::new);
    let info =
        FileInfo { path: format!("/p/{stem}"), stem: stem.to_owned(), ..FileInfo::default() };
    let mut out = Output::new(source.info().engine, &REDACTOR);
    let mut reader = source.reader(&info, &serde_json::Value::Null);
    let errors = match source.info().layout {
        Layout::Whole => {
            let read = reader.record(Record { text, offset: 0 }, &mut out);
            read.err().into_iter().map(|e| e.0).collect()
        }
        Layout::Database => panic!("a database is read from its file: `read_path`"),
        Layout::Lines => {
            let mut lines = Lines {
                reader: &mut *reader,
                out: &mut out,
                at: Position::default(),
                errors: Vec::new(),
                max_line: MAX_LINE,
            };
            lines.run(&mut text.as_bytes(), |_, _, _| {}).unwrap();
            lines.errors.iter().map(|e| format!("{}: {}", e.line, e.message)).collect()
        }
    };
    let sessions = out.take();
    Found { sessions, skipped: out.skipped, errors }
}

/// Reads a file as `ingest` does: recognised by content, with its companions; databases too.
pub(crate) fn read_path(path: &Path) -> Found {
    read_known(path, &[], None).0
}

/// Reads what is new in a file for a project; returns also the cursor to go on from.
pub(crate) fn read_known(
    path: &Path,
    roots: &[PathBuf],
    known: Option<&Cursor>,
) -> (Found, Option<Cursor>) {
    let mut cursor = None;
    let mut sessions: Vec<(Session, Vec<Event>)> = Vec::new();
    let read = crate::read::read_for(path, roots, known, &Redactor::new(), &mut |batch| {
        cursor = Some(batch.cursor);
        for (session, events) in batch.sessions {
            match sessions
                .iter_mut()
                .find(|(s, _)| (&s.engine, &s.id) == (&session.engine, &session.id))
            {
                Some((_, known)) => known.extend(events),
                None => sessions.push((session, events)),
            }
        }
    });
    let mut errors: Vec<String> = read.errors.iter().map(|e| e.message.clone()).collect();
    if let crate::read::Outcome::Skipped(kind) = read.outcome {
        errors.push(kind.to_owned());
    }
    (Found { sessions, skipped: read.skipped, errors }, cursor)
}

/// Unpacks an archive of the shared samples, `copilot-cli`, into a folder that lives as long as the
/// result; `None` with a printed reason where the samples are absent.
#[expect(clippy::disallowed_methods, reason = "unpacking the samples is what this does")]
pub(crate) fn samples(archive: &str) -> Option<tempfile::TempDir> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples/unpack.sh");
    if !script.exists() {
        let told = writeln!(std::io::stderr(), "skipped: no samples at ../shared/samples");
        told.unwrap();
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut unpack = std::process::Command::new("bash");
    let done = unpack.arg(script).arg(folder.path()).arg(archive).status();
    assert!(done.unwrap().success(), "cannot unpack {archive}");
    Some(folder)
}
