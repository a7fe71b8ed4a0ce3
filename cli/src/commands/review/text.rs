//! One lesson as lines of a given width.
//!
//! Owns escaping and wrapping: nothing leaves here that could move the cursor, and wide characters
//! count as two. Must not know the terminal.

use std::collections::BTreeSet;

use cemem_core::exchange::shorten;
use cemem_core::lesson::{Evidence, Lesson, LessonStatus};
use ratatui::text::{Line, Span};
use textwrap::core::display_width;

use super::queue::Item;
use super::screen::Look;
use crate::ui::{one_line, printable};

/// Rows of evidence shown before all are asked for.
const FEW: usize = 3;
/// Most characters of a quote shown before all is asked for.
const SHORT: usize = 300;
/// From this width two lessons stand beside each other.
const BESIDE: usize = 64;

/// Returns how many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    display_width(text)
}

/// Returns as much of a text as fits.
pub(super) fn fit(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if width(&out) + width(c.encode_utf8(&mut [0; 4])) + 1 > most {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// Returns a text as lines of at most this width, each after the indent.
pub(super) fn wrap(text: &str, width: usize, indent: &str) -> Vec<String> {
    // Dates and flags are not cut at their hyphens.
    let options = textwrap::Options::new(width.max(4))
        .initial_indent(indent)
        .subsequent_indent(indent)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(text, options);
    lines.into_iter().map(std::borrow::Cow::into_owned).collect()
}

/// Returns a lesson with what speaks for and against it; all of its evidence if `full`.
pub(super) fn lines(item: &Item, full: bool, look: Look, width: usize) -> Vec<Line<'static>> {
    let lesson = &item.lesson;
    let mut out = vec![head(item, look)];
    out.extend(wrap(&standing(item), width, "").into_iter().map(|l| Line::styled(l, look.dim())));
    if lesson.status == LessonStatus::Quarantined {
        let warning = "Quarantined: it reads like an order to an agent, or comes from where nobody \
                       vouches for it. Look twice.";
        out.extend(wrap(warning, width, "").into_iter().map(|l| Line::styled(l, look.warn())));
    }
    out.push(Line::default());
    let rule = wrap(&one_line(&lesson.rule), width, "");
    out.extend(rule.into_iter().map(|l| Line::styled(l, look.bold())));
    out.extend(fields(lesson, look, width));
    for other in &item.opposites {
        out.push(Line::default());
        out.extend(against(lesson, other, look, width));
    }
    if let Some(body) = lesson.body.as_deref().filter(|_| full) {
        out.push(Line::default());
        let body = printable(body).replace('\t', "    ");
        out.extend(body.lines().flat_map(|l| wrap(l, width, "  ")).map(Line::from));
    }
    out.push(Line::default());
    out.extend(evidence(&lesson.evidence, full, look, width));
    out
}

fn head(item: &Item, look: Look) -> Line<'static> {
    let lesson = &item.lesson;
    let signals: Vec<_> = item.signals.iter().map(|s| s.as_str().replace('_', " ")).collect();
    let mut spans = vec![
        Span::styled(lesson.lesson_type.to_string(), look.head()),
        Span::raw(format!("  {}", lesson.id)),
    ];
    if !signals.is_empty() {
        spans.push(Span::styled(format!("  found as {}", signals.join(", ")), look.dim()));
    }
    Line::from(spans)
}

fn standing(item: &Item) -> String {
    let lesson = &item.lesson;
    let sessions = if lesson.support == 1 { "session" } else { "sessions" };
    let trust = lesson.trust.as_str().replace('_', " ");
    let confidence = lesson.confidence * 100.0;
    let mut text =
        format!("{confidence:.0} % sure · {} {sessions} · trust: {trust}", lesson.support);
    if !item.opposites.is_empty() {
        text.push_str(&format!(" · contradicts {}", item.opposites.len()));
    }
    text
}

