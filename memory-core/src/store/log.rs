//! The log of lesson changes: applying a plan, history, undo.
//!
//! Owns the `lesson_log` table. Rows are never deleted: undoing is itself a logged change.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::candidates::{CandidateState, settle};
use super::error::{Result, StoreError};
use super::lessons::{current, put};
use super::{Store, bump_revision, revision, sort_error};
use crate::clock::Timestamp;
use crate::id::LessonId;
use crate::lesson::{Lesson, LessonStatus};
use crate::plan::{Action, Change, Plan};

/// What every log row of one operation shares.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) op: i64,
    pub(super) ts: Timestamp,
    pub(super) actor: &'a str,
    pub(super) verb: &'a str,
    pub(super) note: &'a str,
}

/// One logged change.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRow {
    /// The operation it belongs to: the unit of undo.
    pub op: i64,
    /// When.
    pub ts: Timestamp,
    /// Who: `user`, `pass`, `import`.
    pub actor: String,
    /// What: `create`, `reinforce`, `edit`, `undo`.
    pub verb: String,
    /// Details, such as the other lesson of a merge.
    pub note: String,
    /// Which lesson.
    pub lesson: LessonId,
    /// The lesson before; `None` if the change made it.
    pub before: Option<Lesson>,
    /// The lesson after.
    pub after: Lesson,
    /// The operation that undid this one.
    pub undone_by: Option<i64>,
}

/// What applying a plan changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// Lessons made.
    pub created: usize,
    /// Lessons changed.
    pub updated: usize,
    /// Candidates set aside.
    pub dropped: usize,
    /// The operation in the log; 0 when no lesson changed.
    pub op: i64,
}

/// What undoing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The operation that was undone.
    pub op: i64,
    /// The operation that this undoing is: its number takes it back.
    pub by: i64,
    /// What was undone was itself an undo: the change before it holds again.
    pub redone: bool,
    /// The lessons put back.
    pub lessons: Vec<LessonId>,
}

impl Store {
    /// Carries out a plan made from the store as it was at `revision`, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the store changed since; nothing is written then.
    pub fn apply(&mut self, plan: &Plan, at_revision: u64, actor: &str) -> Result<Applied> {
        self.apply_after(plan, at_revision, actor, 0)
    }

