//! Reading other programs' SQLite files without touching them.
//!
//! Owns [`ForeignDb`]: opening read-only, a private copy where reading in place would write beside
//! the file or the owner holds a lock, and limits against hostile files. Must not know any program's
//! tables: readers ask with SQL and get [`Row`]s.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::limits::Limit;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, params_from_iter};
use thiserror::Error;

use crate::scratch;

/// How long the owner may keep us waiting before the file is copied.
const BUSY: Duration = Duration::from_millis(300);
/// Largest database that is copied, its log included.
const MAX_COPY: u64 = 1024 * 1024 * 1024;
/// Longest value that is handed out, bytes.
const MAX_VALUE: i32 = 64 * 1024 * 1024;
/// Virtual machine steps of one query, in thousands: a view that recurses for ever ends here.
const MAX_KILO_STEPS: u32 = 4_000_000;

/// Why a foreign database could not be read.
#[derive(Debug, Error)]
pub enum ForeignError {
    /// The file system said no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// SQLite said no.
    #[error("{0}")]
    Sql(#[from] rusqlite::Error),
    /// In use, and too large to copy.
    #[error("in use by its program and too large to copy; it is read when it is free")]
    Busy,
}

/// A value of a query's parameters.
pub type Param = Value;

/// An open database of another program.
pub struct ForeignDb {
    conn: Connection,
    /// Keeps the private copy alive as long as the connection.
    _copy: Option<tempfile::TempDir>,
}

impl ForeignDb {
    /// Opens a database for reading; nothing in its folder is created or changed.
    ///
    /// # Errors
    /// When it is no database, or cannot be read or copied.
    pub fn open(path: &Path) -> Result<Self, ForeignError> {
        let wal = side(path, "-wal").metadata().is_ok_and(|m| m.len() > 0);
        let shm = side(path, "-shm").exists();
        // An owner is in the middle of a change, or died in it: only with its journal is this a state.
        if side(path, "-journal").metadata().is_ok_and(|m| m.len() > 0) {
            return Self::copied(path);
        }
        let direct = match (wal, shm) {
            // Reading in place would create side files; without a log nothing can be missed.
            (false, _) => open_uri(path, "immutable=1"),
            (true, true) => open_uri(path, "mode=ro"),
            (true, false) => return Self::copied(path),
        };
        match direct.and_then(|conn| probe(&conn).map(|()| conn)) {
            Ok(conn) => Ok(Self { conn, _copy: None }),
            Err(e) if is_locked(&e) => Self::copied(path),
            Err(e) => Err(e.into()),
        }
    }

    fn copied(path: &Path) -> Result<Self, ForeignError> {
        let logs = ["-wal", "-journal"].map(|log| side(path, log));
        let logged = logs.iter().filter_map(|log| log.metadata().ok()).map(|meta| meta.len());
        if path.metadata()?.len().saturating_add(logged.sum()) > MAX_COPY {
            return Err(ForeignError::Busy);
        }
        let folder = scratch::folder()?;
        let copy = folder.path().join("copy.db");
        fs::copy(path, &copy)?;
        for log in ["-wal", "-journal"] {
            let beside = side(path, log);
            if beside.exists() {
                fs::copy(beside, side(&copy, log))?;
            }
        }
        // The copy is ours: SQLite may recover its log and make side files there.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&copy, flags)?;
        guard(&conn)?;
        probe(&conn)?;
        Ok(Self { conn, _copy: Some(folder) })
    }

    /// Returns the names of the tables, sorted. Views are left out: they can hide anything.
    ///
    /// # Errors
    /// When the schema cannot be read.
    pub fn tables(&self) -> Result<Vec<String>, ForeignError> {
        let mut names = Vec::new();
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
        self.rows(sql, &[], |row| {
            names.extend(row.text("name"));
            true
        })?;
        Ok(names)
    }

    /// Returns the names of a table's columns; empty if there is no such table.
    ///
    /// # Errors
    /// When the schema cannot be read.
    pub fn columns(&self, table: &str) -> Result<Vec<String>, ForeignError> {
        let mut names = Vec::new();
        let sql = "SELECT name FROM pragma_table_info(?1)";
        self.rows(sql, &[Value::Text(table.to_owned())], |row| {
            names.extend(row.text("name"));
            true
        })?;
        Ok(names)
    }

