//! One lesson as a hit.
//!
//! Owns the path, the passage and the fields of a hit. A lesson that came from a document is shown as
//! that document, read again where it still is; every other one under the address it has as a
//! resource. Must not judge.

use std::collections::HashSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use cemem_core::Lesson;
use cemem_core::exchange::shorten;
use cemem_ingest::Redactor;
use cemem_ingest::sources::solutions;
use cemem_retrieve::Hit;
use cemem_retrieve::text::terms::Analyser;
use serde_json::{Map, Value, json};

use super::markdown::{Document, list_of};
use super::overlap::Overlap;
use super::rounded;
use crate::commands::sync::target::is_inside;
use crate::context::Context;
use crate::sync::document;

/// Longest document read again, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// Longest passage, in characters.
const MAX_PASSAGE: usize = 2000;
/// The keys of front matter whose words count as matched.
const FIELDS: &[&str] = &[
    "title",
    "applies_when",
    "tags",
    "module",
    "problem_type",
    "component",
    "symptoms",
    "root_cause",
    "category",
];

/// A lesson found, with its score here.
pub(super) struct Found<'a> {
    pub hit: &'a Hit,
    pub score: f32,
    pub overlap: Option<Overlap>,
    pub shape: Shape,
    /// The score is enough.
    pub is_hit: bool,
}

/// What a lesson looks like from outside.
pub(super) struct Shape {
    pub path: String,
    pub title: String,
    pub passage: Passage,
    frontmatter: Map<String, Value>,
    matched_fields: Vec<String>,
}

/// The part that applies.
pub(super) struct Passage {
    heading: String,
    pub start_line: usize,
    pub end_line: usize,
    text: String,
}

/// A document of the project as it is now, without secrets.
pub(super) struct File {
    /// Relative to the project.
    path: String,
    pub text: String,
}

impl Found<'_> {
    /// Returns the hit in compound-cli's shape, with one key more: `lesson`.
    pub(super) fn json(&self) -> Value {
        let (shape, lesson) = (&self.shape, &self.hit.lesson);
        json!({
            "path": shape.path, "kind": "solution", "score": rounded(self.score),
            "tier_one_score": rounded(self.hit.score.clamp(0.0, 1.0)),
            "pack_id": null, "pack_path": null, "title": shape.title,
            "frontmatter": shape.frontmatter,
            "passage": {
                "heading": shape.passage.heading, "start_line": shape.passage.start_line,
                "end_line": shape.passage.end_line, "text": shape.passage.text,
                "probability": null,
            },
            "matched_fields": shape.matched_fields, "declaration": null,
            "overlap": self.overlap.map(Overlap::rounded),
            "lesson": {
                "id": lesson.id, "type": lesson.lesson_type, "rule": lesson.rule,
                "status": lesson.status, "trust": lesson.trust, "stale": lesson.is_doubtful(),
            },
        })
    }
}

/// Returns the document a lesson came from, if it is still in the project and still the one that was read:
/// an imported lesson may name any file.
pub(super) fn file_of(context: &Context, lesson: &Lesson, redactor: &Redactor) -> Option<File> {
    let root = &context.project.root;
    places(context, lesson).find_map(|(place, quote)| {
        let path = root.join(&place);
        // Looked at before it is opened: a pipe would be waited for.
        let is_file = || std::fs::metadata(&path).is_ok_and(|meta| meta.is_file());
        if !is_inside(root, &path) || !is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        std::fs::File::open(&path).ok()?.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
        let text = redactor.redact(&String::from_utf8_lossy(&bytes)).into_owned();
        let path = place.to_string_lossy().replace('\\', "/");
        document::is_of(&text, &[lesson], &[quote]).then_some(File { path, text })
    })
}

/// Returns whether a lesson came from this document and no other.
pub(super) fn is_of_document(context: &Context, lesson: &Lesson, document: &Path) -> bool {
    let root = &context.project.root;
    let is_it =
        |place: PathBuf| std::fs::canonicalize(root.join(place)).is_ok_and(|p| p == document);
    let mut places = places(context, lesson).map(|(place, _)| place).peekable();
    places.peek().is_some() && places.all(is_it)
}

