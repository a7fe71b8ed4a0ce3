//! Small things a store remembers for those who work on it: up to where something was looked at.
//!
//! Owns the rows of `meta` whose keys begin with `note.`. A note can be lost without harm: the work
//! it saves is then done again. Must not hold anything learned.

use rusqlite::{OptionalExtension as _, params};

use super::{Result, Store, sort_error};

impl Store {
    /// Returns the note of this name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn note(&self, name: &str) -> Result<Option<String>> {
        self.conn
            .prepare_cached("SELECT value FROM meta WHERE key = 'note.' || ?1")
            .and_then(|mut s| s.query_row([name], |r| r.get(0)).optional())
            .map_err(|e| self.sql(e))
    }

    /// Leaves a note, in place of an older one of this name.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn set_note(&mut self, name: &str, value: &str) -> Result<()> {
        let path = self.path.clone();
        self.write(|tx| {
            tx.execute(
                "INSERT INTO meta (key, value) VALUES ('note.' || ?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                params![name, value],
            )
            .map_err(|e| sort_error(&path, e))?;
            Ok(())
        })
    }
}
