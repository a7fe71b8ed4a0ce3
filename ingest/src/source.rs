//! What a format must provide: sessions of engines and review reports alike.
//!
//! Owns [`Source`], [`Reader`] and [`Output`]. Must not open files: [`crate::records`]
//! cuts bytes into records, a reader turns records into events, [`crate::pipeline`] stores them.

use std::collections::{BTreeMap, HashMap, HashSet};

use std::path::{Path, PathBuf};

use cemem_core::foreign::{ForeignDb, ForeignError};
use cemem_core::{Event, EventKind, Session, Timestamp};
use serde_json::Value;

use crate::distill;
use crate::engines::ENGINES;
use crate::redact::Redactor;
use crate::reviews::{REVIEWS, pasted};
use crate::scrub;
use crate::sniff::Probe;

/// The reader of a format without records: a database.
struct NoRecords;

impl Reader for NoRecords {
    fn record(&mut self, _: Record<'_>, _: &mut Output<'_>) -> Result<(), Malformed> {
        Err(Malformed("a database has no records".to_owned()))
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// Returns every format, in the order they are asked to recognise a file: the engines', then the
/// reviews'.
pub fn sources() -> impl Iterator<Item = &'static dyn Source> {
    let engines = ENGINES.iter().flat_map(|e| e.formats.iter().copied());
    engines.chain(REVIEWS.iter().copied())
}

/// Returns the source of a stored format name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Source> {
    sources().find(|s| s.info().format == name)
}

/// How a file's bytes are cut into records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One or more JSON objects a line; only ever appended to.
    Lines,
    /// One document, rewritten as a whole.
    Whole,
    /// An SQLite file of another program: [`Source::database`] reads it.
    Database,
}

/// The constants of a format.
#[derive(Debug, Clone, Copy)]
pub struct Info {
    /// Short name of the engine, the same wherever it is shown: `claude-code`. Formats of one engine
    /// share it.
    pub engine: &'static str,
    /// Name of the format, unique among all: the engine's, unless it has several.
    pub format: &'static str,
    /// Raised when the reader finds more or other events, so that files are read again.
    pub version: u32,
    /// How files are cut.
    pub layout: Layout,
}

/// A format that can be recognised and read.
pub trait Source: Sync {
    /// Returns the constants.
    fn info(&self) -> Info;
    /// Returns whether the start of a file looks like this format; a database is never asked.
    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let _ = probe;
        false
    }
    /// Returns a reader for one file that goes on from `state` (`Null` at the file's start); a
    /// database is never asked.
    fn reader(&self, file: &FileInfo, state: &Value) -> Box<dyn Reader> {
        let _ = (file, state);
        Box::new(NoRecords)
    }
    /// Returns files beside `path` that belong to it: when one of them changes, the file is read
    /// again, and the reader may look into them ([`FileInfo::beside`]).
    fn companions(&self, path: &Path) -> Vec<PathBuf> {
        let _ = path;
        Vec::new()
    }
    /// Returns whether a database with these tables is of this format.
    fn sniff_tables(&self, tables: &[String]) -> bool {
        let _ = tables;
        false
    }
    /// Reads the next part of a database into `out`: about [`Output::FULL`] bytes of events.
    ///
    /// # Errors
    /// Says what is wrong; events found before the flaw are kept, the state stays.
    fn database(
        &self,
        db: &ForeignDb,
        file: &FileInfo,
        state: &Value,
        out: &mut Output<'_>,
    ) -> Result<Part, ForeignError> {
        let _ = (db, file, state, out);
        Ok(Part::default())
    }
}

/// How far a database was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// What the next part, or the next run, goes on from: a watermark.
    pub state: Value,
    /// There is more now.
    pub more: bool,
}

/// What a reader may know about its file.
#[derive(Debug, Clone, Default)]
pub struct FileInfo {
    /// Absolute path, as it will be stored.
    pub path: String,
    /// File name without its last extension.
    pub stem: String,
    /// Modification time.
    pub modified: Option<Timestamp>,
    /// Files beside it, by [`Source::companions`].
    pub companions: Vec<PathBuf>,
    /// The project's folders: a file that holds sessions of many projects gives only those under
    /// them. Empty for a file a person named: everything in it counts.
    pub roots: Vec<PathBuf>,
}

