//! Foreign bytes in, events, candidates and a consolidation plan out.
//!
//! | module | owns |
//! |---|---|
//! | [`engines`] | the one table of engines |
//! | [`source`] | what a format must provide |
//! | [`sources`] | one folder per engine |
//! | [`reviews`] | one module per format of review findings |
//! | [`sniff`] | which format a file has, by its content |
//! | [`records`] | cutting bytes into records, in bounded memory |
//! | [`read`] | one file, from its cursor to batches |
//! | [`redact`] | secrets and private sections |
//! | [`scrub`], [`text`] | what makes a text fit to be stored; bounds |
//! | [`discover`] | where this project's sessions lie |
//! | `checkpoints` | transcripts on branches of the project's repositories |
//! | [`history`] | the project's git history, as events |
//! | [`spool`](mod@spool) | a stream kept as a file |
//! | [`pipeline`] | files to store, in parallel |
//! | [`watch`](mod@watch) | reading what is new as soon as it is written |
//! | [`report`] | what a run did; progress |
//! | [`memories`] | what other memory programs kept, for `import` |
//! | [`inbox`] | what was dropped into `.cemem/inbox/` |
//! | `gone` | documents whose file is no longer there |
//! | [`extract`] | events to candidates, pure |
//! | [`consolidate`] | candidates to a plan, pure |
//! | [`distill`] | a model's words for lessons: request, answer, gate; pure |
//! | `learn` | the pass, and what experience makes of its lessons, until nothing changes |
//! | [`outcomes`] | what became of lessons that were shown, after the pass |
//! | [`anchors`] | lessons against the code: fresh, moved, drifted or gone |
//!
//! This crate never prints, never reads the environment, never exits, and knows nothing of SQL,
//! indexes or the command line.

pub mod anchors;
#[cfg(test)]
mod checklist;
mod checkpoints;
pub mod consolidate;
pub mod discover;
pub mod distill;
pub mod engines;
pub mod error;
pub mod extract;
#[cfg(test)]
mod fuzz;
mod gone;
pub mod history;
pub mod inbox;
mod learn;
pub mod memories;
pub mod outcomes;
pub mod pipeline;
pub mod read;
pub mod records;
pub mod redact;
pub mod report;
pub mod reviews;
pub mod scrub;
pub mod sniff;
pub mod source;
pub mod sources;
pub mod spool;
pub mod text;
pub mod watch;

pub use error::{FileError, IngestError};
pub use gone::{missing_documents, missing_folders};
pub use history::{HistoryOptions, read_history};
pub use learn::learn;
pub use pipeline::{IngestOptions, Input, ingest};
pub use redact::Redactor;
pub use report::{NoProgress, Progress, Report};
pub use spool::spool;
