//! Judges turns with the shipped weights, or with those of the file named first.
//!
//! Reads JSON lines with `id`, `kind`, `text`, `context` and, if known, `after` from standard
//! input and prints one
//! verdict a line. Used to measure the classifier on projects its weights have not seen.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::io::BufRead as _;

use cemem_ingest::extract::classify::{Classifier, TurnInput};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let loaded = match std::env::args_os().nth(1) {
        Some(path) => Some(Classifier::with_weights(&std::fs::read_to_string(path)?)?),
        None => None,
    };
    let classifier = loaded.as_ref().unwrap_or_else(|| Classifier::shipped());
    for line in std::io::stdin().lock().lines() {
        let row: Value = serde_json::from_str(&line?)?;
        let text_of = |key: &str| row[key].as_str().unwrap_or_default();
        let (context, after) = (strings(&row, "context"), strings(&row, "after"));
        let input = TurnInput {
            kind: text_of("kind"),
            text: text_of("text"),
            context: &context,
            after: &after,
        };
        let verdict = classifier.judge(&input);
        println!(
            "{}",
            json!({
                "id": row["id"], "correction": verdict.correction, "durable": verdict.durable,
                "type": verdict.kind, "rule": verdict.rule, "span": verdict.span,
            })
        );
    }
    Ok(())
}

/// Returns the strings of a list of the row; none if there is no such list.
fn strings(row: &Value, key: &str) -> Vec<String> {
    let all = row[key].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(|c| c.as_str().map(str::to_owned)).collect()
}
