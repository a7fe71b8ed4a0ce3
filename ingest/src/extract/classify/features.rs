//! A turn and its sentences as numbers.
//!
//! Owns the feature vectors: their order, their names (the trained weights are keyed by name) and
//! their scale (flags are 0 or 1, the rest is kept near that). Must not hold weights. The training
//! script reads exactly these vectors, so there is one implementation of them.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::{Regex, SetMatches};

use super::TurnInput;
use super::aftermath;
use super::context::{self, ContextFacts};
use super::patterns::{Patterns, START};
use super::text::{self, Line, LineKind, byte_regex, straighten};
use crate::extract::gloss;

/// Sentences of one turn that are looked at.
const MAX_SENTENCES: usize = 40;
/// Bytes of the agent's last words that are looked at for its language: a person may only say "ja".
const HEARD: usize = 300;

static FILLER: LazyLock<Regex> = LazyLock::new(|| {
    byte_regex(
        r"(?i)^((ok(ay)?|k|mmm?k|so|hm+|uh+|well|yeah|yup|yes|good|cool|great|alright|right|also|and|now|umm+|oh|ah|lol|1|then)\b[\s,.!;:-]*)+",
    )
});
static REVIEW_LINE: LazyLock<Regex> = LazyLock::new(|| {
    byte_regex(
        r"(?i)severity|consider |\xE2\x9A\xA0|^\s*\d+\. |\bcopilot\b|lines? \+?\d+|the (function|code|method)|\bin [\w/]+\.(go|ts|py|rs|js)\b|^comment on ",
    )
});
static LIST_LINE: LazyLock<Regex> =
    LazyLock::new(|| byte_regex(r"^\s*([-*]|\xE2\x80\xA2|\d+[.)])\s"));

/// Collects values and, when asked to, their names.
#[derive(Debug, Default)]
pub(super) struct Sink {
    pub(super) values: Vec<f32>,
    pub(super) names: Option<Vec<String>>,
}

impl Sink {
    /// Returns a sink that also records names; used once per process and by the training dump.
    pub(super) fn with_names() -> Self {
        Self { values: Vec::new(), names: Some(Vec::new()) }
    }

    pub(super) fn push(&mut self, name: &str, value: f32) {
        self.push_joined("", name, value);
    }

    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.push(name, f32::from(u8::from(value)));
    }

    fn push_joined(&mut self, head: &str, name: &str, value: f32) {
        self.values.push(value);
        if let Some(names) = &mut self.names {
            names.push(format!("{head}{name}"));
        }
    }
}

/// One sentence of a turn: where it is and its vector.
#[derive(Debug, Clone)]
pub struct Sentence {
    /// Byte range in the turn's text.
    pub range: Range<usize>,
    /// Its features, in the order of [`sentence_names`].
    pub values: Vec<f32>,
}

/// The vectors of one turn.
#[derive(Debug, Clone)]
pub struct Features {
    /// The turn's features, in the order of [`turn_names`].
    pub turn: Vec<f32>,
    /// The sentences the person typed, in order.
    pub sentences: Vec<Sentence>,
    /// What the agent did next, in the order of [`after_names`]; empty if that is not known.
    pub after: Vec<f32>,
}

/// Returns the names of the turn features in their order.
#[must_use]
pub fn turn_names() -> Vec<String> {
    let mut sink = Sink::with_names();
    fill_turn(
        &Reading::new(&TurnInput { kind: "user", text: "", context: &[], after: &[] }),
        &mut sink,
    );
    sink.names.unwrap_or_default()
}

/// Returns the names of the sentence features in their order.
#[must_use]
pub fn sentence_names() -> Vec<String> {
    let mut sink = Sink::with_names();
    let facts = ContextFacts {
        interrupted: false,
        rejected: false,
        choice: false,
        done: false,
        asked: false,
    };
    fill_sentence(&Unit::new("x", false), 0, 1, &facts, &mut sink);
    sink.names.unwrap_or_default()
}

/// Returns the names of the features of what followed, in their order.
#[must_use]
pub fn after_names() -> Vec<String> {
    aftermath::names()
}

/// Returns the vectors of a turn.
#[must_use]
pub fn features(input: &TurnInput<'_>) -> Features {
    let reading = Reading::new(input);
    let mut sink = Sink::default();
    let facts = fill_turn(&reading, &mut sink);
    let count = reading.sentences.len();
    let sentences = (reading.sentences.iter().zip(&reading.units).enumerate())
        .map(|(i, (range, unit))| {
            let mut sink = Sink::default();
            fill_sentence(unit, i, count, &facts, &mut sink);
            Sentence { range: range.clone(), values: sink.values }
        })
        .collect();
    let known = !input.after.is_empty();
    let after = if known { aftermath::values(input.after, reading.foreign) } else { Vec::new() };
    Features { turn: sink.values, sentences, after }
}

