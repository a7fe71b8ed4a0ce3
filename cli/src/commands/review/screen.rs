//! How the terminal queue looks.
//!
//! Owns the layout, from 40 by 10 characters up, and the words of every prompt. Pure: a state in, a
//! picture out. Every text of a lesson is escaped in `text` before it comes here.

mod lists;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::app::{App, DELAYS, Mode, REASONS};
use super::text::{self, wrap};
use crate::ui::one_line;

/// What the screen may use to set things apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Colours, where they are wanted; weight and shade always.
    pub(super) colour: bool,
}

impl Look {
    fn tint(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    pub(super) fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn head(self) -> Style {
        self.tint(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    pub(super) fn warn(self) -> Style {
        self.tint(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    fn key(self) -> Style {
        self.tint(Color::Green).add_modifier(Modifier::BOLD)
    }

    fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

/// Draws the state; brings its scroll position within bounds.
pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App, look: Look) {
    let area = frame.area();
    let width = usize::from(area.width);
    let mut foot = prompt(app, look, width);
    // The lesson keeps half the screen, whatever a prompt has to say.
    foot.truncate(usize::from(area.height / 2).max(1));
    let roomy = u16::from(area.height >= 16);
    let foot_height = u16::try_from(foot.len()).unwrap_or(1);
    let [head, line, body, line_below, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(roomy),
        Constraint::Min(1),
        Constraint::Length(roomy),
        Constraint::Length(foot_height),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(header(app, look, width)), head);
    for rule in [line, line_below] {
        frame.render_widget(Paragraph::new(Span::styled("─".repeat(width), look.dim())), rule);
    }
    draw_body(frame, app, look, body);
    frame.render_widget(Paragraph::new(foot), keys);
}

fn draw_body(frame: &mut Frame<'_>, app: &mut App, look: Look, area: Rect) {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let (lines, chosen) = match &app.mode {
        Mode::Help => (lists::help(width), None),
        Mode::Merge { near, at } => lists::merge(near, *at, look, width),
        Mode::Filter { at } => lists::filter(app, *at, look),
        _ => match app.item() {
            Some(item) => (text::lines(item, app.full, look, width), None),
            None => (lists::nothing(app, look, width), None),
        },
    };
    app.page = height.saturating_sub(1).max(1);
    let most = lines.len().saturating_sub(height);
    let top = match chosen {
        // What is chosen is on the screen.
        Some(chosen) => usize::min(most, chosen.saturating_sub(height / 2)),
        None => {
            app.scroll = app.scroll.min(most);
            app.scroll
        }
    };
    let below = lines.len().saturating_sub(top + height);
    let mut shown: Vec<Line<'_>> = lines.into_iter().skip(top).take(height).collect();
    if below > 0 && height > 2 {
        let more = format!("  ↓ {} more lines", below + 1);
        shown.pop();
        shown.push(Line::styled(more, look.dim()));
    }
    frame.render_widget(Paragraph::new(shown), area);
}

fn header(app: &App, look: Look, width: usize) -> Line<'static> {
    let n = app.shown().len();
    let place = if n == 0 { "0 left".to_owned() } else { format!("{} of {n}", app.at + 1) };
    let mut right = vec![place];
    let behind = app.behind();
    if behind > 0 {
        right.push(format!("{behind} behind"));
    }
    if app.tally.total() > 0 {
        right.push(format!("{} decided", app.tally.total()));
    }
    if !(app.wanted.types.is_empty() && app.wanted.signals.is_empty()) {
        right.push("filtered".to_owned());
    }
    let right = right.join(" · ");
    let room = width.saturating_sub(text::width(&right) + 1);
    let left = text::fit(&format!("cemem review · {}", one_line(&app.project)), room);
    let gap = width.saturating_sub(text::width(&left) + text::width(&right));
    Line::from(vec![Span::styled(left, look.head()), " ".repeat(gap).into(), right.into()])
}

/// Keys and what they do, as many to a line as fit.
fn keys(list: &[(&str, &str)], look: Look, width: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Vec<Span<'static>>> = vec![Vec::new()];
    let mut used = 0;
    for (key, does) in list {
        let long = text::width(key) + 1 + text::width(does);
        if used > 0 && used + 2 + long > width {
            lines.push(Vec::new());
            used = 0;
        }
        let line = lines.last_mut().expect("there is a first line");
        if used > 0 {
            line.push("  ".into());
            used += 2;
        }
        line.push(Span::styled((*key).to_owned(), look.key()));
        line.push(format!(" {does}").into());
        used += long;
    }
    lines.into_iter().map(Line::from).collect()
}

/// Returns the lines at the bottom: what can be done, what happened.
fn prompt(app: &App, look: Look, width: usize) -> Vec<Line<'static>> {
    let ask = |question: String, list: &[(&str, &str)]| {
        let question = wrap(&question, width, "").into_iter();
        let question = question.map(|line| Line::styled(line, look.warn()));
        question.chain(keys(list, look, width)).collect()
    };
    match &app.mode {
        Mode::Browse => browse_keys(app, look, width),
        Mode::Help => keys(&[("any key", "back")], look, width),
        Mode::Reject => {
            let mut list: Vec<(String, &str)> =
                REASONS.iter().map(|(key, name, _)| (key.to_string(), *name)).collect();
            list.push(("t".into(), "type a reason"));
            list.push(("Esc".into(), "back"));
            let list: Vec<_> = list.iter().map(|(key, does)| (key.as_str(), *does)).collect();
            ask("Reject: it will not come back. Why?".into(), &list)
        }
        Mode::RejectWords(words) => ask(
            format!("Why? {}▏", one_line(words)),
            &[("Enter", "reject"), ("Ctrl-U", "clear"), ("Esc", "back")],
        ),
        Mode::Snooze(days) => {
            let mut list: Vec<(String, &str)> =
                DELAYS.iter().map(|(key, name, _)| (key.to_string(), *name)).collect();
            list.push(("Enter".into(), "the days typed"));
            list.push(("Esc".into(), "back"));
            let list: Vec<_> = list.iter().map(|(key, does)| (key.as_str(), *does)).collect();
            ask(format!("Put off for how long? New evidence brings it back. Days: {days}▏"), &list)
        }
        Mode::Merge { .. } => {
            keys(&[("1-9 ↑↓", "choose"), ("Enter", "merge into it"), ("Esc", "back")], look, width)
        }
        Mode::Opposite => ask(
            "Accept, and the other side?".into(),
            &[("x", "take it out"), ("k", "keep both"), ("Esc", "back")],
        ),
        Mode::Filter { .. } => keys(
            &[("Space", "on or off"), ("↑↓", "move"), ("c", "clear"), ("Esc", "done")],
            look,
            width,
        ),
    }
}

fn browse_keys(app: &App, look: Look, width: usize) -> Vec<Line<'static>> {
    let all = if app.full { "less" } else { "all evidence" };
    let weak = if app.wanted.weak { "hide weak" } else { "weak ones too" };
    let list: &[(&str, &str)] = if width < 60 {
        &[
            ("a", "accept"),
            ("e", "edit"),
            ("m", "merge"),
            ("r", "reject"),
            ("s", "snooze"),
            ("u", "undo"),
            ("?", "help"),
            ("q", "quit"),
        ]
    } else {
        &[
            ("a", "accept"),
            ("e", "edit"),
            ("m", "merge with…"),
            ("r", "reject"),
            ("s", "snooze"),
            ("u", "undo"),
            ("n/p", "next/back"),
            ("v", all),
            ("f", "filter"),
            ("w", weak),
            ("?", "help"),
            ("q", "quit"),
        ]
    };
    let mut lines = keys(list, look, width);
    lines.push(Line::styled(text::fit(&one_line(&app.said), width), look.dim()));
    lines
}

#[cfg(test)]
mod tests;
