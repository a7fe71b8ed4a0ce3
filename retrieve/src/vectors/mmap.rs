//! The one place that maps files into memory.
//!
//! Owns the only `unsafe` of this crate. Must not interpret the bytes.

use std::fs::File;
use std::path::Path;

use cemem_core::durable::{IoResultExt as _, PathError};
use memmap2::Mmap;

/// Maps a whole file for reading.
///
/// # Errors
/// When the file cannot be opened or mapped.
pub(super) fn map(path: &Path) -> Result<Mmap, PathError> {
    let file = File::open(path).context("open", path)?;
    #[expect(
        unsafe_code,
        reason = "index files are written once under a new name and never changed in place, so the mapping cannot change below us"
    )]
    let mapped = unsafe { Mmap::map(&file) };
    mapped.context("map", path)
}

/// Reads bytes as signed.
pub(super) fn as_signed(bytes: &[u8]) -> &[i8] {
    #[expect(unsafe_code, reason = "u8 and i8 have the same size, alignment and valid values")]
    unsafe {
        std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len())
    }
}
