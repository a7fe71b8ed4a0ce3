//! The inside of an agent's turn: prose, and tool blocks with call and output.
//!
//! Owns cutting a turn's body. Must not emit events.

use crate::sources::human::between;

/// A piece of an agent's turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Prose.
    Text(&'a str),
    /// A tool block.
    Tool(Tool<'a>),
}

/// A tool call and its output.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tool<'a> {
    pub(super) name: &'a str,
    pub(super) shell: bool,
    pub(super) command: Option<&'a str>,
    pub(super) file: Option<&'a str>,
    /// What stands between the summary and the output.
    pub(super) detail: &'a str,
    /// The content of the last fence.
    pub(super) output: &'a str,
}

const OPEN: &str = "<tool-use ";
const CLOSE: &str = "</tool-use>";

/// Returns the pieces of a body in order. Reasoning (`<think>`) is left out.
pub(super) fn pieces(body: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut rest = body;
    while let Some(at) = next_block(rest) {
        prose(&rest[..at], &mut out);
        let block = &rest[at..];
        let (close, is_tool) =
            if block.starts_with(OPEN) { (CLOSE, true) } else { ("</think>", false) };
        // The close stands at a line's end; output may quote one in the middle of a line.
        let end = block
            .match_indices(close)
            .find(|(i, _)| {
                block[i + close.len()..].starts_with(['\n', '\r']) || i + close.len() == block.len()
            })
            .map_or(block.len(), |(i, _)| i + close.len());
        if is_tool {
            out.push(Piece::Tool(tool(&block[..end])));
        }
        rest = &block[end..];
    }
    prose(rest, &mut out);
    out
}

/// Where the next block starts, at a line's start.
fn next_block(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with(OPEN) || line.starts_with("<think>") {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// Prose; the oldest exports write tool calls into it as `Tool use: **Name** …`.
fn prose<'a>(text: &'a str, out: &mut Vec<Piece<'a>>) {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("Tool use: **") {
        let name = rest.split("**").next().unwrap_or_default();
        let inner = rest[name.len()..].trim_start_matches('*');
        out.push(Piece::Tool(described(name, is_shell(name), inner)));
    } else if !text.is_empty() {
        out.push(Piece::Text(text));
    }
}

fn is_shell(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "bash"
            | "shell"
            | "exec_command"
            | "shell_command"
            | "run_shell_command"
            | "run_terminal_cmd"
            | "local_shell"
    )
}

fn tool(block: &str) -> Tool<'_> {
    let head = block.lines().next().unwrap_or_default();
    let attribute = |name: &str| between(head, &format!("{name}=\""), "\"");
    let name = attribute("data-tool-name").unwrap_or("tool");
    let shell = attribute("data-tool-type") == Some("shell") || is_shell(name);
    let inner = block.strip_suffix(CLOSE).unwrap_or(block).trim_end();
    let inner = inner.strip_suffix("</details>").unwrap_or(inner);
    let inner = inner.find("<summary>").map_or(inner, |at| &inner[at..]);
    described(name, shell, inner)
}

/// Reads what follows a tool's name: a description, the command or file in backticks, the output in
/// the last fence.
fn described<'a>(name: &'a str, shell: bool, inner: &'a str) -> Tool<'a> {
    let mut tool = Tool { name, shell, ..Tool::default() };
    let fence = inner.match_indices("```").find(|(at, _)| *at == 0 || inner[..*at].ends_with('\n'));
    let (before, fenced) = fence.map_or((inner, ""), |(at, _)| inner.split_at(at));
    if let Some((_, rest)) = fenced.split_once('\n') {
        let rest = rest.trim_end();
        let body = rest.strip_suffix("```").unwrap_or(rest);
        // A shell command of several lines is fenced too, in front of the output.
        let command_fence = shell && fenced.starts_with("```bash");
        match body.split_once("\n```\n") {
            Some((command, output)) if command_fence => {
                tool.command = Some(command.trim());
                let output = output.trim_start();
                let output = output.strip_prefix("```").and_then(|o| o.split_once('\n'));
                tool.output = output.map_or("", |(_, o)| o).trim_end();
            }
            None if command_fence => tool.command = Some(body.trim()),
            _ => tool.output = body.trim_end(),
        }
    }
    let before = before.strip_prefix("<summary>").unwrap_or(before);
    tool.detail = before.split_once("</summary>").map_or(before, |(_, rest)| rest).trim();
    let quoted = || {
        let line =
            before.lines().map(str::trim).rev().find(|l| l.starts_with('`') && l.len() > 2)?;
        line.strip_prefix('`')?.strip_suffix('`')
    };
    let in_summary = before.lines().next().and_then(|l| between(l, "`", "`"));
    match quoted().or(in_summary) {
        Some(text) if shell => tool.command = tool.command.or(Some(text)),
        Some(text) if !text.contains(char::is_whitespace) => tool.file = Some(text),
        _ => {}
    }
    tool.file = tool.file.or_else(|| {
        let line = before.lines().next()?;
        let at = ["Edit file: ", "Read file: ", "Write file: "]
            .iter()
            .find_map(|m| Some(line.find(m)? + m.len()))?;
        line[at..].split(['<', ' ']).next().filter(|f| !f.is_empty())
    });
    tool
}
