//! How words and vectors become one score.
//!
//! Owns the weights (chosen by measurement: docs/quality.md) and the threshold below which nothing
//! is relevant. Pure: the same signals give the same scores.

use super::history::Learned;
use crate::query::{Mode, Why};

/// How near a lesson's passages are to the query; all 0 without vectors.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Near {
    /// Cosine of the first passage.
    pub first: f32,
    /// Cosine of the best passage.
    pub best: f32,
    /// Passages with vectors.
    pub passages: u32,
}

impl Near {
    /// Returns the semantic score.
    #[must_use]
    pub fn dense(&self) -> f32 {
        let many = match self.passages {
            0 | 1 => 0.0,
            #[expect(clippy::cast_precision_loss, reason = "passages are counted in hundreds")]
            many => (many as f32).ln(),
        };
        FIRST * self.first + (1.0 - FIRST) * self.best - MANY * many
    }
}

/// What is known of one lesson for one query.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Signal {
    /// BM25 of everything.
    pub whole: f32,
    /// BM25 of the best passage.
    pub passage: f32,
    /// BM25 of the title.
    pub title: f32,
    /// BM25 of rule and reason.
    pub rule: f32,
    /// BM25 of tags, paths, commands, symbols.
    pub place: f32,
    /// BM25 of exact compounds.
    pub exact: f32,
    /// How near its passages are.
    pub near: Near,
    /// Lexical scores of the lessons learned right before and after it in the same session.
    pub beside: f32,
    /// Terms of everything it says.
    pub terms: u32,
    /// Only an agent or a tool said so.
    pub unvouched: bool,
    /// What past tasks say of it.
    pub learned: Learned,
}

// Fields of the lexical score, relative to BM25 of everything.
const PASSAGE: f32 = 0.5;
const TITLE: f32 = 0.3;
const EXACT: f32 = 0.3;
const RULE: f32 = 0.2;
const PLACE: f32 = 0.3;

/// Share of the first passage in the cosine; the best passage has the rest.
const FIRST: f32 = 0.25;
/// The best of many passages is high by chance: taken off per unit of ln(passages).
const MANY: f32 = 0.065;

/// What was said right before and after speaks for a lesson too: a question for its answer.
const BESIDE: f32 = 0.3;
/// A text with a heading of its own asks for lessons with such a title.
const HEADED: f32 = 0.2;
/// What an agent says of itself gives way to what a person says.
const UNVOUCHED: f32 = 0.2;
/// Fewer terms than this are hardly a statement; a unit of the logarithm costs so much.
const BRIEF_TERMS: f32 = 10.0;
const BRIEF: f32 = 0.1;

/// Cosine from which a lesson without a common word is about the query.
const NEAR: f32 = 0.2;

/// The ten best lexical scores say how peaked the list is.
const PEAK: usize = 10;
/// Best lexical score of a text that says all of the query, in units of [`Facts::ideal`].
const COVER: f32 = 1.5;

impl Signal {
    /// Returns the lexical score.
    #[must_use]
    pub fn lexical(&self) -> f32 {
        self.whole
            + PASSAGE * self.passage
            + TITLE * self.title
            + EXACT * self.exact
            + RULE * self.rule
            + PLACE * self.place
    }

    /// Returns whether the lesson has anything to do with the query: what past tasks say reorders what is
    /// near and brings up nothing else, however popular.
    fn is_near(&self) -> bool {
        self.lexical() > 0.0 || self.near.best >= NEAR
    }

    /// Returns what is added to words and vectors: what stands beside the lesson, whose words it is,
    /// whether it says enough, and what past tasks say.
    fn lean(&self, evidence: &Evidence, facts: Facts) -> f32 {
        let beside = evidence.words * BESIDE * self.beside / evidence.best.max(1e-9);
        let headed = match facts.headed {
            true => HEADED * self.title / evidence.best_title.max(1e-9),
            false => 0.0,
        };
        let unvouched = if self.unvouched { UNVOUCHED } else { 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "a logarithm of a count")]
        let brief = (BRIEF_TERMS / (1 + self.terms) as f32).ln().max(0.0);
        let learned = if self.is_near() { self.learned.sum() } else { 0.0 };
        beside + headed - unvouched - BRIEF * brief + learned
    }
}

