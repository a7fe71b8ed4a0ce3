//! The conversation as the model saw it: what became of the calls the rows only announce.
//!
//! Owns the extensions' words for refusals, in every version's shape. Takes them only where the whole
//! result says nothing else, so that what a tool printed is no refusal. Must not emit events.

use serde_json::Value;

use crate::sources::human::between;
use crate::sources::tool::{int, list, text};

const DENIED: &str = "The user denied this operation";
const WITH_WORDS: &str = " and provided the following feedback:";
const WORDS: &str = "The user provided the following feedback:";

/// What the person's side of the conversation says after each of the model's turns.
#[derive(Debug, Default)]
pub(super) struct History {
    turns: Vec<Turn>,
}

/// The results given to the model at once.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Place in the conversation.
    index: i64,
    /// When, in milliseconds, in the versions that write it.
    ts: Option<i64>,
    denied: bool,
    words: Vec<String>,
    /// Exit codes of commands, in order.
    codes: Vec<i32>,
}

impl History {
    /// Reads `api_conversation_history.json`; what cannot be read says nothing.
    pub(super) fn new(json: &str) -> Self {
        let messages: Value = serde_json::from_str(json).unwrap_or_default();
        let messages = messages.as_array().map_or(&[][..], Vec::as_slice);
        let turns = (0..).zip(messages).filter(|(_, m)| text(m, &["role"]) == Some("user"));
        Self { turns: turns.map(|(index, message)| Turn::new(index, message)).collect() }
    }

    /// Returns the turn that answers a row of this time, which was written when the conversation
    /// ended at this place.
    pub(super) fn answer(&self, ts: i64, place: Option<i64>) -> Option<&Turn> {
        if self.turns.iter().any(|turn| turn.ts.is_some()) {
            return self.turns.iter().find(|turn| turn.ts.is_some_and(|at| at >= ts));
        }
        let place = place?;
        self.turns.iter().find(|turn| turn.index > place)
    }

    /// Returns whether these words came with a refusal; `None` if the conversation does not have
    /// them.
    pub(super) fn refused_with(&self, said: &str) -> Option<bool> {
        let said = said.trim();
        let turn = self.turns.iter().find(|t| t.words.iter().any(|w| w.trim() == said))?;
        Some(turn.denied)
    }
}

impl Turn {
    fn new(index: i64, message: &Value) -> Self {
        let mut turn = Self { index, ts: int(message, &["ts"]), ..Self::default() };
        let content = message.get("content").unwrap_or(&Value::Null);
        let lone = content.as_str().into_iter();
        for said in lone.chain(list(message, &["content"]).iter().flat_map(texts)) {
            turn.read(said);
        }
        turn
    }

    fn read(&mut self, said: &str) {
        // `[execute_command for 'ls'] Result:` stands before a result, or is a part of its own.
        let head = said.lines().next().unwrap_or_default();
        let said = match said.split_once(" Result:") {
            Some((before, rest)) if head.starts_with('[') && !before.contains('\n') => rest,
            _ => said,
        };
        let said = said.trim();
        if let Some(rest) = said.strip_prefix(DENIED) {
            let words = rest.strip_prefix(WITH_WORDS).and_then(feedback);
            self.denied |= words.is_some() || rest.len() <= 1;
            self.words.extend(words);
        } else if let Some(rest) = said.strip_prefix(WORDS) {
            self.words.extend(feedback(rest));
        } else if said.starts_with("{\"status\":") {
            let mut values = serde_json::Deserializer::from_str(said).into_iter::<Value>();
            let Some(Ok(status)) = values.next() else { return };
            self.denied |= text(&status, &["status"]) == Some("denied");
            self.words.extend(text(&status, &["feedback"]).map(str::to_owned));
        } else if said.starts_with("Command ") {
            self.codes.extend(exit_code(said));
        }
    }

    /// Whether a call was turned down without a word.
    pub(super) fn is_bare_refusal(&self) -> bool {
        self.denied && self.words.is_empty()
    }

    /// Returns the exit code, if one command ran.
    pub(super) fn exit_code(&self) -> Option<i32> {
        match self.codes[..] {
            [code] => Some(code),
            _ => None,
        }
    }
}

/// The texts of a part: its own, or a tool result's.
fn texts(part: &Value) -> Vec<&str> {
    let own = text(part, &["text"]).or_else(|| text(part, &["content"]));
    let inner = list(part, &["content"]).iter().filter_map(|p| text(p, &["text"]));
    own.into_iter().chain(inner).collect()
}

fn feedback(rest: &str) -> Option<String> {
    let words = between(rest, "<feedback>", "</feedback>")?.trim();
    (!words.is_empty()).then(|| words.to_owned())
}

/// The code that stands before the output: `Exit code: 1`, `failed with exit code 1`.
fn exit_code(said: &str) -> Option<i32> {
    let report = said.split_once("Output:").map_or(said, |(report, _)| report);
    let at = report.to_ascii_lowercase().find("exit code")? + "exit code".len();
    let rest = report[at..].trim_start_matches([':', ' ']);
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
    rest[..end].parse().ok()
}