impl FileInfo {
    /// Returns whether a session that ran in this folder counts; one that says no folder does only
    /// where everything does.
    #[must_use]
    pub fn wants(&self, cwd: Option<&str>) -> bool {
        self.roots.is_empty() || cwd.is_some_and(|c| crate::discover::is_under(c, &self.roots))
    }

    /// Returns the folder of the repository the file lies in: the nearest one with a `.git`.
    #[must_use]
    pub fn repository(&self) -> Option<PathBuf> {
        let folders = Path::new(&self.path).ancestors().skip(1);
        folders.take(32).find(|f| f.join(".git").exists()).map(Path::to_owned)
    }

    /// Returns the name of that repository: the folder of its main work tree, which is the same in
    /// every other one.
    #[must_use]
    pub fn repository_name(&self) -> Option<String> {
        let folder = self.repository()?;
        // Elsewhere `.git` is a file: `gitdir: /w/app/.git/worktrees/fix`.
        let link = crate::read::companion(&folder.join(".git")).unwrap_or_default();
        let main = link.trim().strip_prefix("gitdir:").map(|to| to.trim().replace('\\', "/"));
        let main = main.and_then(|to| Some(PathBuf::from(to.split_once("/.git/worktrees/")?.0)));
        Some(main.unwrap_or(folder).file_name()?.to_string_lossy().into_owned())
    }

    /// Returns the text of the companion whose path ends with `name`, if it is there, readable and
    /// not absurdly long.
    #[must_use]
    pub fn beside(&self, name: &str) -> Option<String> {
        let path = self.companions.iter().find(|p| p.ends_with(name))?;
        crate::read::companion(path)
    }
}

/// Turns records into events. Holds what must be remembered between two records.
pub trait Reader {
    /// Reads one record into `out`.
    ///
    /// # Errors
    /// Says what is wrong with the record; events found before the flaw are kept.
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed>;
    /// Returns what a later reader needs to go on; only asked between records.
    fn state(&self) -> Value;
}

/// One line, or one whole document.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Its text, without line end or byte order mark.
    pub text: &'a str,
    /// Byte offset of its first character.
    pub offset: u64,
}

/// A record that could not be read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

/// Collects what readers find. The only way to an event: everything that passes is redacted and
/// bounded here, so no reader can forget it.
pub struct Output<'r> {
    engine: &'static str,
    redactor: &'r Redactor,
    sessions: Vec<(Session, Vec<Event>)>,
    index: HashMap<String, usize>,
    /// Sessions that are a distiller's own.
    distilling: HashSet<String>,
    /// Rows left out, by kind.
    pub skipped: BTreeMap<String, u64>,
    /// Events collected since the start.
    pub events: u64,
    bytes: usize,
    spill: Option<Spill<'r>>,
}

/// What events of a distiller's own session are counted as.
const DISTILLER: &str = "distiller_session";

/// Takes the sessions collected so far.
type Spill<'r> = Box<dyn FnMut(Vec<(Session, Vec<Event>)>) + 'r>;

impl<'r> Output<'r> {
    /// Bytes of events at which a reader of a database stops for a while, and at which those of a
    /// whole document are handed over.
    pub const FULL: usize = 8 * 1024 * 1024;

    /// Returns an empty collection for files of `engine`.
    #[must_use]
    pub fn new(engine: &'static str, redactor: &'r Redactor) -> Self {
        Self {
            engine,
            redactor,
            sessions: Vec::new(),
            index: HashMap::new(),
            distilling: HashSet::new(),
            skipped: BTreeMap::new(),
            events: 0,
            bytes: 0,
            spill: None,
        }
    }

    /// Hands events over to `spill` whenever [`Output::FULL`] bytes are held, so that a document
    /// with any number of events is read in bounded memory.
    #[must_use]
    pub fn spilling(self, spill: impl FnMut(Vec<(Session, Vec<Event>)>) + 'r) -> Self {
        Self { spill: Some(Box::new(spill)), ..self }
    }

