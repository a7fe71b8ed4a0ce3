//! Arguments of `import`.
//!
//! Owns their parsing. Must not act: `commands::import` does.

use std::path::PathBuf;

use clap::Args as ClapArgs;

/// Arguments of `import`.
#[derive(Debug, ClapArgs)]
pub struct ImportArgs {
    /// Lessons, one JSON object a line, or what another memory program keeps: the content tells which;
    /// `-` reads stdin
    #[arg(value_name = "PATH")]
    pub file: PathBuf,
    /// Say what would be imported, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What the other program keeps of this project, by its name there [default: of this folder's
    /// name; everything where it does not tell projects apart]
    #[arg(long, value_name = "PROJECT")]
    pub from: Option<String>,
}