    /// As [`Self::apply`], as a part of the operation `after` (0: of its own), so that both are undone
    /// together. Where somebody else has changed lessons since, it is an operation of its own.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn apply_after(
        &mut self,
        plan: &Plan,
        at_revision: u64,
        actor: &str,
        after: i64,
    ) -> Result<Applied> {
        let ts = self.clock.now();
        let path = self.path.clone();
        self.write(|tx| {
            let err = |e| sort_error(&path, e);
            if revision(tx).map_err(err)? != at_revision {
                return Err(StoreError::Conflict);
            }
            carry_out(tx, plan, ts, actor, after).map_err(err)
        })
    }

    /// Makes a plan and carries it out while nobody else can write: for a pass that lost the race
    /// too often. `make` must only read; `after` as in [`Self::apply_after`].
    ///
    /// # Errors
    /// Those of `make`, or when the store cannot be written; nothing is written then.
    pub fn apply_alone(
        &mut self,
        make: impl FnOnce(&Self) -> Result<Plan>,
        actor: &str,
        after: i64,
    ) -> Result<(Plan, Applied)> {
        self.check_writable()?;
        // `make` reads through the same connection; `&mut self` keeps every other use of it away.
        let tx = Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate)
            .map_err(|e| self.sql(e))?;
        let plan = make(self)?;
        let applied =
            carry_out(&tx, &plan, self.clock.now(), actor, after).map_err(|e| self.sql(e))?;
        tx.commit().map_err(|e| self.sql(e))?;
        Ok((plan, applied))
    }

    /// Returns the changes of one lesson, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn history(&self, id: &LessonId) -> Result<Vec<LogRow>> {
        self.log_rows("WHERE lesson_id = ?1 ORDER BY id", params![id.as_str()])
    }

    /// Returns the newest changes, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn log(&self, limit: usize) -> Result<Vec<LogRow>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.log_rows("ORDER BY id DESC LIMIT ?1", params![limit])
    }

    /// Returns the number of the newest change; 0 before the first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_change(&self) -> Result<i64> {
        next_op(&self.conn).map(|next| next - 1).map_err(|e| self.sql(e))
    }

    /// Undoes an operation (the newest that is not undone, if `op` is `None`; one that only took note
    /// of places in the code is passed over): every lesson it changed goes back to what it was;
    /// lessons it made are retired. What a pass had changed counts as reviewed from then on, so that
    /// the next pass does not do it again, and so does a lesson whose status followed the code. An
    /// undo can be undone too, by its number.
    ///
    /// # Errors
    /// [`StoreError::CannotUndo`] if there is none, or a lesson has changed since.
    pub fn undo(&mut self, op: Option<i64>, actor: &str) -> Result<Undone> {
        let ts = self.clock.now();
        let target = match op {
            Some(op) => op,
            None => self
                .conn
                .query_row(
                    "SELECT coalesce(max(op), 0) FROM lesson_log
                     WHERE undone_by IS NULL AND verb NOT IN ('undo', 'anchor')",
                    [],
                    |r| r.get(0),
                )
                .map_err(|e| self.sql(e))?,
        };
        let rows = self.log_rows("WHERE op = ?1 ORDER BY id DESC", params![target])?;
        let Some(first) = rows.first() else {
            return Err(StoreError::CannotUndo("there is no such change".into()));
        };
        if let Some(by) = rows.iter().find_map(|r| r.undone_by) {
            let text = format!("change {target} is already undone by change {by}");
            return Err(StoreError::CannotUndo(text));
        }
        let redone = first.verb == "undo";
        let path = self.path.clone();
        self.write(|tx| {
            let err = |e| sort_error(&path, e);
            let undo_op = next_op(tx).map_err(err)?;
            let note = format!("change {target}");
            let verb = if redone { "redo" } else { "undo" };
            let entry = Entry { op: undo_op, ts, actor, verb, note: &note };
            let mut lessons = Vec::new();
            for row in &whole_changes(rows) {
                let restored = restore(tx, row).map_err(err)?.ok_or_else(|| {
                    StoreError::CannotUndo(format!(
                        "`{}` has changed since; undo the later change first",
                        row.lesson
                    ))
                })?;
                put(tx, &entry, &restored).map_err(err)?;
                lessons.push(row.lesson.clone());
            }
            tx.execute(
                "UPDATE lesson_log SET undone_by = ?2 WHERE op = ?1",
                params![target, undo_op],
            )
            .map_err(err)?;
            bump_revision(tx).map_err(err)?;
            lessons.sort();
            Ok(Undone { op: target, by: undo_op, redone, lessons })
        })
    }

    fn log_rows(&self, tail: &str, args: impl rusqlite::Params) -> Result<Vec<LogRow>> {
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut stmt = self.conn.prepare(&format!(
                "SELECT op, ts, actor, verb, note, lesson_id, before, after, undone_by
                 FROM lesson_log {tail}"
            ))?;
            let rows = stmt.query_map(args, |r| {
                Ok((
                    (r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?),
                    r.get::<_, Option<String>>(6)?,
                    r.get::<_, String>(7)?,
                    r.get(8)?,
                ))
            })?;
            rows.collect()
        };
        let mut out = Vec::new();
        for ((op, ts, actor, verb, note, lesson), before, after, undone_by) in
            read().map_err(|e| self.sql(e))?
        {
            let decode =
                |body: &str| serde_json::from_str::<Lesson>(body).map_err(|e| self.corrupt(e));
            out.push(LogRow {
                op,
                ts: Timestamp(ts),
                actor,
                verb,
                note,
                lesson: LessonId(lesson),
                before: before.as_deref().map(decode).transpose()?,
                after: decode(&after)?,
                undone_by,
            });
        }
        Ok(out)
    }
}

/// Writes every action of a plan as one operation, or as more of the operation `after` while it is the
/// newest.
pub(super) fn carry_out(
    tx: &Transaction<'_>,
    plan: &Plan,
    ts: Timestamp,
    actor: &str,
    after: i64,
) -> rusqlite::Result<Applied> {
    if plan.is_empty() {
        return Ok(Applied::default());
    }
    let next = next_op(tx)?;
    let op = if after > 0 && after + 1 == next { after } else { next };
    let mut applied = Applied { op, ..Applied::default() };
    for action in &plan.actions {
        apply_action(tx, action, Entry { op, ts, actor, verb: "", note: "" }, &mut applied)?;
    }
    if applied.created + applied.updated == 0 {
        applied.op = 0;
    }
    bump_revision(tx)?;
    Ok(applied)
}

