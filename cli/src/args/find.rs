//! Arguments of `find`: the names that compound-cli has for them.
//!
//! Owns their parsing. Must not act: `commands::find` does.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap::builder::NonEmptyStringValueParser;

/// Arguments of `find`.
#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("context").required(true).multiple(true))]
pub struct FindArgs {
    /// What you are about to do, in one sentence
    #[arg(value_name = "ACTIVITY", group = "context", value_parser = NonEmptyStringValueParser::new())]
    pub activity: Option<String>,
    /// A concept of the work (may be given several times, as the next four)
    #[arg(long = "concept", value_name = "TEXT", group = "context")]
    pub concepts: Vec<String>,
    /// A decision it makes
    #[arg(long = "decision", value_name = "TEXT", group = "context")]
    pub decisions: Vec<String>,
    /// A domain it lies in
    #[arg(long = "domain", value_name = "TEXT", group = "context")]
    pub domains: Vec<String>,
    /// A module it touches
    #[arg(long = "module", value_name = "TEXT", group = "context")]
    pub modules: Vec<String>,
    /// A path it touches
    #[arg(long = "path", value_name = "PATH", group = "context")]
    pub paths: Vec<String>,
    /// A unified diff of it; `-` reads stdin
    #[arg(long, value_name = "FILE", group = "context")]
    pub diff: Option<PathBuf>,
    /// A plan of it, in Markdown
    #[arg(long, value_name = "FILE", group = "context")]
    pub plan: Option<PathBuf>,
    /// A draft of a learning, in Markdown
    #[arg(long, value_name = "FILE", group = "context")]
    pub doc: Option<PathBuf>,
    /// Answer with one probability: whether anything known matters
    #[arg(long, conflicts_with = "overlap")]
    pub gate: bool,
    /// Say how far the draft of --doc repeats what is known
    #[arg(long, requires = "doc")]
    pub overlap: bool,
    /// Least score of a hit, 0 to 1 [default: where recall answers; 0.5 with --overlap]
    #[arg(long, value_name = "SCORE", value_parser = share)]
    pub threshold: Option<f32>,
    /// Only this kind (may be given several times, as the next four)
    #[arg(long = "kind", value_name = "KIND", value_parser = ["solution", "pack_rule", "pack_candidate"])]
    pub kinds: Vec<String>,
    /// Only documents with this problem_type
    #[arg(long = "problem-type", value_name = "NAME")]
    pub problem_types: Vec<String>,
    /// Only documents of this module
    #[arg(long = "module-filter", value_name = "NAME")]
    pub module_filter: Vec<String>,
    /// Only with this tag
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Only rules of this pack: cemem reads no packs
    #[arg(long = "pack", value_name = "ID")]
    pub packs: Vec<String>,
    /// Print one line a hit: path, score, kind, pack, lines
    #[arg(long, conflicts_with = "json")]
    pub compact: bool,
}

fn share(text: &str) -> Result<f32, String> {
    let value: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    (0.0..=1.0).contains(&value).then_some(value).ok_or_else(|| "not between 0 and 1".to_owned())
}
