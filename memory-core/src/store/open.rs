//! Opening a store: creation, migrations, versions, pragmas.
//!
//! Owns the promise "read yes, write no" towards newer stores, and private file modes. Must not
//! touch any row but `meta`.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use super::error::{Result, StoreError};
use super::{Store, sort_error};
use crate::clock::Clock;
use crate::durable::{IoResultExt as _, create_private_dir, open_private};

/// How long a writer waits for another one before it reports "busy".
const BUSY: Duration = Duration::from_secs(5);

/// Append-only: a released line never changes, because stores in the field have run it.
const STEPS: &[&str] = &[include_str!("../../migrations/20261121000000_init.sql")];

/// The format this build writes.
#[expect(clippy::cast_possible_wrap, reason = "a handful of migrations")]
pub const FORMAT_VERSION: i64 = STEPS.len() as i64;

impl Store {
    /// Opens the store for reading and writing, creating and migrating it as needed. A store of a
    /// newer cemem opens too; writes to it are refused.
    ///
    /// # Errors
    /// When the file cannot be made or opened, is damaged, or stays locked.
    pub fn open(path: &Path, clock: Clock) -> Result<Self> {
        if let Some(folder) = path.parent() {
            create_private_dir(folder)?;
        }
        // SQLite gives its side files the mode of the database, so the mode is set here, once.
        if !path.exists() {
            drop(open_private(path)?);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags).map_err(|e| sort_error(path, e))?;
        let found = prepare(&mut conn, path)?;
        Self::finish(conn, path, clock, found, false)
    }

    /// Opens an existing store for reading.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open_read_only(path: &Path, clock: Clock) -> Result<Self> {
        std::fs::metadata(path).context("open store", path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(|e| sort_error(path, e))?;
        conn.busy_timeout(BUSY).map_err(|e| sort_error(path, e))?;
        let found = format_version(&conn).map_err(|e| sort_error(path, e))?;
        Self::finish(conn, path, clock, found, true)
    }

    /// Opens a store that lives in memory: for tests and evaluation.
    ///
    /// # Errors
    /// When SQLite cannot allocate it.
    pub fn open_in_memory(clock: Clock) -> Result<Self> {
        let path = Path::new(":memory:");
        let mut conn = Connection::open_in_memory().map_err(|e| sort_error(path, e))?;
        let found = prepare(&mut conn, path)?;
        Self::finish(conn, path, clock, found, false)
    }

    /// Checks the whole file for damage. Slow on large stores: for `doctor`, not for hot paths.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with what was found.
    pub fn verify(&self) -> Result<()> {
        let verdict: String = self
            .conn
            .query_row("PRAGMA quick_check(1)", [], |r| r.get(0))
            .map_err(|e| self.sql(e))?;
        if verdict == "ok" { Ok(()) } else { Err(self.corrupt(verdict)) }
    }

    fn finish(conn: Connection, path: &Path, clock: Clock, found: i64, ro: bool) -> Result<Self> {
        let id = conn
            .query_row("SELECT value FROM meta WHERE key = 'store_id'", [], |r| r.get(0))
            .map_err(|e| sort_error(path, e))?;
        let newer = (found > FORMAT_VERSION).then_some(found);
        Ok(Self { conn, path: path.to_owned(), id, clock, newer, read_only: ro })
    }
}

/// Returns the format of an open database: its `user_version`.
///
/// # Errors
/// When the file is no database.
pub fn format_version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("PRAGMA user_version", [], |r| r.get(0))
}

/// Sets the pragmas and migrates; returns the format found afterwards.
fn prepare(conn: &mut Connection, path: &Path) -> Result<i64> {
    let err = |e| sort_error(path, e);
    conn.busy_timeout(BUSY).map_err(err)?;
    conn.set_prepared_statement_cache_capacity(64);
    let found = format_version(conn).map_err(err)?;
    conn.execute_batch("PRAGMA foreign_keys = ON; PRAGMA mmap_size = 268435456;").map_err(err)?;
    if found > FORMAT_VERSION {
        return Ok(found);
    }
    if found < FORMAT_VERSION {
        migrate(conn, path)?;
    }
    // A copy made by a backup tool comes back with a rollback journal, which blocks readers.
    let journal: String = conn.query_row("PRAGMA journal_mode", [], |r| r.get(0)).map_err(err)?;
    if journal == "delete" {
        conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(err)?;
    }
    conn.execute_batch("PRAGMA synchronous = FULL;").map_err(err)?;
    format_version(conn).map_err(err)
}

/// Brings the database up to date. A lock file beside it makes two first openings take turns:
/// SQLite's own lock is released between two migration steps.
fn migrate(conn: &mut Connection, path: &Path) -> Result<()> {
    let guard = if path.as_os_str() == ":memory:" {
        None
    } else {
        let lock_path = path.with_extension("lock");
        let file = open_private(&lock_path)?;
        file.lock().context("lock", &lock_path)?;
        Some(file)
    };
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(|e| sort_error(path, e))?;
    let migrations = Migrations::new(STEPS.iter().map(|sql| M::up(sql)).collect());
    let outcome = migrations.to_latest(conn).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => sort_error(path, err),
        other => StoreError::Corrupt { path: path.to_owned(), detail: other.to_string() },
    });
    drop(guard);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_store_reads_but_does_not_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("memory.db");
        drop(Store::open(&path, Clock::System).unwrap());
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", FORMAT_VERSION + 1)
            .unwrap();
        let store = Store::open(&path, Clock::System).unwrap();
        assert_eq!(store.lesson_seq().unwrap(), 0);
        assert!(matches!(store.check_writable(), Err(StoreError::Newer { .. })));
    }

    #[test]
    fn garbage_is_reported_as_damage_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("memory.db");
        let garbage = [7_u8; 8192];
        crate::durable::write_durable(&path, &garbage).unwrap();
        assert!(matches!(Store::open(&path, Clock::System), Err(StoreError::Corrupt { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), garbage);
    }

    #[cfg(unix)]
    #[test]
    fn files_are_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/memory.db");
        let _store = Store::open(&path, Clock::System).unwrap();
        let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }

    #[test]
    fn many_first_openings_at_once_agree() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("memory.db");
        std::thread::scope(|s| {
            let ids: Vec<_> = (0..8)
                .map(|_| s.spawn(|| Store::open(&path, Clock::System).unwrap().id().to_owned()))
                .collect();
            let ids: std::collections::HashSet<_> =
                ids.into_iter().map(|h| h.join().unwrap()).collect();
            assert_eq!(ids.len(), 1);
        });
    }
}
