//! Cline and the two that grew out of it, Roo Code and Kilo Code: `tasks/<epoch-ms>/ui_messages.json`.
//!
//! Owns recognising a task and telling the three apart by the folder it lies in, for their files are
//! the same. Must not know where tasks lie; `places` does.

mod history;
mod parse;
pub(crate) mod places;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::discover::{Found, Places};
use crate::engines::setup::Mcp;
use crate::engines::{Engine, Signal, Standing, settings};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// Tasks of one of the three.
pub struct Tasks {
    engine: &'static str,
    /// Name of the extension's folder.
    extension: &'static str,
}

/// Tasks of Cline, and of forks nobody named.
pub static CLINE: Tasks = Tasks { engine: "cline", extension: "saoudrizwan.claude-dev" };
/// Tasks of Roo Code.
pub static ROO: Tasks = Tasks { engine: "roo-code", extension: "rooveterinaryinc.roo-cline" };
/// Tasks of Kilo Code.
pub static KILO: Tasks = Tasks { engine: "kilo-code", extension: "kilocode.kilo-code" };

/// What the sessions of all three show.
const SIGNALS: &[Signal] = &[
    Signal::Prompt,
    Signal::Steering,
    Signal::Rejection,
    Signal::Feedback,
    Signal::Interrupt,
    Signal::Edit,
    Signal::Question,
    Signal::Compaction,
    Signal::Outcome,
];
const FAILURE_MODES: &[&str] = &[
    "the git branch is not recorded",
    "whether a call was turned down stands only in api_conversation_history.json: where that is \
     gone, words said at a call count as its refusal",
    "stopping the agent while a tool runs leaves no mark that reopening the task does not leave too",
];

const fn row(
    tasks: &'static [&'static dyn Source],
    names: [&'static str; 2],
    bases: fn(&Places) -> Vec<PathBuf>,
    find: fn(&Places) -> Vec<Found>,
    mcp: Mcp,
) -> Engine {
    Engine {
        name: names[0],
        label: names[1],
        standing: Standing::Proven,
        variables: &["XDG_CONFIG_HOME", "APPDATA"],
        program: None,
        formats: tasks,
        bases,
        find,
        signals: SIGNALS,
        hooks: None,
        mcp: Some(mcp),
        headless: None,
        failure_modes: FAILURE_MODES,
    }
}

/// Cline's row in the table of engines.
pub static CLINE_ROW: Engine = row(
    &[&CLINE],
    ["cline", "Cline"],
    |p| places::bases(&CLINE, p),
    |p| places::find(&CLINE, p),
    settings::CLINE_MCP,
);
/// Roo Code's row in the table of engines.
pub static ROO_ROW: Engine = row(
    &[&ROO],
    ["roo-code", "Roo Code"],
    |p| places::bases(&ROO, p),
    |p| places::find(&ROO, p),
    settings::ROO_MCP,
);
/// Kilo Code's row in the table of engines.
pub static KILO_ROW: Engine = row(
    &[&KILO],
    ["kilo-code", "Kilo Code"],
    |p| places::bases(&KILO, p),
    |p| places::find(&KILO, p),
    settings::KILO_MCP,
);

impl Tasks {
    /// Whether a task in this place is one of these.
    fn owns(&self, path: &Path) -> bool {
        let lies_under = |extension: &str| path.components().any(|c| c.as_os_str() == extension);
        if self.engine == CLINE.engine {
            !lies_under(ROO.extension) && !lies_under(KILO.extension)
        } else {
            lies_under(self.extension)
        }
    }
}

impl Source for Tasks {
    fn info(&self) -> Info {
        super::info(self.engine, self.engine, Layout::Whole)
    }

    /// A list whose first object is a dated row that asks or says.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let Some(rest) = probe.text.trim_start().strip_prefix('[') else { return false };
        let start = rest.trim_start();
        let start = &start[..start.floor_char_boundary(256)];
        let keys = ["\"ts\"", "\"type\""].iter().all(|key| start.contains(key));
        let speaks = ["\"say\"", "\"ask\""].iter().any(|key| start.contains(key));
        start.starts_with('{') && keys && speaks && self.owns(probe.path)
    }

    fn reader(&self, file: &FileInfo, _: &Value) -> Box<dyn Reader> {
        Box::new(parse::TaskReader::new(file))
    }

    fn companions(&self, path: &Path) -> Vec<PathBuf> {
        places::companions(path)
    }
}
