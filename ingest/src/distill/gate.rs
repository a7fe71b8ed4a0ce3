//! What of a distiller's answer may be kept.
//!
//! Owns every check and the words of every refusal. The gate is deterministic: the same answer to the
//! same store gives the same result, whoever answered. Must not change a lesson: what it accepts is
//! stored beside the candidates, and the pass makes the lesson.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use cemem_core::lesson::{MAX_RULE_CHARS, MAX_TITLE_CHARS, Stage};
use cemem_core::phrasing::{Advice, Phrasing};
use cemem_core::{AppliesWhen, CandidateKey, LessonId, LessonType, Timestamp};

use super::answer::{Answer, Proposal, Reach};
use super::request::{Member, Offer};
use super::words::{Other, Says, Source};
use crate::extract::{injection, wording};
use crate::redact::Redactor;

/// Fewest words of a quote, unless it is all that was said.
const MIN_QUOTE_WORDS: usize = 3;
/// Fewest words of a rule.
const MIN_RULE_WORDS: usize = 3;
/// Longest reason, in characters.
const MAX_WHY_CHARS: usize = 600;
/// Most entries of one kind in a scope.
const MAX_SCOPE: usize = 8;

/// Why a proposal is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No lesson that may be phrased has this id.
    UnknownLesson,
    /// The answer has a proposal for this lesson already.
    Twice,
    /// It names no words it rests on.
    NoQuote,
    /// A quote is too short to show anything.
    ShortQuote,
    /// A quote is not among the lesson's evidence.
    InventedQuote,
    /// There is no rule, or one too short to follow.
    NoRule,
    /// A text is too long.
    TooLong,
    /// A text holds characters that hide or reorder others.
    Hidden,
    /// A text holds a secret.
    Secret,
    /// A text speaks to an agent, or following it could harm.
    Instruction,
    /// The rule holds a number the evidence lacks.
    NewNumber(String),
    /// The rule holds a name the evidence lacks.
    NewName(String),
    /// The rule asks for what the evidence forbids, or forbids what it does not.
    Polarity,
    /// The rule puts the words of the evidence in another order, and order matters.
    Order,
    /// The rule is about something else than its evidence.
    Unsupported,
    /// The advice is neither of the two.
    UnknownAdvice,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownLesson => "no lesson that may be phrased has this id",
            Self::Twice => "a second proposal for the same lesson",
            Self::NoQuote => "it quotes nothing",
            Self::ShortQuote => "a quote is too short to show anything",
            Self::InventedQuote => "a quote is not in the evidence",
            Self::NoRule => "there is no rule, or one too short to follow",
            Self::TooLong => "a text is too long",
            Self::Hidden => "a text holds hidden characters",
            Self::Secret => "a text holds a secret",
            Self::Instruction => "a text speaks to the agent, or following it could harm",
            Self::NewNumber(n) => {
                return write!(f, "the rule says `{n}`, which the evidence does not");
            }
            Self::NewName(n) => {
                return write!(f, "the rule names `{n}`, which the evidence does not");
            }
            Self::Polarity => "the rule turns what the evidence asks for or forbids",
            Self::Order => "the rule changes the order of what the evidence says",
            Self::Unsupported => "the rule is about something else than its evidence",
            Self::UnknownAdvice => "the advice is neither `keep` nor `not_a_lesson`",
        })
    }
}

/// A proposal that passed.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// The lesson it was made for.
    pub lesson: LessonId,
    /// The candidates whose words it quotes, in the order of their keys.
    pub candidates: Vec<CandidateKey>,
    /// The distiller advises against the lesson; all else is empty then.
    pub not_a_lesson: bool,
    /// Proposed type.
    pub lesson_type: Option<LessonType>,
    /// A short name.
    pub title: String,
    /// One sentence.
    pub rule: String,
    /// Why it holds.
    pub why: Option<String>,
    /// Where it applies.
    pub applies_when: AppliesWhen,
    /// The rule says it in other words than the evidence.
    pub paraphrase: bool,
    /// Parts of the proposal that were left out, with the reason.
    pub left_out: Vec<String>,
}

