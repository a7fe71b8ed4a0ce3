//! What shells complete, the manual pages, and the reference in `docs/cli.md`.
//!
//! Owns nothing but where it goes: all come from the definitions in `args`.

use std::path::Path;

use cemem_core::durable::IoResultExt as _;
use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command, CommandFactory as _};
use clap_complete::Shell;
use serde_json::json;

use super::JSON_VERSION;
use crate::args::Args;
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;

/// What stands above the commands.
const PREFACE: &str = "# Commands

Made from the definitions of the program; edit those, then run

```sh
cargo run -p cemem-cli --example reference > docs/cli.md
```

`cemem` alone tells the state of the project in a few lines. stdout is data, stderr is talk;
[exit-codes.md](exit-codes.md) has the exit codes, [formats.md](formats.md) what `--json` prints. Colour is left out
where stdout is no terminal and where `NO_COLOR` is set.

";

pub(super) fn completions(context: &Context, shell: Shell) -> Result<u8, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "cemem", &mut script);
    let script = String::from_utf8_lossy(&script);
    if context.ui.json {
        let shell = shell.to_string();
        let object = json!({ "version": JSON_VERSION, "shell": shell, "script": script });
        context.ui.print_json(&object)?;
    } else {
        context.ui.print(&script)?;
    }
    Ok(exit_code::OK)
}

/// Writes a page for the program and one for each command that is not hidden.
pub(super) fn man(context: &Context, folder: &Path) -> Result<u8, CommandError> {
    let folder = absolute(folder)?;
    std::fs::create_dir_all(&folder).context("create", &folder)?;
    clap_mangen::generate_to(Args::command(), &folder).context("write to", &folder)?;
    if context.ui.json {
        context.ui.print_json(&json!({ "version": JSON_VERSION, "folder": folder }))?;
    } else {
        context.ui.say(&format!("the pages are in `{}`", folder.display()));
    }
    Ok(exit_code::OK)
}

/// Returns the reference of all commands as Markdown: `docs/cli.md`.
#[must_use]
pub fn markdown() -> String {
    let mut program = Args::command();
    // Gives every command the flags of all.
    program.build();
    let mut out = String::from(PREFACE);
    let shared: Vec<&Arg> = program.get_arguments().filter(|arg| arg.is_global_set()).collect();
    out.push_str("## Every command\n\n");
    for arg in shared.iter().filter(|arg| !arg.is_hide_set()) {
        out.push_str(&argument(arg));
    }
    for command in program.get_subcommands() {
        section(command, &mut out);
    }
    out
}

/// Adds a command and those below it.
fn section(command: &Command, out: &mut String) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let name = command.get_bin_name().unwrap_or(command.get_name());
    out.push_str(&format!("\n## {name}\n\n{}.\n", text(command.get_about())));
    let below = command.get_subcommands().filter(|c| !c.is_hide_set()).count() > 0;
    if !below {
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").lines().map(str::trim);
        out.push_str(&format!("\n```text\n{}\n```\n", usage.collect::<Vec<_>>().join("\n")));
    }
    let own: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_global_set() && !arg.is_hide_set() && !is_help(arg))
        .collect();
    if !own.is_empty() {
        out.push('\n');
    }
    let (places, flags): (Vec<&Arg>, Vec<&Arg>) = own.into_iter().partition(|a| a.is_positional());
    for arg in places.into_iter().chain(flags) {
        out.push_str(&argument(arg));
    }
    for inner in command.get_subcommands() {
        section(inner, out);
    }
}

fn is_help(arg: &Arg) -> bool {
    matches!(
        arg.get_action(),
        ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
    )
}

/// Returns one argument as a list item.
fn argument(arg: &Arg) -> String {
    let value = arg.get_value_names().and_then(<[_]>::first).map(|name| format!("<{name}>"));
    let value = value.filter(|_| arg.get_action().takes_values());
    let mut names: Vec<String> = arg.get_short().map(|c| format!("-{c}")).into_iter().collect();
    names.extend(arg.get_long().map(|name| format!("--{name}")));
    let name = match (arg.is_positional(), &value) {
        (true, Some(value)) => value.clone(),
        (false, Some(value)) => format!("{} {value}", names.join(", ")),
        (_, None) => names.join(", "),
    };
    let mut notes = Vec::new();
    let values: Vec<String> = match arg.get_action().takes_values() {
        true => arg.get_possible_values().iter().map(|v| format!("`{}`", v.get_name())).collect(),
        false => Vec::new(),
    };
    if !values.is_empty() {
        notes.push(format!("one of {}", values.join(", ")));
    }
    let defaults = arg.get_default_values().iter().map(|v| v.to_string_lossy().into_owned());
    let defaults: Vec<String> = defaults.filter(|_| arg.get_action().takes_values()).collect();
    if !defaults.is_empty() {
        notes.push(format!("default `{}`", defaults.join(" ")));
    }
    let notes = if notes.is_empty() { String::new() } else { format!("; {}", notes.join("; ")) };
    format!("- `{name}`: {}{notes}\n", text(arg.get_help()))
}

fn text(styled: Option<&StyledStr>) -> String {
    styled
        .map(ToString::to_string)
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
