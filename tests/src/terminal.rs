//! `cemem` at a terminal of its own.
//!
//! Owns a pseudo-terminal, what is on its screen, and the keys that are pressed. Must not sleep for
//! luck: it waits until the screen shows what is expected, or fails with what it shows.

use std::ffi::OsStr;
use std::io::{Read as _, Write};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::TestEnv;

/// Longest wait for something on the screen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program at a terminal.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    reader: Option<JoinHandle<()>>,
}

impl TestEnv {
    /// Runs `cemem` at a terminal of this size, with these variables set too.
    #[must_use]
    pub fn terminal(
        &self,
        args: &[&str],
        (cols, rows): (u16, u16),
        vars: &[(&str, &OsStr)],
    ) -> Terminal {
        let prepared = self.command(args);
        let mut command = CommandBuilder::new(prepared.get_program());
        command.args(prepared.get_args());
        self.terminal_of(command, (cols, rows), vars)
    }

    /// Runs a shell line at a terminal; `$CEMEM` is the program.
    #[must_use]
    pub fn shell(&self, line: &str, (cols, rows): (u16, u16), vars: &[(&str, &OsStr)]) -> Terminal {
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", line]);
        self.terminal_of(command, (cols, rows), vars)
    }

    /// Runs `cemem` at a terminal that is closed as soon as the screen shows this text; returns
    /// whether the program then ends.
    #[must_use]
    pub fn ends_with_its_terminal(&self, args: &[&str], size: (u16, u16), text: &str) -> bool {
        let prepared = self.command(args);
        let mut command = CommandBuilder::new(prepared.get_program());
        command.args(prepared.get_args());
        let (master, mut child) = self.spawn(command, size, &[]);
        let mut screen = vt100::Parser::new(size.1, size.0, 0);
        let mut output = master.try_clone_reader().unwrap();
        let mut bytes = [0; 4096];
        while !screen.screen().contents().contains(text) {
            let n = output.read(&mut bytes).unwrap();
            screen.process(&bytes[..n]);
        }
        drop((output, master));
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if child.try_wait().unwrap().is_some() {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        false
    }

    fn terminal_of(
        &self,
        command: CommandBuilder,
        (cols, rows): (u16, u16),
        vars: &[(&str, &OsStr)],
    ) -> Terminal {
        let (master, child) = self.spawn(command, (cols, rows), vars);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, cols, 0)));
        let mut output = master.try_clone_reader().unwrap();
        let into = Arc::clone(&screen);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of the program is an error on some systems.
            while let Ok(n @ 1..) = output.read(&mut bytes) {
                into.lock().unwrap().process(&bytes[..n]);
            }
        });
        let keys = master.take_writer().unwrap();
        Terminal { master, keys, child, screen, reader: Some(reader) }
    }

    fn spawn(
        &self,
        mut command: CommandBuilder,
        (cols, rows): (u16, u16),
        vars: &[(&str, &OsStr)],
    ) -> (Box<dyn MasterPty + Send>, Box<dyn Child + Send + Sync>) {
        let prepared = self.command::<&str>([]);
        command.env_clear();
        for (name, value) in prepared.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("CEMEM", prepared.get_program());
        command.env("TERM", "xterm-256color");
        for (name, value) in vars {
            command.env(name, value);
        }
        command.cwd(self.project());
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        (pair.master, child)
    }
}

impl Terminal {
    /// Returns what is on the screen.
    #[must_use]
    pub fn picture(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows this; returns all of it.
    #[track_caller]
    pub fn shows(&self, text: &str) -> String {
        self.until(text, |picture| picture.contains(text))
    }

    /// Waits until the screen fits; returns it.
    #[track_caller]
    pub fn until(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let picture = self.picture();
            if fits(&picture) {
                return picture;
            }
            assert!(Instant::now() < end, "no `{what}` on the screen:\n{picture}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Changes the size.
    pub fn resize(&self, cols: u16, rows: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(rows, cols);
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        self.master.resize(size).unwrap();
    }

    /// Returns whether any cell has a colour.
    #[must_use]
    pub fn has_colour(&self) -> bool {
        let parser = self.screen.lock().unwrap();
        let (rows, cols) = parser.screen().size();
        (0..rows).any(|row| {
            (0..cols).any(|col| {
                let cell = parser.screen().cell(row, col);
                cell.is_some_and(|c| c.fgcolor() != vt100::Color::Default)
            })
        })
    }

    /// Returns whether the terminal is as programs find it: its own screen, a cursor, plain pastes.
    #[must_use]
    pub fn is_given_back(&self) -> bool {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Waits for its end; returns the exit code and what is left on the screen.
    #[track_caller]
    pub fn end(&mut self) -> (u32, String) {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "it does not end:\n{}", self.picture());
            thread::sleep(Duration::from_millis(20));
        };
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        (status.exit_code(), self.picture())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
