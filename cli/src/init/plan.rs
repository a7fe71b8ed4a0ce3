//! Which files are set up, and what they shall hold.
//!
//! Owns the choice of engines and of the file for each; the facts are the rows of
//! `cemem_ingest::engines`. Must not write.

use std::path::{Path, PathBuf};

use cemem_core::durable::{IoResultExt as _, PathError, followed};
use cemem_ingest::discover::Places;
use cemem_ingest::engines::setup::SettingsFile;
use cemem_ingest::engines::{ENGINES, Engine};
use thiserror::Error;

use super::command_line::Program;
use super::edit::{self, EditError, Part};

/// For whom agents are set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The project, where an engine has settings for projects; else the user.
    Project,
    /// The user, where an engine has settings for users.
    User,
}

/// A file and what belongs into it.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// Which.
    pub(crate) path: PathBuf,
    /// Whose, as people know them.
    pub(crate) labels: Vec<&'static str>,
    /// The engines, by their short names, with what of them belongs in.
    pub(crate) parts: Vec<(&'static str, Part)>,
}

/// A file as it is and as it shall be.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Which.
    pub(crate) wish: Wish,
    /// What it holds; `None` if it is not there.
    pub(crate) old: Option<String>,
    /// What it shall hold; `None` if it shall not be there.
    pub(crate) new: Option<String>,
    /// What is put in that was not there; what a person had there before us is not ours to take out.
    pub(crate) added: Vec<(&'static str, Part)>,
}

impl Change {
    /// Returns whether there is something to do.
    #[must_use]
    pub(crate) fn is_due(&self) -> bool {
        self.old != self.new
    }
}

/// Why a file cannot be set up.
#[derive(Debug, Error)]
pub(crate) enum PlanError {
    /// It cannot be read.
    #[error("{0}: {source}", source = .0.source)]
    Path(#[from] PathError),
    /// It holds what cannot be changed.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// It is no text.
    #[error("it is no UTF-8 text")]
    NoText,
    /// Somebody does not want it changed.
    #[error("it is write-protected")]
    Protected,
}

/// Returns the engines that are used here: those named, or those that left a trace on this machine.
#[must_use]
pub(crate) fn engines(places: &Places, named: &[String]) -> Vec<&'static Engine> {
    let able = ENGINES.iter().copied().filter(|e| e.hooks.is_some() || e.mcp.is_some());
    if named.is_empty() {
        able.filter(|engine| is_here(engine, places)).collect()
    } else {
        able.filter(|engine| named.iter().any(|name| name == engine.name)).collect()
    }
}

fn is_here(engine: &Engine, places: &Places) -> bool {
    let installed = || engine.program.is_some_and(|program| which::which(program).is_ok());
    let files = [engine.hooks.map(|h| h.file), engine.mcp.map(|m| m.file)];
    let set_up = files.iter().flatten().any(|file| {
        let own = file.user.map(|user| user(places)).unwrap_or_default();
        let of_project =
            file.project.into_iter().flat_map(|f| places.roots.iter().map(move |r| r.join(f)));
        own.into_iter().chain(of_project).any(|path| path.is_file())
    });
    set_up || installed() || (engine.bases)(places).iter().any(|base| base.exists())
}

