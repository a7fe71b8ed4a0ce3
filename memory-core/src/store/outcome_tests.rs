//! Tests of what comes after learning: showings, verdicts, phrasings, settlements, spends; and of
//! stores from before there was any of it.

use rusqlite::Connection;

use super::{Decision, SessionRef, Settlement, Spend, SpendTotals, Store};
use crate::clock::{Clock, Timestamp};
use crate::exchange::from_line;
use crate::id::{CandidateKey, LessonId};
use crate::lesson::AppliesWhen;
use crate::outcome::{Channel, Exposure, Outcome, Verdict, VerdictSource};
use crate::phrasing::{Advice, Phrasing};

const NOW: Clock = Clock::Fixed(Timestamp(1_700_000_000_000));

fn store_with(rules: &[&str]) -> (Store, Vec<LessonId>) {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let lessons: Vec<_> = rules
        .iter()
        .map(|rule| {
            let line = format!(r#"{{"rule":"{rule}"}}"#);
            from_line(&line, "f", 1, Timestamp(0)).unwrap().lesson
        })
        .collect();
    let decision = Decision { lessons: &lessons, verb: "import", note: "" };
    store.put_decisions(&[decision], "test").unwrap();
    (store, lessons.into_iter().map(|l| l.id).collect())
}

fn shown(lesson: &LessonId, session: &str) -> Exposure {
    Exposure {
        lesson: lesson.clone(),
        ts: Timestamp(5),
        until: None,
        channel: Channel::Recall,
        session: Some(session_of(session)),
        place: "berths".into(),
        rank: 0,
    }
}

fn session_of(id: &str) -> SessionRef {
    SessionRef { engine: "t".into(), id: id.into() }
}

fn verdict(lesson: &LessonId, session: &str, verdict: Verdict, event: &str) -> Outcome {
    Outcome {
        lesson: lesson.clone(),
        ts: Timestamp(9),
        verdict,
        source: VerdictSource::Transcript,
        session: Some(session_of(session)),
        event_key: event.into(),
        note: String::new(),
    }
}

#[test]
fn showings_and_verdicts_are_counted_and_unknown_is_not_help() {
    let (mut store, ids) = store_with(&["Use pnpm.", "Sign the raw body."]);
    store.record_exposures(&[shown(&ids[0], "a"), shown(&ids[0], "b")]).unwrap();
    let counters = store.counters().unwrap()[&ids[0]];
    assert_eq!((counters.shown, counters.heeded, counters.helped), (2, 0, 0));
    assert!(!store.counters().unwrap().contains_key(&ids[1]));

    let found = vec![(session_of("a"), vec![verdict(&ids[0], "a", Verdict::Heeded, "e1")])];
    assert!(store.replace_outcomes(&found).unwrap());
    let revision = store.revision().unwrap();
    assert!(!store.replace_outcomes(&found).unwrap(), "the same session again");
    assert_eq!(store.revision().unwrap(), revision);
    assert_eq!(store.counters().unwrap()[&ids[0]].heeded, 1);

    let mut said = verdict(&ids[0], "a", Verdict::Helped, "");
    said.source = VerdictSource::Feedback;
    store.record_feedback(&[said]).unwrap();
    let other = vec![(session_of("a"), vec![verdict(&ids[0], "a", Verdict::Violated, "e2")])];
    store.replace_outcomes(&other).unwrap();
    let counters = store.counters().unwrap()[&ids[0]];
    assert_eq!((counters.heeded, counters.violated, counters.helped), (0, 1, 1));
    assert_eq!(store.outcomes().unwrap().len(), 2);
}

#[test]
fn the_newest_word_of_an_actor_counts() {
    let (mut store, ids) = store_with(&["Use pnpm."]);
    let said = |session: Option<&str>, what, ts| Outcome {
        session: session.map(session_of),
        source: VerdictSource::Feedback,
        ts: Timestamp(ts),
        ..verdict(&ids[0], "", what, "")
    };
    store.record_feedback(&[said(None, Verdict::Helped, 1)]).unwrap();
    store.record_feedback(&[said(Some("a"), Verdict::Helped, 2)]).unwrap();
    store.record_feedback(&[said(None, Verdict::Harmed, 3)]).unwrap();
    let counters = store.counters().unwrap()[&ids[0]];
    assert_eq!((counters.helped, counters.harmed), (1, 1));
    store.record_feedback(&[said(Some("a"), Verdict::Harmed, 2)]).unwrap();
    let counters = store.counters().unwrap()[&ids[0]];
    assert_eq!((counters.helped, counters.harmed), (0, 2));
}

#[test]
fn judging_settles_only_what_is_still_as_it_was_read() {
    let (mut store, ids) = store_with(&["Use pnpm."]);
    assert_eq!(store.judged().unwrap(), None);
    let at = store.revision().unwrap();
    let found = [(session_of("a"), vec![verdict(&ids[0], "a", Verdict::Heeded, "e1")])];
    assert!(store.settle_outcomes(&found, at, |now| format!("mark {now}")).unwrap());
    assert_eq!(store.judged().unwrap(), Some(format!("mark {}", at + 1)));
    let late = store.settle_outcomes(&[], at, |_| "late".into());
    assert!(matches!(late, Err(super::StoreError::Conflict)), "{late:?}");
    let at = at + 1;
    assert!(!store.settle_outcomes(&found, at, |now| format!("mark {now}")).unwrap());
    assert_eq!(store.judged().unwrap(), Some(format!("mark {at}")));
    assert_eq!(store.counters().unwrap()[&ids[0]].heeded, 1);
}

#[test]
fn sessions_are_listed_with_their_span() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let session = crate::event::Session {
        engine: "t".into(),
        id: "a".into(),
        started: Some(Timestamp(10)),
        ended: Some(Timestamp(20)),
        ..Default::default()
    };
    let event = crate::event::Event {
        key: "k".into(),
        row_id: "1".into(),
        ts: Some(Timestamp(10)),
        actor: crate::event::Actor::User,
        kind: crate::event::EventKind::UserPrompt { text: "go".into(), steering: false },
        cwd: None,
        branch: None,
        offset: 0,
        len: 0,
    };
    let batch = super::Batch { sessions: vec![(session, vec![event])], ..Default::default() };
    store.append(&[batch]).unwrap();
    let spans = store.spans(true).unwrap();
    assert_eq!(spans.len(), 1);
    assert_eq!((spans[0].started, spans[0].ended), (Some(Timestamp(10)), Some(Timestamp(20))));
    assert!(spans[0].prompted && spans[0].last_event == store.last_event().unwrap());
    assert_eq!(store.last_exposure().unwrap(), 0);
}

