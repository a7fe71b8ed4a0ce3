//! Path-carrying I/O errors and the one durable file write.
//!
//! Owns [`PathError`], private directories, [`write_durable`] and [`write_shared`]. Everything in
//! cemem that replaces a file goes through here, so that no reader ever sees half of one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// Who may read a file that did not exist before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NewFile {
    /// The user alone: cemem's own files.
    Private,
    /// Whom the user's mask lets: files of the project, which others of the team and their tools read.
    Shared,
}

/// Replaces `path` with `bytes`: temporary file in the same folder, data synced, renamed, folder
/// synced. Keeps the permissions of a file that was there, writes through symbolic links (also one
/// whose target does not exist yet), and into pipes and devices. A new file is readable by the user
/// alone.
///
/// # Errors
/// When any step fails; the old file is then untouched.
pub fn write_durable(path: &Path, bytes: &[u8]) -> Result<(), PathError> {
    write_as(path, bytes, NewFile::Private, true)
}

/// Like [`write_durable`], without waiting for the disk: for what can be made again. After a loss of power
/// the file may be the old one, the new one, or of no use.
///
/// # Errors
/// When any step fails; the old file is then untouched.
pub fn write_disposable(path: &Path, bytes: &[u8]) -> Result<(), PathError> {
    write_as(path, bytes, NewFile::Private, false)
}

/// Like [`write_durable`], for files the user asked for by name: a new one gets the mode that other
/// programs would give it.
///
/// # Errors
/// When any step fails; the old file is then untouched.
pub fn write_shared(path: &Path, bytes: &[u8]) -> Result<(), PathError> {
    write_as(path, bytes, NewFile::Shared, true)
}