impl Accepted {
    /// Returns it as it is stored.
    #[must_use]
    pub fn phrasing(&self, by: &str, ts: Timestamp) -> Phrasing {
        Phrasing {
            candidates: self.candidates.clone(),
            advice: if self.not_a_lesson { Advice::NotALesson } else { Advice::Keep },
            lesson_type: self.lesson_type,
            title: self.title.clone(),
            rule: self.rule.clone(),
            why: self.why.clone(),
            applies_when: self.applies_when.clone(),
            paraphrase: self.paraphrase,
            by: by.to_owned(),
            ts,
        }
    }
}

/// A proposal that did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the proposal calls its lesson.
    pub id: String,
    /// Why.
    pub why: Refusal,
}

/// What became of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdicts {
    /// In the order of the answer.
    pub accepted: Vec<Accepted>,
    /// In the order of the answer.
    pub refused: Vec<Refused>,
}

/// See the module.
pub struct Gate<'a> {
    offers: BTreeMap<&'a str, &'a Offer>,
    redactor: &'a Redactor,
}

impl<'a> Gate<'a> {
    /// Returns the gate for lessons that may be phrased.
    #[must_use]
    pub fn new(offers: &'a [Offer], redactor: &'a Redactor) -> Self {
        let offers = offers.iter().map(|o| (o.lesson.id.as_str(), o)).collect();
        Self { offers, redactor }
    }

    /// Judges an answer.
    #[must_use]
    pub fn judge(&self, answer: &Answer) -> Verdicts {
        let mut verdicts = Verdicts::default();
        let mut seen = HashSet::new();
        for proposal in &answer.proposals {
            let judged = match self.offers.get(proposal.id.trim()) {
                None => Err(Refusal::UnknownLesson),
                Some(offer) if !seen.insert(&offer.lesson.id) => Err(Refusal::Twice),
                Some(offer) => self.one(offer, proposal),
            };
            match judged {
                Ok(accepted) => verdicts.accepted.push(accepted),
                Err(why) => {
                    let id = wording::clip(&wording::clean_line(&proposal.id), 40);
                    let id = self.redactor.redact(&id).into_owned();
                    verdicts.refused.push(Refused { id, why });
                }
            }
        }
        verdicts
    }

    fn one(&self, offer: &Offer, proposal: &Proposal) -> Result<Accepted, Refusal> {
        let quoted = quoted(offer, &proposal.quotes)?;
        let mut accepted = Accepted {
            lesson: offer.lesson.id.clone(),
            candidates: quoted.iter().map(|m| m.key.clone()).collect(),
            not_a_lesson: false,
            lesson_type: None,
            title: String::new(),
            rule: String::new(),
            why: None,
            applies_when: AppliesWhen::default(),
            paraphrase: false,
            left_out: Vec::new(),
        };
        match proposal.advice.trim() {
            "" | "keep" => {}
            "not_a_lesson" => return Ok(Accepted { not_a_lesson: true, ..accepted }),
            _ => return Err(Refusal::UnknownAdvice),
        }
        let texts = [Some(&proposal.rule), proposal.title.as_ref(), proposal.why.as_ref()];
        for text in texts.into_iter().flatten() {
            self.harmless(text)?;
        }
        too_long(&proposal.rule, MAX_RULE_CHARS)?;
        let rule = wording::rule(&proposal.rule);
        if rule.split_whitespace().count() < MIN_RULE_WORDS {
            return Err(Refusal::NoRule);
        }
        // The rule of a candidate is cut from its evidence; what stands beside it there is the title.
        let texts = quoted.iter().flat_map(|m| m.quotes.iter().chain([&m.rule]));
        let mut source = Source::new(texts.map(String::as_str));
        accepted.paraphrase = match source.says(&rule) {
            Says::Same => false,
            Says::InOtherWords => true,
            Says::Other(other) => return Err(refusal(other)),
        };
        accepted.title = match &proposal.title {
            Some(title) if short_and_same(&mut source, title, MAX_TITLE_CHARS) => {
                wording::clean_line(title)
            }
            Some(_) => {
                accepted.left_out.push("the title: it is not in the words of the evidence".into());
                wording::title(&rule)
            }
            None => wording::title(&rule),
        };
        accepted.why = match &proposal.why {
            Some(why) if short_and_same(&mut source, why, MAX_WHY_CHARS) => {
                Some(wording::clean_line(why))
            }
            Some(why) if !why.trim().is_empty() => {
                accepted.left_out.push("the reason: it is not in the words of the evidence".into());
                None
            }
            _ => None,
        };
        accepted.lesson_type = proposal.lesson_type.as_deref().and_then(LessonType::parse);
        if let Some(reach) = &proposal.applies_when {
            accepted.applies_when = self.reach(reach, &source, &mut accepted.left_out);
        }
        accepted.rule = rule;
        Ok(accepted)
    }

