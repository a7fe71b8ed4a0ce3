//! A lesson as one line of a block, and such a line read back.
//!
//! Owns what stands in the line besides the rule: paths, doubt and id. Pure. Must not let a lesson's text break
//! out of its line or of the block, nor have agents include a file.

use cemem_core::LessonId;
use cemem_core::exchange::shorten;
use cemem_core::lesson::{Lesson, Scope};

use crate::commands::review::Words;
use crate::ui::one_line;

/// Longest line of a lesson, in characters, id included.
const MAX_LINE: usize = 240;
/// Behind a rule that holds in all projects of a person.
const EVERYWHERE: &str = " (all projects)";
/// Behind a rule whose place in the code has changed.
const DOUBT: &str = " (stale: check the code first)";
/// Paths named in a line.
const MAX_PATHS: usize = 3;

/// Returns the line of a lesson.
pub(crate) fn line(lesson: &Lesson) -> String {
    escaped(&format!("- {}{}", shown_rule(lesson), tail(lesson)))
}

/// Returns the rule, cut to what fits into the line.
fn shown_rule(lesson: &Lesson) -> String {
    let room = MAX_LINE.saturating_sub(tail(lesson).chars().count() + 2);
    shorten(&one_line(&lesson.rule), room)
}

fn tail(lesson: &Lesson) -> String {
    let doubt = if lesson.is_doubtful() { DOUBT } else { "" };
    format!("{}{doubt} [{}]", reach(lesson), lesson.id)
}

fn reach(lesson: &Lesson) -> String {
    match (&lesson.scope, lesson.applies_when.paths.as_slice()) {
        (Scope::User, _) => EVERYWHERE.to_owned(),
        (_, []) => String::new(),
        (_, paths) => {
            let shown: Vec<_> =
                paths.iter().take(MAX_PATHS).map(|p| format!("`{}`", one_line(p))).collect();
            format!(" ({})", shown.join(", "))
        }
    }
}

/// A lesson must not open or close a comment: that could end the block.
pub(super) fn escaped(text: &str) -> String {
    without_includes(text).replace("<!--", "<! --").replace("-->", "-- >")
}

/// Returns words of a line as the lesson has them, as far as that can be told: what comes out is written as
/// the same line.
pub(crate) fn unescaped(text: &str) -> String {
    let plain = text.replace("<! --", "<!--").replace("-- >", "-->").replace("@ ", "@");
    if escaped(&plain) == text { plain } else { text.to_owned() }
}

/// Returns the id at the end of a line.
pub(crate) fn id_of(text: &str) -> Option<LessonId> {
    LessonId::parse(text.strip_suffix(']')?.rsplit_once(" [")?.1)
}

/// Returns the words of a line and the paths it names, without what else was written around them.
pub(crate) fn bare(text: &str) -> (String, Vec<String>) {
    let Some(id) = id_of(text) else { return (text.to_owned(), Vec::new()) };
    let text = without_tail(text, &id);
    let text = text.strip_suffix(EVERYWHERE).unwrap_or(text);
    let named = text.strip_suffix(')').and_then(|t| t.rsplit_once(" ("));
    let paths = |list: &str| -> Option<Vec<String>> {
        let inner = |p: &str| Some(p.strip_prefix('`')?.strip_suffix('`')?.to_owned());
        list.split(", ").map(inner).collect()
    };
    match named.and_then(|(words, list)| Some((words, paths(list)?))) {
        Some((words, paths)) => (words.to_owned(), paths),
        None => (text.to_owned(), Vec::new()),
    }
}

/// Returns a line without its id and the doubt before it.
fn without_tail<'a>(text: &'a str, id: &LessonId) -> &'a str {
    let text = text.strip_suffix(&format!(" [{id}]")).unwrap_or(text);
    text.strip_suffix(DOUBT).unwrap_or(text)
}

/// Returns whether a line is about all projects of a person.
pub(crate) fn is_everywhere(text: &str) -> bool {
    id_of(text).is_some_and(|id| without_tail(text, &id).ends_with(EVERYWHERE))
}

/// Returns whether a line may tell less than its lesson: a piece of the rule, or some of the paths.
pub(crate) fn may_be_cut(text: &str) -> bool {
    let (rule, paths) = bare(text);
    rule.ends_with('…') || paths.len() == MAX_PATHS
}

