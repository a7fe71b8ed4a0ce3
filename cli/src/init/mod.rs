//! Setting agents up to use cemem, and taking that back.
//!
//! | module | owns |
//! |---|---|
//! | `plan` | which files of which engines, and what belongs into them |
//! | `command_line` | how cemem is called, quoted for the shell that reads it |
//! | `edit` | the one door to the three formats |
//! | `json`, `toml`, `yaml` | putting entries into a text and taking them out, changing nothing else |
//! | `journal` | what was changed, copies of what was there, undo |
//!
//! Owns the files that engines are set up in. Must not ask or print: `commands::init` does.

pub(crate) mod command_line;
pub(crate) mod edit;
pub(crate) mod journal;
mod json;
pub(crate) mod plan;
#[cfg(test)]
mod properties;
mod toml;
mod yaml;
