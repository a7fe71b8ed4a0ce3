//! What shells complete, and the manual pages.
//!
//! Owns nothing but where it goes: both come from the definitions in `args`.

use std::path::Path;

use cemem_core::durable::IoResultExt as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Args;
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;

pub(super) fn completions(context: &Context, shell: Shell) -> Result<u8, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "cemem", &mut script);
    context.ui.print(&String::from_utf8_lossy(&script))?;
    Ok(exit_code::OK)
}

/// Writes a page for the program and one for each command that is not hidden.
pub(super) fn man(context: &Context, folder: &Path) -> Result<u8, CommandError> {
    let folder = absolute(folder)?;
    std::fs::create_dir_all(&folder).context("create", &folder)?;
    clap_mangen::generate_to(Args::command(), &folder).context("write to", &folder)?;
    context.ui.say(&format!("the pages are in `{}`", folder.display()));
    Ok(exit_code::OK)
}
