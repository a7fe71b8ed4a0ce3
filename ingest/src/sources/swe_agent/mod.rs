//! SWE-agent and mini-swe-agent: `trajectories/<user>/<experiment>/<instance>/<instance>.traj`.
//!
//! Owns recognising the format. Nobody types in such a run: a trajectory shows commands and outcomes.

mod parse;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::discover::in_project;
use crate::engines::{Engine, Headless, Signal, Standing};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "swe-agent";

/// A trajectory.
pub struct SweAgent;

/// Folder in the project.
const FOLDER: &str = "trajectories";

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "SWE-agent",
    standing: Standing::Proven,
    variables: &[],
    program: Some("sweagent"),
    formats: &[&SweAgent],
    bases: |places| places.roots.iter().map(|r| r.join(FOLDER)).collect(),
    find: |places| in_project(ENGINE, FOLDER, places),
    signals: &[Signal::Outcome],
    hooks: None,
    mcp: None,
    headless: Some(Headless::text(&["run", "--problem_statement.text={prompt}"])),
    failure_modes: &[
        "nobody types and nothing is dated: only commands and what came of them are learned from",
        "exit codes are not recorded: outcomes are told by the output",
        "paths are those of the container",
    ],
};

impl Source for SweAgent {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Whole)
    }

    /// One object with steps, or a file of that name with messages.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let text = probe.text;
        let has = |key: &str| text.contains(key);
        let named = probe.path.extension().is_some_and(|e| e == "traj");
        let named = named || probe.path.to_string_lossy().ends_with(".traj.json");
        text.trim_start().starts_with('{')
            && ((has("\"trajectory\"") && has("\"observation\"") && has("\"thought\""))
                || (named
                    && ["\"trajectory\"", "\"history\"", "\"messages\""].into_iter().any(has))
                || has("\"mini-swe-agent-"))
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Box::new(parse::SweReader::new(file))
    }
}
