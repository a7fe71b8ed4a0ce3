//! Pieces of a chat history, translated into events.
//!
//! Owns the sessions of a history, their turns, and which lines of the program belong to which
//! command. Sessions have no ids: the time of their start stands for them.

use std::collections::HashMap;
use std::path::Path;

use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};
use serde_json::Value;

use super::HISTORY;
use super::lines::{Kind, Piece, pieces, words};
use super::shown::{Shown, file_in, meaning, proposal};
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::human::{Spoken, classify};
use crate::sources::tool::key;
use crate::text::limit;

/// Put into the prompt by the program after a failed command; sending it says nothing more.
const CANNED: &str = "What's wrong? Fix";
/// Commands whose arguments are words to the model.
const TALK: &[&str] = &["/ask", "/code", "/architect", "/context"];

/// Reads one history.
pub(super) struct AiderReader {
    file: FileInfo,
}

impl AiderReader {
    pub(super) fn new(file: &FileInfo) -> Self {
        Self { file: file.clone() }
    }
}

impl Reader for AiderReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let path = Path::new(&self.file.path);
        let folder = path.parent().filter(|_| path.ends_with(HISTORY));
        let mut chat = Chat {
            text: record.text,
            modified: self.file.modified,
            cwd: folder.map(|f| f.to_string_lossy().into_owned()),
            session: self.file.stem.trim_start_matches('.').to_owned(),
            starts: HashMap::new(),
            ts: None,
            turn: 0,
            busy: false,
            undo: false,
            shell: false,
            last: None,
            open: None,
            seen: HashMap::new(),
            out,
        };
        for piece in pieces(record.text) {
            chat.piece(&piece);
        }
        chat.close();
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// A command or an edit whose printed lines are still coming.
struct Open<'a> {
    piece: Piece<'a>,
    call: String,
    ok: Option<bool>,
    /// Silence means success.
    quiet: bool,
    text: String,
}

/// The state of one history.
struct Chat<'a, 'o, 'r> {
    text: &'a str,
    modified: Option<Timestamp>,
    cwd: Option<String>,
    session: String,
    /// How many sessions started at a time.
    starts: HashMap<String, u32>,
    ts: Option<Timestamp>,
    /// Typed prompts in the session.
    turn: u64,
    /// The model was asked and has not answered in full.
    busy: bool,
    /// `/undo` was typed.
    undo: bool,
    /// A shell command was agreed to.
    shell: bool,
    /// The printed line before, if nothing else came between.
    last: Option<&'a str>,
    open: Option<Open<'a>>,
    /// How often the same was said in the session.
    seen: HashMap<String, u32>,
    out: &'o mut Output<'r>,
}

impl<'a> Chat<'a, '_, '_> {
    fn piece(&mut self, piece: &Piece<'a>) {
        match piece.kind {
            Kind::Start => self.start(piece.text),
            Kind::Typed => self.typed(piece),
            Kind::Shown => self.shown(piece),
            Kind::Written => self.written(piece),
        }
        self.last = (piece.kind == Kind::Shown).then_some(piece.text);
    }

    fn start(&mut self, time: &str) {
        self.close();
        let n = self.starts.entry(time.to_owned()).or_default();
        *n += 1;
        self.session = if *n == 1 { time.to_owned() } else { format!("{time}#{n}") };
        self.ts = Timestamp::parse(time).map(|t| self.modified.map_or(t, |m| t.min(m)));
        (self.turn, self.busy, self.undo, self.shell) = (0, false, false, false);
        self.seen.clear();
    }

    fn emit(&mut self, piece: &Piece<'_>, what: &[&str], actor: Actor, kind: EventKind) {
        let base = key([self.session.as_str()].iter().chain(what));
        let n = self.seen.entry(base.clone()).or_default();
        *n += 1;
        let key = if *n == 1 { base } else { format!("{base}#{n}") };
        let event = Event {
            key,
            row_id: self.turn.to_string(),
            ts: self.ts,
            actor,
            kind,
            cwd: self.cwd.clone(),
            branch: None,
            offset: piece.offset as u64,
            len: piece.len as u64,
        };
        self.out.event(&self.session, event);
    }

