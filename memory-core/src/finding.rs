//! One review finding, in one vocabulary for every analyzer, reviewer and report format.
//!
//! Owns [`Finding`] and its fingerprint. Must not know any report's format: readers translate into
//! this. Text in a finding is redacted and bounded like every event's.

use serde::{Deserialize, Serialize};

use crate::id::digest;

/// How bad it is, on the one scale every format is mapped to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A remark: note, info, hint, nitpick, P4.
    Info,
    /// Low, minor, style, P3.
    Low,
    /// Medium, warning, P2; also what a report without a level means.
    #[default]
    Medium,
    /// High, error, major, P1.
    High,
    /// Critical, blocker, P0.
    Critical,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingStatus {
    /// Nothing says otherwise.
    #[default]
    Open,
    /// A commit is named that fixed it.
    Fixed,
    /// Its thread was resolved.
    Resolved,
    /// Suppressed, dismissed or "won't fix": evidence against the rule.
    Dismissed,
    /// The code it spoke of has changed.
    Outdated,
}

/// Who found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorKind {
    /// A person.
    Human,
    /// A reviewer that is a program with a model.
    Bot,
    /// A deterministic analyzer, a compiler, a test runner.
    #[default]
    Analyzer,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Finding {
    /// The analyzer or the place it was written: `CodeQL`, `ruff`, `github`.
    pub tool: String,
    /// The analyzer's rule: `py/sql-injection`, `E501`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_id: Option<String>,
    /// How bad, on the common scale.
    pub severity: Severity,
    /// The level as the source wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Category or tags, as the source wrote them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// File it is about, relative to the repository where that is known, with `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// First line, 1-based.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_start: Option<u64>,
    /// Last line, 1-based, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_end: Option<u64>,
    /// First column, 1-based, in the source's own unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column_start: Option<u64>,
    /// Commit the finding speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// A short name, where the source has one apart from the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do instead: a suggestion block, a fix text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// The code it speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
    /// Who wrote it, by the source's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// What kind of author.
    pub author_kind: AuthorKind,
    /// What became of it.
    pub status: FindingStatus,
    /// The commit that fixed it, where one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_by: Option<String>,
    /// Thread it belongs to, by the source's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// A later word in somebody else's thread: not a finding of its own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reply: bool,
    /// Where people read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The same for the same flaw in other reports, commits and pull requests:
    /// [`Finding::fingerprint_of`], unless the source has a sound one of its own.
    pub fingerprint: String,
}

impl Finding {
    /// Returns the fingerprint of rule, path and code (the message where there is no code), with
    /// line numbers and spacing left out: 24 hex digits.
    #[must_use]
    pub fn fingerprint_of(&self) -> String {
        let rule = self.rule_id.as_deref().unwrap_or_default();
        let path = self.path.as_deref().unwrap_or_default();
        let code = normalise(self.snippet.as_deref().unwrap_or(&self.message));
        let mut hex = digest([
            self.tool.to_lowercase().as_bytes(),
            rule.as_bytes(),
            path.as_bytes(),
            code.as_bytes(),
        ]);
        hex.truncate(24);
        hex
    }

    /// Fills in the fingerprint if the source had none.
    #[must_use]
    pub fn with_fingerprint(mut self) -> Self {
        if self.fingerprint.is_empty() {
            self.fingerprint = self.fingerprint_of();
        }
        self
    }
}

/// Digits become `0` and runs of white space one space, so that a moved or re-indented line keeps
/// its fingerprint.
fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        let mut digits = false;
        for c in word.chars() {
            if !c.is_ascii_digit() {
                out.push(c);
            } else if !digits {
                out.push('0');
            }
            digits = c.is_ascii_digit();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(snippet: &str, line: u64) -> Finding {
        Finding {
            tool: "Ruff".into(),
            rule_id: Some("E501".into()),
            path: Some("a/b.py".into()),
            line_start: Some(line),
            message: format!("line {line} is long"),
            snippet: Some(snippet.into()),
            ..Finding::default()
        }
    }

    #[test]
    fn a_moved_line_keeps_its_fingerprint_and_another_rule_does_not() {
        let one = finding("    let x = 12;\n", 4);
        assert_eq!(one.fingerprint_of(), finding("let  x = 7;", 90).fingerprint_of());
        let other = Finding { rule_id: Some("E502".into()), ..one.clone() };
        assert_ne!(one.fingerprint_of(), other.fingerprint_of());
        let elsewhere = Finding { path: Some("a/c.py".into()), ..one.clone() };
        assert_ne!(one.fingerprint_of(), elsewhere.fingerprint_of());
        let given = Finding { fingerprint: "abc".into(), ..one };
        assert_eq!(given.with_fingerprint().fingerprint, "abc");
    }

    #[test]
    fn what_is_unknown_is_not_written() {
        let text = serde_json::to_string(&Finding::default()).unwrap();
        assert!(!text.contains("null") && !text.contains("reply"), "{text}");
        assert_eq!(serde_json::from_str::<Finding>(&text).unwrap(), Finding::default());
    }
}
