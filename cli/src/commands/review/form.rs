//! A lesson as a text that a person edits, and back.
//!
//! Owns the form: `key: value`, one a line, where a value goes on until the next key. Must not touch
//! the disk or start an editor.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cemem_core::lesson::{Lesson, LessonType};

use super::decide::Words;
use crate::ui::{one_line, printable};

const KEYS: [&str; 5] = ["type", "title", "rule", "why", "paths"];
/// Most quotes shown below the form.
const MAX_QUOTES: usize = 10;

/// Returns the form of a lesson, with what it rests on as comments.
pub(super) fn write(lesson: &Lesson) -> String {
    let types: Vec<_> = LessonType::ALL.iter().map(|t| t.as_str()).collect();
    let mut out = String::new();
    let mut line = |text: &str| {
        // Writing to a string cannot fail.
        let _ignored = writeln!(out, "{}", text.trim_end());
    };
    line(&format!("type:  {}", lesson.lesson_type));
    line(&format!("title: {}", one_line(&lesson.title)));
    line(&format!("rule:  {}", one_line(&lesson.rule)));
    line(&format!("why:   {}", lesson.why.as_deref().map(one_line).unwrap_or_default()));
    line(&format!("paths: {}", one_line(&lesson.applies_when.paths.join(", "))));
    line("");
    line(&format!("# {}: save and close to accept the lesson in these words.", lesson.id));
    line("# Close without a change, or empty the file, to leave it as it is.");
    line("# The rule is one sentence an agent can follow. Paths are separated by commas.");
    line(&format!("# Types: {}.", types.join(", ")));
    line("# Lines that begin with `#` are left out. What it rests on:");
    for evidence in lesson.evidence.iter().take(MAX_QUOTES) {
        line("#");
        for words in printable(&evidence.quote).lines().take(20) {
            line(&format!("#   {words}"));
        }
    }
    out
}

/// Returns the form with what is wrong with it on top, in place of what was wrong before.
pub(super) fn with_reason(text: &str, reason: &str) -> String {
    let rest: Vec<&str> = text.lines().skip_while(|l| l.starts_with("#!")).collect();
    format!("#! {}\n{}\n", one_line(reason), rest.join("\n"))
}

/// Reads a form; `None` if nothing is left of it.
///
/// # Errors
/// What is wrong with it, in words for the person who wrote it.
pub(super) fn read(text: &str) -> Result<Option<Words>, String> {
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    let mut last: Option<&str> = None;
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let key = line.split_once(':').map(|(key, rest)| (key.trim(), rest));
        match key.filter(|(key, _)| KEYS.contains(&key.to_lowercase().as_str())) {
            Some((key, rest)) => {
                let key = KEYS.iter().find(|k| k.eq_ignore_ascii_case(key)).copied();
                let key = key.expect("it is one of the keys");
                if values.insert(key, rest.to_owned()).is_some() {
                    return Err(format!("`{key}:` is there twice"));
                }
                last = Some(key);
            }
            None if line.trim().is_empty() => {}
            None => match last.and_then(|key| values.get_mut(key)) {
                Some(value) => {
                    value.push(' ');
                    value.push_str(line);
                }
                None => return Err(format!("`{}` belongs to no key", one_line(line))),
            },
        }
    }
    if values.is_empty() {
        return Ok(None);
    }
    let value = |key: &str| values.get(key).map(|v| one_line(v));
    let Some(rule) = value("rule").filter(|r| !r.is_empty()) else {
        return Err("a lesson needs a `rule:`".into());
    };
    let lesson_type = match value("type").filter(|t| !t.is_empty()) {
        Some(name) => Some(
            LessonType::parse(&name.to_lowercase())
                .ok_or_else(|| format!("`{name}` is no type; the types are listed below"))?,
        ),
        None => None,
    };
    let paths = value("paths").map(|v| globs(&v));
    Ok(Some(Words {
        lesson_type,
        title: value("title"),
        rule: Some(rule),
        why: value("why"),
        paths,
        body: None,
    }))
}

/// Returns the globs of a list: a comma between braces belongs to its glob.
fn globs(list: &str) -> Vec<String> {
    let mut open = 0_usize;
    let parts = list.split(|c| {
        match c {
            '{' => open += 1,
            '}' => open = open.saturating_sub(1),
            _ => {}
        }
        c == ',' && open == 0
    });
    parts.map(|p| p.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::decide::reword;
    use super::super::queue::tests::waiting;
    use super::*;

    #[test]
    fn what_is_written_reads_as_it_was() {
        let mut lesson = waiting("L-aaaaaa", "rule: use `a: b`, not\u{1b}[2J c.", 0.5).lesson;
        lesson.rule = one_line(&lesson.rule);
        lesson.title.clone_from(&lesson.rule);
        lesson.why = Some("because of type: x".into());
        lesson.applies_when.paths = vec!["src/*.{ts,tsx}".into(), "a b/c.rs".into()];
        let form = write(&lesson);
        assert!(!form.contains('\u{1b}'), "{form}");
        let words = read(&form).unwrap().unwrap();
        let mut after = lesson.clone();
        reword(&mut after, &words, &cemem_ingest::Redactor::new()).unwrap();
        assert_eq!(after, lesson);
    }

    #[test]
    fn a_value_goes_on_over_lines_and_comments_are_left_out() {
        let text = "#! wrong\nRULE: Use tabs\n  in every file.\n\n# no\ntype: Fact\npaths: a, ,b\n";
        let words = read(text).unwrap().unwrap();
        assert_eq!(words.rule.as_deref(), Some("Use tabs in every file."));
        assert_eq!(words.lesson_type, Some(LessonType::Fact));
        assert_eq!(words.paths.unwrap(), ["a", "", "b"]);
        assert_eq!((words.title, words.why), (None, None));
    }

    #[test]
    fn what_is_wrong_is_said_and_nothing_is_nothing() {
        for (text, reason) in [
            ("type: fact\n", "needs a `rule:`"),
            ("rule: a\nrule: b\n", "twice"),
            ("rule: a\ntype: rumour\n", "`rumour` is no type"),
            ("hello\nrule: a\n", "belongs to no key"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(reason), "{said}");
        }
        assert_eq!(read("# all\n\n"), Ok(None));
        let again = with_reason(&with_reason("rule:\n", "one"), "two");
        assert_eq!(again, "#! two\nrule:\n");
    }
}
