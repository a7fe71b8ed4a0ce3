//! What people changed in a lesson, written into the document it came from.
//!
//! Owns the way back of a `docs/solutions` file: of the fields of a lesson that somebody edited, those that
//! the document still states as they were are replaced, and nothing else. Where the document says something
//! third it is newer, and stays. Must not touch files.

use cemem_core::lesson::{Lesson, LessonType};
use serde_yaml_ng::{Mapping, Value};

use super::front;
use crate::ui::one_line;

/// Keys that give a reason, the first that is there counts.
const WHY: [&str; 4] = ["root_cause", "cause", "problem", "symptom"];
/// Keys that name files.
const PATHS: [&str; 7] =
    ["files", "paths", "file", "affected_files", "applies_to", "related_files", "files_changed"];
/// Keys that may state the rule.
const RULE: [&str; 9] = [
    "rule",
    "guidance",
    "prevention",
    "takeaway",
    "lesson",
    "recommendation",
    "solution",
    "fix",
    "resolution",
];
/// The section for a rule that the document does not state in so many words.
const RULE_HEADING: &str = "## Rule";

/// One change of a lesson by a person: before and after.
pub type Step<'a> = (&'a Lesson, &'a Lesson);

/// Returns the document with what people changed. `quotes` are pieces of it that the lesson rests on,
/// `steps` the changes, oldest first. A part that cannot be placed is left out.
#[must_use]
pub fn updated(text: &str, now: &Lesson, steps: &[Step<'_>], quotes: &[&str]) -> String {
    let mut text = text.to_owned();
    let titles = former(steps, |l| l.title.clone());
    if !titles.is_empty() {
        text = with_title(text, &titles, &one_line(&now.title));
    }
    let rules = former(steps, |l| l.rule.clone());
    if !rules.is_empty() {
        text = with_rule(text, &rules, &now.rule, quotes);
    }
    let reasons = former(steps, |l| l.why.clone().unwrap_or_default());
    if !reasons.is_empty() {
        text = with_why(text, &reasons, now.why.as_deref().unwrap_or_default());
    }
    let paths = former(steps, |l| l.applies_when.paths.clone());
    if !paths.is_empty() {
        text = with_paths(text, &paths, &now.applies_when.paths);
    }
    let types = former(steps, |l| l.lesson_type);
    if !types.is_empty() {
        text = with_type(text, &types, now.lesson_type);
    }
    let bodies = former(steps, |l| l.body.clone().unwrap_or_default());
    match &now.body {
        Some(body) if !bodies.is_empty() => with_body(text, &bodies, body),
        _ => text,
    }
}

/// Returns what a field was before each change of it.
fn former<T: PartialEq>(steps: &[Step<'_>], field: impl Fn(&Lesson) -> T) -> Vec<T> {
    let change = |(before, after): &Step<'_>| {
        let was = field(before);
        (was != field(after)).then_some(was)
    };
    steps.iter().filter_map(change).collect()
}

/// Returns the words of a text, without marks and case.
fn words(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect::<String>();
    plain.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Returns whether a text of the document is what a lesson kept of it, perhaps cut.
fn says(text: &str, kept: &str) -> bool {
    let (text, whole) = (words(text), words(kept));
    let is_cut = kept.ends_with('…');
    text == whole || (is_cut && !whole.is_empty() && text.starts_with(&whole))
}

fn says_any(text: &str, kept: &[String]) -> bool {
    kept.iter().any(|kept| says(text, kept))
}

fn head(text: &str) -> Mapping {
    front::read(front::split(text).front).unwrap_or_default()
}

/// Sets a key; what is no YAML stays as it is.
fn with_key(text: String, key: &str, value: impl Into<Value>) -> String {
    front::set(&text, key, &value.into()).unwrap_or(text)
}

/// Returns the text with a piece of its body replaced, if it stands there once and is no heading.
fn with_piece(text: &str, piece: &str, new: &str) -> Option<String> {
    let body = front::split(text).body;
    let at = body.find(piece).filter(|_| !piece.is_empty() && body.matches(piece).count() == 1)?;
    let line = body[..at].rfind('\n').map_or(0, |end| end + 1);
    let start = text.len() - body.len() + at;
    (!body[line..].starts_with('#'))
        .then(|| format!("{}{new}{}", &text[..start], &text[start + piece.len()..]))
}

fn with_title(text: String, titles: &[String], title: &str) -> String {
    let stated = head(&text).get("title").and_then(Value::as_str).map(str::to_owned);
    let text = match &stated {
        Some(stated) if says_any(stated, titles) => with_key(text, "title", title),
        Some(_) => text,
        None => text,
    };
    let body = front::split(&text).body;
    let Some(heading) = body.lines().find(|l| l.starts_with("# ")) else {
        return if stated.is_none() { with_key(text, "title", title) } else { text };
    };
    if !says_any(&heading[2..], titles) {
        return text;
    }
    let at = text.len() - body.len() + (heading.as_ptr() as usize - body.as_ptr() as usize);
    let end = at + heading.trim_end().len();
    format!("{}# {title}{}", &text[..at], &text[end..])
}

fn with_rule(text: String, rules: &[String], rule: &str, quotes: &[&str]) -> String {
    let rule = &one_line(rule);
    let front_says = head(&text);
    let stated = |key: &str| front_says.get(key).and_then(Value::as_str);
    let flat = words(&text);
    // Said already: in the text, or as the title that it was read from.
    if flat.contains(&words(rule)) {
        return text;
    }
    let pieces = rules.iter().map(String::as_str).chain(quotes.iter().copied());
    for piece in pieces.filter(|piece| says_any(piece, rules)) {
        if let Some(done) = with_piece(&text, piece.trim(), rule) {
            return done;
        }
    }
    if let Some(key) = RULE.iter().find(|key| stated(key).is_some_and(|s| says_any(s, rules))) {
        return with_key(text, key, rule.as_str());
    }
    // Only a rule that the document still holds, if only in its title, is the one that was edited.
    let body = front::split(&text).body;
    if !rules.iter().any(|old| flat.contains(&words(old.trim_end_matches('…')))) {
        return text;
    }
    let newline = front::newline(&text);
    let gap = match body {
        "" => "",
        b if b.ends_with('\n') => newline,
        _ => &newline.repeat(2),
    };
    format!("{text}{gap}{RULE_HEADING}{newline}{newline}{rule}{newline}")
}

fn with_why(text: String, reasons: &[String], why: &str) -> String {
    let front_says = head(&text);
    let stated = WHY.iter().find_map(|key| Some((*key, front_says.get(*key)?)));
    match stated {
        Some((key, Value::String(old))) if says_any(old, reasons) => {
            with_key(text, key, one_line(why))
        }
        None if !why.is_empty() => with_key(text, WHY[0], one_line(why)),
        _ => text,
    }
}

fn with_paths(text: String, former: &[Vec<String>], paths: &[String]) -> String {
    let front_says = head(&text);
    let listed = |key: &str| -> Option<Vec<String>> {
        match front_says.get(key)? {
            Value::String(one) => Some(one.split(',').map(|p| p.trim().to_owned()).collect()),
            Value::Sequence(items) => items.iter().map(|i| Some(i.as_str()?.to_owned())).collect(),
            _ => None,
        }
    };
    let all: Vec<String> = PATHS.iter().filter_map(|key| listed(key)).flatten().collect();
    let is_removed = |p: &String| former.iter().flatten().any(|old| old == p) && !paths.contains(p);
    let mut added: Vec<String> = paths.iter().filter(|p| !all.contains(p)).cloned().collect();
    // What the document never listed was read out of its text; it needs no key as long as it stays.
    added.retain(|p| !former.last().is_some_and(|last| last.contains(p)));
    let mut text = text;
    for key in PATHS {
        let Some(old) = listed(key) else { continue };
        let mut new: Vec<String> = old.iter().filter(|p| !is_removed(p)).cloned().collect();
        new.append(&mut added);
        if new != old {
            text = with_key(text, key, new.into_iter().map(Value::from).collect::<Vec<Value>>());
        }
    }
    if added.is_empty() {
        return text;
    }
    with_key(text, PATHS[0], added.into_iter().map(Value::from).collect::<Vec<Value>>())
}

fn with_type(text: String, former: &[LessonType], lesson_type: LessonType) -> String {
    let front_says = head(&text);
    let stated = front_says.get("type").and_then(Value::as_str);
    let named = stated.and_then(|t| LessonType::parse(&t.to_lowercase()));
    match (stated, named) {
        (Some(_), Some(named)) if !former.contains(&named) => text,
        _ => with_key(text, "type", lesson_type.as_str()),
    }
}

fn with_body(text: String, former: &[String], body: &str) -> String {
    let parts = front::split(&text);
    if !former.iter().any(|old| words(parts.body) == words(old)) || words(parts.body) == words(body)
    {
        return text;
    }
    let newline = front::newline(&text);
    let lead = &parts.body[..parts.body.len() - parts.body.trim_start().len()];
    let tail = &parts.body[parts.body.trim_end().len()..];
    let new = body.trim().replace("\r\n", "\n").replace('\n', newline);
    format!("{}{}{}{lead}{new}{tail}", parts.before, parts.front, parts.fence)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use cemem_core::clock::Timestamp;
    use cemem_core::exchange::from_line;

    const TEXT: &str = "---\n# why this file is here\ntitle: 'Watcher misses renames'\ndate: 2026-03-10\nroot_cause: inode changes\nfiles: [pkg/watch.go]  # the one\nodd: {b: 1, a: 2}\n---\n\n# Watcher misses renames\n\n## Problem\n\nIt broke.\n\n## Solution\n\nWatch the parent folder,\nnot the file itself. Then filter.\n";
    const QUOTE: &str = "Watch the parent folder,\nnot the file itself.";

    fn lesson() -> Lesson {
        let line = json!({
            "type": "solution", "title": "Watcher misses renames", "why": "inode changes",
            "rule": "Watch the parent folder, not the file itself.", "applies_when": {"paths": ["pkg/watch.go"]},
            "body": TEXT.split_once("---\n\n").unwrap().1.trim(),
        });
        from_line(&line.to_string(), "f", 1, Timestamp(0)).unwrap().lesson
    }

    fn edited(change: impl Fn(&mut Lesson)) -> String {
        let before = lesson();
        let mut now = before.clone();
        change(&mut now);
        let text = updated(TEXT, &now, &[(&before, &now)], &[QUOTE]);
        // Done once, it is done; a second edit finds its way too.
        assert_eq!(updated(&text, &now, &[(&before, &now)], &[QUOTE]), text);
        text
    }

    #[test]
    fn what_was_edited_is_all_that_changes() {
        assert_eq!(edited(|_| ()), TEXT);
        assert_eq!(edited(|l| l.confidence = 0.1), TEXT);
        let title = edited(|l| l.title = "Renames: missed".into());
        assert_eq!(title, TEXT.replace("Watcher misses renames", "Renames: missed"));
        let rule = edited(|l| l.rule = "Watch the folder.".into());
        assert_eq!(rule, TEXT.replace(QUOTE, "Watch the folder."));
        let why = edited(|l| l.why = Some("The inode: new".into()));
        assert_eq!(why, TEXT.replace("inode changes", "\"The inode: new\""));
        let paths = edited(|l| l.applies_when.paths = vec!["pkg/watch.go".into(), "a/b.go".into()]);
        assert_eq!(paths, TEXT.replace("watch.go]", "watch.go, a/b.go]"));
        let kind = edited(|l| l.lesson_type = LessonType::Pattern);
        assert_eq!(kind, TEXT.replace("2}\n---", "2}\ntype: pattern\n---"));
        let body = edited(|l| l.body = Some("# Other\n\nText.".into()));
        assert_eq!(
            body,
            format!("{}---\n\n# Other\n\nText.\n", TEXT.split_once("---\n\n").unwrap().0)
        );
    }

    #[test]
    fn a_second_edit_and_one_taken_back_follow() {
        let first = lesson();
        let second = Lesson { rule: "Watch the folder.".into(), ..first.clone() };
        let third = Lesson { rule: "Poll.".into(), ..first.clone() };
        let once = updated(TEXT, &second, &[(&first, &second)], &[QUOTE]);
        let steps = [(&first, &second), (&second, &third)];
        let twice = updated(&once, &third, &steps, &[QUOTE]);
        assert_eq!(twice, TEXT.replace(QUOTE, "Poll."));
        let back = [(&first, &second), (&second, &first)];
        let back = updated(&once, &first, &back, &[QUOTE]);
        assert_eq!(back, TEXT.replace(QUOTE, "Watch the parent folder, not the file itself."));
    }

    #[test]
    fn what_the_document_says_anew_stays() {
        let before = lesson();
        let mut now = before.clone();
        now.rule = "Watch the folder.".into();
        now.why = Some("It is new.".into());
        now.title = "Mine".into();
        let newer = TEXT
            .replace(QUOTE, "Use polling everywhere.")
            .replace("inode changes", "kqueue")
            .replace("Watcher misses renames", "Theirs");
        assert_eq!(updated(&newer, &now, &[(&before, &now)], &[QUOTE]), newer);
        // What is no YAML keeps its head; the text is edited.
        let odd = TEXT.replace("odd: {b: 1, a: 2}", "odd: `x`: [");
        let after = updated(&odd, &now, &[(&before, &now)], &[QUOTE]);
        assert_eq!(
            after,
            odd.replace(QUOTE, "Watch the folder.").replace("# Watcher misses renames", "# Mine")
        );
    }

    #[test]
    fn a_rule_that_stands_nowhere_gets_a_section() {
        let text = "# Watcher misses renames\r\n\r\nIt broke.\r\n";
        let before = Lesson { rule: "Watcher misses renames".into(), ..lesson() };
        let now = Lesson { rule: "Watch the folder.".into(), ..before.clone() };
        let after = updated(text, &now, &[(&before, &now)], &[]);
        assert_eq!(after, format!("{text}\r\n## Rule\r\n\r\nWatch the folder.\r\n"));
        assert_eq!(updated(&after, &now, &[(&before, &now)], &[]), after);
    }
}
