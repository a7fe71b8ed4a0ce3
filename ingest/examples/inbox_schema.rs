//! Prints the JSON Schema of events in the inbox: `docs/inbox.schema.json`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let schema = cemem_ingest::sources::inbox::schema();
    let text = serde_json::to_string_pretty(&schema).map_err(std::io::Error::other)?;
    writeln!(std::io::stdout(), "{text}")
}
