//! Measuring recall on labelled sets.
//!
//! | module | owns |
//! |---|---|
//! | [`data`] | reading `corpus.jsonl`, `queries.jsonl`, `qrels.tsv` |
//! | [`metrics`] | recall, MRR, nDCG and how they are averaged |
//! | [`cache`] | vectors kept between runs |
//! | [`predict`] | what would have been predicted, by time |
//! | [`prepared`] | putting a corpus into a temporary store |
//! | [`run`] | asking every query |
//! | [`suite`] | every set of a folder, with baselines and parts left out |
//!
//! Goes through the same store, indexes, filters and ranking as recall. Must not tune anything, and
//! must not have switches of its own for one set or the other.

pub mod cache;
pub mod data;
pub mod metrics;
pub mod predict;
pub mod prepared;
pub mod run;
pub mod suite;

pub use data::{DataError, DataSet};
pub use metrics::{Metrics, Summary};
pub use prepared::Prepared;
pub use run::{Asking, EvalError, Options, Report, RunRow, evaluate, write_run};
