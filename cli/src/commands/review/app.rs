//! The terminal queue as a state: keys in, what shall be done out.
//!
//! Owns where the person is; `keys` owns what each key means there. Must not draw, and must not touch the
//! store or the terminal: `session` does what a key asks for and tells the outcome.

mod keys;

use std::collections::BTreeSet;

use cemem_core::lesson::{Lesson, LessonType};
use cemem_core::{LessonId, Signal};

use super::decide::{Decided, Verdict};
use super::near::Near;
use super::queue::{self, Item, Queue, Wanted};

/// Reasons for a rejection that one key gives.
pub(super) const REASONS: [(char, &str, &str); 6] = [
    ('1', "one-off", "about the task at hand only"),
    ('2', "wrong", "wrong"),
    ('3', "vague", "too vague to follow"),
    ('4', "outdated", "no longer true"),
    ('5', "obvious", "every agent knows it anyway"),
    ('6', "no rule", "not a rule: a question, a remark, small talk"),
];
/// Times that one key puts something off for, in days.
pub(super) const DELAYS: [(char, &str, u32); 4] =
    [('d', "a day", 1), ('w', "a week", 7), ('m', "a month", 30), ('q', "a quarter", 90)];

/// What the keys mean at the moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mode {
    /// One lesson, waiting for a decision.
    Browse,
    /// Why is it rejected?
    Reject,
    /// Why, in the person's own words.
    RejectWords(String),
    /// For how many days?
    Snooze(String),
    /// Into which of these?
    Merge { near: Vec<Near>, at: usize },
    /// It says the opposite of others: what becomes of those?
    Opposite,
    /// Which types and signals?
    Filter { at: usize },
    /// What the keys do.
    Help,
}

/// What a key asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Nothing beyond what is on the screen.
    None,
    /// Write a decision.
    Decide(LessonId, Verdict),
    /// Open the editor.
    Edit(LessonId),
    /// Look for lessons to merge with.
    FindNear(LessonId),
    /// Take a change back: its number.
    Undo(i64),
    /// End.
    Quit,
}

/// How much was decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) accepted: usize,
    pub(super) rejected: usize,
    pub(super) merged: usize,
    pub(super) snoozed: usize,
}

impl Tally {
    /// Returns the total.
    pub(super) fn total(self) -> usize {
        self.accepted + self.rejected + self.merged + self.snoozed
    }

    fn of(&mut self, verb: &str) -> &mut usize {
        match verb {
            "reject" => &mut self.rejected,
            "merge" => &mut self.merged,
            "snooze" => &mut self.snoozed,
            _ => &mut self.accepted,
        }
    }
}

/// A decision of this run, to be taken back.
#[derive(Debug, Clone, PartialEq)]
struct Past {
    change: i64,
    verb: &'static str,
    item: Item,
}

/// See the module.
#[derive(Debug)]
pub(super) struct App {
    /// The project's name.
    pub(super) project: String,
    /// All that waits, the most valuable first.
    pub(super) items: Vec<Item>,
    /// How many are put off.
    pub(super) snoozed: usize,
    /// What of it is shown.
    pub(super) wanted: Wanted,
    /// Position among what is shown.
    pub(super) at: usize,
    pub(super) mode: Mode,
    /// First line shown; the screen keeps it within bounds.
    pub(super) scroll: usize,
    /// Lines that fit; the screen tells.
    pub(super) page: usize,
    /// All evidence is shown.
    pub(super) full: bool,
    /// What happened last.
    pub(super) said: String,
    pub(super) tally: Tally,
    past: Vec<Past>,
}

impl App {
    pub(super) fn new(project: String, queue: Queue, wanted: Wanted) -> Self {
        Self {
            project,
            items: queue.items,
            snoozed: queue.snoozed,
            wanted,
            at: 0,
            mode: Mode::Browse,
            scroll: 0,
            page: 1,
            full: false,
            said: String::new(),
            tally: Tally::default(),
            past: Vec::new(),
        }
    }

    /// Returns what is shown, in order.
    pub(super) fn shown(&self) -> Vec<&Item> {
        self.items.iter().filter(|i| self.wanted.shows(i)).collect()
    }

