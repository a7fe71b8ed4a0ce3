//! Which lessons helped with what was asked.
//!
//! Owns reading showings and verdicts as past tasks: what was asked, and what the lessons shown then
//! were worth to whoever asked. Must not rank.

use rusqlite::{Row, params};

use super::error::Result;
use super::{Store, sort_error};
use crate::clock::Timestamp;
use crate::id::LessonId;
use crate::outcome::Verdict;

/// Uses read, the newest: older ones say little of today's work.
const MAX_USES: i64 = 2_000;
/// A verdict without a session belongs to what was shown at most this long before, in milliseconds.
const SAME_TASK_MS: i64 = 24 * 60 * 60 * 1000;
/// From when on the ranking learns; see [`Store::forget_uses`].
const SINCE: &str = "uses.since";

/// That a lesson shown for a question proved good or bad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// When it was asked.
    pub at: Timestamp,
    /// What was asked (after redaction).
    pub asked: String,
    /// The lesson.
    pub lesson: LessonId,
    /// It was heeded or said to help; false if it was said to mislead.
    pub good: bool,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Use> {
    let verdict = Verdict::parse(&row.get::<_, String>(3)?);
    Ok(Use {
        at: Timestamp(row.get(0)?),
        asked: row.get(1)?,
        lesson: LessonId(row.get(2)?),
        good: verdict != Some(Verdict::Harmed),
    })
}

impl Store {
    /// Returns the uses the ranking learns from, oldest first: lessons that somebody asked for or a
    /// hook showed, and that were then heeded or judged. What was only shown is not a use.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn uses(&self) -> Result<Vec<Use>> {
        if self.is_older_than(2) {
            return Ok(Vec::new());
        }
        let since = self.note(SINCE)?.and_then(|ms| ms.parse().ok()).unwrap_or(i64::MIN);
        let read = || -> rusqlite::Result<Vec<Use>> {
            let mut stmt = self.conn.prepare_cached(
                "SELECT DISTINCT e.ts, e.place, e.lesson_id, o.verdict
                 FROM outcome o JOIN exposure e ON e.lesson_id = o.lesson_id
                 WHERE o.verdict IN ('heeded', 'helped', 'harmed')
                   AND e.channel IN ('recall', 'hook', 'mcp') AND e.ts > ?1 AND e.ts <= o.ts
                   AND CASE WHEN e.sid IS NOT NULL AND o.sid IS NOT NULL
                       THEN e.engine = o.engine AND e.sid = o.sid
                       -- One word is about one task: the latest the lesson was shown for.
                       ELSE o.ts - e.ts <= ?2 AND e.ts = (
                           SELECT max(l.ts) FROM exposure l
                           WHERE l.lesson_id = e.lesson_id AND l.ts <= o.ts
                             AND l.channel IN ('recall', 'hook', 'mcp')) END
                 ORDER BY e.ts DESC, e.place, e.lesson_id, o.verdict LIMIT ?3",
            )?;
            let rows = stmt.query_map(params![since, SAME_TASK_MS, MAX_USES], read)?;
            rows.collect()
        };
        let mut uses = read().map_err(|e| self.sql(e))?;
        uses.reverse();
        Ok(uses)
    }

    /// Makes the ranking forget what it learned from past tasks: from now on only later ones count.
    /// Showings and verdicts stay.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn forget_uses(&mut self) -> Result<()> {
        let (path, now) = (self.path.clone(), self.clock.now().0);
        self.set_note(SINCE, &now.to_string())?;
        self.write(|tx| super::bump_revision(tx).map_err(|e| sort_error(&path, e)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::exchange::from_line;
    use crate::outcome::{Channel, Exposure, Outcome, VerdictSource};
    use crate::store::{Decision, SessionRef};

    fn store_with(rules: &[&str]) -> (Store, Vec<LessonId>) {
        let mut store = Store::open_in_memory(Clock::Fixed(Timestamp(100))).unwrap();
        let line = |rule: &str| format!(r#"{{"rule":"{rule}"}}"#);
        let lesson = |rule: &str| from_line(&line(rule), "f", 1, Timestamp(0)).unwrap().lesson;
        let lessons: Vec<_> = rules.iter().map(|rule| lesson(rule)).collect();
        let decision = Decision { lessons: &lessons, verb: "import", note: "" };
        store.put_decisions(&[decision], "test").unwrap();
        (store, lessons.into_iter().map(|l| l.id).collect())
    }

    fn session(id: &str) -> Option<SessionRef> {
        Some(SessionRef { engine: "t".into(), id: id.into() })
    }

    fn shown(lesson: &LessonId, ts: i64, sid: Option<SessionRef>, channel: Channel) -> Exposure {
        let (ts, place) = (Timestamp(ts), format!("asked at {ts}"));
        Exposure { lesson: lesson.clone(), ts, until: None, channel, session: sid, place, rank: 0 }
    }

    fn said(lesson: &LessonId, ts: i64, sid: Option<SessionRef>, verdict: Verdict) -> Outcome {
        Outcome {
            lesson: lesson.clone(),
            ts: Timestamp(ts),
            verdict,
            source: VerdictSource::Feedback,
            session: sid,
            event_key: String::new(),
            note: String::new(),
        }
    }

    #[test]
    fn a_showing_with_a_verdict_is_a_use_and_can_be_forgotten() {
        let (mut store, ids) = store_with(&["Use pnpm.", "Sign the raw body.", "Pin the clock."]);
        let [pnpm, sign, clock] = &ids[..] else { panic!("three lessons") };
        store
            .record_exposures(&[
                shown(pnpm, 10, None, Channel::Recall),
                shown(sign, 20, session("one"), Channel::Mcp),
                shown(sign, 21, session("two"), Channel::Mcp),
                // Only shown, and standing in a file: no uses.
                shown(clock, 30, None, Channel::Recall),
                shown(pnpm, 5, None, Channel::Sync),
            ])
            .unwrap();
        let before = store.revision().unwrap();
        store
            .record_feedback(&[
                said(pnpm, 40, None, Verdict::Helped),
                said(sign, 41, session("one"), Verdict::Harmed),
                said(clock, 29, session("one"), Verdict::Helped),
            ])
            .unwrap();
        assert_ne!(store.revision().unwrap(), before);
        let uses = store.uses().unwrap();
        let told: Vec<_> = uses.iter().map(|u| (u.asked.as_str(), &u.lesson, u.good)).collect();
        assert_eq!(told, [("asked at 10", pnpm, true), ("asked at 20", sign, false)]);
        store.forget_uses().unwrap();
        assert_eq!(store.uses().unwrap(), []);
        assert_eq!(store.counters().unwrap()[pnpm].helped, 1, "what was said stays");
    }
}
