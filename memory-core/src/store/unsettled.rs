//! What a pass has not looked at yet.
//!
//! Owns the table `unsettled`, which triggers fill, and the stamp that names the state of the store up
//! to which passes have looked. Must not know what a pass does.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::error::{Result, StoreError};
use super::log::{Applied, carry_out};
use super::{Store, revision, sort_error};
use crate::id::{CandidateKey, LessonId};
use crate::plan::Plan;

/// The format that brought the table.
const SINCE: i64 = 3;
/// Where the stamp stands among the notes.
const STAMP: &str = "note.settled";

/// What has changed since passes last looked, and the state it was read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unsettled {
    /// Candidates that are new or changed, by content or state.
    pub candidates: BTreeSet<CandidateKey>,
    /// Lessons that are new, changed, shown or judged.
    pub lessons: BTreeSet<LessonId>,
    /// Keys of phrasings that are new or changed.
    pub phrasings: BTreeSet<String>,
    /// What names the state of the store up to which passes looked; `None` before the first.
    pub stamp: Option<String>,
    /// The revision of the store.
    pub revision: u64,
    /// The number of the newest row.
    through: i64,
}

impl Unsettled {
    /// Returns whether there is nothing to look at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many things changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.candidates.len() + self.lessons.len() + self.phrasings.len()
    }
}

impl Store {
    /// Returns what passes have not looked at, as one state of the store. A store of an older format
    /// that cannot be written does not know: it says that nothing was ever looked at.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unsettled(&self) -> Result<Unsettled> {
        self.snapshot(|store| store.read_unsettled().map_err(|e| store.sql(e)))
    }

    fn read_unsettled(&self) -> rusqlite::Result<Unsettled> {
        let mut found = Unsettled { revision: revision(&self.conn)?, ..Unsettled::default() };
        if self.is_older_than(SINCE) {
            return Ok(found);
        }
        found.stamp = stamp(&self.conn)?;
        let mut stmt = self.conn.prepare_cached("SELECT n, kind, key FROM unsettled ORDER BY n")?;
        let mut rows = stmt.query([])?;
        while let Some(row) = rows.next()? {
            found.through = row.get(0)?;
            let (kind, key): (String, String) = (row.get(1)?, row.get(2)?);
            match kind.as_str() {
                "candidate" => _ = found.candidates.insert(CandidateKey(key)),
                "lesson" => _ = found.lessons.insert(LessonId(key)),
                _ => _ = found.phrasings.insert(key),
            }
        }
        Ok(found)
    }

    /// Carries out a plan made from the store as `seen` says it was, and notes that a pass has looked
    /// at all of that: in one transaction. What the plan changes has to be looked at in its turn.
    /// Returns the stamp of the state that is now looked at, too; it ends with `by`, which says who
    /// looked. `after` as in [`Self::apply_after`].
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if candidates or lessons changed since; nothing is written then.
    pub fn settle(
        &mut self,
        plan: &Plan,
        seen: &Unsettled,
        by: &str,
        actor: &str,
        after: i64,
    ) -> Result<(Applied, String)> {
        let ts = self.clock.now();
        let path = self.path.clone();
        self.write(|tx| {
            let err = |e| sort_error(&path, e);
            // Another pass may have settled the same and found nothing: then the stamp is another.
            if revision(tx).map_err(err)? != seen.revision || stamp(tx).map_err(err)? != seen.stamp
            {
                return Err(StoreError::Conflict);
            }
            let applied = carry_out(tx, plan, ts, actor, after).map_err(err)?;
            let stamp = note_looked_at(tx, seen.through, by).map_err(err)?;
            Ok((applied, stamp))
        })
    }
}

fn stamp(conn: &rusqlite::Connection) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([STAMP], |r| r.get(0))
        .optional()
}

/// Forgets what was looked at and gives the state a name of its own.
fn note_looked_at(tx: &Transaction<'_>, through: i64, by: &str) -> rusqlite::Result<String> {
    tx.execute("DELETE FROM unsettled WHERE n <= ?1", [through])?;
    tx.query_row(
        "INSERT INTO meta (key, value) VALUES (?1, lower(hex(randomblob(16))) || ' ' || ?2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value RETURNING value",
        params![STAMP, by],
        |r| r.get(0),
    )
}