/// Returns what an edited line says that the lesson does not; `states` are the lesson as it is and as it
/// was, the newest first.
pub(crate) fn reading(text: &str, states: &[Lesson]) -> Words {
    let Some(now) = states.first() else { return Words::default() };
    let text = without_tail(text, &now.id);
    let as_was = states.iter().map(reach).filter(|reach| !reach.is_empty());
    let as_was = as_was.into_iter().find_map(|reach| text.strip_suffix(&escaped(&reach)));
    let (shown, paths) = match as_was {
        Some(shown) => (shown.to_owned(), None),
        // Brackets at the end are paths only where there were some.
        None if now.applies_when.paths.is_empty() => (text.to_owned(), None),
        None => {
            let (shown, mut paths) = bare(&format!("{text} [{}]", now.id));
            if !paths.is_empty() {
                paths.extend(now.applies_when.paths.iter().skip(MAX_PATHS).cloned());
            }
            (shown, Some(paths))
        }
    };
    let mut rule = shown;
    for word in now.rule.split_whitespace() {
        let written = escaped(word);
        if written != word {
            rule = rule.replace(&written, word);
        }
    }
    // What was cut off is still meant.
    if let Some(kept) = rule.strip_suffix('…') {
        let cut = states.iter().find_map(|state| {
            let (whole, shown) = (one_line(&state.rule), shown_rule(state));
            let begin = shown.strip_suffix('…').filter(|_| !whole.ends_with('…'))?;
            whole.strip_prefix(begin).map(str::to_owned)
        });
        rule = cut.map_or(rule.clone(), |rest| format!("{kept}{rest}"));
    }
    let rule = Some(rule).filter(|rule| *rule != one_line(&now.rule));
    Words { rule, paths, ..Words::default() }
}

/// Parts the `@` of words like `@notes/secret.md` from the rest: outside of code, agents that read
/// the file put the content of the file it names in its place. An address like `a@b.c` is none.
fn without_includes(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let ticks = rest.len() - rest.trim_start_matches('`').len();
        let taken = if ticks > 0 { ticks + code_len(&rest[ticks..], ticks) } else { c.len_utf8() };
        let opens = c == '@' && !out.chars().next_back().is_some_and(char::is_alphanumeric);
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
        if opens && !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
            out.push(' ');
        }
    }
    out
}

/// Returns the length of the code that a run of `ticks` opened, the closing run included; 0 when
/// nothing closes it.
fn code_len(text: &str, ticks: usize) -> usize {
    let mut at = 0;
    while let Some(found) = text[at..].find('`') {
        let run = &text[at + found..];
        let len = run.len() - run.trim_start_matches('`').len();
        at += found + len;
        if len == ticks {
            return at;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use cemem_core::clock::Timestamp;
    use cemem_core::exchange::from_line;

    use super::*;

    fn lesson(rule: &str) -> Lesson {
        let text = serde_json::json!({ "type": "fact", "rule": rule }).to_string();
        from_line(&text, "f", 1, Timestamp(0)).unwrap().lesson
    }

    #[test]
    fn a_lesson_includes_no_file() {
        for (rule, expected) in [
            ("Read @AGENTS.md first", "Read @ AGENTS.md first"),
            ("@~/.ssh/id_rsa", "@ ~/.ssh/id_rsa"),
            ("See (@/etc/passwd) or \\@x", "See (@ /etc/passwd) or \\@ x"),
            ("Keep `a @b` and @c", "Keep `a @b` and @ c"),
            ("Odd ` tick @c", "Odd ` tick @ c"),
            ("Odd ``@a` tick``", "Odd ``@a` tick``"),
            ("Write to me@example.org @ noon", "Write to me@example.org @ noon"),
        ] {
            let line = line(&lesson(rule));
            assert!(line.starts_with(&format!("- {expected} [L-")), "{line}");
        }
    }

    #[test]
    fn words_of_a_line_are_those_of_the_lesson() {
        for rule in ["Read @AGENTS.md first", "See (@c)", "No <!-- notes --> in code"] {
            assert_eq!(unescaped(&bare(&line(&lesson(rule))[2..]).0), rule);
        }
        // Whatever it was, the line stays what it is.
        for text in
            ["me@ noon", "`a @ b` and (@ c)", "Odd ` tick @ c", "Meet @ noon", "-- > x", "@ "]
        {
            assert_eq!(escaped(&unescaped(text)), text);
        }
    }

    #[test]
    fn a_line_that_may_be_cut_is_known() {
        let mut one = lesson("Use tabs.");
        let is_cut = |lesson: &Lesson| may_be_cut(&line(lesson)[2..]);
        one.applies_when.paths = vec!["a".into(), "b".into()];
        assert!(!is_cut(&one));
        one.applies_when.paths.push("c".into());
        assert!(is_cut(&one));
        assert!(is_cut(&lesson(&"Many words. ".repeat(30))));
        one.scope = Scope::User;
        assert!(!is_cut(&one) && is_everywhere(&line(&one)[2..]));
        assert!(!is_everywhere(&line(&lesson("Use tabs."))[2..]));
    }
}
