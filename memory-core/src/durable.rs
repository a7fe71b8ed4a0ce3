//! Path-carrying I/O errors and the one durable file write.
//!
//! Owns [`PathError`], private directories and [`write_durable`]. Everything in cemem that replaces
//! a file goes through here, so that no reader ever sees half of one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// An I/O error that knows its path.
#[derive(Debug, Error)]
#[error("cannot {action} `{}`", path.display())]
pub struct PathError {
    /// What was attempted: "read", "create".
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

/// Adds the path to an I/O result.
pub trait IoResultExt<T> {
    /// Wraps the error with what was attempted on which path.
    ///
    /// # Errors
    /// The wrapped error, if there was one.
    fn context(self, action: &'static str, path: &Path) -> Result<T, PathError>;
}

impl<T> IoResultExt<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T, PathError> {
        self.map_err(|source| PathError { action, path: path.to_owned(), source })
    }
}

/// Creates a folder and its parents, readable by the user alone.
///
/// # Errors
/// When a folder cannot be made.
pub fn create_private_dir(path: &Path) -> Result<(), PathError> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).context("create folder", path)
}

/// Opens a file for writing that only the user can read, creating it if missing.
///
/// # Errors
/// When the file cannot be opened.
pub fn open_private(path: &Path) -> Result<File, PathError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).context("create", path)
}

/// Replaces `path` with `bytes`: temporary file in the same folder, data synced, renamed, folder
/// synced. Keeps the permissions of a file that was there and writes through a symbolic link.
///
/// # Errors
/// When any step fails; the old file is then untouched.
pub fn write_durable(path: &Path, bytes: &[u8]) -> Result<(), PathError> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match target.parent() {
        Some(p) if !p.as_os_str().is_empty() => p.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut temp = tempfile::Builder::new()
        .prefix(".cemem-")
        .tempfile_in(&folder)
        .context("create a file in", &folder)?;
    temp.write_all(bytes).context("write", temp.path())?;
    if let Ok(meta) = fs::metadata(&target) {
        fs::set_permissions(temp.path(), meta.permissions()).context("set mode of", temp.path())?;
    }
    temp.as_file().sync_data().context("sync", temp.path())?;
    temp.persist(&target).map_err(|e| e.error).context("replace", &target)?;
    #[cfg(unix)]
    File::open(&folder).and_then(|d| d.sync_all()).context("sync folder", &folder)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_keeps_mode() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.md");
        write_durable(&file, b"one").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        }
        write_durable(&file, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn errors_name_the_path() {
        let error = write_durable(Path::new("/no/such/folder/x"), b"").unwrap_err();
        assert!(error.to_string().contains("/no/such/folder"), "{error}");
    }
}
