//! The outline of a JSON row: enough to know its format, without a tree of everything in it.
//!
//! Owns which parts of a row are kept. Must not know any format.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Objects and lists kept inside each other; what lies deeper tells no format.
const DEPTH: u8 = 4;

/// Reads a value with its upper levels, and of a list its first entry only: some engines write a whole
/// run in one row.
#[derive(Clone, Copy)]
pub(super) struct Sketch {
    left: u8,
}

impl Sketch {
    pub(super) const ROW: Self = Self { left: DEPTH };

    /// What reads the parts of this value, if they are kept.
    fn below(self) -> Option<Self> {
        Some(Self { left: self.left.checked_sub(1)? })
    }
}

impl<'de> DeserializeSeed<'de> for Sketch {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, row: D) -> Result<Value, D::Error> {
        row.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Sketch {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        if let Some(below) = self.below() {
            kept.extend(list.next_element_seed(below)?);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        if let Some(below) = self.below() {
            while let Some(name) = fields.next_key::<String>()? {
                kept.insert(name, fields.next_value_seed(below)?);
            }
        }
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object(kept))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sketch(text: &str) -> serde_json::Result<Value> {
        Sketch::ROW.deserialize(&mut serde_json::Deserializer::from_str(text))
    }

    #[test]
    fn upper_levels_and_first_entries_are_kept() {
        let row = json!({"a": [{"b": {"c": {"d": 1}}}, 2, "x"], "t": "text", "n": -1, "f": 0.5, "z": null});
        let kept = json!({"a": [{"b": {"c": {}}}], "t": "text", "n": -1, "f": 0.5, "z": null});
        assert_eq!(sketch(&row.to_string()).unwrap(), kept);
    }

    #[test]
    fn what_is_left_out_must_be_sound_too() {
        assert!(sketch(r#"{"a":[1,{"b":[}]}"#).is_err());
        assert!(sketch(r#"{"a":[[[[[[{"b":1]]]]]]}"#).is_err());
        // What is left out is passed over without going down into it.
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(sketch(&deep).unwrap(), json!({"a": [[[[]]]]}));
    }
}
