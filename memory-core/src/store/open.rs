//! Opening a store: creation, migrations, versions, pragmas.
//!
//! Owns the promise "read yes, write no" towards newer stores, and private file modes. Must not
//! touch any row but `meta`.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use rusqlite_migration::{M, Migrations};
use tempfile::TempDir;

use super::error::{Result, StoreError};
use super::{Store, sort_error};
use crate::clock::Clock;
use crate::durable::{IoResultExt as _, PathError, create_private_dir, open_private};
use crate::foreign::{open_uri, side};
use crate::scratch;

/// How long a writer waits for another one before it reports "busy".
const BUSY: Duration = Duration::from_secs(5);

/// Append-only: a released line never changes, because stores in the field have run it.
const STEPS: &[&str] = &[
    include_str!("../../migrations/20261121000000_init.sql"),
    include_str!("../../migrations/20261121180000_outcomes.sql"),
    include_str!("../../migrations/20261122120000_unsettled.sql"),
];

/// The format this build writes.
#[expect(clippy::cast_possible_wrap, reason = "a handful of migrations")]
pub const FORMAT_VERSION: i64 = STEPS.len() as i64;

/// What the lock file says once a store was made.
const MADE: &[u8] = b"a store was made here\n";

/// Bytes of the smallest database. SQLite takes an empty file for a new one, and would make a store
/// in a file that lost its content.
const SMALLEST: u64 = 512;

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
        if std::fs::metadata(path).map_or(0, |file| file.len()) < SMALLEST {
            begin(path)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags).map_err(|e| sort_error(path, e))?;
        let found = prepare(&mut conn, path)?;
        Self::finish(conn, path, clock, found, false)
    }

    /// Opens the store for reading, in the best way this machine allows: like [`Store::open`]; where
    /// it cannot be written, like [`Store::open_read_only`]; where there is none and none can be made,
    /// as an empty one that takes nothing.
    ///
    /// # Errors
    /// When there is a store that cannot be read.
    pub fn open_to_read(path: &Path, clock: Clock) -> Result<Self> {
        match Self::open(path, clock) {
            Err(error) if is_unwritable(&error) => {}
            outcome => return outcome,
        }
        // What cannot be looked for may be there: that is an error, not an empty memory.
        if path.try_exists().context("find store", path)? {
            return Self::open_read_only(path, clock);
        }
        let empty = Self::open_in_memory(clock)?;
        Ok(Self { path: path.to_owned(), read_only: true, ..empty })
    }

    /// Opens an existing store for reading, also where nothing can be written beside it.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open_read_only(path: &Path, clock: Clock) -> Result<Self> {
        std::fs::metadata(path).context("open store", path)?;
        let read = |conn: Connection, copy| {
            conn.busy_timeout(BUSY).map_err(|e| sort_error(path, e))?;
            let found = format_version(&conn).map_err(|e| sort_error(path, e))?;
            let store = Self::finish(conn, path, clock, found, true)?;
            Ok(Self { _copy: copy, ..store })
        };
        let uri = |query| open_uri(path, query).map_err(|e| sort_error(path, e));
        match uri("mode=ro").and_then(|conn| read(conn, None)) {
            Err(error) if is_unwritable(&error) => {}
            outcome => return outcome,
        }
        // SQLite cannot coordinate with writers here, so there are none: with an empty log the file
        // is all there is; else both are read as a private copy.
        if side(path, "-wal").metadata().is_ok_and(|log| log.len() > 0) {
            let (conn, folder) = copied(path)?;
            return read(conn, Some(folder));
        }
        read(uri("immutable=1")?, None)
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

    /// Checks the lessons for damage, in about the time it takes to read them all: a damaged tree can
    /// leave rows out without a word.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with what was found.
    pub fn verify_lessons(&self) -> Result<()> {
        let verdict: String = self
            .conn
            .query_row("PRAGMA quick_check('lesson')", [], |r| r.get(0))
            .map_err(|e| self.sql(e))?;
        if verdict == "ok" { Ok(()) } else { Err(self.corrupt(verdict)) }
    }

    fn finish(conn: Connection, path: &Path, clock: Clock, found: i64, ro: bool) -> Result<Self> {
        let id = conn
            .query_row("SELECT value FROM meta WHERE key = 'store_id'", [], |r| r.get(0))
            .map_err(|error| match error.sqlite_error_code() {
                // No such table or no such row: SQLite has no complaint, but this is no store.
                None | Some(ErrorCode::Unknown) => {
                    StoreError::Corrupt { path: path.to_owned(), detail: error.to_string() }
                }
                Some(_) => sort_error(path, error),
            })?;
        let newer = (found > FORMAT_VERSION).then_some(found);
        // SQLite opens a write-protected file for reading without a word.
        let read_only = ro || conn.is_readonly("main").map_err(|e| sort_error(path, e))?;
        let path = path.to_owned();
        Ok(Self { conn, path, id, clock, format: found, newer, read_only, _copy: None })
    }
}

