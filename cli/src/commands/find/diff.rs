//! What a unified diff touches.
//!
//! Owns the reading of its headers and hunks. Must not apply it.

use serde::Serialize;

/// Most files, hunks and symbols kept.
const MOST: usize = 200;
/// Longest excerpt, in lines and in characters.
const EXCERPT: (usize, usize) = (80, 4000);
/// What stands before a name that a line defines.
const DEFINES: &[&str] = &[
    "fn",
    "func",
    "function",
    "def",
    "class",
    "struct",
    "enum",
    "trait",
    "interface",
    "type",
    "module",
    "mod",
    "impl",
    "const",
    "let",
    "var",
];

/// The parts of a diff that say what the work is about.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct DiffState {
    /// The files it changes, as they are called afterwards.
    pub files: Vec<String>,
    /// Names that its lines define.
    pub symbols: Vec<String>,
    /// What stands behind the hunk headers: where in the file.
    pub hunks: Vec<String>,
    added_lines: usize,
    removed_lines: usize,
    /// Its first changed lines.
    pub excerpt: String,
}

impl DiffState {
    /// Reads a diff; text that is none gives an empty one.
    pub(super) fn new(text: &str) -> Self {
        let mut out = Self::default();
        let mut excerpt = Vec::new();
        let mut in_hunk = false;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("diff --git ") {
                in_hunk = false;
                let file = rest.rsplit_once(" b/").map(|(_, file)| file);
                add(&mut out.files, file.unwrap_or_default());
            } else if let Some(rest) = line.strip_prefix("@@ ") {
                in_hunk = true;
                let place = rest.split_once("@@").map(|(_, place)| place.trim());
                add(&mut out.hunks, place.unwrap_or_default());
            } else if let Some(file) = line.strip_prefix("+++ ").filter(|_| !in_hunk) {
                let file = file.split('\t').next().unwrap_or_default();
                let file = if file == "/dev/null" { "" } else { file };
                add(&mut out.files, file.strip_prefix("b/").unwrap_or(file));
            } else if in_hunk && line.starts_with(['+', '-']) {
                *if line.starts_with('+') {
                    &mut out.added_lines
                } else {
                    &mut out.removed_lines
                } += 1;
                for name in defined(&line[1..]) {
                    add(&mut out.symbols, name);
                }
                if excerpt.len() < EXCERPT.0 && !line[1..].trim().is_empty() {
                    excerpt.push(line.trim_end());
                }
            }
        }
        out.excerpt = excerpt.join("\n").chars().take(EXCERPT.1).collect();
        out
    }

    /// Returns whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn add(into: &mut Vec<String>, text: &str) {
    if !text.is_empty() && into.len() < MOST && !into.iter().any(|known| known == text) {
        into.push(text.to_owned());
    }
}

/// Returns the names that a line of code defines.
fn defined(line: &str) -> impl Iterator<Item = &str> {
    let words: Vec<&str> = line
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
        .filter(|word| !word.is_empty())
        .collect();
    let names: Vec<&str> = words
        .windows(2)
        .filter(|pair| DEFINES.contains(&pair[0]) && !DEFINES.contains(&pair[1]))
        .map(|pair| pair[1])
        .filter(|name| !name.starts_with(|c: char| c.is_ascii_digit()) && *name != "mut")
        .collect();
    names.into_iter()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn files_places_and_names() {
        let diff = DiffState::new(
            "diff --git a/old.rs b/src/new.rs\n--- a/old.rs\n+++ b/src/new.rs\n\
             @@ -1,2 +1,3 @@ impl Pool {\n-    fn open(&self) {\n+    pub fn close(&self) {\n++++ x\n \n\
             --- a/x.sql\t2026\n+++ /dev/null\n",
        );
        assert_eq!(diff.files, ["src/new.rs"]);
        assert_eq!(diff.hunks, ["impl Pool {"]);
        assert_eq!(diff.symbols, ["open", "close"]);
        // The last two lines look like a header, but a diff without `diff --git` says no better.
        assert_eq!((diff.added_lines, diff.removed_lines), (3, 2));
        assert!(diff.excerpt.starts_with("-    fn open(&self) {\n+    pub fn close"));
        assert!(DiffState::new("no diff at all\n").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(diff --git a/\\PC b/|@@ |\\+\\+\\+ |[+-]|fn \\PC|\n|\\PC){0,60}") {
            let diff = DiffState::new(&text);
            prop_assert!(diff.excerpt.chars().count() <= EXCERPT.1);
        }
    }
}