    /// Runs a query and shows each row to `each` until it returns false.
    ///
    /// # Errors
    /// When the query fails, also half-way: rows shown so far were right.
    pub fn rows(
        &self,
        sql: &str,
        params: &[Param],
        mut each: impl FnMut(&Row<'_>) -> bool,
    ) -> Result<(), ForeignError> {
        let mut steps = 0;
        let limit = move || {
            steps += 1;
            steps > MAX_KILO_STEPS
        };
        self.conn.progress_handler(1000, Some(limit))?;
        let mut statement = self.conn.prepare(sql)?;
        let mut rows = statement.query(params_from_iter(params))?;
        while let Some(row) = rows.next()? {
            if !each(&Row { row }) {
                break;
            }
        }
        Ok(())
    }
}

/// One row of a query.
pub struct Row<'a> {
    row: &'a rusqlite::Row<'a>,
}

impl Row<'_> {
    fn value(&self, column: &str) -> ValueRef<'_> {
        self.row.get_ref(column).unwrap_or(ValueRef::Null)
    }

    /// Returns a column as text; bytes that are no UTF-8 become the replacement character. `None`
    /// for null, numbers, and columns there are not.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<String> {
        match self.value(column) {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                Some(String::from_utf8_lossy(bytes).into_owned())
            }
            _ => None,
        }
    }

    /// Returns a column as an integer; text that reads as one counts.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "times and counts stored as reals")]
    pub fn int(&self, column: &str) -> Option<i64> {
        match self.value(column) {
            ValueRef::Integer(n) => Some(n),
            ValueRef::Real(x) => Some(x as i64),
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok()?.trim().parse().ok(),
            _ => None,
        }
    }

    /// Returns a column's bytes.
    #[must_use]
    pub fn bytes(&self, column: &str) -> Option<Vec<u8>> {
        match self.value(column) {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

/// Whether these first bytes are those of an SQLite file.
#[must_use]
pub fn is_database(head: &[u8]) -> bool {
    head.starts_with(b"SQLite format 3\0")
}

/// Returns the files whose change means that the database changed: itself and its log.
#[must_use]
pub fn log_of(path: &Path) -> PathBuf {
    side(path, "-wal")
}

/// Returns the path of a file that SQLite keeps beside a database.
pub(crate) fn side(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens a file for reading, with parameters of SQLite's URI syntax.
pub(crate) fn open_uri(path: &Path, query: &str) -> rusqlite::Result<Connection> {
    let mut uri = String::from("file:");
    for byte in path.to_string_lossy().bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let conn = Connection::open_with_flags(format!("{uri}?{query}"), flags)?;
    guard(&conn)?;
    Ok(conn)
}

/// Settings for a file nobody vouches for.
fn guard(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY)?;
    conn.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE)?;
    conn.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")
}

/// Reads the schema: the first moment at which a lock or a damage shows.
fn probe(conn: &Connection) -> rusqlite::Result<()> {
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn is_locked(e: &rusqlite::Error) -> bool {
    matches!(
        e.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::CannotOpen)
    )
}

/// Reads the first bytes of a file.
///
/// # Errors
/// When it cannot be read.
pub fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(path: &Path, wal: bool) -> Connection {
        let conn = Connection::open(path).unwrap();
        if wal {
            conn.execute_batch("PRAGMA journal_mode = WAL;").unwrap();
        }
        conn.execute_batch("CREATE TABLE t (a TEXT, n INTEGER); INSERT INTO t VALUES ('x', 7);")
            .unwrap();
        conn
    }

    fn read(db: &ForeignDb) -> Vec<(Option<String>, Option<i64>)> {
        let mut rows = Vec::new();
        db.rows("SELECT * FROM t", &[], |r| {
            rows.push((r.text("a"), r.int("n")));
            true
        })
        .unwrap();
        rows
    }

    fn listing(folder: &Path) -> Vec<(String, u64)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap())
            .map(|e| (e.file_name().to_string_lossy().into_owned(), e.metadata().unwrap().len()))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn reads_a_closed_an_open_and_an_orphaned_log_and_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a b%.db");
        let conn = sample(&path, true);
        let open = listing(dir.path());
        let want = vec![(Some("x".to_owned()), Some(7))];
        assert_eq!(read(&ForeignDb::open(&path).unwrap()), want, "owner running");
        assert_eq!(listing(dir.path()), open);
        // The owner was killed: log without shared memory.
        let other = tempfile::tempdir().unwrap();
        let orphan = other.path().join("o.db");
        fs::copy(&path, &orphan).unwrap();
        fs::copy(side(&path, "-wal"), side(&orphan, "-wal")).unwrap();
        let before = listing(other.path());
        assert_eq!(read(&ForeignDb::open(&orphan).unwrap()), want, "orphaned log");
        assert_eq!(listing(other.path()), before);
        drop(conn);
        let closed = listing(dir.path());
        assert_eq!(closed.len(), 1);
        assert_eq!(read(&ForeignDb::open(&path).unwrap()), want, "closed");
        assert_eq!(listing(dir.path()), closed);
    }

    #[test]
    fn a_change_that_was_never_finished_is_taken_back_in_the_copy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("live.db");
        let owner = sample(&path, false);
        let before = read(&ForeignDb::open(&path).unwrap());
        owner.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN").unwrap();
        owner
            .execute_batch(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                 INSERT INTO t SELECT printf('%0200d', i), i FROM n; UPDATE t SET a = 'torn'",
            )
            .unwrap();
        // What a killed owner leaves behind.
        let left = dir.path().join("left.db");
        fs::copy(&path, &left).unwrap();
        fs::copy(side(&path, "-journal"), side(&left, "-journal")).unwrap();
        assert!(side(&left, "-journal").metadata().unwrap().len() > 0);
        let files = listing(dir.path());
        assert_eq!(read(&ForeignDb::open(&left).unwrap()), before);
        assert_eq!(listing(dir.path()), files);
    }

    #[test]
    fn a_locked_database_is_copied() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let conn = sample(&path, true);
        conn.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT;").unwrap();
        conn.execute_batch("INSERT INTO t VALUES ('y', 8)").unwrap();
        assert_eq!(read(&ForeignDb::open(&path).unwrap()).len(), 2);
    }

    #[test]
    fn hostile_files_end_in_errors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        fs::write(&path, b"SQLite format 3\0garbage").unwrap();
        assert!(ForeignDb::open(&path).is_err());
        let whole = dir.path().join("b.db");
        drop(sample(&whole, false));
        let bytes = fs::read(&whole).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        if let Ok(db) = ForeignDb::open(&path) {
            assert!(db.rows("SELECT * FROM t", &[], |_| true).is_err());
        }
        assert!(is_database(&head(&whole).unwrap()));
    }

    #[test]
    fn tables_and_columns_are_named_and_views_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let conn = sample(&path, false);
        conn.execute_batch("CREATE VIEW v AS SELECT * FROM t").unwrap();
        drop(conn);
        let db = ForeignDb::open(&path).unwrap();
        assert_eq!(db.tables().unwrap(), ["t"]);
        assert_eq!(db.columns("t").unwrap(), ["a", "n"]);
        assert!(db.columns("none").unwrap().is_empty());
    }
}
