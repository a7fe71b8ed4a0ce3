//! BM25 per field over the postings.
//!
//! Owns [`LexicalQuery`] and [`scores`]. Counts only live lessons, so that deleted documents still
//! waiting for a merge change nothing. Must not combine fields: ranking does.

use tantivy::InvertedIndexReader;
use tantivy::schema::{IndexRecordOption, Term};

use super::schema::TextField;
use super::snapshot::{GONE, Snapshot};
use super::writer::LexicalError;
use crate::text::terms::{Analyser, Terms};

const K1: f32 = 1.2;
const B: f32 = 0.75;

/// A query as weighted terms.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LexicalQuery {
    /// Stemmed words with their weight, in alphabetical order.
    pub words: Vec<(String, f32)>,
    /// Exact compounds, likewise.
    pub exact: Vec<(String, f32)>,
    /// The text begins with a heading of its own: a short line, then much more.
    pub headed: bool,
}

/// Words of a heading.
const HEADING: std::ops::RangeInclusive<usize> = 2..=25;

/// Returns whether a text begins with a heading of its own, like an issue or a report.
fn is_headed(text: &str) -> bool {
    let Some((heading, rest)) = text.trim().split_once('\n') else { return false };
    let words = heading.split_whitespace().count();
    HEADING.contains(&words) && 2 * rest.split_whitespace().count() > words
}

/// Counts equal terms, in alphabetical order.
fn counted(mut terms: Vec<String>) -> Vec<(String, u32)> {
    terms.sort_unstable();
    let mut out: Vec<(String, u32)> = Vec::new();
    for term in terms {
        match out.last_mut() {
            Some((last, n)) if *last == term => *n += 1,
            _ => out.push((term, 1)),
        }
    }
    out
}

impl LexicalQuery {
    /// Weighs words by the square root of their count, exact compounds by 1.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a count of words in a bounded text")]
        let words = counted(terms.words).into_iter().map(|(t, n)| (t, (n as f32).sqrt()));
        let exact = counted(terms.exact).into_iter().map(|(t, _)| (t, 1.0));
        Self { words: words.collect(), exact: exact.collect(), headed: false }
    }

    /// Returns the query of a text.
    #[must_use]
    pub fn of(analyser: &Analyser, text: &str) -> Self {
        Self { headed: is_headed(text), ..Self::new(analyser.analyse(text)) }
    }

    /// Returns whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.exact.is_empty()
    }
}

/// BM25 of every lesson, field by field; for passages that of the best one.
#[derive(Debug, Clone)]
pub struct FieldScores {
    by_field: [Vec<f32>; 6],
    /// Share of the query's information in words that no lesson has, 0..=1.
    pub unknown: f32,
    /// The score a text would approach that holds every query word very often, words no lesson has
    /// included.
    pub ideal: f32,
}

impl FieldScores {
    /// Returns the score of a lesson in a field.
    #[must_use]
    pub fn get(&self, field: TextField, ordinal: u32) -> f32 {
        self.by_field[field as usize][ordinal as usize]
    }

    /// Returns the scores of all lessons in a field, by ordinal.
    #[must_use]
    pub fn column(&self, field: TextField) -> &[f32] {
        &self.by_field[field as usize]
    }
}

/// Sums of weighted term rarities.
#[derive(Clone, Copy, Default)]
struct Rarity {
    all: f32,
    unknown: f32,
}

/// Returns whether a term is (part of) a date: that nobody wrote down a day is no word the memory
/// lacks.
fn is_date(term: &str) -> bool {
    const MONTHS: [&str; 12] = [
        "januari", "februari", "march", "april", "may", "june", "juli", "august", "septemb",
        "octob", "novemb", "decemb",
    ];
    let is_number = term.bytes().all(|b| b.is_ascii_digit());
    let is_year = term.len() == 4 && (term.starts_with("19") || term.starts_with("20"));
    MONTHS.contains(&term) || is_number && (term.len() <= 2 || is_year)
}

