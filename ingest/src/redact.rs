//! Secrets and private sections are taken out of text before anything is stored.
//!
//! Owns [`Redactor`], the table of known secret shapes and the tests that tell a secret from a hash
//! or a variable name. Must not store or log what it finds.
//!
//! One pass looks for the fixed start of every shape; only where one is found is the
//! shape's regular expression tried, anchored at that place. Clean text costs one pass. A table of
//! our own, because the libraries at hand either redact every git hash or bring hundreds of
//! unanchored patterns.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

mod anchors;
mod proof;
mod rules;

use anchors::Anchors;
use proof::{is_assigned, is_mixed, is_random};
use rules::{Proof, RULES};

/// Takes secrets and private sections out of text. Build one and share it.
pub struct Redactor {
    anchors: Anchors,
    /// Rule of each anchor.
    owners: Vec<usize>,
    /// Compiled when a rule's anchor is first met: a command that stores one sentence must not wait
    /// for all of them.
    patterns: Vec<LazyLock<Regex, Compile>>,
}

type Compile = Box<dyn FnOnce() -> Regex + Send + Sync>;

impl Default for Redactor {
    fn default() -> Self {
        Self::new()
    }
}

impl Redactor {
    /// Compiles the table.
    #[must_use]
    pub fn new() -> Self {
        let mut words = vec![PRIVATE_OPEN];
        let mut owners = vec![usize::MAX];
        for (at, rule) in RULES.iter().enumerate() {
            for anchor in rule.anchors {
                words.push(anchor);
                owners.push(at);
            }
        }
        let patterns = RULES
            .iter()
            .map(|r| {
                let compile = || Regex::new(r.pattern).expect("constant patterns are tested");
                LazyLock::new(Box::new(compile) as Compile)
            })
            .collect();
        Self { anchors: Anchors::new(words), owners, patterns }
    }

    /// Redacts every text inside a JSON value, names of fields excepted.
    pub fn redact_value(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => {
                if let Cow::Owned(clean) = self.redact(text) {
                    *text = clean;
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|v| self.redact_value(v)),
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    // `"password": "…"` is one text elsewhere, but key and value here.
                    if let serde_json::Value::String(text) = value
                        && let Some(kind) = self.assigned(key, text)
                    {
                        *text = format!("[redacted:{kind}]");
                    }
                    self.redact_value(value);
                }
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
            }
        }
    }

    /// Returns `text` with every secret replaced by `[redacted:KIND]` and every
    /// `<private>…</private>` removed with its content (an unclosed one to the text's end).
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut cuts: Vec<(usize, usize, Option<&'static str>)> = Vec::new();
        let mut done = 0;
        for (at, anchor) in self.anchors.find(text) {
            let owner = self.owners[anchor];
            if at < done {
                // A name within what was found may claim a longer value: `_authToken=` and `token`.
                // Only names of values: their patterns are short, while each of a thousand openings of
                // keys within one key would read on to its end.
                if RULES.get(owner).is_some_and(|rule| rule.proof == Proof::Assigned)
                    && let Some((_, end)) = self.secret(owner, text, at).filter(|s| s.1 > done)
                    && let Some(last) = cuts.last_mut()
                {
                    (last.1, done) = (end, end);
                }
                continue;
            }
            if owner == usize::MAX {
                done = private_end(text, at);
                cuts.push((at, done, None));
            } else if let Some((start, end)) = self.secret(owner, text, at) {
                cuts.push((start, end, Some(RULES[owner].kind)));
                done = end;
            }
        }
        if cuts.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (start, end, kind) in cuts {
            out.push_str(&text[at..start]);
            if let Some(kind) = kind {
                out.push_str("[redacted:");
                out.push_str(kind);
                out.push(']');
            }
            at = end;
        }
        out.push_str(&text[at..]);
        Cow::Owned(out)
    }

    /// Returns the kind of secret that `value` is when it stands under `key` in a data file.
    #[must_use]
    pub fn assigned(&self, key: &str, value: &str) -> Option<&'static str> {
        let line = format!("{key}: \"{value}\"");
        let found = matches!(self.redact(&line), Cow::Owned(_));
        found.then_some("value")
    }

    /// The span of the secret of rule `owner` whose anchor stands at `at`.
    fn secret(&self, owner: usize, text: &str, at: usize) -> Option<(usize, usize)> {
        let rule = &RULES[owner];
        let before = text[..at].chars().next_back();
        let starts_word = !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
            || ends_in_escape(&text.as_bytes()[..at]);
        if matches!(rule.proof, Proof::Shape | Proof::Random) && !starts_word {
            return None;
        }
        let rest = &text[at..];
        let found = self.patterns[owner].captures(rest)?;
        let whole = found.get(0)?;
        let secret = found.name("value").or_else(|| found.get(1)).unwrap_or(whole);
        let next = rest[secret.end()..].chars().next();
        let holds = match rule.proof {
            Proof::Anywhere => true,
            Proof::Shape => !next.is_some_and(|c| c.is_ascii_alphanumeric()),
            Proof::Random => is_random(secret.as_str(), 16),
            Proof::Random6 => is_mixed(secret.as_str()),
            Proof::Cookie => secret.as_str().split([';', '=', ' ']).any(|v| is_random(v, 12)),
            Proof::Assigned => is_assigned(text, at, &found, next),
        };
        holds.then_some((at + secret.start(), at + secret.end()))
    }
}

/// Whether a text ends in an escape sequence of JSON, C or a URL (`\\n`, `\\u000a`, `\\x1b`, `%0a`),
/// whose last letter is no part of the word that follows.
fn ends_in_escape(before: &[u8]) -> bool {
    let hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    match before {
        [.., b'\\', b'n' | b't' | b'r' | b'b' | b'f' | b'v' | b'0' | b'a' | b'e'] => true,
        _ => {
            let tail = |n: usize| before.len().checked_sub(n).map(|from| &before[from..]);
            tail(6).is_some_and(|t| t.starts_with(b"\\u") && hex(&t[2..]))
                || tail(4).is_some_and(|t| t.starts_with(b"\\x") && hex(&t[2..]))
                || tail(3).is_some_and(|t| t[0] == b'%' && hex(&t[1..]))
        }
    }
}

const PRIVATE_OPEN: &str = "<private>";
const PRIVATE_CLOSE: &str = "</private>";

/// Where the private section that opens at `start` ends; sections may be nested.
fn private_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let starts_with = |at: usize, word: &str| {
        bytes.get(at..at + word.len()).is_some_and(|b| b.eq_ignore_ascii_case(word.as_bytes()))
    };
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(step) = memchr::memchr(b'<', &bytes[at..]) {
        at += step;
        if starts_with(at, PRIVATE_OPEN) {
            depth += 1;
            at += PRIVATE_OPEN.len();
        } else if starts_with(at, PRIVATE_CLOSE) {
            depth -= 1;
            at += PRIVATE_CLOSE.len();
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests;
