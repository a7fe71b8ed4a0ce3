//! Rows of a normalised transcript as they are written, as far as they are used.
//!
//! Owns the shapes. Every field is lenient: an unexpected type makes it absent. What a tool was given and
//! what it gave back stay raw slices of the line and are only unescaped as far as they are kept.

use serde_json::value::RawValue;

use crate::sources::wire::{Maybe, Objects, Text};

/// One row.
#[derive(serde::Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) agent: Text<'a>,
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) ts: Text<'a>,
    #[serde(borrow, default)]
    pub(super) content: Objects<Part<'a>>,
}

/// What was said, or a call.
#[derive(serde::Deserialize)]
pub(super) struct Part<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) text: Text<'a>,
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) result: Maybe<Back<'a>>,
}

/// What came back from a call.
#[derive(serde::Deserialize)]
pub(super) struct Back<'a> {
    #[serde(borrow, default)]
    pub(super) status: Text<'a>,
    #[serde(borrow, default)]
    pub(super) output: Option<&'a RawValue>,
}