#[test]
fn what_stands_in_a_file_begins_and_ends() {
    let (mut store, ids) = store_with(&["Use pnpm.", "Sign the raw body."]);
    store.record_standing("CLAUDE.md", &ids).unwrap();
    store.record_standing("CLAUDE.md", &ids).unwrap();
    assert_eq!(store.exposures().unwrap().len(), 2);
    store.record_standing("CLAUDE.md", &ids[1..]).unwrap();
    assert!(store.standing_in("CLAUDE.md").unwrap().iter().eq(&ids[1..]));
    assert!(store.standing_in("AGENTS.md").unwrap().is_empty());
    let ended: Vec<_> =
        store.exposures().unwrap().into_iter().filter(|e| e.until.is_some()).collect();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].lesson, ids[0]);
    store.record_standing("CLAUDE.md", &ids).unwrap();
    assert_eq!(store.exposures().unwrap().len(), 3, "it stands again");
    assert!(store.record_standing("CLAUDE.md", &[LessonId("L-000000".into())]).is_err());
    assert_eq!(store.exposures().unwrap().iter().filter(|e| e.until.is_none()).count(), 2);
}

#[test]
fn the_newest_phrasing_of_the_same_candidates_stays() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let phrasing = |rule: &str, ts| Phrasing {
        candidates: vec![CandidateKey("a".into()), CandidateKey("b".into())],
        advice: Advice::Keep,
        lesson_type: None,
        title: rule.into(),
        rule: rule.into(),
        why: None,
        applies_when: AppliesWhen::default(),
        paraphrase: false,
        by: "agent".into(),
        ts: Timestamp(ts),
    };
    store.put_phrasings(&[phrasing("new", 2), phrasing("old", 1)]).unwrap();
    assert_eq!(store.phrasings().unwrap(), [phrasing("new", 2)]);
}

