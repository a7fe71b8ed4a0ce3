//! Tests of the terminal queue as a state.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::queue::tests::waiting;
use super::*;

pub(in crate::commands::review) fn app() -> App {
    let mut torn = waiting("L-aaaaaa", "Use tabs.", 0.6);
    torn.opposites = vec![waiting("L-bbbbbb", "Use spaces.", 0.55).lesson];
    let mut items = vec![
        torn,
        waiting("L-bbbbbb", "Use spaces.", 0.55),
        waiting("L-cccccc", "Pin the toolchain.", 0.52),
        waiting("L-dddddd", "Rename this.", 0.33),
    ];
    items[3].is_weak = true;
    App::new("tidepool".into(), Queue { items, snoozed: 0 }, Wanted::default())
}

fn press(app: &mut App, keys: &str) -> Effect {
    let mut effect = Effect::None;
    for c in keys.chars() {
        let code = match c {
            '⏎' => KeyCode::Enter,
            '⌫' => KeyCode::Backspace,
            '⎋' => KeyCode::Esc,
            '↓' => KeyCode::Down,
            c => KeyCode::Char(c),
        };
        effect = app.key(KeyEvent::from(code));
    }
    effect
}

fn id(text: &str) -> LessonId {
    LessonId(text.into())
}

/// What `session` does with a decision: the lesson no longer waits.
fn carry_out(app: &mut App, effect: &Effect, change: i64) {
    let Effect::Decide(id, verdict) = effect else { panic!("{effect:?} decides nothing") };
    let item = app.items.iter().find(|i| i.lesson.id == *id).unwrap();
    let mut lesson = item.lesson.clone();
    lesson.status = cemem_core::LessonStatus::Active;
    app.decided(id, verdict.verb(), &Decided { change, lessons: vec![lesson] });
}

#[test]
fn single_keys_ask_for_decisions() {
    for (keys, verdict) in [
        ("na", Verdict::Accept),
        ("nr1", Verdict::Reject("about the task at hand only".into())),
        ("nrtnot  now⌫⌫⌫it⏎", Verdict::Reject("not  it".into())),
        ("nsw", Verdict::Snooze(7)),
        ("ns15⌫4⏎", Verdict::Snooze(14)),
        ("ns0⏎⌫3⏎", Verdict::Snooze(3)),
    ] {
        assert_eq!(press(&mut app(), keys), Effect::Decide(id("L-bbbbbb"), verdict), "{keys}");
    }
    assert_eq!(press(&mut app(), "e"), Effect::Edit(id("L-aaaaaa")));
    assert_eq!(press(&mut app(), "nnm"), Effect::FindNear(id("L-cccccc")));
    for keys in ["q", "nr⎋q", "⎋⎋q"] {
        assert_eq!(press(&mut app(), keys), Effect::Quit, "{keys}");
    }
    let mut app = app();
    assert_eq!(app.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Effect::Quit);
}

#[test]
fn who_accepts_one_side_of_a_contradiction_is_asked_about_the_other() {
    let mut app = app();
    assert_eq!(press(&mut app, "a"), Effect::None);
    assert_eq!(app.mode, Mode::Opposite);
    let replace = Verdict::Replace(vec![id("L-bbbbbb")]);
    assert_eq!(press(&mut app, "x"), Effect::Decide(id("L-aaaaaa"), replace));
    assert_eq!(press(&mut app, "ak"), Effect::Decide(id("L-aaaaaa"), Verdict::Accept));
    assert_eq!(press(&mut app, "a⎋"), Effect::None);
    assert_eq!(app.mode, Mode::Browse);
}

#[test]
fn decisions_move_on_and_are_taken_back_one_by_one() {
    let mut app = app();
    let effect = press(&mut app, "na");
    carry_out(&mut app, &effect, 7);
    assert_eq!(app.item().unwrap().lesson.id, id("L-cccccc"));
    let effect = press(&mut app, "r2");
    carry_out(&mut app, &effect, 8);
    assert_eq!((app.tally.accepted, app.tally.rejected), (1, 1));
    assert_eq!(press(&mut app, "u"), Effect::Undo(8));
    let back = app.last_item().unwrap().clone();
    app.undone(vec![back]);
    assert_eq!(app.item().unwrap().lesson.id, id("L-cccccc"));
    assert_eq!(press(&mut app, "u"), Effect::Undo(7));
    let back = app.last_item().unwrap().clone();
    app.undone(vec![back]);
    assert_eq!((app.tally, app.at, app.items.len()), (Tally::default(), 1, 4));
    assert_eq!(press(&mut app, "u"), Effect::None);
    assert!(app.said.contains("nothing was decided"), "{}", app.said);
}

#[test]
fn what_a_decision_did_to_others_is_taken_in() {
    let mut app = app();
    let mut both = [app.items[0].lesson.clone(), app.items[1].lesson.clone()];
    both[0].status = cemem_core::LessonStatus::Active;
    both[1].status = cemem_core::LessonStatus::Superseded;
    app.decided(&id("L-aaaaaa"), "accept", &Decided { change: 1, lessons: both.to_vec() });
    let left: Vec<_> = app.items.iter().map(|i| i.lesson.id.as_str()).collect();
    assert_eq!(left, ["L-cccccc", "L-dddddd"]);
}

#[test]
fn weak_ones_and_filters_change_what_is_shown() {
    let mut app = app();
    assert_eq!((app.shown().len(), app.behind()), (3, 1));
    press(&mut app, "w");
    assert_eq!((app.shown().len(), app.behind()), (4, 0));
    app.items[2].lesson.lesson_type = LessonType::Decision;
    press(&mut app, "f ");
    assert_eq!(app.shown().len(), 1, "{:?}", app.wanted);
    press(&mut app, "c⎋");
    assert_eq!((app.shown().len(), app.mode.clone()), (4, Mode::Browse));
    press(&mut app, "nnnnnnn");
    assert_eq!(app.at, 3);
    assert!(app.said.contains("last"), "{}", app.said);
}

#[test]
fn a_number_points_and_enter_merges() {
    let mut app = app();
    let near = |n: usize| Near { lesson: app_lesson(n), score: 0.5 };
    app.mode = Mode::Merge { near: vec![near(1), near(2)], at: 0 };
    assert_eq!(press(&mut app, "9"), Effect::None);
    assert_eq!(
        press(&mut app, "⏎"),
        Effect::Decide(id("L-aaaaaa"), Verdict::Merge(id("L-cccccc")))
    );
}

fn app_lesson(n: usize) -> Lesson {
    app().items[n].lesson.clone()
}

#[test]
fn a_paste_decides_nothing() {
    let mut app = app();
    app.paste("aaaa\nq\n");
    assert_eq!((app.tally.total(), app.items.len()), (0, 4));
    press(&mut app, "rt");
    app.paste("said\n\u{1b}[2Jelsewhere");
    assert_eq!(app.mode, Mode::RejectWords("said [2Jelsewhere".into()));
}
