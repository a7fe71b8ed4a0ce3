//! A lesson as a document of `docs/solutions`.
//!
//! Owns the keys that readers of that folder expect, and the choice of a folder in it: one that is there
//! already wins. Pure. Must not lose a key that the lesson brought along.

use std::collections::BTreeMap;

use cemem_core::lesson::{Lesson, LessonType};
pub use cemem_ingest::sources::solutions::{ENGINE, FOLDER};
use serde_yaml_ng::{Mapping, Value};

use super::{front, page};
use crate::ui::one_line;

/// What problem a lesson is about, and the folder that is made for it where none fits.
fn kind(lesson_type: LessonType) -> (&'static str, &'static str) {
    match lesson_type {
        LessonType::Convention | LessonType::Preference => ("convention", "conventions"),
        LessonType::Decision => ("tooling_decision", "tooling-decisions"),
        LessonType::Pattern => ("design_pattern", "design-patterns"),
        LessonType::Mistake | LessonType::Correction => ("workflow_issue", "workflow-issues"),
        LessonType::Solution => ("developer_experience", "developer-experience"),
        LessonType::Constraint | LessonType::Fact => ("best_practice", "best-practices"),
    }
}

/// The folders that are there: which problems their documents are about, and how often.
pub type Folders = BTreeMap<String, BTreeMap<String, usize>>;

/// Returns the name of the folder for a lesson: that of most documents about the same kind of problem,
/// one that is called alike, or the usual one.
#[must_use]
pub fn folder(lesson: &Lesson, there: &Folders) -> String {
    let (usual_problem, usual) = kind(lesson.lesson_type);
    let problem = text_of(&extra(lesson), "problem_type").unwrap_or(usual_problem.to_owned());
    let count = |folder: &BTreeMap<String, usize>| folder.get(&problem).copied().unwrap_or(0);
    let best = there.iter().max_by(|(a, x), (b, y)| count(x).cmp(&count(y)).then_with(|| b.cmp(a)));
    if let Some((name, _)) = best.filter(|(_, problems)| count(problems) > 0) {
        return name.clone();
    }
    let stem =
        |name: &str| name.split(['-', '_']).next().unwrap_or(name).trim_end_matches('s').to_owned();
    let alike = there.keys().find(|name| stem(name) == stem(usual));
    alike.cloned().unwrap_or_else(|| usual.to_owned())
}

/// Returns what problem a document says it is about.
#[must_use]
pub fn problem(text: &str) -> Option<String> {
    text_of(&front::read(front::split(text).front)?, "problem_type")
}

/// Returns the document of a lesson that was read from one: it needs no headings of ours, and stays a source
/// to learn from. `module` is what it is filed under if it does not say.
#[must_use]
pub fn document(lesson: &Lesson, folder: &str, module: &str) -> String {
    let head = head(lesson, folder, module);
    let front: String = head.iter().map(|(key, value)| front::entry(key, value, "\n")).collect();
    let body = lesson.body.as_deref().unwrap_or(&lesson.rule);
    format!("---\n{front}---\n\n{}\n", body.trim())
}

/// Returns whether a lesson was read from such a document.
#[must_use]
pub fn is_document(lesson: &Lesson) -> bool {
    lesson.evidence.iter().any(|e| e.engine == ENGINE)
}

