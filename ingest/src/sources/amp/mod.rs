//! Amp: `threads/T-<uuid>.json`.
//!
//! Owns recognising a thread. Must not know where threads lie; `places` does.

mod parse;
pub(crate) mod places;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::discover::text_in;
use crate::engines::{Engine, Headless, Signal, Standing, settings};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "amp";

/// A thread.
pub struct Amp;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Amp",
    standing: Standing::Experimental,
    variables: &["XDG_DATA_HOME", "AMP_DATA_HOME", "XDG_CONFIG_HOME", "APPDATA"],
    program: Some("amp"),
    formats: &[&Amp],
    bases: places::bases,
    find: places::find,
    signals: &[
        Signal::Prompt,
        Signal::Rejection,
        Signal::Feedback,
        Signal::Interrupt,
        Signal::Outcome,
    ],
    hooks: None,
    mcp: Some(settings::AMP_MCP),
    headless: Some(Headless::text(&["-x", "{prompt}"])),
    failure_modes: &[
        "threads are kept on ampcode.com: newer clients may leave nothing on this machine",
        "only a person's messages are dated",
    ],
};

impl Source for Amp {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Whole)
    }

    /// An object with messages whose first id is a thread's.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let text = probe.text.trim_start();
        text.starts_with('{')
            && text.contains("\"messages\"")
            && text_in(text, "id").is_some_and(|id| id.starts_with("T-"))
    }

    fn reader(&self, _: &FileInfo, _: &Value) -> Box<dyn Reader> {
        Box::new(parse::AmpReader)
    }
}
