//! What the lessons' code looks like, for the commands that look at it.
//!
//! Owns the words. Must not look itself: `cemem_ingest::anchors` does.

use cemem_core::Store;
use cemem_ingest::Redactor;
use cemem_ingest::anchors::{self, LookOptions, Looked};
use serde_json::{Value, json};

use crate::command_error::CommandError;
use crate::context::Context;
use crate::ui::one_line;

/// Looks at the code if it, or a lesson, has changed since the last look.
pub(super) fn look(context: &Context, store: &mut Store) -> Result<Looked, CommandError> {
    let redactor = Redactor::new();
    let options = LookOptions::new(&redactor, &context.project.worktrees);
    Ok(anchors::look(store, &options)?)
}

/// Returns a line for a summary; empty where there is nothing to say.
pub(super) fn line(looked: &Looked) -> String {
    if let Some(why) = &looked.not_checked {
        return format!("code        not checked: {}\n", one_line(why));
    }
    if looked.lessons == 0 {
        return String::new();
    }
    let Looked { fresh, moved, drifted, gone, .. } = looked;
    let moved = if *moved > 0 { format!(" ({moved} moved)") } else { String::new() };
    let hint = if drifted + gone > 0 { "; `cemem review --stale` shows them" } else { "" };
    let rest = if looked.complete { "" } else { "; the next run goes on" };
    format!(
        "code        {fresh} places as they were{moved}, {drifted} changed, {gone} gone{hint}{rest}\n"
    )
}

pub(super) fn as_json(looked: &Looked) -> Value {
    json!({
        "not_checked": looked.not_checked, "head": looked.head, "lessons": looked.lessons,
        "fresh": looked.fresh, "moved": looked.moved, "drifted": looked.drifted,
        "gone": looked.gone, "unknown": looked.unknown, "complete": looked.complete,
        "changed": looked.applied.updated,
    })
}
