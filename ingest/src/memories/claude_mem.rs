//! claude-mem: observations an agent wrote of each session, and what it says it learned.
//!
//! Owns its tables. Most observations are a diary of what was done; those are counted and left out.

use cemem_core::foreign::{ForeignDb, ForeignError, Row};

use super::{Memories, Memory, epoch, list};

/// Types that state something that holds after the session.
const LASTING: &[&str] = &["decision", "bugfix", "discovery", "security_alert", "security_note"];
/// Concepts that make any observation one.
const CONCEPTS: &[&str] =
    &["gotcha", "pattern", "trade-off", "problem-solution", "why-it-exists", "how-it-works"];

pub(super) fn read(db: &ForeignDb, wanted: Option<&[String]>) -> Result<Memories, ForeignError> {
    let mut out = Memories::default();
    db.rows("SELECT rowid AS n, * FROM observations ORDER BY rowid", &[], |row| {
        if out.belongs(row.text("project").as_deref(), wanted) {
            match observation(row) {
                Ok(memory) => out.found.push(memory),
                Err(why) => out.skip(why),
            }
        }
        true
    })?;
    if db.columns("session_summaries")?.iter().any(|c| c == "learned") {
        let sql = "SELECT rowid AS n, * FROM session_summaries
                   WHERE trim(learned) <> '' ORDER BY rowid";
        db.rows(sql, &[], |row| {
            if out.belongs(row.text("project").as_deref(), wanted) {
                out.found.push(Memory {
                    title: row.text("request"),
                    text: row.text("learned").unwrap_or_default(),
                    kind: "fact".to_owned(),
                    files: list(row.text("files_edited")),
                    row: format!("session_summaries {}", row.int("n").unwrap_or_default()),
                    ts: time(row),
                    ..Memory::default()
                });
            }
            true
        })?;
    }
    Ok(out)
}

/// Returns an observation, or why it is none that lasts.
fn observation(row: &Row<'_>) -> Result<Memory, &'static str> {
    let text = |column: &str| row.text(column).filter(|t| !t.trim().is_empty());
    let kind = text("type").unwrap_or_default();
    let concepts = list(text("concepts"));
    let lasting = LASTING.contains(&kind.as_str())
        || concepts.iter().any(|concept| CONCEPTS.contains(&concept.as_str()));
    // Its oldest version wrote nothing but a text.
    let said = text("subtitle").or_else(|| text("title")).or_else(|| text("text"));
    let said = said.ok_or("without words")?;
    if !lasting {
        return Err("what was done, not what was learned");
    }
    let facts: String = list(text("facts")).iter().map(|fact| format!("- {fact}\n")).collect();
    let more = [text("narrative").or_else(|| text("text")).unwrap_or_default(), facts];
    let body = more.iter().filter(|t| !t.trim().is_empty()).map(|t| t.trim());
    let body = body.collect::<Vec<_>>().join("\n\n");
    Ok(Memory {
        title: text("title"),
        text: said,
        body: Some(body).filter(|b| !b.is_empty()),
        kind,
        tags: concepts,
        files: list(text("files_modified")),
        row: format!("observations {}", row.int("n").unwrap_or_default()),
        ts: time(row),
    })
}

fn time(row: &Row<'_>) -> Option<cemem_core::Timestamp> {
    #[expect(clippy::cast_precision_loss, reason = "a time in milliseconds has 41 bits")]
    let at = row.int("created_at_epoch").map(|at| at as f64);
    at.and_then(epoch)
}
