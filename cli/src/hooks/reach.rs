//! Which lesson speaks about which path, command or failure.
//!
//! Owns a small projection of the store that is read whole in a few milliseconds, so that hooks need
//! neither a search index nor every lesson. Disposable: where it is missing, old or damaged it is made
//! again. Must not hold a lesson's words.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use cemem_core::durable::{create_private_dir, write_durable};
use cemem_core::lesson::Lesson;
use cemem_core::{LessonId, Store};
use cemem_ingest::extract::signs;
use cemem_ingest::sources::rules;
use serde::{Deserialize, Serialize};

use crate::command_error::CommandError;
use crate::sync::render;

/// The file, below the folder of indexes; another shape gets another number.
const FILE: &str = "hooks-1.tsv";
/// Fewer changes than this are applied again by everybody: cheaper than a write that waits for the disk.
const WORTH_WRITING: usize = 32;
/// Parts fields, and the items of a field; neither is in any text that is written.
const FIELD: char = '\t';
const ITEM: char = '\u{1f}';

/// What a hook has to know of a lesson that is delivered. Its texts are pieces of the file as it was
/// read: nothing is copied, and nothing freed before the process ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    id: &'static str,
    /// What it is worth at the begin of a session; nothing if it stands in a file of rules.
    pub(super) value: f32,
    paths: &'static str,
    commands: &'static str,
    signatures: &'static str,
}

fn items(field: &'static str) -> impl Iterator<Item = &'static str> {
    field.split(ITEM).filter(|item| !item.is_empty())
}

impl Row {
    /// Returns which lesson it is about.
    pub(super) fn id(&self) -> LessonId {
        LessonId(self.id.to_owned())
    }

    /// Returns the paths and globs it speaks about.
    pub(super) fn paths(&self) -> impl Iterator<Item = &'static str> {
        items(self.paths)
    }

    /// Returns the families of commands it speaks about.
    pub(super) fn commands(&self) -> impl Iterator<Item = &'static str> {
        items(self.commands)
    }

    /// Returns the failures it tells the end of.
    pub(super) fn signatures(&self) -> impl Iterator<Item = &'static str> {
        items(self.signatures)
    }

    fn of(lesson: &Lesson) -> Option<Self> {
        let read_anyway = lesson.evidence.iter().all(|e| e.engine == rules::ENGINE);
        let value = if read_anyway { 0.0 } else { render::value(lesson) };
        let list = |items: &mut dyn Iterator<Item = &String>| {
            let clean = |item: &String| item.replace(char::is_control, " ");
            items.map(clean).collect::<Vec<_>>().join(&ITEM.to_string())
        };
        let reach = &lesson.applies_when;
        let fields = [
            lesson.id.to_string(),
            value.to_string(),
            list(&mut reach.paths.iter()),
            list(&mut reach.commands.iter()),
            list(&mut signs::of_lesson(lesson).iter()),
        ];
        Self::parse(fields.join(&FIELD.to_string()).leak())
    }

    fn parse(line: &'static str) -> Option<Self> {
        let mut fields = line.split(FIELD);
        let mut next = || fields.next();
        let (id, value) = (next()?, next()?.parse().ok()?);
        let row = Self { id, value, paths: next()?, commands: next()?, signatures: next()? };
        next().is_none().then_some(row)
    }

    fn line(&self) -> String {
        let value = self.value.to_string();
        let fields = [self.id, &value, self.paths, self.commands, self.signatures];
        fields.join(&FIELD.to_string())
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
    rows: Vec<Row>,
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
        self.rows.iter()
    }

    fn caught_up(index: &Path, store: &Store, write_from: usize) -> Result<Self, CommandError> {
        let path = index.join(FILE);
        let seq = store.lesson_seq()?;
        let (mut rows, from) = match read(&path) {
            // The same number in a copy that went another way would not be the same change.
            Some((mark, rows)) if mark.seq <= seq && mark == Mark::of(store, mark.seq)? => {
                (rows, mark.seq)
            }
            _ => (Vec::new(), 0),
        };
        if from < seq {
            let changes = store.lesson_changes(from)?;
            let changed: HashSet<&str> = changes.iter().map(|c| c.lesson.id.as_str()).collect();
            rows.retain(|row| !changed.contains(row.id));
            let delivered = changes.iter().filter(|c| c.lesson.status.is_recallable());
            rows.extend(delivered.filter_map(|change| Row::of(&change.lesson)));
            if changes.len() >= write_from {
                write(&path, &Mark::of(store, seq)?, &rows);
            }
        }
        Ok(Self { rows })
    }
}

/// Returns what the file holds; `None` if it is not there or not whole.
fn read(path: &Path) -> Option<(Mark, Vec<Row>)> {
    let text: &'static str = fs::read_to_string(path).ok()?.leak();
    let mut lines = text.lines();
    let (mark, n): (Mark, usize) = serde_json::from_str(lines.next()?).ok()?;
    let rows: Option<Vec<Row>> = lines.map(Row::parse).collect();
    rows.filter(|rows| rows.len() == n).map(|rows| (mark, rows))
}

/// Replaces the file; where that is not possible, the next one works it out again.
fn write(path: &Path, mark: &Mark, rows: &[Row]) {
    let mut text = serde_json::json!([mark, rows.len()]).to_string();
    for row in rows {
        text.push('\n');
        text.push_str(&row.line());
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
        let line = serde_json::json!({ "rule": format!("Rule {n}."), "applies_when": { "paths": ["src/a.rs"] } });
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
        for damaged in [cut, whole.replacen("\tsrc", "src", 1), String::new(), "{}".into()] {
            fs::write(&path, damaged).unwrap();
            let rows = Reach::current(dir.path(), &store).unwrap().rows;
            assert_eq!(rows.len(), 39);
            let has = |lesson: &Lesson| rows.iter().any(|row| row.id() == lesson.id);
            assert!(has(&lessons[1]) && !has(&lessons[0]));
            assert!(rows.iter().all(|row| row.paths().eq(["src/a.rs"]) && row.value > 0.0));
        }
        // Of another store, it says nothing.
        let other = Store::open(&dir.path().join("other.db"), Clock::System).unwrap();
        assert_eq!(n(&other), 0);
    }
}
