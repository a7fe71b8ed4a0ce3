//! The table of engines as a document: `docs/engines.md`.
//!
//! Owns its wording. Must not say anything of an engine that its row does not say.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{ENGINES, Engine, Signal};
use crate::discover::{Os, Places};
use crate::reviews::REVIEWS;
use crate::source::Layout;

const HEAD: &str = "\
# Engines

What cemem hears from each engine. Made from the one table that `ingest`, `watch` and
`cemem doctor --engines` use; to change a row, change `ingest/src/engines.rs` or the engine's folder
under `ingest/src/sources/`, then:

```sh
cargo run -p cemem-ingest --example engines > docs/engines.md
```

\"Proven\" readers rest on genuine sessions or on the engine's own source; experimental ones on
descriptions by others. `docs/adding-a-source.md` says how to add one.

";

/// Returns `docs/engines.md`.
#[must_use]
pub fn markdown() -> String {
    let mut out = HEAD.to_owned();
    signals(&mut out);
    for engine in ENGINES {
        section(&mut out, engine);
    }
    reviews(&mut out);
    out
}

fn signals(out: &mut String) {
    out.push_str("## Signals\n\n| engine |");
    for signal in Signal::ALL {
        let _ = write!(out, " {} |", signal.as_str());
    }
    out.push_str("\n|---|");
    out.push_str(&"---|".repeat(Signal::ALL.len()));
    out.push('\n');
    for engine in ENGINES {
        let _ = write!(out, "| {} |", engine.label);
        for signal in Signal::ALL {
            out.push_str(if engine.signals.contains(signal) { " ✓ |" } else { "  |" });
        }
        out.push('\n');
    }
}

fn section(out: &mut String, engine: &Engine) {
    let _ = write!(out, "\n## {}\n\n`{}`, {}", engine.label, engine.name, engine.standing.as_str());
    if let Some(program) = engine.program {
        let _ = write!(out, ", program `{program}`");
    }
    out.push_str(".\n\n| | |\n|---|---|\n");
    let mut row = |name: &str, text: String| {
        if !text.is_empty() {
            let _ = writeln!(out, "| {name} | {text} |");
        }
    };
    row("sessions", code(bases(engine)));
    row("moved by", code(engine.variables.iter().map(|v| (*v).to_owned()).collect()));
    let formats = engine.formats.iter().map(|source| {
        let info = source.info();
        let layout = match info.layout {
            Layout::Lines => "lines, appended to",
            Layout::Whole => "a document, rewritten",
            Layout::Database => "an SQLite database, opened read-only",
        };
        format!("`{}` ({layout})", info.format)
    });
    row("formats", formats.collect::<Vec<_>>().join(", "));
    row("hooks", code(engine.hook_files()));
    let events = engine.hooks.map_or(&[][..], |hooks| hooks.events);
    row("answered", code(events.iter().map(|event| event.name.to_owned()).collect()));
    row("MCP", code(engine.mcp_files()));
    row("headless", code(engine.command_line().into_iter().collect()));
    if !engine.failure_modes.is_empty() {
        out.push_str("\nKnown failure modes:\n\n");
        for failure in engine.failure_modes {
            let _ = writeln!(out, "- {failure}");
        }
    }
}

/// Returns where an engine keeps its sessions on Linux, as people write it.
fn bases(engine: &Engine) -> Vec<String> {
    let places = Places {
        home: PathBuf::from("~"),
        os: Os::Linux,
        roots: vec![PathBuf::from("PROJECT")],
        ..Places::default()
    };
    (engine.bases)(&places).iter().map(|p| p.to_string_lossy().replace('\\', "/")).collect()
}

fn code(texts: Vec<String>) -> String {
    texts.iter().map(|t| format!("`{}`", t.replace('|', "\\|"))).collect::<Vec<_>>().join(", ")
}

fn reviews(out: &mut String) {
    out.push_str(
        "\n## Review reports\n\nTold apart by content, wherever a file lies and whatever it is \
         called; `cemem ingest -` reads one from a pipe.\n\n",
    );
    for source in REVIEWS {
        let _ = writeln!(out, "- `{}`", source.info().format);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_up_to_date() {
        let committed = include_str!("../../../docs/engines.md");
        assert!(
            committed.replace("\r\n", "\n") == markdown(),
            "docs/engines.md is old: cargo run -p cemem-ingest --example engines > docs/engines.md"
        );
    }

    #[test]
    fn every_signal_of_a_row_has_its_column() {
        for engine in ENGINES {
            assert!(engine.signals.iter().all(|s| Signal::ALL.contains(s)), "{}", engine.name);
        }
    }
}
