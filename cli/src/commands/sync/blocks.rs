//! The files with a managed block: those every session reads, and the rules for paths.
//!
//! Owns which files these are and which lessons stand where; lines of other memories stay. Must not write.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::durable::IoResultExt as _;
use cemem_core::exchange::shorten;
use cemem_core::id::digest;
use cemem_core::lesson::{Lesson, MAX_RULE_CHARS, Scope};
use cemem_core::{LessonId, Store};
use cemem_ingest::Redactor;

use super::Source;
use super::others::{self, Form, Other, standing};
use super::pages::Planned;
use super::target::{Target, is_gits, is_inside, read};
use super::written::{self, Written};
use crate::command_error::CommandError;
use crate::context::absolute;
use crate::sync::block::{self, BlockError, prose, with_block, with_lines_after};
use crate::sync::drift::{self, Drift, Edit, Ground};
use crate::sync::render::{Beside, Foreign};
use crate::sync::{front, page, render};
use crate::ui::one_line;

/// The files that are kept up to date where they exist.
pub(super) const DEFAULT_FILES: [&str; 7] = [
    "CLAUDE.md",
    ".claude/CLAUDE.md",
    "GEMINI.md",
    "QWEN.md",
    ".github/copilot-instructions.md",
    ".cursor/rules/cemem.mdc",
    // Last: of files that include each other it is the one that tools without includes read.
    "AGENTS.md",
];
/// Those whose readers also read the rules for paths.
const CLAUDE_FILES: [&str; 2] = ["CLAUDE.md", ".claude/CLAUDE.md"];
/// What Cursor wants above a rule that holds in every session.
const CURSOR_HEAD: &str = "---\ndescription: Project memory\nalwaysApply: true\n---\n";
/// Where Claude Code looks for rules.
pub(super) const RULES: &str = ".claude/rules";

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
    pub(super) lessons: Vec<LessonId>,
    /// The checksum of its block; `None` without one.
    pub(super) sum: Option<String>,
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
        in_rules = rules(source, &mut standing)?;
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
    fn add(
        &mut self,
        source: &Source<'_>,
        path: PathBuf,
        head: &str,
        lessons: &[&Lesson],
    ) -> Result<Vec<LessonId>, CommandError> {
        let old = read(&path)?;
        let there = old.as_deref().unwrap_or_default();
        let Found { beside, edits, rest } = found(source, &path, there)?;
        self.planned.others.extend(others(source, &path, &beside)?);
        let lessons = lessons.iter().copied();
        let (lines, ids) = render::block(lessons, &beside, &source.tallies, source.lines);
        let is_edited = !edits.is_empty();
        // A memory that knows nothing yet, in a new clone, leaves a block of others byte for byte.
        let is_of_others = ids.is_empty() && beside.is_of_others();
        if (is_edited || is_of_others) && !source.force {
            // What stands in it is what it was; nothing is noted.
            if is_edited {
                self.planned.drifts.push(Drift { path: path.clone(), edits, rest });
            }
            self.planned.targets.push(Target { path, new: old.clone(), old });
            return Ok(ids);
        }
        let refused = |error| refused(&path, &error);
        let text = if there.is_empty() && !lines.is_empty() { head } else { there };
        // Lines of one's own between the markers go below them.
        let kept = with_lines_after(text, &rest).map_err(refused)?;
        let new = with_block(&kept, &lines, true).map_err(refused)?;
        let sum = block::content(&new).map_err(refused)?.map(|content| content.sum);
        let is_nothing = new.is_empty() && old.is_none();
        let new = (!is_nothing).then_some(new);
        self.files.push(Stands { path: path.clone(), lessons: ids.clone(), sum });
        self.planned.targets.push(Target { path, old, new });
        Ok(ids)
    }
}

