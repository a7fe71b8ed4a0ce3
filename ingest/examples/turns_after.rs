//! Adds to labelled turns what the agent did next, from the sessions they were taken from.
//!
//! `turns_after SESSIONS < dev.jsonl > dev-after.jsonl`: every row whose `text` is a turn of its
//! `file`, below the folder SESSIONS, gets `after`, as the classifier reads it. For training and
//! measuring only.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cemem_core::store::{SessionRef, StoredEvent};
use cemem_ingest::extract::extract_with;
use cemem_ingest::extract::judge::{Judge, Turn, Verdict};
use cemem_ingest::read::read;
use cemem_ingest::redact::Redactor;
use serde_json::{Value, json};

/// What followed each turn, by the turn's words.
type Followed = HashMap<String, Vec<String>>;

/// Remembers the turns it is asked about.
#[derive(Default)]
struct Recorder(Mutex<Followed>);

impl Judge for Recorder {
    fn judge(&self, turn: &Turn<'_>) -> Verdict {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.entry(squeezed(turn.text)).or_insert_with(|| turn.after.to_vec());
        Verdict::default()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("name the folder of sessions")?);
    let mut files: HashMap<String, Followed> = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let mut row: Value = serde_json::from_str(&line?)?;
        let of = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let (file, text) = (of("file"), squeezed(&of("text")));
        let turns = files.entry(file).or_insert_with_key(|file| followed(&folder.join(file)));
        if let Some(after) = turns.get(&text) {
            row["after"] = json!(after);
        }
        println!("{row}");
    }
    Ok(())
}

/// Returns what followed each turn of a file; nothing for a file that is not there.
fn followed(path: &Path) -> Followed {
    let mut sessions: BTreeMap<SessionRef, Vec<StoredEvent>> = BTreeMap::new();
    let source_path: std::sync::Arc<str> = path.to_string_lossy().into();
    read(path, None, &Redactor::new(), &mut |batch| {
        for (session, events) in batch.sessions {
            let of = SessionRef { engine: session.engine, id: session.id };
            let stored = sessions.entry(of).or_default();
            for event in events {
                let (seq, source_path) = (stored.len() as i64, source_path.clone());
                stored.push(StoredEvent { seq, source_path, event });
            }
        }
    });
    let recorder = Recorder::default();
    for (session, events) in &sessions {
        drop(extract_with(session, events, &recorder));
    }
    recorder.0.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The words without regard to white space, as far as they are needed to tell turns apart.
fn squeezed(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(200).collect()
}
