//! Front matter, edited as text.
//!
//! Owns setting one key at the top of a YAML head so that every other byte stays: comments, the order of
//! keys, quotes, line endings. What the text then says is checked by reading it. Must not know what the
//! keys mean.

use serde_yaml_ng::{Mapping, Value};

/// Longest head looked at, in bytes.
const MAX_FRONT: usize = 64 * 1024;

/// A text, its head and its body.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// What stands before the first line of the head, its opening fence included; all that stands
    /// before the body where there is no head.
    pub before: &'a str,
    /// The lines of the head; empty without one.
    pub front: &'a str,
    /// The closing fence; empty without a head.
    pub fence: &'a str,
    /// The rest.
    pub body: &'a str,
}

/// Returns the parts of a text: put together they are the text.
#[must_use]
pub fn split(text: &str) -> Parts<'_> {
    let lead = text.len() - text.trim_start_matches(['\u{feff}', '\n', '\r', ' ']).len();
    let bare = Parts { before: &text[..lead], front: "", fence: "", body: &text[lead..] };
    let rest = &text[lead..];
    let Some(opening) = rest.split_inclusive('\n').next().filter(|l| l.trim_end() == "---") else {
        return bare;
    };
    let start = lead + opening.len();
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        if at - start > MAX_FRONT {
            break;
        }
        if matches!(line.trim_end(), "---" | "...") {
            return Parts {
                before: &text[..start],
                front: &text[start..at],
                fence: &text[at..at + line.len()],
                body: &text[at + line.len()..],
            };
        }
        at += line.len();
    }
    bare
}

/// Returns the line break of a text.
#[must_use]
pub fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Returns what the head says; `None` if it is no YAML mapping.
#[must_use]
pub fn read(front: &str) -> Option<Mapping> {
    match serde_yaml_ng::from_str(front).ok()? {
        Value::Mapping(mapping) => Some(mapping),
        Value::Null => Some(Mapping::new()),
        _ => None,
    }
}

/// Returns the text with `key` at the top of its head set to a text or a list of texts; a key that is
/// not there comes last, and a text without a head gets one. `None` where that cannot be done without
/// touching anything else.
#[must_use]
pub fn set(text: &str, key: &str, value: &Value) -> Option<String> {
    let parts = split(text);
    let newline = newline(text);
    if parts.fence.is_empty() {
        let front = entry(key, value, newline);
        // Before a byte order mark nothing may stand.
        let (mark, rest) = text.split_at(if text.starts_with('\u{feff}') { 3 } else { 0 });
        return Some(format!("{mark}---{newline}{front}---{newline}{newline}{rest}"));
    }
    let before = read(parts.front)?;
    if before.get(key) == Some(value) {
        return Some(text.to_owned());
    }
    let front = match place(parts.front, key) {
        Some((start, end)) => {
            let old = &parts.front[start..end];
            format!(
                "{}{}{}",
                &parts.front[..start],
                replaced(old, key, value, newline),
                &parts.front[end..]
            )
        }
        None => format!("{}{}", parts.front, entry(key, value, newline)),
    };
    let mut wanted = before;
    wanted.insert(key.into(), value.clone());
    (read(&front)? == wanted)
        .then(|| format!("{}{front}{}{}", parts.before, parts.fence, parts.body))
}

/// Returns where the entry of a key begins and ends: its line and those that belong to its value.
fn place(front: &str, key: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    let mut found: Option<(usize, usize)> = None;
    for line in front.split_inclusive('\n') {
        let end = at + line.len();
        let begins_with = |key: &str| {
            let rest = line.strip_prefix(key).and_then(|rest| rest.strip_prefix(':'));
            rest.is_some_and(|rest| rest.trim_end().is_empty() || rest.starts_with([' ', '\t']))
        };
        match found {
            None if begins_with(key) => found = Some((at, end)),
            None => {}
            // A blank line is more of the value if more of the value follows.
            Some(_) if line.trim().is_empty() => {}
            // Indented, an item of a list, or a closing bracket.
            Some((start, _)) if line.starts_with([' ', '\t', ']', '}']) || is_item(line) => {
                found = Some((start, end));
            }
            Some(_) => break,
        }
        at = end;
    }
    found
}

fn is_item(line: &str) -> bool {
    line.starts_with("- ") || line.trim_end() == "-"
}

/// Returns the entry in the manner of the one it takes the place of.
fn replaced(old: &str, key: &str, value: &Value, newline: &str) -> String {
    let mut lines = old.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    let more: Vec<&str> = lines.collect();
    let was = first[key.len() + 1..].trim();
    let ending = if old.ends_with('\n') { newline } else { "" };
    let note = if more.is_empty() { comment(was) } else { "" };
    match value {
        Value::Sequence(items) if was.is_empty() && !items.is_empty() => {
            let indent: &str = more
                .iter()
                .find(|l| is_item(l.trim_start()))
                .map_or("  ", |l| &l[..l.len() - l.trim_start().len()]);
            let items = items.iter().map(|i| format!("{newline}{indent}- {}", scalar(i, was)));
            format!("{key}:{}{ending}", items.collect::<String>())
        }
        Value::Sequence(_) => format!("{}{note}{ending}", entry(key, value, "")),
        _ => format!("{key}: {}{note}{ending}", scalar(value, was)),
    }
}

