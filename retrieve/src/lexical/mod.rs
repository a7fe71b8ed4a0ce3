//! The lexical index: tantivy postings, scored here.
//!
//! | module | owns |
//! |---|---|
//! | [`schema`] | fields and columns |
//! | [`writer`] | adding and removing lessons, the watermark inside the commit |
//! | [`snapshot`] | the open index: lessons, columns, lengths |
//! | [`score`] | BM25 per field over the postings |
//!
//! tantivy keeps the postings; scores are computed here, over live lessons only, so that an index
//! built in steps answers exactly like one built at once. Must not know vectors or ranking.

pub mod schema;
pub mod score;
pub mod snapshot;
pub mod writer;
