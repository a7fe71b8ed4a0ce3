//! mcp-memory-service: one table of contents with tags and a type.
//!
//! Owns that table. Must not read what was deleted, nor summaries that the program made of its own rows.

use cemem_core::foreign::{ForeignDb, ForeignError, Row};
use serde_json::Value;

use super::{Memories, Memory, epoch, time};

/// Types that the program gives to what it made of other rows.
const DERIVED: &[&str] = &["association", "consolidated", "compressed", "compressed_cluster"];

pub(super) fn read(db: &ForeignDb) -> Result<Memories, ForeignError> {
    let mut out = Memories::default();
    let sql = "SELECT rowid AS n, * FROM memories ORDER BY rowid";
    db.rows(sql, &[], |row| {
        let kind = row.text("memory_type").unwrap_or_default();
        if row.int("deleted_at").is_some() || row.text("deleted_at").is_some_and(|t| !t.is_empty())
        {
            out.skip("deleted");
        } else if DERIVED.contains(&kind.as_str()) {
            out.skip("made by the program of other rows");
        } else {
            out.found.push(memory(row, kind));
        }
        true
    })?;
    Ok(out)
}

fn memory(row: &Row<'_>, kind: String) -> Memory {
    let tags = row.text("tags").unwrap_or_default();
    let tags = tags.split(',').map(|t| t.trim().trim_matches(['[', ']', '"']).to_owned());
    let said = row.text("created_at_iso").and_then(|at| time(&Value::String(at)));
    #[expect(clippy::cast_precision_loss, reason = "seconds since the epoch")]
    let counted = || row.int("created_at").and_then(|at| epoch(at as f64));
    Memory {
        text: row.text("content").unwrap_or_default(),
        kind,
        tags: tags.filter(|t| !t.is_empty()).collect(),
        row: row.text("content_hash").map_or_else(
            || row.int("n").unwrap_or_default().to_string(),
            |hash| hash.chars().take(16).collect(),
        ),
        ts: said.or_else(counted),
        ..Memory::default()
    }
}
