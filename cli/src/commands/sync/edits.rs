//! What people changed by hand in files that cemem writes, told and taken over.
//!
//! Owns making an edit of a file one of the lesson, in the person's name. Must not touch a file.

use std::io::{BufRead as _, IsTerminal as _};

use cemem_core::{LessonId, Trust};
use serde_json::{Value, json};

use super::target::short;
use crate::command_error::CommandError;
use crate::commands::remember::{Statement, remember};
use crate::commands::review::Words;
use crate::commands::review::decide::{Verdict, carry_out};
use crate::context::Context;
use crate::sync::drift::{Drift, Edit};
use crate::ui::one_line;

/// Makes edits of lessons of what was changed, as one undoable change, and lessons of new lines.
///
/// # Errors
/// When a lesson was edited in two ways, or the store cannot be written; nothing is changed then.
pub(super) fn take(context: &Context, drifts: &[Drift]) -> Result<(), CommandError> {
    let mut verdicts: Vec<(LessonId, Verdict)> = Vec::new();
    for drift in drifts {
        let name = short(context, &drift.path);
        for edit in &drift.edits {
            let (id, verdict) = match edit {
                Edit::Change { id, words } => (id, Verdict::Edit(words.as_ref().clone())),
                Edit::Retire(id) => (id, Verdict::Reject(format!("taken out of {name}"))),
                Edit::Back(id) => (id, Verdict::Accept),
                Edit::New { .. } | Edit::Unreadable | Edit::Orphan(_) => continue,
            };
            match verdicts.iter().find(|(known, _)| known == id) {
                Some((_, other)) if *other != verdict => {
                    let message = format!("{id} was edited in two ways; one of them is in {name}");
                    return Err(CommandError::user(message)
                        .hint("make them the same, or undo one, then run it again"));
                }
                Some(_) => {}
                None => verdicts.push((id.clone(), verdict)),
            }
        }
    }
    if !verdicts.is_empty() {
        let mut store = context.store()?;
        let done = carry_out(&mut store, &verdicts, context.clock.now(), "user")?;
        let n = verdicts.len();
        let noun = if n == 1 { "edit" } else { "edits" };
        let undo = format!("`cemem lessons undo {}` takes it back", done.change);
        context.ui.say(&format!("{n} {noun} taken into the lessons; {undo}"));
    }
    for edit in drifts.iter().flat_map(|drift| &drift.edits) {
        if let Edit::New { text, lesson_type, paths } = edit {
            let (lesson_type, by) = (*lesson_type, Trust::User);
            let lesson = remember(context, &Statement { text, lesson_type, why: None, paths, by })?;
            context.ui.say(&format!("remembered {}: {}", lesson.id, one_line(&lesson.rule)));
        }
    }
    Ok(())
}

/// Returns whether a person at a terminal wants the edits in the lessons; nothing where nobody is asked.
pub(super) fn agreed(context: &Context, drifts: &[Drift]) -> Result<Option<bool>, CommandError> {
    let at_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let can = |edit: &Edit| !matches!(edit, Edit::Unreadable | Edit::Orphan(_));
    if !at_terminal || context.ui.json || !drifts.iter().flat_map(|d| &d.edits).any(can) {
        return Ok(None);
    }
    tell(context, drifts);
    context.ui.warn("take these edits into the lessons? [y/N]");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(Some(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")))
}

/// Says what was edited by hand.
pub(super) fn tell(context: &Context, drifts: &[Drift]) {
    for drift in drifts {
        context.ui.warn(&format!("{} was edited by hand:", short(context, &drift.path)));
        for edit in &drift.edits {
            context.ui.warn(&format!("  {}", line(edit)));
        }
        for line in &drift.rest {
            context.ui.warn(&format!(
                "  about no lesson, it would go below the block: {}",
                one_line(line)
            ));
        }
    }
}

fn line(edit: &Edit) -> String {
    match edit {
        Edit::Change { id, words } => {
            let parts = parts(words);
            let parts: Vec<String> =
                parts.iter().map(|(name, text)| format!("{name}: {}", one_line(text))).collect();
            format!("{id} now says {}", parts.join("; "))
        }
        Edit::Retire(id) => format!("{id} was taken out"),
        Edit::Back(id) => format!("{id}, which is no longer delivered, was put back"),
        Edit::New { text, .. } => format!("new: {}", one_line(text)),
        Edit::Unreadable => "it no longer says what the rule is".to_owned(),
        Edit::Orphan(id) => {
            format!("its lesson {id} is no longer delivered; remove the file if it should go")
        }
    }
}

fn parts(words: &Words) -> Vec<(&'static str, String)> {
    let paths = words.paths.as_ref().map(|paths| paths.join(", "));
    let parts = [
        ("type", words.lesson_type.map(|t| t.as_str().to_owned())),
        ("title", words.title.clone()),
        ("rule", words.rule.clone()),
        ("why", words.why.clone()),
        ("paths", paths),
        ("body", words.body.clone()),
    ];
    parts.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
}

/// Returns the edits of a file for `--json`.
pub(super) fn as_json(drift: &Drift) -> Value {
    let edit = |edit: &Edit| match edit {
        Edit::Change { id, words } => {
            let words: serde_json::Map<String, Value> = parts(words)
                .into_iter()
                .map(|(name, text)| (name.to_owned(), text.into()))
                .collect();
            json!({ "lesson": id, "kind": "change", "words": words })
        }
        Edit::Retire(id) => json!({ "lesson": id, "kind": "retire" }),
        Edit::Back(id) => json!({ "lesson": id, "kind": "back" }),
        Edit::New { text, .. } => {
            json!({ "lesson": null, "kind": "new", "words": { "rule": text } })
        }
        Edit::Unreadable => json!({ "lesson": null, "kind": "unreadable" }),
        Edit::Orphan(id) => json!({ "lesson": id, "kind": "orphan" }),
    };
    drift.edits.iter().map(edit).collect()
}
