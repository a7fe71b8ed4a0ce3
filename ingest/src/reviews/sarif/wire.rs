//! SARIF objects as tools write them.
//!
//! Owns lenient types for the parts that are read. Must not decide what a field means.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub(super) use crate::sources::wire::{Fields, Maybe, Objects, Text};

/// A number; anything else is absent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Num(pub(super) Option<u64>);

impl<'de> Deserialize<'de> for Num {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Num;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_u64<E>(self, v: u64) -> Result<Num, E> {
                Ok(Num(Some(v)))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Num, E> {
                Ok(Num(None))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Num, E> {
                Ok(Num(None))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Num, E> {
                Ok(Num(None))
            }
            fn visit_unit<E>(self) -> Result<Num, E> {
                Ok(Num(None))
            }
            fn visit_str<E>(self, _: &str) -> Result<Num, E> {
                Ok(Num(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Num, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Num(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Num, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Num(None))
            }
        }
        d.deserialize_any(V)
    }
}

/// Everything but the results.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Document<'a> {
    #[serde(borrow)]
    pub(super) runs: Objects<Run<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Run<'a> {
    #[serde(borrow)]
    pub(super) tool: Maybe<Tool<'a>>,
    #[serde(borrow)]
    pub(super) artifacts: Objects<Artifact<'a>>,
    #[serde(borrow)]
    pub(super) original_uri_base_ids: Maybe<HashMap<String, Maybe<ArtifactLocation<'a>>>>,
    #[serde(borrow)]
    pub(super) invocations: Objects<Invocation<'a>>,
    #[serde(borrow)]
    pub(super) version_control_provenance: Objects<Revision<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tool<'a> {
    #[serde(borrow)]
    pub(super) driver: Maybe<Component<'a>>,
    #[serde(borrow)]
    pub(super) extensions: Objects<Component<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Component<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) guid: Text<'a>,
    #[serde(borrow)]
    pub(super) version: Text<'a>,
    #[serde(borrow)]
    pub(super) semantic_version: Text<'a>,
    #[serde(borrow)]
    pub(super) rules: Objects<Rule<'a>>,
    #[serde(borrow)]
    pub(super) global_message_strings: Maybe<HashMap<String, Maybe<Message<'a>>>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Rule<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) short_description: Maybe<Message<'a>>,
    #[serde(borrow)]
    pub(super) help_uri: Text<'a>,
    #[serde(borrow)]
    pub(super) default_configuration: Maybe<Configuration<'a>>,
    #[serde(borrow)]
    pub(super) message_strings: Maybe<HashMap<String, Maybe<Message<'a>>>>,
    #[serde(borrow)]
    pub(super) properties: Maybe<Properties<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Configuration<'a> {
    #[serde(borrow)]
    pub(super) level: Text<'a>,
}

/// What property bags hold of interest, of rules and of results.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Properties<'a> {
    pub(super) tags: Option<serde_json::Value>,
    /// A float written as text by CodeQL, as a number by others.
    #[serde(rename = "security-severity")]
    pub(super) security_severity: Option<serde_json::Value>,
    #[serde(borrow)]
    pub(super) issue_severity: Text<'a>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Artifact<'a> {
    #[serde(borrow)]
    pub(super) location: Maybe<ArtifactLocation<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Invocation<'a> {
    #[serde(borrow)]
    pub(super) end_time_utc: Text<'a>,
    #[serde(borrow)]
    pub(super) start_time_utc: Text<'a>,
    #[serde(borrow)]
    pub(super) working_directory: Maybe<ArtifactLocation<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Revision<'a> {
    #[serde(borrow)]
    pub(super) revision_id: Text<'a>,
    #[serde(borrow)]
    pub(super) branch: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SarifResult<'a> {
    #[serde(borrow)]
    pub(super) rule_id: Text<'a>,
    pub(super) rule_index: Num,
    #[serde(borrow)]
    pub(super) rule: Maybe<RuleReference<'a>>,
    #[serde(borrow)]
    pub(super) level: Text<'a>,
    #[serde(borrow)]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) message: Maybe<Message<'a>>,
    #[serde(borrow)]
    pub(super) locations: Objects<Location<'a>>,
    #[serde(borrow)]
    pub(super) related_locations: Objects<Location<'a>>,
    #[serde(borrow)]
    pub(super) fixes: Objects<Fix<'a>>,
    #[serde(borrow)]
    pub(super) partial_fingerprints: Maybe<Fields<'a, Text<'a>>>,
    #[serde(borrow)]
    pub(super) fingerprints: Maybe<Fields<'a, Text<'a>>>,
    #[serde(borrow)]
    pub(super) suppressions: Objects<Suppression<'a>>,
    #[serde(borrow)]
    pub(super) baseline_state: Text<'a>,
    #[serde(borrow)]
    pub(super) properties: Maybe<Properties<'a>>,
    #[serde(borrow)]
    pub(super) hosted_viewer_uri: Text<'a>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RuleReference<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    pub(super) index: Num,
    #[serde(borrow)]
    pub(super) tool_component: Maybe<ComponentReference<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ComponentReference<'a> {
    pub(super) index: Num,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) guid: Text<'a>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) text: Text<'a>,
    #[serde(borrow)]
    pub(super) markdown: Text<'a>,
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    pub(super) arguments: Option<serde_json::Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Location<'a> {
    #[serde(borrow)]
    pub(super) physical_location: Maybe<PhysicalLocation<'a>>,
    #[serde(borrow)]
    pub(super) message: Maybe<Message<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PhysicalLocation<'a> {
    #[serde(borrow)]
    pub(super) artifact_location: Maybe<ArtifactLocation<'a>>,
    #[serde(borrow)]
    pub(super) region: Maybe<Region<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ArtifactLocation<'a> {
    #[serde(borrow)]
    pub(super) uri: Text<'a>,
    #[serde(borrow)]
    pub(super) uri_base_id: Text<'a>,
    pub(super) index: Num,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Region<'a> {
    pub(super) start_line: Num,
    pub(super) start_column: Num,
    pub(super) end_line: Num,
    #[serde(borrow)]
    pub(super) snippet: Maybe<Message<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Fix<'a> {
    #[serde(borrow)]
    pub(super) description: Maybe<Message<'a>>,
    #[serde(borrow)]
    pub(super) artifact_changes: Objects<Change<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change<'a> {
    #[serde(borrow)]
    pub(super) replacements: Objects<Replacement<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Replacement<'a> {
    #[serde(borrow)]
    pub(super) inserted_content: Maybe<Message<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Suppression<'a> {
    #[serde(borrow)]
    pub(super) status: Text<'a>,
}

