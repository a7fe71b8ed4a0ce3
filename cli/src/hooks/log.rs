//! Why a hook said nothing: a small file in cemem's home.
//!
//! Owns its format (a line each: time, who, why) and its size. Must not hold what a session said, and
//! must not fail: where it cannot be written, nothing is.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use cemem_core::durable::{create_private_dir, open_private, write_durable};
use cemem_core::project::Home;
use cemem_core::{Clock, Timestamp};

use crate::context::{clock_from_env, home_from_env};
use crate::ui::one_line;

/// The file's name.
const FILE: &str = "hooks.log";
/// Bytes from which on the older half goes.
const MAX_BYTES: u64 = 64 << 10;
/// Longest line, in characters.
const MAX_LINE: usize = 400;

/// Returns the file.
#[must_use]
pub(crate) fn path(home: &Home) -> PathBuf {
    home.0.join(FILE)
}

/// Notes what happened; `who` is the engine and its event.
pub(super) fn note(who: &str, what: &str) {
    // Where even the home is unknown, nobody can be told.
    let Ok(home) = home_from_env() else { return };
    let now = clock_from_env().unwrap_or(Clock::System).now();
    let line: String = one_line(&format!("{now} {who}: {what}")).chars().take(MAX_LINE).collect();
    if create_private_dir(&home.0).is_err() {
        return;
    }
    let path = path(&home);
    shorten(&path);
    if let Ok(mut file) = open_private(&path) {
        use std::io::{Seek as _, SeekFrom};
        let _unwritten = file
            .seek(SeekFrom::End(0))
            .and_then(|_| file.write_all(format!("{line}\n").as_bytes()));
    }
}

/// Takes the older half away from a file that has grown too long.
fn shorten(path: &std::path::Path) {
    if fs::metadata(path).map_or(0, |file| file.len()) < MAX_BYTES {
        return;
    }
    let Ok(bytes) = fs::read(path) else { return };
    let half = &bytes[bytes.len() / 2..];
    let from = half.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1);
    // Left as it is, it is shortened the next time.
    let _kept = write_durable(path, &half[from..]);
}

/// Returns the newest line if it is of this time or later.
#[must_use]
pub(crate) fn newest(home: &Home, since: Timestamp) -> Option<String> {
    let text = String::from_utf8_lossy(&fs::read(path(home)).ok()?).into_owned();
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    let ts = Timestamp::parse(line.split(' ').next()?)?;
    (ts >= since).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_stays_small_and_keeps_whole_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let line = "2026-05-01T12:00:00Z claude-code Stop: something happened\n";
        fs::write(&path, line.repeat(2000)).unwrap();
        shorten(&path);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.len() as u64 <= MAX_BYTES && text.len() > 1000, "{}", text.len());
        assert!(text.lines().all(|l| l == line.trim_end()));
        let home = Home(dir.path().to_owned());
        let at = |iso: &str| Timestamp::parse(iso).unwrap();
        assert!(newest(&home, at("2026-05-01T11:00:00Z")).unwrap().ends_with("happened"));
        assert_eq!(newest(&home, at("2026-05-02T00:00:00Z")), None);
    }
}
