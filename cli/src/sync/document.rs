//! What people changed in a lesson, written into the document it came from.
//!
//! Owns the way back of a `docs/solutions` file: of the fields of a lesson that somebody edited, those that
//! the document still states as they were are replaced, and nothing else. Where the document says something
//! third it is newer, and stays. Must not touch files.

use cemem_core::lesson::{Lesson, LessonType};
use cemem_ingest::extract::document::{ADVICE_KEYS, PATH_KEYS, REASON_KEYS};
use cemem_ingest::extract::wording::{clean_block, clean_line};
use serde_yaml_ng::{Mapping, Value};

use super::front;
use crate::ui::one_line;

/// The section for a rule that the document does not state in so many words.
const RULE_HEADING: &str = "## Rule";

/// Words of a document that tell it from others have so many characters at least.
const TELLING: usize = 16;

/// One change of a lesson by a person: before and after.
pub type Step<'a> = (&'a Lesson, &'a Lesson);

/// Returns whether a text is the document that a lesson was read from: it is called like the lesson, or holds
/// its rule or words of it. `states` are the lesson as it is and as it was, `quotes` what was read there.
#[must_use]
pub fn is_of(text: &str, states: &[&Lesson], quotes: &[&str]) -> bool {
    let (flat, stated) = (plain(text), head(text));
    let names = [stated.get("title").and_then(Value::as_str), heading(text)];
    let is_named = |state: &&Lesson| names.iter().flatten().any(|name| says(name, &state.title));
    let rules = states.iter().map(|state| state.rule.as_str());
    let mut said =
        quotes.iter().copied().chain(rules).map(|said| plain(said.trim_end_matches('…')));
    states.iter().any(is_named)
        || said.any(|said| said.chars().count() >= TELLING && flat.contains(&said))
}

/// Returns the title in a document's body.
fn heading(text: &str) -> Option<&str> {
    front::split(text).body.lines().find_map(|line| line.strip_prefix("# "))
}

