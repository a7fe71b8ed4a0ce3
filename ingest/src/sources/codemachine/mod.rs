//! CodeMachine: it runs other engines in homes of its own and keeps a register of its agents.
//!
//! Owns the register and the agents' logs; the sessions themselves are read by those engines'
//! readers. Must not know where they lie; `places` does.

mod log;
pub(crate) mod places;
mod register;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use cemem_core::foreign::{ForeignDb, ForeignError};
use serde_json::Value;

use crate::engines::{Engine, Headless, Signal, Standing, settings};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Output, Part, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "codemachine";

/// `.codemachine/logs/registry.db`.
pub struct Register;
/// `.codemachine/logs/agent-*.log`.
pub struct Log;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "CodeMachine",
    standing: Standing::Proven,
    variables: &[],
    program: Some("codemachine"),
    formats: &[&Register, &Log],
    bases: places::bases,
    find: places::find,
    signals: &[Signal::Outcome],
    hooks: None,
    mcp: Some(settings::CODEMACHINE_MCP),
    headless: Some(Headless::text(&["step", "cemem-distiller", "{prompt}"])),
    failure_modes: &[
        "what people say stands in the sessions of the engines it runs, which are counted as theirs",
        "its logs are without structure: only their ends are kept",
        "it runs agents, not prompts: to run without a person it needs an agent named \
         `cemem-distiller` in its configuration",
    ],
};

impl Source for Register {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Database)
    }

    fn sniff_tables(&self, tables: &[String]) -> bool {
        ["agents", "telemetry"].iter().all(|t| tables.iter().any(|x| x == t))
    }

    fn companions(&self, path: &Path) -> Vec<PathBuf> {
        places::logs_beside(path)
    }

    fn database(
        &self,
        db: &ForeignDb,
        file: &FileInfo,
        state: &Value,
        out: &mut Output<'_>,
    ) -> Result<Part, ForeignError> {
        register::read(db, file, state, out)
    }
}

impl Source for Log {
    fn info(&self) -> Info {
        super::info(ENGINE, "codemachine-log", Layout::Whole)
    }

    /// The box with the agent's number and name.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        log::header(probe.text).is_some()
    }

    fn reader(&self, file: &FileInfo, _: &Value) -> Box<dyn Reader> {
        Box::new(log::LogReader::new(file))
    }
}
