//! What a unified diff touches.
//!
//! Owns which parts of it say what the work is about. Must not read the notation: `predict` does.

use cemem_retrieve::predict::Diff;
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
    /// Names that its new lines and the heads of its hunks define.
    pub symbols: Vec<String>,
    /// What stands behind the hunk headers: where in the file.
    pub hunks: Vec<String>,
    added_lines: usize,
    removed_lines: usize,
    /// Its first new lines.
    pub excerpt: String,
}

impl DiffState {
    /// Reads a diff; text that is none gives an empty one.
    pub(super) fn new(text: &str) -> Self {
        let mut out = Self::default();
        let mut excerpt = Vec::new();
        for file in Diff::read(text).unwrap_or_default().files {
            add(&mut out.files, &file.path);
            for heading in &file.headings {
                add(&mut out.hunks, heading);
                defined(heading).for_each(|name| add(&mut out.symbols, name));
            }
            for line in &file.added {
                defined(line).for_each(|name| add(&mut out.symbols, name));
                if excerpt.len() < EXCERPT.0 && !line.trim().is_empty() {
                    excerpt.push(format!("+{}", line.trim_end()));
                }
            }
            out.added_lines += file.added.len();
            out.removed_lines += file.n_removed;
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
    use super::*;

    #[test]
    fn files_places_and_names() {
        let diff = DiffState::new(
            "diff --git a/old.rs b/src/new.rs\n--- a/old.rs\n+++ b/src/new.rs\n\
             @@ -1,2 +1,3 @@ impl Pool {\n-    fn open(&self) {\n+    pub fn close(&self) {\n+\n \n",
        );
        assert_eq!(diff.files, ["src/new.rs"]);
        assert_eq!(diff.hunks, ["impl Pool {"]);
        assert_eq!(diff.symbols, ["Pool", "close"]);
        assert_eq!((diff.added_lines, diff.removed_lines), (2, 1));
        assert_eq!(diff.excerpt, "+    pub fn close(&self) {");
        assert!(DiffState::new("no diff at all\n").is_empty());
    }
}
