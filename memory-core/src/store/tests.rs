//! Tests of the store as a whole: append, candidates, plans, undo, concurrent writers.

use std::collections::HashSet;

use super::{
    Batch, CandidateFilter, Decision, LessonFilter, SessionRef, Store, StoreError, Unsettled,
};
use crate::candidate::{Candidate, Signal};
use crate::clock::Clock;
use crate::clock::Timestamp;
use crate::cursor::Cursor;
use crate::event::{Actor, Event, EventKind, Session};
use crate::exchange::from_line;
use crate::id::CandidateKey;
use crate::lesson::{Anchor, AppliesWhen, Evidence, LessonType, Trust};
use crate::lesson::{Lesson, LessonStatus};
use crate::outcome::{Channel, Exposure};
use crate::plan::{Action, Change, Plan};

const NOW: Clock = Clock::Fixed(Timestamp(1_700_000_000_000));

fn event(key: &str, ts: Option<i64>, text: &str) -> Event {
    Event {
        key: key.into(),
        row_id: key.into(),
        ts: ts.map(Timestamp),
        actor: Actor::User,
        kind: EventKind::UserPrompt { text: text.into(), steering: false },
        cwd: None,
        branch: None,
        offset: 0,
        len: 1,
    }
}

fn batch(path: &str, session: &str, events: Vec<Event>) -> Batch {
    let cursor = Cursor { path: path.into(), format: "t".into(), offset: 9, ..Cursor::default() };
    let session = Session { engine: "t".into(), id: session.into(), ..Session::default() };
    Batch { cursor, sessions: vec![(session, events)] }
}

fn session(id: &str) -> SessionRef {
    SessionRef { engine: "t".into(), id: id.into() }
}

fn candidate(key: &str, rule: &str) -> Candidate {
    Candidate {
        key: CandidateKey(key.into()),
        signal: Signal::Correction,
        lesson_type: LessonType::Convention,
        title: rule.into(),
        rule: rule.into(),
        why: None,
        body: None,
        applies_when: AppliesWhen::default(),
        anchors: vec![],
        trust: Trust::User,
        correction: 0.9,
        durable: 0.9,
        evidence: vec![Evidence {
            engine: "t".into(),
            session: "s".into(),
            source_path: "f".into(),
            event_uuid: "1".into(),
            event_key: "1".into(),
            turn_ts: None,
            actor: "user".into(),
            quote: rule.into(),
        }],
        extra: serde_json::Value::Null,
    }
}

fn lesson(rule: &str) -> Lesson {
    from_line(&format!(r#"{{"rule":"{rule}"}}"#), "f", 1, Timestamp(0)).unwrap().lesson
}

#[test]
fn what_merely_waits_is_not_withheld() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    for status in LessonStatus::ALL {
        let lesson = Lesson { status: *status, ..lesson(&format!("Is {status}.")) };
        store.put_lessons(&[lesson], "user", "import", "").unwrap();
    }
    let mut withheld = store.withheld_rules().unwrap();
    withheld.sort();
    assert_eq!(withheld, ["Is quarantined.", "Is retired.", "Is superseded."]);
}

#[test]
fn appending_twice_adds_nothing() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let first = batch("f", "s", vec![event("a", Some(5), "x"), event("b", None, "y")]);
    assert_eq!(store.append(std::slice::from_ref(&first)).unwrap().events, 2);
    let again = store.append(&[first]).unwrap();
    assert_eq!((again.events, again.duplicates), (0, 2));
    // A copy of the row in another file of another session is the same event.
    let copy = store.append(&[batch("g", "fork", vec![event("a", Some(5), "x")])]).unwrap();
    assert_eq!(copy.events, 0);
    assert_eq!(store.cursor("f").unwrap().unwrap().offset, 9);
    assert_eq!(store.dirty_sessions().unwrap(), [session("s")]);
}

#[test]
fn events_come_back_in_order_of_time_and_whole() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let late = batch("sub", "s", vec![event("c", Some(7), "mid")]);
    let main =
        vec![event("a", Some(5), "x"), event("u", None, "undated"), event("b", Some(9), "y")];
    store.append(&[batch("f", "s", main.clone()), late]).unwrap();
    let stored = store.session_events(&session("s")).unwrap();
    let keys: Vec<_> = stored.iter().map(|e| e.event.key.as_str()).collect();
    assert_eq!(keys, ["a", "u", "c", "b"]);
    assert_eq!(stored[0].event, main[0]);
    assert_eq!(&*stored[2].source_path, "sub");
}

