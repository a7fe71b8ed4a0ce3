//! The documents say what the tree holds.
//!
//! Owns links, paths and the table of exit codes. Must not judge prose.

use std::collections::BTreeSet;

use crate::assert_none;
use crate::files::{self, SourceFile, has_extension};

/// Folders a backticked path in a document may start with; anything else is somebody's example.
const ROOTS: [&str; 9] = [
    "memory-core/",
    "ingest/",
    "retrieve/",
    "cli/",
    "corpus/",
    "benches/",
    "tests/",
    "docs/",
    ".ci/",
];

fn documents() -> Vec<SourceFile> {
    files::all().into_iter().filter(|file| has_extension(&file.path, "md")).collect()
}

/// Returns what stands between `open` and `close` on a line, each time.
fn between<'a>(line: &'a str, open: &str, close: char) -> Vec<&'a str> {
    line.split(open).skip(1).filter_map(|rest| rest.split(close).next()).collect()
}

/// Returns the relative links of a document, resolved against its folder.
fn links(document: &SourceFile) -> Vec<String> {
    let folder =
        document.path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    prose(&document.text)
        .flat_map(|line| between(line, "](", ')'))
        .filter(|target| !target.contains("://") && !target.starts_with('#'))
        .map(|target| format!("{folder}{}", target.split('#').next().unwrap_or(target)))
        .collect()
}

/// Returns the backticked paths of a document that claim to be files of this tree.
fn paths(document: &SourceFile) -> Vec<String> {
    prose(&document.text)
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|word| ROOTS.iter().any(|root| word.starts_with(root)))
        .filter(|word| !word.contains(['*', ' ', '<', '$', '{', '…', '(']))
        .map(|word| word.trim_end_matches('/').to_owned())
        .collect()
}

/// Returns the lines outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Returns what leads nowhere. Of `docs/solutions` the project of a reader is meant; `NAME` stands for
/// what the reader makes.
fn broken(documents: &[SourceFile], exists: impl Fn(&str) -> bool) -> Vec<String> {
    documents
        .iter()
        .flat_map(|document| {
            links(document)
                .into_iter()
                .chain(paths(document))
                .filter(|path| !path.starts_with("docs/solutions") && !path.contains("/NAME"))
                .filter(|path| !exists(path))
                .map(|path| format!("{}: `{path}` is not there", document.path))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn links_and_paths_lead_somewhere() {
    let documents = documents();
    assert!(documents.len() > 8, "{} documents", documents.len());
    let root = files::root();
    assert_none(&broken(&documents, |path| root.join(path).exists()));
}

#[test]
fn every_exit_code_is_documented() {
    let all = files::all();
    let text = |path: &str| {
        all.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path}")).text.as_str()
    };
    let code: BTreeSet<_> = text("cli/src/exit_code.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.strip_suffix(';'))
        .filter_map(|line| line.split_once(": u8 = "))
        .map(|(name, number)| format!("{number} {name}"))
        .collect();
    let documented: BTreeSet<_> = text("docs/exit-codes.md")
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let number: u8 = cells.next()?.parse().ok()?;
            Some(format!("{number} {}", cells.next()?.trim_matches('`')))
        })
        .collect();
    assert!(code.len() >= 7, "{code:?}");
    assert_eq!(code, documented);
}

#[test]
fn the_pinned_toolchain_is_the_oldest_supported() {
    let value = |path: &str, key: &str| {
        let text = std::fs::read_to_string(files::root().join(path)).unwrap();
        let line =
            text.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{key}"));
        between(line, "\"", '"')[0].to_owned()
    };
    let (pinned, oldest) =
        (value("rust-toolchain.toml", "channel"), value("Cargo.toml", "rust-version"));
    assert!(pinned.starts_with(&oldest), "pinned {pinned}, oldest supported {oldest}");
}

#[test]
fn violations_are_found() {
    let text = "See [a](style.md), [b](gone.md#x), [c](https://example.com) and `cli/src/none.rs`.\n\
        ```\n`tests/none.rs` [d](none.md)\n```\n`tests/*/x.rs` `cemem` `ingest/src/lib.rs`\n";
    let document = SourceFile { path: "docs/page.md".into(), text: text.into() };
    let known = ["docs/style.md", "ingest/src/lib.rs"];
    assert_eq!(
        broken(&[document], |path| known.contains(&path)),
        [
            "docs/page.md: `docs/gone.md` is not there",
            "docs/page.md: `cli/src/none.rs` is not there"
        ]
    );
}
