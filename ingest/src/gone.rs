//! Documents whose file is gone, and those that came back.
//!
//! Owns which documents a run may call gone: those of folders it looked through. Ends their
//! candidates; the pass then retires what nothing supports any more, as a change that is logged and
//! can be undone. Must not touch lessons, and must not conclude anything from a session's file:
//! engines delete old sessions, and what was learned from them stays true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cemem_core::Store;
use cemem_core::store::{CandidateFilter, CandidateState, SessionRef, StoreError};

use crate::discover::Places;
use crate::pipeline::Input;
use crate::sources::{rules, solutions};

/// Engines whose sessions are documents: a file that is gone takes its lessons along.
const ENGINES: &[&str] = &[solutions::ENGINE, rules::ENGINE, rules::MEMORY, rules::ADR];

/// Returns whether sessions of this engine are documents.
pub(crate) fn is_document(engine: &str) -> bool {
    ENGINES.contains(&engine)
}

/// What became of documents since they were last looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Documents {
    /// Their file is there again: to be extracted once more.
    pub(crate) back: Vec<SessionRef>,
    /// Their file is no longer there.
    pub(crate) gone: Vec<SessionRef>,
    /// The newest event when they were looked at.
    pub(crate) through: i64,
}

/// Returns the project's folders of documents that do not exist (any more). Discovery does not list
/// them, but a run over the project looks there too.
#[must_use]
pub fn missing_folders(places: &Places) -> Vec<Input> {
    let bases = (solutions::ROW.bases)(places).into_iter();
    bases.filter(|b| matches!(b.try_exists(), Ok(false))).map(Input::discovered).collect()
}

/// Returns the documents under the project's folders, or beside its sessions, that were read before and
/// do not exist any more. Discovery does not list them, but a run over the project looks there too.
///
/// # Errors
/// When the store cannot be read.
pub fn missing_documents(store: &Store, places: &Places) -> Result<Vec<Input>, StoreError> {
    let mut folders = (rules::CLAUDE_MEMORY.bases)(places);
    folders.extend(places.roots.iter().cloned());
    folders.extend(places.roots.iter().filter_map(|root| root.canonicalize().ok()));
    let read = store.cursors()?.into_values().filter(|c| is_document(&c.format)).map(|c| c.path);
    let missing = read.filter(|path| {
        is_under(path, &folders) && matches!(Path::new(path).try_exists(), Ok(false))
    });
    Ok(missing.map(Input::discovered).collect())
}

/// What is known of one document.
#[derive(Default)]
struct Known {
    /// Every path it was read from.
    paths: BTreeSet<String>,
    /// Some candidate of it is still counted.
    live: bool,
}

/// Returns the documents under the folders of `inputs` that went or came back.
pub(crate) fn look(store: &Store, inputs: &[Input]) -> Result<Documents, StoreError> {
    let folders: Vec<PathBuf> = inputs.iter().filter_map(folder).collect();
    if folders.is_empty() {
        return Ok(Documents::default());
    }
    let sources: Vec<(String, String)> = store
        .cursors()?
        .into_values()
        .filter(|c| is_document(&c.format))
        .map(|c| (c.format, c.path))
        .collect();
    if !sources.iter().any(|(_, path)| is_under(path, &folders)) {
        return Ok(Documents::default());
    }
    let mut documents = Documents { through: store.last_event()?, ..Documents::default() };
    for (session, known) in known(store, &sources)? {
        // A path that cannot be looked at (no permission, a drive that is away) may well be there.
        let there = known.paths.iter().any(|p| !matches!(Path::new(p).try_exists(), Ok(false)));
        if there && !known.live {
            documents.back.push(session);
        } else if !there && known.live && known.paths.iter().any(|p| is_under(p, &folders)) {
            documents.gone.push(session);
        }
    }
    Ok(documents)
}

/// Ends the candidates of documents that are gone; returns how many there were.
pub(crate) fn forget(store: &mut Store, documents: &Documents) -> Result<u64, StoreError> {
    if documents.gone.is_empty() {
        return Ok(0);
    }
    let found: Vec<_> =
        documents.gone.iter().cloned().map(|session| (session, Vec::new())).collect();
    // One that gained words meanwhile, in whatever process, is not gone.
    Ok(store.replace_candidates(&found, documents.through)?.gone)
}

/// Returns every document with candidates. The same document may have been read from several work
/// trees.
fn known(
    store: &Store,
    sources: &[(String, String)],
) -> Result<BTreeMap<SessionRef, Known>, StoreError> {
    let mut documents: BTreeMap<SessionRef, Known> = BTreeMap::new();
    for stored in store.candidates(CandidateFilter::All)? {
        if !is_document(&stored.session.engine) {
            continue;
        }
        let known = documents.entry(stored.session).or_default();
        known.live |= stored.state != CandidateState::Gone;
        known.paths.extend(stored.candidate.evidence.into_iter().map(|e| e.source_path));
    }
    for (engine, path) in sources {
        let session = SessionRef { engine: engine.clone(), id: solutions::identity_at(path) };
        if let Some(known) = documents.get_mut(&session) {
            known.paths.insert(path.clone());
        }
    }
    Ok(documents)
}

