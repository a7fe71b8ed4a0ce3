//! Which file is what, by its name and the folders it lies in.
//!
//! Owns the names agents give their rule files. Must not open anything.

use std::path::Path;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file of rules for agents.
    Rules,
    /// A note of Claude Code's memory.
    Memory,
    /// A decision record.
    Record,
}

/// Names that are rule files wherever they lie; they speak of their folder.
pub(super) const NAMES: &[&str] = &[
    "CLAUDE.md",
    "CLAUDE.local.md",
    "AGENTS.md",
    "AGENTS.override.md",
    "GEMINI.md",
    ".cursorrules",
    ".windsurfrules",
    ".clinerules",
];

/// Folders of rule files, and the endings of those.
pub(super) const FOLDERS: &[(&str, &[&str])] = &[
    (".cursor/rules", &[".mdc", ".md"]),
    (".claude/rules", &[".md"]),
    (".github/instructions", &[".instructions.md"]),
    (".windsurf/rules", &[".md"]),
];

/// The one rule file that is neither.
pub(super) const COPILOT: &str = ".github/copilot-instructions.md";

/// Folders of decision records, below the project or one of its parts.
pub(super) const RECORDS: &[&str] = &[
    "docs/adr",
    "docs/adrs",
    "docs/ADR",
    "docs/decisions",
    "docs/architecture/decisions",
    "docs/architecture-decisions",
    "docs/architecture/adr",
    "doc/adr",
    "doc/adrs",
    "doc/decisions",
    "doc/architecture/decisions",
    "adr",
    "adrs",
];

/// Returns what the file at this path is, if it is one of these.
pub(crate) fn of(path: &Path) -> Option<Kind> {
    let text = path.to_string_lossy().replace('\\', "/");
    let name = text.rsplit('/').next().unwrap_or(&text);
    let within = |folder: &str| {
        text.contains(&format!("/{folder}/")) || text.starts_with(&format!("{folder}/"))
    };
    if NAMES.contains(&name)
        || text.ends_with(&format!("/{COPILOT}"))
        || FOLDERS.iter().any(|(f, ends)| within(f) && ends.iter().any(|e| name.ends_with(e)))
    {
        return Some(Kind::Rules);
    }
    let folders: Vec<&str> = text.rsplit('/').skip(1).collect();
    let markdown = name.to_ascii_lowercase().ends_with(".md");
    if markdown && folders.first() == Some(&"memory") && folders.get(2) == Some(&"projects") {
        return Some(Kind::Memory);
    }
    let lower = name.to_ascii_lowercase();
    let numbered = lower.starts_with(|c: char| c.is_ascii_digit()) || lower.starts_with("adr");
    let template = lower.contains("template") || matches!(&*lower, "readme.md" | "index.md");
    let folder = RECORDS.iter().any(|f| within(f));
    let sure = folders.first().is_some_and(|f| f.to_ascii_lowercase().starts_with("adr"));
    (markdown && folder && (numbered || !sure) && !template).then_some(Kind::Record)
}

/// Returns the folder a rule file speaks of, from its path in the repository: empty for all of it.
pub(super) fn home_of(place: &str) -> &str {
    let folder = place.rfind('/').map_or("", |at| &place[..at]);
    let inner = FOLDERS.iter().map(|(f, _)| *f).chain([".claude", ".github"]);
    for inner in inner {
        if folder == inner || folder.starts_with(&format!("{inner}/")) {
            return "";
        }
        if let Some(at) = folder.find(&format!("/{inner}")) {
            return &folder[..at];
        }
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_place() {
        for (path, kind) in [
            ("/p/CLAUDE.md", Some(Kind::Rules)),
            ("/p/web/AGENTS.md", Some(Kind::Rules)),
            ("/p/.cursor/rules/deep/api.mdc", Some(Kind::Rules)),
            ("/p/.claude/rules/api.md", Some(Kind::Rules)),
            ("/p/.github/copilot-instructions.md", Some(Kind::Rules)),
            ("/p/.github/instructions/a.instructions.md", Some(Kind::Rules)),
            ("/p/.github/instructions/a.md", None),
            ("/h/.claude/projects/-p/memory/feedback_x.md", Some(Kind::Memory)),
            ("/h/.claude/projects/-p/s/memory.md", None),
            ("/p/docs/adr/0001-use-x.md", Some(Kind::Record)),
            ("/p/docs/decisions/use-x.md", Some(Kind::Record)),
            ("/p/docs/adr/README.md", None),
            ("/p/docs/adr/0000-template.md", None),
            ("/p/docs/CLAUDE-notes.md", None),
            ("C:\\p\\CLAUDE.md", Some(Kind::Rules)),
        ] {
            assert_eq!(of(Path::new(path)), kind, "{path}");
        }
    }

    #[test]
    fn nested_files_speak_of_their_folder() {
        for (place, home) in [
            ("CLAUDE.md", ""),
            (".claude/CLAUDE.md", ""),
            ("web/app/AGENTS.md", "web/app"),
            (".cursor/rules/x/a.mdc", ""),
            ("web/.cursor/rules/a.mdc", "web"),
            (".github/copilot-instructions.md", ""),
        ] {
            assert_eq!(home_of(place), home, "{place}");
        }
    }
}
