//! Lessons from outside: which of them are new, which replace one, which are there already.
//!
//! Owns the promise that nothing is overwritten by accident: a line replaces a lesson only if it
//! names it. A line without an id gets a derived one, longer where it would meet another lesson.
//! Must not read lines; `exchange` does.

use std::collections::{BTreeMap, HashSet};

use rusqlite::Connection;

use super::error::{Result, StoreError};
use super::lessons::{Slot, current, put, slot};
use super::log::{Entry, next_op};
use super::{Store, bump_revision, sort_error};
use crate::clock::Timestamp;
use crate::exchange::{IMPORT_ENGINE, Line};
use crate::id::LessonId;
use crate::lesson::{Evidence, Lesson, LessonStatus};

/// What an import changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Lessons added or replaced.
    pub imported: usize,
    /// Lines that changed nothing: there already, or said again by a later line.
    pub unchanged: usize,
    /// Of those imported, how many wait in quarantine.
    pub quarantined: usize,
}

impl Store {
    /// Stores the lessons of lines as one undoable change; `note` names the file. Of lines with the
    /// same id the last one counts. A line without an id of its own that was imported before changes
    /// nothing, whatever became of the lesson since, unless that import was undone.
    ///
    /// # Errors
    /// When one has no evidence, or the store cannot be written.
    pub fn import(&mut self, lines: Vec<Line>, note: &str) -> Result<Imported> {
        if let Some(bare) = lines.iter().find(|l| l.lesson.evidence.is_empty()) {
            return Err(StoreError::NoEvidence(bare.lesson.title.clone()));
        }
        let ts = self.clock.now();
        let path = self.path.clone();
        let read = lines.len();
        self.write(|tx| {
            let write = || -> rusqlite::Result<Imported> {
                let fresh = new_or_changed(tx, lines)?;
                if !fresh.is_empty() {
                    let entry =
                        Entry { op: next_op(tx)?, ts, actor: "import", verb: "import", note };
                    for lesson in fresh.values() {
                        put(tx, &entry, lesson)?;
                    }
                    bump_revision(tx)?;
                }
                Ok(counted(read, fresh.values()))
            };
            write().map_err(|e| sort_error(&path, e))
        })
    }

    /// Returns what [`Store::import`] of these lines would do, and the lessons it would write.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn preview_import(&self, lines: Vec<Line>) -> Result<(Imported, Vec<Lesson>)> {
        let read = lines.len();
        let fresh = new_or_changed(&self.conn, lines).map_err(|e| self.sql(e))?;
        let fresh: Vec<Lesson> = fresh.into_values().collect();
        Ok((counted(read, fresh.iter()), fresh))
    }
}

/// Counts what an import of so many lines writes.
fn counted<'a>(read: usize, fresh: impl ExactSizeIterator<Item = &'a Lesson>) -> Imported {
    let imported = fresh.len();
    let quarantined = fresh.filter(|l| l.status == LessonStatus::Quarantined).count();
    Imported { imported, unchanged: read - imported, quarantined }
}

/// Returns the lessons to write, by their final ids.
fn new_or_changed(
    conn: &Connection,
    lines: Vec<Line>,
) -> rusqlite::Result<BTreeMap<LessonId, Lesson>> {
    // Named ids come first: a derived one makes way for them.
    let (named, derived): (Vec<_>, Vec<_>) = lines.into_iter().partition(|l| l.seed.is_none());
    let mut fresh: BTreeMap<_, _> =
        named.into_iter().map(|line| (line.lesson.id.clone(), line.lesson)).collect();
    let mut there = Vec::new();
    for (id, lesson) in &fresh {
        if current(conn, id)?.and_then(decoded).is_some_and(|known| says_the_same(&known, lesson)) {
            there.push(id.clone());
        }
    }
    for id in &there {
        fresh.remove(id);
    }
    let mut taken: HashSet<LessonId> = fresh.keys().cloned().collect();
    let mut seeds = HashSet::new();
    for Line { mut lesson, seed } in derived {
        let seed = seed.unwrap_or_default();
        if !seeds.insert(seed.clone()) {
            continue;
        }
        let found = slot(conn, &seed, &taken, |id, known| {
            Ok(says_the_same(known, &lesson) || was_imported_as(conn, id, &lesson)?)
        })?;
        lesson.id = match found {
            Slot::Free(id) => id,
            Slot::Taken(known) if was_undone(conn, &known.id)? => known.id,
            Slot::Taken(_) => continue,
        };
        taken.insert(lesson.id.clone());
        fresh.insert(lesson.id.clone(), lesson);
    }
    Ok(fresh)
}

/// Returns whether two lessons differ only in id, in dates (a line without any gets today's), and in
/// the file and line they were imported from.
fn says_the_same(known: &Lesson, new: &Lesson) -> bool {
    let plain = |lesson: &Lesson| {
        let mut plain = Lesson {
            id: new.id.clone(),
            created: Timestamp(0),
            updated: Timestamp(0),
            ..lesson.clone()
        };
        let imported = |e: &&mut Evidence| e.engine.split(':').next() == Some(IMPORT_ENGINE);
        for evidence in plain.evidence.iter_mut().filter(imported) {
            evidence.source_path.clear();
            evidence.event_uuid.clear();
        }
        plain
    };
    plain(known) == plain(new)
}

/// Returns whether the lesson with this id began as this one.
fn was_imported_as(conn: &Connection, id: &LessonId, lesson: &Lesson) -> rusqlite::Result<bool> {
    let first: String = conn
        .prepare_cached("SELECT after FROM lesson_log WHERE lesson_id = ?1 ORDER BY id LIMIT 1")?
        .query_row([id.as_str()], |r| r.get(0))?;
    Ok(decoded(first).is_some_and(|first| says_the_same(&first, lesson)))
}

