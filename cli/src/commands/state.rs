//! `cemem` alone: this project's memory in a few lines, and what to do next.
//!
//! Owns the summary. Must not write anything: to look is not to begin a memory.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cemem_core::lesson::{Lesson, LessonStatus};
use cemem_core::store::LessonFilter;
use serde_json::json;

use super::JSON_VERSION;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::ui::one_line;
use crate::{exit_code, runtime};

/// What is remembered of a project.
#[derive(Default)]
struct Memory {
    lessons: Vec<Lesson>,
    /// Sessions and documents that were read.
    sessions: u64,
    /// How often a lesson was shown.
    shown: u64,
}

impl Memory {
    fn of(context: &Context) -> Result<Self, CommandError> {
        // Opening a store begins it.
        let is_there = context.home.store_path(&context.project).is_file();
        if !is_there && context.trouble.is_none() {
            return Ok(Self::default());
        }
        let store = context.store_to_read()?;
        Ok(Self {
            lessons: store.lessons(&LessonFilter::default())?,
            sessions: store.counts()?.sessions,
            shown: store.counters()?.values().map(|c| c.shown).sum(),
        })
    }
}

pub(super) fn run(context: &mut Context) -> Result<u8, CommandError> {
    let Memory { lessons, sessions, shown } = Memory::of(context)?;
    let n = |status: LessonStatus| lessons.iter().filter(|l| l.status == status).count();
    let delivered = lessons.iter().filter(|l| l.status.is_recallable()).count();
    let waiting = lessons.iter().filter(|l| l.is_waiting()).count();
    let semantic = runtime::find(&context.home).is_some();
    let next = next(lessons.len(), waiting);
    let project = &context.project;
    if context.ui.json {
        let by_status: BTreeMap<String, usize> = LessonStatus::ALL
            .iter()
            .map(|s| (s.to_string(), n(*s)))
            .filter(|(_, n)| *n > 0)
            .collect();
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "project": project.name, "root": project.root,
            "by_status": by_status, "delivered": delivered, "waiting": waiting,
            "sessions": sessions, "shown": shown, "semantic": semantic, "next": next,
        }))?;
        return Ok(exit_code::OK);
    }
    let mut out = String::new();
    let mut field = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ignored = writeln!(out, "{name:<10} {value}");
    };
    let root = project.root.display().to_string();
    field("project", format!("{} ({})", one_line(&project.name), one_line(&root)));
    field("heard", format!("{sessions} sessions and documents"));
    let stale = n(LessonStatus::Stale);
    let doubt = if stale > 0 { format!(" ({stale} stale)") } else { String::new() };
    field("lessons", format!("{delivered} are recalled{doubt}, {waiting} wait for a decision"));
    field("shown", format!("{shown} times; `cemem stats` tells what became of it"));
    let how = if semantic { "words and meaning" } else { "words only; `cemem doctor` tells why" };
    field("recall", how.to_owned());
    field("next", next.to_owned());
    context.ui.print(&out)?;
    context.ui.say("`cemem --help` lists every command");
    Ok(exit_code::OK)
}

fn next(lessons: usize, waiting: usize) -> &'static str {
    match (lessons, waiting) {
        (0, _) => "`cemem ingest` reads this project's sessions; `cemem init` sets your agents up",
        (_, 0) => "`cemem recall \"TASK\"` before you plan",
        _ => "`cemem review` decides about what waits",
    }
}
