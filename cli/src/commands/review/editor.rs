//! The person's own editor on a private file.
//!
//! Owns which editor, the file, and asking again where the form is wrong. The file lies in a folder
//! that only the user can read and goes with it, whatever the editor leaves beside it. Must not know
//! what is done with the words.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use cemem_core::durable::IoResultExt as _;
use cemem_core::lesson::Lesson;
use cemem_core::scratch;

use super::decide::Words;
use super::form;
use crate::command_error::CommandError;

/// Editors tried where none is named.
const KNOWN: [&str; 5] = ["editor", "nano", "vim", "vi", "notepad"];
/// The name of the file: editors colour by it.
const FILE: &str = "lesson.txt";

/// Lets the person edit a lesson; `None` if it was left as it is.
///
/// # Errors
/// When there is no editor, it fails, or the file cannot be written or read.
pub(super) fn edit(lesson: &Lesson) -> Result<Option<Words>, CommandError> {
    let command = command()?;
    let aside = std::env::temp_dir();
    let folder = scratch::folder().context("create a folder in", &aside)?;
    let path = folder.path().join(FILE);
    let mut text = form::write(lesson);
    loop {
        fs::write(&path, &text).context("write", &path)?;
        run(&command, &path)?;
        let edited = fs::read(&path).context("read", &path)?;
        let edited = String::from_utf8_lossy(&edited).into_owned();
        if edited == text {
            return Ok(None);
        }
        match form::read(&edited) {
            Ok(words) => return Ok(words),
            Err(reason) => text = form::with_reason(&edited, &reason),
        }
    }
}

/// Returns the program and its arguments.
fn command() -> Result<Vec<OsString>, CommandError> {
    for variable in ["VISUAL", "EDITOR"] {
        let Some(line) = std::env::var_os(variable).filter(|v| !v.is_empty()) else { continue };
        return split(&line).ok_or_else(|| {
            CommandError::user(format!("`{variable}` cannot be read: a quote is not closed"))
        });
    }
    let found = KNOWN.iter().find_map(|name| which::which(name).ok());
    found.map(|path| vec![path.into_os_string()]).ok_or_else(|| {
        CommandError::user("there is no editor").hint("set EDITOR, for example to `nano`")
    })
}

/// Splits a command line as a shell would. One that names a file as a whole is not split: its path
/// may hold spaces.
fn split(line: &OsString) -> Option<Vec<OsString>> {
    if Path::new(line).is_file() {
        return Some(vec![line.clone()]);
    }
    let Some(text) = line.to_str() else { return Some(vec![line.clone()]) };
    let words = shlex::split(text)?;
    (!words.is_empty()).then(|| words.into_iter().map(OsString::from).collect())
}

#[expect(clippy::disallowed_methods, reason = "the editor that the person named")]
fn run(command: &[OsString], path: &Path) -> Result<(), CommandError> {
    let (program, arguments) = command.split_first().expect("a command has a program");
    let name = program.to_string_lossy().into_owned();
    let ended = Command::new(program).args(arguments).arg(path).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(CommandError::user(format!("the editor `{name}` ended with {status}"))),
        Err(error) => Err(CommandError::User {
            message: format!("cannot start the editor `{name}`"),
            source: Some(Box::new(error)),
            hint: Some("set EDITOR to one that is installed".into()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_editor_may_have_arguments_and_spaces_in_its_path() {
        let words = |line: &str| split(&line.into());
        let is = |line: &str, wanted: &[&str]| {
            assert_eq!(words(line).unwrap(), wanted.iter().map(OsString::from).collect::<Vec<_>>());
        };
        is("code --wait", &["code", "--wait"]);
        is("vim -c 'set tw=72'", &["vim", "-c", "set tw=72"]);
        assert_eq!(words("vim 'x"), None);
        let dir = tempfile::Builder::new().prefix("a b").tempdir().unwrap();
        let path = dir.path().join("my editor");
        fs::write(&path, "").unwrap();
        assert_eq!(words(path.to_str().unwrap()).unwrap(), [path.into_os_string()]);
    }
}