#[test]
fn extraction_is_repeatable() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    store.append(&[batch("f", "s", vec![event("a", None, "x")])]).unwrap();
    let found = vec![(session("s"), vec![candidate("k1", "one"), candidate("k2", "two")])];
    assert_eq!(store.replace_candidates(&found, 1).unwrap().added, 2);
    assert!(store.dirty_sessions().unwrap().is_empty());
    let revision = store.revision().unwrap();
    assert_eq!(store.replace_candidates(&found, 1).unwrap(), Default::default());
    assert_eq!(store.revision().unwrap(), revision);
    let less = vec![(session("s"), vec![candidate("k1", "one, better")])];
    let delta = store.replace_candidates(&less, 1).unwrap();
    assert_eq!((delta.changed, delta.gone), (1, 1));
    assert_eq!(store.candidates(CandidateFilter::Live).unwrap().len(), 1);
    assert_eq!(store.candidates(CandidateFilter::All).unwrap().len(), 2);
}

#[test]
fn events_that_arrive_during_an_extraction_wait_for_the_next_one() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    store.append(&[batch("f", "s", vec![event("a", None, "x")])]).unwrap();
    let seen = store.last_event().unwrap();
    store.append(&[batch("f", "s", vec![event("b", None, "y")])]).unwrap();
    store.append(&[batch("g", "other", vec![event("c", None, "z")])]).unwrap();
    let late = store.last_event().unwrap();
    assert!(late > seen);

    // Someone quicker has already seen it all.
    let whole = vec![(session("s"), vec![candidate("k1", "one"), candidate("k2", "two")])];
    assert_eq!(store.replace_candidates(&whole, late).unwrap().added, 2);
    assert_eq!(store.dirty_sessions().unwrap(), [session("other")]);
    let outdated = vec![(session("s"), vec![candidate("k1", "one")])];
    assert_eq!(store.replace_candidates(&outdated, seen).unwrap(), Default::default());
    assert_eq!(store.candidates(CandidateFilter::Live).unwrap().len(), 2);

    let other = vec![(session("other"), vec![])];
    store.replace_candidates(&other, seen).unwrap();
    assert_eq!(store.dirty_sessions().unwrap(), [session("other")]);
    store.replace_candidates(&other, late).unwrap();
    assert!(store.dirty_sessions().unwrap().is_empty());
}

#[test]
fn a_plan_is_applied_once_and_undone_whole() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    store.append(&[batch("f", "s", vec![event("a", None, "x")])]).unwrap();
    let found = vec![(session("s"), vec![candidate("k1", "one"), candidate("k2", "two")])];
    store.replace_candidates(&found, 1).unwrap();
    let made = lesson("one");
    let plan = Plan {
        actions: vec![
            Action::Create {
                lesson: Box::new(made.clone()),
                candidates: vec![CandidateKey("k1".into())],
            },
            Action::Drop { candidate: CandidateKey("k2".into()), reason: "one-off".into() },
        ],
    };
    let at = store.revision().unwrap();
    let applied = store.apply(&plan, at, "pass").unwrap();
    assert_eq!((applied.created, applied.dropped), (1, 1));
    assert!(matches!(store.apply(&plan, at, "pass"), Err(StoreError::Conflict)));
    assert!(store.candidates(CandidateFilter::New).unwrap().is_empty());

    let edited = Lesson { title: "better".into(), ..made.clone() };
    store.update_lesson(&edited, "user", "edit").unwrap();
    assert!(matches!(store.undo(Some(applied.op), "user"), Err(StoreError::CannotUndo(_))));
    store.undo(None, "user").unwrap();
    assert_eq!(store.lesson(&made.id).unwrap().unwrap(), made);
    store.undo(None, "user").unwrap();
    assert_eq!(store.lesson(&made.id).unwrap().unwrap().status, LessonStatus::Retired);
    assert!(matches!(store.undo(None, "user"), Err(StoreError::CannotUndo(_))));
    assert_eq!(store.history(&made.id).unwrap().len(), 4);
}

