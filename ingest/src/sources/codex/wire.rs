//! Rows of a Codex rollout as they are written, as far as they are used.
//!
//! Owns the shapes: one lenient union of all payloads, so that a row is parsed once.

use serde_json::value::RawValue;

use crate::sources::wire::{Maybe, Objects, Text};

/// One row.
#[derive(serde::Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow, default)]
    pub(super) timestamp: Text<'a>,
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) payload: Maybe<Payload<'a>>,
}

/// What a row carries; in the oldest rollouts it is the row itself.
#[derive(serde::Deserialize)]
pub(super) struct Payload<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Text<'a>,
    // messages
    #[serde(borrow, default)]
    pub(super) role: Text<'a>,
    #[serde(borrow, default)]
    pub(super) content: Objects<Piece<'a>>,
    #[serde(borrow, default)]
    pub(super) message: Text<'a>,
    /// Older versions say what a `user_message` is.
    #[serde(borrow, default, rename = "kind")]
    pub(super) sort: Text<'a>,
    // calls
    #[serde(borrow, default)]
    pub(super) call_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) output: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) action: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) reason: Text<'a>,
    // session_meta, turn_context
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) cwd: Text<'a>,
    #[serde(borrow, default)]
    pub(super) cli_version: Text<'a>,
    #[serde(borrow, default)]
    pub(super) git: Maybe<Git<'a>>,
    #[serde(borrow, default)]
    pub(super) source: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) forked_from_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) parent_thread_id: Text<'a>,
}

#[derive(serde::Deserialize)]
pub(super) struct Git<'a> {
    #[serde(borrow, default)]
    pub(super) branch: Text<'a>,
}

/// A piece of a message.
#[derive(serde::Deserialize)]
pub(super) struct Piece<'a> {
    #[serde(borrow, default)]
    pub(super) text: Text<'a>,
}