    fn typed(&mut self, piece: &Piece<'a>) {
        self.close();
        (self.busy, self.undo, self.shell) = (false, false, false);
        let said = words(&self.text[piece.offset..piece.offset + piece.len]);
        if said == "<blank>" || said == CANNED {
            return self.out.skip("canned_prompt");
        }
        let bare = said.strip_prefix('!').filter(|c| !c.trim().is_empty());
        let (command, rest) = said.split_once(char::is_whitespace).unwrap_or((&said, ""));
        match command {
            _ if bare.is_some() => self.run(piece, "/run", bare.unwrap_or_default().trim()),
            "/run" | "/test" | "/lint" => self.run(piece, command, rest.trim()),
            "/undo" => {
                self.undo = true;
                self.out.skip("command");
            }
            _ if TALK.contains(&command) => self.prompt(piece, rest.trim()),
            _ if command.len() > 1 && command.starts_with('/') && is_word(&command[1..]) => {
                self.out.skip("command");
            }
            _ => self.prompt(piece, &said),
        }
    }

    fn prompt(&mut self, piece: &Piece<'a>, said: &str) {
        let Spoken::Typed(text) = classify(said) else { return self.out.skip("injected") };
        self.turn += 1;
        self.busy = true;
        let kind = EventKind::UserPrompt { text, steering: false };
        self.emit(piece, &["prompt", said], Actor::User, kind);
    }

    /// A command the person runs; its output may follow.
    fn run(&mut self, piece: &Piece<'a>, name: &str, command: &str) {
        let called = (!command.is_empty()).then(|| command.to_owned());
        let call = self.call(piece, &name[1..], Actor::User, &[], called, "");
        // A test that fails says that its output is passed on; one that succeeds says nothing.
        let quiet = name == "/test" && !command.is_empty();
        self.open = Some(Open { piece: *piece, call, ok: None, quiet, text: String::new() });
    }

    /// Emits a call and returns its id.
    fn call(
        &mut self,
        piece: &Piece<'_>,
        name: &str,
        actor: Actor,
        files: &[&str],
        command: Option<String>,
        detail: &str,
    ) -> String {
        let shown = command.as_deref().unwrap_or_default();
        let what = ["call", name, shown, detail, files.first().copied().unwrap_or_default()];
        let nth =
            self.seen.get(&key([self.session.as_str()].iter().chain(&what))).map_or(1, |n| n + 1);
        let call = key([self.session.as_str(), nth.to_string().as_str()].iter().chain(&what));
        let kind = EventKind::ToolCall {
            call_id: call.clone(),
            name: name.to_owned(),
            files: files.iter().map(|f| (*f).to_owned()).collect(),
            command: command.clone(),
            detail: detail.to_owned(),
        };
        self.emit(piece, &what, actor, kind);
        call
    }

    fn result(&mut self, piece: &Piece<'_>, call: String, ok: Option<bool>, text: &str) {
        let text = text.trim().to_owned();
        let what = ["result".to_owned(), call.clone()];
        let kind = EventKind::ToolResult { call_id: call, ok, exit_code: None, text };
        self.emit(piece, &[&what[0], &what[1]], Actor::Tool, kind);
    }