#[test]
fn what_a_pass_has_not_looked_at_is_known_by_name() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    store.append(&[batch("f", "s", vec![event("a", None, "x")])]).unwrap();
    let found = vec![(session("s"), vec![candidate("k1", "one"), candidate("k2", "two")])];
    store.replace_candidates(&found, 1).unwrap();
    let keys = |seen: &Unsettled| seen.candidates.iter().map(|k| k.0.clone()).collect::<Vec<_>>();
    let seen = store.unsettled().unwrap();
    assert_eq!((keys(&seen), seen.len(), &seen.stamp), (vec!["k1".into(), "k2".into()], 2, &None));

    // What is shown meanwhile does not make the plan a wrong one, and is not taken for looked at.
    let made = lesson("one");
    store.put_lessons(std::slice::from_ref(&made), "user", "remember", "").unwrap();
    let seen = store.unsettled().unwrap();
    store.record_exposures(&[shown(&made)]).unwrap();
    let plan = Plan {
        actions: vec![Action::Drop { candidate: CandidateKey("k2".into()), reason: "x".into() }],
    };
    let (applied, stamp) = store.settle(&plan, &seen, "code", "pass", 0).unwrap();
    assert_eq!(applied.dropped, 1);
    let left = store.unsettled().unwrap();
    assert_eq!((keys(&left), left.lessons.len()), (vec!["k2".into()], 1), "changed and shown");
    assert!(stamp.ends_with(" code") && left.stamp.as_ref() == Some(&stamp));

    // Of two passes that saw the same, one has to look again.
    let (_, next) = store.settle(&Plan::default(), &left, "code", "pass", 0).unwrap();
    assert_ne!(next, stamp);
    assert!(store.unsettled().unwrap().is_empty());
    let again = store.settle(&Plan::default(), &left, "code", "pass", 0);
    assert!(matches!(again, Err(StoreError::Conflict)));

    // The same content again is no change.
    store.replace_candidates(&found, 1).unwrap();
    assert!(store.unsettled().unwrap().is_empty());
    store.replace_candidates(&[(session("s"), vec![candidate("k1", "one")])], 1).unwrap();
    assert_eq!(keys(&store.unsettled().unwrap()), ["k2"], "it is gone");
    let some = store.candidates_with(&[CandidateKey("k2".into()), CandidateKey("no".into())]);
    assert_eq!(some.unwrap().len(), 1);
    assert_eq!(store.candidates_in(&[session("s"), session("no")]).unwrap().len(), 2);
}

fn shown(lesson: &Lesson) -> Exposure {
    Exposure {
        lesson: lesson.id.clone(),
        ts: Timestamp(1),
        until: None,
        channel: Channel::Recall,
        session: None,
        place: "a question".into(),
        rank: 0,
    }
}

#[test]
fn what_goes_on_with_a_change_is_undone_with_it() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let mut made = lesson("one");
    made.reviewed = false;
    let create = Action::Create { lesson: Box::new(made.clone()), candidates: Vec::new() };
    let first = store.apply(&Plan { actions: vec![create] }, 0, "pass").unwrap();
    let update = |confidence| Plan {
        actions: vec![Action::Update {
            lesson: Box::new(Lesson { confidence, ..made.clone() }),
            candidates: Vec::new(),
            change: Change::Reinforce,
        }],
    };
    let at = store.revision().unwrap();
    let more = store.apply_after(&update(0.9), at, "pass", first.op).unwrap();
    assert_eq!(more.op, first.op);
    let undone = store.undo(None, "user").unwrap();
    assert_eq!((undone.op, undone.lessons.len()), (first.op, 1));
    assert_eq!(store.lesson(&made.id).unwrap().unwrap().status, LessonStatus::Retired);

    // Somebody else's change came between: undoing must not take that back too.
    let at = store.revision().unwrap();
    let apart = store.apply_after(&update(0.8), at, "pass", first.op).unwrap();
    assert!(apart.op > first.op);
}

/// Applies one change of what is known about the code.
fn look(store: &mut Store, lesson: &Lesson, change: Change) -> i64 {
    let action =
        Action::Update { lesson: Box::new(lesson.clone()), candidates: Vec::new(), change };
    let at = store.revision().unwrap();
    store.apply(&Plan { actions: vec![action] }, at, "code").unwrap().op
}

