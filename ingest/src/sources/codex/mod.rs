//! Codex rollouts: `sessions/YYYY/MM/DD/rollout-*.jsonl`, plain or zstd.
//!
//! Owns recognising the format. Must not read `auth.json` or the caches beside the rollouts.

mod calls;
mod parse;
pub(crate) mod places;
#[cfg(test)]
mod tests;
mod wire;

use crate::distill::reply::Shape;
use crate::engines::{Engine, Headless, Signal, Standing, settings};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The engine's short name.
pub const ENGINE: &str = "codex";

/// The Codex format.
pub struct Codex;

/// Its row in the table of engines.
pub static ROW: Engine = Engine {
    name: ENGINE,
    label: "Codex",
    standing: Standing::Proven,
    variables: &["CODEX_HOME"],
    program: Some("codex"),
    formats: &[&Codex],
    bases: places::bases,
    find: places::find,
    signals: &[
        Signal::Prompt,
        Signal::Rejection,
        Signal::Interrupt,
        Signal::Rewind,
        Signal::Compaction,
        Signal::Outcome,
        Signal::Finding,
    ],
    hooks: Some(settings::CODEX_HOOKS),
    mcp: Some(settings::CODEX_MCP),
    headless: Some(Headless {
        args: &["exec", "--json", "--skip-git-repo-check", "--sandbox", "read-only", "{prompt}"],
        env: &[],
        shape: Shape::Lines { kind: "/item/type", is: "agent_message", text: "/item/text" },
    }),
    failure_modes: &[
        "hooks run only after the person has trusted them in its `/hooks` screen",
        "approvals are not recorded: a denial shows only in the tool's output, without words",
    ],
};

impl Source for Codex {
    fn info(&self) -> Info {
        super::info(ENGINE, ENGINE, Layout::Lines)
    }

    /// A wrapped row of a known type, or the first row of the oldest rollouts, which wrap nothing.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.rows().enumerate().any(|(i, row)| {
            let kind = row.get("type").and_then(|v| v.as_str());
            let wrapped = row.get("payload").is_some_and(serde_json::Value::is_object)
                && matches!(
                    kind,
                    Some(
                        "session_meta"
                            | "response_item"
                            | "event_msg"
                            | "turn_context"
                            | "compacted"
                    )
                );
            let oldest = i == 0
                && kind.is_none()
                && ["id", "timestamp", "instructions"].iter().all(|k| row.contains_key(*k));
            wrapped || oldest
        })
    }

    fn reader(&self, file: &FileInfo, state: &serde_json::Value) -> Box<dyn Reader> {
        Box::new(parse::CodexReader::new(file, state))
    }
}
