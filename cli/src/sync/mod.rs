//! What is written into files that agents and people read: text in, text out.
//!
//! | module | owns |
//! |---|---|
//! | `block` | finding, checking and replacing the managed block in a text |
//! | `drift` | what a hand changed in any of it |
//! | `render` | choosing lessons and what stands around their lines in the block |
//! | `line` | a lesson as one line of it, and back |
//! | `front` | front matter, edited as text |
//! | `page` | one lesson as a file of its own |
//! | `document` | what people changed in a lesson, in the document it came from |
//! | `solutions` | a lesson as a document of `docs/solutions` |
//!
//! All are pure. Nothing outside the markers of a block is ever touched.

pub mod block;
pub mod document;
pub mod drift;
pub mod front;
pub mod line;
pub mod page;
pub mod render;
pub mod solutions;
