//! Every source file is part of a crate, says what it owns, and is not too long.
//!
//! Owns the size caps. An exception is a line in [`LONGER`] with its reason, never a higher cap.

use std::collections::HashSet;

use crate::assert_none;
use crate::files::{self, SourceFile};

/// Most lines of a production file, its tests included.
const CAP: usize = 600;
/// Most lines of a test file.
const TEST_CAP: usize = 800;
/// Files that may be longer, and why.
const LONGER: &[(&str, usize, &str)] = &[];

fn headers(sources: &[SourceFile]) -> Vec<String> {
    sources
        .iter()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| {
            format!("{}: must open with `//!`: what it owns, what it must not do", file.path)
        })
        .collect()
}

fn sizes(sources: &[SourceFile]) -> Vec<String> {
    sources
        .iter()
        .filter_map(|file| {
            let cap = LONGER
                .iter()
                .find(|(path, _, _)| *path == file.path)
                .map_or(if file.is_test() { TEST_CAP } else { CAP }, |(_, cap, _)| *cap);
            let n_lines = file.text.lines().count();
            (n_lines > cap).then(|| format!("{}: {n_lines} lines, the cap is {cap}", file.path))
        })
        .collect()
}

/// Returns the files that no `mod` line and no manifest target reaches.
fn forgotten(sources: &[SourceFile], manifests: &[SourceFile]) -> Vec<String> {
    let declared: HashSet<_> = sources.iter().flat_map(declares).collect();
    let targets: HashSet<_> = manifests.iter().flat_map(target_paths).collect();
    sources
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| !is_default_root(path) && !targets.contains(*path))
        .filter(|path| !declared.contains(*path))
        .map(|path| format!("{path}: no `mod` line and no target in a manifest leads here"))
        .collect()
}

/// Returns the paths a file's `mod name;` lines may mean.
fn declares(file: &SourceFile) -> Vec<String> {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let stem = name.trim_end_matches(".rs");
    // A crate root and `mod.rs` look beside themselves, any other module below its own name. A root
    // with a name of its own (a target in a manifest) looks beside itself too.
    let folders = if matches!(stem, "lib" | "main" | "mod") {
        vec![folder.to_owned()]
    } else {
        vec![format!("{folder}/{stem}"), folder.to_owned()]
    };
    file.text
        .lines()
        .filter_map(|line| {
            let line = line.trim_start();
            let (visibility, module) = line.split_once("mod ")?;
            let public = visibility.is_empty() || visibility.starts_with("pub");
            module.strip_suffix(';').filter(|_| public)
        })
        .flat_map(|module| {
            folders.iter().flat_map(move |folder| {
                [format!("{folder}/{module}.rs"), format!("{folder}/{module}/mod.rs")]
            })
        })
        .collect()
}

/// Returns the `path = "….rs"` lines of a manifest, relative to the root.
fn target_paths(manifest: &SourceFile) -> Vec<String> {
    let folder = manifest.path.trim_end_matches("Cargo.toml");
    manifest
        .text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("path = \"")?.strip_suffix('"'))
        .filter(|path| files::has_extension(path, "rs"))
        .map(|path| format!("{folder}{path}"))
        .collect()
}

fn is_default_root(path: &str) -> bool {
    ["/src/lib.rs", "/src/main.rs", "/build.rs"].iter().any(|root| path.ends_with(root))
        || path.contains("/examples/")
}

fn manifests() -> Vec<SourceFile> {
    files::all().into_iter().filter(|file| file.path.ends_with("Cargo.toml")).collect()
}

#[test]
fn every_file_says_what_it_owns() {
    assert_none(&headers(&files::rust()));
}

#[test]
fn no_file_is_too_long() {
    assert_none(&sizes(&files::rust()));
}

#[test]
fn no_file_is_forgotten() {
    assert_none(&forgotten(&files::rust(), &manifests()));
}

#[test]
fn violations_are_found() {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
    let sources = [
        file("ingest/src/lib.rs", "//! Map.\nmod known;\n"),
        file("ingest/src/known.rs", "//! Known.\npub mod deeper;\n"),
        file("ingest/src/known/deeper.rs", "use std::fmt;\n"),
        file("ingest/src/lost.rs", &"//! Lost.\n".repeat(CAP + 1)),
        file("tests/e2e/main.rs", "//! Root.\nmod recall;\n"),
        file("tests/e2e/recall.rs", &"//! Fine.\n".repeat(CAP + 1)),
        file("tests/e2e/remember.rs", &"//! Long.\n".repeat(TEST_CAP + 1)),
    ];
    let manifests =
        [file("tests/Cargo.toml", "[[test]]\nname = \"e2e\"\npath = \"e2e/main.rs\"\n")];
    let paths = |found: Vec<String>| -> Vec<String> {
        found.iter().map(|line| line.split(':').next().unwrap().to_owned()).collect()
    };
    assert_eq!(paths(headers(&sources)), ["ingest/src/known/deeper.rs"]);
    assert_eq!(paths(sizes(&sources)), ["ingest/src/lost.rs", "tests/e2e/remember.rs"]);
    assert_eq!(
        paths(forgotten(&sources, &manifests)),
        ["ingest/src/lost.rs", "tests/e2e/remember.rs"]
    );
}
