//! Which words of a lesson go where.
//!
//! Owns the texts that are indexed and embedded: [`Rendered`]. Must not add words a lesson does not
//! have.

use cemem_core::Lesson;
use cemem_core::id::digest;

use super::passages::{WINDOW, split};

/// A lesson as the indexes see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The title.
    pub title: String,
    /// The rule; empty where it repeats the title or the body.
    pub rule: String,
    /// The reason.
    pub why: String,
    /// Tags, languages, paths, commands and symbols.
    pub place: String,
    /// Everything a reader would see, each part once.
    pub whole: String,
    /// Windows of the whole text below the title.
    pub passages: Vec<String>,
}

/// Texts longer than this are cut before they are indexed, in bytes.
const MAX_WHOLE: usize = 1 << 20;
/// Passages of one lesson, at most.
const MAX_PASSAGES: usize = 200;

/// Appends a part to a text that may already begin with, or contain, the same words.
fn add(whole: &mut String, part: &str) {
    let part = part.trim();
    if part.is_empty() || whole.contains(part) {
        return;
    }
    if !whole.is_empty() {
        whole.push('\n');
    }
    whole.push_str(part);
}

/// Returns whether a text says the title itself, perhaps as a heading.
fn begins_with(text: &str, title: &str) -> bool {
    text.trim_start_matches(['#', ' ', '\n']).starts_with(title)
}

/// Cuts at a character boundary.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Renders a lesson.
#[must_use]
pub fn render(lesson: &Lesson) -> Rendered {
    let body = cut(lesson.body.as_deref().unwrap_or_default(), MAX_WHOLE);
    let why = lesson.why.as_deref().unwrap_or_default();
    let title = lesson.title.trim();
    let rule = lesson.rule.trim();
    let mut text = String::new();
    // A rule that title or body repeats word for word says nothing more.
    let rule = if rule == title || body.contains(rule) { "" } else { rule };
    add(&mut text, rule);
    add(&mut text, why);
    add(&mut text, body);
    let mut whole = String::new();
    if !begins_with(&text, title) {
        add(&mut whole, title);
    }
    if whole.is_empty() {
        whole.clone_from(&text);
    } else if !text.is_empty() {
        whole = format!("{whole}\n{text}");
    }
    let headed = !title.is_empty();
    let mut passages: Vec<String> = split(&text, WINDOW)
        .into_iter()
        .map(|p| if headed && !begins_with(&p, title) { format!("{title}. {p}") } else { p })
        .collect();
    passages.truncate(MAX_PASSAGES);
    if passages.is_empty() && headed {
        passages.push(title.to_owned());
    }
    Rendered {
        title: title.to_owned(),
        rule: rule.to_owned(),
        why: why.to_owned(),
        place: place(lesson),
        whole,
        passages,
    }
}

fn place(lesson: &Lesson) -> String {
    let applies = &lesson.applies_when;
    let mut all: Vec<&str> = Vec::new();
    for list in
        [&applies.tags, &applies.languages, &applies.paths, &applies.commands, &applies.symbols]
    {
        all.extend(list.iter().map(String::as_str));
    }
    for anchor in &lesson.anchors {
        all.push(&anchor.path);
        all.extend(anchor.symbol.as_deref());
    }
    let mut seen = std::collections::HashSet::new();
    all.retain(|x| seen.insert(*x));
    all.join(" \n")
}

impl Rendered {
    /// Returns a hash of what is embedded: when it is the same, so are the vectors.
    #[must_use]
    pub fn embedded_hash(&self) -> u64 {
        u64::from_str_radix(&digest(&self.passages)[..16], 16).expect("a digest is hex")
    }
}