/// Returns the folder of an input as it stands in cursors; none for a file, or for a name that a
/// person may have mistyped.
fn folder(input: &Input) -> Option<PathBuf> {
    match input.path.canonicalize() {
        Ok(path) => path.is_dir().then_some(path),
        Err(_) if input.named => None,
        Err(_) => {
            let there = input.path.ancestors().find(|a| a.is_dir())?;
            let rest = input.path.strip_prefix(there).ok()?;
            Some(there.canonicalize().ok()?.join(rest))
        }
    }
}

fn is_under(path: &str, folders: &[PathBuf]) -> bool {
    folders.iter().any(|f| Path::new(path).starts_with(f))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cemem_core::store::LessonFilter;
    use cemem_core::{Clock, LessonStatus, Timestamp};

    use super::*;
    use crate::consolidate::consolidate;
    use crate::{IngestOptions, NoProgress, Redactor, ingest};

    const DOC: &str = "---\ntitle: Watcher misses renames\nproblem_type: runtime_error\n---\n\
                       # Watcher\n\n## Solution\nWatch the parent folder, not the file itself.\n";

    struct World {
        root: tempfile::TempDir,
        store: Store,
    }

    impl World {
        fn new() -> Self {
            let clock = Clock::Fixed(Timestamp(1_800_000_000_000));
            let world = Self {
                root: tempfile::tempdir().unwrap(),
                store: Store::open_in_memory(clock).unwrap(),
            };
            world.write(DOC);
            world
        }

        fn folder(&self) -> PathBuf {
            self.root.path().join("docs/solutions")
        }

        fn write(&self, text: &str) {
            fs::create_dir_all(self.folder()).unwrap();
            fs::write(self.folder().join("watcher.md"), text).unwrap();
        }

        fn places(&self) -> Places {
            Places { roots: vec![self.root.path().to_owned()], ..Places::default() }
        }

        /// Ingests the inputs, and says how the lesson stands.
        fn ingest(&mut self, inputs: &[Input]) -> LessonStatus {
            let redactor = Redactor::new();
            let options = IngestOptions {
                redactor: &redactor,
                progress: &NoProgress,
                roots: &[],
                threads: 1,
            };
            ingest(&mut self.store, inputs, &options).unwrap();
            consolidate(&mut self.store, None).unwrap();
            let lessons = self.store.lessons(&LessonFilter::default()).unwrap();
            assert_eq!(lessons.len(), 1);
            lessons[0].status
        }
    }

    #[test]
    fn a_document_whose_file_is_gone_retires_its_lesson_until_it_is_back() {
        let mut world = World::new();
        let all = [Input::named(world.folder())];
        assert_eq!(world.ingest(&all), LessonStatus::Active);
        fs::remove_file(world.folder().join("watcher.md")).unwrap();
        assert_eq!(world.ingest(&all), LessonStatus::Retired);
        let last = world.store.log(1).unwrap().remove(0);
        assert!(last.note.contains("its document is gone"), "{}", last.note);
        world.write(DOC);
        assert_eq!(world.ingest(&all), LessonStatus::Active);
        fs::remove_file(world.folder().join("watcher.md")).unwrap();
        world.ingest(&all);
        world.store.undo(None, "user").unwrap();
        assert_eq!(world.ingest(&all), LessonStatus::Active, "a person said so");
    }

    #[test]
    fn only_folders_that_were_looked_through_say_what_is_gone() {
        let mut world = World::new();
        let all = [Input::named(world.folder())];
        world.ingest(&all);
        fs::remove_dir_all(world.folder()).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        assert_eq!(world.ingest(&[Input::named(elsewhere.path())]), LessonStatus::Active);
        assert_eq!(world.ingest(&all), LessonStatus::Active, "a name that may be mistyped");
        let missing = missing_folders(&world.places());
        assert_eq!(world.ingest(&missing), LessonStatus::Retired);
    }

    #[test]
    fn a_document_that_another_work_tree_still_has_is_not_gone() {
        let mut world = World::new();
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(world.root.path().join(".git")).unwrap();
        let link = format!("gitdir: {}/.git/worktrees/fix\n", world.root.path().display());
        fs::write(tree.path().join(".git"), link).unwrap();
        let twin = tree.path().join("docs/solutions");
        fs::create_dir_all(&twin).unwrap();
        fs::write(twin.join("watcher.md"), DOC).unwrap();
        let both = [Input::named(world.folder()), Input::named(&twin)];
        assert_eq!(world.ingest(&both), LessonStatus::Active);
        fs::remove_file(world.folder().join("watcher.md")).unwrap();
        assert_eq!(world.ingest(&both), LessonStatus::Active);
        fs::remove_file(twin.join("watcher.md")).unwrap();
        assert_eq!(world.ingest(&both), LessonStatus::Retired);
    }
}
