//! What tests of report readers share.

use std::path::Path;

use cemem_core::EventKind;
use cemem_core::finding::Finding;

use crate::sniff::{Probe, identify};
use crate::source::Source;
use crate::sources::testing::{Found, read};

/// Returns the findings, each as an object with its session, row and time.
pub(super) fn shown(found: &Found) -> String {
    let mut rows = Vec::new();
    for (session, events) in &found.sessions {
        for event in events {
            let EventKind::Finding(finding) = &event.kind else { panic!("{:?}", event.kind) };
            rows.push(serde_json::json!({
                "session": session.id,
                "title": session.title,
                "row": event.row_id,
                "at": event.ts,
                "branch": event.branch,
                "finding": finding,
            }));
        }
    }
    let rows = serde_json::to_string_pretty(&rows).unwrap();
    format!("{rows}\nskipped {:?}\nerrors {:?}", found.skipped, found.errors)
}

/// Returns the findings of one text that must be recognised as `source`'s.
pub(super) fn findings(source: &dyn Source, name: &str, text: &str) -> Vec<Finding> {
    recognised(source, name, text);
    let found = read(source, name, text);
    assert_eq!(found.errors, Vec::<String>::new());
    found
        .events()
        .into_iter()
        .map(|e| match &e.kind {
            EventKind::Finding(finding) => (**finding).clone(),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// The text is recognised as `source`'s, however its end is cut off beyond the first 8 KB.
pub(super) fn recognised(source: &dyn Source, name: &str, text: &str) {
    assert_eq!(format_of(name, text), Some(source.info().format), "{name}");
    let cut = text.len().min(crate::sniff::FIRST_LOOK);
    let cut = (0..=cut).rev().find(|c| text.is_char_boundary(*c)).unwrap();
    assert_eq!(format_of(name, &text[..cut]), Some(source.info().format), "{name}, cut");
}

/// The format a file is recognised as.
pub(super) fn format_of(name: &str, text: &str) -> Option<&'static str> {
    identify(&Probe::new(text, Path::new(name))).map(|s| s.info().format)
}

/// Reads every cut and some mutations of a text: nothing may panic.
pub(super) fn never_panics(source: &dyn Source, text: &str) {
    let step = (text.len() / 200).max(1);
    for cut in (0..text.len()).step_by(step).filter(|c| text.is_char_boundary(*c)) {
        read(source, "cut", &text[..cut]);
        for odd in ["null", "\"", "{", "]", "-1", "<", "&x;", "é"] {
            let mut mutated = text[..cut].to_owned();
            mutated.push_str(odd);
            let rest = (cut + odd.len()..text.len())
                .find(|c| text.is_char_boundary(*c))
                .unwrap_or(text.len());
            mutated.push_str(text.get(rest..).unwrap_or_default());
            read(source, "mutated", &mutated);
        }
    }
}

/// The text of a fixture.
pub(super) fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/reviews");
    std::fs::read_to_string(folder.join(name)).unwrap()
}
