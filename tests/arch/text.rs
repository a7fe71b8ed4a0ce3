//! Words that must not stand in the source.
//!
//! Owns the lists. The words are put together from halves, so that this file may be checked as well.

use crate::assert_none;
use crate::files::{self, SourceFile, has_extension};

const LIBRARIES: [&str; 3] = ["memory-core/", "ingest/", "retrieve/"];

/// What a library must not do: the binary prints, reads the environment and exits.
const NOT_IN_LIBRARIES: &[(&str, &str)] = &[
    (concat!("print", "ln!("), "the command line prints"),
    (concat!("eprint", "!("), "the command line prints"),
    (concat!("std::", "env"), "take it as an argument"),
    (concat!("env::", "var"), "take it as an argument"),
    (concat!("process::", "exit"), "return an error"),
    (concat!("fs::", "write("), "not atomic: use cemem_core::durable"),
    (concat!("File::", "create("), "truncates in place: use cemem_core::durable"),
];

/// What nothing that is written by hand may hold.
const NOWHERE: &[(&str, &str)] = &[
    (concat!("TO", "DO"), "do it or file it"),
    (concat!("FIX", "ME"), "do it or file it"),
    (concat!("to", "do!("), "write it"),
    (concat!("unimple", "mented!("), "write it"),
    (concat!("#[ig", "nore"), "a test that does not run is no test"),
    (concat!("crates", ".io"), "no registry host"),
    (concat!("pypi", ".org"), "no registry host"),
    (concat!("pythonhosted", ".org"), "no registry host"),
    (concat!("npmjs", ".org"), "no registry host"),
    (concat!("/ro", "ot/"), "no path of somebody's machine"),
    (concat!("\"/wo", "rk/"), "no path of somebody's machine"),
    (concat!(" /wo", "rk/"), "no path of somebody's machine"),
    (concat!("`/wo", "rk/"), "no path of somebody's machine"),
];

/// Places that may hold one of the words, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

fn in_libraries(sources: &[SourceFile]) -> Vec<String> {
    let library = |file: &&SourceFile| LIBRARIES.iter().any(|name| file.path.starts_with(name));
    sources
        .iter()
        .filter(library)
        .filter(|file| file.path.contains("/src/"))
        .flat_map(|file| {
            file.production()
                .filter(|(_, line)| !line.trim_start().starts_with("//"))
                .flat_map(|(number, line)| found(file, number, line, NOT_IN_LIBRARIES))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn anywhere(sources: &[SourceFile]) -> Vec<String> {
    sources
        .iter()
        .filter(|file| is_written_by_hand(&file.path))
        .flat_map(|file| {
            file.text
                .lines()
                .enumerate()
                .flat_map(|(i, line)| found(file, i + 1, line, NOWHERE))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn is_written_by_hand(path: &str) -> bool {
    let known = ["rs", "toml", "md", "sh", "py", "sql", "yml", "yaml", "json"];
    path != "Cargo.lock"
        && !path.starts_with("assets/model/tokenizer")
        && (known.iter().any(|extension| has_extension(path, extension))
            || path == "Makefile"
            || path == ".ci/run")
}

fn found(file: &SourceFile, number: usize, line: &str, words: &[(&str, &str)]) -> Vec<String> {
    words
        .iter()
        .filter(|(word, _)| line.contains(word))
        .filter(|(word, _)| {
            !EXCEPTIONS.iter().any(|(path, allowed, _)| file.path == *path && word == allowed)
        })
        .map(|(word, reason)| format!("{}:{number}: `{word}`: {reason}", file.path))
        .collect()
}

#[test]
fn libraries_do_not_print_read_the_environment_or_exit() {
    assert_none(&in_libraries(&files::rust()));
}

#[test]
fn nothing_is_left_undone_and_no_machine_is_named() {
    assert_none(&anywhere(&files::all()));
}

#[test]
fn violations_are_found() {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
    let print = NOT_IN_LIBRARIES[0].0;
    let undone = NOWHERE[0].0;
    let sources = [
        file("ingest/src/lib.rs", &format!("//! Never {print}.\n{print}\"x\");\n")),
        file(
            "ingest/src/late.rs",
            &format!("//! Fine.\n#[cfg(test)]\nmod tests {{ {print}1); }}\n"),
        ),
        file("cli/src/ui.rs", &format!("{print}\"x\");\n// {undone}\n")),
        file("Cargo.lock", undone),
    ];
    assert_eq!(in_libraries(&sources).len(), 1, "{:?}", in_libraries(&sources));
    assert!(in_libraries(&sources)[0].starts_with("ingest/src/lib.rs:2: "));
    assert_eq!(anywhere(&sources).len(), 1);
    assert!(anywhere(&sources)[0].starts_with("cli/src/ui.rs:2: "));
}
