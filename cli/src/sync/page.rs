//! One lesson as a file of its own: front matter and a few headings.
//!
//! Owns how a lesson is written as Markdown and read back, in `.cemem/lessons` and as a new document of
//! `docs/solutions`. The key `cemem` holds the lesson's id and a checksum of the rest, so that an edit by
//! hand is noticed. Must not decide what becomes of an edit.

use cemem_core::LessonId;
use cemem_core::exchange::shorten;
use cemem_core::lesson::{Lesson, LessonType, MAX_TITLE_CHARS};
use cemem_ingest::sources::solutions;
use serde_yaml_ng::{Mapping, Value};

use super::block::checksum;
use super::front;
use crate::commands::review::Words;
use crate::ui::one_line;

/// The key of the front matter that says whose file it is.
pub const KEY: &str = solutions::LESSON_KEY;
/// Longest name of a file, in characters.
const MAX_NAME: usize = 60;
const RULE: &str = "## Guidance";
const WHY: &str = "## Why This Matters";
const BODY: &str = "## Details";

/// A file of this kind, as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Whose it is.
    pub id: LessonId,
    /// It is as cemem wrote it, and nobody put words behind the checksum.
    pub intact: bool,
    /// The checksum in it.
    pub sum: String,
    /// What it says; `None` if that cannot be told.
    pub says: Option<Says>,
}

/// What a file says of a lesson.
#[derive(Debug, Clone, PartialEq)]
pub struct Says {
    lesson_type: Option<LessonType>,
    /// The heading.
    title: Option<String>,
    /// The title in the front matter.
    named: Option<String>,
    rule: String,
    why: String,
    paths: Vec<String>,
    body: String,
}

impl Says {
    /// Returns the rule.
    pub(crate) fn rule(&self) -> &str {
        &self.rule
    }

    /// Returns what was neither so when the file was written, nor is so now: the words of an edit. A title
    /// that was not written or is gone stays what it is.
    #[must_use]
    pub(crate) fn since(&self, written: &Self, now: &Self) -> Words {
        fn new<T: PartialEq + Clone>(says: &T, written: &T, now: &T) -> Option<T> {
            (says != written && says != now).then(|| says.clone())
        }
        Words {
            lesson_type: new(&self.lesson_type, &written.lesson_type, &now.lesson_type).flatten(),
            title: new(&self.title, &written.title, &now.title)
                .or_else(|| new(&self.named, &written.named, &now.named))
                .flatten(),
            rule: new(&self.rule, &written.rule, &now.rule),
            why: new(&self.why, &written.why, &now.why),
            paths: new(&self.paths, &written.paths, &now.paths),
            body: new(&self.body, &written.body, &now.body),
        }
    }
}

/// Returns the file of a lesson. `head` comes first in its front matter.
#[must_use]
pub fn render(lesson: &Lesson, head: &[(String, Value)], newline: &str) -> String {
    let mut lines = vec!["---".to_owned()];
    lines.extend(head.iter().map(|(key, value)| front::entry(key, value, "")));
    lines.push(String::new());
    let mark = lines.len() - 1;
    lines.push("---".to_owned());
    if !follows_rule(lesson) || head.iter().any(|(key, _)| key == "title") {
        lines.extend([String::new(), format!("# {}", one_line(&lesson.title))]);
    }
    let why = lesson.why.as_deref().unwrap_or_default();
    let mut section = |heading: &str, text: &str| {
        if !text.trim().is_empty() {
            lines.extend([String::new(), heading.to_owned(), String::new()]);
            lines.extend(text.trim().lines().map(clean_line));
        }
    };
    section(RULE, &as_text(&one_line(&lesson.rule)));
    section(WHY, &as_text(&one_line(why)));
    section(BODY, lesson.body.as_deref().unwrap_or_default());
    lines.push(String::new());
    lines[mark] = format!("{KEY}: {} {}", lesson.id, sum_without(&lines, mark));
    lines.join(newline)
}

