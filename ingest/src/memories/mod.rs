//! What other memory programs kept: read once, as lessons that wait for review.
//!
//! | module | owns |
//! |---|---|
//! | `claude_mem` | the database of claude-mem |
//! | `basic_memory` | the database and the notes of basic-memory |
//! | `mcp_memory_service` | the database of mcp-memory-service |
//! | `knowledge_graph` | the file of the MCP reference memory server |
//! | `mem0` | exports of mem0 and OpenMemory |
//! | `lesson` | a memory as a lesson with its origin as evidence |
//!
//! Owns [`Format`] and which of a memory's words go where. A program's memory was mostly written by an
//! agent: it has an agent's trust, and no word of it is delivered before a person or a session says so.
//! Must not write: databases are opened by `cemem_core::foreign`, and the store takes the lines.

mod basic_memory;
mod claude_mem;
mod knowledge_graph;
mod lesson;
mod mcp_memory_service;
mod mem0;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use cemem_core::foreign::{ForeignDb, ForeignError};
use cemem_core::{LessonType, Timestamp};
use serde_json::Value;

pub use basic_memory::{has_notes, notes};
pub use lesson::lines;

/// Longest text kept of a memory, in characters.
const MAX_TEXT: usize = 60_000;

/// Who wrote a file of memories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// claude-mem's `claude-mem.db`.
    ClaudeMem,
    /// basic-memory's `memory.db`.
    BasicMemory,
    /// A Markdown note of basic-memory.
    BasicMemoryNote,
    /// mcp-memory-service's `sqlite_vec.db`.
    McpMemoryService,
    /// `memory.json` of the MCP reference memory server: one entity or relation a line.
    KnowledgeGraph,
    /// An export of mem0 or OpenMemory.
    Mem0,
}

/// One thing a program kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// What it is about, if it has a name of its own.
    pub title: Option<String>,
    /// What it says.
    pub text: String,
    /// What else belongs to it, Markdown.
    pub body: Option<String>,
    /// The program's word for what kind of thing it is.
    pub kind: String,
    /// Free tags.
    pub tags: Vec<String>,
    /// Files it is about, as the program has them.
    pub files: Vec<String>,
    /// Which row or line of the source it is.
    pub row: String,
    /// When it was written.
    pub ts: Option<Timestamp>,
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Memories {
    /// What can become a lesson.
    pub found: Vec<Memory>,
    /// What was left out, by why.
    pub skipped: BTreeMap<&'static str, usize>,
    /// What is no memory, with its line.
    pub errors: Vec<String>,
    /// How many memories of each project there are, whichever were asked for.
    pub projects: BTreeMap<String, usize>,
}

impl Memories {
    fn skip(&mut self, why: &'static str) {
        *self.skipped.entry(why).or_default() += 1;
    }

    /// Returns whether there are memories, of use or not, of a project with one of these names.
    #[must_use]
    pub fn knows(&self, names: &[String]) -> bool {
        self.projects.keys().any(|project| is_named(project, names))
    }

    /// Counts a memory for its project and returns whether that one is wanted.
    fn belongs(&mut self, project: Option<&str>, wanted: Option<&[String]>) -> bool {
        let Some(project) = project.filter(|p| !p.is_empty()) else { return true };
        *self.projects.entry(project.to_owned()).or_default() += 1;
        let belongs = wanted.is_none_or(|names| is_named(project, names));
        if !belongs {
            self.skip("of another project");
        }
        belongs
    }
}

