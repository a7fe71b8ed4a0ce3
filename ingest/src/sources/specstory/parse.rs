//! Turns of a SpecStory export, translated into events.
//!
//! Owns the count of typed user turns that stands in for row ids, and keys that stay the same when
//! a session is exported again under another name or with more turns.

use std::collections::HashMap;

use cemem_core::event::PlanState;
use cemem_core::id::digest;
use cemem_core::{Actor, Event, EventKind, RejectedBy, Timestamp};

use super::tools::{self, Piece, Tool};
use super::wire::{self, Role, Turn};
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::human::{INTERRUPT, Spoken, classify};

/// What Claude Code writes when a call is turned down; exports keep it as output.
const REFUSED: &str = "The user doesn't want to proceed with this tool use";
const SAID: &str = "the user said:\n";
/// Appended by newer versions after the person's words.
const NOTE: &str = "\n\nNote: The user's next message may contain a correction or preference.";
/// Written by the harness when questions are turned down, in place of the person's words.
const CLARIFY: &str = "The user wants to clarify these questions.";
/// The tool that asks a person.
const ASK: &str = "AskUserQuestion";

/// Reads one export.
pub(super) struct SpecStoryReader {
    stem: String,
}

impl SpecStoryReader {
    pub(super) fn new(file: &FileInfo) -> Self {
        Self { stem: file.stem.clone() }
    }
}

/// The state of one document.
struct Doc<'o, 'r> {
    session: String,
    out: &'o mut Output<'r>,
    /// Typed turns so far.
    turn: u64,
    /// Turns of a person that the count leaves out, since the last that counts.
    aside: u64,
    /// How often the same words were seen at the same time.
    seen: HashMap<String, u32>,
}

impl Doc<'_, '_> {
    fn emit(
        &mut self,
        turn: &Turn<'_>,
        row_id: &str,
        what: &[&str],
        actor: Actor,
        kind: EventKind,
    ) {
        let ts = turn.ts.map(|t| t.0.to_string()).unwrap_or_default();
        let head = [self.session.as_str(), ts.as_str()];
        let mut base = digest(head.iter().chain(what));
        base.truncate(32);
        let n = self.seen.entry(base.clone()).or_default();
        *n += 1;
        let key = if *n == 1 { base } else { format!("{base}#{n}") };
        let event = Event {
            key,
            row_id: row_id.to_owned(),
            ts: turn.ts,
            actor,
            kind,
            cwd: None,
            branch: None,
            offset: turn.offset as u64,
            len: turn.body.len() as u64,
        };
        self.out.event(&self.session, event);
    }

    /// The id of events that belong to the turn in force.
    fn here(&self) -> String {
        if self.aside == 0 {
            self.turn.to_string()
        } else {
            format!("{}.{}", self.turn, self.aside)
        }
    }

    fn user(&mut self, turn: &Turn<'_>) {
        let (text, counts, plan) = match classify(turn.body) {
            // A turn that quotes the interrupt marker is not counted: exporters fold the marker into
            // the words around it, and counts that disagree on such turns would shift every later id.
            Spoken::Typed(text) => {
                let counts = !turn.body.contains(INTERRUPT);
                (text, counts, false)
            }
            Spoken::Command(text) => (text, false, false),
            Spoken::Plan(text) => (text, true, true),
            Spoken::Interrupt { during_tool } => {
                let kind = EventKind::UserInterrupt { during_tool };
                let id = self.here();
                return self.emit(turn, &id, &["interrupt"], Actor::User, kind);
            }
            Spoken::Summary => {
                let kind = EventKind::Compaction { summary: turn.body.to_owned() };
                let id = self.here();
                return self.emit(turn, &id, &["summary"], Actor::System, kind);
            }
            Spoken::Injected | Spoken::Empty => return self.out.skip("injected"),
        };
        if counts {
            self.turn += 1;
            self.aside = 0;
        } else {
            self.aside += 1;
        }
        let id = self.here();
        let kind = if plan {
            EventKind::Plan { state: PlanState::Approved, text }
        } else {
            EventKind::UserPrompt { text, steering: false }
        };
        self.emit(turn, &id, &["user", turn.body], Actor::User, kind);
    }

    /// A user turn inside quoted text: counted, not said.
    fn quoted(&mut self, turn: &Turn<'_>) {
        let said = matches!(classify(turn.body), Spoken::Typed(_) | Spoken::Plan(_));
        if said && !turn.body.contains(INTERRUPT) {
            self.turn += 1;
            self.aside = 0;
        }
        self.out.skip("quoted_turn");
    }

    fn agent(&mut self, turn: &Turn<'_>) {
        let actor = if turn.role == Role::Sidechain { Actor::Subagent } else { Actor::Agent };
        if turn.body.is_empty() {
            return self.out.skip("empty");
        }
        for piece in tools::pieces(turn.body) {
            match piece {
                Piece::Text(text) => {
                    let id = self.here();
                    let kind = EventKind::AgentText { text: text.to_owned() };
                    self.emit(turn, &id, &["agent", text], actor, kind);
                }
                Piece::Tool(tool) => self.tool(turn, &tool, actor),
            }
        }
    }

