//! Markdown that reviewers write: sections, and the places they name.
//!
//! Owns cutting a text at its headings and finding paths in it. Must not know which headings mean
//! what.

use std::sync::LazyLock;

use regex::Regex;

/// A heading with the text under it, up to the next heading of any level.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Section<'t> {
    /// Number of `#`; 0 before the first heading.
    pub(super) level: usize,
    pub(super) heading: &'t str,
    pub(super) text: &'t str,
}

/// Returns the sections of a text; headings inside fences are code.
pub(super) fn sections(text: &str) -> Vec<Section<'_>> {
    let mut out = vec![Section { level: 0, heading: "", text: "" }];
    let (mut at, mut from, mut fenced) = (0, 0, false);
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        fenced ^= bare.starts_with("```") || bare.starts_with("~~~");
        let level = line.bytes().take_while(|b| *b == b'#').count();
        if !fenced && (1..=6).contains(&level) && line[level..].starts_with(' ') {
            if let Some(last) = out.last_mut() {
                last.text = text[from..at].trim();
            }
            from = at + line.len();
            out.push(Section { level, heading: line[level..].trim(), text: "" });
        }
        at += line.len();
    }
    if let Some(last) = out.last_mut() {
        last.text = text[from..].trim();
    }
    out
}

/// Returns what stands under the first heading that `is` the wanted one, deeper headings included.
pub(super) fn under(sections: &[Section<'_>], is: impl Fn(&str) -> bool) -> Option<String> {
    let at = sections.iter().position(|s| s.level > 0 && is(&s.heading.to_lowercase()))?;
    let text = whole(&sections[at..]);
    (!text.is_empty()).then_some(text)
}

/// Returns the text of a section with everything below it.
pub(super) fn whole(sections: &[Section<'_>]) -> String {
    let Some(first) = sections.first() else { return String::new() };
    let mut parts = vec![first.text.to_owned()];
    for below in sections[1..].iter().take_while(|s| s.level > first.level) {
        parts.push(format!("{} {}", "#".repeat(below.level), below.heading));
        parts.push(below.text.to_owned());
    }
    parts.retain(|p| !p.is_empty());
    parts.join("\n\n")
}

/// A file and lines.
pub(super) type Place = (String, Option<u64>, Option<u64>);

/// Returns the first file a text names in backticks: `` `src/a.rs:12-15` ``, or with the lines after
/// it: `` `src/a.rs` (lines 12-15) ``.
pub(super) fn place(text: &str) -> Option<Place> {
    static PLACE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"`((?:[\w.@~-]+/)*[\w.@-]+\.[A-Za-z]\w{0,9})(?::(\d+)(?:[-–:]L?(\d+))?)?`(?:\s*\(?(?:lines?|L)\s*~?(\d+)(?:[-–](\d+))?)?")
            .expect("a constant")
    });
    let number = |c: &regex::Captures<'_>, a: usize, b: usize| {
        c.get(a).or_else(|| c.get(b)).and_then(|n| n.as_str().parse().ok())
    };
    let found = |c: regex::Captures<'_>| (c[1].to_owned(), number(&c, 2, 4), number(&c, 3, 5));
    // A name without a folder or a line may be a command or a field.
    let sure = |p: &Place| p.0.contains('/') || p.1.is_some();
    PLACE.captures_iter(text).map(found).find(sure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_places() {
        let text = "intro\n# One\na\n## Two\nb\n```\n# no heading\n```\n# Three\nc";
        let all = sections(text);
        let heads: Vec<&str> = all.iter().map(|s| s.heading).collect();
        assert_eq!(heads, ["", "One", "Two", "Three"]);
        assert_eq!(
            under(&all, |h| h == "one").unwrap(),
            "a\n\n## Two\n\nb\n```\n# no heading\n```"
        );
        assert_eq!(
            place("in `x.y` and `a/b.rs:12-15`."),
            Some(("a/b.rs".into(), Some(12), Some(15)))
        );
        assert_eq!(place("`a/b.sh` (lines ~3-4)"), Some(("a/b.sh".into(), Some(3), Some(4))));
        assert_eq!(place("`cargo test` and `self.x`"), None);
    }
}