fn is_named(project: &str, names: &[String]) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(project))
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [
        Self::ClaudeMem,
        Self::BasicMemory,
        Self::BasicMemoryNote,
        Self::McpMemoryService,
        Self::KnowledgeGraph,
        Self::Mem0,
    ];

    /// Returns the stable name of the program.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::ClaudeMem => "claude-mem",
            Self::BasicMemory | Self::BasicMemoryNote => "basic-memory",
            Self::McpMemoryService => "mcp-memory-service",
            Self::KnowledgeGraph => "mcp-memory",
            Self::Mem0 => "mem0",
        }
    }

    /// Returns the format of a database.
    ///
    /// # Errors
    /// When its schema cannot be read.
    pub fn of_database(db: &ForeignDb) -> Result<Option<Self>, ForeignError> {
        let tables = db.tables()?;
        let has = |names: &[&str]| names.iter().all(|n| tables.iter().any(|t| t == n));
        if has(&["observations", "sdk_sessions"]) {
            return Ok(Some(Self::ClaudeMem));
        }
        if has(&["entity", "observation"]) {
            return Ok(Some(Self::BasicMemory));
        }
        if has(&["memories"]) {
            let columns = db.columns("memories")?;
            let has = |name: &str| columns.iter().any(|c| c == name);
            return Ok((has("content") && has("content_hash")).then_some(Self::McpMemoryService));
        }
        Ok(None)
    }

    /// Returns the format of a text that starts like this; its end may be cut anywhere.
    #[must_use]
    pub fn of_text(head: &str) -> Option<Self> {
        let head = head.trim_start_matches('\u{feff}').trim_start();
        if knowledge_graph::is(head) {
            Some(Self::KnowledgeGraph)
        } else if basic_memory::is_note(head) {
            Some(Self::BasicMemoryNote)
        } else if mem0::is(head) {
            Some(Self::Mem0)
        } else {
            None
        }
    }

    /// Reads a database of this format; `projects` names those that are wanted, `None` all.
    ///
    /// # Errors
    /// When a query fails.
    pub fn read_database(
        self,
        db: &ForeignDb,
        projects: Option<&[String]>,
    ) -> Result<Memories, ForeignError> {
        match self {
            Self::ClaudeMem => claude_mem::read(db, projects),
            Self::BasicMemory => basic_memory::read(db, projects),
            Self::McpMemoryService => mcp_memory_service::read(db),
            Self::BasicMemoryNote | Self::KnowledgeGraph | Self::Mem0 => Ok(Memories::default()),
        }
    }

    /// Reads a text of this format.
    #[must_use]
    pub fn read_text(self, text: &str) -> Memories {
        let text = text.trim_start_matches('\u{feff}');
        match self {
            Self::BasicMemoryNote => basic_memory::note(text),
            Self::KnowledgeGraph => knowledge_graph::read(text),
            Self::Mem0 => mem0::read(text),
            Self::ClaudeMem | Self::BasicMemory | Self::McpMemoryService => Memories::default(),
        }
    }
}

/// Returns what a program's word for a kind of thing means here.
fn lesson_type(kind: &str) -> LessonType {
    let kind = kind.trim().to_lowercase().replace([' ', '-'], "_");
    if let Some(named) = LessonType::parse(&kind) {
        return named;
    }
    match kind.as_str() {
        "choice" | "tradeoff" | "trade_off" | "architecture" => LessonType::Decision,
        "error" | "bug" | "issue" | "problem" | "gotcha" | "pitfall" | "incident" | "failure"
        | "anti_pattern" | "mistake_note" | "security_alert" | "security_note" | "lesson" => {
            LessonType::Mistake
        }
        "bugfix" | "fix" | "workaround" | "resolution" | "troubleshooting" | "problem_solution" => {
            LessonType::Solution
        }
        "feedback" => LessonType::Correction,
        "user_preference" | "user_preferences" | "preferences" => LessonType::Preference,
        "rule" | "standard" | "guideline" | "style" | "coding_standard" | "workflow" => {
            LessonType::Convention
        }
        "technique" | "best_practice" | "approach" | "practice" | "tip" => LessonType::Pattern,
        "requirement" | "limitation" => LessonType::Constraint,
        _ => LessonType::Fact,
    }
}

/// Returns the texts of a JSON list that stands in a column; a lone text is a list of one.
fn list(text: Option<String>) -> Vec<String> {
    let Some(text) = text.filter(|t| !t.trim().is_empty()) else { return Vec::new() };
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => texts(&value),
        Err(_) => vec![text],
    }
}

/// Returns the texts of a list, or the names of its objects.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => vec![text.trim().to_owned()],
        Value::Array(items) => {
            let text = |item: &Value| {
                item.as_str().or_else(|| item.get("name")?.as_str()).map(str::to_owned)
            };
            items.iter().filter_map(text).filter(|t| !t.trim().is_empty()).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the time of a JSON value: ISO 8601, or seconds or milliseconds since the epoch.
fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => {
            Timestamp::parse(text).or_else(|| Timestamp::parse(&text.replacen(' ', "T", 1)))
        }
        Value::Number(n) => epoch(n.as_f64()?),
        _ => None,
    }
}

/// Returns a time that is given in seconds or in milliseconds since the epoch.
fn epoch(number: f64) -> Option<Timestamp> {
    /// The year 5138 in seconds, the year 1973 in milliseconds.
    const SECONDS_END: f64 = 1e11;
    let millis = if number.abs() < SECONDS_END { number * 1000.0 } else { number };
    #[expect(clippy::cast_possible_truncation, reason = "bounded right here")]
    (1.0..4e15).contains(&millis).then_some(Timestamp(millis as i64))
}

/// Returns what stands after a key in JSON that may be cut off anywhere, up to the end of the text.
fn after_key<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let key = format!("\"{key}\"");
    let rest = &json[json.find(&key)? + key.len()..];
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

/// Returns a file as a path in the project: relative, or below its root.
fn inside(file: &str, root: &Path) -> Option<String> {
    let path = Path::new(file.trim());
    let relative = if path.is_absolute() { path.strip_prefix(root).ok()? } else { path };
    let plain = relative.components().all(|c| matches!(c, std::path::Component::Normal(_)));
    let text = relative.to_string_lossy().replace('\\', "/");
    (plain && !text.is_empty() && text.len() < 300 && !text.contains(':')).then_some(text)
}
