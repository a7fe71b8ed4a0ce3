//! The MCP server: one memory in front of one agent.
//!
//! | module | owns |
//! |---|---|
//! | `server` | what a client may ask, and who answers |
//! | `place` | which project a call is about |
//! | `http` | streamable HTTP on this machine, behind a token |
//! | `memory` | one project's store and index, on a thread of their own |
//! | `progress` | how far a long call is |
//! | `prompts` | prompts a person can start |
//! | `resources` | lessons by their address |
//! | `tools` | the tools: schemas, calls, answers |
//! | `stdio` | standard input and output, and the end of the parent |
//!
//! The protocol itself, all its revisions included, is rmcp's. This module is the only one that starts a
//! runtime; nothing in it may write to stdout but the protocol, and nothing may answer from a project
//! that the client did not mean.

mod http;
mod memory;
mod place;
mod progress;
mod prompts;
mod resources;
mod server;
mod stdio;
mod tools;

pub(crate) use http::{address, serve as serve_http};
pub(crate) use stdio::serve as serve_stdio;