fn write_as(path: &Path, bytes: &[u8], new_file: NewFile, waits: bool) -> Result<(), PathError> {
    let target = match follow(path)? {
        Place::File(target) => target,
        Place::Stream => return append(path, bytes),
    };
    let folder = match target.parent() {
        Some(p) if !p.as_os_str().is_empty() => p.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(ASIDE);
    #[cfg(unix)]
    if new_file == NewFile::Shared {
        use std::os::unix::fs::PermissionsExt as _;
        // The system takes the user's mask off this.
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    let mut temp = builder.tempfile_in(&folder).context("create a file in", &folder)?;
    temp.write_all(bytes).context("write", temp.path())?;
    if let Ok(meta) = fs::metadata(&target) {
        fs::set_permissions(temp.path(), meta.permissions()).context("set mode of", temp.path())?;
    }
    if waits {
        temp.as_file().sync_data().context("sync", temp.path())?;
    }
    temp.persist(&target).map_err(|e| e.error).context("replace", &target)?;
    #[cfg(unix)]
    if waits {
        File::open(&folder).and_then(|d| d.sync_all()).context("sync folder", &folder)?;
    }
    Ok(())
}

/// What a path leads to.
#[derive(Debug)]
enum Place {
    /// A file, there or not, that can be replaced.
    File(PathBuf),
    /// A pipe, a device or an open descriptor: nothing that could be replaced.
    Stream,
}

/// As many links as the system itself follows.
const MAX_LINKS: usize = 40;

/// How files begin that were not yet renamed.
const ASIDE: &str = ".cemem-";
/// Nobody writes a file for longer than this.
const ABANDONED: Duration = Duration::from_secs(600);

/// Removes what a process left beside a file that it was killed at replacing. What cannot be removed
/// stays: it harms nobody.
pub fn sweep(path: &Path) {
    for entry in path.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten() {
        let Ok(entry) = entry else { continue };
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(ASIDE));
        let is_aside = rest.is_some_and(|r| r.len() == 6 && r.chars().all(char::is_alphanumeric));
        let age = entry.metadata().and_then(|meta| meta.modified()).map(|time| time.elapsed());
        if is_aside && age.is_ok_and(|age| age.is_ok_and(|age| age > ABANDONED)) {
            let _left = fs::remove_file(entry.path());
        }
    }
}

/// Returns the path that a file really has, there or not: every link on the way is followed. A pipe or
/// device keeps its name.
///
/// # Errors
/// When its links lead in a circle.
pub fn followed(path: &Path) -> Result<PathBuf, PathError> {
    let Place::File(target) = follow(path)? else { return Ok(path.to_owned()) };
    for folder in target.ancestors().skip(1) {
        if let (Ok(real), Ok(rest)) = (fs::canonicalize(folder), target.strip_prefix(folder)) {
            return Ok(real.join(rest));
        }
    }
    Ok(target)
}

/// Follows symbolic links by hand: the system resolves no link whose target is missing.
fn follow(path: &Path) -> Result<Place, PathError> {
    let mut at = path.to_owned();
    for _ in 0..MAX_LINKS {
        // Links of the process file system name an open descriptor; what it is open on must not be
        // replaced under the one who opened it (`>> file`).
        if cfg!(target_os = "linux") && folder_of(&at).starts_with("/proc") {
            return Ok(Place::Stream);
        }
        let Ok(meta) = fs::symlink_metadata(&at) else { return Ok(Place::File(at)) };
        if meta.is_symlink() {
            let next = fs::read_link(&at).context("follow", &at)?;
            at = at.parent().unwrap_or(Path::new("")).join(next);
        } else if meta.is_file() || meta.is_dir() {
            return Ok(Place::File(at));
        } else {
            return Ok(Place::Stream);
        }
    }
    let source = io::Error::other("too many symbolic links");
    Err(PathError { action: "follow", path: path.to_owned(), source })
}

/// Returns the folder of a path, without links where it exists: `/dev/fd` is `/proc/self/fd`.
fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

/// Writes to a pipe or device as it is.
fn append(path: &Path, bytes: &[u8]) -> Result<(), PathError> {
    let mut stream = OpenOptions::new().append(true).open(path).context("open", path)?;
    stream.write_all(bytes).and_then(|()| stream.flush()).context("write", path)
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
    fn what_a_killed_process_left_is_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for (name, is_old) in
            [(".cemem-a1B2c3", true), (".cemem-d4E5f6", false), (".cemem-my", true)]
        {
            let file = File::create(dir.path().join(name)).unwrap();
            if is_old {
                file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
            }
        }
        sweep(&dir.path().join("settings.json"));
        let left = |name: &str| dir.path().join(name).exists();
        assert!(!left(".cemem-a1B2c3") && left(".cemem-d4E5f6") && left(".cemem-my"));
    }

    #[cfg(unix)]
    #[test]
    fn a_path_is_followed_also_to_what_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir(root.join("a")).unwrap();
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, root.join(at)).unwrap();
        link("a", "folder");
        link("../missing.json", "a/dangling");
        link("round", "round");
        let real = |path: &str| followed(&root.join(path)).unwrap();
        assert_eq!(real("folder/dangling"), root.join("missing.json"));
        assert_eq!(real("folder/new/file"), root.join("a/new/file"));
        assert_eq!(real("a"), root.join("a"));
        assert!(followed(&root.join("round")).is_err());
    }

    #[test]
    fn errors_name_the_path() {
        let error = write_durable(Path::new("/no/such/folder/x"), b"").unwrap_err();
        assert!(error.to_string().contains("/no/such/folder"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_private_or_has_the_usual_mode() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let mode =
            |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
        write_durable(&dir.path().join("own"), b"x").unwrap();
        assert_eq!(mode("own"), 0o600);
        write_shared(&dir.path().join("project"), b"x").unwrap();
        // What this process's mask makes of a plain new file, without the right of others to write.
        drop(File::create(dir.path().join("usual")).unwrap());
        assert_eq!(mode("project"), mode("usual") & 0o644);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_also_to_files_that_are_not_there() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        let (outer, inner) = (dir.path().join("outer"), dir.path().join("inner"));
        symlink("inner", &outer).unwrap();
        symlink("real/file", &inner).unwrap();
        for text in ["made", "replaced"] {
            write_durable(&outer, text.as_bytes()).unwrap();
            assert!(outer.is_symlink() && inner.is_symlink());
            assert_eq!(fs::read_to_string(dir.path().join("real/file")).unwrap(), text);
        }
        let round = dir.path().join("round");
        symlink("round", &round).unwrap();
        assert!(write_durable(&round, b"x").unwrap_err().to_string().contains("round"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_and_open_descriptors_are_written_to_not_replaced() {
        use std::io::Read as _;
        use std::os::fd::AsRawFd as _;
        let full = write_durable(Path::new("/dev/full"), b"x").unwrap_err();
        assert!(full.to_string().contains("/dev/full"), "{full}");
        assert!(!fs::metadata("/dev/full").unwrap().is_file());

        let (mut reader, writer) = io::pipe().unwrap();
        let place = PathBuf::from(format!("/dev/fd/{}", writer.as_raw_fd()));
        write_durable(&place, b"through the pipe").unwrap();
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through the pipe");

        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        fs::write(&log, "before, ").unwrap();
        let open = OpenOptions::new().append(true).open(&log).unwrap();
        write_durable(Path::new(&format!("/proc/self/fd/{}", open.as_raw_fd())), b"after").unwrap();
        assert_eq!(fs::read_to_string(&log).unwrap(), "before, after");
    }
}