/// Returns the keys of a lesson's document in the usual order: what the lesson brought along, filled up with what readers ask
/// for, then everything else it brought.
#[must_use]
pub fn head(lesson: &Lesson, folder: &str, module: &str) -> Vec<(String, Value)> {
    let mut extra = extra(lesson);
    // Left by the file of another lesson.
    extra.remove(page::KEY);
    let reach = &lesson.applies_when;
    let list = |items: &[String]| {
        let items: Vec<Value> = items.iter().map(|i| one_line(i).into()).collect();
        (!items.is_empty()).then_some(Value::Sequence(items))
    };
    let is_document = is_document(lesson);
    let grave = matches!(lesson.lesson_type, LessonType::Mistake | LessonType::Constraint);
    let area = reach.paths.first().and_then(|p| Some(p.rsplit_once('/')?.0)).unwrap_or(module);
    let ours: [(&str, Option<Value>); 9] = [
        ("title", Some(one_line(&lesson.title).into())),
        ("date", Some(lesson.created.date().into())),
        ("category", Some(folder.into())),
        ("module", Some(one_line(area).into())),
        ("problem_type", Some(kind(lesson.lesson_type).0.into())),
        ("component", Some("development_workflow".into())),
        ("severity", Some(if grave { "high" } else { "medium" }.into())),
        ("files", list(&reach.paths)),
        ("tags", list(&reach.tags)),
    ];
    let mut head = Vec::new();
    for (key, value) in ours {
        let brought = extra.shift_remove(key);
        // The lesson's own title is the newer one, and a document's lists stay under its own keys.
        let mine = value.filter(|_| !(is_document && matches!(key, "files" | "tags")));
        let value = if key == "title" { mine.or(brought) } else { brought.or(mine) };
        head.extend(value.map(|value| (key.to_owned(), value)));
    }
    for (key, value) in extra {
        if let Value::String(key) = key {
            head.push((key, value));
        }
    }
    if !is_document && !head.iter().any(|(key, _)| key == "type") {
        head.push(("type".to_owned(), lesson.lesson_type.as_str().into()));
    }
    head
}

/// Returns the keys that a lesson brought along.
fn extra(lesson: &Lesson) -> Mapping {
    match serde_yaml_ng::to_value(&lesson.extra) {
        Ok(Value::Mapping(mapping)) => mapping,
        _ => Mapping::new(),
    }
}

fn text_of(head: &Mapping, key: &str) -> Option<String> {
    head.get(key).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use cemem_core::clock::Timestamp;
    use cemem_core::exchange::from_line;

    fn lesson(value: &serde_json::Value) -> Lesson {
        from_line(&value.to_string(), "f", 1, Timestamp(0)).unwrap().lesson
    }

    #[test]
    fn a_new_document_has_the_keys_that_readers_ask_for() {
        let lesson = lesson(&json!({
            "type": "solution", "title": "Flaky: auth", "rule": "Freeze the clock.", "created": "2026-03-01",
            "applies_when": {"paths": ["src/auth/clock.rs"], "tags": ["flaky"]},
        }));
        let head = head(&lesson, "developer-experience", "tidepool");
        let text = page::render(&lesson, &head, "\n");
        let head = front::read(front::split(&text).front).unwrap();
        let keys: Vec<&str> = head.keys().filter_map(Value::as_str).collect();
        assert_eq!(
            keys,
            [
                "title",
                "date",
                "category",
                "module",
                "problem_type",
                "component",
                "severity",
                "files",
                "tags",
                "type",
                "cemem"
            ]
        );
        assert_eq!((&head["date"], &head["module"]), (&"2026-03-01".into(), &"src/auth".into()));
        assert!(page::parse(&text).unwrap().intact, "{text}");
    }

    #[test]
    fn a_document_comes_out_with_every_key() {
        let extra =
            json!({"severity": "low", "odd": {"b": [1, {"c": "x: y"}]}, "on": "no", "tags": ["a"]});
        let mut lesson = lesson(
            &json!({"title": "T", "rule": "Do it.", "body": "# T\n\nDo it.", "extra": extra}),
        );
        lesson.evidence[0].engine = ENGINE.into();
        let text = document(&lesson, "x", "m");
        let head = front::read(front::split(&text).front).unwrap();
        for (key, value) in extra.as_object().unwrap() {
            assert_eq!(head[key.as_str()], serde_yaml_ng::to_value(value).unwrap(), "{key}");
        }
        assert!(text.ends_with("---\n\n# T\n\nDo it.\n"), "{text}");
    }

    #[test]
    fn folders_that_are_there_win() {
        let lesson = lesson(&json!({"type": "mistake", "rule": "R."}));
        assert_eq!(folder(&lesson, &Folders::new()), "workflow-issues");
        let there = |names: &[(&str, &str)]| -> Folders {
            let one = |p: &str| BTreeMap::from([(p.to_owned(), 1)]);
            names.iter().map(|(name, problem)| ((*name).to_owned(), one(problem))).collect()
        };
        assert_eq!(folder(&lesson, &there(&[("a", "logic_error"), ("workflow", "x")])), "workflow");
        let by_problem = there(&[("workflow", "x"), ("team", "workflow_issue")]);
        assert_eq!(folder(&lesson, &by_problem), "team");
    }
}
