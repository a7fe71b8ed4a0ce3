//! Conversations and batch outputs, opened and handed to the reader of events.
//!
//! Owns what stands around events: whose session, where, which file comes next.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_json::Value;
use serde_json::value::RawValue;

use super::events::Told;
use super::places;
use super::wire::{self, Instance};
use crate::source::{FileInfo, Malformed, Output, Reader, Record};
use crate::sources::tool::text;

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
        let own_row: Value =
            serde_json::from_str(record.text).map_err(|e| Malformed(e.to_string()))?;
        let state = own.ends_with(places::STATE);
        if !state && places::number(own).is_none() {
            // Alone, outside a folder of events.
            return Told::new(self.file.stem.clone(), None, false).event(record.text, out);
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
        let cwd = text(&own_row, &["workspace", "working_dir"]).filter(|_| state);
        let mut told = Told::new(session.clone(), cwd.map(str::to_owned), false);
        let meta = self.file.beside(places::META).and_then(|t| serde_json::from_str(&t).ok());
        if let Some(meta) = meta {
            describe(&meta, &session, out);
        }
        let events: Vec<&PathBuf> =
            self.file.companions.iter().filter(|p| places::number(p).is_some()).collect();
        for path in events {
            let read = match path == own {
                true => Some(Cow::Borrowed(record.text)),
                false => crate::read::companion(path).map(Cow::Owned),
            };
            // One that is being written is read the next time.
            if read.is_none_or(|event| told.event(&event, out).is_err()) {
                out.skip("unreadable_event");
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
        let row: Instance<'_> =
            serde_json::from_str(record.text).map_err(|e| Malformed(e.to_string()))?;
        let history = &row.history.0;
        if history.is_empty() {
            out.skip("empty_session");
            return Ok(());
        }
        let issue = || {
            let issue = row.issue.0.as_ref()?;
            let number = wire::int(issue.number)?;
            Some(format!("{}/{}#{number}", issue.owner.some()?, issue.repo.some()?))
        };
        let id = row.instance_id.owned().or_else(issue);
        let id = id.unwrap_or_else(|| record.offset.to_string());
        // The same instance is run again with other models.
        let session = format!("{}:{id}", self.stem);
        let mut told = Told::new(session, None, true);
        told.offset = record.offset;
        for event in history {
            // Very old ones: pairs of an action and what came of it.
            let pair: Vec<&RawValue> =
                serde_json::from_str(event.get()).unwrap_or_else(|_| vec![*event]);
            for event in pair {
                if told.event(event.get(), out).is_err() {
                    out.skip("unknown");
                }
            }
        }
        if row.error.is_some() {
            out.skip("run_error");
        }
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}
