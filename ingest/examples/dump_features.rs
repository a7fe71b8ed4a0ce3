//! Prints the classifier's feature vectors of labelled turns, for the training script.
//!
//! Reads JSON lines with `id`, `kind`, `text`, `context` and, if known, `after` from standard
//! input. The first line
//! printed holds the feature names, every other one the vectors of one turn.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::io::BufRead as _;

use cemem_ingest::extract::classify::TurnInput;
use cemem_ingest::extract::classify::features::{
    after_names, features, sentence_names, turn_names,
};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let head =
        json!({ "turn": turn_names(), "sentence": sentence_names(), "after": after_names() });
    println!("{head}");
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
        let vectors = features(&input);
        let sentences: Vec<Value> = vectors
            .sentences
            .iter()
            .map(|s| json!({ "range": [s.range.start, s.range.end], "values": s.values }))
            .collect();
        let row = json!({ "id": row["id"], "turn": vectors.turn, "sentences": sentences,
                    "after": vectors.after });
        println!("{row}");
    }
    Ok(())
}

/// Returns the strings of a list of the row; none if there is no such list.
fn strings(row: &Value, key: &str) -> Vec<String> {
    let all = row[key].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(|c| c.as_str().map(str::to_owned)).collect()
}
