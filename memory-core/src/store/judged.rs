//! How far sessions were judged, and the spans by which a showing finds the sessions that saw it.
//!
//! Owns the mark `judged` in `meta`. Must not know what the mark says: who judges writes and reads it.

use rusqlite::{OptionalExtension as _, params};

use super::error::{Result, StoreError};
use super::events::SessionRef;
use super::outcomes::replace;
use super::{Store, revision, sort_error};
use crate::clock::Timestamp;
use crate::outcome::Outcome;

/// A session's place in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Which.
    pub session: SessionRef,
    /// Time of its first dated event.
    pub started: Option<Timestamp>,
    /// Time of its last dated event.
    pub ended: Option<Timestamp>,
    /// Number of its newest event.
    pub last_event: i64,
    /// Whether a person typed a prompt in it, if that was asked: reports and documents are sessions too.
    pub prompted: bool,
}

impl Store {
    /// Returns every session that has events, by engine and id. Whether it was `prompted` costs a look
    /// at every event of those that were not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn spans(&self, prompted: bool) -> Result<Vec<Span>> {
        let read = || -> rusqlite::Result<Vec<Span>> {
            let mut stmt = self.conn.prepare(
                "SELECT s.engine, s.sid, s.started, s.ended,
                        (SELECT max(e.seq) FROM event e WHERE e.session_id = s.id) AS last,
                        CASE WHEN ?1 THEN
                            EXISTS (SELECT 1 FROM event e
                                    WHERE e.session_id = s.id AND e.kind = 'user_prompt')
                        ELSE 0 END
                 FROM session s WHERE last IS NOT NULL ORDER BY s.engine, s.sid",
            )?;
            let rows = stmt.query_map([prompted], |r| {
                Ok(Span {
                    session: SessionRef { engine: r.get(0)?, id: r.get(1)? },
                    started: r.get::<_, Option<i64>>(2)?.map(Timestamp),
                    ended: r.get::<_, Option<i64>>(3)?.map(Timestamp),
                    last_event: r.get(4)?,
                    prompted: r.get(5)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|e| self.sql(e))
    }

    /// Returns the number of the newest showing; 0 for none. Numbers only grow.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_exposure(&self) -> Result<i64> {
        if self.is_older_than(2) {
            return Ok(0);
        }
        self.conn
            .query_row("SELECT coalesce(max(id), 0) FROM exposure", [], |r| r.get(0))
            .map_err(|e| self.sql(e))
    }

    /// Returns the sessions that showings with larger numbers name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn exposed_since(&self, exposure: i64) -> Result<Vec<SessionRef>> {
        if self.is_older_than(2) {
            return Ok(Vec::new());
        }
        let read = || -> rusqlite::Result<Vec<SessionRef>> {
            let mut stmt = self.conn.prepare(
                "SELECT DISTINCT engine, sid FROM exposure
                 WHERE id > ?1 AND engine IS NOT NULL AND sid IS NOT NULL",
            )?;
            let rows = stmt
                .query_map([exposure], |r| Ok(SessionRef { engine: r.get(0)?, id: r.get(1)? }))?;
            rows.collect()
        };
        read().map_err(|e| self.sql(e))
    }

    /// Returns the mark of the last judging, if there was one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn judged(&self) -> Result<Option<String>> {
        self.conn
            .query_row("SELECT value FROM meta WHERE key = 'judged'", [], |r| r.get(0))
            .optional()
            .map_err(|e| self.sql(e))
    }

    /// Replaces what the transcripts of these sessions say, and sets the mark, in one transaction.
    /// `mark` gets the revision that holds afterwards. Returns whether a verdict changed.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the store is not at `at_revision` any more; nothing is written
    /// then.
    pub fn settle_outcomes(
        &mut self,
        found: &[(SessionRef, Vec<Outcome>)],
        at_revision: u64,
        mark: impl FnOnce(u64) -> String,
    ) -> Result<bool> {
        let path = self.path.clone();
        self.write(|tx| {
            let err = |e| sort_error(&path, e);
            if revision(tx).map_err(err)? != at_revision {
                return Err(StoreError::Conflict);
            }
            let changed = replace(tx, found).map_err(err)?;
            let mark = mark(revision(tx).map_err(err)?);
            tx.execute(
                "INSERT INTO meta (key, value) VALUES ('judged', ?1)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                params![mark],
            )
            .map_err(err)?;
            Ok(changed)
        })
    }
}
