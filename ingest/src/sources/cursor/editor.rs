//! The editor's global database: which conversations are the project's and changed.
//!
//! Owns the queries and the watermark. The file can be huge and holds the conversations of every
//! project: only keys and ranges of keys are asked for. Must not say what a bubble means.

use std::collections::BTreeMap;

use cemem_core::foreign::{ForeignDb, ForeignError, Param};
use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bubbles::{Bubble, folder};
use super::places;
use crate::source::{FileInfo, Output, Part};
use crate::sources::tool::{int, list, text};

/// A conversation may be written for a while after its time was. Milliseconds.
const OVERLAP: i64 = 600_000;
const PREFIX: &str = "composerData:";

/// How far the database was read.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    /// Conversations updated before are known.
    from: i64,
    /// The newest update seen in the pass under way…
    to: i64,
    /// …which is done up to this conversation…
    after: Option<String>,
    /// …and this many bubbles of the next one.
    bubbles: usize,
}

/// A conversation as a list tells of it.
#[derive(Debug, Default, Clone)]
pub(super) struct Listed {
    pub(super) cwd: Option<String>,
    updated: Option<i64>,
}

/// Reads the next part.
pub(super) fn read(
    db: &ForeignDb,
    file: &FileInfo,
    state: &Value,
    out: &mut Output<'_>,
) -> Result<Part, ForeignError> {
    let mut state = State::deserialize(state).unwrap_or_default();
    let more = pass(db, file, &mut state, out)?;
    Ok(Part { state: serde_json::to_value(&state).unwrap_or_default(), more })
}

fn pass(
    db: &ForeignDb,
    file: &FileInfo,
    state: &mut State,
    out: &mut Output<'_>,
) -> Result<bool, ForeignError> {
    let mut listed = listed(db)?;
    for (id, cwd) in places::workspaces(std::path::Path::new(&file.path), &file.roots) {
        let known = listed.entry(id).or_default();
        known.cwd.get_or_insert(cwd);
    }
    for id in composers(db)? {
        if state.after.as_ref().is_some_and(|after| &id <= after) {
            continue;
        }
        let known = listed.get(&id).cloned().unwrap_or_default();
        let old =
            |updated: Option<i64>| updated.is_some_and(|u| u < state.from.saturating_sub(OVERLAP));
        let foreign = known.cwd.is_some() && !file.wants(known.cwd.as_deref());
        if !foreign && !old(known.updated) {
            let Some(composer) = composer(db, &id, known.cwd, out)? else { continue };
            state.to = state.to.max(composer.updated.unwrap_or_default());
            if file.wants(composer.cwd.as_deref()) && !old(composer.updated) {
                state.bubbles = composer.tell(db, state.bubbles, out)?;
                if state.bubbles > 0 {
                    return Ok(true);
                }
            }
        }
        state.after = Some(id);
        state.bubbles = 0;
    }
    *state = State { from: state.to.max(state.from), ..State::default() };
    Ok(false)
}

/// Ids of all conversations, in order: keys only.
pub(super) fn composers(db: &ForeignDb) -> Result<Vec<String>, ForeignError> {
    let sql = "SELECT key FROM cursorDiskKV WHERE key >= 'composerData:' AND key < 'composerData;' ORDER BY key";
    let mut ids = Vec::new();
    db.rows(sql, &[], |row| {
        ids.extend(row.text("key").and_then(|k| Some(k.strip_prefix(PREFIX)?.to_owned())));
        true
    })?;
    Ok(ids)
}

/// The list newer versions keep, with folders and times.
pub(super) fn listed(db: &ForeignDb) -> Result<BTreeMap<String, Listed>, ForeignError> {
    let mut listed = BTreeMap::new();
    if db.columns("ItemTable")?.is_empty() {
        return Ok(listed);
    }
    let headers = item(db, "composer.composerHeaders")?.unwrap_or_default();
    for header in list(&headers, &["allComposers"]) {
        if let Some(id) = text(header, &["composerId"]) {
            let updated = int(header, &["lastUpdatedAt"]);
            listed.insert(id.to_owned(), Listed { cwd: folder(header), updated });
        }
    }
    Ok(listed)
}

