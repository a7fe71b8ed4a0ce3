//! Words typed while the agent was busy.
//!
//! Owns the meaning of `queue-operation` rows: `enqueue` puts words in line; `dequeue` takes the
//! first out and they appear again as an ordinary row; `remove` means they were delivered in the
//! middle of the turn and appear nowhere else; `popAll` puts them back into the input box, where
//! they may be changed, so they do not count.

use std::collections::VecDeque;

use cemem_core::id::digest;
use serde::{Deserialize, Serialize};

/// More open entries than a person types; older ones are dropped.
const MAX_OPEN: usize = 64;
/// How many delivered texts are remembered, to know them when an attachment repeats them.
const MAX_DELIVERED: usize = 32;

/// The queue of one file.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Queue {
    open: VecDeque<Queued>,
    delivered: VecDeque<String>,
}

/// Words in line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Queued {
    /// When they were typed, as written.
    pub(super) at: String,
    /// The words.
    pub(super) text: String,
}

impl Queue {
    /// Carries out one row and returns words that were delivered by it. `content` is kept in the
    /// store until then, so it comes redacted and bounded ([`crate::source::Output::clean`]).
    pub(super) fn step(&mut self, operation: &str, at: &str, content: &str) -> Option<Queued> {
        match operation {
            "enqueue" => {
                if self.open.len() == MAX_OPEN {
                    self.open.pop_front();
                }
                self.open.push_back(Queued { at: at.to_owned(), text: content.to_owned() });
                None
            }
            "dequeue" => {
                self.open.pop_front();
                None
            }
            "remove" => {
                let wanted = content.trim();
                let named = (!wanted.is_empty())
                    .then(|| self.open.iter().position(|q| q.text.trim() == wanted))
                    .flatten();
                let taken = self.open.remove(named.unwrap_or(0))?;
                self.remember(&taken.text);
                Some(taken)
            }
            "popAll" => {
                self.open.clear();
                None
            }
            _ => None,
        }
    }

    /// Returns whether these words were just delivered; asks once, so that the same words typed
    /// again later count again.
    pub(super) fn was_delivered(&mut self, text: &str) -> bool {
        let mark = mark(text);
        let at = self.delivered.iter().position(|m| *m == mark);
        at.is_some_and(|at| self.delivered.remove(at).is_some())
    }

    fn remember(&mut self, text: &str) {
        if self.delivered.len() == MAX_DELIVERED {
            self.delivered.pop_front();
        }
        self.delivered.push_back(mark(text));
    }
}

fn mark(text: &str) -> String {
    let mut hex = digest([text.trim()]);
    hex.truncate(16);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_removed_words_are_delivered() {
        let mut q = Queue::default();
        for (at, text) in [("1", "a"), ("2", "b"), ("3", "c"), ("4", "d")] {
            assert_eq!(q.step("enqueue", at, text), None);
        }
        assert_eq!(q.step("dequeue", "5", ""), None);
        assert_eq!(q.step("remove", "6", "").unwrap().text, "b");
        assert_eq!(q.step("remove", "7", "d").unwrap().at, "4");
        assert_eq!(q.step("popAll", "8", ""), None);
        assert_eq!(q.step("remove", "9", ""), None);
        assert!(q.was_delivered("b ") && !q.was_delivered("b") && !q.was_delivered("a"));
    }
}
