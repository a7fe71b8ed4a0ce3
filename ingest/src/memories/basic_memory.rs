//! basic-memory: Markdown notes with observations, `- [category] text #tag (context)`, and the
//! database that indexes them.
//!
//! Owns both. An observation is a memory; the prose around it is the note's own and is left out.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use cemem_core::foreign::{ForeignDb, ForeignError};
use serde_json::Value;

use super::{Memories, Memory, list, time};
use crate::sources::solutions::front_matter;

/// Bytes of a note looked at to recognise it.
const LOOK: usize = 64 * 1024;
/// Longest note read, in bytes; most notes; deepest folder.
const MAX_NOTE: u64 = 4 << 20;
const MAX_NOTES: usize = 50_000;
const DEPTH: usize = 12;

pub(super) fn read(db: &ForeignDb, wanted: Option<&[String]>) -> Result<Memories, ForeignError> {
    let mut out = Memories::default();
    let filed = !db.columns("project")?.is_empty()
        && db.columns("entity")?.iter().any(|c| c == "project_id");
    let (project, join) = match filed {
        true => ("p.name", "LEFT JOIN project p ON p.id = e.project_id"),
        false => ("NULL", ""),
    };
    let sql = format!(
        "SELECT o.*, o.rowid AS n, e.title AS note, e.created_at AS at, {project} AS project
         FROM observation o JOIN entity e ON e.id = o.entity_id {join} ORDER BY o.rowid"
    );
    db.rows(&sql, &[], |row| {
        if !out.belongs(row.text("project").as_deref(), wanted) {
            return true;
        }
        out.found.push(Memory {
            title: row.text("note"),
            text: row.text("content").unwrap_or_default(),
            body: row.text("context"),
            kind: row.text("category").unwrap_or_default(),
            tags: list(row.text("tags")),
            row: format!("observation {}", row.int("n").unwrap_or_default()),
            ts: row.text("at").and_then(|at| time(&Value::String(at))),
            ..Memory::default()
        });
        true
    })?;
    let sql = "SELECT count(*) AS n FROM entity
               WHERE id NOT IN (SELECT entity_id FROM observation WHERE entity_id IS NOT NULL)";
    db.rows(sql, &[], |row| {
        for _ in 0..row.int("n").unwrap_or_default().clamp(0, 1_000_000) {
            out.skip("notes without an observation");
        }
        false
    })?;
    Ok(out)
}

/// Returns whether a text is a note: front matter with a permalink or a type, and an observation.
pub(super) fn is_note(head: &str) -> bool {
    let head = crate::text::head(head, LOOK);
    let (front, body) = front_matter(head);
    let noted = front.contains_key("permalink") || front.contains_key("type");
    noted && front.contains_key("title") && body.lines().any(|l| observation(l).is_some())
}

/// Returns whether a folder holds a note.
#[must_use]
pub fn has_notes(folder: &Path) -> bool {
    texts(folder).any(|(_, text)| is_note(&text))
}

/// Reads every note of a folder and of those in it; a memory's row then names its file.
#[must_use]
pub fn notes(folder: &Path) -> Memories {
    let mut out = Memories::default();
    for (path, text) in texts(folder) {
        if !is_note(&text) {
            out.skip("files that are no note");
            continue;
        }
        let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let Memories { found, skipped, .. } = note(&text);
        out.found
            .extend(found.into_iter().map(|m| Memory { row: format!("{name}:{}", m.row), ..m }));
        for (why, n) in skipped {
            *out.skipped.entry(why).or_default() += n;
        }
    }
    out
}

/// Returns the Markdown files of a folder, in order; hidden ones and what cannot be read are left out.
fn texts(folder: &Path) -> impl Iterator<Item = (PathBuf, String)> {
    let hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.');
    let walk = walkdir::WalkDir::new(folder).max_depth(DEPTH).sort_by_file_name().into_iter();
    walk.filter_entry(move |e| e.depth() == 0 || !hidden(e.file_name()))
        .filter_map(Result::ok)
        .filter(|e| e.file_type().is_file() && e.path().extension().is_some_and(|x| x == "md"))
        .take(MAX_NOTES)
        .filter_map(|e| {
            let mut bytes = Vec::new();
            let file = std::fs::File::open(e.path()).ok()?;
            file.take(MAX_NOTE).read_to_end(&mut bytes).ok()?;
            Some((e.into_path(), String::from_utf8_lossy(&bytes).into_owned()))
        })
}

/// Reads a note.
pub(super) fn note(text: &str) -> Memories {
    let mut out = Memories::default();
    let (front, body) = front_matter(text);
    let said = |key: &str| front.get(key).and_then(Value::as_str).map(str::to_owned);
    let ts = ["created", "date"].iter().find_map(|key| time(front.get(*key)?));
    let first = 1 + text[..text.len() - body.len()].matches('\n').count();
    let mut fenced = false;
    for (idx, line) in body.lines().enumerate() {
        let plain = line.trim();
        if plain.starts_with("```") || plain.starts_with("~~~") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        if let Some((kind, said_here)) = observation(plain) {
            let (words, tags, context) = parts(said_here);
            out.found.push(Memory {
                title: said("title"),
                text: words,
                body: context,
                kind: kind.to_owned(),
                tags,
                row: (first + idx).to_string(),
                ts,
                ..Memory::default()
            });
        } else if plain.starts_with("- ") && plain.contains("[[") {
            out.skip("relations");
        }
    }
    out
}

/// Returns category and words of an observation: no task, no link, no relation.
fn observation(line: &str) -> Option<(&str, &str)> {
    let rest = line.trim().strip_prefix("- [").or_else(|| line.trim().strip_prefix("* ["))?;
    let (kind, said) = rest.split_once(']')?;
    let task = matches!(kind.trim(), "" | "x" | "X" | "-" | "/" | ">");
    let link = said.starts_with(['(', '[']) || kind.contains(['[', '(']);
    let said = said.strip_prefix(' ')?.trim();
    (!task && !link && kind.len() <= 60 && !said.is_empty()).then_some((kind.trim(), said))
}

/// Takes the tags and the context off the end of an observation.
fn parts(said: &str) -> (String, Vec<String>, Option<String>) {
    let mut rest = said.trim();
    let mut context = None;
    if let Some(at) = rest.rfind(" (").filter(|_| rest.ends_with(')')) {
        let inner = &rest[at + 2..rest.len() - 1];
        if !inner.contains(['(', ')']) {
            context = Some(inner.to_owned());
            rest = rest[..at].trim_end();
        }
    }
    let mut tags = Vec::new();
    while let Some((head, tag)) = rest.rsplit_once(" #").filter(|(_, tag)| !tag.is_empty()) {
        if tag.contains(char::is_whitespace) {
            break;
        }
        tags.insert(0, tag.to_owned());
        rest = head.trim_end();
    }
    (rest.to_owned(), tags, context)
}