    /// Ends the command whose lines were coming.
    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let ok = open.ok.or((open.quiet && open.text.trim().is_empty()).then_some(true));
        if ok.is_some() || !open.text.trim().is_empty() {
            self.result(&open.piece, open.call, ok, &open.text);
        }
    }

    fn written(&mut self, piece: &Piece<'a>) {
        self.close();
        let text = self.text[piece.offset..piece.offset + piece.len].trim();
        if self.turn == 0 || text.is_empty() {
            return self.out.skip("preamble");
        }
        let kind = EventKind::AgentText { text: text.to_owned() };
        self.emit(piece, &["agent", text], Actor::Agent, kind);
    }

    fn shown(&mut self, piece: &Piece<'a>) {
        match meaning(piece.text) {
            Shown::Version(version) => {
                let version = version.to_owned();
                self.out.session(&self.session).engine_version = Some(version);
            }
            Shown::Stopped => self.stopped(piece),
            Shown::Answered => {
                self.close();
                self.busy = false;
            }
            Shown::Edited(file) => {
                self.close();
                let call = self.call(piece, "edit", Actor::Agent, &[file], None, "");
                self.result(piece, call, Some(true), piece.text);
            }
            Shown::Running(command) if self.shell => {
                self.close();
                let command = Some(command.to_owned());
                let call = self.call(piece, "shell", Actor::Agent, &[], command, "");
                let text = String::new();
                self.open = Some(Open { piece: *piece, call, ok: None, quiet: false, text });
            }
            Shown::Checking(command) => {
                self.close();
                let command = Some(command.to_owned());
                let call = self.call(piece, "lint", Actor::Agent, &[], command, "");
                let text = String::new();
                self.open = Some(Open { piece: *piece, call, ok: Some(false), quiet: false, text });
            }
            Shown::Misfit(text) => {
                self.close();
                let call = self.call(piece, "edit", Actor::Agent, &[], None, "");
                let text = format!("{text}\n");
                self.open = Some(Open { piece: *piece, call, ok: Some(false), quiet: false, text });
            }
            Shown::Undone(commit) => {
                if std::mem::take(&mut self.undo) {
                    let kind = EventKind::Rewind { target: Some(commit.to_owned()) };
                    self.emit(piece, &["undo", commit], Actor::User, kind);
                }
            }
            Shown::Passed => {
                if let Some(open) = self.open.as_mut().filter(|o| o.quiet) {
                    open.ok = Some(false);
                }
                self.close();
            }
            Shown::Asked { question, no } => self.asked(piece, question, no),
            Shown::Other | Shown::Running(_) => self.other(piece),
        }
    }

    /// Output of what is open, or nothing worth keeping.
    fn other(&mut self, piece: &Piece<'a>) {
        match &mut self.open {
            Some(open) if open.text.len() < limit::RESULT * 8 => {
                open.text.push_str(piece.text);
                open.text.push('\n');
            }
            Some(_) => {}
            None => self.out.skip("printed"),
        }
    }

    /// Pressed twice it ends the program; what counts is that the model was at work.
    fn stopped(&mut self, piece: &Piece<'a>) {
        let during_tool = self.open.is_some();
        if let Some(open) = &mut self.open {
            open.quiet = false;
        }
        self.close();
        if std::mem::take(&mut self.busy) {
            let kind = EventKind::UserInterrupt { during_tool };
            self.emit(piece, &["interrupt"], Actor::User, kind);
        } else {
            self.out.skip("exit");
        }
    }

    fn asked(&mut self, piece: &Piece<'a>, question: &str, no: bool) {
        let Some(name) = proposal(question) else { return self.out.skip("confirmation") };
        // The subject stands on the line before: a command, a file.
        let subject = self.last.filter(|l| meaning(l) == Shown::Other && !l.is_empty());
        self.close();
        if !no {
            self.shell |= name == "shell";
            self.busy |= name == "fix";
            return self.out.skip("confirmation");
        }
        let command = subject.filter(|_| name == "shell").map(str::to_owned);
        let file = file_in(question).or(subject.filter(|_| name != "shell" && name != "fix"));
        let files: Vec<&str> = file.into_iter().collect();
        let call = self.call(piece, name, Actor::Agent, &files, command, question);
        let what = ["no".to_owned(), call.clone()];
        let kind = EventKind::ToolRejected { call_id: call, by: RejectedBy::User, feedback: None };
        self.emit(piece, &[&what[0], &what[1]], Actor::User, kind);
    }
}

/// Whether this can be a command's name: a path is not.
fn is_word(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
