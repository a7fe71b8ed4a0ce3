//! Arguments of `export`.
//!
//! Owns their parsing. Must not act: `commands::exchange` does.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::{StatusFilter, status_filter};

/// Arguments of `export`.
#[derive(Debug, ClapArgs)]
pub struct ExportArgs {
    /// Write to this file instead of stdout; the folder, where documents are written
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// What is written
    #[arg(long, value_enum, default_value_t)]
    pub format: ExportFormat,
    /// Only this status, `delivered`, or `all` [default: all as JSON lines, else delivered]
    #[arg(long, value_parser = status_filter())]
    pub status: Option<StatusFilter>,
}

impl ExportArgs {
    /// Returns which lessons are written. Lines keep the status of each; what people and agents read as a
    /// document says nothing of it that would be heeded.
    #[must_use]
    pub fn statuses(&self) -> StatusFilter {
        self.status.unwrap_or(match self.format {
            ExportFormat::Jsonl => StatusFilter::All,
            ExportFormat::Markdown | ExportFormat::Solutions => StatusFilter::Delivered,
        })
    }
}

/// What an export is written as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One JSON object a line: without loss, for `import`
    #[default]
    Jsonl,
    /// One Markdown document, to read
    Markdown,
    /// A document for each lesson, as in docs/solutions
    Solutions,
}
