//! `cemem sync`: brings the files that agents and people read up to the lessons; creates nothing unasked.
//!
//! | module | owns |
//! |---|---|
//! | `files` | which files every session reads |
//! | `blocks` | the managed blocks |
//! | `rules` | the files of rules for paths |
//! | `pages` | files of one lesson each |
//! | `mirror` | those of `.cemem/lessons` |
//! | `documents` | those of `docs/solutions` |
//! | `copies` | the documents that an export wrote |
//! | `edits` | what people changed in any of them |
//! | `others` | lessons in them that another memory wrote |
//! | `written` | the blocks that were written last |
//! | `target` | one file: writing it, and not elsewhere |

mod blocks;
pub(crate) mod copies;
pub(crate) mod documents;
mod edits;
mod files;
mod mirror;
pub(crate) mod others;
pub(crate) mod pages;
#[cfg(test)]
mod properties;
mod rules;
pub(crate) mod target;
mod written;

use std::path::{Path, PathBuf};

use cemem_core::Store;
use cemem_core::lesson::{Lesson, LessonStatus};
use cemem_core::store::LessonFilter;
use cemem_ingest::sources;
use serde_json::json;

use self::blocks::Stands;
use self::copies::Copies;
use self::documents::Place;
use self::files::DEFAULT_FILES;
use self::others::Other;
use self::pages::Planned;
use self::target::{Target, is_inside, short};
use self::written::Written;
use super::JSON_VERSION;
use crate::args::SyncArgs;
use crate::command_error::CommandError;
use crate::config::{Config, SyncConfig};
use crate::context::Context;
use crate::exit_code;
use crate::sync::drift::Drift;
use crate::sync::render::Tallies;
use crate::sync::solutions;

const LEFT_ALONE: &str = "left alone; `cemem sync --take-edits` makes them edits of the lessons, `--force` writes over \
                          them";

/// What files are made from.
struct Source<'a> {
    store: &'a Store,
    lessons: Vec<Lesson>,
    tallies: Tallies,
    root: &'a Path,
    roots: Vec<&'a Path>,
    module: &'a str,
    lines: usize,
    /// What was edited by hand is written over.
    force: bool,
}

impl Source<'_> {
    /// Returns the name of a file in the record of what stands where. A project has one memory in all its
    /// worktrees, and the file one place in each.
    fn place(&self, path: &Path) -> String {
        let inner = self.roots.iter().find_map(|root| path.strip_prefix(root).ok());
        inner.unwrap_or(path).to_string_lossy().into_owned()
    }
}

/// What is to be done, and which lessons then stand in which file.
struct Plan {
    targets: Vec<Target>,
    drifts: Vec<Drift>,
    /// Lessons that another memory wrote.
    others: Vec<Other>,
    /// What stands in each place then.
    standing: Vec<(String, Stands)>,
    /// The newest change of lessons that is in it.
    change: i64,
}

impl Plan {
    fn due(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(|target| target.is_due())
    }

    fn write(&self, context: &Context) -> Result<(), CommandError> {
        for target in self.due() {
            target.write()?;
        }
        self.note_standing(context);
        Ok(())
    }

    /// Notes which lessons stand in the files now: every session that begins from here on has seen them.
    /// What cannot be noted is told and takes nothing from the files.
    fn note_standing(&self, context: &Context) {
        let note = || -> Result<(), CommandError> {
            let mut store = context.store()?;
            for (place, stands) in &self.standing {
                store.record_standing(place, &stands.told())?;
                if let Some(sum) = stands.sum.clone() {
                    let (change, lessons) = (self.change, stands.lessons.clone());
                    written::note(&mut store, place, &Written { sum, change, lessons })?;
                }
            }
            Ok(())
        };
        if let Err(error) = note() {
            let text = format!("note: what stands in the files could not be recorded: {error}");
            context.ui.say(&text);
        }
    }
}

pub(super) fn run(context: &mut Context, args: &SyncArgs) -> Result<u8, CommandError> {
    let config = Config::load(&context.home)?.sync.of_project(&context.project.root);
    let mut plan = plan(context, args, config)?;
    if plan.targets.is_empty() && config == (SyncConfig { auto: config.auto, ..Default::default() })
    {
        return Err(CommandError::user(format!(
            "none of {} is in `{}`",
            DEFAULT_FILES.join(", "),
            context.project.root.display()
        ))
        .hint("`cemem sync --file CLAUDE.md` creates one"));
    }
    let writes = !args.check && !args.dry_run;
    let mut asked = None;
    if writes && !args.take_edits && !plan.drifts.is_empty() {
        asked = edits::agreed(context, &plan.drifts)?;
    }
    if args.take_edits || asked == Some(true) {
        edits::take(context, &plan.drifts)?;
        // Never by a yes to one's own edits: that was no word about what others wrote.
        if args.take_edits {
            others::adopt(context, &plan.others)?;
        }
        // What was taken is in the lessons: the files follow them.
        plan = self::plan(context, args, config)?;
    }
    if writes {
        plan.write(context)?;
    }
    tell(context, &plan, args)?;
    // A person who was asked has seen it.
    if !context.ui.json && asked.is_none() {
        edits::tell(context, &plan.drifts);
    }
    if !plan.drifts.is_empty() {
        context.ui.warn(LEFT_ALONE);
    }
    others::tell(context, &plan.others);
    let is_stale = args.check && plan.due().next().is_some();
    let is_edited = !plan.drifts.is_empty() && !args.dry_run;
    Ok(if is_stale || is_edited { exit_code::FAILED } else { exit_code::OK })
}

