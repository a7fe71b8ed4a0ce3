//! The rules of `docs/architecture.md` and `docs/style.md` that a machine can check.
//!
//! Owns the allowed edges between crates and the tidiness of the tree. Must not check behaviour: a
//! rule belongs here when it is about the source text or the manifests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod docs;
mod edges;
mod files;
mod modules;
mod text;

/// Fails with every violation, one a line.
#[track_caller]
fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}