/// Adds the BM25 of `terms` in `field` to `into`.
fn add(
    snapshot: &Snapshot,
    field: TextField,
    terms: &[(String, f32)],
    into: &mut [f32],
) -> Result<Rarity, LexicalError> {
    let at = field as usize;
    let norms = &snapshot.norms[at];
    let mut found: Vec<(u32, u32)> = Vec::new();
    let mut sum = Rarity::default();
    let mut readers = Vec::new();
    for segment in snapshot.searcher.segment_readers() {
        readers.push(segment.inverted_index(snapshot.fields.text[at])?);
    }
    for (text, weight) in terms {
        let term = Term::from_field_text(snapshot.fields.text[at], text);
        found.clear();
        for (reader, slots) in readers.iter().zip(&snapshot.slots) {
            collect(reader, &term, slots, &mut found)?;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of documents as statistics")]
        let (n, df) = (norms.len() as f32, found.len() as f32);
        let rarity = (1.0 + (n - df + 0.5) / (df + 0.5)).ln();
        if found.is_empty() && is_date(text) {
            continue;
        }
        sum.all += weight * rarity;
        if found.is_empty() {
            sum.unknown += weight * rarity;
        }
        let most = weight * rarity * (K1 + 1.0);
        for &(slot, tf) in &found {
            #[expect(clippy::cast_precision_loss, reason = "counts of words as statistics")]
            let tf = tf as f32;
            into[slot as usize] += most * tf / (tf + norms[slot as usize]);
        }
    }
    Ok(sum)
}

/// Appends slot and frequency of every live document that holds a term.
fn collect(
    reader: &InvertedIndexReader,
    term: &Term,
    slots: &[u32],
    found: &mut Vec<(u32, u32)>,
) -> Result<(), LexicalError> {
    let Some(mut block) = reader.read_block_postings(term, IndexRecordOption::WithFreqs)? else {
        return Ok(());
    };
    while block.block_len() > 0 {
        for (&doc, &tf) in block.docs().iter().zip(block.freqs()) {
            let slot = slots[doc as usize];
            if slot != GONE {
                found.push((slot, tf));
            }
        }
        block.advance();
    }
    Ok(())
}

/// Returns the part of BM25's denominator that depends on a text's length.
pub(super) fn norm(length: u32, mean: f32) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "lengths of texts as statistics")]
    let length = length as f32;
    K1 * (1.0 - B + B * length / mean)
}

/// Scores every lesson against a query.
///
/// # Errors
/// When the index is damaged.
pub fn scores(snapshot: &Snapshot, query: &LexicalQuery) -> Result<FieldScores, LexicalError> {
    let n = snapshot.lessons.len();
    let mut out =
        FieldScores { by_field: std::array::from_fn(|_| vec![0.0; n]), unknown: 0.0, ideal: 0.0 };
    for field in TextField::ALL {
        let terms = if field == TextField::Exact { &query.exact } else { &query.words };
        if field == TextField::Passage {
            let mut passages = vec![0.0; snapshot.passage_owner.len()];
            add(snapshot, field, terms, &mut passages)?;
            let best = &mut out.by_field[field as usize];
            for (score, &owner) in passages.iter().zip(&snapshot.passage_owner) {
                let best = &mut best[owner as usize];
                *best = best.max(*score);
            }
            continue;
        }
        let sum = add(snapshot, field, terms, &mut out.by_field[field as usize])?;
        if field == TextField::Whole {
            out.ideal = sum.all * (K1 + 1.0);
            out.unknown = if sum.all > 0.0 { sum.unknown / sum.all } else { 0.0 };
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_of_queries() {
        assert!(is_headed("Login fails\nSince the update nobody can log in any more."));
        assert!(!is_headed("Login fails since the update"));
        assert!(!is_headed("Login fails since the update\nplease"));
    }

    #[test]
    fn dates_are_no_topics() {
        assert!(["novemb", "16", "2023"].into_iter().all(is_date));
        assert!(!["404", "1433", "auth", "v2"].into_iter().any(is_date));
    }
}
