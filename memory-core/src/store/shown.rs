//! Showings to a session at work: what it has seen, and what may be shown to it now.
//!
//! Owns the promise that a session is shown a lesson once, also when several of its hooks run at the
//! same moment: looking and recording are one transaction. Must not choose what to show.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::params;

use super::error::Result;
use super::events::SessionRef;
use super::outcomes::show;
use super::{Store, sort_error};
use crate::id::LessonId;
use crate::outcome::{Channel, Exposure};

impl Store {
    /// Returns the lessons that this session was shown, by whatever way, and still has in its context.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn seen_by(&self, session: &SessionRef) -> Result<BTreeSet<LessonId>> {
        if self.is_older_than(2) {
            return Ok(BTreeSet::new());
        }
        let read = || -> rusqlite::Result<BTreeSet<LessonId>> {
            let mut stmt = self.conn.prepare_cached(
                "SELECT lesson_id FROM exposure
                     WHERE engine = ?1 AND sid = ?2 AND until IS NULL",
            )?;
            let rows =
                stmt.query_map([&session.engine, &session.id], |r| Ok(LessonId(r.get(0)?)))?;
            rows.collect()
        };
        read().map_err(|e| self.sql(e))
    }

    /// Returns the lessons that stand in a file agents read.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn standing_lessons(&self) -> Result<BTreeSet<LessonId>> {
        if self.is_older_than(2) {
            return Ok(BTreeSet::new());
        }
        let read = || -> rusqlite::Result<BTreeSet<LessonId>> {
            let mut stmt = self.conn.prepare_cached(
                "SELECT lesson_id FROM exposure WHERE until IS NULL AND channel = ?1",
            )?;
            let rows = stmt.query_map([Channel::Sync.as_str()], |r| Ok(LessonId(r.get(0)?)))?;
            rows.collect()
        };
        read().map_err(|e| self.sql(e))
    }

    /// Records showings if that is at hand: waits for no other writer longer than `patience`, and
    /// for no disk. A showing that is lost with the power is no loss; an answer that is late is.
    ///
    /// # Errors
    /// When it is not at hand. The connection stays as impatient; it is for the end of a command.
    pub fn record_exposures_in_passing(
        &mut self,
        shown: &[Exposure],
        patience: Duration,
    ) -> Result<()> {
        self.hurry(patience)?;
        self.record_exposures(shown)
    }

    /// Notes that the context of a session was emptied: what it was shown it may be shown again. As
    /// hurried as [`Self::record_exposures_in_passing`].
    ///
    /// # Errors
    /// When that cannot be recorded in time.
    pub fn empty_context(&mut self, session: &SessionRef, patience: Duration) -> Result<()> {
        self.hurry(patience)?;
        let (path, now) = (self.path.clone(), self.clock.now());
        self.write(|tx| {
            tx.execute(
                "UPDATE exposure SET until = ?1 WHERE engine = ?2 AND sid = ?3 AND until IS NULL",
                params![now.0, session.engine, session.id],
            )
            .map_err(|e| sort_error(&path, e))?;
            Ok(())
        })
    }

    /// Records those showings that are the first of their lesson in their session, in one transaction
    /// and as hurriedly as [`Self::record_exposures_in_passing`]; returns their lessons, in order. Two
    /// that ask at once never get the same lesson. A showing without a session counts as a first one.
    ///
    /// # Errors
    /// When it is not at hand; nothing may be shown then.
    pub fn claim_exposures(
        &mut self,
        wanted: &[Exposure],
        patience: Duration,
    ) -> Result<Vec<LessonId>> {
        self.hurry(patience)?;
        let path = self.path.clone();
        self.write(|tx| {
            let work = || -> rusqlite::Result<Vec<LessonId>> {
                let mut stmt = tx.prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM exposure
                                    WHERE engine = ?1 AND sid = ?2 AND lesson_id = ?3
                                    AND until IS NULL)",
                )?;
                let mut claimed = Vec::new();
                for exposure in wanted {
                    let seen = match &exposure.session {
                        Some(s) => stmt
                            .query_row(params![s.engine, s.id, exposure.lesson.as_str()], |r| {
                                r.get::<_, bool>(0)
                            })?,
                        None => false,
                    };
                    if !seen {
                        show(tx, exposure)?;
                        claimed.push(exposure.lesson.clone());
                    }
                }
                Ok(claimed)
            };
            work().map_err(|e| sort_error(&path, e))
        })
    }

    /// Makes the connection impatient: short waits, no waiting for the disk, no tidying at its end.
    fn hurry(&mut self, patience: Duration) -> Result<()> {
        self.check_writable()?;
        let path = self.path.clone();
        let err = |e| sort_error(&path, e);
        self.conn.busy_timeout(patience).map_err(err)?;
        // In a write-ahead log, this leaves the file whole whatever happens.
        self.conn.pragma_update(None, "synchronous", "NORMAL").map_err(err)?;
        self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(err)?;
        Ok(())
    }
}
