//! The one door to the formats of settings files.
//!
//! Owns [`Part`], what belongs into a file, and the checks that hold for every format: the byte-order
//! mark stays, nothing but our entries differs. Must not touch the disk.

use cemem_ingest::engines::setup::{Hooks, McpForm};
use thiserror::Error;

use super::command_line::Program;
use super::{json, toml, yaml};

/// The name under which the MCP server is registered.
pub(crate) const SERVER: &str = "cemem";

/// Something that belongs into a settings file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// The hooks of an engine, by its short name.
    Hooks(&'static str, Hooks),
    /// The MCP server.
    Mcp(McpForm),
}

/// Why a file was left alone.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum EditError {
    /// It is not what its name says.
    #[error("it is no valid {format}: {detail}")]
    Parse {
        /// The format.
        format: &'static str,
        /// What its reader said.
        detail: String,
    },
    /// Something in it has another type.
    #[error("`{place}` in it is not {wanted}")]
    Type {
        /// The key.
        place: String,
        /// What it should be: `an object`.
        wanted: &'static str,
    },
    /// Our entry is there in a form that cannot be changed without touching what is the user's.
    #[error("`{0}` in it is written in a way that cannot be changed safely")]
    Shape(String),
}

/// Returns the text with these parts in it; the same text if they are there already.
///
/// # Errors
/// When the text is not what it should be.
pub(crate) fn with(text: &str, parts: &[Part], program: &Program) -> Result<String, EditError> {
    through(text, parts, |text, part| match part {
        Part::Hooks(engine, hooks) => json::add_hooks(text, engine, hooks, program),
        Part::Mcp(McpForm::Toml(key)) => toml::add(text, key, program),
        Part::Mcp(McpForm::Yaml(key)) => yaml::add(text, key, program),
        Part::Mcp(form) => json::add_server(text, *form, program),
    })
}

/// Returns the text without these parts; the same text if they are not there.
///
/// # Errors
/// When the text is not what it should be.
pub(crate) fn without(text: &str, parts: &[Part]) -> Result<String, EditError> {
    through(text, parts, |text, part| match part {
        Part::Hooks(engine, hooks) => json::remove_hooks(text, engine, hooks),
        Part::Mcp(McpForm::Toml(key)) => toml::remove(text, key),
        Part::Mcp(McpForm::Yaml(key)) => yaml::remove(text, key),
        Part::Mcp(form) => json::remove_server(text, *form),
    })
}

fn through(
    text: &str,
    parts: &[Part],
    edit: impl Fn(&str, &Part) -> Result<String, EditError>,
) -> Result<String, EditError> {
    const MARK: char = '\u{feff}';
    let (mark, body) = text.strip_prefix(MARK).map_or(("", text), |rest| ("\u{feff}", rest));
    let mut body = body.to_owned();
    for part in parts {
        body = edit(&body, part)?;
    }
    Ok(format!("{mark}{body}"))
}

/// Returns the line ending of a text: that of its first line.
pub(super) fn newline(text: &str) -> &'static str {
    let first = text.split_inclusive('\n').next().unwrap_or_default();
    if first.ends_with("\r\n") { "\r\n" } else { "\n" }
}