/// A piece of text ready for cue matching: straight quotes, cues of other languages in English, with and
/// without its opening filler.
struct Unit {
    text: String,
    found: SetMatches,
    found_bare: SetMatches,
}

impl Unit {
    fn new(text: &str, foreign: bool) -> Self {
        let text = straighten(text);
        let text = if foreign { gloss::gloss(&text) } else { text };
        let patterns = Patterns::shipped();
        let skip = FILLER.find(text.as_bytes()).map_or(0, |m| m.end());
        let skip = if text.is_char_boundary(skip) && skip < text.len() { skip } else { 0 };
        let found = patterns.find(&text);
        let found_bare = if skip == 0 { found.clone() } else { patterns.find(&text[skip..]) };
        Self { text, found, found_bare }
    }
}

/// A turn taken apart once.
struct Reading<'a> {
    input: &'a TurnInput<'a>,
    start: usize,
    lines: Vec<Line>,
    own: String,
    tokens: Vec<String>,
    sentences: Vec<Range<usize>>,
    units: Vec<Unit>,
    whole: Unit,
    /// The person or the agent speaks another language.
    foreign: bool,
}

impl<'a> Reading<'a> {
    fn new(input: &'a TurnInput<'a>) -> Self {
        let start = text::own_start(input.text);
        let lines = text::lines(input.text, start);
        let own: Vec<&str> = (lines.iter().filter(|l| l.kind == LineKind::Own))
            .map(|l| &input.text[l.range.clone()])
            .collect();
        let own = text::prefix(own.join("\n").trim(), 1_500).to_owned();
        let mut sentences = text::sentences(input.text, &lines);
        sentences.truncate(MAX_SENTENCES);
        let speaks = |text: &str| gloss::is_foreign(&straighten(text));
        let foreign = speaks(&own) || speaks(text::suffix(context::said(input.context), HEARD));
        let unit = |r: &Range<usize>| Unit::new(&input.text[r.clone()], foreign);
        let units = sentences.iter().map(unit).collect();
        let whole = Unit::new(&own, foreign);
        let tokens = text::tokens(&whole.text);
        Self { input, start, lines, own, tokens, sentences, units, whole, foreign }
    }
}

fn fill_turn(reading: &Reading<'_>, sink: &mut Sink) -> ContextFacts {
    let input = reading.input;
    let facts = context::push(input.kind, input.context, &reading.tokens, reading.foreign, sink);
    push_shape(reading, sink);
    push_question(reading, &facts, sink);
    push_cues(reading, sink);
    push_joint(reading, &facts, sink);
    facts
}

/// Pushes lengths, line kinds, marks.
fn push_shape(reading: &Reading<'_>, sink: &mut Sink) {
    let text = &reading.input.text[reading.start..];
    let total = reading.lines.iter().map(|l| l.range.len()).sum::<usize>().max(1) as f32;
    for (name, kind) in
        [("s_code", LineKind::Code), ("s_log", LineKind::Log), ("s_image", LineKind::Image)]
    {
        let part: usize =
            reading.lines.iter().filter(|l| l.kind == kind).map(|l| l.range.len()).sum();
        sink.push(name, part as f32 / total);
    }
    let words = reading.tokens.iter().filter(|t| !matches!(t.as_str(), "?" | "!")).count();
    sink.push("s_words", (words as f32).ln_1p() / 4.0);
    sink.push("s_bytes", (text.len() as f32).ln_1p() / 6.0);
    sink.flag("s_two_words", words <= 2);
    sink.flag("s_four_words", words <= 4);
    sink.flag("s_over60", words > 60);
    sink.flag("s_over120", words > 120);
    sink.push("s_sentences", (reading.sentences.len() as f32).ln_1p());
    let lines_like = |re: &Regex| {
        let n =
            reading.lines.iter().filter(|l| re.is_match(text_of(reading, l).as_bytes())).count();
        n as f32
    };
    sink.push("s_list", (lines_like(&LIST_LINE) / 6.0).min(2.0));
    sink.push("s_review", (lines_like(&REVIEW_LINE) / 4.0).min(2.0));
    let own = &reading.whole.text;
    sink.flag("s_ellipsis", own.contains("..") || own.contains('\u{2026}'));
    sink.flag("s_shout", own.contains('!'));
    sink.flag("s_capital", own.starts_with(char::is_uppercase));
    sink.flag("s_full_stop", own.ends_with('.'));
    sink.push("s_quotes", (own.matches('"').count() as f32 / 2.0).min(3.0));
    for (name, token) in [
        ("s_codes", "<code>"),
        ("s_paths", "<path>"),
        ("s_names", "<name>"),
        ("s_numbers", "<num>"),
        ("s_urls", "<url>"),
    ] {
        let n = reading.tokens.iter().filter(|t| *t == token).count();
        sink.push(name, n.min(3) as f32 / 3.0);
    }
}

