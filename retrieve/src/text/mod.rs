//! From a lesson to the texts that are indexed, and from text to search terms.
//!
//! | module | owns |
//! |---|---|
//! | [`terms`] | code-aware terms with English stems |
//! | [`markdown`] | which lines of Markdown are headings |
//! | [`passages`] | heading-aware windows of long texts |
//! | [`render`] | which words of a lesson go where |
//!
//! Pure functions. Must not know indexes or models.

pub mod markdown;
pub mod passages;
pub mod render;
pub mod terms;