/// Returns the format of an open database: its `user_version`.
///
/// # Errors
/// When the file is no database.
pub fn format_version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("PRAGMA user_version", [], |r| r.get(0))
}

/// Whether the error may come from a file or folder that cannot be written, so that reading might
/// still work.
fn is_unwritable(error: &StoreError) -> bool {
    match error {
        StoreError::Path(_) | StoreError::ReadOnly { .. } => true,
        StoreError::Sqlite { source, .. } => matches!(
            source.sqlite_error_code(),
            Some(ErrorCode::PermissionDenied | ErrorCode::DiskFull | ErrorCode::SystemIoFailure)
        ),
        _ => false,
    }
}

/// Copies a database and its log to a folder of ours, where SQLite may recover the log.
fn copied(path: &Path) -> Result<(Connection, TempDir)> {
    let folder = scratch::folder().context("copy store", path)?;
    let copy = folder.path().join("memory.db");
    for suffix in ["", "-wal"] {
        let (from, to) = (side(path, suffix), side(&copy, suffix));
        std::fs::copy(&from, &to).context("copy", &from)?;
        // The copy would inherit the write protection it is made for.
        #[cfg(unix)]
        std::fs::set_permissions(&to, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .context("set mode of", &to)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(&copy, flags).map_err(|e| sort_error(path, e))?;
    Ok((conn, folder))
}

/// What holds for every connection. The keys of events come in no order: with the default page cache
/// of 2 MB, a large report writes and reads the pages of their index over and over.
const PRAGMAS: &str =
    "PRAGMA foreign_keys = ON; PRAGMA mmap_size = 268435456; PRAGMA cache_size = -16384;";

/// Sets the pragmas and migrates; returns the format found afterwards.
fn prepare(conn: &mut Connection, path: &Path) -> Result<i64> {
    let err = |e| sort_error(path, e);
    conn.busy_timeout(BUSY).map_err(err)?;
    conn.set_prepared_statement_cache_capacity(64);
    let found = format_version(conn).map_err(err)?;
    conn.execute_batch(PRAGMAS).map_err(err)?;
    if found > FORMAT_VERSION {
        return Ok(found);
    }
    if found < FORMAT_VERSION {
        migrate(conn, path)?;
    }
    // A copy made by a backup tool comes back with a rollback journal, which blocks readers.
    let journal: String = conn.query_row("PRAGMA journal_mode", [], |r| r.get(0)).map_err(err)?;
    if journal == "delete" && !conn.is_readonly("main").map_err(err)? {
        conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(err)?;
    }
    conn.execute_batch("PRAGMA synchronous = FULL;").map_err(err)?;
    format_version(conn).map_err(err)
}

/// Takes the lock beside a database that makes first openings take turns: SQLite's own lock is
/// released between two migration steps. The lock file has content once a store was made here.
fn locked(path: &Path) -> Result<File> {
    let lock_path = path.with_extension("lock");
    let file = open_private(&lock_path)?;
    file.lock().context("lock", &lock_path)?;
    Ok(file)
}

/// Makes the empty file that becomes a store, or finds out why there is one that is none: another
/// first opening, now or interrupted, is welcome; a store that lost its content is damaged.
fn begin(path: &Path) -> Result<()> {
    let lock = locked(path)?;
    let lock_path = path.with_extension("lock");
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Moved away by hand: what is made now is another store.
            lock.set_len(0).context("write", &lock_path)?;
            // SQLite gives its side files the mode of the database, so the mode is set here, once.
            drop(open_private(path)?);
            Ok(())
        }
        Err(source) => {
            Err(PathError { action: "open store", path: path.to_owned(), source }.into())
        }
        Ok(file) => {
            let was_made = lock.metadata().context("read", &lock_path)?.len() > 0;
            if file.len() >= SMALLEST || (file.len() == 0 && !was_made) {
                return Ok(());
            }
            let detail = format!("only {} bytes are left of it", file.len());
            Err(StoreError::Corrupt { path: path.to_owned(), detail })
        }
    }
}