/// Returns whether the last thing that happened to a lesson is that its making was undone.
fn was_undone(conn: &Connection, id: &LessonId) -> rusqlite::Result<bool> {
    conn.prepare_cached(
        "SELECT verb = 'undo' AND after ->> 'status' = 'retired' FROM lesson_log
         WHERE lesson_id = ?1 ORDER BY id DESC LIMIT 1",
    )?
    .query_row([id.as_str()], |r| r.get(0))
}

fn decoded(body: String) -> Option<Lesson> {
    serde_json::from_str(&body).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::Clock;
    use crate::exchange::{from_line, to_line};
    use crate::store::LessonFilter;

    const NOW: Clock = Clock::Fixed(Timestamp(1_000_000));

    fn lines(values: &[Value]) -> Vec<Line> {
        let read = |(idx, line): (usize, &Value)| {
            from_line(&line.to_string(), "f", idx + 1, NOW.now()).unwrap()
        };
        values.iter().enumerate().map(read).collect()
    }

    fn import(store: &mut Store, values: &[Value]) -> (usize, usize) {
        let done = store.import(lines(values), "f").unwrap();
        (done.imported, done.unchanged)
    }

    fn all(store: &Store) -> Vec<Lesson> {
        store.lessons(&LessonFilter::default()).unwrap()
    }

    /// Two rules whose lines derive the same six digits.
    fn twins() -> (Value, Value) {
        let mut seen = std::collections::HashMap::new();
        for n in 0_u32.. {
            let line = json!({ "rule": format!("Rule {n}.") });
            let id = lines(std::slice::from_ref(&line)).remove(0).lesson.id;
            if let Some(other) = seen.insert(id, line.clone()) {
                return (other, line);
            }
        }
        unreachable!("24 bits collide long before")
    }

    #[test]
    fn lines_that_meet_on_an_id_are_all_kept() {
        let (a, b) = twins();
        let mut store = Store::open_in_memory(NOW).unwrap();
        assert_eq!(import(&mut store, &[a.clone(), b.clone()]), (2, 0));
        assert_eq!(all(&store).len(), 2);
        assert_eq!(import(&mut store, &[b.clone(), a.clone(), a.clone()]), (0, 3));

        // Also where the first of them is in the store already, or is named by its id.
        let mut later = Store::open_in_memory(NOW).unwrap();
        assert_eq!(import(&mut later, std::slice::from_ref(&a)), (1, 0));
        assert_eq!(import(&mut later, std::slice::from_ref(&b)), (1, 0));
        assert_eq!(all(&later).len(), 2);
        let mut named = Store::open_in_memory(NOW).unwrap();
        let id = lines(std::slice::from_ref(&a)).remove(0).lesson.id;
        let own = json!({ "id": id, "rule": "Mine." });
        assert_eq!(import(&mut named, &[b, own.clone()]), (2, 0));
        assert_eq!(named.lesson(&id).unwrap().unwrap().rule, "Mine.");
        assert_eq!(import(&mut named, &[own, a]), (1, 1));
    }

    #[test]
    fn the_same_rule_with_another_reason_is_another_lesson() {
        let mut store = Store::open_in_memory(NOW).unwrap();
        let values = [
            json!({"rule": "Use tabs."}),
            json!({"rule": "Use tabs.", "why": "The linter says so."}),
            json!({"rule": "Use tabs.", "body": "In Makefiles."}),
            json!({"rule": "Use tabs.", "body": null}),
        ];
        assert_eq!(import(&mut store, &values), (3, 1));
    }

    #[test]
    fn only_a_named_lesson_is_replaced() {
        let mut store = Store::open_in_memory(NOW).unwrap();
        let line = json!({"rule": "Use tabs."});
        import(&mut store, std::slice::from_ref(&line));
        let lesson = all(&store).remove(0);
        let edited = Lesson { rule: "Use spaces.".into(), ..lesson.clone() };
        store.update_lesson(&edited, "user", "edit").unwrap();
        assert_eq!(import(&mut store, std::slice::from_ref(&line)), (0, 1), "an edit stays");
        assert_eq!(all(&store)[0].rule, "Use spaces.");
        let named: Value = serde_json::from_str(&to_line(&lesson)).unwrap();
        let first = json!({"id": lesson.id, "rule": "Not this one."});
        assert_eq!(import(&mut store, &[first, named]), (1, 1));
        assert_eq!(all(&store), [lesson]);
    }

    #[test]
    fn an_undone_import_can_be_done_again() {
        let mut store = Store::open_in_memory(NOW).unwrap();
        let line = json!({"rule": "Use tabs."});
        import(&mut store, std::slice::from_ref(&line));
        store.undo(None, "user").unwrap();
        assert_eq!(import(&mut store, std::slice::from_ref(&line)), (1, 0));
        let lesson = all(&store).remove(0);
        assert_eq!(lesson.status, LessonStatus::Active);
        let retired = Lesson { status: LessonStatus::Retired, ..lesson };
        store.update_lesson(&retired, "user", "retire").unwrap();
        assert_eq!(import(&mut store, &[line]), (0, 1), "what a person took out stays out");
    }

    #[test]
    fn ten_thousand_lines_are_ten_thousand_lessons() {
        let mut store = Store::open_in_memory(NOW).unwrap();
        let values: Vec<_> = (0..10_000).map(|n| json!({"rule": format!("Rule {n}.")})).collect();
        assert_eq!(import(&mut store, &values), (10_000, 0));
        assert_eq!(store.lesson_changes(0).unwrap().len(), 10_000);
        assert_eq!(import(&mut store, &values), (0, 10_000));
    }
}
