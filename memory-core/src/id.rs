//! Ids: how they are derived from content, printed and shortened.
//!
//! Owns every hash that becomes an identity. Must not depend on time or randomness: the same
//! content has the same id on every machine, so that two ingests of one session agree.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Hex digits shown for a lesson id: 24 bits, widened by the store when two would collide.
const SHORT: usize = 6;
/// Hex digits of a whole hash.
const LONGEST: usize = 64;

/// Returns the hex SHA-256 of the parts, each length-prefixed so that `["ab","c"]` and `["a","bc"]`
/// differ.
#[must_use]
pub fn digest<I, B>(parts: I) -> String
where
    I: IntoIterator<Item = B>,
    B: AsRef<[u8]>,
{
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        for half in [byte >> 4, byte & 15] {
            hex.push(char::from(DIGITS[usize::from(half)]));
        }
        hex
    })
}

/// A lesson's printable id, `L-7f3a2c`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LessonId(pub String);

impl LessonId {
    /// The most digits an id can be longer than usual.
    pub const MAX_EXTRA: usize = LONGEST - SHORT;

    /// Returns the id derived from `seed` (a candidate key, or a remembered text with its time),
    /// `extra` digits longer than usual. The store asks for more digits on a collision.
    #[must_use]
    pub fn derive(seed: &str, extra: usize) -> Self {
        let hex = digest([seed]);
        Self(format!("L-{}", &hex[..(SHORT + extra).min(hex.len())]))
    }

    /// Returns the id that is written like this: `L-` and 6 to 64 lower-case hex digits. Anything
    /// else is no id of cemem, and must not become one: ids are printed into files and terminals.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("L-")?;
        let is_hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (is_hex && (SHORT..=LONGEST).contains(&digits.len())).then(|| Self(text.to_owned()))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LessonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A candidate's identity: the hash of its signal and of the events it rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CandidateKey(pub String);

impl CandidateKey {
    /// Returns the key of a candidate found by `signal` in these events (`(engine, event key)`).
    #[must_use]
    pub fn derive<'a>(signal: &str, events: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut parts = vec![signal.to_owned()];
        for (engine, key) in events {
            parts.push(engine.to_owned());
            parts.push(key.to_owned());
        }
        let mut hex = digest(&parts);
        hex.truncate(32);
        Self(hex)
    }
}

impl fmt::Display for CandidateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_prefix_compatible() {
        let id = LessonId::derive("seed", 0);
        assert_eq!(id.as_str().len(), 2 + SHORT);
        assert!(LessonId::derive("seed", 4).as_str().starts_with(id.as_str()));
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
    }

    #[test]
    fn only_ids_that_cemem_derives_are_ids() {
        let longest = LessonId::derive("seed", LessonId::MAX_EXTRA);
        assert_eq!(LessonId::parse(longest.as_str()), Some(longest.clone()));
        for id in ["L-7f3a2c", "L-0123456789abcdef"] {
            assert_eq!(LessonId::parse(id).unwrap().as_str(), id);
        }
        let too_long = format!("{longest}0");
        let bad =
            ["", "L-", "L-7f3a2", "L-7F3A2C", "7f3a2c", "my-lesson", "L-7f3a2c\n", "L-7f3a\u{1b}c"];
        for id in bad.into_iter().chain([too_long.as_str()]) {
            assert_eq!(LessonId::parse(id), None, "{id:?}");
        }
    }
}