    /// Returns the lesson on the screen.
    pub(super) fn item(&self) -> Option<&Item> {
        self.shown().get(self.at).copied()
    }

    /// Returns how many fit the filter but lie behind, because they are weak.
    pub(super) fn behind(&self) -> usize {
        self.items.iter().filter(|i| self.wanted.fits(i) && !self.wanted.shows(i)).count()
    }

    /// Returns what can be filtered by, with how many there are and whether it is chosen.
    pub(super) fn choices(&self) -> Vec<(Choice, usize, bool)> {
        let types: BTreeSet<LessonType> = self.items.iter().map(|i| i.lesson.lesson_type).collect();
        let signals: BTreeSet<Signal> =
            self.items.iter().flat_map(|i| i.signals.iter().copied()).collect();
        let of_type = |t: LessonType| {
            let n = self.items.iter().filter(|i| i.lesson.lesson_type == t).count();
            (Choice::Type(t), n, self.wanted.types.contains(&t))
        };
        let of_signal = |s: Signal| {
            let n = self.items.iter().filter(|i| i.signals.contains(&s)).count();
            (Choice::Signal(s), n, self.wanted.signals.contains(&s))
        };
        types.into_iter().map(of_type).chain(signals.into_iter().map(of_signal)).collect()
    }

    fn go_to(&mut self, at: usize) {
        let last = self.shown().len().saturating_sub(1);
        if at > last {
            "this was the last; what you passed over is before it".clone_into(&mut self.said);
        }
        (self.at, self.scroll, self.full) = (at.min(last), 0, false);
    }

    /// Takes in what a decision has made of the lessons.
    pub(super) fn decided(&mut self, id: &LessonId, verb: &'static str, done: &Decided) {
        let Some(place) = self.items.iter().position(|i| i.lesson.id == *id) else { return };
        let item = self.items.remove(place);
        *self.tally.of(verb) += 1;
        if verb == "snooze" {
            self.snoozed += 1;
        }
        let did = match verb {
            "snooze" => "put off".to_owned(),
            "edit" => "accepted in your words:".to_owned(),
            "merge" => "merged".to_owned(),
            verb => format!("{verb}ed"),
        };
        self.said = format!("{did} {id}; u takes it back");
        self.past.push(Past { change: done.change, verb, item });
        for lesson in done.lessons.iter().filter(|l| l.id != *id) {
            self.take_in(lesson);
        }
        self.go_to(self.at.min(self.shown().len().saturating_sub(1)));
    }

    /// Takes in another lesson that was changed too: it may no longer wait, or say more.
    fn take_in(&mut self, lesson: &Lesson) {
        if lesson.is_waiting() {
            for item in self.items.iter_mut().filter(|i| i.lesson.id == lesson.id) {
                item.lesson = lesson.clone();
            }
        } else {
            self.items.retain(|i| i.lesson.id != lesson.id);
        }
        for item in &mut self.items {
            let open = lesson.status.is_recallable() || lesson.is_waiting();
            item.opposites.retain(|o| o.id != lesson.id || open);
        }
    }

    /// Takes in that the last decision was taken back; `items` are the lessons it had changed, as they
    /// stand again.
    pub(super) fn undone(&mut self, items: Vec<Item>) {
        let Some(past) = self.past.pop() else { return };
        *self.tally.of(past.verb) -= 1;
        if past.verb == "snooze" {
            self.snoozed -= 1;
        }
        let id = past.item.lesson.id.clone();
        for item in items {
            self.items.retain(|i| i.lesson.id != item.lesson.id);
            if item.lesson.is_waiting() {
                self.items.push(item);
            }
        }
        queue::sort(&mut self.items);
        let place = self.shown().iter().position(|i| i.lesson.id == id);
        self.go_to(place.unwrap_or(0));
        self.said = format!("took back: {} of {id}", past.verb);
    }

    /// Returns how the lessons of the last decision were found: undoing it brings them back.
    pub(super) fn last_item(&self) -> Option<&Item> {
        self.past.last().map(|p| &p.item)
    }

    /// Says something on the message line.
    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.said = text.into();
    }
}

/// Something to filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Type(LessonType),
    Signal(Signal),
}

#[cfg(test)]
pub(super) mod tests;
