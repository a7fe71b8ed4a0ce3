//! What a new project may begin with: conventions that held in other projects of its kind.
//!
//! Owns what kind a project is, told by its manifests, and which rules several projects share. What is
//! offered waits for a decision like any candidate and is never active by itself. Must not ask.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::Path;

use cemem_core::lesson::{Lesson, LessonStatus, LessonType, Scope, Trust};
use cemem_core::store::{LessonFilter, Store};
use cemem_core::{AppliesWhen, Evidence};
use serde_json::json;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::ui::one_line;

/// Projects that must share a rule before it is offered.
const ENOUGH: usize = 2;
/// Most rules offered, those of most projects first.
const MOST: usize = 30;
/// Longest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 1 << 20;

/// A manifest, the language it tells, and frameworks by the words that name them.
struct Manifest {
    file: &'static str,
    language: &'static str,
    frameworks: &'static [&'static str],
}

const fn row(
    file: &'static str,
    language: &'static str,
    frameworks: &'static [&'static str],
) -> Manifest {
    Manifest { file, language, frameworks }
}

const PYTHON: &[&str] = &["django", "flask", "fastapi", "pytorch", "pandas"];
const JVM: &[&str] = &["spring-boot", "quarkus", "ktor", "android"];

const MANIFESTS: &[Manifest] = &[
    row("Cargo.toml", "rust", &["axum", "actix-web", "bevy", "clap", "tauri", "tokio"]),
    row(
        "package.json",
        "javascript",
        &["angular", "astro", "electron", "express", "next", "nestjs", "react", "svelte", "vue"],
    ),
    row("tsconfig.json", "typescript", &[]),
    row("pyproject.toml", "python", PYTHON),
    row("requirements.txt", "python", PYTHON),
    row("setup.py", "python", PYTHON),
    row("go.mod", "go", &["gin", "echo", "fiber", "cobra"]),
    row("pom.xml", "java", JVM),
    row("build.gradle", "java", JVM),
    row("build.gradle.kts", "kotlin", JVM),
    row("Gemfile", "ruby", &["rails", "sinatra"]),
    row("composer.json", "php", &["laravel", "symfony"]),
    row("mix.exs", "elixir", &["phoenix"]),
    row("Package.swift", "swift", &["vapor"]),
    row("pubspec.yaml", "dart", &["flutter"]),
    row("CMakeLists.txt", "c++", &["qt"]),
];

/// Returns the languages and frameworks of a folder: `rust`, `javascript/react`.
fn kinds(root: &Path) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    for Manifest { file, language, frameworks } in MANIFESTS {
        let path = root.join(file);
        let small = fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= MAX_MANIFEST);
        if !small {
            continue;
        }
        kinds.insert((*language).to_owned());
        let Ok(text) = fs::read(&path) else { continue };
        let text = String::from_utf8_lossy(&text).to_lowercase();
        let words: HashSet<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
        let named = frameworks.iter().filter(|name| words.contains(**name));
        kinds.extend(named.map(|name| format!("{language}/{name}")));
    }
    kinds
}

/// Returns a rule as it is compared: its words, without case and marks.
fn plain(rule: &str) -> String {
    letters(rule).collect::<String>().trim_end().to_owned()
}

/// Returns whether two rules say the same but for case and marks.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

/// Returns the letters of every word, and a space after it.
fn letters(rule: &str) -> impl Iterator<Item = char> {
    let words = rule.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.flat_map(|word| word.chars().chain([' '])).flat_map(char::to_lowercase)
}

/// A rule that another project holds.
struct Held {
    /// The project's id: many folders are called `app`.
    project: String,
    name: String,
    kinds: BTreeSet<String>,
    lesson: Lesson,
}

/// Stores, as waiting for a decision, what several projects of this one's kind hold and it does not know
/// yet; returns how many, and the kinds they were found by.
///
/// # Errors
/// When this project's memory cannot be read or written. Another one that cannot is passed over.
pub(crate) fn offer(context: &Context) -> Result<(usize, Vec<String>), CommandError> {
    let here = kinds(&context.project.root);
    if here.is_empty() {
        return Ok((0, Vec::new()));
    }
    let shared = shared(&here, held(context, &here)?);
    if shared.is_empty() {
        return Ok((0, Vec::new()));
    }
    let mut store = context.store()?;
    let known = store.lessons(&LessonFilter::default())?;
    let known: HashSet<String> = known.iter().map(|lesson| plain(&lesson.rule)).collect();
    let (mut offered, mut by, mut taken) = (Vec::new(), BTreeSet::new(), HashSet::new());
    for (rule, kind, held) in shared.into_iter().filter(|(rule, ..)| !known.contains(rule)) {
        let id = store.fresh_id(&format!("starter/{rule}"), &taken)?;
        taken.insert(id.clone());
        offered.push(Lesson { id, ..offer_of(context, &kind, &held) });
        by.insert(kind);
        if offered.len() == MOST {
            break;
        }
    }
    if !offered.is_empty() {
        let note = by.iter().cloned().collect::<Vec<_>>().join(", ");
        store.put_lessons(&offered, "init", "offer", &note)?;
    }
    Ok((offered.len(), by.into_iter().collect()))
}

