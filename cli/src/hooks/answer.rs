//! From chosen lessons to what the engine reads.
//!
//! Owns the size of an answer, that no session is told the same lesson twice, that every lesson told
//! has its row, and the JSON of each engine. Must not choose lessons.

use std::time::Duration;

use cemem_core::exchange::shorten;
use cemem_core::lesson::Lesson;
use cemem_core::{Channel, Exposure, Store};
use cemem_ingest::Redactor;
use cemem_ingest::engines::setup::Dialect;
use cemem_retrieve::{Hit, Why, pack};
use serde_json::{Value, json};

use super::Call;
use crate::command_error::CommandError;
use crate::ui::one_line;

/// Longest answer, in characters: engines cut longer ones down to their beginning.
const MAX_ANSWER: usize = 8_900;
/// Longest wait for another writer; after it nothing is told.
pub(super) const PATIENCE: Duration = Duration::from_millis(250);
/// Longest note of what a lesson was told for, in characters.
const MAX_PLACE: usize = 200;

/// Lessons to be told.
pub(super) struct Telling {
    /// Best first.
    pub(super) lessons: Vec<Lesson>,
    /// Most tokens.
    pub(super) budget: usize,
    /// What they are told for.
    pub(super) place: String,
    /// A line after the block.
    pub(super) tail: &'static str,
}

impl Telling {
    /// Returns what to print: the lessons that fit and are new to the session.
    ///
    /// # Errors
    /// When it cannot be recorded that they are told; then nothing is.
    pub(super) fn answer(
        mut self,
        call: &Call<'_>,
        mut store: Store,
    ) -> Result<Option<String>, CommandError> {
        let mut hits: Vec<Hit> = self
            .lessons
            .drain(..)
            .map(|lesson| Hit { lesson, score: 1.0, why: Why::new(), origin: None })
            .collect();
        let mut text = self.block(call, &mut hits);
        if hits.is_empty() {
            return Ok(None);
        }
        let rows = self.rows(call, &hits);
        let claimed = store.claim_exposures(&rows, PATIENCE)?;
        if claimed.len() < hits.len() {
            // Another hook of the session was faster with some.
            hits.retain(|hit| claimed.contains(&hit.lesson.id));
            text = self.block(call, &mut hits);
        }
        Ok((!hits.is_empty()).then_some(text))
    }

    /// Returns the answer as it is printed, leaving in `hits` those that are in it.
    fn block(&self, call: &Call<'_>, hits: &mut Vec<Hit>) -> String {
        loop {
            let block = pack(hits, self.budget);
            // One that does not fit is left out and the next is tried.
            hits.retain(|hit| block.included.contains(&hit.lesson.id));
            if hits.is_empty() {
                return String::new();
            }
            let text = as_json(call, &format!("{}{}", block.text, self.tail)).to_string();
            if text.chars().count() <= MAX_ANSWER {
                return format!("{text}\n");
            }
            hits.pop();
        }
    }

    fn rows(&self, call: &Call<'_>, hits: &[Hit]) -> Vec<Exposure> {
        // What a person types may hold a secret; a log pasted as a prompt may be long.
        let head: String = self.place.chars().take(4 * MAX_PLACE).collect();
        let place = shorten(&one_line(&Redactor::new().redact(&head)), MAX_PLACE);
        let (ts, session) = (call.clock.now(), call.session());
        (0_u32..)
            .zip(hits)
            .map(|(rank, hit)| Exposure {
                lesson: hit.lesson.id.clone(),
                ts,
                until: None,
                channel: Channel::Hook,
                session: session.clone(),
                place: place.clone(),
                rank,
            })
            .collect()
    }
}

/// Returns the answer in the engine's own shape.
fn as_json(call: &Call<'_>, text: &str) -> Value {
    match call.hooks.dialect {
        Dialect::Claude | Dialect::Gemini => json!({
            "hookSpecificOutput": { "hookEventName": call.event.name, "additionalContext": text },
        }),
        Dialect::Cursor => json!({ "additional_context": text }),
        Dialect::Copilot => json!({ "additionalContext": text }),
    }
}
