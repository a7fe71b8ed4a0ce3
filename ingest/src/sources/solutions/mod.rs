//! Solution documents: Markdown with front matter, `docs/solutions/**/*.md`.
//!
//! Owns recognising them and lenient front matter. Must not decide what is learned from one.

mod parse;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

pub use parse::portable;
pub(crate) use parse::{SolutionReader, identity_at};
use serde_json::{Map, Value};

use crate::discover::in_project;
use crate::engines::{Engine, Standing};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The source's short name.
pub const ENGINE: &str = "docs-solutions";

/// The format of solution documents.
pub struct Solutions;

/// The key of the front matter that names the lesson a document was written from.
pub const LESSON_KEY: &str = "cemem";

/// Returns a document's front matter, lenient where it is no YAML, and what follows it.
#[must_use]
pub fn front_matter(text: &str) -> (Map<String, Value>, &str) {
    let (front, body) = wire::split(text);
    (wire::parse(front), body)
}

/// Folder in the project.
pub const FOLDER: &str = "docs/solutions";

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "docs/solutions",
    standing: Standing::Proven,
    variables: &[],
    program: None,
    formats: &[&Solutions],
    bases: |places| places.roots.iter().map(|r| r.join(FOLDER)).collect(),
    find: |places| in_project(ENGINE, FOLDER, places),
    signals: &[],
    hooks: None,
    mcp: None,
    headless: None,
    failure_modes: &[],
};

impl Source for Solutions {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Whole)
    }

    /// Front matter that states a problem; or any Markdown document that lies in a `solutions`
    /// folder, because not every one has front matter.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let keys = wire::keys(probe.text);
        let known = keys.iter().filter(|k| wire::KNOWN.contains(&k.as_str())).count();
        if keys.iter().any(|k| k == "problem_type") || known >= 3 {
            return true;
        }
        let name = probe.path.file_name().map(|n| n.to_string_lossy().to_lowercase());
        let markdown =
            name.as_deref().is_some_and(|n| n.ends_with(".md") || n.ends_with(".markdown"));
        let index = matches!(name.as_deref(), Some("readme.md" | "index.md"));
        let in_folder = probe
            .path
            .parent()
            .is_some_and(|p| p.components().any(|c| c.as_os_str() == "solutions"));
        let heading = probe.text.lines().any(|l| l.starts_with("# ") || l.starts_with("## "));
        markdown && in_folder && !index && (heading || !keys.is_empty())
    }

    fn reader(&self, file: &FileInfo, _state: &serde_json::Value) -> Box<dyn Reader> {
        Box::new(parse::SolutionReader::new(file))
    }
}