/// Returns what other projects of a common kind hold: delivered rules that a person said or accepted, and
/// that are about no file in particular.
fn held(context: &Context, here: &BTreeSet<String>) -> Result<Vec<Held>, CommandError> {
    let mut held = Vec::new();
    for project in context.home.others(&context.project)? {
        let common: BTreeSet<String> = kinds(&project.root).intersection(here).cloned().collect();
        if common.is_empty() {
            continue;
        }
        let path = context.home.store_path(&project);
        let lessons = Store::open_to_read(&path, context.clock).and_then(|store| {
            store.lessons(&LessonFilter {
                statuses: vec![LessonStatus::Active],
                types: vec![
                    LessonType::Convention,
                    LessonType::Preference,
                    LessonType::Constraint,
                    LessonType::Pattern,
                ],
            })
        });
        match lessons {
            Ok(lessons) => held.extend(
                lessons
                    .into_iter()
                    .filter(|l| l.reviewed || l.trust >= Trust::HumanReview)
                    .filter(|l| l.applies_when.paths.is_empty() && l.scope == Scope::Project)
                    .map(|lesson| Held {
                        project: project.id.clone(),
                        name: project.name.clone(),
                        kinds: common.clone(),
                        lesson,
                    }),
            ),
            Err(error) => {
                let name = one_line(&project.name);
                context.ui.warn(&format!("the memory of `{name}` was passed over: {error}"));
            }
        }
    }
    Ok(held)
}

/// Returns the rules that enough projects of one kind hold, with the narrowest such kind; those of most
/// projects first.
fn shared(here: &BTreeSet<String>, held: Vec<Held>) -> Vec<(String, String, Vec<Held>)> {
    let mut by_rule: BTreeMap<String, Vec<Held>> = BTreeMap::new();
    for held in held {
        let same = by_rule.entry(plain(&held.lesson.rule)).or_default();
        if same.iter().all(|known| known.project != held.project) {
            same.push(held);
        }
    }
    let mut shared: Vec<_> = by_rule
        .into_iter()
        .filter(|(rule, _)| !rule.is_empty())
        .filter_map(|(rule, held)| {
            let of = |kind: &&String| held.iter().filter(|h| h.kinds.contains(*kind)).count();
            // A framework's name is longer than its language's.
            let enough = here.iter().filter(|kind| of(kind) >= ENOUGH);
            let kind = enough.max_by_key(|kind| kind.len())?.clone();
            let of_kind = held.into_iter().filter(|h| h.kinds.contains(&kind));
            let mut held: Vec<Held> = of_kind.collect();
            held.sort_by(|a, b| (&a.name, &a.project).cmp(&(&b.name, &b.project)));
            Some((rule, kind, held))
        })
        .collect();
    shared.sort_by_key(|(_, _, held): &(_, _, Vec<Held>)| std::cmp::Reverse(held.len()));
    shared
}

/// Returns the lesson that is offered: what each project's memory rests on is its evidence.
fn offer_of(context: &Context, kind: &str, held: &[Held]) -> Lesson {
    let now = context.clock.now();
    let first = &held[0].lesson;
    let evidence = held.iter().filter_map(|held| {
        let row = held.lesson.evidence.first()?;
        Some(Evidence { source_path: format!("project {}", held.name), ..row.clone() })
    });
    let confidence = held.iter().map(|h| h.lesson.confidence).fold(1.0, f32::min);
    let projects: Vec<&str> = held.iter().map(|h| h.name.as_str()).collect();
    let also = AppliesWhen { paths: Vec::new(), symbols: Vec::new(), ..first.applies_when.clone() };
    Lesson {
        applies_when: also,
        anchors: Vec::new(),
        evidence: evidence.collect(),
        status: LessonStatus::Candidate,
        reviewed: false,
        snoozed_until: None,
        confidence,
        support: u32::try_from(held.len()).unwrap_or(u32::MAX),
        scope: Scope::Project,
        supersedes: Vec::new(),
        superseded_by: None,
        contradicts: Vec::new(),
        created: now,
        updated: now,
        extra: json!({ "held_in": projects, "kind": kind }),
        ..first.clone()
    }
}
