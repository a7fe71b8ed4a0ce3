//! SARIF 2.1.0, the exchange format of static analyzers.
//!
//! Owns recognising it and reading it in two passes: what describes the runs first, because tools
//! write it after the results; then the results, one at a time.

mod parse;
mod rules;
#[cfg(test)]
mod tests;
mod wire;

use serde_json::Value;

use super::json::{self, has};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The format of SARIF reports.
pub(super) struct Sarif;

impl Source for Sarif {
    fn info(&self) -> Info {
        Info {
            engine: "sarif",
            format: "sarif",
            version: super::READER_VERSION,
            layout: Layout::Whole,
        }
    }

    /// Runs of a tool. The schema's name or the version may stand at the end, but a run is always
    /// `results` or `tool` with a `driver`.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        if !probe.says("\"runs\"") {
            return false;
        }
        let Some(start) = json::start(probe.text) else { return false };
        let schema = json::text(&start, "/$schema").is_some_and(|s| s.contains("sarif"));
        let run = &json::list(&start, "/runs").first();
        let tool = run.is_some_and(|r| {
            r.pointer("/tool/driver").is_some_and(Value::is_object)
                || json::list(r, "/results").first().is_some_and(is_result)
        });
        let version = json::text(&start, "/version").is_none_or(|v| v.starts_with("2."));
        version && (tool || schema && has(&start, &["runs"]))
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Box::new(parse::SarifReader::new(file))
    }
}

/// A result has a message and names a rule or a place.
fn is_result(value: &Value) -> bool {
    has(value, &["message"]) && (has(value, &["ruleId"]) || has(value, &["locations"]))
        || has(value, &["ruleId", "locations"])
        || has(value, &["level", "locations"])
        || has(value, &["fingerprints", "locations"])
}
