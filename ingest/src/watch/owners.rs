//! Which project a changed file belongs to.
//!
//! Owns what is known of that: the places the engines' own search found, and the files it did not
//! take, with the time of the next try: a session says where it runs in its first lines, which may
//! not be written yet. Must not read files: engines do.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::discover::Places;
use crate::engines::{ENGINES, Engine};

/// From this length on, what a file does not say it will not say any more.
const TOLD: u64 = 64 * 1024;
/// The first wait before a file is asked again; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(400);
/// The longest.
const LAST_WAIT: Duration = Duration::from_mins(1);
/// Most files that nobody owns and that are remembered.
const MAX_STRANGERS: usize = 20_000;

/// What one project owns.
#[derive(Default)]
pub(super) struct Owners {
    /// Files and folders that belong to the project.
    found: BTreeSet<PathBuf>,
    /// Those of them that were found since they were last asked for.
    unread: Vec<PathBuf>,
    strangers: HashMap<PathBuf, Stranger>,
}

struct Stranger {
    tries: u32,
    next: Option<Instant>,
}

/// Whose a path is.
pub(super) enum Claim {
    /// The project's: to be read.
    Ours(Vec<PathBuf>),
    /// Nobody can tell yet.
    Later(Instant),
    /// Another's.
    Not,
}

/// Returns the database that a log or an index beside it belongs to, or the path itself.
pub(super) fn main_file(path: &Path) -> PathBuf {
    let text = path.to_string_lossy();
    let main = ["-wal", "-shm", "-journal"].iter().find_map(|end| text.strip_suffix(end));
    main.map_or_else(|| path.to_owned(), PathBuf::from)
}

impl Owners {
    /// Takes over what a search of all engines found.
    pub(super) fn know(&mut self, found: impl IntoIterator<Item = PathBuf>) {
        self.found.extend(found);
    }

    /// Returns what was found while claims were decided, and nobody read yet.
    pub(super) fn unread(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.unread)
    }

    /// Decides about a path, asking the engines in whose folders it lies. `asked` holds those asked in
    /// this round.
    pub(super) fn claim(
        &mut self,
        path: &Path,
        places: &Places,
        asked: &mut BTreeSet<&'static str>,
    ) -> Claim {
        let main = main_file(path);
        if let Some(inputs) = self.inputs(&main) {
            return Claim::Ours(inputs);
        }
        let now = Instant::now();
        if let Some(stranger) = self.strangers.get(&main)
            && stranger.next.is_none_or(|next| next > now)
        {
            return stranger.next.map_or(Claim::Not, Claim::Later);
        }
        let engines: Vec<&Engine> = ENGINES
            .iter()
            .copied()
            .filter(|e| (e.bases)(places).iter().any(|base| main.starts_with(base)))
            .collect();
        for engine in &engines {
            if asked.insert(engine.name) {
                for found in (engine.find)(places) {
                    if self.found.insert(found.path.clone()) {
                        self.unread.push(found.path);
                    }
                }
            }
        }
        if let Some(inputs) = self.inputs(&main) {
            self.strangers.remove(&main);
            return Claim::Ours(inputs);
        }
        if engines.is_empty() || !main.exists() {
            return Claim::Not;
        }
        self.doubt(main, now)
    }

    fn doubt(&mut self, main: PathBuf, now: Instant) -> Claim {
        if self.strangers.len() > MAX_STRANGERS {
            self.strangers.clear();
        }
        let long = main.metadata().is_ok_and(|m| m.is_file() && m.len() >= TOLD);
        let stranger = self.strangers.entry(main).or_insert(Stranger { tries: 0, next: None });
        stranger.tries += 1;
        let wait = FIRST_WAIT.saturating_mul(1 << stranger.tries.min(16).saturating_sub(1));
        stranger.next = (wait <= LAST_WAIT && !(long && stranger.tries > 1)).then(|| now + wait);
        stranger.next.map_or(Claim::Not, Claim::Later)
    }

    /// Returns what to read for a changed path of the project: the file, with those beside it where a
    /// format keeps a session in several.
    fn inputs(&self, path: &Path) -> Option<Vec<PathBuf>> {
        let own = path.ancestors().any(|a| self.found.contains(a));
        let folder = path.parent()?;
        let beside = || {
            let files = self.found.range(folder.to_owned()..);
            files.take_while(|f| f.starts_with(folder)).filter(|f| f.parent() == Some(folder))
        };
        let rows = path.extension().is_some_and(|e| e == "jsonl" || e == "zst");
        if own && (rows || path.is_dir() || self.found.contains(path)) && path.exists() {
            return Some(vec![path.to_owned()]);
        }
        if own && self.found.contains(path) {
            return Some(Vec::new());
        }
        if own {
            // A document with companions, or one that is gone: what is left of its folder tells.
            let there = folder.ancestors().find(|f| f.is_dir())?;
            return Some(vec![there.to_owned()]);
        }
        let companions: Vec<PathBuf> = beside().filter(|f| f.is_file() && !rows).cloned().collect();
        (!companions.is_empty()).then_some(companions)
    }
}
