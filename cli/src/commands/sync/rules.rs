//! The rules for paths: a file for each set of folders and globs that lessons are limited to.
//!
//! Owns which lessons stand there, the names of these files and what stands above their blocks. Must not
//! write.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::LessonId;
use cemem_core::id::digest;
use cemem_core::lesson::{Lesson, Scope};

use super::Source;
use super::blocks::Standing;
use super::target::read;
use crate::command_error::CommandError;
use crate::sync::{block, front, page};
use crate::ui::one_line;

/// Where Claude Code looks for rules.
pub(super) const FOLDER: &str = ".claude/rules";

/// Plans a file of rules for each set of paths that lessons are about, and the end of those that are left
/// over; returns the lessons that stand there.
pub(super) fn plan(
    source: &Source<'_>,
    standing: &mut Standing,
) -> Result<BTreeSet<LessonId>, CommandError> {
    let folder = source.root.join(FOLDER);
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
