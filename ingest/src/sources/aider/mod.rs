//! Aider: `.aider.chat.history.md` at the root of a repository.
//!
//! Owns recognising the format and where it lies. Must not read the log of the model's traffic.

mod lines;
mod parse;
mod shown;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde_json::Value;

use crate::discover::{Found, Places, is_under};
use crate::engines::{Engine, Headless, Signal, Standing};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "aider";

/// A chat history.
pub struct Aider;

/// The history's name where nobody chose another.
const HISTORY: &str = ".aider.chat.history.md";
/// Names another file, absolute or below the repository.
const VARIABLE: &str = "AIDER_CHAT_HISTORY_FILE";
/// How a session starts.
const START: &str = "# aider chat started at ";

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Aider",
    standing: Standing::Proven,
    variables: &[VARIABLE],
    program: Some("aider"),
    formats: &[&Aider],
    bases,
    find,
    signals: &[
        Signal::Prompt,
        Signal::Rejection,
        Signal::Interrupt,
        Signal::Rewind,
        Signal::Outcome,
    ],
    hooks: None,
    mcp: None,
    headless: Some(Headless::text(&["--yes-always", "--no-auto-commits", "--message", "{prompt}"])),
    failure_modes: &[
        "times are those of the wall clock at the session's start, read as UTC",
        "a heading in an answer that looks exactly like typed words is taken for them",
        "the output of commands is recorded by old versions only",
    ],
};

/// The project's histories: one a root.
fn bases(places: &Places) -> Vec<PathBuf> {
    let mut names = vec![PathBuf::from(HISTORY)];
    names.extend(places.variable(VARIABLE).map(PathBuf::from));
    let files = places.roots.iter().flat_map(|root| names.iter().map(|name| root.join(name)));
    // A history elsewhere holds the chats of any project, and does not say of which.
    let inside = |file: &PathBuf| {
        file.parent().is_some_and(|p| is_under(&p.to_string_lossy(), &places.roots))
    };
    let mut files: Vec<PathBuf> = files.filter(inside).collect();
    files.sort();
    files.dedup();
    files
}

fn find(places: &Places) -> Vec<Found> {
    let files = bases(places).into_iter().filter(|file| file.is_file());
    files.map(|path| Found { engine: ENGINE, path }).collect()
}

impl Source for Aider {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Whole)
    }

    /// A session's start, or typed words after the launch of the program.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let starts = |start: &str| probe.text.lines().any(|l| l.starts_with(start));
        starts(START)
            || ((starts("> $ aider") || starts("> Aider v")) && starts("#### "))
            || (probe.path.ends_with(HISTORY) && starts("#### "))
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Box::new(parse::AiderReader::new(file))
    }
}