/// Returns a file of a lesson brought up to date. Whatever somebody else put into its front matter stays;
/// of `head` only keys in `follows` are set again, and the text only where the lesson says something else.
#[must_use]
pub fn refresh(text: &str, lesson: &Lesson, head: &[(String, Value)], follows: &[&str]) -> String {
    let newline = front::newline(text);
    let fresh = render(lesson, head, newline);
    let (Some(page), Some(wanted)) = (parse(text), parse(&fresh)) else { return fresh };
    let Some(has) = page.says else { return fresh };
    let mut out = text.to_owned();
    for (key, value) in head.iter().filter(|(key, _)| follows.contains(&key.as_str())) {
        match front::set(&out, key, value) {
            Some(done) => out = done,
            None => return fresh,
        }
    }
    // A list that is empty now is not in the head any more.
    let left = front::read(front::split(&out).front).unwrap_or_default();
    for key in follows.iter().filter(|key| !head.iter().any(|(known, _)| known == *key)) {
        if matches!(left.get(*key), Some(Value::Sequence(items)) if !items.is_empty()) {
            out = front::set(&out, key, &Value::Sequence(Vec::new())).unwrap_or(out);
        }
    }
    let same = |a: &Says, b: &Says| {
        (&a.title, &a.rule, &a.why, &a.body) == (&b.title, &b.rule, &b.why, &b.body)
    };
    if !wanted.says.is_some_and(|wanted| same(&wanted, &has)) {
        let kept = out.len() - front::split(&out).body.len();
        out = format!("{}{}", &out[..kept], front::split(&fresh).body);
    }
    seal(&out, &lesson.id)
}

/// Returns the text with its checksum as it has to be.
fn seal(text: &str, id: &LessonId) -> String {
    let lines: Vec<String> = text.lines().map(|l| l.trim_end_matches('\r').to_owned()).collect();
    let Some(mark) = mark(&lines) else { return text.to_owned() };
    let rest = words_of_mark(&lines[mark]).2;
    let line = format!("{KEY}: {id} {}{rest}", sum_without(&lines, mark));
    text.replacen(&lines[mark], &line, 1)
}

/// Returns the id and the checksum in the line that holds them, and what somebody wrote behind them.
fn words_of_mark(line: &str) -> (&str, &str, &str) {
    let word = |text: &str| text.find(char::is_whitespace).unwrap_or(text.len());
    let line = line[KEY.len() + 1..].trim_start();
    let (id, rest) = line.split_at(word(line));
    let rest = rest.trim_start();
    let (sum, rest) = rest.split_at(word(rest));
    (id, sum, rest.trim_end())
}

/// Returns which line holds the checksum.
fn mark(lines: &[String]) -> Option<usize> {
    lines.iter().position(|line| line.strip_prefix(KEY).is_some_and(|rest| rest.starts_with(": ")))
}

/// Keeps a line that is a paragraph from being read as a heading.
fn as_text(line: &str) -> String {
    if line.starts_with('#') { format!("\\{line}") } else { line.to_owned() }
}

/// Returns a line of a longer text as it can stand in a file: what could move a cursor is taken out.
fn clean_line(line: &str) -> String {
    crate::ui::printable(line.trim_end())
}

fn follows_rule(lesson: &Lesson) -> bool {
    one_line(&lesson.title) == shorten(&one_line(&lesson.rule), MAX_TITLE_CHARS)
}

fn sum_without(lines: &[String], mark: usize) -> String {
    let rest: Vec<&str> =
        lines.iter().enumerate().filter(|(i, _)| *i != mark).map(|(_, l)| l.as_str()).collect();
    checksum(&rest.join("\n"))
}

/// Returns what a file of a lesson says; `None` for any other file.
#[must_use]
pub fn parse(text: &str) -> Option<Page> {
    let parts = front::split(text);
    let lines: Vec<String> = text.lines().map(|l| l.trim_end_matches('\r').to_owned()).collect();
    let mark = mark(&lines)?;
    if !parts.front.lines().any(|l| l.starts_with(&lines[mark])) {
        return None;
    }
    let (id, sum, rest) = words_of_mark(&lines[mark]);
    let (id, sum) = (LessonId::parse(id)?, sum.to_owned());
    let intact = rest.is_empty() && sum_without(&lines, mark) == sum;
    let says = front::read(parts.front).and_then(|head| said(&head, parts.body));
    Some(Page { id, intact, sum, says })
}