/// Returns the files to set up for these engines, in their order; a file that two share comes once.
#[must_use]
pub(crate) fn wishes(
    engines: &[&'static Engine],
    places: &Places,
    root: &Path,
    reach: Reach,
) -> Vec<Wish> {
    let mut wishes: Vec<Wish> = Vec::new();
    for engine in engines {
        let hooks = engine.hooks.map(|hooks| (hooks.file, Part::Hooks(engine.name, hooks)));
        let mcp = engine.mcp.map(|mcp| (mcp.file, Part::Mcp(mcp.form)));
        for (file, part) in hooks.into_iter().chain(mcp) {
            for path in paths(&file, places, root, reach) {
                // Two names of one file are one wish, and a link stays one. What leads in a circle
                // cannot be read either, which is told then.
                let path = followed(&path).unwrap_or(path);
                let known = wishes.iter().position(|wish| wish.path == path);
                let at = known.unwrap_or_else(|| {
                    wishes.push(Wish { path, labels: Vec::new(), parts: Vec::new() });
                    wishes.len() - 1
                });
                let wish = &mut wishes[at];
                if !wish.labels.contains(&engine.label) {
                    wish.labels.push(engine.label);
                }
                wish.parts.push((engine.name, part));
            }
        }
    }
    wishes
}

/// Returns where a file is set up. Of several that may be the user's, those of editors that are there.
fn paths(file: &SettingsFile, places: &Places, root: &Path, reach: Reach) -> Vec<PathBuf> {
    let project = file.project.map(|path| root.join(path));
    let user = file.user.map(|user| user(places)).unwrap_or_default();
    if let (Reach::Project, Some(path)) = (reach, project) {
        return vec![path];
    }
    if user.len() < 2 {
        return user;
    }
    user.into_iter().filter(|path| path.parent().is_some_and(Path::is_dir)).collect()
}

/// Returns what is to be done to a file so that these parts are in it.
///
/// # Errors
/// When it cannot be read or changed; it is to be left alone then.
pub(crate) fn change(wish: &Wish, program: &Program) -> Result<Change, PlanError> {
    let old = read(&wish.path)?;
    let mut text = old.clone().unwrap_or_default();
    let mut added = Vec::new();
    for (engine, part) in &wish.parts {
        let new = edit::with(&text, &[*part], program)?;
        let is_there = matches!(part, Part::Mcp(_)) && edit::without(&text, &[*part])? != text;
        if new != text && !is_there {
            added.push((*engine, *part));
        }
        text = new;
    }
    unprotected(Change { wish: wish.clone(), old, new: Some(text), added })
}

/// Returns what is to be done to a file so that nothing of these parts is in it.
///
/// # Errors
/// When it cannot be read or changed; it is to be left alone then.
pub(crate) fn removal(wish: &Wish) -> Result<Change, PlanError> {
    let old = read(&wish.path)?;
    let parts: Vec<Part> = wish.parts.iter().map(|(_, part)| *part).collect();
    let new = old.as_deref().map(|text| edit::without(text, &parts)).transpose()?;
    unprotected(Change { wish: wish.clone(), old, new, added: Vec::new() })
}

/// Returns the change if its file may be written. Replacing a file asks for the rights to its folder
/// only.
///
/// # Errors
/// When it is write-protected.
pub(crate) fn unprotected(change: Change) -> Result<Change, PlanError> {
    let protected =
        std::fs::metadata(&change.wish.path).is_ok_and(|meta| meta.permissions().readonly());
    if change.is_due() && protected { Err(PlanError::Protected) } else { Ok(change) }
}

/// Returns what a settings file holds, if it is there.
///
/// # Errors
/// When it is there and cannot be read as text.
pub(crate) fn read(path: &Path) -> Result<Option<String>, PlanError> {
    match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| PlanError::NoText),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("read", path).map_err(PlanError::from),
    }
}

/// Returns the parts that short names and kinds of a journal mean.
#[must_use]
pub(crate) fn parts_of(engine: &str, kind: &str) -> Option<(&'static str, Part)> {
    let engine = cemem_ingest::engines::engine(engine)?;
    let part = match kind {
        "hooks" => Part::Hooks(engine.name, engine.hooks?),
        _ => Part::Mcp(engine.mcp?.form),
    };
    Some((engine.name, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_chosen_by_reach_and_shared_ones_come_once() {
        let home = tempfile::tempdir().unwrap();
        let places = Places { home: home.path().to_owned(), ..Places::default() };
        let root = Path::new("/p");
        let named = ["claude-code", "codex", "gemini-cli", "cline"].map(str::to_owned);
        let engines = engines(&places, &named);
        let shown = |reach| -> Vec<String> {
            let all = wishes(&engines, &places, root, reach);
            let path =
                |w: &Wish| w.path.to_string_lossy().replace(&*home.path().to_string_lossy(), "~");
            all.iter().map(path).collect()
        };
        assert_eq!(
            shown(Reach::Project),
            [
                "/p/.claude/settings.json",
                "/p/.mcp.json",
                "/p/.codex/hooks.json",
                "~/.codex/config.toml",
                "/p/.gemini/settings.json",
            ]
        );
        let editor = "~/.config/Code/User/globalStorage/saoudrizwan.claude-dev/settings";
        std::fs::create_dir_all(editor.replace('~', &home.path().to_string_lossy())).unwrap();
        assert_eq!(
            shown(Reach::User),
            [
                "~/.claude/settings.json",
                "~/.claude.json",
                "~/.codex/hooks.json",
                "~/.codex/config.toml",
                "~/.gemini/settings.json",
                &format!("{editor}/cline_mcp_settings.json"),
            ]
        );
    }

    #[test]
    fn engines_without_a_trace_are_left_out() {
        let home = tempfile::tempdir().unwrap();
        let places = Places {
            home: home.path().to_owned(),
            roots: vec![home.path().join("project")],
            ..Places::default()
        };
        let has = |name: &str| engines(&places, &[]).iter().any(|e| e.name == name);
        assert!(!has("goose"));
        std::fs::create_dir_all(home.path().join(".config/goose")).unwrap();
        std::fs::write(home.path().join(".config/goose/config.yaml"), "").unwrap();
        assert!(has("goose"));
    }
}
