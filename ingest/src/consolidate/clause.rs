//! Where the reading of a clause is: what the words so far make of those to come.
//!
//! Owns the state and how words of grammar change it. Must not know topics: `text` does.

use super::lexicon::POINTING;
use super::speech::MARKED_WRONG;
use super::text::{Features, Met};

/// Where the reading of a clause is.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Inside what is not wanted.
    pub(super) negative: bool,
    /// A verb asks for the absence of what follows.
    pub(super) removes: bool,
    /// A word that negates was met.
    pub(super) forbids: bool,
    /// Inside a condition.
    pub(super) condition: bool,
    /// A topic word was met.
    pub(super) any: bool,
    /// The clause begins with a mark of wrong.
    marked: bool,
    /// The clause says what something else is not.
    pub(super) contrast: bool,
    just_negated: bool,
    /// A thing is not wanted, rather than something done: "no emojis".
    bans_thing: bool,
    /// Inside the place where it is not wanted: "no emojis in messages".
    pub(super) placed: bool,
    /// A negation was met, and no topic after it.
    pub(super) uncounted: bool,
    /// It stands inside a condition.
    pub(super) negated_when: bool,
    /// The word before points at a thing.
    pub(super) pointed: bool,
    /// The word before is an auxiliary verb.
    pub(super) helped: bool,
    /// What the last word of direction is, by its place in [`AIMS`].
    pub(super) aims: Option<usize>,
    /// It says so of a name.
    pub(super) named: bool,
    /// "Ask first": the last word only says when.
    pub(super) ends_first: bool,
    /// How much was wanted before this clause.
    wanted_before: usize,
    /// Negations add up to one, as in Spanish "no uses nunca".
    agreeing: bool,
}

impl Reading {
    /// Returns the reading of a clause at its beginning, with so many words wanted before it.
    pub(super) fn of(clause: &str, wanted_before: usize, agreeing: bool) -> Self {
        let marked = clause.trim_start().starts_with(MARKED_WRONG);
        let contrast = marked || clause.trim_start().starts_with("not ");
        let ends_first = clause.trim_end().trim_end_matches('.').ends_with(" first");
        Self { marked, contrast, ends_first, wanted_before, agreeing, ..Self::default() }
    }

    /// Takes in a word that negates.
    pub(super) fn negated(&mut self, raw: &str, as_said: bool, out: &mut Features) {
        // "Do not delete files without asking" is no ban of asking.
        if raw == "without" && self.forbids && self.any && !as_said {
            self.condition = true;
        } else {
            // "❌ Never push" says the same twice.
            let again = raw == "nor" || self.removes || self.agreeing || (self.marked && !self.any);
            self.negative = !self.negative || again;
            self.forbids = true;
            // Who must not do something is neither wanted nor unwanted.
            if self.helped && !self.condition && !as_said {
                out.wanted.truncate(self.wanted_before);
            }
        }
        self.bans_thing = matches!(raw, "no" | "without");
        out.negated |= self.negative && !self.condition;
        (self.just_negated, self.uncounted, self.negated_when) = (true, true, self.condition);
        self.pointed = POINTING.contains(&raw);
    }

    /// Returns whether a condition begins with this word.
    pub(super) fn begins_condition(&mut self, raw: &str, met: Met) -> bool {
        // "Not npm for installs" says nothing against installs: a purpose takes no side.
        // Nor does "not npm in the worker" say anything against the worker.
        let places = matches!(raw, "in" | "on" | "at" | "inside" | "within");
        let place = self.contrast && places;
        self.placed |= places && self.bans_thing && self.any;
        let begins = met.conditions || (self.any && raw == "for") || (place && !self.just_negated);
        self.just_negated = false;
        // What a condition is for is part of it: "unless you ask for a review".
        if begins && (met.conditions || !self.condition) {
            self.condition = true;
            // "Never push before the tests ran" is "never push unless they did".
            self.negative = matches!(raw, "unless" | "except")
                || (self.forbids && matches!(raw, "before" | "until"));
        }
        begins
    }
}
