//! What of a distiller's answer can be read.
//!
//! Owns [`Proposal`], the shape that is asked for, and a reader that takes what is whole: an object, a
//! list, JSON lines, fenced or in the middle of talk, cut off at any place. Must not judge content, and
//! never panics whatever it is given.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most proposals taken from one answer.
pub const MAX_PROPOSALS: usize = 200;
/// Longest answer looked at, in bytes.
pub const MAX_ANSWER: usize = 4 << 20;
/// Most bytes read in vain, in all: text full of brackets must not take for ever. An answer that was cut
/// off is read three times.
const MAX_IN_VAIN: usize = 4 * MAX_ANSWER;

/// What a distiller shall answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Proposals {
    /// One entry a lesson.
    pub proposals: Vec<Proposal>,
}

/// What a distiller says of one lesson.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Proposal {
    /// The id of the lesson, as given.
    pub id: String,
    /// `keep`, or `not_a_lesson` if it would not help another task.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub advice: String,
    /// Exact pieces of the lesson's quotes, copied character by character, that the rule rests on.
    pub quotes: Vec<String>,
    /// One imperative sentence in the words of the quotes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// A short name for lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Why it holds, if the quotes say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// convention, decision, mistake, correction, pattern, preference, constraint, fact or solution.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub lesson_type: Option<String>,
    /// Where it applies, as far as the quotes say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applies_when: Option<Reach>,
}

/// Where a rule applies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Reach {
    /// Paths or globs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Commands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// Identifiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<String>,
    /// plan, work, review.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<String>,
}

/// What could be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// Whole proposals, in their order.
    pub proposals: Vec<Proposal>,
    /// Entries that are no proposal.
    pub malformed: usize,
    /// The text ends in the middle of an entry.
    pub truncated: bool,
    /// Entries beyond [`MAX_PROPOSALS`], or text beyond [`MAX_ANSWER`].
    pub beyond: usize,
}

impl Answer {
    /// Returns whether nothing at all was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.proposals.is_empty() && self.malformed == 0
    }
}

/// Returns the JSON Schema of an answer.
#[must_use]
pub fn schema() -> Value {
    schemars::schema_for!(Proposals).to_value()
}

/// Reads an answer. What is whole counts; what is not is counted.
#[must_use]
pub fn parse(text: &str) -> Answer {
    let mut answer = Answer::default();
    let mut text = text;
    if text.len() > MAX_ANSWER {
        let mut end = MAX_ANSWER;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text = &text[..end];
        answer.beyond += 1;
    }
    let mut at = 0;
    let mut in_vain = 0;
    while in_vain <= MAX_IN_VAIN {
        let Some(step) = text[at..].find(['{', '[']) else { break };
        at += step;
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                at += values.byte_offset().max(1);
                take(value, &mut answer);
            }
            Some(Err(error)) => {
                // Cut off: the whole entries inside are looked for, one bracket further in.
                answer.truncated |= error.is_eof();
                in_vain += place(&text[at..], &error);
                at += 1;
            }
            None => break,
        }
    }
    // A bracket in talk is not an answer that was cut off.
    answer.truncated &= !answer.is_empty() || text.contains("\"proposals\"");
    answer
}

/// Returns how many bytes were read before an error.
fn place(text: &str, error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    lines.map(str::len).sum::<usize>() + error.column()
}

fn take(value: Value, answer: &mut Answer) {
    match value {
        Value::Array(items) => {
            for item in items {
                // A list of texts or numbers is no list of proposals, wherever it stands.
                if item.is_object() || item.is_array() {
                    take(item, answer);
                }
            }
        }
        Value::Object(mut map) => {
            for list in ["proposals", "lessons"] {
                if let Some(inner @ Value::Array(_)) = map.remove(list) {
                    return take_entries(inner, answer);
                }
            }
            if map.contains_key("id") {
                one(Value::Object(map), answer);
            }
        }
        _ => {}
    }
}

fn take_entries(list: Value, answer: &mut Answer) {
    let Value::Array(items) = list else { return };
    for item in items {
        one(item, answer);
    }
}

fn one(value: Value, answer: &mut Answer) {
    match serde_json::from_value::<Proposal>(value) {
        Ok(_) if answer.proposals.len() >= MAX_PROPOSALS => answer.beyond += 1,
        Ok(proposal) if !proposal.id.is_empty() => answer.proposals.push(proposal),
        _ => answer.malformed += 1,
    }
}