#[test]
fn looks_at_the_code_do_not_stand_in_the_way_of_undo() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let mut made = lesson("one");
    made.reviewed = false;
    made.applies_when.paths = vec!["a.rs".into()];
    made.anchors = vec![Anchor::at("a.rs")];
    let create = Action::Create { lesson: Box::new(made.clone()), candidates: Vec::new() };
    store.apply(&Plan { actions: vec![create] }, 0, "pass").unwrap();
    let mut seen = made.clone();
    seen.anchors =
        vec![Anchor { was: Some("a.rs".into()), blob_sha: Some("1".into()), ..Anchor::at("b.rs") }];
    seen.applies_when.paths = vec!["b.rs".into()];
    let took_note = look(&mut store, &seen, Change::Anchor("moved".into()));
    let stale = Lesson { status: LessonStatus::Stale, ..seen.clone() };
    let went_stale = look(&mut store, &stale, Change::Drift("b.rs has changed".into()));
    let rows = store.history(&made.id).unwrap();
    let verbs: Vec<_> = rows.iter().map(|r| r.verb.as_str()).collect();
    assert_eq!(verbs, ["create", "anchor", "drift"]);

    // That it went stale is a change a person sees, and taking it back is a decision.
    let undone = store.undo(None, "user").unwrap();
    assert_eq!(undone.op, went_stale);
    let now = store.lesson(&made.id).unwrap().unwrap();
    assert_eq!(now, Lesson { reviewed: true, ..seen.clone() });
    store.undo(Some(undone.by), "user").unwrap();
    // What was only noted is passed over, unless it is named.
    store.update_lesson(&Lesson { reviewed: false, ..stale.clone() }, "user", "edit").unwrap();
    store.undo(None, "user").unwrap();
    assert!(store.undo(Some(took_note), "user").is_ok());
}

#[test]
fn a_note_is_kept_until_it_is_replaced() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    assert_eq!(store.note("head").unwrap(), None);
    store.set_note("head", "1").unwrap();
    store.set_note("head", "2").unwrap();
    assert_eq!(store.note("head").unwrap().as_deref(), Some("2"));
    assert_eq!(store.revision().unwrap(), 0);
}

#[test]
fn the_change_feed_gives_each_lesson_once() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let (a, b) = (
        store.remember(lesson("one"), false).unwrap(),
        store.remember(lesson("two"), false).unwrap(),
    );
    let seen = store.lesson_seq().unwrap();
    store
        .update_lesson(&Lesson { status: LessonStatus::Retired, ..a.clone() }, "user", "retire")
        .unwrap();
    let changes = store.lesson_changes(seen).unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].lesson.id, a.id);
    assert_eq!(store.lesson_changes(0).unwrap().len(), 2);
    assert_eq!(store.resolve_id(&b.id.as_str()[2..5]).unwrap(), b.id);
    assert!(matches!(store.resolve_id("L-"), Err(StoreError::NoSuchLesson(_))));
    assert_eq!(store.lessons(&LessonFilter::default()).unwrap().len(), 2);
}

#[test]
fn remembering_again_reinforces() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let first = store.remember(lesson("Use tabs."), false).unwrap();
    let second = store.remember(lesson("use  tabs."), false).unwrap();
    assert_eq!(first.id, second.id);
    assert_eq!(store.lesson_changes(0).unwrap().len(), 1);
    let bare = Lesson { evidence: vec![], ..lesson("x") };
    assert!(matches!(store.remember(bare, false), Err(StoreError::NoEvidence(_))));
}

#[test]
fn remembering_again_loses_nothing_that_was_there() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let first = Lesson {
        lesson_type: LessonType::Preference,
        why: Some("Everyone does.".into()),
        ..lesson("Use tabs.")
    };
    store.remember(first, true).unwrap();
    let again = store.remember(lesson("Use tabs."), false).unwrap();
    assert_eq!(again.lesson_type, LessonType::Preference);
    assert_eq!(again.why.as_deref(), Some("Everyone does."));
    let reasoned = Lesson { why: Some("The linter.".into()), ..lesson("Use tabs.") };
    let typed = store.remember(reasoned, true).unwrap();
    assert_eq!((typed.lesson_type, typed.why.as_deref()), (LessonType::Fact, Some("The linter.")));

    // The same first paragraph with other text after it is another lesson.
    let long = |body: &str| Lesson { body: Some(body.into()), ..lesson("Use tabs.") };
    let ids: HashSet<_> = ["Use tabs.\n\nIn Makefiles.", "Use tabs.\n\nIn Go."]
        .map(|body| (body, store.remember(long(body), false).unwrap()))
        .into_iter()
        .map(|(body, lesson)| {
            assert_eq!(lesson.body.as_deref(), Some(body));
            lesson.id
        })
        .chain([again.id])
        .collect();
    assert_eq!(ids.len(), 3);
    let known = store.remember(long("Use tabs.\n\nIn Go."), false).unwrap();
    assert!(ids.contains(&known.id));
    assert_eq!(store.lessons(&LessonFilter::default()).unwrap().len(), 3);
}