/// A JSON value of the table of settings.
pub(super) fn item(db: &ForeignDb, key: &str) -> Result<Option<Value>, ForeignError> {
    value(db, "SELECT value FROM ItemTable WHERE key = ?1", key)
}

fn value(db: &ForeignDb, sql: &str, key: &str) -> Result<Option<Value>, ForeignError> {
    let mut found = None;
    db.rows(sql, &[Param::Text(key.to_owned())], |row| {
        found = row.text("value").and_then(|t| serde_json::from_str(&t).ok());
        false
    })?;
    Ok(found)
}

fn stored(db: &ForeignDb, key: &str) -> Result<Option<Value>, ForeignError> {
    value(db, "SELECT value FROM cursorDiskKV WHERE key = ?1", key)
}

/// A conversation.
pub(super) struct Composer {
    id: String,
    data: Value,
    pub(super) cwd: Option<String>,
    updated: Option<i64>,
}

/// Reads a conversation's description; its folder may stand only in its first bubble.
pub(super) fn composer(
    db: &ForeignDb,
    id: &str,
    cwd: Option<String>,
    out: &mut Output<'_>,
) -> Result<Option<Composer>, ForeignError> {
    let Some(data) = stored(db, &format!("{PREFIX}{id}"))? else {
        out.skip("malformed_row");
        return Ok(None);
    };
    let mut cwd = cwd.or_else(|| folder(&data));
    let heads = list(&data, &["fullConversationHeadersOnly"]);
    for head in heads.iter().take(3).filter_map(|h| text(h, &["bubbleId"])) {
        if cwd.is_none() {
            cwd = stored(db, &format!("bubbleId:{id}:{head}"))?.as_ref().and_then(folder);
        }
    }
    let times = ["lastUpdatedAt", "createdAt"];
    let updated = times.iter().find_map(|k| int(&data, &[k]));
    Ok(Some(Composer { id: id.to_owned(), data, cwd, updated }))
}

impl Composer {
    /// Adds the events of its bubbles after the first `from`; returns how many were added when it
    /// had to stop, 0 when it came to the end.
    fn tell(
        &self,
        db: &ForeignDb,
        from: usize,
        out: &mut Output<'_>,
    ) -> Result<usize, ForeignError> {
        let heads = list(&self.data, &["fullConversationHeadersOnly"]);
        let embedded = list(&self.data, &["conversation"]);
        let bubbles = if heads.is_empty() { embedded } else { heads };
        if bubbles.is_empty() {
            return Ok(0);
        }
        let session = out.session(&self.id);
        session.title = text(&self.data, &["name"]).map(str::to_owned);
        session.cwd.clone_from(&self.cwd);
        let status = text(&self.data, &["status"]).unwrap_or_default();
        let mut stopped = false;
        for (i, head) in bubbles.iter().enumerate().skip(from) {
            let Some(id) = text(head, &["bubbleId"]) else {
                out.skip("untyped");
                continue;
            };
            let apart = match heads.is_empty() {
                true => None,
                false => stored(db, &format!("bubbleId:{}:{id}", self.id))?,
            };
            if apart.is_none() && !heads.is_empty() {
                out.skip("missing_bubble");
                continue;
            }
            let bubble = Bubble {
                composer: &self.id,
                id,
                value: apart.as_ref().unwrap_or(head),
                cwd: self.cwd.as_deref(),
                created: int(head, &["createdAt"]).or_else(|| int(&self.data, &["createdAt"])),
                open: status == "generating" && i + 3 > bubbles.len(),
            };
            stopped = bubble.tell(out);
            if out.bytes() >= Output::FULL && i + 1 < bubbles.len() {
                return Ok(i + 1);
            }
        }
        if status == "aborted" && !stopped {
            self.aborted(bubbles, out);
        }
        Ok(0)
    }

    fn aborted(&self, bubbles: &[Value], out: &mut Output<'_>) {
        let Some(last) = bubbles.iter().rev().find_map(|b| text(b, &["bubbleId"])) else { return };
        let event = Event {
            key: format!("{last}:aborted"),
            row_id: last.to_owned(),
            ts: self.updated.map(Timestamp),
            actor: Actor::User,
            kind: EventKind::UserInterrupt { during_tool: false },
            cwd: self.cwd.clone(),
            branch: None,
            offset: 0,
            len: 0,
        };
        out.event(&self.id, event);
    }
}