    fn tool(&mut self, turn: &Turn<'_>, tool: &Tool<'_>, actor: Actor) {
        let id = self.here();
        let input = tool.command.or(tool.file).unwrap_or(tool.detail);
        let ts = turn.ts.map(|t| t.0.to_string()).unwrap_or_default();
        let nth = self.seen.len().to_string();
        let mut call_id = digest([ts.as_str(), tool.name, input, nth.as_str()]);
        call_id.truncate(16);
        let call = EventKind::ToolCall {
            call_id: call_id.clone(),
            name: tool.name.to_owned(),
            files: tool.file.iter().map(|f| (*f).to_owned()).collect(),
            command: tool.command.map(str::to_owned),
            detail: tool.detail.to_owned(),
        };
        self.emit(turn, &id, &["call", tool.name, input], actor, call);
        if tool.name == ASK {
            self.chosen(turn, &id, tool.detail);
        }
        let output = tool.output.trim_start();
        if output.is_empty() {
            return;
        }
        if !output.starts_with(REFUSED) {
            if tool.name == ASK {
                self.answers(turn, &id, output);
            }
            let code = output.strip_prefix("Exit code ").and_then(|rest| {
                rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<i32>().ok()
            });
            let text = tool.output.to_owned();
            // An export does not say whether a call succeeded, unless its text does.
            let ok = code.map(|c| c == 0);
            let kind = EventKind::ToolResult { call_id, ok, exit_code: code, text };
            return self.emit(
                turn,
                &id,
                &["result", tool.name, input, tool.output],
                Actor::Tool,
                kind,
            );
        }
        let (actor, feedback) = match (feedback(output), voice(tool.name)) {
            (Some(words), Some(actor)) => (actor, Some(words)),
            _ => (Actor::User, None),
        };
        let kind = if tool.name == "ExitPlanMode" {
            EventKind::Plan { state: PlanState::Rejected, text: feedback.unwrap_or_default() }
        } else {
            EventKind::ToolRejected { call_id, by: RejectedBy::User, feedback }
        };
        self.emit(turn, &id, &["refused", tool.name, input], actor, kind);
    }

    /// `**Question?**`, its options, then `**Answer:** A`. Several questions share one answer line,
    /// and a comma may belong to an answer, so they stay together.
    fn chosen(&mut self, turn: &Turn<'_>, id: &str, detail: &str) {
        let Some((asked, answer)) = detail.rsplit_once("\n**Answer:**") else { return };
        let bold = |l: &str| l.trim().strip_prefix("**")?.strip_suffix("**").map(str::to_owned);
        let questions: Vec<String> = asked.lines().filter_map(bold).collect();
        let (question, answer) = (questions.join(" / "), answer.trim().to_owned());
        if question.is_empty() || answer.is_empty() {
            return;
        }
        let what = ["answer".to_owned(), question.clone()];
        let kind = EventKind::QuestionAnswered { question, answer };
        self.emit(turn, id, &[&what[0], &what[1]], Actor::User, kind);
    }

    /// `User has answered your questions: "Q"="A", "Q"="A". You can now …`
    fn answers(&mut self, turn: &Turn<'_>, id: &str, output: &str) {
        let starts = ["User has answered your questions: ", "Your questions have been answered: "];
        let Some(list) = starts.iter().find_map(|s| output.strip_prefix(s)) else { return };
        let list = list.split("\". You can now").next().unwrap_or(list);
        for pair in list.trim_start_matches('"').split("\", \"") {
            if let Some((question, answer)) = pair.split_once("\"=\"") {
                let (question, answer) =
                    (question.to_owned(), answer.trim_end_matches('"').to_owned());
                let what = ["answer".to_owned(), question.clone()];
                let kind = EventKind::QuestionAnswered { question, answer };
                self.emit(turn, id, &[&what[0], &what[1]], Actor::User, kind);
            }
        }
    }
}

impl Reader for SpecStoryReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let text = record.text;
        let header = text.lines().take(12).find_map(wire::session_comment);
        let turns = wire::turns(text);
        if turns.is_empty() {
            // A session that was opened and closed.
            out.skip("empty_session");
            return Ok(());
        }
        let session = header.as_ref().map_or(self.stem.as_str(), |h| h.session).to_owned();
        let entry = out.session(&session);
        entry.engine_version = header.map(|h| h.agent.to_owned());
        entry.title = title(text);
        let mut doc = Doc { session, out, turn: 0, aside: 0, seen: HashMap::new() };
        for turn in &turns {
            match turn.role {
                _ if turn.quoted => doc.quoted(turn),
                Role::User => doc.user(turn),
                Role::Agent | Role::Sidechain => doc.agent(turn),
            }
        }
        Ok(())
    }

    fn state(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// The person's words in a refusal.
fn feedback(output: &str) -> Option<String> {
    let said = output.split_once(SAID)?.1;
    let said = said.split_once(NOTE).map_or(said, |(said, _)| said).trim();
    (!said.is_empty() && !said.starts_with(CLARIFY)).then(|| said.to_owned())
}

/// Who speaks in the words of a refusal, if anybody: an export does not say which output the harness
/// wrote, so a tool that prints a page or a file can print a refusal too. Those that print only
/// what they did leave it to a person; a command may do either.
fn voice(tool: &str) -> Option<Actor> {
    match tool {
        "Edit" | "Write" | "MultiEdit" | "NotebookEdit" | "ExitPlanMode" => Some(Actor::User),
        "Bash" => Some(Actor::Tool),
        _ => None,
    }
}

/// The first heading, unless it is only the time.
fn title(text: &str) -> Option<String> {
    let heading = text.lines().take(12).find_map(|l| l.strip_prefix("# "))?.trim();
    let heading = heading.split_once(" (").map_or(heading, |(name, _)| name);
    (Timestamp::parse(heading).is_none() && !heading.is_empty()).then(|| heading.to_owned())
}