#[test]
fn a_remembered_text_is_found_again_behind_another_lesson_with_its_id() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let first = store.remember(lesson("Use tabs."), false).unwrap();
    // Another lesson holds the short id: the text moves to a longer one, and is met there again.
    let other = Lesson { id: first.id.clone(), ..lesson("Something else.") };
    store.put_lessons(&[other], "user", "edit", "").unwrap();
    let second = store.remember(lesson("Use tabs."), false).unwrap();
    let third = store.remember(lesson("Use tabs."), false).unwrap();
    assert_eq!(second.id, third.id);
    assert_ne!(first.id, second.id);
}

#[test]
fn decisions_go_in_together_and_are_undone_together() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let yes = store.remember(lesson("one"), false).unwrap();
    let no = store.remember(lesson("two"), false).unwrap();
    let retired = Lesson { status: LessonStatus::Retired, ..no.clone() };
    let accepted = Lesson { confidence: 1.0, ..yes.clone() };
    let decisions = [
        Decision { lessons: &[accepted], verb: "accept", note: "" },
        Decision { lessons: &[retired], verb: "reject", note: "a one-off" },
    ];
    store.put_decisions(&decisions, "user").unwrap();
    let log = store.log(2).unwrap();
    assert_eq!((log[0].verb.as_str(), log[1].verb.as_str()), ("reject", "accept"));
    assert_eq!(log[0].op, log[1].op);
    store.undo(None, "user").unwrap();
    assert_eq!(store.lesson(&no.id).unwrap().unwrap(), no);
    assert_eq!(store.lesson(&yes.id).unwrap().unwrap(), yes);
}

#[test]
fn an_undo_can_be_undone_by_its_number() {
    let mut store = Store::open_in_memory(NOW).unwrap();
    let made = store.remember(lesson("one"), false).unwrap();
    let edited = Lesson { title: "better".into(), ..made.clone() };
    store.update_lesson(&edited, "user", "edit").unwrap();
    let now = |store: &Store| store.lesson(&made.id).unwrap().unwrap();
    let edited = now(&store);

    let undone = store.undo(None, "user").unwrap();
    assert_eq!((undone.op, undone.by, undone.redone), (2, 3, false));
    assert_eq!(now(&store), made);
    let again = store.undo(Some(2), "user").unwrap_err();
    assert!(again.to_string().contains("already undone by change 3"), "{again}");
    let redone = store.undo(Some(3), "user").unwrap();
    assert_eq!((redone.op, redone.by, redone.redone), (3, 4, true));
    assert_eq!(now(&store), edited);
    let twice = store.undo(Some(3), "user").unwrap_err();
    assert!(twice.to_string().contains("already undone by change 4"), "{twice}");

    // The plain undo goes on from what holds now: the redo, then what came before the edit.
    assert_eq!(store.undo(None, "user").unwrap().op, 4);
    assert_eq!(now(&store), made);
    assert_eq!(store.undo(None, "user").unwrap().op, 1);
    assert_eq!(now(&store).status, LessonStatus::Retired);
    let verbs: Vec<_> = store.history(&made.id).unwrap().into_iter().map(|r| r.verb).collect();
    assert_eq!(verbs, ["remember", "edit", "undo", "redo", "undo", "undo"]);
}

#[test]
fn ids_grow_on_collision() {
    let store = Store::open_in_memory(NOW).unwrap();
    let mut taken = HashSet::new();
    for _ in 0..4 {
        let id = store.fresh_id("seed", &taken).unwrap();
        assert!(taken.insert(id));
    }
}

/// Runs SQL on a store's file from outside.
fn meddle(path: &std::path::Path, sql: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn rows_that_cannot_be_decoded_are_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("memory.db");
    let mut store = Store::open(&path, NOW).unwrap();
    store.remember(lesson("one"), false).unwrap();
    store.verify_lessons().unwrap();
    for value in ["CAST(x'7bff7d' AS TEXT)", "7", "'{}'"] {
        meddle(&path, &format!("UPDATE lesson SET body = {value}"));
        let outcome = store.lessons(&LessonFilter::default());
        assert!(matches!(outcome, Err(StoreError::Corrupt { .. })), "{value}: {outcome:?}");
    }
}

#[test]
fn many_writers_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("memory.db");
    std::thread::scope(|s| {
        for writer in 0..4 {
            let path = path.clone();
            s.spawn(move || {
                let mut store = Store::open(&path, NOW).unwrap();
                for n in 0..25 {
                    store.remember(lesson(&format!("writer {writer} says {n}")), false).unwrap();
                }
            });
        }
    });
    let store = Store::open_read_only(&path, NOW).unwrap();
    assert_eq!(store.lessons(&LessonFilter::default()).unwrap().len(), 100);
    assert_eq!(store.lesson_seq().unwrap(), 100);
}