/// Returns the lines that another memory wrote and that could be taken into this one.
fn others(source: &Source<'_>, path: &Path, beside: &Beside) -> Result<Vec<Other>, CommandError> {
    let mut found = Vec::new();
    for Foreign { id, text, under } in &beside.others {
        if standing(source.store, id)? == others::Standing::Unknown {
            found.push(Other {
                path: path.to_owned(),
                id: id.clone(),
                rule: Some(render::bare(text).0),
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
    let is_own = |id: &LessonId| standing(store, id).is_ok_and(|s| s == others::Standing::Own);
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
            lines.insert(id.clone(), render::line(&row.after));
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

/// Plans a file of rules for each set of paths that lessons are about, and the end of those that are left
/// over; returns the lessons that stand there.
fn rules(source: &Source<'_>, standing: &mut Standing) -> Result<BTreeSet<LessonId>, CommandError> {
    let folder = source.root.join(RULES);
    let mut sets: BTreeMap<Vec<String>, Vec<&Lesson>> = BTreeMap::new();
    for lesson in source.lessons.iter().filter(|l| l.scope != Scope::User) {
        let globs = globs(source.root, lesson);
        if !globs.is_empty() {
            sets.entry(globs).or_default().push(lesson);
        }
    }
    let mut standing_there = BTreeSet::new();
    let mut wanted = BTreeSet::new();
    for (globs, lessons) in &sets {
        let path = folder.join(file_name(globs));
        wanted.insert(path.clone());
        standing_there.extend(standing.add(source, path, &rule_head(globs), lessons)?);
    }
    for path in own_rules(&folder)?.into_iter().filter(|path| !wanted.contains(path)) {
        standing.add(source, path, "", &[])?;
        let target = standing.planned.targets.last_mut();
        let is_ours = |text: &String| text.is_empty() || is_rule_head(text);
        if let Some(target) = target.filter(|t| t.new.as_ref().is_some_and(is_ours)) {
            target.new = None;
        }
    }
    Ok(standing_there)
}

/// Returns the globs that a lesson is limited to, in order; none if it only names files (it may well hold
/// elsewhere: "every change adds a line to CHANGELOG.md"), or if one of its paths cannot be a glob.
fn globs(root: &Path, lesson: &Lesson) -> Vec<String> {
    let paths = &lesson.applies_when.paths;
    let is_glob = |p: &String| {
        !p.starts_with(['/', '~', '!', '-'])
            && !p.contains("..")
            && *p == one_line(p)
            && !p.contains(':')
    };
    if !paths.iter().all(is_glob) {
        return Vec::new();
    }
    let as_glob = |path: &String| {
        let is_folder = path.ends_with('/') || root.join(path).is_dir();
        if is_folder { format!("{}/**", path.trim_end_matches('/')) } else { path.clone() }
    };
    let globs: BTreeSet<String> = paths.iter().map(as_glob).collect();
    // Brackets are part of names: `app/[id]/page.tsx` is one file.
    if globs.iter().any(|glob| glob.contains(['*', '?'])) {
        globs.into_iter().collect()
    } else {
        Vec::new()
    }
}

/// Returns the name of the file for these globs: the same for the same ones.
fn file_name(globs: &[String]) -> String {
    let first = globs.first().map_or("", String::as_str);
    format!("cemem-{}-{}.md", page::name(first), &digest(globs)[..6])
}

fn rule_head(globs: &[String]) -> String {
    // To Claude Code brackets and braces are patterns, to cemem they are not.
    let plain = |glob: &String| glob.replace('[', "\\[").replace('{', "\\{");
    let items: String =
        globs.iter().map(|g| format!("  - {}\n", serde_json::Value::from(plain(g)))).collect();
    format!("---\npaths:\n{items}---\n\n")
}

/// Returns whether a text is nothing but the head that was written above a block.
fn is_rule_head(text: &str) -> bool {
    let parts = front::split(text);
    let head = front::read(parts.front);
    parts.body.trim().is_empty()
        && !parts.front.contains('#')
        && head.is_some_and(|head| head.keys().all(|key| key.as_str() == Some("paths")))
}

/// Returns the files of rules that hold a block of ours.
fn own_rules(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        let is_file = entry.file_type().is_ok_and(|t| t.is_file());
        if !is_file || !name.starts_with("cemem-") || !name.ends_with(".md") {
            continue;
        }
        if read(&path)?.is_some_and(|text| matches!(block::content(&text), Ok(Some(_)))) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Returns the files to write: those named, or the usual ones that exist. A file that is a link to
/// another, or that includes another (`@AGENTS.md`), is served by that other one.
pub(super) fn targets(root: &Path, named: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    if !named.is_empty() {
        let paths: Vec<PathBuf> =
            named.iter().map(|file| absolute(file)).collect::<Result<_, _>>()?;
        return match paths.iter().find(|path| is_gits(root, path)) {
            Some(path) => {
                let message =
                    format!("`{}` is git's own: nothing is written there", path.display());
                Err(CommandError::user(message).hint("name a file of the work tree"))
            }
            None => Ok(paths),
        };
    }
    let mut files: Vec<(PathBuf, PathBuf)> = Vec::new();
    for path in DEFAULT_FILES.iter().map(|f| root.join(f)).filter(|p| p.is_file()) {
        // A link to a file elsewhere is for a person to name.
        if !is_inside(root, &path) {
            continue;
        }
        let real = fs::canonicalize(&path).context("find", &path)?;
        if files.iter().all(|(_, known)| *known != real) {
            files.push((path, real));
        }
    }
    let mut includes = Vec::new();
    for (path, _) in &files {
        includes.push(included(path, root, &files)?);
    }
    let written = (0..files.len()).filter(|&file| !is_served(file, &includes));
    Ok(written.map(|file| files[file].0.clone()).collect())
}

/// Returns which of `files` a file includes.
fn included(
    path: &Path,
    root: &Path,
    files: &[(PathBuf, PathBuf)],
) -> Result<Vec<usize>, CommandError> {
    let text = read(path)?.unwrap_or_default();
    let folder = path.parent().unwrap_or(root);
    let mut found = Vec::new();
    for line in prose(&text) {
        let Some(other) = line.strip_prefix('@').and_then(|l| l.split_whitespace().next()) else {
            continue;
        };
        for real in [folder, root].iter().filter_map(|f| std::fs::canonicalize(f.join(other)).ok())
        {
            found.extend(files.iter().position(|(_, known)| *known == real));
        }
    }
    Ok(found)
}

/// Returns whether another file that is written reaches the reader of this one. Of files that include
/// each other the last is written: `AGENTS.md` is read by tools that know no includes.
fn is_served(file: usize, includes: &[Vec<usize>]) -> bool {
    let mine = reached(file, includes);
    mine.into_iter()
        .any(|other| other != file && (other > file || !reached(other, includes).contains(&file)))
}

fn reached(from: usize, includes: &[Vec<usize>]) -> Vec<usize> {
    let mut found: Vec<usize> = includes[from].clone();
    let mut next = 0;
    while let Some(&file) = found.get(next) {
        next += 1;
        for &other in &includes[file] {
            if !found.contains(&other) {
                found.push(other);
            }
        }
    }
    found
}
