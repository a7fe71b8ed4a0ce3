//! What a command that is about to run, or has just failed, can be compared with.
//!
//! Owns the two bridges from a live agent to lessons: the families of a command line, and the
//! signatures by which a failure is recognised again, taken from an output and from a lesson alike.
//! Must not choose between lessons.

use std::collections::BTreeSet;

use cemem_core::candidate::checked_rule;
use cemem_core::{Lesson, LessonType};

use super::command;

/// Longest part of a signature that counts, in characters: quotes are cut at their ends.
const MAX_SIGNATURE: usize = 120;
/// Most signatures taken from one text.
const MAX_SIGNATURES: usize = 24;
/// How much of an output is looked at, at its beginning and at its end, in bytes.
const LOOK: usize = 64 << 10;

/// Returns the families of every command on a command line, as lessons name them: `cargo test`,
/// `npm run build`.
#[must_use]
pub fn families(line: &str) -> Vec<String> {
    command::families(line)
}

/// Returns whether a lesson's command speaks about this family: the same, or a shorter name of it.
#[must_use]
pub fn is_of_family(family: &str, command: &str) -> bool {
    family.strip_prefix(command.trim()).is_some_and(|rest| {
        !command.trim().is_empty() && (rest.is_empty() || rest.starts_with(' '))
    })
}

/// Returns whether a command builds, tests or checks something.
#[must_use]
pub fn is_check(line: &str) -> bool {
    command::is_check(line)
}

/// Returns whether the output of a command shows a failure, whatever its exit status says.
#[must_use]
pub fn shows_failure(output: &str) -> bool {
    ends(output).iter().any(|part| command::output_fails(part))
}

/// Returns the signatures of the failures in an output.
#[must_use]
pub fn of_output(output: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in ends(output).into_iter().flat_map(command::error_lines) {
        if found.len() >= MAX_SIGNATURES {
            break;
        }
        found.insert(cut(&command::signature(line)));
        found.extend(command::checker_rule(line).map(|(code, _)| of_code(code)));
    }
    found
}

/// Returns the signatures of the failures a lesson tells the end of; none for lessons of other kinds.
#[must_use]
pub fn of_lesson(lesson: &Lesson) -> BTreeSet<String> {
    if lesson.lesson_type != LessonType::Solution {
        return BTreeSet::new();
    }
    let quotes = lesson.evidence.iter().map(|e| e.quote.as_str());
    let texts = lesson.body.as_deref().into_iter().chain(quotes);
    let mut found: BTreeSet<String> = texts
        .flat_map(command::error_lines)
        .take(MAX_SIGNATURES)
        .map(|line| cut(&command::signature(line)))
        .collect();
    found.extend(checked_rule(&lesson.title).map(of_code));
    found
}

fn of_code(code: &str) -> String {
    format!("rule:{code}")
}

/// Returns a signature without any folder, and as short as the shortest quote of it may be: the same
/// failure is seen from other folders, too.
fn cut(signature: &str) -> String {
    let names = signature.trim_end_matches('…').split(' ');
    let names: Vec<&str> = names.map(|word| word.rsplit('/').next().unwrap_or(word)).collect();
    let short: String = names.join(" ").chars().take(MAX_SIGNATURE).collect();
    short.trim_end().to_owned()
}

/// Returns the beginning and the end of a long text; the whole of a short one.
fn ends(text: &str) -> Vec<&str> {
    if text.len() <= 2 * LOOK {
        return vec![text];
    }
    let (mut first, mut last) = (LOOK, text.len() - LOOK);
    while !text.is_char_boundary(first) {
        first -= 1;
    }
    while !text.is_char_boundary(last) {
        last += 1;
    }
    vec![&text[..first], &text[last..]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use cemem_core::Timestamp;
    use cemem_core::exchange::from_line;

    fn solution(body: &str) -> Lesson {
        let line = serde_json::json!({ "type": "solution", "rule": "Look there", "body": body });
        from_line(&line.to_string(), "f", 1, Timestamp(0)).unwrap().lesson
    }

    #[test]
    fn a_failure_is_recognised_in_another_run() {
        let lesson = solution(
            "Failed: `go test`\n\n```text\ncmd/a.go:12:5: undefined: parseConfig\n```\n\nFixed by:",
        );
        let output =
            "Exit code 1\n# github.com/x/y\n./sub/cmd/a.go:99:1: undefined: parseConfig\nFAIL";
        assert!(shows_failure(output));
        assert!(!of_lesson(&lesson).is_disjoint(&of_output(output)), "{:?}", of_output(output));
        let other = "./cmd/a.go:99:1: undefined: parseOptions\nFAIL";
        assert!(of_lesson(&lesson).is_disjoint(&of_output(other)));
        assert!(of_output("ok  github.com/x/y 0.3s").is_empty());
        let fact = Lesson { lesson_type: LessonType::Fact, ..lesson };
        assert!(of_lesson(&fact).is_empty());
    }

    #[test]
    fn a_checkers_rule_is_the_same_wherever_it_is_broken() {
        let mut lesson = solution("");
        lesson.title = "Check `errcheck`".into();
        let output = "b.go:3:7: Error return value is not checked (errcheck)";
        assert!(!of_lesson(&lesson).is_disjoint(&of_output(output)));
    }

    #[test]
    fn families_and_shorter_names() {
        assert_eq!(
            families("cd web && npm install zod | tail; cargo test -p x"),
            ["npm install", "cargo test"]
        );
        assert!(is_of_family("cargo test", "cargo") && is_of_family("cargo test", "cargo test"));
        assert!(!is_of_family("cargo test", "car") && !is_of_family("cargo", "cargo test"));
        assert!(!is_of_family("cargo test", " "));
    }

    #[test]
    fn long_outputs_are_looked_at_at_both_ends() {
        let error = "error[E0432]: unresolved import `crate::gone`\n";
        let noise = "é compiling another crate\n".repeat(20_000);
        for output in [format!("{error}{noise}"), format!("{noise}{error}")] {
            assert!(of_output(&output).contains("rule:E0432"));
        }
    }
}
