//! The command line from end to end, as a person or an agent uses it.
//!
//! One module a topic. Nothing here may look inside the store: what a command prints is the contract.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod distill;
mod doctor;
mod exchange;
mod find;
mod gate;
mod hooks;
mod identity;
mod import;
mod inbox;
mod init;
mod languages;
mod lessons;
mod mcp;
mod mcp_http;
mod mcp_tools;
mod models;
mod outcomes;
mod piped;
mod predict;
mod projects;
mod readme;
mod review;
mod road;
mod samples;
mod solutions;
mod stale;
mod sync;
mod sync_pages;
mod usage;
mod watch;
