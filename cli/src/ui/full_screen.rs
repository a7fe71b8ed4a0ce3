//! The terminal as a whole screen, and the way back.
//!
//! Owns raw mode, the alternate screen and their end: when this is dropped, when a panic unwinds, and
//! when a signal asks the program to stop, the terminal is as it was. Must not know what is drawn.

use std::io::{self, IsTerminal as _, Stdout, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, EnableBracketedPaste, Event, KeyEvent, KeyEventKind,
};
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute};

use crate::exit_code;

/// The terminal is ours: what a panic has to give back.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// A signal asked the program to stop.
static STOPPED: AtomicBool = AtomicBool::new(false);
static HOOKS: Once = Once::new();
/// How long a signal may go unnoticed.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long the program may take to stop by itself.
const GRACE: Duration = Duration::from_secs(1);

/// What came from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// Text that was pasted.
    Paste(String),
    /// The size changed, or something else that asks for a new picture.
    Redraw,
    /// A signal asks the program to stop.
    Stop,
}

/// See the module.
#[derive(Debug)]
pub struct FullScreen(Terminal<CrosstermBackend<Stdout>>);

impl FullScreen {
    /// Returns whether there is a person at a terminal that can show pictures.
    #[must_use]
    pub fn is_possible() -> bool {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        io::stdin().is_terminal() && stdout().is_terminal() && (cfg!(windows) || !dumb)
    }

    /// Returns whether colours are wanted.
    #[must_use]
    pub fn has_colour() -> bool {
        std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
    }

    /// Takes the terminal.
    ///
    /// # Errors
    /// When it cannot be switched.
    pub fn open() -> io::Result<Self> {
        HOOKS.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
            // Somebody else's handler stays; keys still end the program then.
            ctrlc::set_handler(stop).ok();
        });
        take()?;
        let made = Terminal::new(CrosstermBackend::new(stdout()));
        made.map(Self).inspect_err(|_| give_back())
    }

    /// Draws a picture.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, picture: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        self.0.draw(picture).map(drop)
    }

    /// Waits for the next thing to happen.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn next(&self) -> io::Result<Input> {
        loop {
            if STOPPED.load(Ordering::SeqCst) {
                return Ok(Input::Stop);
            }
            if !event::poll(PATIENCE)? {
                continue;
            }
            return Ok(match event::read()? {
                Event::Key(key) if key.kind == KeyEventKind::Release => continue,
                Event::Key(key) => Input::Key(key),
                Event::Paste(text) => Input::Paste(text),
                _ => Input::Redraw,
            });
        }
    }

    /// Gives the terminal back while another program runs in it.
    ///
    /// # Errors
    /// When it cannot be taken again.
    pub fn aside<T>(&mut self, work: impl FnOnce() -> T) -> io::Result<T> {
        give_back();
        let made = work();
        // Ctrl-C in there was meant for the other program.
        STOPPED.store(false, Ordering::SeqCst);
        take()?;
        // A new one draws every cell again; clearing the old one would ask the terminal questions.
        execute!(stdout(), Clear(ClearType::All))?;
        self.0 = Terminal::new(CrosstermBackend::new(stdout()))?;
        Ok(made)
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Asks the program to stop, and stops it if it does not: reading keys never comes back from a terminal
/// that was closed. Every decision is on disk by then.
#[expect(clippy::exit, reason = "the thread that would return is the one that hangs")]
fn stop() {
    STOPPED.store(true, Ordering::SeqCst);
    std::thread::sleep(GRACE);
    // While another program has the terminal the signal was meant for that one.
    if TAKEN.load(Ordering::SeqCst) && STOPPED.load(Ordering::SeqCst) {
        give_back();
        std::process::exit(exit_code::INTERRUPTED.into());
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
        .inspect_err(|_| give_back())
}

/// Once is enough: a panic gives the terminal back before its message, and the drop comes later.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // Nothing can be done about a terminal that is gone.
        execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, cursor::Show).ok();
        disable_raw_mode().ok();
    }
}
