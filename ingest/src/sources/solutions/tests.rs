//! Solution documents, valid and not.

use cemem_core::EventKind;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Solutions, parse};
use crate::sources::testing::read;

fn document(text: &str) -> (String, String, Value) {
    let found = read(&Solutions, "a-fix", text);
    match &found.events()[0].kind {
        EventKind::Document { title, text, meta, .. } => {
            (title.clone(), text.clone(), meta.clone())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_key_is_kept() {
    let text = "---\ntitle: Flaky auth\ndate: 2026-01-02\nproblem_type: test_failure\ntags: [a, b]\n\
        our_key: {x: 1}\n---\n# H\n\nBody\n";
    let (title, body, meta) = document(text);
    assert_eq!((title.as_str(), body.as_str()), ("Flaky auth", "# H\n\nBody"));
    assert_eq!(meta["tags"], json!(["a", "b"]));
    assert_eq!(meta["our_key"], json!({"x": 1}));
    let found = read(&Solutions, "a-fix", text);
    assert_eq!(found.events()[0].ts.unwrap().date(), "2026-01-02");
}

#[test]
fn invalid_yaml_is_read_line_by_line() {
    let (title, _, meta) = document(
        "---\nmodule: `core`\nproblem_type: build_error\nsymptoms:\n  - `x` fails: often\n  - \"b\"\n---\n# The fix\n",
    );
    assert_eq!(title, "The fix");
    assert_eq!(meta["module"], json!("`core`"));
    assert_eq!(meta["symptoms"], json!(["`x` fails: often", "b"]));
}

#[test]
fn documents_without_front_matter_and_empty_ones() {
    let (title, body, meta) = document("Just text\n");
    assert_eq!((title.as_str(), body.as_str(), meta), ("a fix", "Just text", json!({})));
    assert_eq!(read(&Solutions, "x", "  \n").errors, ["empty document"]);
    assert_eq!(document("---\nnot closed\n").1, "---\nnot closed");
}

#[test]
fn the_shown_path_is_the_same_in_every_clone() {
    assert_eq!(parse::portable("/a/b/docs/solutions/x/y.md"), "docs/solutions/x/y.md");
    assert_eq!(parse::portable("C:\\r\\docs\\solutions\\y.md"), "docs/solutions/y.md");
    assert_eq!(parse::portable("/a/solutions/y.md"), "solutions/y.md");
    assert_eq!(parse::portable("/a/y.md"), "y.md");
}

proptest! {
    #[test]
    fn any_front_matter_never_panics(front in "([a-z_]{1,8}: |- |\\[|\\]|\\{|\\}|&a|\\*a|!t|\n|'|\"|\\PC){0,60}") {
        read(&Solutions, "x", &format!("---\n{front}\n---\nbody"));
    }
}
