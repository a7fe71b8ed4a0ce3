//! Whether a decision record is in force.
//!
//! Owns where such records state it: front matter, a line `Status: …`, a section `Status`. Must not
//! judge the decision.

use serde_json::Value;

/// How far down a status is looked for, in lines.
const REACH: usize = 60;
/// What a decision is called that does not hold: not yet, or no longer.
const OVER: &[&str] = &[
    "superseded",
    "superceded",
    "replaced",
    "deprecated",
    "rejected",
    "declined",
    "withdrawn",
    "obsolete",
    "proposed",
    "proposal",
    "draft",
    "pending",
    "open",
    "in progress",
    "in review",
];

/// Returns whether the decision holds; one that says nothing about it does.
pub(super) fn is_in_force(text: &str, meta: &Value) -> bool {
    let superseded = ["superseded_by", "superseded-by", "supersededBy"]
        .iter()
        .any(|k| meta.get(*k).is_some_and(|v| !v.is_null() && v.as_str() != Some("")));
    let status = match meta.get("status").and_then(Value::as_str) {
        Some(status) => Some(plain(status)),
        None => stated(text),
    };
    // nygard's tools append lines: the last word counts, but "supersedes" speaks of another record.
    let over = |s: &str| OVER.iter().any(|word| s.starts_with(word)) || s.contains("superseded by");
    !superseded && !status.is_some_and(|s| over(&s))
}

/// Returns the status in the text, all lines of its section as one.
fn stated(text: &str) -> Option<String> {
    let mut lines = text.lines().take(REACH);
    while let Some(line) = lines.next() {
        let words = plain(line);
        if line.trim_start().starts_with('#') && words == "status" {
            let section = lines.take_while(|l| !l.trim_start().starts_with('#'));
            return Some(
                section.map(plain).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" "),
            );
        }
        if let Some(status) = words.strip_prefix("status:") {
            return Some(status.trim().to_owned());
        }
    }
    None
}

/// Returns a line without Markdown's signs, in lower case.
fn plain(line: &str) -> String {
    let line = line.replace(['*', '_', '~', '`', '[', ']'], "").to_lowercase();
    line.trim_start_matches(|c: char| !c.is_alphanumeric()).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_way_to_state_it_is_read() {
        for text in [
            "# 1. Use X\n\n## Status\n\nAccepted\n\n## Context\n",
            "# Use X\n\n* Status: accepted\n",
            "# Use X\n\n## Status\n\nAccepted\n\nSupersedes [2. Use Y](0002.md)\n",
            "# Use X\n\nWe use X.\n",
        ] {
            assert!(is_in_force(text, &json!({})), "{text}");
        }
        for text in [
            "# Use X\n\n## Status\n\nSuperseded by [9. Use Z](0009.md)\n",
            "# Use X\n\n## Status\n\nAccepted\n\nSuperseded by [9. Use Z](0009.md)\n",
            "# Use X\n\n**Status:** Deprecated\n",
            "# Use X\n\n- Status: proposed\n",
        ] {
            assert!(!is_in_force(text, &json!({})), "{text}");
        }
        assert!(!is_in_force("# X", &json!({"status": "superseded by ADR-0009"})));
        assert!(!is_in_force("# X", &json!({"status": "accepted", "superseded_by": "0009"})));
        assert!(is_in_force("# X\n\nStatus: draft", &json!({"status": "Accepted"})));
    }
}