/// Brings the database up to date.
fn migrate(conn: &mut Connection, path: &Path) -> Result<()> {
    let guard = if path.as_os_str() == ":memory:" { None } else { Some(locked(path)?) };
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(|e| sort_error(path, e))?;
    let migrations = Migrations::new(STEPS.iter().map(|sql| M::up(sql)).collect());
    let outcome = migrations.to_latest(conn).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => sort_error(path, err),
        other => StoreError::Corrupt { path: path.to_owned(), detail: other.to_string() },
    });
    if let (Ok(()), Some(mut lock)) = (&outcome, guard) {
        let lock_path = path.with_extension("lock");
        lock.write_all(MADE).context("write", &lock_path)?;
    }
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

    #[test]
    fn a_store_that_lost_its_content_is_damaged_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("memory.db");
        // What an interrupted first opening leaves becomes a store.
        std::fs::write(&path, b"").unwrap();
        drop(Store::open(&path, Clock::System).unwrap());
        assert!(std::fs::metadata(&path).unwrap().len() >= SMALLEST);
        for left in [0, 1, 50, 511] {
            let rest = vec![b'S'; left];
            std::fs::write(&path, &rest).unwrap();
            std::fs::write(side(&path, "-wal"), b"log").unwrap();
            let outcome = Store::open(&path, Clock::System);
            assert!(matches!(outcome, Err(StoreError::Corrupt { .. })), "{left}: {outcome:?}");
            assert_eq!(std::fs::read(&path).unwrap(), rest);
            assert_eq!(std::fs::read(side(&path, "-wal")).unwrap(), b"log");
            let outcome = Store::open_read_only(&path, Clock::System);
            assert!(matches!(outcome, Err(StoreError::Corrupt { .. })), "{left}: {outcome:?}");
        }
        // Moved out of the way, it makes room for a new one.
        std::fs::remove_file(&path).unwrap();
        std::fs::remove_file(side(&path, "-wal")).unwrap();
        drop(Store::open(&path, Clock::System).unwrap());
        drop(Store::open(&path, Clock::System).unwrap());
    }

    #[test]
    fn a_database_without_the_tables_of_a_store_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("memory.db");
        drop(Store::open(&path, Clock::System).unwrap());
        Connection::open(&path).unwrap().execute_batch("DROP TABLE meta").unwrap();
        assert!(matches!(Store::open(&path, Clock::System), Err(StoreError::Corrupt { .. })));
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

    /// Keeps SQLite from making its side file, also for the superuser: it follows no links here.
    #[cfg(unix)]
    fn seal(path: &Path) {
        std::os::unix::fs::symlink("no/where", side(path, "-shm")).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_store_is_read_where_nothing_can_be_written_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("memory.db");
        drop(Store::open(&path, Clock::System).unwrap());
        seal(&path);
        assert!(Store::open(&path, Clock::System).is_err(), "or the test shows nothing");
        for store in [
            Store::open_read_only(&path, Clock::System).unwrap(),
            Store::open_to_read(&path, Clock::System).unwrap(),
        ] {
            assert_eq!(store.lesson_seq().unwrap(), 0);
            assert!(matches!(store.check_writable(), Err(StoreError::ReadOnly { .. })));
        }
    }

    #[cfg(unix)]
    #[test]
    fn changes_still_in_the_log_are_read_too() {
        let dir = tempfile::tempdir().unwrap();
        let (live, path) = (dir.path().join("live.db"), dir.path().join("memory.db"));
        let store = Store::open(&live, Clock::System).unwrap();
        store.conn.execute("UPDATE meta SET value = '7' WHERE key = 'revision'", []).unwrap();
        // What a process that was killed leaves behind.
        for suffix in ["", "-wal"] {
            std::fs::copy(side(&live, suffix), side(&path, suffix)).unwrap();
        }
        seal(&path);
        assert_eq!(Store::open_read_only(&path, Clock::System).unwrap().revision().unwrap(), 7);
    }

    #[test]
    fn no_store_where_none_can_be_made_is_an_empty_one_that_takes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        // The folder is missing, and a link to nowhere keeps it from being made.
        #[cfg(unix)]
        {
            let link = dir.path().join("gone");
            std::os::unix::fs::symlink(dir.path().join("no/where"), &link).unwrap();
            let store = Store::open_to_read(&link.join("memory.db"), Clock::System).unwrap();
            assert_eq!(store.lesson_seq().unwrap(), 0);
            assert!(matches!(store.check_writable(), Err(StoreError::ReadOnly { .. })));
        }
        // A file in place of the folder: nobody can tell what was there.
        crate::durable::write_durable(&dir.path().join("file"), b"x").unwrap();
        let path = dir.path().join("file/memory.db");
        assert!(matches!(Store::open_to_read(&path, Clock::System), Err(StoreError::Path(_))));
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