fn fields(lesson: &Lesson, look: Look, width: usize) -> Vec<Line<'static>> {
    let when = &lesson.applies_when;
    let list = |list: &[String]| one_line(&list.join(", "));
    let fields = [
        ("why", lesson.why.as_deref().map(one_line).unwrap_or_default()),
        ("paths", list(&when.paths)),
        ("commands", list(&when.commands)),
    ];
    let mut out = Vec::new();
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        for (n, line) in wrap(&value, width, "          ").into_iter().enumerate() {
            let label = if n == 0 { name } else { "" };
            let value = line.trim_start().to_owned();
            out.push(Line::from(vec![
                Span::styled(format!("{label:<10}"), look.dim()),
                Span::raw(value),
            ]));
        }
    }
    out
}

/// Two lessons that cannot both hold, beside each other where there is room.
fn against(lesson: &Lesson, other: &Lesson, look: Look, width: usize) -> Vec<Line<'static>> {
    let mut out = vec![Line::styled("contradicts", look.warn())];
    if width < BESIDE {
        out.extend(card(other, width).into_iter().map(Line::from));
        return out;
    }
    let half = (width - 3) / 2;
    let (left, right) = (card(lesson, half), card(other, half));
    for n in 0..left.len().max(right.len()) {
        let cell = |side: &[String]| side.get(n).cloned().unwrap_or_default();
        let left = cell(&left);
        let gap = " ".repeat(half.saturating_sub(display_width(&left)));
        out.push(Line::from(vec![
            Span::raw(left + &gap),
            Span::styled(" │ ", look.dim()),
            Span::raw(cell(&right)),
        ]));
    }
    out
}

fn card(lesson: &Lesson, width: usize) -> Vec<String> {
    let said = lesson.evidence.iter().filter_map(|e| e.turn_ts).max();
    let said = said.map(|ts| format!(" · last said {}", ts.date())).unwrap_or_default();
    let who: BTreeSet<_> = lesson.evidence.iter().map(|e| one_line(&e.actor)).collect();
    let who: Vec<_> = who.into_iter().filter(|w| !w.is_empty()).collect();
    let by = if who.is_empty() { String::new() } else { format!(" by {}", who.join(", ")) };
    let mut out = wrap(&format!("{} · {}{said}{by}", lesson.id, lesson.status), width, "");
    out.extend(wrap(&one_line(&lesson.rule), width, ""));
    out
}

fn evidence(rows: &[Evidence], full: bool, look: Look, width: usize) -> Vec<Line<'static>> {
    let shown = if full { rows.len() } else { rows.len().min(FEW) };
    let title = if shown < rows.len() {
        format!("evidence ({shown} of {}, v shows all)", rows.len())
    } else {
        "evidence".to_owned()
    };
    let mut out = vec![Line::styled(title, look.head())];
    for row in &rows[..shown] {
        let words = one_line(&row.quote);
        let words = if full { words } else { shorten(&words, SHORT) };
        out.extend(wrap(&format!("“{words}”"), width, "  ").into_iter().map(Line::from));
        let place = wrap(&place(row, full), width, "    ").into_iter();
        out.extend(place.map(|l| Line::styled(l, look.dim())));
    }
    out
}

/// Returns when, who and where.
fn place(row: &Evidence, full: bool) -> String {
    let mut parts = vec![row.turn_ts.map_or_else(|| "undated".to_owned(), |ts| ts.date())];
    if !row.actor.is_empty() {
        parts.push(one_line(&row.actor));
    }
    parts.push(one_line(&row.engine));
    if !row.session.is_empty() {
        let session = one_line(&row.session);
        let session = if full { session } else { session.chars().take(8).collect() };
        parts.push(format!("session {session}"));
    }
    if full || row.session.is_empty() {
        let (path, id) = (one_line(&row.source_path), one_line(&row.event_uuid));
        parts.extend([path].into_iter().filter(|p| !p.is_empty()));
        parts.extend([id].into_iter().filter(|p| !p.is_empty()).map(|id| format!("row {id}")));
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_count_as_two() {
        assert_eq!((width("日本"), fit("日本語", 4)), (4, "日…".to_owned()));
        for line in wrap("日本語のルールは長いので折り返します", 10, "  ") {
            assert!(width(&line) <= 10, "{line}");
        }
        assert_eq!(fit("plain", 5), "plain");
    }
}
