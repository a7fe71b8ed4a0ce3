//! Finding lessons: words, vectors, and what they say together.
//!
//! | module | owns |
//! |---|---|
//! | [`engine`] | recall from end to end |
//! | [`query`] | what is asked and answered |
//! | [`predict`] | what may go wrong again with a change |
//! | [`mod@pack`] | an answer as a block for an agent |
//! | `place` | where the indexes of a store are, how far, and whose turn it is |
//! | [`projection`] | keeping the indexes up to the store |
//! | `serving` | which model answers |
//! | [`view`] | one state of the indexes, ready to be asked |
//! | [`rank`] | from signals to a ranking |
//! | [`text`] | terms and passages |
//! | [`lexical`] | the tantivy index |
//! | [`vectors`] | the vector index |
//! | [`semantic`] | embedding models |
//! | [`eval`] | measuring all of it on labelled sets |
//!
//! The store is the truth; everything here can be deleted and comes back. This crate never prints,
//! never reads the environment, and knows nothing of sessions or the command line.

pub mod engine;
pub mod error;
pub mod eval;
mod filter;
mod graphs;
pub mod lexical;
mod near;
pub mod pack;
mod place;
pub mod predict;
pub mod projection;
pub mod query;
pub mod rank;
pub mod semantic;
mod serving;
pub mod text;
pub mod vectors;
pub mod view;

pub use engine::Engine;
pub use error::{Result, RetrieveError};
pub use pack::{Pack, fenced, pack};
pub use query::{Answer, Filter, Hit, IdSet, Mode, Note, Query, Why};
pub use semantic::{Embedder, Semantic, SemanticOff};

#[cfg(test)]
mod tests;
