//! Rules that stand in files: CLAUDE.md, AGENTS.md and their kin, Claude's own memory, decision records.
//!
//! | module | owns |
//! |---|---|
//! | `kind` | which file is what, by its place |
//! | `places` | where a project has such files |
//! | `cut` | Markdown into single rules |
//! | `scope` | globs of front matter and of folders |
//! | `parse` | one file into events |
//!
//! A file is one session: an event for each rule, and a document that lists the rules it holds now. What
//! a later version no longer holds is then no longer a rule. Rule files and decision records belong to
//! the repository; Claude's memory is read and never written. Must not decide what is learned.

mod cut;
pub(crate) mod kind;
mod parse;
pub(crate) mod places;
mod scope;
#[cfg(test)]
mod tests;

use crate::engines::{Engine, Standing};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};
use crate::sources::solutions;
use kind::Kind;

/// Rule files of a repository.
pub const ENGINE: &str = "rule-files";
/// Claude Code's memory of a project.
pub const MEMORY: &str = "claude-memory";
/// Decision records.
pub const ADR: &str = "adr";

/// The format of rule files.
pub struct RuleFiles;
/// The format of Claude Code's memory.
pub struct ClaudeMemory;
/// The format of decision records.
pub struct DecisionRecords;

/// The row of rule files in the table of engines.
pub static RULE_FILES: Engine = Engine {
    name: ENGINE,
    label: "CLAUDE.md, AGENTS.md, rules",
    formats: &[&RuleFiles],
    bases: places::rule_bases,
    find: places::rule_files,
    ..DOCUMENTS
};

/// The row of Claude Code's memory.
pub static CLAUDE_MEMORY: Engine = Engine {
    name: MEMORY,
    label: "Claude Code memory",
    standing: Standing::Experimental,
    variables: &["CLAUDE_CONFIG_DIR"],
    formats: &[&ClaudeMemory],
    bases: places::memory_bases,
    find: places::memories,
    ..DOCUMENTS
};

/// The row of decision records.
pub static RECORDS: Engine = Engine {
    name: ADR,
    label: "decision records",
    formats: &[&DecisionRecords],
    bases: places::record_bases,
    find: places::records,
    ..DOCUMENTS
};

/// What the rows share: nothing is run, nothing is set up.
const DOCUMENTS: Engine = Engine {
    name: "",
    label: "",
    standing: Standing::Proven,
    variables: &[],
    program: None,
    formats: &[],
    bases: |_| Vec::new(),
    find: |_| Vec::new(),
    signals: &[],
    hooks: None,
    mcp: None,
    headless: None,
    failure_modes: &[],
};

impl Source for RuleFiles {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Whole)
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        kind::of(probe.path) == Some(Kind::Rules)
    }

    fn reader(&self, file: &FileInfo, _state: &serde_json::Value) -> Box<dyn Reader> {
        Box::new(parse::RuleReader::new(file))
    }
}

impl Source for ClaudeMemory {
    fn info(&self) -> Info {
        super::info(MEMORY, MEMORY, Layout::Whole)
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        kind::of(probe.path) == Some(Kind::Memory)
    }

    fn reader(&self, file: &FileInfo, _state: &serde_json::Value) -> Box<dyn Reader> {
        Box::new(parse::RuleReader::new(file))
    }
}

impl Source for DecisionRecords {
    fn info(&self) -> Info {
        super::info(ADR, ADR, Layout::Whole)
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let heading =
            probe.text.lines().take(200).any(|l| l.starts_with("# ") || l.starts_with("## "));
        kind::of(probe.path) == Some(Kind::Record) && heading
    }

    fn reader(&self, file: &FileInfo, _state: &serde_json::Value) -> Box<dyn Reader> {
        Box::new(solutions::SolutionReader::new(file))
    }
}