/// Returns where in the project the documents of a lesson should be, with words that were read there.
fn places<'a>(
    context: &'a Context,
    lesson: &'a Lesson,
) -> impl Iterator<Item = (PathBuf, &'a str)> {
    let rows = lesson.evidence.iter().filter(|row| row.engine == solutions::ENGINE);
    rows.map(|row| {
        let inside = context.project.inside(Path::new(&row.source_path));
        // Read in another clone: the same place in this one.
        let place = inside.unwrap_or_else(|| solutions::portable(&row.source_path));
        (PathBuf::from(place), row.quote.as_str())
    })
}

/// Returns what a lesson looks like to somebody who asked for these words.
pub(super) fn shape(
    lesson: &Lesson,
    file: Option<&File>,
    wanted: &HashSet<String>,
    redactor: &Redactor,
) -> Shape {
    let quote = lesson.evidence.first().map_or("", |e| e.quote.as_str());
    let document = file.map(|file| (file, Document::new(&file.text)));
    let section =
        document.as_ref().and_then(|(file, doc)| Some((file, doc, doc.best(wanted, quote)?)));
    let shape = match section {
        Some((file, doc, section)) => {
            let mut front = Value::Object(doc.front.clone());
            redactor.redact_value(&mut front);
            let title = doc.title().unwrap_or_else(|| lesson.title.clone());
            let heading = if section.heading.is_empty() { &title } else { section.heading };
            Shape {
                path: file.path.clone(),
                passage: Passage {
                    heading: heading.to_owned(),
                    start_line: section.start_line,
                    end_line: section.end_line,
                    text: clipped(section.text),
                },
                title,
                frontmatter: front.as_object().cloned().unwrap_or_default(),
                matched_fields: Vec::new(),
            }
        }
        None => of_lesson(lesson),
    };
    let matched_fields = matched(&shape.frontmatter, wanted);
    Shape { matched_fields, ..shape }
}

fn of_lesson(lesson: &Lesson) -> Shape {
    let mut text = lesson.rule.clone();
    for more in [&lesson.why, &lesson.body].into_iter().flatten() {
        text.push_str("\n\n");
        text.push_str(more);
    }
    let text = clipped(&text);
    let reach = &lesson.applies_when;
    let applies_when: Vec<&String> =
        reach.paths.iter().chain(&reach.commands).chain(&reach.symbols).collect();
    let front = json!({
        "title": lesson.title, "date": lesson.created.date(), "type": lesson.lesson_type,
        "applies_when": applies_when, "tags": reach.tags,
    });
    Shape {
        path: format!("cemem://lesson/{}", lesson.id),
        title: lesson.title.clone(),
        passage: Passage {
            heading: shorten(&lesson.title, 120),
            start_line: 1,
            end_line: text.lines().count().max(1),
            text,
        },
        frontmatter: front.as_object().cloned().unwrap_or_default(),
        matched_fields: Vec::new(),
    }
}

/// Returns the fields of front matter that have a wanted word.
fn matched(front: &Map<String, Value>, wanted: &HashSet<String>) -> Vec<String> {
    let analyser = Analyser::default();
    let has = |key: &&&str| {
        let text = list_of(front.get(**key)).join(" ").replace('_', " ");
        analyser.analyse(&text).words.iter().any(|word| wanted.contains(word))
    };
    FIELDS.iter().filter(has).map(|key| (*key).to_owned()).collect()
}

/// Returns a text at the length of a passage, cut at a line where one ends near.
fn clipped(text: &str) -> String {
    if text.chars().count() <= MAX_PASSAGE {
        return text.to_owned();
    }
    let cut: String = text.chars().take(MAX_PASSAGE).collect();
    let end = cut.rfind('\n').filter(|at| at * 2 > cut.len()).unwrap_or(cut.len());
    format!("{}\n[...]", cut[..end].trim_end())
}