#[test]
fn spends_add_up_and_settlements_stay() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let spend = |ts, tokens_in| Spend {
        ts: Timestamp(ts),
        who: "http".into(),
        model: "m".into(),
        tokens_in,
        tokens_out: 1,
        cost_micros: 7,
        outcome: "ok".into(),
    };
    for s in [spend(1, 100), spend(5, 10), spend(6, u64::MAX)] {
        store.record_spend(&s).unwrap();
    }
    let all = store.spent_since(Timestamp(5)).unwrap();
    assert_eq!((all.calls, all.tokens_out, all.cost_micros), (2, 2, 14));
    assert_eq!(store.spent_since(Timestamp(7)).unwrap(), SpendTotals::default());

    let row = store.record_spend(&spend(8, 100)).unwrap();
    store.settle_spend(row, &Spend { cost_micros: 2, ..spend(8, 30) }).unwrap();
    let settled = store.spent_since(Timestamp(7)).unwrap();
    assert_eq!((settled.calls, settled.tokens_in, settled.cost_micros), (1, 30, 2));

    let settled = Settlement {
        findings: Vec::new(),
        ts: Timestamp(1),
        actor: "user".into(),
        head: "abc".into(),
        why: "a version bump".into(),
        covers: vec![LessonId("L-123456".into())],
        through: Some(Timestamp(9)),
    };
    assert!(settled.reaches(Timestamp(9)) && !settled.reaches(Timestamp(10)));
    store.record_settlement(&settled).unwrap();
    assert_eq!(store.settlements().unwrap(), [settled]);
}

/// A store of the first format, on a disk that cannot be written: there is nothing of it yet.
#[test]
fn a_store_from_before_is_read_as_one_without_any() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("memory.db");
    drop(Store::open(&path, NOW).unwrap());
    let conn = Connection::open(&path).unwrap();
    for table in ["exposure", "outcome", "phrasing", "settlement", "spend", "unsettled"] {
        conn.execute_batch(&format!("DROP TABLE {table}")).unwrap();
    }
    for trigger in ["candidate_made", "candidate_changed", "lesson_made", "lesson_changed"] {
        conn.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    conn.pragma_update(None, "user_version", 1).unwrap();
    drop(conn);
    let old = Store::open_read_only(&path, NOW).unwrap();
    assert!(old.exposures().unwrap().is_empty() && old.outcomes().unwrap().is_empty());
    assert!(old.counters().unwrap().is_empty() && old.phrasings().unwrap().is_empty());
    assert!(old.settlements().unwrap().is_empty());
    assert_eq!(old.unsettled().unwrap().stamp, None, "nothing was ever looked at");
    assert_eq!(old.spent_since(Timestamp(0)).unwrap(), SpendTotals::default());
    drop(old);
    let mut new = Store::open(&path, NOW).unwrap();
    new.put_phrasings(&[]).unwrap();
    assert!(new.exposures().unwrap().is_empty());
    assert_eq!(super::format_version(&new.conn).unwrap(), super::FORMAT_VERSION);
}

#[test]
fn a_session_is_shown_a_lesson_once_whoever_asks_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("memory.db");
    let patience = std::time::Duration::from_secs(5);
    let ids = {
        let mut store = Store::open(&path, NOW).unwrap();
        let lesson = from_line(r#"{"rule":"Use pnpm."}"#, "f", 1, Timestamp(0)).unwrap().lesson;
        let lessons = [lesson];
        store
            .put_decisions(&[Decision { lessons: &lessons, verb: "import", note: "" }], "t")
            .unwrap();
        lessons.map(|l| l.id)
    };
    let claim = |session: &str| {
        let mut store = Store::open(&path, NOW).unwrap();
        store.claim_exposures(&[shown(&ids[0], session)], patience).unwrap().len()
    };
    let total: usize = std::thread::scope(|s| {
        let all: Vec<_> = (0..8).map(|_| s.spawn(|| claim("a"))).collect();
        all.into_iter().map(|h| h.join().unwrap()).sum()
    });
    assert_eq!((total, claim("b")), (1, 1));
    let mut store = Store::open(&path, NOW).unwrap();
    let without = Exposure { session: None, ..shown(&ids[0], "a") };
    assert_eq!(store.claim_exposures(std::slice::from_ref(&without), patience).unwrap().len(), 1);
    assert_eq!(store.claim_exposures(&[without], patience).unwrap().len(), 1);
    assert_eq!(store.exposures().unwrap().len(), 4);
    assert_eq!(store.seen_by(&session_of("b")).unwrap().into_iter().collect::<Vec<_>>(), ids);
    assert!(store.seen_by(&session_of("c")).unwrap().is_empty());
    store.empty_context(&session_of("b"), patience).unwrap();
    assert!(store.seen_by(&session_of("b")).unwrap().is_empty());
    assert_eq!(store.seen_by(&session_of("a")).unwrap().len(), 1);
    assert_eq!(store.claim_exposures(&[shown(&ids[0], "b")], patience).unwrap(), ids);
    assert!(store.standing_lessons().unwrap().is_empty());
    store.record_standing("CLAUDE.md", &ids).unwrap();
    assert_eq!(store.standing_lessons().unwrap().len(), 1);
}