    fn harmless(&self, text: &str) -> Result<(), Refusal> {
        if text.chars().any(wording::is_trick) {
            return Err(Refusal::Hidden);
        }
        if self.redactor.redact(text) != text {
            return Err(Refusal::Secret);
        }
        if injection::is_suspicious(text) { Err(Refusal::Instruction) } else { Ok(()) }
    }

    /// Returns what of a scope the evidence names.
    fn reach(&self, reach: &Reach, source: &Source, left_out: &mut Vec<String>) -> AppliesWhen {
        let mut take = |items: &[String]| {
            let (mut kept, mut out) = (Vec::new(), 0);
            for item in items {
                let known = source.holds(item) && self.harmless(item).is_ok();
                if known && item.len() <= 200 && kept.len() < MAX_SCOPE {
                    kept.push(wording::clean_line(item));
                } else {
                    out += 1;
                }
            }
            if out > 0 {
                left_out.push(format!("{out} parts of its reach: the evidence does not name them"));
            }
            kept
        };
        AppliesWhen {
            paths: take(&reach.paths),
            commands: take(&reach.commands),
            symbols: take(&reach.symbols),
            stages: reach.stages.iter().filter_map(|s| Stage::parse(s)).take(3).collect(),
            ..AppliesWhen::default()
        }
    }
}

/// Returns the candidates whose evidence holds one of the quotes.
fn quoted<'o>(offer: &'o Offer, quotes: &[String]) -> Result<Vec<&'o Member>, Refusal> {
    if quotes.iter().all(|q| q.trim().is_empty()) {
        return Err(Refusal::NoQuote);
    }
    let mut found: BTreeMap<&CandidateKey, &Member> = BTreeMap::new();
    for quote in quotes {
        let rows = offer.members.iter().flat_map(|m| m.quotes.iter().map(move |q| (m, q)));
        let holding: Vec<_> = rows.filter(|(_, row)| row.contains(quote.as_str())).collect();
        if holding.is_empty() {
            return Err(Refusal::InventedQuote);
        }
        let whole = holding.iter().any(|(_, row)| row.trim() == quote.trim());
        if !whole && quote.split_whitespace().count() < MIN_QUOTE_WORDS {
            return Err(Refusal::ShortQuote);
        }
        found.extend(holding.into_iter().map(|(member, _)| (&member.key, member)));
    }
    Ok(found.into_values().collect())
}

fn short_and_same(source: &mut Source, text: &str, max: usize) -> bool {
    text.chars().count() <= max && source.says(&wording::clean_line(text)) == Says::Same
}

fn too_long(text: &str, max: usize) -> Result<(), Refusal> {
    if text.chars().count() > max { Err(Refusal::TooLong) } else { Ok(()) }
}

fn refusal(other: Other) -> Refusal {
    match other {
        Other::Number(n) => Refusal::NewNumber(n),
        Other::Name(n) => Refusal::NewName(n),
        Other::Polarity => Refusal::Polarity,
        Other::Order => Refusal::Order,
        Other::Words => Refusal::Unsupported,
    }
}
