//! Fields and columns of the lexical index.
//!
//! Owns the schema and its version: change one, change the other, and old indexes are rebuilt.
//! There are two kinds of documents: a lesson, and each passage of it.

use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};

/// Version of schema, analysis and passages; part of the folder name.
pub const VERSION: u32 = 3;

/// Searchable text fields of a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TextField {
    /// Everything.
    Whole,
    /// The title.
    Title,
    /// The rule and the reason.
    Rule,
    /// Tags, paths, commands, symbols.
    Place,
    /// Compounds as they stand, from everywhere.
    Exact,
    /// One passage; the best one counts.
    Passage,
}

impl TextField {
    /// Every field.
    pub const ALL: [Self; 6] =
        [Self::Whole, Self::Title, Self::Rule, Self::Place, Self::Exact, Self::Passage];

    /// Name in the schema and in explanations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Title => "title",
            Self::Rule => "rule",
            Self::Place => "place",
            Self::Exact => "exact",
            Self::Passage => "passage",
        }
    }
}

/// The schema with its handles.
#[derive(Debug, Clone)]
pub struct Fields {
    /// The schema.
    pub schema: Schema,
    /// The lesson's id.
    pub id: Field,
    /// [`crate::vectors::key_of`] the id; on passages too, for deletion.
    pub key: Field,
    /// A packed [`Meta`].
    pub meta: Field,
    /// Creation time, milliseconds, mapped to `u64` in order.
    pub created: Field,
    /// Packed [`Lengths`].
    pub lengths: Field,
    /// Hash of the session a lesson was first learned in; 0 if that is not known.
    pub session: Field,
    /// When in that session, milliseconds, mapped to `u64` in order.
    pub turn: Field,
    /// The lesson's paths, several values.
    pub paths: Field,
    /// Text fields in the order of [`TextField::ALL`].
    pub text: [Field; 6],
}

/// The small columns of a document in one number: every document has every column, because reading
/// dense columns is what a cold start spends its time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meta {
    /// A passage, not a lesson.
    pub is_passage: bool,
    /// What the lesson is anchored to has changed.
    pub stale: bool,
    /// Number of the lesson's type, in declaration order.
    pub kind: u8,
    /// One bit a stage; 0 is any.
    pub stages: u8,
    /// Only an agent or a tool said so, no person and no reviewer.
    pub unvouched: bool,
}

impl Meta {
    /// Packs.
    #[must_use]
    pub fn to_u64(self) -> u64 {
        u64::from(self.is_passage)
            | u64::from(self.stale) << 1
            | u64::from(self.kind) << 8
            | u64::from(self.stages) << 16
            | u64::from(self.unvouched) << 24
    }

    /// Unpacks.
    #[must_use]
    pub fn from_u64(bits: u64) -> Self {
        let byte = |shift: u32| u8::try_from(bits >> shift & 0xFF).expect("masked");
        Self {
            is_passage: bits & 1 != 0,
            stale: bits & 2 != 0,
            kind: byte(8),
            stages: byte(16),
            unvouched: bits >> 24 & 1 != 0,
        }
    }
}

/// Terms per field of a lesson, in the order of [`TextField::ALL`]; of a passage only the last.
pub type Lengths = [u32; 6];

/// Bits of each length: everything is long, the rest is short; longer ones are cut.
const LENGTH_BITS: [u32; 6] = [20, 8, 10, 10, 10, 6];

/// Packs the lengths of a lesson; a passage's length goes where a lesson's whole length is.
#[must_use]
pub fn pack_lengths(lengths: Lengths) -> u64 {
    let mut shift = 0;
    let mut packed = 0;
    for (length, bits) in lengths.into_iter().zip(LENGTH_BITS) {
        packed |= u64::from(length).min((1 << bits) - 1) << shift;
        shift += bits;
    }
    packed
}

/// Unpacks lengths.
#[must_use]
pub fn unpack_lengths(packed: u64) -> Lengths {
    let mut shift = 0;
    LENGTH_BITS.map(|bits| {
        let length = packed >> shift & ((1 << bits) - 1);
        shift += bits;
        u32::try_from(length).expect("masked to at most 20 bits")
    })
}

impl Fields {
    /// Builds the schema.
    #[must_use]
    pub fn new() -> Self {
        let mut builder = Schema::builder();
        let postings = TextFieldIndexing::default()
            .set_tokenizer("whitespace")
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::WithFreqs);
        let text = TextOptions::default().set_indexing_options(postings);
        let column = TextOptions::default().set_fast("raw");
        let id = builder.add_text_field("id", column.clone());
        let key = builder.add_u64_field("key", FAST | INDEXED);
        let meta = builder.add_u64_field("meta", FAST);
        let created = builder.add_u64_field("created", FAST);
        let lengths = builder.add_u64_field("lengths", FAST);
        let session = builder.add_u64_field("session", FAST);
        let turn = builder.add_u64_field("turn", FAST);
        let paths = builder.add_text_field("paths", column);
        let text = TextField::ALL.map(|f| builder.add_text_field(f.name(), text.clone()));
        let schema = builder.build();
        Self { schema, id, key, meta, created, lengths, session, turn, paths, text }
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_pack_and_unpack() {
        let meta = Meta { is_passage: true, stale: true, kind: 8, stages: 0b101, unvouched: true };
        assert_eq!(Meta::from_u64(meta.to_u64()), meta);
        let lengths = [123_456, 200, 1000, 3, 1023, 60];
        assert_eq!(unpack_lengths(pack_lengths(lengths)), lengths);
        assert_eq!(unpack_lengths(pack_lengths([u32::MAX; 6]))[1], 255);
    }
}
