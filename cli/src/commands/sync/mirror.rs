//! The lessons as files that people read, review and edit: `.cemem/lessons/<type>/<name>.md`.
//!
//! Owns what stands in their front matter. What is a person's own stays in their memory: lessons for all
//! projects have no file in one. Must not write.

use std::collections::BTreeSet;
use std::path::Path;

use cemem_core::lesson::{Lesson, Scope};
use serde_yaml_ng::Value;

use super::Source;
use super::pages::{self, Found, Planned, Wanted};
use super::target::markdown;
use crate::command_error::CommandError;
use crate::ui::one_line;

/// The folder in a project.
pub(super) const FOLDER: &str = ".cemem/lessons";

pub(super) fn plan(source: &Source<'_>) -> Result<Planned, CommandError> {
    let folder = source.root.join(FOLDER);
    let found = Found::among(markdown(&folder));
    let lessons = source.lessons.iter().filter(|lesson| lesson.scope != Scope::User);
    let wanted = lessons
        .map(|lesson| Wanted { lesson, folder: folder.join(lesson.lesson_type.as_str()) })
        .collect();
    pages::plan(source.store, wanted, found, BTreeSet::new(), &head, source.force)
}

fn head(lesson: &Lesson, _folder: &Path) -> Vec<(String, Value)> {
    let reach = &lesson.applies_when;
    let stages: Vec<String> = reach.stages.iter().map(|s| s.as_str().to_owned()).collect();
    let lists = [
        ("paths", &reach.paths),
        ("commands", &reach.commands),
        ("symbols", &reach.symbols),
        ("stages", &stages),
        ("languages", &reach.languages),
        ("tags", &reach.tags),
    ];
    let mut head = vec![("type".to_owned(), lesson.lesson_type.as_str().into())];
    for (key, items) in lists.into_iter().filter(|(_, items)| !items.is_empty()) {
        let items = items.iter().map(|item| one_line(item).into()).collect();
        head.push((key.to_owned(), Value::Sequence(items)));
    }
    head.push(("since".to_owned(), lesson.created.date().into()));
    head
}
