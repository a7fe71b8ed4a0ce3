//! The code as it is committed: paths, contents, and what became of those that are gone.
//!
//! Owns [`Code`]: one look at one commit, with every content read at most once. Must not know what a
//! lesson is, and must not write.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;
use cemem_core::Timestamp;
use cemem_core::branch::Branches;
use cemem_core::history::{Fate, History, MAX_FILE};

use super::scan::{self, Definition};

/// Most bytes of contents kept in memory.
const MAX_KEPT: usize = 64 << 20;
/// Most bytes read while names are looked for in all files.
const MAX_SEARCHED: usize = 256 << 20;
/// Most places kept of one name.
const MAX_PLACES: usize = 16;
/// Longest look for the commit that changed one file, and for those of all files.
const SINCE: Duration = Duration::from_millis(60);
const TRACING: Duration = Duration::from_secs(3);
/// Bytes in which a file that is no text shows it.
const SNIFFED: usize = 8000;

/// See the module.
pub(super) struct Code {
    pub(super) history: History,
    branches: Branches,
    /// The commit that is looked at.
    pub(super) head: String,
    files: HashMap<String, String>,
    by_blob: HashMap<String, Vec<String>>,
    by_name: HashMap<String, Vec<String>>,
    texts: RefCell<Texts>,
    timeline: RefCell<Option<Vec<(Timestamp, String)>>>,
    /// Time left for looking for the commits that changed files.
    tracing: Cell<Duration>,
    start: Instant,
    budget: Duration,
}

#[derive(Default)]
struct Texts {
    by_blob: HashMap<String, Option<Rc<str>>>,
    bytes: usize,
}

/// Opens the first of these folders that has a commit to look at; says why there is none.
pub(super) fn open(roots: &[PathBuf]) -> Result<(History, PathBuf, String), String> {
    let mut why = "not a git repository".to_owned();
    for root in roots {
        match History::open(root) {
            Ok(Some(history)) => match history.main_head() {
                Some(head) => return Ok((history, root.clone(), head)),
                None => "nothing is committed yet".clone_into(&mut why),
            },
            Ok(None) => {}
            Err(e) => why = e.to_string(),
        }
    }
    Err(why)
}

impl Code {
    /// Lists the files of the commit.
    pub(super) fn read(
        (history, root, head): (History, PathBuf, String),
        budget: Duration,
    ) -> Result<Self, String> {
        let start = Instant::now();
        let branches = Branches::open(&root).map_err(|e| e.to_string())?;
        let listed = branches.files(&head).map_err(|e| e.to_string())?;
        let mut files = HashMap::with_capacity(listed.len());
        let mut by_blob: HashMap<String, Vec<String>> = HashMap::new();
        let mut by_name: HashMap<String, Vec<String>> = HashMap::new();
        for file in listed {
            by_blob.entry(file.blob.clone()).or_default().push(file.path.clone());
            by_name.entry(name_of(&file.path).to_owned()).or_default().push(file.path.clone());
            files.insert(file.path, file.blob);
        }
        let (texts, timeline) = (RefCell::default(), RefCell::default());
        let tracing = Cell::new(TRACING);
        Ok(Self {
            tracing,
            history,
            branches,
            head,
            files,
            by_blob,
            by_name,
            texts,
            timeline,
            start,
            budget,
        })
    }

    /// Returns whether the time for this look is over.
    pub(super) fn is_late(&self) -> bool {
        self.start.elapsed() >= self.budget
    }

    /// Returns the time left for a part of the work, at most `most`.
    pub(super) fn time(&self, most: Duration) -> Duration {
        self.budget.saturating_sub(self.start.elapsed()).min(most)
    }

