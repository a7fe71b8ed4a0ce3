//! The command line of cemem.
//!
//! | module | owns |
//! |---|---|
//! | [`args`] | the clap definitions: every command and flag |
//! | [`commands`] | one module a command |
//! | [`config`] | what a person set for all projects |
//! | [`context`] | what every command needs: home, project, clock, store, output |
//! | [`command_error`] | errors as people see them, with hints and exit codes |
//! | [`distill`] | asking somebody to phrase lessons |
//! | [`exit_code`] | the documented exit codes |
//! | [`hooks`] | what the hooks of coding agents call |
//! | `init` | setting agents up, and taking that back |
//! | `mcp` | the MCP server: tools, resources, prompts, transports |
//! | `models` | which models a person chose |
//! | `nearest` | what a person probably meant |
//! | [`runtime`] | where the ONNX Runtime library is looked for |
//! | [`similarity`] | how near two sentences are in meaning |
//! | [`sync`] | the managed block in CLAUDE.md and AGENTS.md |
//! | [`ui`] | stdout, stderr, JSON, progress, escaping |
//!
//! This is the only crate that prints, reads the environment, or knows clap. stdout is data,
//! stderr is talk.

pub mod args;
pub mod command_error;
pub mod commands;
pub mod config;
pub mod context;
pub mod distill;
mod engine_places;
pub mod exit_code;
pub mod hooks;
mod init;
mod mcp;
mod models;
mod nearest;
mod priority;
pub mod runtime;
pub mod similarity;
pub mod sync;
pub mod ui;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Args;
use crate::command_error::CommandError;
use crate::context::Context;

/// Forbids ONNX Runtime to report to its maker. The library itself keeps a device id and a queue of
/// events in the user's cache folder and sends them from its own threads; its API switches off less
/// than this variable does, and later.
#[expect(unsafe_code, reason = "the library reads nothing but the environment, when it is loaded")]
fn keep_runtime_quiet() {
    // SAFETY: no thread was started yet, so that nobody reads the environment meanwhile.
    unsafe { std::env::set_var("ORT_DISABLE_TELEMETRY", "1") }
}

/// Runs `cemem` with the process's arguments and environment.
#[must_use]
pub fn main_impl() -> ExitCode {
    keep_runtime_quiet();
    if hooks::is_called(std::env::args_os()) {
        return hooks::main_impl();
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let is_usage = error.use_stderr();
            // Nothing can be done about a terminal that is gone.
            let _ignored = error.print();
            return ExitCode::from(if is_usage { exit_code::USAGE } else { exit_code::OK });
        }
    };
    let json = args.global.json;
    let context = match args.command {
        Some(_) => Context::from_env(&args.global),
        None => Context::in_passing(&args.global),
    };
    let outcome = context.and_then(|mut context| commands::run(&mut context, args.command));
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(CommandError::BrokenPipe) => ExitCode::from(exit_code::OK),
        Err(error) => {
            ui::report(&error, json);
            ExitCode::from(error.exit_code())
        }
    }
}
