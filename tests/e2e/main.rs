//! The command line from end to end, as a person or an agent uses it.
//!
//! One module a topic. Nothing here may look inside the store: what a command prints is the contract.

mod exchange;
mod lessons;
mod road;
mod samples;
mod sync;
mod usage;