    /// Returns the content of a path.
    pub(super) fn blob(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Returns the path that a path from a session means: itself, or the only one that ends with it.
    pub(super) fn resolve(&self, path: &str) -> Option<String> {
        let path = path.trim_start_matches("./");
        if self.files.contains_key(path) {
            return Some(path.to_owned());
        }
        let ends = |full: &&String| full.strip_suffix(path).is_some_and(|rest| rest.ends_with('/'));
        let mut found = self.by_name.get(name_of(path))?.iter().filter(ends);
        found.next().filter(|_| found.next().is_none()).cloned()
    }

    /// Returns the path this content has now: the only one, or the only one of the same name.
    pub(super) fn home_of(&self, blob: &str, path: &str) -> Option<String> {
        let homes = self.by_blob.get(blob)?;
        let one = |found: Vec<&String>| (found.len() == 1).then(|| found[0].clone());
        let named = homes.iter().filter(|home| name_of(home) == name_of(path)).collect();
        one(homes.iter().collect()).or_else(|| one(named))
    }

    /// Returns a content as text; `None` if it is none, too long or not here.
    pub(super) fn text(&self, blob: &str) -> Option<Rc<str>> {
        if let Some(known) = self.texts.borrow().by_blob.get(blob) {
            return known.clone();
        }
        let text = self.branches.read(blob, MAX_FILE).and_then(as_text);
        let mut texts = self.texts.borrow_mut();
        let bytes = text.as_ref().map_or(0, |t| t.len());
        if texts.bytes + bytes > MAX_KEPT {
            texts.by_blob.clear();
            texts.bytes = 0;
        }
        texts.bytes += bytes;
        texts.by_blob.insert(blob.to_owned(), text.clone());
        text
    }

    /// Returns the last commit that was made by a time; `None` if all that are known came later.
    pub(super) fn commit_at(&self, time: Timestamp, oldest: Timestamp) -> Option<String> {
        let mut line = self.timeline.borrow_mut();
        let line = line.get_or_insert_with(|| self.history.timeline(&self.head, oldest));
        // Clocks differ: the first that is not later, going back.
        line.iter().find(|(at, _)| *at <= time).map(|(_, sha)| sha.clone())
    }

    /// Returns the commit since which a path has had no content that `holds`; the one that is looked
    /// at where that is not found in time.
    pub(super) fn since(&self, path: &str, holds: &mut dyn FnMut(&str) -> bool) -> String {
        let (start, left) = (Instant::now(), self.tracing.get());
        let found = self.history.since(&self.head, path, self.time(left.min(SINCE)), holds);
        self.tracing.set(left.saturating_sub(start.elapsed()));
        found.unwrap_or_else(|| self.head.clone())
    }

    /// Returns what became of paths that are gone.
    pub(super) fn fates(&self, paths: &[String]) -> HashMap<String, Fate> {
        self.history.fates(&self.head, paths, self.time(Duration::from_secs(3)))
    }

    /// Returns where names are defined in all files, by language and name.
    pub(super) fn places_of(
        &self,
        names: &[(&'static str, String)],
    ) -> HashMap<(&'static str, String), Vec<(String, Definition)>> {
        let mut found: HashMap<_, Vec<(String, Definition)>> = HashMap::new();
        let words: Vec<&String> = names.iter().map(|(_, name)| name).collect();
        let Ok(any) = AhoCorasick::new(&words) else { return found };
        let mut paths: Vec<&String> = self.files.keys().collect();
        paths.sort_unstable();
        let mut bytes = 0;
        for path in paths {
            let Some(language) = scan::language(path) else { continue };
            if !names.iter().any(|(l, _)| *l == language) {
                continue;
            }
            if bytes > MAX_SEARCHED || self.is_late() {
                break;
            }
            let Some(text) = self.text(&self.files[path]) else { continue };
            bytes += text.len();
            let mut seen: Vec<usize> =
                any.find_overlapping_iter(text.as_ref()).map(|m| m.pattern().as_usize()).collect();
            seen.sort_unstable();
            seen.dedup();
            for at in seen {
                let (wanted, name) = &names[at];
                if *wanted != language {
                    continue;
                }
                let places = found.entry((language, name.clone())).or_default();
                let room = MAX_PLACES.saturating_sub(places.len());
                let here = scan::definitions(path, &text, name).into_iter().take(room);
                places.extend(here.map(|d| (path.clone(), d)));
            }
        }
        found
    }
}

/// Returns bytes as text, whatever their encoding; `None` for what is no text.
pub(super) fn as_text(bytes: Vec<u8>) -> Option<Rc<str>> {
    if bytes[..bytes.len().min(SNIFFED)].contains(&0) {
        return None;
    }
    Some(match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(e) => String::from_utf8_lossy(e.as_bytes()).into(),
    })
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
