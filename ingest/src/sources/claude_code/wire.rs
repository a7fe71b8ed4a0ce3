//! Rows of a Claude Code session file as they are written, as far as they are used.
//!
//! Owns the shapes. Every field is lenient: an unexpected type makes it absent. Big fields stay raw
//! slices of the line and are only unescaped as far as they are kept.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::sources::wire::{Flag, Maybe, Text};

/// One row of any kind.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) subtype: Text<'a>,
    #[serde(borrow, default)]
    pub(super) uuid: Text<'a>,
    #[serde(borrow, default)]
    pub(super) parent_uuid: Text<'a>,
    #[serde(borrow, default)]
    pub(super) session_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) agent_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) timestamp: Text<'a>,
    #[serde(borrow, default)]
    pub(super) cwd: Text<'a>,
    #[serde(borrow, default)]
    pub(super) git_branch: Text<'a>,
    #[serde(borrow, default)]
    pub(super) version: Text<'a>,
    #[serde(default)]
    pub(super) is_sidechain: Flag,
    #[serde(default)]
    pub(super) is_meta: Flag,
    #[serde(default)]
    pub(super) is_compact_summary: Flag,
    #[serde(default)]
    pub(super) is_api_error_message: Flag,
    #[serde(borrow, default)]
    pub(super) plan_content: Text<'a>,
    #[serde(borrow, default)]
    pub(super) origin: Maybe<Origin<'a>>,
    #[serde(borrow, default)]
    pub(super) message: Maybe<Message<'a>>,
    #[serde(borrow, default)]
    pub(super) tool_use_result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) attachment: Maybe<Attachment<'a>>,
    // queue-operation
    #[serde(borrow, default)]
    pub(super) operation: Text<'a>,
    #[serde(borrow, default)]
    pub(super) content: Text<'a>,
    // titles
    #[serde(borrow, default)]
    pub(super) custom_title: Text<'a>,
    #[serde(borrow, default)]
    pub(super) ai_title: Text<'a>,
    #[serde(borrow, default)]
    pub(super) title: Text<'a>,
    // stop_hook_summary
    #[serde(default)]
    pub(super) prevented_continuation: Flag,
    #[serde(borrow, default)]
    pub(super) stop_reason: Text<'a>,
    #[serde(borrow, default)]
    pub(super) hook_errors: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
pub(super) struct Origin<'a> {
    #[serde(borrow, default)]
    pub(super) kind: Text<'a>,
}

#[derive(serde::Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default)]
    pub(super) model: Text<'a>,
    #[serde(borrow, default)]
    pub(super) content: Content<'a>,
}

/// A message's content: one string, or blocks.
#[derive(Default)]
pub(super) enum Content<'a> {
    #[default]
    Nothing,
    Text(Text<'a>),
    Blocks(Vec<Block<'a>>),
}

/// One content block of any kind.
#[derive(serde::Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) tool_use_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) is_error: Flag,
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Content<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
                Ok(Content::Text(Text(Some(v.into()))))
            }
            fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Text(Some(v.to_owned().into()))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut blocks = Vec::new();
                while let Some(block) = seq.next_element::<Maybe<Block<'de>>>()? {
                    blocks.extend(block.0);
                }
                Ok(Content::Blocks(blocks))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                use serde::de::IgnoredAny;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Content::Nothing)
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Content::Nothing)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Content::Nothing)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Content::Nothing)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Content::Nothing)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Content::Nothing)
            }
        }
        d.deserialize_any(V)
    }
}

/// The part of a tool's input that is shown.
#[derive(Default, serde::Deserialize)]
pub(super) struct Input<'a> {
    #[serde(borrow, default)]
    pub(super) file_path: Text<'a>,
    #[serde(borrow, default)]
    pub(super) notebook_path: Text<'a>,
    #[serde(borrow, default)]
    pub(super) path: Text<'a>,
    #[serde(borrow, default)]
    pub(super) command: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) new_string: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) new_source: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) prompt: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) plan: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) pattern: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) query: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) url: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) description: Option<&'a RawValue>,
}

/// The structured twin of a tool result.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome<'a> {
    #[serde(borrow, default)]
    pub(super) file_path: Text<'a>,
    #[serde(default)]
    pub(super) user_modified: Flag,
    #[serde(borrow, default)]
    pub(super) structured_patch: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) plan: Text<'a>,
    #[serde(default)]
    pub(super) answers: Maybe<serde_json::Map<String, serde_json::Value>>,
}

/// One piece of a change.
#[derive(serde::Deserialize)]
pub(super) struct Hunk {
    #[serde(default)]
    pub(super) lines: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attachment<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) prompt: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) command_mode: Text<'a>,
    #[serde(borrow, default)]
    pub(super) origin: Maybe<Origin<'a>>,
    #[serde(borrow, default)]
    pub(super) filename: Text<'a>,
    #[serde(borrow, default)]
    pub(super) snippet: Text<'a>,
    #[serde(borrow, default)]
    pub(super) blocking_error: Maybe<Blocking<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blocking<'a> {
    #[serde(borrow, default)]
    pub(super) blocking_error: Text<'a>,
}

/// Returns the kind of a row that can be left out unread: its `type` stands before any nested
/// object, and no second object follows on the line.
///
/// Quotes inside strings are escaped, so neither `"type":"` nor `}{"` can stand in one.
pub(super) fn unread_kind(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('{')?;
    let reach = memchr::memchr(b'{', inner.as_bytes()).unwrap_or(inner.len());
    let head = &inner[..reach];
    let at = memchr::memmem::find(head.as_bytes(), b"\"type\":\"")? + 8;
    let kind = &head[at..at + memchr::memchr(b'"', &head.as_bytes()[at..])?];
    let noise = matches!(kind, "progress" | "file-history-snapshot");
    (noise && memchr::memmem::find(line.as_bytes(), b"}{\"").is_none()).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lone_noise_rows_are_left_unread() {
        assert_eq!(unread_kind(r#"{"uuid":"a","type":"progress","data":{}}"#), Some("progress"));
        assert_eq!(unread_kind(r#"{"uuid":"a","type":"user","message":{}}"#), None);
        assert_eq!(unread_kind(r#"{"message":{"type":"progress"},"type":"user"}"#), None);
        assert_eq!(unread_kind(r#"{"type":"progress"}{"type":"user"}"#), None);
        assert_eq!(unread_kind(r#"{"type":"progress"#), None);
    }
}