/// Returns the document with what people changed. `quotes` are pieces of it that the lesson rests on,
/// `steps` the changes, oldest first. A part that cannot be placed is left out.
#[must_use]
pub fn updated(text: &str, now: &Lesson, steps: &[Step<'_>], quotes: &[&str]) -> String {
    // First: every other edit changes the text by which a body is known.
    let text = with_body(text, now, steps, quotes);
    let mut text = reworded(text, now, steps, quotes);
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
    text
}

/// Returns the text with the title and the rule that a lesson has after these steps.
fn reworded(text: String, now: &Lesson, steps: &[Step<'_>], quotes: &[&str]) -> String {
    let titles = former(steps, |l| l.title.clone());
    let rules = former(steps, |l| l.rule.clone());
    let holds_rule = !rules.is_empty() && holds(&text, &rules, &titles, &now.title);
    let mut text = text;
    if !titles.is_empty() {
        text = with_title(text, &titles, &one_line(&now.title));
    }
    if !rules.is_empty() {
        text = with_rule(text, &rules, &now.rule, quotes, holds_rule);
    }
    text
}

/// Returns what a field was before each change of it.
fn former<T: PartialEq>(steps: &[Step<'_>], field: impl Fn(&Lesson) -> T) -> Vec<T> {
    let change = |(before, after): &Step<'_>| {
        let was = field(before);
        (was != field(after)).then_some(was)
    };
    steps.iter().filter_map(change).collect()
}

/// Returns a text on one line, without case: `<=` is not `>=`, and `not` is a word like any other.
fn plain(text: &str) -> String {
    clean_line(text).to_lowercase()
}

/// Returns whether a text of the document is what a lesson kept of it, perhaps cut.
fn says(text: &str, kept: &str) -> bool {
    let bare = |text: &str| {
        plain(text)
            .trim_matches(|c: char| c.is_whitespace() || ".,;:!\"'`*_".contains(c))
            .to_owned()
    };
    let (is_cut, text, whole) = (kept.ends_with('…'), bare(text), bare(kept.trim_end_matches('…')));
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

/// Returns the text with a piece of its body replaced, if it stands there once and is no heading. What is
/// part of the new words is those already.
fn with_piece(text: &str, piece: &str, new: &str) -> Option<String> {
    let body = front::split(text).body;
    let said: Vec<usize> = body.match_indices(new).map(|(at, _)| at).collect();
    let is_new = |at: usize| said.iter().any(|&s| s <= at && at + piece.len() <= s + new.len());
    let mut places = body.match_indices(piece).map(|(at, _)| at).filter(|&at| !is_new(at));
    let (at, None) = (places.next().filter(|_| !piece.is_empty())?, places.next()) else {
        return None;
    };
    let line = body[..at].rfind('\n').map_or(0, |end| end + 1);
    let start = text.len() - body.len() + at;
    (!body[line..].starts_with('#'))
        .then(|| format!("{}{new}{}", &text[..start], &text[start + piece.len()..]))
}

/// Returns whether the document still holds a former rule: only that is the one that was edited. A rule
/// that was the title is held by whatever the title is now.
fn holds(text: &str, rules: &[String], titles: &[String], title: &str) -> bool {
    let flat = plain(text);
    let stated = head(text);
    let named = stated.get("title").and_then(Value::as_str).or_else(|| heading(text));
    rules.iter().any(|rule| {
        let was_title = titles.iter().any(|title| says(title, rule));
        flat.contains(&plain(rule.trim_end_matches('…')))
            || was_title && named.is_some_and(|named| says(named, title))
    })
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

fn with_rule(
    text: String,
    rules: &[String],
    rule: &str,
    quotes: &[&str],
    holds_rule: bool,
) -> String {
    let rule = &one_line(rule);
    let pieces = rules.iter().map(String::as_str).chain(quotes.iter().copied());
    let mut pieces: Vec<&str> = pieces.map(str::trim).filter(|p| says_any(p, rules)).collect();
    pieces.retain(|piece| piece != rule);
    // One may be part of another.
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    for piece in pieces {
        if let Some(done) = with_piece(&text, piece, rule) {
            return done;
        }
    }
    let front_says = head(&text);
    let stated = |key: &str| front_says.get(key).and_then(Value::as_str);
    if let Some(key) =
        ADVICE_KEYS.iter().find(|key| stated(key).is_some_and(|s| says_any(s, rules)))
    {
        return with_key(text, key, rule.as_str());
    }
    // Said already, perhaps as the title that it was read from.
    if !holds_rule || clean_line(&text).contains(&clean_line(rule)) {
        return text;
    }
    let newline = front::newline(&text);
    let gap = match front::split(&text).body {
        "" => "",
        b if b.ends_with('\n') => newline,
        _ => &newline.repeat(2),
    };
    format!("{text}{gap}{RULE_HEADING}{newline}{newline}{rule}{newline}")
}

fn with_why(text: String, reasons: &[String], why: &str) -> String {
    let front_says = head(&text);
    let stated = REASON_KEYS.iter().find_map(|key| Some((*key, front_says.get(*key)?)));
    match stated {
        Some((key, Value::String(old))) if says_any(old, reasons) => {
            with_key(text, key, one_line(why))
        }
        None if !why.is_empty() => with_key(text, REASON_KEYS[0], one_line(why)),
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
    let all: Vec<String> = PATH_KEYS.iter().filter_map(|key| listed(key)).flatten().collect();
    let is_removed = |p: &String| former.iter().flatten().any(|old| old == p) && !paths.contains(p);
    let mut added: Vec<String> = paths.iter().filter(|p| !all.contains(p)).cloned().collect();
    // What the document never listed was read out of its text; it needs no key as long as it stays.
    added.retain(|p| !former.last().is_some_and(|last| last.contains(p)));
    let mut text = text;
    for key in PATH_KEYS {
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
    with_key(text, PATH_KEYS[0], added.into_iter().map(Value::from).collect::<Vec<Value>>())
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

/// Returns the text with the body that people wrote, where it holds one that the lesson had: as it was, or
/// as it came to be with a title or a rule of the time.
fn with_body(text: &str, now: &Lesson, steps: &[Step<'_>], quotes: &[&str]) -> String {
    let bodies = former(steps, |l| l.body.clone().unwrap_or_default());
    let (Some(body), false) = (&now.body, bodies.is_empty()) else { return text.to_owned() };
    let guises = |body: &str| -> Vec<String> {
        let whole = replaced_body(text, body);
        let states = steps.iter().map(|(_, after)| *after);
        let worded = (1..).zip(states).map(|(n, state)| {
            let guise = reworded(whole.clone(), state, &steps[..n], quotes);
            front::split(&guise).body.trim().to_owned()
        });
        std::iter::once(body.trim().to_owned()).chain(worded).collect()
    };
    let is_there = front::split(text).body.trim();
    let exact = |text: &str| clean_block(text, usize::MAX);
    if guises(body).iter().any(|guise| exact(guise) == exact(is_there)) {
        return text.to_owned();
    }
    let flat = clean_line(is_there);
    let is_former = bodies.iter().any(|old| guises(old).iter().any(|g| clean_line(g) == flat));
    if is_former { replaced_body(text, body) } else { text.to_owned() }
}

fn replaced_body(text: &str, body: &str) -> String {
    let parts = front::split(text);
    let lead = &parts.body[..parts.body.len() - parts.body.trim_start().len()];
    let tail = &parts.body[parts.body.trim_end().len()..];
    let new = body.trim().replace("\r\n", "\n").replace('\n', front::newline(text));
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

    #[test]
    fn the_opposite_is_another_text() {
        for (old, new) in [
            ("Do not restart the pool by hand.", "Restart the pool by hand."),
            ("Retry at >= 3 failures of the pool.", "Retry at <= 3 failures of the pool."),
            ("Restart the pool by hand.", "Restart the pool by hand. Then wait."),
            ("Never push on Fridays.", "never push on Fridays."),
        ] {
            let text = format!("# Pool\n\n## Solution\n\n{old} It is old.\n");
            let before = Lesson { rule: old.into(), title: "Pool".into(), ..lesson() };
            let now = Lesson { rule: new.into(), ..before.clone() };
            let steps = [(&before, &now)];
            let after = updated(&text, &now, &steps, &[old]);
            assert_eq!(after, text.replace(old, new));
            assert_eq!(updated(&after, &now, &steps, &[old]), after);
            let back = [(&before, &now), (&now, &before)];
            assert_eq!(updated(&after, &before, &back, &[old]), text, "taken back");
        }
        // The same in a body: marks and case are words too.
        let body = |rule: &str| Some(format!("# Pool\n\nWait {rule} 3 s.\n\n    code"));
        let before = Lesson { body: body(">="), ..lesson() };
        for new in [body("<="), body(">=").map(|b| b.replace("    code", "  code"))] {
            let now = Lesson { body: new.clone(), ..before.clone() };
            let text = before.body.clone().unwrap();
            assert_eq!(updated(&text, &now, &[(&before, &now)], &[]), new.unwrap());
        }
    }

    #[test]
    fn a_document_is_told_by_its_title_or_by_words_of_some_length() {
        let lesson = Lesson { title: "Renames".into(), rule: "Poll.".into(), ..lesson() };
        let is_of = |text: &str, quotes: &[&str]| is_of(text, &[&lesson], quotes);
        for text in ["# Renames\n\nText.\n", "---\ntitle: 'Renames.'\n---\n\n# Other\n"] {
            assert!(is_of(text, &[]), "{text}");
        }
        let theirs = "# Notes\n\nPoll. What renames\ndo to inodes is another story.\n";
        assert!(!is_of(theirs, &[]) && !is_of(theirs, &["inodes", ""]));
        assert!(is_of(theirs, &["What renames do to inodes"]));
        let rule = Lesson { rule: "What renames do to inodes…".into(), ..lesson.clone() };
        assert!(super::is_of(theirs, &[&rule], &[]));
    }

    /// A change of one part.
    type Edit = fn(&mut Lesson);

    fn orders(edits: &[Edit]) -> Vec<Vec<Edit>> {
        if edits.is_empty() {
            return vec![Vec::new()];
        }
        let one_first = |at: usize| {
            let mut rest = edits.to_vec();
            let first = rest.remove(at);
            orders(&rest).into_iter().map(move |rest| [vec![first], rest].concat())
        };
        (0..edits.len()).flat_map(one_first).collect()
    }

    #[test]
    fn several_parts_are_edited_in_any_order() {
        let edits: [Edit; 5] = [
            |l| l.title = "Renames are missed".into(),
            |l| l.rule = "Watch the folder.".into(),
            |l| l.why = Some("inodes".into()),
            |l| l.lesson_type = LessonType::Pattern,
            |l| l.body = l.body.as_ref().map(|b| b.replace("It broke.", "It broke >= 2 times.")),
        ];
        let want = TEXT
            .replace("Watcher misses renames", "Renames are missed")
            .replace(QUOTE, "Watch the folder.")
            .replace("inode changes", "inodes")
            .replace("2}\n---", "2}\ntype: pattern\n---")
            .replace("It broke.", "It broke >= 2 times.");
        for order in orders(&edits) {
            let mut states = vec![lesson()];
            for edit in order {
                let mut next = states[states.len() - 1].clone();
                edit(&mut next);
                states.push(next);
            }
            let steps: Vec<Step<'_>> = states.iter().zip(&states[1..]).collect();
            let now = &states[states.len() - 1];
            assert_eq!(updated(TEXT, now, &steps, &[QUOTE]), want, "at once");
            let mut text = TEXT.to_owned();
            for (n, (_, now)) in (1..).zip(&steps) {
                text = updated(&text, now, &steps[..n], &[QUOTE]);
            }
            assert_eq!(text, want, "one after the other");
            assert_eq!(updated(&text, now, &steps, &[QUOTE]), text);
        }
    }

    #[test]
    fn a_rule_that_was_the_title_is_placed_after_the_title_was_edited() {
        let text = "# Watcher misses renames\n\nIt broke.\n";
        let first = Lesson { rule: "Watcher misses renames".into(), ..lesson() };
        let second = Lesson { title: "Renames".into(), ..first.clone() };
        let third = Lesson { rule: "Watch the folder.".into(), ..second.clone() };
        let steps = [(&first, &second), (&second, &third)];
        let want = "# Renames\n\nIt broke.\n\n## Rule\n\nWatch the folder.\n";
        let once = updated(text, &second, &steps[..1], &[]);
        assert_eq!(updated(&once, &third, &steps, &[]), want);
        let both = [(&first, &third)];
        assert_eq!(updated(text, &third, &both, &[]), want);
        assert_eq!(updated(want, &third, &both, &[]), want);
    }
}