/// What is known of the query as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Facts {
    /// Lexical score a text would approach that says all of the query.
    pub ideal: f32,
    /// Share of the query's information in words that no lesson has.
    pub unknown: f32,
    /// Different words of the query.
    pub words: usize,
    /// Lessons that could be answered.
    pub searched: usize,
    /// Terms of everything they say.
    pub said: usize,
    /// The query has a heading of its own.
    pub headed: bool,
    /// The highest cosine of any passage, also of lessons that are not looked at further.
    pub nearest: f32,
}

/// In a query of fewer words than this, an unknown one weighs less: `auth bug` asks for lessons about
/// authentication even where nobody ever wrote "bug".
const FEW_WORDS: usize = 6;
/// When the lessons say this many terms, an unknown word weighs two thirds, with three times as many
/// all: a memory of a few sentences has met few words, so that one is missing says little about the
/// question.
const FEW_TERMS: f32 = 3_000.0;

impl Facts {
    #[expect(clippy::cast_precision_loss, reason = "at most six words, and lessons fit a memory")]
    fn unknown(&self) -> f32 {
        let asked = self.words.min(FEW_WORDS) as f32 / FEW_WORDS as f32;
        let met = 1.0 - (-(self.said as f32) / FEW_TERMS).exp();
        self.unknown * asked * met
    }
}

/// What the whole list says: how far words can be trusted, and whether anything is relevant.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    /// Best lexical score.
    pub best: f32,
    /// Best lexical score of a title.
    pub best_title: f32,
    /// How much the best stands out from the ten best: 0 for a flat list, towards 1 for one hit.
    pub gap: f32,
    /// Share of the query's information that the best lesson covers.
    pub cover: f32,
    /// Weight of words against vectors.
    pub words: f32,
    /// Chance that any lesson is useful.
    pub chance: f32,
    /// Whether that is enough to answer.
    pub answers: bool,
}

/// Least chance at which a hybrid list is an answer (fitted: docs/quality.md).
pub(crate) const ENOUGH: f32 = 0.30;
/// Least chance at which a list by words alone is an answer.
pub(crate) const ENOUGH_WORDS: f32 = 0.20;

