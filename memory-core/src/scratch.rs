//! Private copies in the system's folder for temporary files.
//!
//! Owns their names, and the removal of what runs that were killed left behind. Must not know what is
//! copied.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;
use std::time::Duration;

use tempfile::{Builder, NamedTempFile, TempDir};

/// How their names begin: nobody else calls a file so.
pub const PREFIX: &str = ".cemem-scratch-";
/// Age of a copy that no run can still be reading.
const LEFT_BEHIND: Duration = Duration::from_hours(24);

/// Makes a folder that only the user can read; it goes when this is dropped.
///
/// # Errors
/// When it cannot be made.
pub fn folder() -> io::Result<TempDir> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX);
    // Unlike a file, a folder would be open to whoever the umask lets in.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}

/// Makes a file in a folder that only the user can read; it goes when this is dropped.
///
/// # Errors
/// When it cannot be made.
pub fn file_in(folder: &Path) -> io::Result<NamedTempFile> {
    Builder::new().prefix(PREFIX).tempfile_in(folder)
}

/// Removes from a folder what runs that were killed left in it.
pub fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let ours = |e: &DirEntry| e.file_name().to_string_lossy().starts_with(PREFIX);
    for entry in entries.filter_map(Result::ok).filter(ours) {
        let Ok(meta) = entry.metadata() else { continue };
        let age = meta.modified().ok().and_then(|at| at.elapsed().ok());
        if age.is_none_or(|age| age < LEFT_BEHIND) {
            continue;
        }
        let path = entry.path();
        let removed = if meta.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        // Somebody else's cannot be removed, and is theirs to remove.
        removed.ok();
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_look_in() {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = folder().unwrap();
        let file = file_in(folder.path()).unwrap();
        assert_eq!((mode(folder.path()), mode(file.path())), (0o700, 0o600));
    }

    #[test]
    fn old_copies_go_and_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let old = |name: &str| {
            let file = fs::File::create(at(name)).unwrap();
            file.set_modified(UNIX_EPOCH + LEFT_BEHIND).unwrap();
        };
        old(&format!("{PREFIX}a"));
        old("notes");
        let new = file_in(dir.path()).unwrap();
        fs::create_dir(at(&format!("{PREFIX}d"))).unwrap();
        sweep(dir.path());
        assert!(!at(&format!("{PREFIX}a")).exists());
        assert!(at("notes").exists() && at(&format!("{PREFIX}d")).exists());
        assert!(new.path().exists());
        sweep(&at("none"));
    }
}
