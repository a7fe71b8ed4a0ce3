//! JSON objects of a line: usually one, but writers glue two together.
//!
//! Owns cutting a line into them and where each stands. Must not know any engine's rows.

use serde::Deserialize;
use serde_json::Value;

use crate::source::{Malformed, Record};
use crate::text::mended;

/// An object and its place in the file.
pub(super) struct At<'a, T = Value> {
    pub(super) row: &'a T,
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// Shows each object of a line to `row`, half an emoji in a text mended.
///
/// # Errors
/// When one is no JSON; those before it were shown.
pub(super) fn each(record: Record<'_>, row: impl FnMut(&At<'_>)) -> Result<(), Malformed> {
    typed(&mended(record.text), record.offset, row)
}

/// As [`each`], of a line that is mended and begins at `offset`, as rows that may borrow from it.
///
/// # Errors
/// When one is no JSON, or no row; those before it were shown.
pub(super) fn typed<'l, T: Deserialize<'l>>(
    line: &'l str,
    offset: u64,
    mut row: impl FnMut(&At<'_, T>),
) -> Result<(), Malformed> {
    let mut start = 0;
    let mut values = serde_json::Deserializer::from_str(line).into_iter::<T>();
    while let Some(value) = values.next() {
        let value =
            value.map_err(|e| Malformed(format!("invalid row at column {}", e.column())))?;
        let end = values.byte_offset();
        let offset = offset + start as u64;
        row(&At { row: &value, offset, len: (end - start) as u64 });
        start = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glued_rows_have_their_own_places() {
        let mut seen = Vec::new();
        let record = Record { text: r#"{"a":"\ud83d"}{"b":2} {"c":"#, offset: 100 };
        let read = each(record, |at| seen.push((at.row.clone(), at.offset, at.len)));
        assert!(read.unwrap_err().0.starts_with("invalid row"));
        let places: Vec<_> = seen.iter().map(|(_, offset, len)| (*offset, *len)).collect();
        assert_eq!(places, [(100, 14), (114, 7)]);
        assert_eq!(seen[1].0["b"], 2);
    }
}
