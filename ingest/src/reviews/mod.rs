//! One module per format of review findings.
//!
//! Each owns how its tool writes reports and what that means as findings. Must not know another
//! format, open files or store anything.

use crate::source::Source;

/// Every format of findings, in the order they are asked to recognise a file.
pub static REVIEWS: &[&dyn Source] = &[];
