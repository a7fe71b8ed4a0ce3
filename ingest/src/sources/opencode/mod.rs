//! OpenCode: its database, the older folders of JSON files, and `opencode export`.
//!
//! Owns recognising the three. Must not know where they lie; `places` does.

mod events;
mod parse;
pub(crate) mod places;
mod tables;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use cemem_core::foreign::{ForeignDb, ForeignError};
use serde_json::Value;

use crate::distill::reply::Shape;
use crate::engines::{Engine, Headless, Signal, Standing, settings};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Output, Part, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "opencode";

/// `opencode.db`.
pub struct Database;
/// `storage/session/<project>/<session>.json` with its messages and parts in files of their own.
pub struct Storage;
/// `opencode export`.
pub struct Export;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "OpenCode",
    standing: Standing::Proven,
    variables: &["XDG_DATA_HOME"],
    program: Some("opencode"),
    formats: &[&Database, &Storage, &Export],
    bases: places::bases,
    find: places::find,
    signals: &[
        Signal::Prompt,
        Signal::Rejection,
        Signal::Feedback,
        Signal::Interrupt,
        Signal::Question,
        Signal::Rewind,
        Signal::Compaction,
        Signal::Outcome,
    ],
    hooks: None,
    mcp: Some(settings::OPENCODE_MCP),
    headless: Some(Headless {
        args: &["run", "--format", "json", "{prompt}"],
        env: &[],
        shape: Shape::Lines { kind: "/type", is: "text", text: "/part/text" },
    }),
    failure_modes: &[
        "the git branch is not recorded",
        "a sanitised export holds no words: only which tools ran and how they ended",
    ],
};

impl Source for Database {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Database)
    }

    fn sniff_tables(&self, tables: &[String]) -> bool {
        ["session", "message", "part"].iter().all(|t| tables.iter().any(|x| x == t))
    }

    fn database(
        &self,
        db: &ForeignDb,
        file: &FileInfo,
        state: &Value,
        out: &mut Output<'_>,
    ) -> Result<Part, ForeignError> {
        tables::read(db, file, state, out)
    }
}

impl Source for Storage {
    fn info(&self) -> Info {
        super::info(ENGINE, "opencode-storage", Layout::Whole)
    }

    /// A file in a folder below `session` (or in its `info`) that describes a session.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let name = |path: Option<&Path>| path.and_then(Path::file_name).map(ToOwned::to_owned);
        let folder = probe.path.parent();
        let above = folder.and_then(Path::parent);
        let has = |key: &str| probe.says(&format!("\"{key}\""));
        name(above).is_some_and(|n| n == "session")
            && probe.path.extension().is_some_and(|e| e == "json")
            && probe.text.starts_with('{')
            && ["id", "time"].iter().all(|k| has(k))
            && ["title", "version", "projectID"].iter().any(|k| has(k))
    }

    fn reader(&self, file: &FileInfo, _: &Value) -> Box<dyn Reader> {
        Box::new(parse::Storage::new(file))
    }

    fn companions(&self, path: &Path) -> Vec<PathBuf> {
        places::companions(path)
    }
}

impl Source for Export {
    fn info(&self) -> Info {
        super::info(ENGINE, "opencode-export", Layout::Whole)
    }

    /// An object that begins with a session's description; messages may come after a long while.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let Some(rest) = probe.text.strip_prefix('{') else { return false };
        let has = |key: &str| probe.says(&format!("\"{key}\""));
        rest.trim_start().starts_with("\"info\"") && has("projectID") && has("directory")
    }

    fn reader(&self, _: &FileInfo, _: &Value) -> Box<dyn Reader> {
        Box::new(parse::Export)
    }
}
