//! The definitions of `cemem eval`.
//!
//! Owns parsing only, as its parent does.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Recall, MRR, nDCG and latency on a folder with corpus.jsonl, queries.jsonl, qrels.tsv
    Retrieval {
        /// The folder
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Which part of retrieval to use
        #[arg(long, default_value = "full", value_parser = ["lexical", "semantic", "hybrid", "full"])]
        mode: String,
        /// Ask the queries in order of time and let each see what earlier ones used
        #[arg(long)]
        replay: bool,
        /// Write the ranking: query, document, rank, score, chance of the list
        #[arg(long, value_name = "OUT.tsv")]
        run: Option<PathBuf>,
    },
    /// Measure every set of a folder: baselines, parts left out, shares of the history replayed
    Suite {
        /// Folder of sets, or one that has them in `retrieval`
        folder: PathBuf,
        /// Draw recall@5 against the share of the history replayed
        #[arg(long, value_name = "OUT.svg")]
        svg: Option<PathBuf>,
    },
    /// Predict by time what past tasks used or what failed again, learning from what came before
    #[command(group = clap::ArgGroup::new("what").required(true))]
    Predict {
        /// Sets with corpus.jsonl, queries.jsonl with times, qrels.tsv: which lessons each task used
        #[arg(long = "data", num_args = 1.., value_name = "DIR", group = "what")]
        sets: Vec<PathBuf>,
        /// Files or folders with sessions and reports: what failed or was found again; nothing is stored
        #[arg(long = "sessions", num_args = 1.., value_name = "PATH", group = "what")]
        sessions: Vec<PathBuf>,
        /// Words only, without the embedding model
        #[arg(long)]
        no_semantic: bool,
        /// Write every pair of a task and what was known before it, with what the prediction rests on
        #[arg(long, value_name = "OUT.jsonl")]
        out: Option<PathBuf>,
    },
    /// Learn from sessions, let every lesson stand from its beginning, and say what became of it
    Outcomes {
        /// Files or folders with sessions; nothing is stored
        #[arg(long = "sessions", required = true, num_args = 1.., value_name = "PATH")]
        sessions: Vec<PathBuf>,
        /// Write one verdict a line, with the words it rests on
        #[arg(long, value_name = "OUT.jsonl")]
        out: Option<PathBuf>,
    },
    /// Judge user turns: is it a correction, is it durable, which rule
    Corrections {
        /// One turn a line: id, kind, text, context
        #[arg(long, value_name = "FILE.jsonl")]
        turns: PathBuf,
        /// One verdict a line
        #[arg(long, value_name = "PRED.jsonl")]
        out: PathBuf,
    },
    /// Pairs of sentences: which are merged, which contradict
    Pairs(PairsArgs),
}

/// Arguments of `eval pairs`.
#[derive(Debug, ClapArgs)]
pub struct PairsArgs {
    /// A set of labelled pairs, or a folder of sets
    #[arg(long, value_name = "PATH")]
    pub data: PathBuf,
    /// Show every pair that is judged otherwise than its label
    #[arg(long)]
    pub show_errors: bool,
    /// Words only, without the sentence model
    #[arg(long)]
    pub no_semantic: bool,
}
