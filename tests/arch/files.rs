//! The files of the source tree.
//!
//! Owns which files belong to the project and which part of a Rust file is production code. Must not
//! judge them.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are not source: build output, caches, version control, and data that imitates other
/// people's files.
const SKIPPED: [&str; 5] = ["target", ".cache", ".git", "corpus/data", "node_modules"];

/// One file of the tree.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// Path relative to the root, with `/`.
    pub path: String,
    /// Content.
    pub text: String,
}

impl SourceFile {
    /// Returns whether this is Rust source.
    pub(crate) fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }

    /// Returns whether every line is test code.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || ["/tests.rs", "/fuzz.rs", "/checklist.rs"].iter().any(|end| self.path.ends_with(end))
            || self.path.contains("/tests/")
    }

    /// Returns the lines before the test module, numbered from 1; none for a test file.
    pub(crate) fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = if self.is_test() { 0 } else { usize::MAX };
        self.text
            .lines()
            .take(end)
            .take_while(|line| !line.starts_with("#[cfg(test)]"))
            .enumerate()
            .map(|(i, line)| (i + 1, line))
    }
}

/// Returns the root of the workspace.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ lies in the workspace").to_owned()
}

/// Returns every text file of the tree, sorted by path.
pub(crate) fn all() -> Vec<SourceFile> {
    let mut found = Vec::new();
    walk(&root(), "", &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 50, "only {} files: is this the whole tree?", found.len());
    found
}

/// Returns every Rust file of the tree.
pub(crate) fn rust() -> Vec<SourceFile> {
    all().into_iter().filter(SourceFile::is_rust).collect()
}

/// Returns whether a path ends with `.extension`.
pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<SourceFile>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{prefix}: {error}"));
    for entry in entries {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if SKIPPED.contains(&path.as_str()) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), &path, found);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            // What is not UTF-8 (the model) is not source.
            found.push(SourceFile { path, text });
        }
    }
}
