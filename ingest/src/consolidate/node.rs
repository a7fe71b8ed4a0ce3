//! One wording and everything that says it.
//!
//! Owns what makes wordings one, and what tells a wording from all others of a store. Must not compare
//! wordings: `pairs` does.

use cemem_core::store::StoredCandidate;
use cemem_core::{Candidate, CandidateKey, Lesson, LessonId, Signal, Trust};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::packed::Packed;
use super::skeleton::skeleton;
use super::speech::said_by_marks;
use super::text::{Features, Words};

/// Kinds of rules that are never merged with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Class {
    /// Rules people state.
    Rule,
    /// Failures and their fixes.
    Fix,
    /// Whole documents.
    Document,
    /// Findings of programs; a person's are rules.
    Finding,
    /// Text no one vouches for.
    Untrusted,
}

impl Class {
    /// All, in their order.
    pub(crate) const ALL: [Self; 5] =
        [Self::Rule, Self::Fix, Self::Document, Self::Finding, Self::Untrusted];
}

/// Returns the class of a candidate.
pub(crate) fn class_of(candidate: &Candidate) -> Class {
    match candidate.signal {
        _ if candidate.trust == Trust::ToolOutput => Class::Untrusted,
        Signal::FailFix => Class::Fix,
        Signal::Document => Class::Document,
        Signal::Finding if candidate.trust < Trust::HumanReview => Class::Finding,
        _ => Class::Rule,
    }
}

/// A hash that names a wording.
pub(crate) type NodeName = [u8; 16];

/// One wording and everything that says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Node {
    /// A hash of what makes wordings one.
    pub(crate) name: NodeName,
    /// A hash of the name and of the text that the features come from.
    pub(crate) id: NodeName,
    pub(crate) class: Class,
    /// The topic words of its features: of most nodes nothing more is asked.
    pub(crate) words: Vec<u32>,
    /// Its features take sides.
    pub(crate) takes_sides: bool,
    features: Packed<Features>,
    /// The candidates that say it, in their order.
    pub(crate) members: Vec<CandidateKey>,
    /// The lesson that stands for it, where that is not the pass's own.
    pub(crate) anchor: Option<LessonId>,
    /// Such a lesson says it itself.
    pub(crate) is_lesson: bool,
    /// The folded words, for a model; what comes from an earlier pass has none.
    #[serde(skip)]
    pub(crate) text: String,
}

impl Node {
    /// Returns what orders the nodes of a store, whatever order they came in: of a word that many hold,
    /// those lead that a person decided about, then the shortest.
    pub(crate) fn place(&self) -> (Class, bool, usize, NodeName) {
        (self.class, self.anchor.is_none(), self.words.len(), self.name)
    }

    /// Gives it the text that it is compared by.
    pub(crate) fn told(mut self, source: &str, words: &mut Words) -> Self {
        self.id = hash([&self.name[..], source.as_bytes()]);
        let features = words.read(source);
        self.words.clone_from(&features.words);
        self.takes_sides = !features.sides.is_empty();
        self.features = features.into();
        self
    }

    /// Returns what the text that it is compared by is made of.
    pub(crate) fn features(&self) -> &Features {
        self.features.get()
    }
}

/// What makes wordings one: the class, the folded words, and what keeps it apart from the same words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wording {
    pub(crate) class: Class,
    pub(crate) text: String,
    pub(crate) apart: String,
}

impl Wording {
    /// Returns the wording of a candidate, which may be tied to a person's lesson.
    pub(crate) fn of(candidate: &Candidate, tied: Option<&Lesson>) -> Self {
        let class = class_of(candidate);
        let text = || folded(words_of(candidate));
        match tied {
            // What is compared only with its own kind has to meet what a person decided there, too.
            Some(lesson) if matches!(class, Class::Rule | Class::Document) => {
                Self::of_lesson(lesson)
            }
            Some(lesson) => Self { class, text: text(), apart: lesson.id.to_string() },
            // Two documents are one only if they are the same document.
            None if class == Class::Document => {
                Self { class, text: text(), apart: folded(&candidate.title) }
            }
            None => Self { class, text: text(), apart: String::new() },
        }
    }

    /// Returns the wording of a lesson that is not the pass's own: a node of its own, so that two of
    /// them are never one.
    pub(crate) fn of_lesson(lesson: &Lesson) -> Self {
        Self { class: Class::Rule, text: folded(&lesson.rule), apart: lesson.id.to_string() }
    }

    pub(crate) fn name(&self) -> NodeName {
        hash([&[self.class as u8][..], self.text.as_bytes(), self.apart.as_bytes()])
    }

    /// Returns a node without features.
    pub(crate) fn node(&self, members: Vec<CandidateKey>, anchor: Option<LessonId>) -> Node {
        Node {
            name: self.name(),
            id: NodeName::default(),
            class: self.class,
            words: Vec::new(),
            takes_sides: false,
            features: Packed::default(),
            members,
            anchor,
            is_lesson: false,
            text: self.text.clone(),
        }
    }
}

/// Returns the words that a node of these candidates is compared by: of wordings that differ only in
/// case, the one with capitals knows the names.
pub(crate) fn source<'a>(
    members: impl IntoIterator<Item = &'a StoredCandidate>,
) -> Option<&'a str> {
    members.into_iter().map(|m| words_of(&m.candidate)).max()
}

/// Returns the words that tell a candidate from others: of a fix the failure, not the files.
fn words_of(candidate: &Candidate) -> &str {
    if class_of(candidate) == Class::Fix { &candidate.title } else { &candidate.rule }
}

/// Returns a wording without case, punctuation at its ends and repeated white space.
pub(crate) fn folded(rule: &str) -> String {
    let line = crate::extract::wording::clean_line(&skeleton(&said_by_marks(rule))).to_lowercase();
    line.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '`' | '@' | '#' | '.' | '/'))
        .trim_end_matches('.')
        .to_owned()
}

/// Returns a hash of these parts.
pub(crate) fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> NodeName {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    *hash.finalize().first_chunk().expect("the hash has 32 bytes")
}
