//! Turns the vocabulary of the shipped tokenizer into a sorted table that needs no parsing at
//! start: `u32 count, u32 offsets[count + 1], u16 ids[count], bytes`, all little-endian.

use std::path::Path;
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let source = Path::new(&root).join("../assets/model/tokenizer.json");
    println!("cargo:rerun-if-changed={}", source.display());
    let text = fs::read_to_string(&source)
        .unwrap_or_else(|e| panic!("cannot read `{}`: {e}", source.display()));
    let json: serde_json::Value =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
    let vocab = json["model"]["vocab"].as_object().expect("tokenizer.json holds model.vocab");
    let mut words: Vec<(&str, u16)> = vocab
        .iter()
        .map(|(word, id)| {
            let id = id.as_u64().and_then(|id| u16::try_from(id).ok());
            (word.as_str(), id.expect("ids of the shipped vocabulary fit u16"))
        })
        .collect();
    words.sort_unstable();

    let mut bytes = Vec::new();
    let count = u32::try_from(words.len()).expect("the vocabulary is small");
    bytes.extend(count.to_le_bytes());
    let mut at = 0_u32;
    for (word, _) in &words {
        bytes.extend(at.to_le_bytes());
        at += u32::try_from(word.len()).expect("a word is short");
    }
    bytes.extend(at.to_le_bytes());
    words.iter().for_each(|(_, id)| bytes.extend(id.to_le_bytes()));
    words.iter().for_each(|(word, _)| bytes.extend(word.as_bytes()));
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("vocab.bin");
    fs::write(&out, bytes).unwrap_or_else(|e| panic!("cannot write `{}`: {e}", out.display()));
}
