//! Which words of a turn carry its lesson.
//!
//! Owns the choice of a span from scored sentences. A span is always an exact piece of the turn's
//! text. Must not reword anything; `rule` does.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::features::Features;
use super::model::Linear;
use super::text::{byte_regex, prefix};

/// A neighbour joins the best sentence if its log-odds are at most this much lower …
const NEIGHBOUR_MARGIN: f32 = 0.8;
/// … and the joined span stays below this many bytes.
const NEIGHBOUR_BYTES: usize = 260;
/// A span keeps at least this many words when its opening filler is cut.
const MIN_WORDS: usize = 3;
/// Longest span, in bytes.
const MAX_BYTES: usize = 600;

/// A bare "no" is part of the rule ("no sleeps in tests"); only one set off by a sign is filler.
static OPENING: LazyLock<Regex> = LazyLock::new(|| {
    byte_regex(concat!(
        r"(?i)^((ok(ay)?|k|mmm?k|so|hm+|uh+|well|yeah|yup|yes|good|cool|great|alright|also|and|now|umm+|oh|ah|lol",
        r"|then|huh|nah|but|please|actually|sorry|question|can you|could you|i think|i mean|i wonder if",
        r"|i also wonder if|wondering)\b([\s,.!?;:-]|\xE2\x80\xA6|\xE2\x80\x94)*",
        r"|no(\s*([,.!;:]|\xE2\x80\xA6|\xE2\x80\x94)|\s+-)([\s,.!;:-]|\xE2\x80\xA6|\xE2\x80\x94)*)+"
    ))
});

/// "Go on with the proofs, and remember that we squash": what is asked to be remembered is the rule.
static RECALLED: LazyLock<Regex> = LazyLock::new(|| {
    byte_regex(
        r"(?i)([,;:(]|\s--?)\s*((and|but|so|please|also|just)\s+)*(remember(\s+(that|to))?|(keep|bear) in mind(\s+(that|to))?|note(\s+that|:))[\s,:]+",
    )
});

/// Returns the byte range of the words that carry the turn, or an empty range if it has none.
pub(super) fn choose(text: &str, features: &Features, model: &Linear) -> Range<usize> {
    let scores: Vec<f32> = features.sentences.iter().map(|s| model.score(&s.values)).collect();
    let Some(best) = (0..scores.len()).reduce(|a, b| if scores[b] > scores[a] { b } else { a })
    else {
        return 0..0;
    };
    let (first, last) = widen(features, &scores, best);
    let range = features.sentences[first].range.start..features.sentences[last].range.end;
    let slice = prefix(&text[range.clone()], MAX_BYTES);
    let asked = RECALLED.find(slice.as_bytes());
    let cut = asked.or_else(|| OPENING.find(slice.as_bytes())).map_or(0, |m| m.end());
    let keep = slice.is_char_boundary(cut) && slice[cut..].split_whitespace().count() >= MIN_WORDS;
    let start = range.start + if keep { cut } else { 0 };
    start..range.start + slice.len()
}

/// Extends the best sentence over neighbours that are nearly as good.
fn widen(features: &Features, scores: &[f32], best: usize) -> (usize, usize) {
    let floor = scores[best] - NEIGHBOUR_MARGIN;
    let len =
        |a: usize, b: usize| features.sentences[b].range.end - features.sentences[a].range.start;
    let (mut first, mut last) = (best, best);
    while last + 1 < scores.len()
        && scores[last + 1] > floor
        && len(first, last + 1) < NEIGHBOUR_BYTES
    {
        last += 1;
    }
    while first > 0 && scores[first - 1] > floor && len(first - 1, last) < NEIGHBOUR_BYTES {
        first -= 1;
    }
    (first, last)
}
