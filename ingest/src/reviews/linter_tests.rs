//! Small reports of the linters and test runners, each field by field.

use super::testing::{findings, fixture, format_of, never_panics, shown};
use super::*;
use crate::sources::testing::read;

/// Source, fixture, findings in it.
fn table() -> Vec<(&'static dyn Source, &'static str, usize)> {
    vec![
        (&ruff::RUFF, "ruff.json", 2),
        (&ruff::RUFF_ROWS, "ruff.jsonl", 2),
        (&pylint::PYLINT2, "pylint2.json", 2),
        (&pylint::PYLINT, "pylint.json", 1),
        (&pylint::PylintText, "pylint.txt", 2),
        (&mypy::MYPY, "mypy.jsonl", 2),
        (&bandit::BANDIT, "bandit.json", 1),
        (&semgrep::SEMGREP, "semgrep.json", 2),
        (&junit::Junit, "nextest.xml", 2),
        (&junit::Junit, "linters.xml", 3),
        (&annotations::Github, "github-annotations.txt", 3),
        (&annotations::Azure, "azure.txt", 1),
    ]
}

#[test]
fn every_field_is_kept() {
    for (source, name, count) in table() {
        let text = fixture(name);
        assert_eq!(findings(source, name, &text).len(), count, "{name}");
        insta::assert_snapshot!(name.replace('.', "_"), shown(&read(source, name, &text)));
    }
}

#[test]
fn no_cut_or_mutation_panics() {
    for (source, name, _) in table() {
        never_panics(source, &fixture(name));
    }
}

#[test]
fn the_list_and_the_rows_of_ruff_say_the_same() {
    let list = findings(&ruff::RUFF, "r.json", &fixture("ruff.json"));
    assert_eq!(list, findings(&ruff::RUFF_ROWS, "r.jsonl", &fixture("ruff.jsonl")));
}

#[test]
fn declared_entities_are_not_expanded_and_depth_is_bounded() {
    let found = findings(&junit::Junit, "n.xml", &fixture("nextest.xml"));
    assert!(found[0].message.contains("<&b;>"), "{}", found[0].message);
    let deep = format!("<testsuites>{}", "<testsuite name=\"x\">".repeat(100_000));
    assert_eq!(read(&junit::Junit, "deep", &deep).errors.len(), 1);
}

#[test]
fn other_files_are_none_of_these() {
    for (name, other) in [
        ("package.json", r#"{"name":"x","version":"1.0.0","dependencies":{"a":"1"}}"#),
        ("a.json", r#"[{"type":"a","message":"b"},{"code":1}]"#),
        ("b.json", r#"{"results":[{"id":1}],"generated_at":"2026-01-01"}"#),
        ("c.jsonl", r#"{"file":"a","line":1,"message":"m","severity":"error"}"#),
        ("d.xml", "<?xml version=\"1.0\"?>\n<project><testsuite/></project>"),
        ("e.txt", "$ bun test \"--reporter=junit\"\nerror: script exited\n"),
        ("f.md", "Use `::error file=a.py::msg` in a workflow.\n"),
        ("g.rs", "fn a() { std::error::Error }\n"),
        ("h.txt", "src/a.rs:12: see [this] note\n"),
    ] {
        assert_eq!(format_of(name, other), None, "{name}");
    }
}
