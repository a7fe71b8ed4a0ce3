//! What a store heard from each engine.
//!
//! Owns the counting of human signals. Must not decide what a signal is worth.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Result, Store};

/// Counts of one engine. A row met in several files counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Heard {
    /// Files that added an event.
    pub files: u64,
    /// Sessions with an event.
    pub sessions: u64,
    /// All events.
    pub events: u64,
    /// Prompts a person typed while the agent waited.
    pub prompts: u64,
    /// Prompts a person typed while the agent was busy.
    pub steering: u64,
    /// Tool calls and plans a person turned down.
    pub rejections: u64,
    /// Those of them with words.
    pub feedback: u64,
    /// Times a person stopped the agent.
    pub interrupts: u64,
    /// Plans approved or turned down.
    pub plans: u64,
    /// Questions of the agent that were answered.
    pub answers: u64,
    /// Failed checks that were fixed and passed.
    pub fixes: u64,
    /// Review findings, each once, however often its status changed.
    pub findings: u64,
}

/// One row an engine. Bodies are only looked into where the kind alone does not tell.
const SQL: &str = "
    SELECT s.engine, count(DISTINCT e.source_id), count(DISTINCT e.session_id), count(*),
           sum(kind = 'user_prompt' AND NOT coalesce(json_extract(body, '$.steering'), 0)),
           sum(kind = 'user_prompt' AND coalesce(json_extract(body, '$.steering'), 0)),
           sum(kind = 'tool_rejected' AND json_extract(body, '$.by') = 'user'
               OR kind = 'plan' AND json_extract(body, '$.state') = 'rejected'),
           sum(kind = 'tool_rejected' AND json_extract(body, '$.by') = 'user'
               AND coalesce(json_extract(body, '$.feedback'), '') <> ''
               OR kind = 'plan' AND json_extract(body, '$.state') = 'rejected'
               AND coalesce(json_extract(body, '$.text'), '') <> ''),
           sum(kind = 'user_interrupt'),
           sum(kind = 'plan' AND json_extract(body, '$.state') <> 'proposed'),
           sum(kind = 'question_answered'),
           (SELECT count(*) FROM candidate c JOIN session t ON t.id = c.session_id
            WHERE t.engine = s.engine AND c.signal = 'fail_fix' AND c.state <> 'gone'),
           count(DISTINCT CASE WHEN kind = 'finding' THEN e.session_id || '/' || row_id END)
    FROM event e JOIN session s ON s.id = e.session_id
    GROUP BY s.engine";

impl Store {
    /// Returns what was heard from each engine, by its short name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn heard(&self) -> Result<BTreeMap<String, Heard>> {
        let read = || -> rusqlite::Result<BTreeMap<String, Heard>> {
            let mut stmt = self.conn.prepare(SQL)?;
            let rows = stmt.query_map([], |row| {
                let n = |column: usize| row.get::<_, i64>(column).map(i64::cast_unsigned);
                let heard = Heard {
                    files: n(1)?,
                    sessions: n(2)?,
                    events: n(3)?,
                    prompts: n(4)?,
                    steering: n(5)?,
                    rejections: n(6)?,
                    feedback: n(7)?,
                    interrupts: n(8)?,
                    plans: n(9)?,
                    answers: n(10)?,
                    fixes: n(11)?,
                    findings: n(12)?,
                };
                Ok((row.get(0)?, heard))
            })?;
            rows.collect()
        };
        read().map_err(|e| self.sql(e))
    }
}
