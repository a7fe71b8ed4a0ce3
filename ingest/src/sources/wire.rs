//! Lenient pieces for wire types: a field of an unexpected shape is absent, never an error.
//!
//! Owns [`Text`], [`Flag`], [`Maybe`], [`Objects`], [`Raws`] and [`Fields`]. Must not know any engine.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A string, borrowed where it needs no unescaping; anything else is absent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

impl Text<'_> {
    /// Returns the text, empty if absent.
    pub(crate) fn str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Returns the text unless absent or empty.
    pub(crate) fn some(&self) -> Option<&str> {
        self.0.as_deref().filter(|t| !t.is_empty())
    }

    /// Returns an owned copy unless absent or empty.
    pub(crate) fn owned(&self) -> Option<String> {
        self.some().map(str::to_owned)
    }
}

/// `true`, or anything else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) Option<bool>);

impl Flag {
    /// Returns whether it is `true`.
    pub(crate) fn is_set(self) -> bool {
        self.0 == Some(true)
    }
}

/// An object read as `T`; anything else is absent.
#[derive(Debug, Clone)]
pub(crate) struct Maybe<T>(pub(crate) Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// A list of objects read as `T`, others left out; a lone string or anything else is no list.
#[derive(Debug, Clone)]
pub(crate) struct Objects<T>(pub(crate) Vec<T>);

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// The entries of a list as they stand in the line; anything else is no list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Raws<'a>(pub(crate) Vec<&'a RawValue>);

/// The fields of an object in their order, which a hash map would take longer to keep than they take to
/// read; anything else is an error.
#[derive(Debug)]
pub(crate) struct Fields<'a, V>(pub(crate) Vec<(Text<'a>, V)>);

impl<V> Default for Fields<'_, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Implements the visits that mean "not what was hoped for".
macro_rules! otherwise {
    ($value:expr, $($kind:ident),+) => { $(otherwise!(@ $kind, $value);)+ };
    (@ bool, $v:expr) => { fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> { Ok($v) } };
    (@ number, $v:expr) => {
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> { Ok($v) }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> { Ok($v) }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> { Ok($v) }
    };
    (@ null, $v:expr) => { fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok($v) } };
    (@ text, $v:expr) => { fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> { Ok($v) } };
    (@ seq, $v:expr) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok($v)
        }
    };
    (@ map, $v:expr) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok($v)
        }
    };
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Borrowed(v))))
            }
            fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(v.to_owned()))))
            }
            otherwise!(Text(None), bool, number, null, seq, map);
        }
        d.deserialize_any(V)
    }
}

impl<'de: 'a, 'a, V: Deserialize<'de>> Deserialize<'de> for Fields<'a, V> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Each<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Each<V> {
            type Value = Fields<'de, V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        d.deserialize_map(Each(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Flag;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_bool<E>(self, v: bool) -> Result<Flag, E> {
                Ok(Flag(Some(v)))
            }
            otherwise!(Flag(None), text, number, null, seq, map);
        }
        d.deserialize_any(V)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for V<T> {
            type Value = Maybe<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|v| Maybe(Some(v)))
            }
            otherwise!(Maybe(None), bool, number, null, text, seq);
        }
        d.deserialize_any(V(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Objects<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for V<T> {
            type Value = Objects<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut out = Vec::new();
                while let Some(item) = seq.next_element::<Maybe<T>>()? {
                    out.extend(item.0);
                }
                Ok(Objects(out))
            }
            otherwise!(Objects(Vec::new()), bool, number, null, text, map);
        }
        d.deserialize_any(V(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raws<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Raws<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut out = Vec::new();
                while let Some(item) = seq.next_element()? {
                    out.push(item);
                }
                Ok(Raws(out))
            }
            otherwise!(Raws(Vec::new()), bool, number, null, text, map);
        }
        d.deserialize_any(V)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Row<'a> {
        #[serde(borrow, default)]
        text: Text<'a>,
        #[serde(default)]
        flag: Flag,
        #[serde(default, borrow)]
        inner: Maybe<Box<Row<'a>>>,
        #[serde(default, borrow)]
        list: Objects<Row<'a>>,
        #[serde(default, borrow)]
        raw: Raws<'a>,
    }

    #[test]
    fn unexpected_shapes_are_absent() {
        let odd = r#"{"text":[1,{"a":2}],"flag":"yes","inner":7,"list":{"x":1},"raw":{}}"#;
        let row: Row<'_> = serde_json::from_str(odd).unwrap();
        assert!(row.text.0.is_none() && !row.flag.is_set());
        assert!(row.inner.0.is_none() && row.list.0.is_empty() && row.raw.0.is_empty());
        let good = r#"{"text":"a","flag":true,"inner":{"text":"b\n"},"list":[1,{"text":"c"},null],"raw":[[1 ],{}]}"#;
        let row: Row<'_> = serde_json::from_str(good).unwrap();
        assert_eq!(row.text.str(), "a");
        assert!(matches!(row.text.0, Some(Cow::Borrowed(_))));
        assert_eq!(row.inner.0.unwrap().text.some(), Some("b\n"));
        assert_eq!(row.list.0[0].text.owned().as_deref(), Some("c"));
        assert_eq!(row.raw.0.iter().map(|raw| raw.get()).collect::<Vec<_>>(), ["[1 ]", "{}"]);
    }
}
