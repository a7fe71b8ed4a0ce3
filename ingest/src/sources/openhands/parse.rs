//! Conversations and batch outputs, opened and handed to the reader of events.
//!
//! Owns what stands around events: whose session, where, which file comes next.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::events::Told;
use super::places;
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::tool::{at, int, list, text};

/// Reads one conversation through the file that stands for it.
pub(super) struct ConversationReader {
    file: FileInfo,
}

impl ConversationReader {
    pub(super) fn new(file: &FileInfo) -> Self {
        Self { file: file.clone() }
    }
}

impl Reader for ConversationReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let own = Path::new(&self.file.path);
        let own_event: Value =
            serde_json::from_str(record.text).map_err(|e| Malformed(e.to_string()))?;
        let state = own.ends_with(places::STATE);
        if !state && places::number(own).is_none() {
            // Alone, outside a folder of events.
            Told::new(self.file.stem.clone(), None, false).event(&own_event, out);
            return Ok(());
        }
        if self.file.companions.is_empty() {
            if state {
                out.skip("empty_session");
            } else {
                // It is read with its session.
                out.skip("part_of_session");
            }
            return Ok(());
        }
        let folder = places::session(own).and_then(Path::file_name);
        let session = folder.map_or_else(|| self.file.stem.clone(), |f| f.to_string_lossy().into());
        let cwd = text(&own_event, &["workspace", "working_dir"]).filter(|_| state);
        let mut told = Told::new(session.clone(), cwd.map(str::to_owned), false);
        let meta = self.file.beside(places::META).and_then(|t| serde_json::from_str(&t).ok());
        if let Some(meta) = meta {
            describe(&meta, &session, out);
        }
        let events: Vec<&PathBuf> =
            self.file.companions.iter().filter(|p| places::number(p).is_some()).collect();
        for path in events {
            if path == own {
                told.event(&own_event, out);
                continue;
            }
            // One that is being written is read the next time.
            match crate::read::companion(path).map(|t| serde_json::from_str::<Value>(&t)) {
                Some(Ok(event)) => told.event(&event, out),
                _ => out.skip("unreadable_event"),
            }
        }
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// What the first generation says of a session.
fn describe(meta: &Value, session: &str, out: &mut Output<'_>) {
    let field = |name: &str| text(meta, &[name]).map(str::to_owned);
    let entry = out.session(session);
    entry.title = field("title");
    entry.branch = field("selected_branch");
}

/// Reads the instances of a batch run.
pub(super) struct BatchReader {
    stem: String,
}

impl BatchReader {
    pub(super) fn new(file: &FileInfo) -> Self {
        Self { stem: file.stem.clone() }
    }
}

impl Reader for BatchReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let row: Value = serde_json::from_str(record.text).map_err(|e| Malformed(e.to_string()))?;
        let history = list(&row, &["history"]);
        if history.is_empty() {
            out.skip("empty_session");
            return Ok(());
        }
        let issue = || {
            let part = |name: &str| text(&row, &["issue", name]);
            let number = int(&row, &["issue", "number"])?;
            Some(format!("{}/{}#{number}", part("owner")?, part("repo")?))
        };
        let id = text(&row, &["instance_id"]).map(str::to_owned).or_else(issue);
        let id = id.unwrap_or_else(|| record.offset.to_string());
        // The same instance is run again with other models.
        let session = format!("{}:{id}", self.stem);
        let mut told = Told::new(session, None, true);
        told.offset = record.offset;
        for event in history {
            // Very old ones: pairs of an action and what came of it.
            match event.as_array() {
                Some(pair) => pair.iter().for_each(|e| told.event(e, out)),
                None => told.event(event, out),
            }
        }
        if at(&row, &["error"]).is_some_and(|e| !e.is_null()) {
            out.skip("run_error");
        }
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}
