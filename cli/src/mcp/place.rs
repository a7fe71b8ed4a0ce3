//! Which project a call is about.
//!
//! Owns the order of what is asked: the call's own `project`, `--project`, the roots of the client, the
//! folder the server was started in. A folder that says nothing (the home folder, the root of the disk) is
//! no answer, and neither is a choice between several: then the call fails and says what to do. Must not
//! open a store.

use std::path::{Path, PathBuf};

use crate::command_error::CommandError;

/// What can be known without asking the client.
#[derive(Debug)]
pub(super) struct Start {
    /// The folder the server was started in, or that `--project` names.
    pub(super) folder: PathBuf,
    /// `--project` named it: there is nothing to choose.
    pub(super) pinned: bool,
    /// The user's home folder.
    pub(super) home: PathBuf,
}

impl Start {
    /// Returns the folder of a call that names none; `roots` are the client's, if it told any.
    ///
    /// # Errors
    /// When none or several come into question.
    pub(super) fn folder(&self, roots: &[PathBuf]) -> Result<PathBuf, CommandError> {
        if self.pinned {
            return Ok(self.folder.clone());
        }
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let here = real(&self.folder);
        let roots: Vec<PathBuf> =
            roots.iter().filter(|r| r.is_dir()).map(|r| real(r)).filter(|r| self.says(r)).collect();
        if self.says(&here) && (roots.is_empty() || roots.iter().any(|r| here.starts_with(r))) {
            return Ok(here);
        }
        match roots.as_slice() {
            [root] => Ok(root.clone()),
            [] => Err(CommandError::user(format!(
                "which project? the server was started in `{}`, which is none",
                self.folder.display()
            ))
            .hint("pass `project`, the absolute path of its folder, or start `cemem mcp --project DIR`")),
            several => {
                let names: Vec<_> = several.iter().map(|r| format!("`{}`", r.display())).collect();
                Err(CommandError::user(format!("which project? {} are open", names.join(", ")))
                    .hint("pass `project`, the absolute path of its folder"))
            }
        }
    }

    /// Returns whether a folder says which project is meant.
    fn says(&self, folder: &Path) -> bool {
        folder.parent().is_some() && folder != self.home.canonicalize().unwrap_or(self.home.clone())
    }
}

/// Returns the path of a `file:` URI of this machine.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let path = unescaped(rest.strip_prefix('/')?)?;
    // `file:///C:/src` on Windows, `file:///src` elsewhere.
    let is_drive = path.as_bytes().get(1) == Some(&b':');
    Some(PathBuf::from(if cfg!(windows) && is_drive { path } else { format!("/{path}") }))
}

/// Returns the text with `%20` and the like resolved.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok())?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_become_paths() {
        assert_eq!(path_of("file:///home/x%20y/a"), Some("/home/x y/a".into()));
        assert_eq!(path_of("file://localhost/src"), Some("/src".into()));
        for bad in ["https://a/b", "file://server/share", "file:///a%2", "file:///a%zz", "/a"] {
            assert_eq!(path_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_project_is_never_guessed() {
        let root = tempfile::tempdir().unwrap();
        let dir = |name: &str| {
            let path = root.path().canonicalize().unwrap().join(name);
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        let (home, one, two) = (dir("home"), dir("home/one"), dir("home/two"));
        let start =
            |folder: &Path, pinned| Start { folder: folder.into(), pinned, home: home.clone() };
        let ask = |start: &Start, roots: &[&PathBuf]| {
            let roots: Vec<PathBuf> = roots.iter().map(|r| (*r).clone()).collect();
            start.folder(&roots).map_err(|e| e.to_string())
        };
        assert_eq!(ask(&start(&one, false), &[]), Ok(one.clone()));
        assert_eq!(ask(&start(&one, false), &[&two]), Ok(two.clone()), "the client knows better");
        assert_eq!(ask(&start(&one, true), &[&two]), Ok(one.clone()), "a person knows best");
        assert_eq!(ask(&start(&one, false), &[&two, &one]), Ok(one.clone()));
        assert_eq!(ask(&start(&home, false), &[&two]), Ok(two.clone()));
        assert_eq!(ask(&start(&one, false), &[&root.path().join("gone")]), Ok(one.clone()));
        for folder in [&home, &PathBuf::from("/")] {
            let error = ask(&start(folder, false), &[]).unwrap_err();
            assert!(error.contains("which project?"), "{error}");
        }
        let error = ask(&start(&home, false), &[&one, &two]).unwrap_err();
        assert!(error.contains("home/one`, ") && error.contains("are open"), "{error}");
    }
}