/// Returns the comment after a value that stands on one line, with the space before it.
fn comment(was: &str) -> &str {
    let from = match was.chars().next() {
        Some(quote @ ('"' | '\'')) => was.rfind(quote).map_or(0, |at| at + 1),
        Some('[') => was.rfind(']').map_or(0, |at| at + 1),
        _ => 0,
    };
    let found = was[from..].find(" #").map(|at| was[..from + at].trim_end().len());
    found.map_or("", |at| was[at..].trim_end())
}

/// Returns a whole entry, line breaks included.
#[must_use]
pub fn entry(key: &str, value: &Value, newline: &str) -> String {
    match value {
        Value::Sequence(items) => {
            let items: Vec<String> = items.iter().map(|i| scalar(i, "[")).collect();
            format!("{key}: [{}]{newline}", items.join(", "))
        }
        _ => format!("{key}: {}{newline}", scalar(value, "")),
    }
}

/// Returns a value on one line: quoted as the old one was, plain where YAML reads it so. A list or
/// mapping inside of another comes as JSON, which YAML reads.
fn scalar(value: &Value, was: &str) -> String {
    let Value::String(text) = value else {
        return serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    };
    let quoted = || serde_json::Value::from(text.as_str()).to_string();
    if was.starts_with('\'') && !text.contains(char::is_control) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    if was.starts_with('"') || !is_plain(text) {
        return quoted();
    }
    text.clone()
}

/// Returns whether a text can stand without quotes, also in a list within brackets.
fn is_plain(text: &str) -> bool {
    let risky = |c: char| c.is_control() || matches!(c, ',' | '[' | ']' | '{' | '}' | '`' | '"');
    !text.contains(risky)
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && text.trim() == text
        && text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '_'))
        && serde_yaml_ng::from_str::<Value>(text).is_ok_and(|v| v.as_str() == Some(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(items: &[&str]) -> Value {
        Value::Sequence(items.iter().map(|i| Value::from(*i)).collect())
    }

    #[test]
    fn only_the_value_changes() {
        let text = "---\n# ours\ntitle: Old   # keep me\nodd: {deep: [1, 2]}\ntags:\n  - a\n  - 'b'\n\n# tail\nnote: |\n  two\n\n  lines\nlast: 'x'\n---\n# Body\n";
        let title = set(text, "title", &"New: one".into()).unwrap();
        assert_eq!(title, text.replace("title: Old ", "title: \"New: one\" "));
        let tags = set(text, "tags", &list(&["c", "d e"])).unwrap();
        assert_eq!(tags, text.replace("  - a\n  - 'b'\n", "  - c\n  - d e\n"));
        let note = set(text, "note", &"one".into()).unwrap();
        assert_eq!(note, text.replace("note: |\n  two\n\n  lines\n", "note: one\n"));
        let last = set(text, "last", &"it's".into()).unwrap();
        assert_eq!(last, text.replace("last: 'x'", "last: 'it''s'"));
        let more = set(text, "more", &list(&["x, y"])).unwrap();
        assert_eq!(more, text.replace("'x'\n---", "'x'\nmore: [\"x, y\"]\n---"));
        for key in ["title", "tags", "note", "last"] {
            let same = read(split(text).front).unwrap()[key].clone();
            assert_eq!(set(text, key, &same).unwrap(), text, "{key}");
        }
    }

    #[test]
    fn crlf_a_mark_and_no_head_at_all() {
        let text = "\u{feff}---\r\ntitle: a\r\n---\r\nBody\r\n";
        assert_eq!(set(text, "title", &"b".into()).unwrap(), text.replace(": a", ": b"));
        let bare = "\u{feff}# Body\r\n";
        let with = set(bare, "title", &"b".into()).unwrap();
        assert_eq!(with, "\u{feff}---\r\ntitle: b\r\n---\r\n\r\n# Body\r\n");
        // What is no YAML is not touched.
        assert_eq!(set("---\nmodule: `core`\n---\nx", "title", &"b".into()), None);
        assert_eq!(set("---\na: &x [1]\ntitle: {b: *x}\n---\n", "a", &"b".into()), None);
    }

    proptest! {
        #[test]
        fn parts_are_the_text(text in "(---\n|\r\n|a: b\n|\u{feff}|\\PC|\n){0,20}") {
            let parts = split(&text);
            let whole = [parts.before, parts.front, parts.fence, parts.body].concat();
            prop_assert_eq!(whole, text);
        }

        #[test]
        fn any_value_is_read_back_and_the_rest_stays(
            front in "((title|tags|odd): ?(\\PC{0,12}|\\[a, 'b'\\]|\n  - x|\\|\n  x)\n|# c\n|\n){0,6}",
            value in "\\PC{0,24}",
        ) {
            let text = format!("---\n{front}---\nBody\n");
            for (key, value) in [("title", Value::from(value.as_str())), ("tags", list(&[&value, "b"]))] {
                let Some(after) = set(&text, key, &value) else { continue };
                let mut wanted = read(split(&text).front).unwrap();
                wanted.insert(key.into(), value);
                prop_assert_eq!(read(split(&after).front).unwrap(), wanted);
                prop_assert!(after.ends_with("---\nBody\n"));
                for comment in text.lines().filter(|l| l.starts_with('#')) {
                    prop_assert!(after.lines().any(|l| l == comment), "{}", after);
                }
            }
        }
    }
}
