//! A value that stays as it was written until somebody asks for it.
//!
//! Owns [`Packed`]: of what is kept of a large store a pass after one session looks at little, and what
//! it does not look at goes from file to file unread. Must not know what the values are.

use std::sync::OnceLock;

use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value, its bytes, or both.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packed<T> {
    /// None where the value is new: no value that is kept so is written as nothing.
    bytes: Box<[u8]>,
    /// Apart: a list of these is moved about.
    value: OnceLock<Box<T>>,
}

impl<T> From<T> for Packed<T> {
    fn from(value: T) -> Self {
        Self { bytes: Box::default(), value: Box::new(value).into() }
    }
}

impl<T: DeserializeOwned + Default> Packed<T> {
    /// Returns the value. What was read is what was written, checksums say so: bytes that mean nothing,
    /// which only a forger brings about, are taken for an empty one.
    pub(crate) fn get(&self) -> &T {
        let read = || postcard::from_bytes(&self.bytes).unwrap_or_default();
        self.value.get_or_init(|| Box::new(read()))
    }
}

impl<T: Serialize> Serialize for Packed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value.get().filter(|_| self.bytes.is_empty()) {
            Some(value) => {
                let bytes = postcard::to_stdvec(value.as_ref()).map_err(S::Error::custom)?;
                serializer.serialize_bytes(&bytes)
            }
            None => serializer.serialize_bytes(&self.bytes),
        }
    }
}

impl<'de, T> Deserialize<'de> for Packed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        Ok(Self { bytes: bytes.into(), value: OnceLock::new() })
    }
}

impl<T: DeserializeOwned + Default + PartialEq> PartialEq for Packed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_and_goes_on_as_it_was_written() {
        let new = Packed::from(vec!["größe".to_owned(), String::new()]);
        let bytes = postcard::to_stdvec(&new).unwrap();
        let unread: Packed<Vec<String>> = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(postcard::to_stdvec(&unread).unwrap(), bytes, "unread");
        assert_eq!(unread, new);
        assert_eq!(postcard::to_stdvec(&unread).unwrap(), bytes, "read");
        let empty = Packed::<Vec<String>>::default();
        assert_eq!(empty.get(), &Vec::<String>::new());
        let forged: Packed<Vec<String>> = postcard::from_bytes(&[2, 255, 255]).unwrap();
        assert_eq!(forged, empty);
    }
}