/// Returns the least chance at which a list is an answer.
#[must_use]
pub fn least_chance(mode: Mode) -> f32 {
    if mode == Mode::Lexical { ENOUGH_WORDS } else { ENOUGH }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl Evidence {
    /// Weighs the signals of the searched lessons, or of those that words or vectors put first.
    ///
    /// A peaked lexical list, or one whose best lesson covers most of the query, is trusted; a flat
    /// list of common words hands over to the vectors.
    #[must_use]
    pub fn of(signals: &[Signal], lexical: &[f32], facts: Facts, mode: Mode) -> Self {
        let mut out = Self::default();
        if signals.is_empty() {
            return out;
        }
        out.best = lexical.iter().copied().fold(0.0, f32::max);
        out.best_title = signals.iter().map(|s| s.title).fold(0.0, f32::max);
        if out.best > 0.0 {
            let mut top = lexical.to_vec();
            if top.len() > PEAK {
                top.select_nth_unstable_by(PEAK - 1, |a, b| b.total_cmp(a));
                top.truncate(PEAK);
            }
            // Summed in order, so that the same scores give the same bits.
            top.sort_unstable_by(|a, b| b.total_cmp(a));
            // Lessons that are not looked at share no word with the query.
            #[expect(clippy::cast_precision_loss, reason = "at most ten")]
            let mean = top.iter().sum::<f32>() / PEAK.min(facts.searched.max(1)) as f32;
            out.gap = 1.0 - mean / out.best;
            out.cover = out.best / (COVER * facts.ideal).max(1e-9);
            let words = 0.35 + 0.45 * (out.gap - 0.35) + 0.30 * (out.cover - 0.40);
            out.words = words.clamp(0.05, 0.80);
        }
        out.judge(signals, facts, mode);
        out
    }

    /// Returns the chance that a lesson helps with the query, by its score and that of the list's best one; `None`
    /// for vectors alone, for which it was not fitted (docs/quality.md, `retrieve/training/fit_probability.py`).
    #[must_use]
    pub fn probability(&self, score: f32, best: f32, mode: Mode) -> Option<f32> {
        let [constant, by_score, by_chance, behind] = match mode {
            Mode::Semantic => return None,
            Mode::Lexical => [-1.84, 2.65, 0.05, 8.72],
            Mode::Hybrid | Mode::Full => [-1.38, 0.71, 0.27, 9.14],
        };
        let chance = self.chance.clamp(1e-4, 1.0 - 1e-4);
        let odds = (chance / (1.0 - chance)).ln();
        Some(sigmoid(constant + by_score * score + by_chance * odds + behind * (score - best)))
    }

    /// Estimates the chance that any lesson is useful.
    fn judge(&mut self, signals: &[Signal], facts: Facts, mode: Mode) {
        #[expect(clippy::cast_precision_loss, reason = "a logarithm of a count")]
        let many = (facts.searched.max(1) as f32).ln();
        let by_words = sigmoid(-0.02 + 4.69 * self.cover - 4.32 * facts.unknown() - 0.06 * many);
        let words_answer = self.best > 0.0 && by_words >= least_chance(Mode::Lexical);
        if mode == Mode::Lexical {
            (self.chance, self.answers) = (by_words, words_answer);
            return;
        }
        let nearest = signals.iter().map(|s| s.near.best).fold(facts.nearest, f32::max);
        self.chance = sigmoid(
            -1.97 + 6.40 * nearest + 3.04 * self.cover - 3.04 * facts.unknown() - 0.237 * many,
        );
        self.answers = self.chance >= least_chance(mode);
        // What has no vector yet can only be found by words.
        if !self.answers && words_answer && signals.iter().any(|s| s.near.passages == 0) {
            (self.chance, self.answers) = (by_words, true);
        }
    }
}

/// Scores every signal, in order.
#[must_use]
pub fn fuse(signals: &[Signal], mode: Mode, facts: Facts) -> (Evidence, Vec<f32>) {
    let lexical: Vec<f32> = signals.iter().map(Signal::lexical).collect();
    let evidence = Evidence::of(signals, &lexical, facts, mode);
    let score = |(signal, &lexical): (&Signal, &f32)| match mode {
        // Against the ideal rather than the best, so that scores of queries compare.
        Mode::Lexical => (lexical / (COVER * facts.ideal).max(1e-9)).min(1.0),
        Mode::Semantic => signal.near.dense(),
        Mode::Hybrid | Mode::Full => {
            let words = lexical / evidence.best.max(1e-9);
            evidence.words * words
                + (1.0 - evidence.words) * signal.near.dense()
                + signal.lean(&evidence, facts)
        }
    };
    let scores = signals.iter().zip(&lexical).map(score).collect();
    (evidence, scores)
}

/// Returns the parts of a score.
#[must_use]
pub fn explain(signal: &Signal, evidence: &Evidence, facts: Facts, mode: Mode) -> Why {
    let mut why = Why::new();
    if mode != Mode::Semantic {
        why.insert("lexical", signal.lexical());
        for (name, value) in [
            ("whole", signal.whole),
            ("passage", signal.passage),
            ("title", signal.title),
            ("rule", signal.rule),
            ("place", signal.place),
            ("exact", signal.exact),
        ] {
            if value > 0.0 {
                why.insert(name, value);
            }
        }
        why.insert("coverage", evidence.cover);
    }
    if mode != Mode::Lexical {
        why.insert("semantic", signal.near.dense());
        why.insert("first_passage", signal.near.first);
        why.insert("best_passage", signal.near.best);
    }
    if mode == Mode::Hybrid || mode == Mode::Full {
        why.insert("words_weight", evidence.words);
        let lean = signal.lean(evidence, facts);
        if lean != 0.0 {
            why.insert("beside", signal.beside);
            why.insert("lean", lean);
        }
        let learned = signal.learned;
        if learned != Learned::default() {
            why.insert("similar_tasks", learned.similar);
            why.insert("latest_tasks", learned.lately);
            why.insert("fresh", learned.fresh);
        }
    }
    why.insert("chance", evidence.chance);
    why
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(signal: Signal, facts: Facts) -> f32 {
        let other = Signal { whole: 1.0, title: 1.0, terms: 50, ..Signal::default() };
        fuse(&[signal, other], Mode::Hybrid, facts).1[0]
    }

    const PLAIN: Signal = Signal {
        whole: 2.0,
        passage: 0.0,
        title: 2.0,
        rule: 0.0,
        place: 0.0,
        exact: 0.0,
        near: Near { first: 0.5, best: 0.5, passages: 1 },
        beside: 0.0,
        terms: 50,
        unvouched: false,
        learned: Learned { similar: 0.0, lately: 0.0, fresh: 0.0 },
    };
    const FACTS: Facts = Facts {
        ideal: 4.0,
        unknown: 0.0,
        words: 3,
        searched: 2,
        said: 100,
        headed: false,
        nearest: 0.0,
    };

    #[test]
    fn what_is_popular_comes_only_with_what_it_is_about() {
        let learned = Learned { similar: 0.3, lately: 0.6, fresh: 0.0 };
        let cosine = |first, best| Near { first, best, passages: 1 };
        let far = Signal { near: cosine(0.1, 0.1), terms: 50, ..Signal::default() };
        let near = Signal { near: cosine(0.1, 0.4), ..far };
        assert!((score(Signal { learned, ..far }, FACTS) - score(far, FACTS)).abs() < 1e-6);
        assert!(score(Signal { learned, ..near }, FACTS) > score(near, FACTS) + 0.8);
    }

    #[test]
    fn a_small_memory_is_not_asked_for_every_word() {
        let near = Near { first: 0.4, best: 0.4, passages: 1 };
        let far = Signal { near, ..Signal::default() };
        let asked = |said| {
            let facts = Facts { unknown: 0.9, words: 8, said, ..FACTS };
            fuse(&[far], Mode::Hybrid, facts).0.chance
        };
        assert!(asked(200) > ENOUGH && asked(30_000) < ENOUGH, "{} {}", asked(200), asked(30_000));
    }

    #[test]
    fn a_better_score_helps_more_probably() {
        let evidence = Evidence { chance: 0.9, ..Evidence::default() };
        for mode in [Mode::Lexical, Mode::Full] {
            let of = |score| evidence.probability(score, 0.8, mode).unwrap();
            assert!(of(0.8) > 0.2 && of(0.8) > 2.0 * of(0.6) && of(0.6) > of(0.2), "{mode:?}");
            assert!(of(-30.0) >= 0.0 && of(0.8) < 1.0);
        }
        assert_eq!(evidence.probability(0.8, 0.8, Mode::Semantic), None);
    }

    #[test]
    fn what_has_no_vector_yet_is_found_by_words() {
        let words = Signal { whole: 1.8, ..Signal::default() };
        let seen = |passages| {
            let near = Near { passages, ..Near::default() };
            fuse(&[Signal { near, ..words }], Mode::Hybrid, FACTS).0
        };
        assert!(seen(0).answers);
        assert!(!seen(1).answers);
    }

    #[test]
    fn what_leans() {
        let plain = score(PLAIN, FACTS);
        assert!(score(Signal { beside: 1.0, ..PLAIN }, FACTS) > plain);
        assert!(
            (plain - score(Signal { unvouched: true, ..PLAIN }, FACTS) - UNVOUCHED).abs() < 1e-6
        );
        assert!(score(Signal { terms: 3, ..PLAIN }, FACTS) < plain);
        assert!((score(Signal { terms: 9, ..PLAIN }, FACTS) - plain).abs() < 1e-6);
        assert!((score(PLAIN, Facts { headed: true, ..FACTS }) - plain - HEADED).abs() < 1e-6);
    }
}