fn apply_action(
    conn: &Transaction<'_>,
    action: &Action,
    entry: Entry<'_>,
    applied: &mut Applied,
) -> rusqlite::Result<()> {
    match action {
        Action::Create { lesson, candidates } => {
            put(conn, &Entry { verb: "create", ..entry }, lesson)?;
            for key in candidates {
                settle(conn, key, &CandidateState::Absorbed(lesson.id.clone()))?;
            }
            applied.created += 1;
        }
        Action::Update { lesson, candidates, change } => {
            let note = match change {
                Change::Reinforce => String::new(),
                Change::Merge(id) | Change::Supersede(id) | Change::Contradict(id) => {
                    id.to_string()
                }
                Change::Revise(why) | Change::Anchor(why) | Change::Drift(why) => why.clone(),
            };
            put(conn, &Entry { verb: change.verb(), note: &note, ..entry }, lesson)?;
            for key in candidates {
                settle(conn, key, &CandidateState::Absorbed(lesson.id.clone()))?;
            }
            applied.updated += 1;
        }
        Action::Drop { candidate, reason } => {
            settle(conn, candidate, &CandidateState::Dropped(reason.clone()))?;
            applied.dropped += 1;
        }
    }
    Ok(())
}

/// Returns one row for each lesson of an operation, newest first: from what it was to what it became,
/// where the operation changed it in several steps.
fn whole_changes(newest_first: Vec<LogRow>) -> Vec<LogRow> {
    let mut whole: Vec<LogRow> = Vec::with_capacity(newest_first.len());
    let mut met: HashMap<LessonId, usize> = HashMap::new();
    for row in newest_first {
        match met.entry(row.lesson.clone()) {
            MapEntry::Occupied(later) => whole[*later.get()].before = row.before,
            MapEntry::Vacant(first) => {
                first.insert(whole.len());
                whole.push(row);
            }
        }
    }
    whole
}

/// Returns what the lesson of a row shall be again; `None` if it has changed since.
fn restore(conn: &Connection, row: &LogRow) -> rusqlite::Result<Option<Lesson>> {
    let now = current(conn, &row.lesson)?;
    let unchanged =
        now.and_then(|body| serde_json::from_str::<Lesson>(&body).ok()).is_some_and(|lesson| {
            lesson == row.after || as_learned(lesson) == as_learned(row.after.clone())
        });
    if !unchanged {
        return Ok(None);
    }
    let mut restored = row
        .before
        .clone()
        .unwrap_or_else(|| Lesson { status: LessonStatus::Retired, ..row.after.clone() });
    // A person took back what a pass did: the next pass must not do it again.
    restored.reviewed |= row.before.is_none() || row.actor == "pass" || row.verb == "drift";
    Ok(Some(restored))
}

/// Returns a lesson without what comes from the state of the code: that is found out again at any
/// time, and must not keep an older change from being undone.
fn as_learned(mut lesson: Lesson) -> Lesson {
    for anchor in std::mem::take(&mut lesson.anchors) {
        let Some(was) = anchor.was else { continue };
        for path in lesson.applies_when.paths.iter_mut().filter(|p| **p == anchor.path) {
            path.clone_from(&was);
        }
    }
    if lesson.status == LessonStatus::Stale {
        lesson.status = LessonStatus::Active;
    }
    lesson.updated = lesson.created;
    lesson
}

pub(super) fn next_op(conn: &Connection) -> rusqlite::Result<i64> {
    conn.prepare_cached("SELECT coalesce(max(op), 0) + 1 FROM lesson_log")?
        .query_row([], |r| r.get(0))
}

pub(super) fn record(
    conn: &Connection,
    entry: &Entry<'_>,
    lesson: &LessonId,
    before: Option<&str>,
    after: &str,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO lesson_log (op, ts, actor, verb, note, lesson_id, before, after)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        entry.op,
        entry.ts.0,
        entry.actor,
        entry.verb,
        entry.note,
        lesson.as_str(),
        before,
        after
    ])?;
    Ok(())
}