fn text_of<'r>(reading: &'r Reading<'_>, line: &Line) -> &'r str {
    &reading.input.text[line.range.clone()]
}

/// Pushes how much of the turn asks.
fn push_question(reading: &Reading<'_>, facts: &ContextFacts, sink: &mut Sink) {
    let asks: Vec<bool> = reading.units.iter().map(|u| is_question(&u.text)).collect();
    let n = asks.iter().filter(|a| **a).count();
    let all = n > 0 && n == asks.len();
    sink.flag("q_all", all);
    sink.flag("q_any", n > 0);
    sink.flag("q_first", asks.first().copied().unwrap_or(false));
    sink.flag("q_last", asks.last().copied().unwrap_or(false));
    sink.push("q_share", n as f32 / asks.len().max(1) as f32);
    sink.flag("q_all_stopped", all && facts.interrupted);
}

/// True if a sentence ends in a question mark, whatever closes after it.
pub(super) fn is_question(sentence: &str) -> bool {
    sentence.trim_end_matches(['"', '\'', ')', '!', '.', '?']).len() < sentence.len()
        && text::suffix(sentence, 4).contains('?')
}

/// Pushes one flag per cue: in the turn; for starting cues also after filler and in any sentence.
fn push_cues(reading: &Reading<'_>, sink: &mut Sink) {
    for (i, name) in Patterns::shipped().names.iter().enumerate() {
        sink.push_joined("p_", name, flag(reading.whole.found.matched(i)));
        if name.starts_with(START) {
            sink.push_joined("f_", name, flag(reading.whole.found_bare.matched(i)));
            let any = reading.units.iter().any(|u| u.found_bare.matched(i));
            sink.push_joined("a_", name, flag(any));
        }
    }
}

fn flag(on: bool) -> f32 {
    f32::from(u8::from(on))
}

/// Pushes the few products a linear model cannot make: what was said, given what had happened.
fn push_joint(reading: &Reading<'_>, facts: &ContextFacts, sink: &mut Sink) {
    let patterns = Patterns::shipped();
    let has = |name: &str| {
        let at = patterns.names.iter().position(|n| *n == name);
        at.is_some_and(|i| reading.whole.found.matched(i))
    };
    let words = reading.tokens.len();
    let asks = reading.units.iter().any(|u| is_question(&u.text));
    let stopped = facts.interrupted || facts.rejected;
    sink.flag("j_stopped_statement", stopped && !asks && words > 2);
    sink.flag("j_stopped_ran", stopped && (has("start_iran") || has("start_yes")));
    sink.flag(
        "j_done_critique",
        facts.done && (has("critique") || has("makes_no") || has("too_x")),
    );
    sink.flag("j_done_but", facts.done && (has("but_any") || has("start_but")));
    sink.flag("j_choice_content", facts.choice && !asks && words >= 6);
    sink.flag("j_choice_not", facts.choice && has("neg_any"));
    sink.flag("j_asked_no", facts.asked && has("start_no"));
    sink.flag(
        "j_plain_question",
        asks && reading.units.len() == 1 && !has("neg_any") && !has("hedge"),
    );
    sink.flag("j_own_empty", reading.own.is_empty());
}

/// Pushes the features of one sentence.
fn fill_sentence(unit: &Unit, index: usize, count: usize, facts: &ContextFacts, sink: &mut Sink) {
    for (i, name) in Patterns::shipped().names.iter().enumerate() {
        sink.push_joined("p_", name, flag(unit.found.matched(i)));
        if name.starts_with(START) {
            sink.push_joined("f_", name, flag(unit.found_bare.matched(i)));
        }
    }
    let words = unit.text.split_whitespace().count();
    sink.push("x_words", (words as f32).ln_1p() / 3.0);
    sink.flag("x_three_words", words <= 3);
    sink.flag("x_over30", words > 30);
    sink.flag("x_asks", is_question(&unit.text));
    sink.flag("x_first", index == 0);
    sink.flag("x_second", index == 1);
    sink.flag("x_last", index + 1 == count);
    sink.flag("x_only", count == 1);
    sink.push("x_place", index as f32 / count as f32);
    sink.flag("x_code", unit.text.contains('`'));
    sink.flag("x_quote", unit.text.contains('"'));
    sink.flag("x_bracket", unit.text.starts_with('('));
    sink.flag("x_colon", unit.text.ends_with(':'));
    sink.flag("x_interrupted", facts.interrupted);
    sink.flag("x_rejected", facts.rejected);
    sink.flag("x_choice", facts.choice);
}
