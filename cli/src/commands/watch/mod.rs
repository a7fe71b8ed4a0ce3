//! `cemem watch`: reads what is written as soon as it is, until it is told to stop.
//!
//! Owns which projects are watched, the signals, and the words. Must not do the watching:
//! `cemem_ingest::watch` does.

mod service;

use std::collections::BTreeMap;
use std::path::PathBuf;

use cemem_core::project::Project;
use cemem_ingest::watch::{Host, News, Stop, Watch, WatchOptions, Watched};
use serde_json::{Value, json};

use super::JSON_VERSION;
use crate::args::WatchArgs;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::{engine_places, exit_code};

pub(super) fn run(context: &mut Context, args: &WatchArgs) -> Result<u8, CommandError> {
    if args.print_service {
        let text = service::text(context, args)?;
        if context.ui.json {
            context.ui.print_json(&json!({ "version": JSON_VERSION, "service": text }))?;
        } else {
            context.ui.print(&text)?;
        }
        return Ok(exit_code::OK);
    }
    // What would keep every write from going in is said now, not once a minute.
    context.store()?.check_writable()?;
    let watch = Watch::new();
    let stop = watch.stop();
    let asked = stop.clone();
    ctrlc::set_handler(move || asked.stop())
        .map_err(|e| CommandError::Internal(format!("cannot wait for signals: {e}")))?;
    let registry = (!context.named).then(|| context.home.registry());
    let options = WatchOptions { only_poll: args.poll, registry, ..WatchOptions::default() };
    let mut teller = Teller { context, stop, failed: None };
    watch.run(&mut teller, &options);
    let failed = teller.failed.take();
    context.ui.say("stopped");
    failed.map_or(Ok(exit_code::OK), Err)
}

/// Says what happens; ends the watch when nobody reads it any more.
struct Teller<'a> {
    context: &'a Context,
    stop: Stop,
    failed: Option<CommandError>,
}

impl Host for Teller<'_> {
    fn projects(&mut self) -> Vec<Watched> {
        let projects = if self.context.named {
            vec![self.context.project.clone()]
        } else {
            known(self.context)
        };
        let watched = |p: Project| Watched {
            name: p.name.clone(),
            store: self.context.home.store_path(&p),
            places: engine_places::with_roots(self.context, p.worktrees),
            clock: self.context.clock,
        };
        projects.into_iter().map(watched).collect()
    }

    fn tell(&mut self, news: News) {
        let ui = self.context.ui;
        if ui.json {
            if let Err(error) = ui.print_json(&as_json(&news)) {
                self.failed.get_or_insert(error);
                self.stop.stop();
            }
            return;
        }
        match news {
            News::Polling { .. } | News::Trouble { .. } => ui.warn(&words(&news)),
            _ => ui.say(&words(&news)),
        }
    }
}

/// Returns every project that was met and still exists, one with all its clones; the home folder of
/// the user is none, unless a person says so.
fn known(context: &Context) -> Vec<Project> {
    let mut projects: BTreeMap<String, Project> = BTreeMap::new();
    let mut add = |project: Project| {
        if project.root == context.user_home {
            return;
        }
        match projects.get_mut(&project.id) {
            Some(known) => {
                let more: Vec<PathBuf> = project
                    .worktrees
                    .into_iter()
                    .filter(|w| !known.worktrees.contains(w))
                    .collect();
                known.worktrees.extend(more);
            }
            None => drop(projects.insert(project.id.clone(), project)),
        }
    };
    add(context.project.clone());
    for folder in context.home.known_folders().unwrap_or_default() {
        if let Ok(found) = context.home.find(&folder) {
            add(found.project);
        }
    }
    let mut projects: Vec<Project> = projects.into_values().collect();
    for project in &mut projects {
        project.worktrees.sort();
    }
    projects
}

fn words(news: &News) -> String {
    match news {
        News::Watching { projects, folders } => {
            let noun = if *projects == 1 { "project" } else { "projects" };
            format!("watching {projects} {noun} in {folders} folders; Ctrl-C ends it")
        }
        News::Polling { folder: Some(folder), reason } => format!(
            "the system cannot watch `{}` ({reason}): it is looked at again and again instead",
            folder.display()
        ),
        News::Polling { folder: None, reason } => format!(
            "the system cannot watch folders ({reason}): they are looked at again and again instead"
        ),
        News::Read { project, report } => {
            let mut text = format!(
                "{project}: events {} new; candidates {} new or changed",
                report.events_new, report.candidates
            );
            for error in report.errors.iter().take(3) {
                text.push_str(&format!("; {error}"));
            }
            text
        }
        News::Learned { project, applied } => {
            format!("{project}: lessons {} new, {} changed", applied.created, applied.updated)
        }
        News::Trouble { project: Some(project), message } => format!("{project}: {message}"),
        News::Trouble { project: None, message } => message.clone(),
    }
}

fn as_json(news: &News) -> Value {
    let mut value = match news {
        News::Watching { projects, folders } => {
            json!({ "news": "watching", "projects": projects, "folders": folders })
        }
        News::Polling { folder, reason } => {
            json!({ "news": "polling", "folder": folder, "reason": reason })
        }
        News::Read { project, report } => json!({
            "news": "read", "project": project, "files_read": report.files_read,
            "events_new": report.events_new, "candidates": report.candidates,
            "errors": report.errors,
        }),
        News::Learned { project, applied } => json!({
            "news": "learned", "project": project, "created": applied.created,
            "updated": applied.updated, "dropped": applied.dropped,
        }),
        News::Trouble { project, message } => {
            json!({ "news": "trouble", "project": project, "message": message })
        }
    };
    value["version"] = JSON_VERSION.into();
    value
}