/// Brings the files up to date after something was learned, if a person wants that done without being
/// asked; returns what they have to know: which files somebody edited.
///
/// # Errors
/// When a file or the store cannot be read or written.
pub(crate) fn automatic(context: &Context) -> Result<Vec<String>, CommandError> {
    let config = Config::load(&context.home)?.sync;
    if !config.auto {
        return Ok(Vec::new());
    }
    let plan = plan(context, &SyncArgs::default(), config.of_project(&context.project.root))?;
    plan.write(context)?;
    let edited = |drift: &Drift| {
        format!("{} was edited by hand: `cemem sync` shows how", short(context, &drift.path))
    };
    Ok(plan.drifts.iter().map(edited).collect())
}

/// Does what [`automatic`] does, for a command that has done its own work already: what goes wrong is told.
pub(crate) fn follow(context: &Context) {
    match automatic(context) {
        Ok(notes) => notes.iter().for_each(|note| context.ui.warn(note)),
        Err(error) => context.ui.warn(&format!("the files were not brought up to date: {error}")),
    }
}

fn plan(context: &Context, args: &SyncArgs, config: SyncConfig) -> Result<Plan, CommandError> {
    let root = &context.project.root;
    let store = context.store_to_read()?;
    // Before anything is read: what comes later is not in it.
    let change = store.last_change()?;
    let statuses = vec![LessonStatus::Active, LessonStatus::Stale];
    let mut lessons = store.lessons(&LessonFilter { statuses, types: Vec::new() })?;
    lessons.retain(|lesson| !stands_in_rule_files(lesson, &context.project.worktrees));
    let roots: Vec<&Path> =
        context.project.worktrees.iter().chain([root]).map(PathBuf::as_path).collect();
    let source = Source {
        tallies: store.counters()?,
        store: &store,
        lessons,
        root,
        roots: roots.clone(),
        module: &context.project.name,
        lines: args.lines,
        force: args.force,
    };
    let mut standing = blocks::plan(&source, files::targets(root, &args.files)?, config.rules)?;
    let mut planned = std::mem::take(&mut standing.planned);
    if config.mirror {
        planned.absorb(mirror::plan(&source)?);
    }
    if config.solutions {
        let folder = root.join(solutions::FOLDER);
        let (module, force) = (source.module, args.force);
        let copies = Copies::default();
        let place = Place { roots, root, folder, module, all: false, force, copies };
        planned.absorb(documents::plan(&store, &source.lessons, &place)?);
    }
    keep_inside(context, args, &mut planned);
    let standing = standing.files.into_iter().map(|stands| (source.place(&stands.path), stands));
    let Planned { targets, drifts, others } = planned;
    let (standing, others) = (standing.collect(), others::each_once(others));
    Ok(Plan { standing, targets, drifts, others, change })
}

/// Leaves out files that a link leads elsewhere, and says so. A file that a person named is theirs to name.
fn keep_inside(context: &Context, args: &SyncArgs, planned: &mut Planned) {
    let root = &context.project.root;
    planned.targets.retain(|target| {
        let is_named =
            args.files.iter().any(|f| std::path::absolute(f).is_ok_and(|f| f == target.path));
        let keeps = is_named || is_inside(root, &target.path);
        if !keeps && target.is_due() {
            let name = short(context, &target.path);
            context
                .ui
                .warn(&format!("{name} lies outside of this project's files; it was left alone"));
        }
        keeps
    });
}

/// Returns whether all that speaks for a lesson is a rule file of this repository: agents read it there,
/// and a second copy would outlive the first.
fn stands_in_rule_files(lesson: &Lesson, roots: &[PathBuf]) -> bool {
    let here = |path: &str| roots.iter().any(|root| Path::new(path).starts_with(root));
    lesson.evidence.iter().all(|e| e.engine == sources::rules::ENGINE && here(&e.source_path))
}

fn tell(context: &Context, plan: &Plan, args: &SyncArgs) -> Result<(), CommandError> {
    let drift = |target: &Target| plan.drifts.iter().find(|drift| drift.path == target.path);
    let writes = !args.check && !args.dry_run;
    if context.ui.json {
        let files: Vec<_> = plan
            .targets
            .iter()
            .map(|t| {
                json!({ "path": t.path, "changed": t.is_due(), "diff": t.diff(),
                        "edits": drift(t).map(edits::as_json) })
            })
            .collect();
        let written = writes && plan.due().next().is_some();
        let mut others: Vec<&PathBuf> = plan.others.iter().map(|other| &other.path).collect();
        others.dedup();
        let envelope = json!({
            "version": JSON_VERSION, "files": files, "others": others, "written": written,
        });
        return context.ui.print_json(&envelope);
    }
    for target in plan.due() {
        context.ui.print_diff(&target.diff())?;
    }
    // Of hundreds of files that stay as they are, nobody wants a list.
    let is_one_of_many = |path: &Path| {
        let inner = path.strip_prefix(&context.project.root).unwrap_or(path);
        let folders = [mirror::FOLDER, solutions::FOLDER, rules::FOLDER];
        folders.iter().any(|folder| inner.starts_with(folder))
    };
    let mut n_unchanged = 0;
    for target in plan.targets.iter().filter(|t| drift(t).is_none()) {
        let state = match (target.is_due(), &target.new, args.check, args.dry_run) {
            (false, ..) if is_one_of_many(&target.path) => {
                n_unchanged += 1;
                continue;
            }
            (false, ..) => "up to date",
            (true, _, true, _) => "out of date: run `cemem sync`",
            (true, _, _, true) => "would change",
            (true, None, ..) => "removed",
            (true, Some(_), ..) => "written",
        };
        context.ui.say(&format!("{}: {state}", short(context, &target.path)));
    }
    if n_unchanged > 0 {
        context.ui.say(&format!("{n_unchanged} more files: up to date"));
    }
    Ok(())
}
