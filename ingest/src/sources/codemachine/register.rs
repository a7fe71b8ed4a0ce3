//! The register of agents: which steps of a workflow ran, and how they ended.
//!
//! Owns its columns. A step is a call that its agent was given and a result; the prompt of a step is
//! the workflow's, never a person's.

use std::collections::HashMap;
use std::path::Path;

use cemem_core::foreign::{ForeignDb, ForeignError, Param};
use cemem_core::{Actor, Event, EventKind, Timestamp};
use serde_json::{Value, json};

use super::{log, places};
use crate::source::{FileInfo, Output, Part};

/// Reads the next part. Rows change in place until their agent ends, and there are few: a pass reads
/// them all.
pub(super) fn read(
    db: &ForeignDb,
    file: &FileInfo,
    state: &Value,
    out: &mut Output<'_>,
) -> Result<Part, ForeignError> {
    let path = Path::new(&file.path);
    let mut parents: HashMap<i64, i64> = HashMap::new();
    db.rows("SELECT id, parent_id FROM agents", &[], |row| {
        parents.extend(row.int("id").zip(row.int("parent_id")));
        true
    })?;
    let cwd = places::project(path);
    let mut after = state.get("after").and_then(Value::as_i64).unwrap_or(i64::MIN);
    let mut more = false;
    let sql = "SELECT * FROM agents WHERE id > ?1 ORDER BY id";
    db.rows(sql, &[Param::Integer(after)], |row| {
        if out.bytes() >= Output::FULL {
            more = true;
            return false;
        }
        let Some(number) = row.int("id") else {
            out.skip("malformed_row");
            return true;
        };
        after = number;
        let time = |column: &str| {
            let text = row.text(column).and_then(|t| Timestamp::parse(&t));
            text.or_else(|| row.int(column).map(Timestamp))
        };
        let logged = row.text("log_path").and_then(|p| {
            let name = Path::new(&p).file_name()?.to_string_lossy().into_owned();
            file.beside(&name)
        });
        let step = Step {
            session: places::session(path, number.unsigned_abs()),
            number,
            name: row.text("name").unwrap_or_else(|| "agent".to_owned()),
            prompt: row.text("prompt").unwrap_or_default(),
            status: row.text("status").unwrap_or_default(),
            error: row.text("error").filter(|e| !e.is_empty()),
            log: logged,
            started: time("start_time"),
            ended: time("end_time"),
            cwd: cwd.clone(),
        };
        let session = out.session(&step.session);
        session.title = Some(step.name.clone());
        session.cwd.clone_from(&cwd);
        // The engine's own session, where it has one, is what this one went on in.
        session.parent = parents
            .get(&number)
            .map(|p| places::session(path, p.unsigned_abs()))
            .or_else(|| row.text("session_id"));
        step.tell(out);
        true
    })?;
    let state = if more { json!({ "after": after }) } else { Value::Null };
    Ok(Part { state, more })
}

/// One agent's run.
struct Step {
    session: String,
    number: i64,
    name: String,
    prompt: String,
    status: String,
    error: Option<String>,
    log: Option<String>,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    cwd: Option<String>,
}

impl Step {
    fn tell(self, out: &mut Output<'_>) {
        let ok = match self.status.as_str() {
            "completed" => true,
            "failed" => false,
            // What is running is read when it has ended.
            other => return out.skip(if other.is_empty() { "untyped" } else { other }),
        };
        let call = EventKind::ToolCall {
            call_id: self.session.clone(),
            name: self.name.clone(),
            files: Vec::new(),
            command: None,
            detail: self.prompt.clone(),
        };
        self.emit("call", self.started, Actor::Agent, call, out);
        let text = self.error.clone().unwrap_or_else(|| match (&self.log, ok) {
            // Only the end tells why.
            (Some(text), false) => log::plain(text),
            _ => String::new(),
        });
        let call_id = self.session.clone();
        let result = EventKind::ToolResult { call_id, ok: Some(ok), exit_code: None, text };
        // A step that failed may be taken up again.
        let facet = format!("result:{}", self.status);
        self.emit(&facet, self.ended.or(self.started), Actor::Tool, result, out);
    }

    fn emit(
        &self,
        facet: &str,
        ts: Option<Timestamp>,
        actor: Actor,
        kind: EventKind,
        out: &mut Output<'_>,
    ) {
        let event = Event {
            key: format!("{}:{facet}", self.session),
            row_id: self.number.to_string(),
            ts,
            actor,
            kind,
            cwd: self.cwd.clone(),
            branch: None,
            offset: 0,
            len: 0,
        };
        out.event(&self.session, event);
    }
}
