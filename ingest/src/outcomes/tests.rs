//! Judging a store: whatever the order sessions come in, however often it is done, the verdicts are the
//! same; and what nobody can tell is not counted.

use cemem_core::event::{Actor, Event, EventKind, Session};
use cemem_core::exchange::from_line;
use cemem_core::store::{Batch, Decision};
use cemem_core::{Clock, Counters, Cursor, Verdict};
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const DAY: i64 = 86_400_000;

/// A store with one lesson that began to stand in a file on day 10.
fn store() -> (Store, LessonId) {
    let mut store = Store::open_in_memory(Clock::Fixed(NOW)).unwrap();
    let line = r#"{"rule":"Use pnpm, not npm","created":"2020-01-01"}"#;
    let lesson = from_line(line, "f", 1, Timestamp(0)).unwrap().lesson;
    let id = lesson.id.clone();
    let decision = Decision { lessons: &[lesson], verb: "import", note: "" };
    store.put_decisions(&[decision], "test").unwrap();
    let stands = Exposure {
        lesson: id.clone(),
        ts: Timestamp(10 * DAY),
        until: Some(Timestamp(20 * DAY)),
        channel: Channel::Sync,
        session: None,
        place: "AGENTS.md".into(),
        rank: 0,
    };
    store.record_exposures(&[stands]).unwrap();
    (store, id)
}

/// A session that begins on a day with a prompt and runs these commands.
fn talk(name: &str, day: i64, lines: &[&str]) -> Batch {
    let start = day * DAY + 1;
    let prompt = EventKind::UserPrompt { text: "go on".into(), steering: false };
    let calls = lines.iter().enumerate().map(|(n, line)| EventKind::ToolCall {
        call_id: n.to_string(),
        name: "Bash".into(),
        files: Vec::new(),
        command: Some((*line).to_owned()),
        detail: String::new(),
    });
    let events = std::iter::once(prompt).chain(calls).enumerate().map(|(n, kind)| Event {
        key: format!("{name}-{n}"),
        row_id: n.to_string(),
        ts: Some(Timestamp(start + n as i64)),
        actor: if n == 0 { Actor::User } else { Actor::Agent },
        kind,
        cwd: None,
        branch: None,
        offset: 0,
        len: 0,
    });
    let session = Session {
        engine: "t".into(),
        id: name.to_owned(),
        started: Some(Timestamp(start)),
        ended: Some(Timestamp(start + lines.len() as i64)),
        ..Session::default()
    };
    let cursor = Cursor { path: format!("{name}.jsonl"), ..Cursor::default() };
    Batch { cursor, sessions: vec![(session, events.collect())] }
}

fn counters(store: &Store, id: &LessonId) -> Counters {
    store.counters().unwrap()[id]
}

#[test]
fn only_new_sessions_are_judged_and_nothing_is_read_twice() {
    let (mut store, id) = store();
    store.append(&[talk("a", 12, &["pnpm add x"]), talk("b", 13, &["ls"])]).unwrap();
    assert_eq!(judge(&mut store).unwrap(), Judged { sessions: 2, changed: true });
    assert_eq!(judge(&mut store).unwrap(), Judged::default());
    let more = talk("a", 12, &["pnpm add x", "npm install"]);
    store.append(&[more]).unwrap();
    assert_eq!(judge(&mut store).unwrap(), Judged { sessions: 1, changed: true });
    let c = counters(&store, &id);
    assert_eq!((c.heeded, c.violated, c.recurred), (0, 1, 0), "the session replaced its word");
}

#[test]
fn a_showing_that_names_a_session_and_a_rule_that_changes_are_looked_at_again() {
    let (mut store, id) = store();
    store.append(&[talk("early", 1, &["npm ci"]), talk("seen", 12, &["npm ci"])]).unwrap();
    judge(&mut store).unwrap();
    assert_eq!(counters(&store, &id).violated, 1);
    let shown = Exposure {
        lesson: id.clone(),
        ts: Timestamp(DAY),
        until: None,
        channel: Channel::Hook,
        session: Some(SessionRef { engine: "t".into(), id: "early".into() }),
        place: String::new(),
        rank: 0,
    };
    store.record_exposures(&[shown]).unwrap();
    assert_eq!(judge(&mut store).unwrap(), Judged { sessions: 1, changed: true });
    assert_eq!(counters(&store, &id).violated, 2);
    let mut lesson = store.lesson(&id).unwrap().unwrap();
    lesson.rule = "Prefer small functions.".into();
    store.update_lesson(&lesson, "user", "edit").unwrap();
    assert_eq!(judge(&mut store).unwrap(), Judged { sessions: 2, changed: true });
    assert_eq!(counters(&store, &id).violated, 0, "nobody can tell any more");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn order_and_repetition_change_nothing(
        days in proptest::collection::vec((0_i64..30, 0_usize..4), 1..7),
        order in any::<prop::sample::Index>(),
        steps in 1_usize..4,
    ) {
        const LINES: [&str; 4] = ["pnpm add x", "npm install x", "ls", "npm --version"];
        let talks: Vec<Batch> = days
            .iter()
            .enumerate()
            .map(|(n, (day, line))| talk(&format!("s{n}"), *day, &[LINES[*line]]))
            .collect();
        let (mut at_once, id) = store();
        at_once.append(&talks).unwrap();
        judge(&mut at_once).unwrap();
        let (mut in_steps, _) = store();
        let mut turned = talks.clone();
        turned.rotate_left(order.index(talks.len()));
        turned.reverse();
        for part in turned.chunks(steps) {
            in_steps.append(part).unwrap();
            judge(&mut in_steps).unwrap();
            judge(&mut in_steps).unwrap();
        }
        prop_assert_eq!(at_once.outcomes().unwrap(), in_steps.outcomes().unwrap());
        // Counted by hand: who began while it stood, and did what can be told.
        let seen = |line: usize| {
            days.iter().filter(|(day, l)| (10..20).contains(day) && *l == line).count() as u64
        };
        let c = counters(&at_once, &id);
        prop_assert_eq!((c.heeded, c.violated, c.recurred), (seen(0), seen(1), 0));
        prop_assert_eq!((c.shown, c.helped, c.harmed), (1, 0, 0));
        prop_assert!(at_once.outcomes().unwrap().iter().all(|o| o.verdict != Verdict::Helped));
    }
}
