//! The managed blocks.
//!
//! Owns which lessons stand in which file; lines of other memories stay. Must not write.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cemem_core::exchange::shorten;
use cemem_core::lesson::{Lesson, MAX_RULE_CHARS};
use cemem_core::{LessonId, Store};
use cemem_ingest::Redactor;

use super::others::{Form, Other, Whose, whose};
use super::pages::Planned;
use super::target::{Target, read};
use super::written::{self, Written};
use super::{Source, rules};
use crate::command_error::CommandError;
use crate::sync::block::{self, BlockError, with_block, with_lines_after};
use crate::sync::drift::{self, Drift, Edit, Ground};
use crate::sync::render::{Beside, Block, Foreign};
use crate::sync::{line, render};
use crate::ui::one_line;

/// Those whose readers also read the rules for paths.
const CLAUDE_FILES: [&str; 2] = ["CLAUDE.md", ".claude/CLAUDE.md"];
/// What Cursor wants above a rule that holds in every session.
const CURSOR_HEAD: &str = "---\ndescription: Project memory\nalwaysApply: true\n---\n";

/// A plan, and what then stands in which file.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) planned: Planned,
    pub(super) files: Vec<Stands>,
}

/// What stands in a file.
#[derive(Debug)]
pub(super) struct Stands {
    pub(super) path: PathBuf,
    /// Lessons that have a line of their own.
    pub(super) lessons: Vec<LessonId>,
    /// Lessons that another memory's line tells.
    pub(super) said: Vec<LessonId>,
    /// The checksum of its block; `None` without one.
    pub(super) sum: Option<String>,
}

impl Stands {
    /// Returns all lessons that a reader of the file has been told.
    pub(super) fn told(&self) -> Vec<LessonId> {
        [self.lessons.as_slice(), &self.said].concat()
    }
}

/// What was found in a block.
#[derive(Default)]
struct Found {
    beside: Beside,
    edits: Vec<Edit>,
    rest: Vec<String>,
}

/// Returns the plan for the blocks of these files and, where `with_rules`, for the rules for paths.
pub(super) fn plan(
    source: &Source<'_>,
    files: Vec<PathBuf>,
    with_rules: bool,
) -> Result<Standing, CommandError> {
    let mut standing = Standing::default();
    let mut in_rules = BTreeSet::new();
    if with_rules {
        in_rules = rules::plan(source, &mut standing)?;
    }
    for path in files {
        let is_claude = CLAUDE_FILES.iter().any(|file| path == source.root.join(file));
        let stands_here = |l: &&Lesson| !(is_claude && in_rules.contains(&l.id));
        let lessons: Vec<&Lesson> = source.lessons.iter().filter(stands_here).collect();
        let is_rule = path.extension().is_some_and(|e| e == "mdc");
        standing.add(source, path, if is_rule { CURSOR_HEAD } else { "" }, &lessons)?;
    }
    Ok(standing)
}

impl Standing {
    /// Plans the block of these lessons in one file and returns those that belong there; `head` comes first
    /// where the file is new.
    pub(super) fn add(
        &mut self,
        source: &Source<'_>,
        path: PathBuf,
        head: &str,
        lessons: &[&Lesson],
    ) -> Result<Vec<LessonId>, CommandError> {
        let old = read(&path)?;
        let there = old.as_deref().unwrap_or_default();
        let Found { beside, edits, rest } = found(source, &path, there)?;
        self.planned.others.extend(adoptable(source, &path, &beside)?);
        let lessons = lessons.iter().copied();
        let block = render::block(lessons, &beside, &source.tallies, source.lines);
        let Block { lines, lessons, said } = block;
        let stands = Stands { path: path.clone(), lessons, said, sum: None };
        let told = stands.told();
        let is_edited = !edits.is_empty();
        // A memory that knows nothing yet, in a new clone, leaves a block of others byte for byte.
        let is_of_others = told.is_empty() && beside.is_of_others();
        if (is_edited || is_of_others) && !source.force {
            // What stands in it is what it was; nothing is noted.
            if is_edited {
                self.planned.drifts.push(Drift { path: path.clone(), edits, rest });
            }
            self.planned.targets.push(Target { path, new: old.clone(), old });
            return Ok(told);
        }
        let refused = |error| refused(&path, &error);
        let text = if there.is_empty() && !lines.is_empty() { head } else { there };
        // Lines of one's own between the markers go below them.
        let kept = with_lines_after(text, &rest).map_err(refused)?;
        let new = with_block(&kept, &lines, true).map_err(refused)?;
        let sum = block::content(&new).map_err(refused)?.map(|content| content.sum);
        let is_nothing = new.is_empty() && old.is_none();
        let new = (!is_nothing).then_some(new);
        self.files.push(Stands { sum, ..stands });
        self.planned.targets.push(Target { path, old, new });
        Ok(told)
    }
}