    /// Returns the session of this id, made on first use.
    pub fn session(&mut self, id: &str) -> &mut Session {
        let at = self.session_index(id);
        &mut self.sessions[at].0
    }

    fn session_index(&mut self, id: &str) -> usize {
        if let Some(at) = self.index.get(id) {
            return *at;
        }
        let session =
            Session { engine: self.engine.to_owned(), id: id.to_owned(), ..Session::default() };
        self.sessions.push((session, Vec::new()));
        self.index.insert(id.to_owned(), self.sessions.len() - 1);
        self.sessions.len() - 1
    }

    /// Adds an event to a session, and beside a prompt the review findings pasted into it. A session
    /// that opens with a distiller's request is no work of anybody's: of it only the request's first
    /// line is kept, by which a later read knows it again.
    pub fn event(&mut self, session: &str, mut event: Event) {
        if self.distilling.contains(session) {
            return self.skip(DISTILLER);
        }
        if let EventKind::UserPrompt { text, .. } = &mut event.kind
            && distill::is_request(text)
        {
            self.skip(DISTILLER);
            if self.has_prompt(session) {
                // Somebody pasted it into work of their own.
                return;
            }
            distill::MARKER.clone_into(text);
            self.distilling.insert(session.to_owned());
        }
        scrub::event(&mut event, self.redactor);
        let found = pasted::events(&event);
        self.add(session, event);
        for mut finding in found {
            scrub::event(&mut finding, self.redactor);
            self.add(session, finding);
        }
    }

    /// Whether a prompt of the session is held.
    fn has_prompt(&self, session: &str) -> bool {
        let held = self.index.get(session).map(|at| &self.sessions[*at].1);
        let prompt = |e: &Event| matches!(e.kind, EventKind::UserPrompt { .. });
        held.is_some_and(|events| events.iter().any(prompt))
    }

    fn add(&mut self, session: &str, event: Event) {
        let at = self.session_index(session);
        let (session, events) = &mut self.sessions[at];
        if let Some(ts) = event.ts {
            session.started = Some(session.started.map_or(ts, |t| t.min(ts)));
            session.ended = Some(session.ended.map_or(ts, |t| t.max(ts)));
        }
        if session.cwd.is_none() {
            session.cwd.clone_from(&event.cwd);
        }
        if session.branch.is_none() {
            session.branch.clone_from(&event.branch);
        }
        self.bytes += scrub::weight(&event);
        self.events += 1;
        events.push(event);
        if self.bytes >= Self::FULL
            && let Some(mut spill) = self.spill.take()
        {
            spill(self.take());
            self.spill = Some(spill);
        }
    }

    /// Returns a text as an event would hold it: what a reader keeps in its state lies in the store
    /// too.
    #[must_use]
    pub fn clean(&self, text: &str, max: usize) -> String {
        let mut text = text.to_owned();
        scrub::clean(&mut text, max, self.redactor);
        text
    }

    /// Counts a row that is left out. `kind` may come from the file: anything but a short plain
    /// word is counted as `unknown`.
    pub fn skip(&mut self, kind: &str) {
        let plain = (1..=40).contains(&kind.len())
            && kind.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        // A file that invents a kind a row must not grow the summary without end.
        let kind = if plain && (self.skipped.len() < 64 || self.skipped.contains_key(kind)) {
            kind
        } else {
            "unknown"
        };
        match self.skipped.get_mut(kind) {
            Some(n) => *n += 1,
            None => {
                self.skipped.insert(kind.to_owned(), 1);
            }
        }
    }

    /// Returns about how many bytes are held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Hands over the sessions collected since the last call.
    pub fn take(&mut self) -> Vec<(Session, Vec<Event>)> {
        self.index.clear();
        self.bytes = 0;
        let mut sessions = std::mem::take(&mut self.sessions);
        for (session, _) in &mut sessions {
            scrub::session(session, self.redactor);
        }
        sessions
    }
}
