//! Fields and columns of the lexical index.
//!
//! Owns the schema and its version: change one, change the other, and old indexes are rebuilt.
//! There are two kinds of documents: a lesson, and each passage of it.

use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};

/// Version of schema, analysis and passages; part of the folder name.
pub const VERSION: u32 = 1;

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
    /// `1` for a passage.
    pub is_passage: Field,
    /// [`crate::vectors::key_of`] the id; on passages too, for deletion.
    pub key: Field,
    /// Number of the lesson's type.
    pub kind: Field,
    /// 1 when stale.
    pub stale: Field,
    /// Creation time, milliseconds, mapped to `u64` in order.
    pub created: Field,
    /// Time of the last change, mapped likewise.
    pub updated: Field,
    /// One bit a stage.
    pub stages: Field,
    /// The lesson's paths, several values.
    pub paths: Field,
    /// Text fields in the order of [`TextField::ALL`].
    pub text: [Field; 6],
    /// Their lengths in terms, in the same order.
    pub length: [Field; 6],
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
        let is_passage = builder.add_u64_field("is_passage", FAST);
        let key = builder.add_u64_field("key", FAST | INDEXED);
        let kind = builder.add_u64_field("kind", FAST);
        let stale = builder.add_u64_field("stale", FAST);
        let created = builder.add_u64_field("created", FAST);
        let updated = builder.add_u64_field("updated", FAST);
        let stages = builder.add_u64_field("stages", FAST);
        let paths = builder.add_text_field("paths", column);
        let text = TextField::ALL.map(|f| builder.add_text_field(f.name(), text.clone()));
        let length = TextField::ALL
            .map(|f| builder.add_u64_field(&format!("{}_length", f.name()), FAST));
        Self {
            schema: builder.build(),
            id,
            is_passage,
            key,
            kind,
            stale,
            created,
            updated,
            stages,
            paths,
            text,
            length,
        }
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self::new()
    }
}
