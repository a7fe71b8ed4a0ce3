//! One document, one event.
//!
//! Owns title, date and identity of a document. Must not interpret its keys further.

use cemem_core::id::digest;
use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde_json::Value;

use super::wire;
use crate::source::{FileInfo, Malformed, Output, Reader, Record};

/// Reads one document.
pub(crate) struct SolutionReader {
    path: String,
    identity: String,
    stem: String,
    modified: Option<Timestamp>,
}

impl SolutionReader {
    pub(crate) fn new(file: &FileInfo) -> Self {
        Self {
            path: file.path.clone(),
            identity: identity(file),
            stem: file.stem.clone(),
            modified: file.modified,
        }
    }
}

/// Tells documents apart, and one document from none of its copies in other work trees: the name of
/// the repository and the place in it; the whole path where there is no repository.
fn identity(file: &FileInfo) -> String {
    let inside = || {
        let (root, name) = (file.repository()?, file.repository_name()?);
        let place = std::path::Path::new(&file.path).strip_prefix(root).ok()?;
        Some(format!("{name}/{}", place.to_string_lossy()))
    };
    inside().unwrap_or_else(|| file.path.clone()).replace('\\', "/")
}

/// Returns which document the file at this path is: the id of its session.
pub(crate) fn identity_at(path: &str) -> String {
    identity(&FileInfo {
        path: path.to_owned(),
        stem: String::new(),
        modified: None,
        companions: Vec::new(),
        roots: Vec::new(),
    })
}

/// Returns the part of a path that is the same in every clone: from the last `docs` or `solutions`
/// folder.
#[must_use]
pub fn portable(path: &str) -> String {
    let path = path.replace('\\', "/");
    let from = |name: &str| path.rfind(&format!("/{name}/")).map(|at| at + 1);
    let at = from("docs").or_else(|| from("solutions"));
    let at = at.unwrap_or_else(|| path.rfind('/').map_or(0, |at| at + 1));
    path[at..].to_owned()
}

impl Reader for SolutionReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let (front, body) = wire::split(record.text);
        let meta = wire::parse(front);
        let body = body.trim();
        if body.is_empty() && meta.is_empty() {
            return Err(Malformed("empty document".to_owned()));
        }
        let text = |key: &str| meta.get(key).and_then(Value::as_str).map(str::to_owned);
        let heading =
            || body.lines().find_map(|l| l.strip_prefix("# ")).map(|t| t.trim().to_owned());
        let title = text("title").or_else(heading).unwrap_or_else(|| self.stem.replace('-', " "));
        let ts = ["last_updated", "last_refreshed", "date", "created"]
            .iter()
            .find_map(|k| Timestamp::parse(&text(k)?))
            .or(self.modified);
        // Without the text: a document that is edited stays the same event, with new words.
        let mut key = digest([self.identity.as_str()]);
        key.truncate(32);
        out.session(&self.identity).title = Some(title.clone());
        let event = Event {
            key,
            row_id: "1".to_owned(),
            ts,
            actor: Actor::User,
            kind: EventKind::Document {
                path: portable(&self.path),
                title,
                text: body.to_owned(),
                meta: Value::Object(meta),
            },
            cwd: None,
            branch: None,
            offset: record.offset,
            len: record.text.len() as u64,
        };
        out.event(&self.identity, event);
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}
