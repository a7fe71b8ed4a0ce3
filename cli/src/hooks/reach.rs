//! Which lesson speaks about which path, command or failure.
//!
//! Owns a small projection of the store that is read whole in a few milliseconds, so that hooks need
//! neither a search index nor every lesson. Disposable: where it is missing, old or damaged it is made
//! again. Must not hold a lesson's words.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::durable::{create_private_dir, write_durable};
use cemem_core::lesson::Lesson;
use cemem_core::{LessonId, Store};
use cemem_ingest::extract::signs;
use cemem_ingest::sources::rules;
use serde::{Deserialize, Serialize};

use crate::command_error::CommandError;
use crate::sync::render;

/// The file, below the folder of indexes; another shape gets another number.
const FILE: &str = "hooks-1.jsonl";
/// Fewer changes than this are applied again by everybody: cheaper than a write that waits for the disk.
const WORTH_WRITING: usize = 32;

/// What a hook has to know of a lesson that is delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    /// Which.
    pub(super) id: LessonId,
    /// What it is worth at the begin of a session; nothing if it stands in a file of rules.
    pub(super) value: f32,
    /// Paths and globs it speaks about.
    pub(super) paths: Vec<String>,
    /// Families of commands it speaks about.
    pub(super) commands: Vec<String>,
    /// Failures it tells the end of.
    pub(super) signatures: Vec<String>,
}

impl Row {
    fn of(lesson: &Lesson) -> Self {
        let read_anyway = lesson.evidence.iter().all(|e| e.engine == rules::ENGINE);
        Self {
            id: lesson.id.clone(),
            value: if read_anyway { 0.0 } else { render::value(lesson) },
            paths: lesson.applies_when.paths.clone(),
            commands: lesson.applies_when.commands.clone(),
            signatures: signs::of_lesson(lesson).into_iter().collect(),
        }
    }
}

/// Of which state of which store this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    store: String,
    seq: u64,
    stamp: String,
}

impl Mark {
    fn of(store: &Store, seq: u64) -> Result<Self, CommandError> {
        Ok(Self { store: store.id().to_owned(), seq, stamp: store.change_stamp(seq)? })
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Reach {
    rows: HashMap<LessonId, Row>,
}

impl Reach {
    /// Returns the state of the store as it is now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn current(index: &Path, store: &Store) -> Result<Self, CommandError> {
        Self::caught_up(index, store, WORTH_WRITING)
    }

    /// Brings the file up to the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn refresh(index: &Path, store: &Store) -> Result<(), CommandError> {
        Self::caught_up(index, store, 1).map(drop)
    }

    /// Returns every row, in no order.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    fn caught_up(index: &Path, store: &Store, write_from: usize) -> Result<Self, CommandError> {
        let path = index.join(FILE);
        let seq = store.lesson_seq()?;
        let (mut rows, from) = match read(&path) {
            // The same number in a copy that went another way would not be the same change.
            Some((mark, rows)) if mark.seq <= seq && mark == Mark::of(store, mark.seq)? => {
                (rows, mark.seq)
            }
            _ => (HashMap::new(), 0),
        };
        if from < seq {
            let changes = store.lesson_changes(from)?;
            for change in &changes {
                if change.lesson.status.is_recallable() {
                    rows.insert(change.lesson.id.clone(), Row::of(&change.lesson));
                } else {
                    rows.remove(&change.lesson.id);
                }
            }
            if changes.len() >= write_from {
                write(&path, &Mark::of(store, seq)?, &rows);
            }
        }
        Ok(Self { rows })
    }
}

/// Returns what the file holds; `None` if it is not there or not whole.
fn read(path: &PathBuf) -> Option<(Mark, HashMap<LessonId, Row>)> {
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    let (mark, n): (Mark, usize) = serde_json::from_str(lines.next()?).ok()?;
    let mut rows = HashMap::with_capacity(n);
    for line in lines {
        let row: Row = serde_json::from_str(line).ok()?;
        rows.insert(row.id.clone(), row);
    }
    (rows.len() == n).then_some((mark, rows))
}

/// Replaces the file; where that is not possible, the next one works it out again.
fn write(path: &Path, mark: &Mark, rows: &HashMap<LessonId, Row>) {
    let mut text = serde_json::json!([mark, rows.len()]).to_string();
    let mut sorted: Vec<&Row> = rows.values().collect();
    sorted.sort_by(|a, b| a.id.cmp(&b.id));
    for row in sorted {
        text.push('\n');
        // Without the names of the fields, which are read by their order just as well.
        let fields = (&row.id, row.value, &row.paths, &row.commands, &row.signatures);
        text.push_str(&serde_json::to_string(&fields).expect("texts and a number serialise"));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let _unwritten = create_private_dir(folder).and_then(|()| write_durable(path, text.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use cemem_core::exchange::from_line;
    use cemem_core::{Clock, LessonStatus, Timestamp};

    fn lesson(n: usize) -> Lesson {
        let line = serde_json::json!({ "rule": format!("Rule {n}."), "paths": ["src/a.rs"] });
        from_line(&line.to_string(), "f", n, Timestamp(0)).unwrap().lesson
    }

    #[test]
    fn it_follows_the_store_and_is_made_again_when_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&dir.path().join("memory.db"), Clock::System).unwrap();
        let mut lessons: Vec<Lesson> = (0..40).map(lesson).collect();
        store.put_lessons(&lessons, "test", "import", "").unwrap();
        let n = |store: &Store| Reach::current(dir.path(), store).unwrap().rows.len();
        let path = dir.path().join(FILE);
        assert_eq!(n(&store), 40);
        let written = fs::read(&path).unwrap();
        lessons[0].status = LessonStatus::Retired;
        store.put_lessons(&lessons[..1], "test", "retire", "").unwrap();
        assert_eq!(n(&store), 39);
        assert_eq!(fs::read(&path).unwrap(), written, "one change is not worth a write");
        Reach::refresh(dir.path(), &store).unwrap();
        assert_ne!(fs::read(&path).unwrap(), written);
        let whole = fs::read_to_string(&path).unwrap();
        let cut = whole.rsplit_once('\n').unwrap().0.to_owned();
        for damaged in [cut, whole.replacen("[\"L-", "[L-", 1), String::new(), "{}".into()] {
            fs::write(&path, damaged).unwrap();
            let rows = Reach::current(dir.path(), &store).unwrap().rows;
            assert_eq!(rows.len(), 39);
            assert!(rows.contains_key(&lessons[1].id) && !rows.contains_key(&lessons[0].id));
        }
        // Of another store, it says nothing.
        let other = Store::open(&dir.path().join("other.db"), Clock::System).unwrap();
        assert_eq!(n(&other), 0);
    }
}
