//! Pictures of the terminal queue.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::super::app::tests::app;
use super::super::near::Near;
use super::super::queue::tests::waiting;
use super::*;

fn picture(app: &mut App, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app, Look { colour: false })).unwrap();
    terminal.backend().to_string()
}

fn press(app: &mut App, keys: &str) {
    for c in keys.chars() {
        app.key(KeyEvent::from(KeyCode::Char(c)));
    }
}

#[test]
fn a_contradiction_shows_both_sides() {
    insta::assert_snapshot!("contradiction_80x24", picture(&mut app(), 80, 24));
    insta::assert_snapshot!("contradiction_40x10", picture(&mut app(), 40, 10));
}

#[test]
fn prompts_leave_room_for_the_lesson() {
    let mut asked = app();
    press(&mut asked, "nr");
    insta::assert_snapshot!("reject_80x24", picture(&mut asked, 80, 24));
    insta::assert_snapshot!("reject_40x10", picture(&mut asked, 40, 10));
    let mut merge = app();
    let near = |n: usize| Near { lesson: app().items[n].lesson.clone(), score: 0.5 };
    merge.mode = Mode::Merge { near: vec![near(1), near(2)], at: 1 };
    insta::assert_snapshot!("merge_80x24", picture(&mut merge, 80, 24));
    let mut filter = app();
    press(&mut filter, "f");
    insta::assert_snapshot!("filter_80x24", picture(&mut filter, 80, 24));
    let mut help = app();
    press(&mut help, "?");
    insta::assert_snapshot!("help_80x24", picture(&mut help, 80, 24));
}

#[test]
fn the_end_says_what_lies_behind() {
    let mut end = app();
    end.items.drain(..3);
    (end.tally.accepted, end.snoozed) = (2, 1);
    insta::assert_snapshot!("end_80x24", picture(&mut end, 80, 24));
}

#[test]
fn no_text_of_a_lesson_breaks_the_picture() {
    let mut item =
        waiting("L-aaaaaa", "日本語のルール\u{1b}[2J\u{202e}は長いので折り返します。", 0.6);
    item.lesson.evidence[0].quote = "行\n\r\t\u{7}終わり ".repeat(60);
    item.lesson.evidence[0].actor = "us\u{1b}er".into();
    item.lesson.why = Some("なぜ\u{0}".repeat(40));
    item.lesson.body = Some("# 体\n\u{1b}]0;x\u{7}\tend".into());
    let mut app = app();
    app.items = vec![item];
    press(&mut app, "v");
    for (width, height) in [(80, 24), (40, 10), (20, 5), (1, 1), (200, 60)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, &mut app, Look { colour: true })).unwrap();
        let buffer = terminal.backend().buffer();
        for cell in buffer.content() {
            let bad = cell.symbol().chars().any(|c| c.is_control() || c == '\u{202e}');
            assert!(!bad, "{:?} at {width}x{height}", cell.symbol());
        }
    }
    insta::assert_snapshot!("wide_40x10", picture(&mut app, 40, 10));
}

#[test]
fn colour_is_used_only_where_it_is_wanted() {
    let colours = |colour| {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| draw(frame, &mut app(), Look { colour })).unwrap();
        let buffer = terminal.backend().buffer().clone();
        buffer.content().iter().filter(|cell| cell.fg != Color::Reset).count()
    };
    assert!(colours(true) > 0);
    assert_eq!(colours(false), 0);
}

#[test]
fn scrolling_ends_at_the_last_line() {
    let mut long = app();
    long.items[0].lesson.evidence[0].quote = "a b c d e f g h ".repeat(300);
    press(&mut long, "v");
    for _ in 0..500 {
        press(&mut long, "j");
    }
    let shown = picture(&mut long, 40, 10);
    assert!(shown.contains("k1") || shown.contains("row u1"), "{shown}");
    assert!(!shown.contains("more lines"), "{shown}");
    let bottom = long.scroll;
    press(&mut long, "k");
    picture(&mut long, 40, 10);
    assert_eq!(long.scroll, bottom - 1);
}