fn said(head: &Mapping, body: &str) -> Option<Says> {
    let text = |key: &str| head.get(key).and_then(Value::as_str);
    let paths = ["paths", "files"].iter().find_map(|key| head.get(*key));
    let paths = match paths {
        Some(Value::Sequence(items)) => {
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    };
    let lesson_type = text("type").map(LessonType::parse);
    if matches!(lesson_type, Some(None)) {
        return None;
    }
    let mut says = Says {
        lesson_type: lesson_type.flatten(),
        title: None,
        named: text("title").map(one_line),
        rule: String::new(),
        why: String::new(),
        paths,
        body: String::new(),
    };
    let mut lines = body.lines().peekable();
    while let Some(line) = lines.next_if(|l| l.trim().is_empty() || l.starts_with("# ")) {
        // The heading is what people see and edit.
        says.title = line.strip_prefix("# ").map(one_line).or(says.title);
    }
    // What stands under no heading of ours, or under one of somebody else's, belongs to the body.
    let (mut rule, mut why, mut more) = (Vec::new(), Vec::new(), Vec::new());
    let mut into = 0;
    for line in lines {
        match line.trim_end() {
            RULE if into == 0 => into = 1,
            WHY if into < 3 => into = 2,
            BODY if into < 3 => into = 3,
            other if into < 3 && other.starts_with('#') => {
                into = 3;
                more.push(line);
            }
            _ if into == 1 => rule.push(line),
            _ if into == 2 => why.push(line),
            _ => more.push(line),
        }
    }
    let prose = |lines: &[&str]| {
        let text = one_line(&lines.join(" "));
        text.strip_prefix("\\#").map_or(text.clone(), |rest| format!("#{rest}"))
    };
    (says.rule, says.why) = (prose(&rule), prose(&why));
    says.body = more.iter().map(|l| l.trim_end()).collect::<Vec<_>>().join("\n").trim().to_owned();
    (!says.rule.is_empty()).then_some(says)
}

/// Returns the lesson of a file as a line of an import, under its own id; `None` if the file does not say
/// what the lesson is.
#[must_use]
pub fn as_line(text: &str) -> Option<serde_json::Value> {
    let Page { id, says, .. } = parse(text)?;
    let says = says?;
    let head = front::read(front::split(text).front)?;
    let list = |key: &str| -> Vec<&str> {
        let items = head.get(key).and_then(Value::as_sequence).map_or(&[][..], Vec::as_slice);
        items.iter().filter_map(Value::as_str).collect()
    };
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(serde_json::json!({
        "id": id, "type": says.lesson_type, "title": says.title.or(says.named), "rule": says.rule,
        "why": text(&says.why), "body": text(&says.body),
        "created": head.get("since").and_then(Value::as_str),
        "applies_when": {
            "paths": says.paths, "commands": list("commands"), "symbols": list("symbols"),
            "stages": list("stages"), "languages": list("languages"), "tags": list("tags"),
        },
    }))
}

/// Returns a name for the file of a lesson, without its ending.
#[must_use]
pub fn name(title: &str) -> String {
    let mut name = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        match c {
            c if c.is_alphanumeric() => name.push(c),
            // An apostrophe parts no words.
            '\'' | '’' => {}
            _ if name.is_empty() || name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    let short: String = name.chars().take(MAX_NAME).collect();
    let cut = if short.len() < name.len() { short.rfind('-').filter(|&i| i > 20) } else { None };
    let short = short[..cut.unwrap_or(short.len())].trim_matches('-');
    // What Windows has other uses for is no name of a file.
    let reserved = ["con", "prn", "aux", "nul"].contains(&short);
    if short.is_empty() || reserved { "lesson".to_owned() } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use cemem_core::clock::Timestamp;
    use cemem_core::exchange::from_line;

    fn lesson(value: &serde_json::Value) -> Lesson {
        from_line(&value.to_string(), "f", 1, Timestamp(0)).unwrap().lesson
    }

    fn head(lesson: &Lesson) -> Vec<(String, Value)> {
        let paths = lesson.applies_when.paths.iter().map(|p| Value::from(p.as_str())).collect();
        vec![
            ("type".into(), lesson.lesson_type.as_str().into()),
            ("paths".into(), Value::Sequence(paths)),
        ]
    }

    fn page(text: &str) -> Page {
        parse(text).unwrap()
    }

    #[test]
    fn an_edit_of_each_part_is_that_part_and_nothing_else() {
        let lesson = lesson(&json!({
            "type": "mistake", "title": "Cache lock", "rule": "Never hold the lock.", "why": "It deadlocks.",
            "body": "One.\n\n## Own heading\n\nTwo.", "applies_when": {"paths": ["src/a.rs"]}
        }));
        let text = render(&lesson, &head(&lesson), "\n");
        assert!(page(&text).intact, "{text}");
        let base = page(&text).says.unwrap();
        assert_eq!(base.since(&base, &base), Words::default());
        let edit = |from: &str, to: &str| {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            let page = page(&changed);
            assert!(!page.intact && page.id == lesson.id);
            page.says.unwrap().since(&base, &base)
        };
        let none = Words::default;
        let some = |t: &str| Some(t.to_owned());
        assert_eq!(edit("# Cache lock", "# The lock"), Words { title: some("The lock"), ..none() });
        let rule = Words { rule: some("Never hold any lock."), ..none() };
        assert_eq!(edit("Never hold the lock.", "Never hold\nany lock."), rule);
        assert_eq!(edit("It deadlocks.", "It hangs."), Words { why: some("It hangs."), ..none() });
        let body = Words { body: some("One.\n\n## Own heading\n\nTwo, three."), ..none() };
        assert_eq!(edit("Two.", "Two, three."), body);
        let paths = Words { paths: Some(vec!["src/b.rs".into()]), ..none() };
        assert_eq!(edit("src/a.rs", "src/b.rs"), paths);
        let kind = Words { lesson_type: Some(LessonType::Fact), ..none() };
        assert_eq!(edit("type: mistake", "type: fact"), kind);
        // Line endings are no edit, and neither is a blank line at the end.
        assert!(page(&text.replace('\n', "\r\n")).intact && page(&format!("{text}\n\n")).intact);
        assert!(page(&text.replace("Never hold the lock.\n", "")).says.is_none());
    }

    #[test]
    fn words_behind_the_checksum_are_a_persons_and_stay() {
        let lesson = lesson(&json!({"type": "fact", "rule": "One."}));
        let text = render(&lesson, &head(&lesson), "\n");
        let mark = text.lines().find(|l| l.starts_with("cemem: ")).unwrap();
        let noted = text.replace(mark, &format!("{mark} # mine,  all mine"));
        let page = page(&noted);
        assert!(!page.intact && page.id == lesson.id);
        assert_eq!(refresh(&noted, &lesson, &head(&lesson), &[]), noted);
    }

    #[test]
    fn what_others_put_into_the_head_stays() {
        let first = lesson(&json!({"type": "fact", "title": "T", "rule": "One.", "why": "W"}));
        let text = render(&first, &head(&first), "\r\n");
        let text = text.replace("type: fact", "owner: mara # ours\r\ntype: 'fact'");
        let sealed = refresh(&text, &first, &head(&first), &["type"]);
        assert!(page(&sealed).intact && !page(&text).intact);
        let mark = |t: &str| t.lines().position(|l| l.starts_with("cemem: ")).unwrap();
        let without = |t: &str| -> Vec<String> {
            t.split('\n')
                .enumerate()
                .filter(|(i, _)| *i != mark(t))
                .map(|(_, l)| l.into())
                .collect()
        };
        assert_eq!(without(&sealed), without(&text));
        let mut second = first.clone();
        (second.rule, second.lesson_type) = ("Two.".into(), LessonType::Mistake);
        let newer = refresh(&sealed, &second, &head(&second), &["type"]);
        assert_eq!(
            without(&newer),
            without(&sealed.replace("One.", "Two.").replace("'fact'", "'mistake'"))
        );
        assert!(page(&newer).intact);
        assert_eq!(refresh(&newer, &second, &head(&second), &["type"]), newer);
    }

    #[test]
    fn other_files_are_none_of_ours() {
        for text in
            ["", "# A\n", "---\ntitle: x\n---\n", "---\ncemem: you\n---\n", "cemem: L-123456 x\n"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_those_of_files() {
        assert_eq!(name("Don't hold `the` Lock!"), "dont-hold-the-lock");
        assert_eq!(name("../../etc/passwd"), "etc-passwd");
        assert_eq!((name("CON"), name("…")), ("lesson".into(), "lesson".into()));
        assert!(name(&"long words ".repeat(20)).len() <= 60);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            title in "\\PC{0,40}", rule in "[a-zA-Z#`*_-][\\PC\n]{0,60}", why in "(\\PC|\n){0,40}",
            body in "(#|-|\\PC|\n){0,80}", path in "[a-z/.*\\[\\]{} '\"]{1,12}",
        ) {
            let line = json!({
                "title": title, "rule": format!("x{rule}"), "why": why, "body": body,
                "applies_when": {"paths": [path]},
            });
            let lesson = lesson(&line);
            let text = render(&lesson, &head(&lesson), "\n");
            let page = page(&text);
            prop_assert!(page.intact && page.id == lesson.id);
            let says = page.says.unwrap();
            prop_assert_eq!(&says.rule, &one_line(&lesson.rule));
            prop_assert_eq!(&says.why, &one_line(lesson.why.as_deref().unwrap_or_default()));
            prop_assert_eq!(&says.paths, &lesson.applies_when.paths);
            prop_assert_eq!(render(&lesson, &head(&lesson), "\n"), text);
        }
    }
}