/// Returns the lines that another memory wrote and that could be taken into this one.
fn adoptable(
    source: &Source<'_>,
    path: &Path,
    beside: &Beside,
) -> Result<Vec<Other>, CommandError> {
    let mut found = Vec::new();
    for Foreign { id, text, under } in &beside.others {
        // What somebody wants in all of their projects is theirs.
        if !line::is_everywhere(text) && whose(source.store, id)? == Whose::Unknown {
            found.push(Other {
                path: path.to_owned(),
                id: id.clone(),
                rule: Some(line::bare(text).0),
                form: Form::Line { text: text.clone(), under: *under },
            });
        }
    }
    Ok(found)
}

/// Returns what stands in the block of a text, and what a hand changed in it.
fn found(source: &Source<'_>, path: &Path, text: &str) -> Result<Found, CommandError> {
    let Some(content) = block::content(text).map_err(|error| refused(path, &error))? else {
        return Ok(Found::default());
    };
    if content.lines.iter().any(|l| ["<<<<<<< ", ">>>>>>> "].iter().any(|m| l.starts_with(m))) {
        let message = format!("{}: the block holds both sides of a merge", path.display());
        return Err(CommandError::user(message)
            .hint("settle the conflict (either side will do), then run it again"));
    }
    let store = source.store;
    // What cannot be read now could not be written either.
    let is_own = |id: &LessonId| whose(store, id).is_ok_and(|whose| whose == Whose::Own);
    let beside = drift::beside(&content.lines, &is_own);
    if content.is_intact {
        return Ok(Found { beside, ..Found::default() });
    }
    let states = |id: &LessonId| match is_own(id) {
        true => states(store, id).unwrap_or_default(),
        false => Vec::new(),
    };
    let with_rule = |rule: &str| {
        let same = |l: &&Lesson| {
            let known = one_line(&l.rule);
            known == rule || known == shorten(rule, MAX_RULE_CHARS)
        };
        source.lessons.iter().find(same).map(|l| l.id.clone())
    };
    let stood = match written::find(store, &source.place(path), &content.sum)? {
        Some(written) => Some(lines(store, &written)?),
        None => None,
    };
    let ground = Ground { states: &states, with_rule: &with_rule, stood: stood.as_ref() };
    // As they would be stored: what is a secret in the file is none in the memory.
    let redacted = Redactor::new().redact(&content.lines.join("\n")).into_owned();
    let (edits, mut rest) = drift::of_block(&redacted.lines().collect::<Vec<_>>(), &ground);
    // But in the file it stays what it is.
    if !rest.is_empty() {
        rest = drift::of_block(&content.lines, &ground).1;
    }
    Ok(Found { beside, edits, rest })
}

/// Returns the lines of a block as it was written.
fn lines(store: &Store, written: &Written) -> Result<BTreeMap<LessonId, String>, CommandError> {
    let mut lines = BTreeMap::new();
    for id in &written.lessons {
        let history = store.history(id)?;
        let then = history.into_iter().rev().find(|row| row.op <= written.change);
        if let Some(row) = then {
            lines.insert(id.clone(), line::line(&row.after));
        }
    }
    Ok(lines)
}

/// Returns a lesson as it is and as it was, the newest state first.
fn states(store: &Store, id: &LessonId) -> Option<Vec<Lesson>> {
    let now = store.lesson(id).ok().flatten()?;
    let history = store.history(id).unwrap_or_default();
    let was = history.into_iter().rev().flat_map(|row| [Some(row.after), row.before]).flatten();
    Some(std::iter::once(now).chain(was).collect())
}

fn refused(path: &Path, error: &BlockError) -> CommandError {
    CommandError::user(format!("{}: {error}", path.display()))
        .hint("remove the stray `cemem:begin` or `cemem:end` line, then run it again")
}
