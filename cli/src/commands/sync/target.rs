//! A file that `sync` or `export` writes: as it is, and as it shall be.
//!
//! Owns the writing, and that it stays within a folder: never through a link that leads out, never into
//! `.git`, never over what somebody wrote meanwhile. Must not decide what is written.

use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::durable::{IoResultExt as _, write_shared};

use crate::command_error::CommandError;
use crate::context::Context;
use crate::ui::unified;

/// One file.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) path: PathBuf,
    /// What it holds; `None` if it is not there.
    pub(crate) old: Option<String>,
    /// What it should hold; `None` if it should not be there.
    pub(crate) new: Option<String>,
}

impl Target {
    pub(crate) fn is_due(&self) -> bool {
        self.old != self.new
    }

    /// Writes or removes the file.
    pub(crate) fn write(&self) -> Result<(), CommandError> {
        if read(&self.path)? != self.old {
            let message =
                format!("`{}` was changed meanwhile; it was left alone", self.path.display());
            return Err(
                CommandError::user(message).hint("run it again to see the file as it is now")
            );
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        match &self.new {
            Some(text) => {
                fs::create_dir_all(folder).context("create folder", folder)?;
                write_shared(&self.path, text.as_bytes())?;
            }
            None => {
                fs::remove_file(&self.path).context("remove", &self.path)?;
                // Only one that is empty goes.
                fs::remove_dir(folder).ok();
            }
        }
        Ok(())
    }

    /// Returns the change as a unified diff.
    pub(crate) fn diff(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (old, new) = (self.old.as_deref(), self.new.as_deref());
        let names = (&*format!("a/{name}"), &*format!("b/{name}"));
        unified(old.unwrap_or_default(), new.unwrap_or_default(), names)
    }
}

/// Returns the name of a file as people know it: from the project's folder.
pub(crate) fn short(context: &Context, path: &Path) -> String {
    let inner = path.strip_prefix(&context.project.root).unwrap_or(path);
    crate::ui::one_line(&inner.to_string_lossy())
}

/// Returns what a file holds; `None` if it is not there.
pub(crate) fn read(path: &Path) -> Result<Option<String>, CommandError> {
    // Asked by `exists`, not by the error, so that a file without permission is no missing file.
    if !path.exists() {
        return Ok(None);
    }
    let bytes = fs::read(path).context("read", path)?;
    String::from_utf8(bytes).map(Some).map_err(|_| {
        CommandError::user(format!("`{}` is not UTF-8 text; it was left alone", path.display()))
    })
}

/// Returns whether a path leads to a place in `root`, whatever links are on the way, and not into `.git`.
pub(crate) fn is_inside(root: &Path, path: &Path) -> bool {
    let (Ok(root), Some(real)) = (fs::canonicalize(root), real(path)) else { return false };
    real.strip_prefix(&root).is_ok_and(|inner| !names(inner, ".git") && !names(inner, ".."))
}

/// Returns whether a path leads into `.git`, whatever links are on the way.
pub(crate) fn is_gits(root: &Path, path: &Path) -> bool {
    let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let real = real(path).unwrap_or_else(|| path.to_owned());
    names(real.strip_prefix(&root).unwrap_or(&real), ".git")
}

fn names(path: &Path, name: &str) -> bool {
    path.components().any(|part| part.as_os_str() == name)
}

/// Returns where a path leads, also to what is not there yet; `None` where a link leads nowhere.
fn real(path: &Path) -> Option<PathBuf> {
    // What is not there yet will be made below what is; a link to nowhere is there.
    let mut there = path;
    while fs::symlink_metadata(there).is_err() {
        there = there.parent()?;
    }
    let rest = path.strip_prefix(there).unwrap_or(Path::new(""));
    let real = fs::canonicalize(there).ok()?;
    Some(if rest.as_os_str().is_empty() { real } else { real.join(rest) })
}

/// Returns every Markdown file below a folder with its text, in the order of names. What cannot be read
/// is left out.
pub(crate) fn markdown(folder: &Path) -> Vec<(PathBuf, String)> {
    const MAX_DEPTH: usize = 6;
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        for entry in entries {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            let is_markdown = path.extension().is_some_and(|e| e == "md");
            if kind.is_dir() && depth < MAX_DEPTH {
                open.push((path, depth + 1));
            } else if kind.is_file()
                && is_markdown
                && let Ok(Some(text)) = read(&path)
            {
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("docs")).unwrap();
        fs::create_dir_all(root.join(".git/hooks")).unwrap();
        fs::create_dir(dir.path().join("out")).unwrap();
        let link = |to: &str, from: &str| std::os::unix::fs::symlink(to, root.join(from)).unwrap();
        link("../out", "away");
        link("docs", "inner");
        link(".git/hooks", "docs/hooks");
        link("../nowhere", "gone");
        for (path, inside) in [
            ("docs/new/a.md", true),
            ("inner/a.md", true),
            ("away/a.md", false),
            ("away/new/a.md", false),
            ("docs/hooks/a.md", false),
            (".git/a.md", false),
            ("gone", false),
            ("docs/../../out/a.md", false),
        ] {
            assert_eq!(is_inside(&root, &root.join(path)), inside, "{path}");
        }
    }

    #[test]
    fn what_somebody_wrote_meanwhile_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b.md");
        let target = Target { path: path.clone(), old: None, new: Some("x".into()) };
        target.write().unwrap();
        assert!(target.write().unwrap_err().to_string().contains("meanwhile"));
        Target { path: path.clone(), old: Some("x".into()), new: None }.write().unwrap();
        assert!(!path.parent().unwrap().exists());
    }
}
