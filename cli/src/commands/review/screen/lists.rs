//! What stands in a lesson's place: the end of the queue, lists to choose from, help.
//!
//! Owns their words. Must not know which keys lead there beyond naming them.

use ratatui::style::Style;
use ratatui::text::Line;

use super::super::app::{App, Choice};
use super::super::near::Near;
use super::super::text::{self, wrap};
use super::Look;
use crate::ui::one_line;

pub(super) fn nothing(app: &App, look: Look, width: usize) -> Vec<Line<'static>> {
    let t = app.tally;
    let mut out = vec!["Nothing is left here.".to_owned(), String::new()];
    if t.total() > 0 {
        out.push(format!(
            "Decided: {} accepted, {} rejected, {} merged, {} put off.",
            t.accepted, t.rejected, t.merged, t.snoozed
        ));
    }
    if app.behind() > 0 {
        out.push(format!(
            "{} weak ones lie behind: seen once, in words that look like the day's work. They come \
             forward by themselves when they are said again; w shows them.",
            app.behind()
        ));
    }
    if app.snoozed > 0 {
        out.push(format!("{} are put off.", app.snoozed));
    }
    let lines = out.iter().flat_map(|line| wrap(line, width, ""));
    lines
        .enumerate()
        .map(|(n, l)| if n == 0 { Line::styled(l, look.bold()) } else { l.into() })
        .collect()
}

pub(super) fn merge(
    near: &[Near],
    at: usize,
    look: Look,
    width: usize,
) -> (Vec<Line<'static>>, Option<usize>) {
    let mut lines =
        vec![Line::styled("Which one says the same? It takes the evidence.", look.bold())];
    let mut chosen = 0;
    for (n, Near { lesson, score }) in near.iter().enumerate() {
        if n == at {
            chosen = lines.len();
        }
        let head = format!(
            "{} {} {} · {} · {:.0} %",
            n + 1,
            lesson.id,
            lesson.lesson_type,
            lesson.status,
            score * 100.0
        );
        let style = if n == at { look.chosen() } else { look.dim() };
        lines.push(Line::styled(text::fit(&head, width), style));
        let rule = wrap(&one_line(&lesson.rule), width, "  ");
        let most = if n == at { rule.len() } else { 2 };
        lines.extend(rule.into_iter().take(most).map(Line::from));
    }
    (lines, Some(chosen))
}

pub(super) fn filter(app: &App, at: usize, look: Look) -> (Vec<Line<'static>>, Option<usize>) {
    let mut lines = Vec::new();
    let mut chosen = 0;
    for (n, (choice, count, on)) in app.choices().into_iter().enumerate() {
        let (kind, name) = match choice {
            Choice::Type(t) => ("type", t.as_str()),
            Choice::Signal(s) => ("found as", s.as_str()),
        };
        let mark = if on { "x" } else { " " };
        let line = format!("[{mark}] {kind:<8} {:<18} {count:>4}", name.replace('_', " "));
        if n == at {
            chosen = lines.len();
        }
        lines.push(Line::styled(line, if n == at { look.chosen() } else { Style::new() }));
    }
    (lines, Some(chosen))
}

pub(super) fn help(width: usize) -> Vec<Line<'static>> {
    const HELP: [(&str, &str); 13] = [
        (
            "a",
            "accept: it is delivered from now on; where others say the opposite, asks what becomes of \
               them",
        ),
        ("e", "edit in $VISUAL or $EDITOR, then accept in those words"),
        ("m", "merge with another lesson that says the same: that one takes the evidence"),
        ("r", "reject, with a reason: it does not come back, in other words neither"),
        ("s", "snooze: put off for some days, or until new evidence arrives"),
        ("u", "undo the last decision, again and again"),
        ("n p", "next and back without deciding (also → ←)"),
        ("v", "all evidence, in full, with where it stands; again: less"),
        ("↓ ↑", "scroll (also j k, Space b, PgDn PgUp)"),
        ("f", "filter by type, or by how it was found"),
        ("w", "the weak ones too: seen once, in words that look like the day's work"),
        ("q", "quit (also Ctrl-C): every decision is written already"),
        (
            "",
            "The order: contradictions first, then what is most likely right, seen most often, and said \
              by people. What reads like an attack comes last.",
        ),
    ];
    HELP.iter()
        .flat_map(|(key, does)| {
            let indent = if key.is_empty() { "" } else { "     " };
            let mut lines = wrap(does, width, indent);
            if !key.is_empty() {
                lines[0].replace_range(..5, &format!("{key:<5}"));
            }
            lines
        })
        .map(Line::from)
        .collect()
}
