//! Rows of batch runs and events of the first generation as they are written, as far as they are used.
//!
//! Owns the shapes. Every field is lenient: an unexpected type makes it absent. What is long stays a raw slice
//! and is only unescaped as far as it is kept.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::sources::tool;
use crate::sources::wire::{Maybe, Raws, Text};

/// One instance of a batch run.
#[derive(Deserialize)]
pub(super) struct Instance<'a> {
    #[serde(borrow, default)]
    pub(super) instance_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) issue: Maybe<Issue<'a>>,
    #[serde(borrow, default)]
    pub(super) history: Raws<'a>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

/// What an instance is about.
#[derive(Deserialize)]
pub(super) struct Issue<'a> {
    #[serde(borrow, default)]
    pub(super) owner: Text<'a>,
    #[serde(borrow, default)]
    pub(super) repo: Text<'a>,
    #[serde(borrow, default)]
    pub(super) number: Option<&'a RawValue>,
}

/// An event: of the second generation if it has a `kind`.
#[derive(Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) timestamp: Text<'a>,
    #[serde(borrow, default)]
    pub(super) source: Text<'a>,
    #[serde(borrow, default)]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) action: Text<'a>,
    #[serde(borrow, default)]
    pub(super) args: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) observation: Text<'a>,
    #[serde(borrow, default)]
    pub(super) cause: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) extras: Maybe<Extras<'a>>,
    #[serde(borrow, default)]
    pub(super) exit_code: Option<&'a RawValue>,
}

/// What an action was given.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Args<'a> {
    #[serde(borrow)]
    pub(super) thought: Text<'a>,
    #[serde(borrow)]
    pub(super) final_thought: Text<'a>,
    #[serde(borrow)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) agent_state: Text<'a>,
    #[serde(borrow)]
    pub(super) summary: Text<'a>,
    #[serde(borrow)]
    pub(super) openhands_version: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
}

/// What is said beside the text of an observation.
#[derive(Deserialize)]
pub(super) struct Extras<'a> {
    #[serde(borrow, default)]
    pub(super) metadata: Maybe<Metadata<'a>>,
    #[serde(borrow, default)]
    pub(super) exit_code: Option<&'a RawValue>,
}

/// How a command ended.
#[derive(Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow, default)]
    pub(super) exit_code: Option<&'a RawValue>,
}

/// Returns a whole number.
pub(super) fn int(raw: Option<&RawValue>) -> Option<i64> {
    tool::int(&serde_json::from_str::<Value>(raw?.get()).ok()?, &[])
}
