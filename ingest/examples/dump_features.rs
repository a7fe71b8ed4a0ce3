//! Prints the classifier's feature vectors of labelled turns, for the training script.
//!
//! Reads JSON lines with `id`, `kind`, `text` and `context` from standard input. The first line
//! printed holds the feature names, every other one the vectors of one turn.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::io::BufRead as _;

use cemem_ingest::extract::classify::TurnInput;
use cemem_ingest::extract::classify::features::{features, sentence_names, turn_names};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    println!("{}", json!({ "turn": turn_names(), "sentence": sentence_names() }));
    for line in std::io::stdin().lock().lines() {
        let row: Value = serde_json::from_str(&line?)?;
        let text_of = |key: &str| row[key].as_str().unwrap_or_default();
        let context: Vec<String> = row["context"]
            .as_array()
            .map(|all| all.iter().filter_map(|c| c.as_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        let input = TurnInput { kind: text_of("kind"), text: text_of("text"), context: &context };
        let vectors = features(&input);
        let sentences: Vec<Value> = vectors
            .sentences
            .iter()
            .map(|s| json!({ "range": [s.range.start, s.range.end], "values": s.values }))
            .collect();
        println!("{}", json!({ "id": row["id"], "turn": vectors.turn, "sentences": sentences }));
    }
    Ok(())
}
