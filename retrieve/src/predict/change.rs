//! What is about to be done.
//!
//! Owns [`Change`]: the paths, and the text that is searched with, of a diff, a plan, a list of paths or
//! all of them. Must not look at files: a path may not exist yet.

use super::diff::Diff;

/// Most text of a change that is looked at, in bytes; the rest says nothing new.
const MAX_TEXT: usize = 64 << 10;
/// Most paths of a change that are looked at.
const MAX_PATHS: usize = 500;
/// Most new lines taken of one file: a generated file must not drown the others.
const LINES_A_FILE: usize = 200;
/// Longest new line taken, in bytes: longer ones are data.
const MAX_LINE: usize = 400;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Files it touches or speaks of, with `/`, in order of appearance.
    pub paths: Vec<String>,
    /// What is searched with: a plan's words, new lines, the names of files and functions.
    pub text: String,
    /// New lines of diffs.
    pub n_added: usize,
    /// Files that are no text: only their names are known.
    pub n_binary: usize,
}

impl Change {
    /// Returns whether there is nothing to look at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.text.chars().any(char::is_alphanumeric)
    }

    /// Adds a plan, and the files it speaks of.
    pub fn add_plan(&mut self, plan: &str) {
        self.say(plan);
        for path in mentioned(plan) {
            self.touch(&path);
        }
    }

    /// Adds a path, as it is written in a diff or by a person.
    pub fn add_path(&mut self, path: &str) {
        if self.touch(path) {
            self.say(path);
        }
    }

    /// Adds what a diff changes: every file's name before any of their lines.
    pub fn add_diff(&mut self, diff: &Diff) {
        for file in &diff.files {
            for path in [Some(&file.path), file.was.as_ref()].into_iter().flatten() {
                if self.touch(path) {
                    self.say(path);
                }
            }
            file.headings.iter().for_each(|heading| self.say(heading));
            self.n_added += file.added.len();
            self.n_binary += usize::from(file.is_binary);
        }
        for file in &diff.files {
            let lines = file.added.iter().filter(|line| line.len() <= MAX_LINE);
            lines.take(LINES_A_FILE).for_each(|line| self.say(line));
        }
    }

    /// Adds new lines whose file is named apart.
    pub fn add_lines(&mut self, lines: &str) {
        lines
            .lines()
            .filter(|line| line.len() <= MAX_LINE)
            .take(LINES_A_FILE)
            .for_each(|l| self.say(l));
    }

    fn touch(&mut self, path: &str) -> bool {
        let path = path.replace('\\', "/");
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let is_new = !path.is_empty()
            && self.paths.len() < MAX_PATHS
            && !self.paths.iter().any(|known| known == path);
        if is_new {
            self.paths.push(path.to_owned());
        }
        is_new
    }

    fn say(&mut self, text: &str) {
        let mut room = MAX_TEXT.saturating_sub(self.text.len() + 1).min(text.len());
        while !text.is_char_boundary(room) {
            room -= 1;
        }
        if room > 0 {
            self.text.push_str(&text[..room]);
            self.text.push('\n');
        }
    }
}

/// Longest path that is taken from prose, in bytes.
const MAX_PATH: usize = 200;
/// Most paths taken from one text.
const MAX_MENTIONED: usize = 50;

/// Returns the paths that a text speaks of: `src/auth/token.rs`, `package.json`.
#[must_use]
pub fn mentioned(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '@' | '*');
    let mut found: Vec<String> = Vec::new();
    for word in text.split_whitespace().filter(|word| !word.contains("://")) {
        for part in word.split(|c| !is_part(c)) {
            let part = part.trim_matches(['.', '-', '*']).trim_matches('/');
            if found.len() < MAX_MENTIONED && is_path(part) && !found.iter().any(|f| f == part) {
                found.push(part.to_owned());
            }
        }
    }
    found
}

/// Whether a text is a name with an ending of letters, below folders or not. `e.g` and `1.2` are none.
pub(super) fn is_path(text: &str) -> bool {
    let name = text.rsplit('/').next().unwrap_or_default();
    let Some((stem, end)) = name.rsplit_once('.') else { return false };
    let is_ending = (1..=6).contains(&end.len())
        && end.starts_with(|c: char| c.is_ascii_lowercase())
        && end.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let is_stem = stem.len() > 1 && stem.bytes().any(|b| b.is_ascii_alphabetic());
    text.len() <= MAX_PATH && is_ending && is_stem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_speaks_of_files() {
        let plan = "Fix `src/auth/token.rs` (see docs/plan.md, e.g. section 1.2) and package.json. \
                    https://example.com/a.html v2.0 ./scripts/run.sh:12";
        assert_eq!(
            mentioned(plan),
            ["src/auth/token.rs", "docs/plan.md", "package.json", "scripts/run.sh"]
        );
    }

    #[test]
    fn names_come_before_lines_and_everything_is_bounded() {
        let big = "+x".repeat(400);
        let body: String = (0..50_000).map(|n| format!("+let a{n} = {n};\n")).collect();
        let text = format!(
            "--- a/gen.rs\n+++ b/gen.rs\n@@ -0,0 +1,50001 @@\n+{big}\n{body}--- a/last.rs\n+++ b/last.rs\n\
             @@ -1 +1 @@ fn rotate(\n+rotate()\n"
        );
        let mut change = Change::default();
        change.add_diff(&Diff::read(&text).unwrap());
        assert_eq!(change.paths, ["gen.rs", "last.rs"]);
        assert!(change.text.len() <= MAX_TEXT && change.text.contains("rotate()"));
        assert!(change.text.starts_with("gen.rs\nlast.rs\nfn rotate(\n"), "{}", &change.text[..40]);
        assert_eq!(change.n_added, 50_002);
        change.add_path("./src\\a b.rs/");
        assert_eq!(change.paths[2], "src/a b.rs");
        assert!(Change::default().is_empty() && !change.is_empty());
    }
}