/// Hands over every result of a document with its run's number, without keeping them.
pub(super) struct Walk<'f, F> {
    at: At,
    run: usize,
    each: &'f mut F,
}

/// Where in the document a walk is.
#[derive(Clone, Copy)]
enum At {
    Document,
    Runs,
    Run,
    Results,
}

impl<'f, F> Walk<'f, F> {
    pub(super) fn new(each: &'f mut F) -> Self {
        Self { at: At::Document, run: 0, each }
    }
}

impl<'de, F: FnMut(usize, SarifResult<'de>)> DeserializeSeed<'de> for Walk<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        match self.at {
            At::Document | At::Run => d.deserialize_map(self),
            At::Runs | At::Results => d.deserialize_seq(self),
        }
    }
}

impl<'de, F: FnMut(usize, SarifResult<'de>)> Visitor<'de> for Walk<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.at {
            At::Document => "a SARIF log",
            At::Runs => "a list of runs",
            At::Run => "a run",
            At::Results => "a list of results",
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (key, at) = match self.at {
            At::Document => ("runs", At::Runs),
            _ => ("results", At::Results),
        };
        while let Some(name) = map.next_key::<Text<'de>>()? {
            if name.str() == key {
                map.next_value_seed(Walk { at, run: self.run, each: &mut *self.each })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if matches!(self.at, At::Results) {
            while let Some(result) = seq.next_element::<Maybe<SarifResult<'de>>>()? {
                if let Some(result) = result.0 {
                    (self.each)(self.run, result);
                }
            }
            return Ok(());
        }
        let mut run = 0;
        while seq.next_element_seed(Walk { at: At::Run, run, each: &mut *self.each })?.is_some() {
            run += 1;
        }
        Ok(())
    }
}
