//! A hermetic place to run `cemem` in.
//!
//! Owns [`TestEnv`]: a temporary folder with its own HOME, CEMEM_HOME and project, an empty
//! environment and a stopped clock. Must not let anything of the machine through but the ONNX
//! Runtime library that `make runtime` fetched into this checkout.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::output::Output;

/// The moment at which every test runs.
pub const NOW: &str = "2026-05-01T12:00:00Z";

/// See the module.
#[derive(Debug)]
pub struct TestEnv {
    root: TempDir,
    /// The program to run.
    binary: PathBuf,
    now: String,
}

impl Default for TestEnv {
    fn default() -> Self {
        Self::new()
    }
}

impl TestEnv {
    /// Makes the folders: `home/`, `cemem/` (CEMEM_HOME) and `project/`, where commands run.
    #[must_use]
    pub fn new() -> Self {
        // A space in every path: what cannot cope with one fails everywhere, not on a user's disk.
        let root = tempfile::Builder::new().prefix("cemem test ").tempdir().unwrap();
        for folder in ["home", "project"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        Self { root, binary: built_binary(), now: NOW.to_owned() }
    }

    /// Makes an environment in which no ONNX Runtime can be found: the program runs from a folder of
    /// its own, outside this checkout.
    #[must_use]
    pub fn without_runtime() -> Self {
        let mut env = Self::new();
        let folder = env.root.path().join("bin");
        fs::create_dir(&folder).unwrap();
        let copy = folder.join("cemem");
        fs::copy(&env.binary, &copy).unwrap();
        env.binary = copy;
        env
    }

    /// Moves the stopped clock.
    pub fn set_now(&mut self, iso: &str) {
        iso.clone_into(&mut self.now);
    }

    /// Returns the folder that holds everything.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Returns HOME.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Returns CEMEM_HOME; it does not exist before the first run.
    #[must_use]
    pub fn cemem_home(&self) -> PathBuf {
        self.root.path().join("cemem")
    }

    /// Returns the folder commands run in.
    #[must_use]
    pub fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// Returns the database, which must be the only one under CEMEM_HOME.
    #[must_use]
    pub fn store_path(&self) -> PathBuf {
        let projects = self.cemem_home().join("projects");
        let mut stores: Vec<_> = fs::read_dir(&projects)
            .unwrap_or_else(|error| panic!("{}: {error}", projects.display()))
            .map(|entry| entry.unwrap().path().join("memory.db"))
            .filter(|path| path.is_file())
            .collect();
        assert_eq!(stores.len(), 1, "{stores:?}");
        stores.remove(0)
    }

    /// Writes a file below the project and returns its path.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.project().join(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Reads a file below the project.
    #[must_use]
    pub fn read(&self, relative: &str) -> String {
        let path = self.project().join(relative);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Returns the files in a folder of the project by their paths in the project, in order.
    #[must_use]
    pub fn files(&self, folder: &str) -> Vec<String> {
        let project = self.project();
        let inner = |path: &PathBuf| path.strip_prefix(&project).unwrap().to_owned();
        let found = files_below(&project.join(folder));
        found.iter().map(|path| inner(path).to_string_lossy().into_owned()).collect()
    }

    /// Makes a named pipe below the project and returns its path.
    #[cfg(unix)]
    #[expect(clippy::disallowed_methods, reason = "the standard library makes no named pipes")]
    pub fn make_fifo(&self, relative: &str) -> PathBuf {
        let path = self.project().join(relative);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    /// Copies the committed sessions to `project/sessions` and returns that folder.
    pub fn write_sessions(&self) -> PathBuf {
        for file in cemem_corpus::tidepool::files() {
            self.write(&format!("sessions/{}", file.path), &file.text);
        }
        self.project().join("sessions")
    }

    /// Puts the committed sessions where the engines keep them (`~/.claude`, `~/.codex`,
    /// `.specstory` in the project), as if they had been held in this project.
    pub fn install_sessions(&self) {
        let cwd = self.project().to_string_lossy().into_owned();
        let slug: String =
            cwd.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        for file in cemem_corpus::tidepool::files() {
            let place = file
                .path
                .replace(
                    "claude-code/projects/-home-mara-src-tidepool",
                    &format!("home/.claude/projects/{slug}"),
                )
                .replace("codex/sessions", "home/.codex/sessions")
                .replace("specstory/.specstory", "project/.specstory");
            let path = self.root.path().join(place);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, file.text.replace("/home/mara/src/tidepool", &cwd)).unwrap();
        }
    }

    /// Runs `cemem` with these arguments in the project.
    #[must_use = "check how it ended: call `success` or `fails_with`"]
    pub fn cemem<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        self.run(&mut self.command(args), None)
    }

    /// Runs `cemem` with text on standard input.
    #[must_use = "check how it ended: call `success` or `fails_with`"]
    pub fn cemem_with_input<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        input: &str,
    ) -> Output {
        self.run(&mut self.command(args), Some(input))
    }

    /// Returns the prepared command, for tests that change its folder or environment, or kill it.
    #[expect(clippy::disallowed_methods, reason = "running the program is what these tests do")]
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .current_dir(self.project())
            .env_clear()
            .env("HOME", self.home())
            .env("CEMEM_HOME", self.cemem_home())
            .env("CEMEM_NOW", &self.now)
            .env("LANG", "C.UTF-8")
            .env("TMPDIR", self.root.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a prepared command to its end.
    #[must_use = "check how it ended: call `success` or `fails_with`"]
    pub fn run(&self, command: &mut Command, input: Option<&str>) -> Output {
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        if let (Some(text), Some(mut pipe)) = (input, child.stdin.take()) {
            // The program may end without reading it all; its output then tells.
            let _closed = pipe.write_all(text.as_bytes());
        }
        let output = child.wait_with_output().unwrap();
        Output::new(format!("{command:?}"), self.root.path(), &output)
    }
}

/// Returns the files in a folder and in those below it, in order; none where there is no such folder.
#[must_use]
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Returns the program cargo built beside this test binary (`target/…/deps/NAME`).
fn built_binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.ancestors().nth(2).expect("test binaries lie two folders deep");
    let name = format!("cemem-under-test{}", std::env::consts::EXE_SUFFIX);
    let binary = folder.join(name);
    assert!(binary.is_file(), "`{}` is not built", binary.display());
    binary
}
