//! `cemem mcp`: this project's memory for an agent, over the Model Context Protocol.

use crate::args::McpArgs;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::{exit_code, mcp};

pub(super) fn run(context: &Context, args: &McpArgs) -> Result<u8, CommandError> {
    match args.http {
        Some(address) => mcp::serve_http(context, address)?,
        None => mcp::serve_stdio(context)?,
    }
    Ok(exit_code::OK)
}
