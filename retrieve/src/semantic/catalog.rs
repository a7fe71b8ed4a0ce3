//! Which models fastembed knows, by name, and what each of them wants to be told.
//!
//! Owns the names and the words that models expect before a query or a passage. What fastembed knows
//! itself (files, pooling, quantisation, vector length) is asked of it. Must not touch the disk.

use fastembed::{EmbeddingModel, TextEmbedding, TextRerank};

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Turns a text into a vector.
    Embedding,
    /// Says how well a text answers a query.
    Reranker,
}

impl Kind {
    /// Returns the stable name, which is also the key in `config.toml`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Reranker => "reranker",
        }
    }
}

/// A model of fastembed's lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// fastembed's name: `BGESmallENV15`.
    pub name: String,
    /// Where it is published: `Xenova/bge-small-en-v1.5`. Two models may share it.
    pub code: String,
    /// What it does.
    pub kind: Kind,
    /// Length of its vectors; `None` for a reranker.
    pub dim: Option<usize>,
    /// What its makers say of it, in a line.
    pub description: String,
    /// The graph.
    pub(super) model_file: String,
    /// Files the graph refers to.
    pub(super) more_files: Vec<String>,
}

/// Files of every model beside the graph.
pub(super) const TOKENIZER_FILES: [&str; 4] =
    ["tokenizer.json", "config.json", "special_tokens_map.json", "tokenizer_config.json"];

#[cfg(any(test, feature = "download"))]
impl Known {
    /// Returns every file that belongs to it, as the publisher names them.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        let graph = std::iter::once(&self.model_file).chain(&self.more_files).map(String::as_str);
        graph.chain(TOKENIZER_FILES)
    }
}

/// Returns every model of a kind, by name.
#[must_use]
pub fn all(kind: Kind) -> Vec<Known> {
    let mut all: Vec<Known> = match kind {
        Kind::Embedding => TextEmbedding::list_supported_models()
            .into_iter()
            .map(|info| Known {
                name: info.model.to_string(),
                code: info.model_code,
                kind,
                dim: Some(info.dim),
                description: info.description,
                model_file: info.model_file,
                more_files: info.additional_files,
            })
            .collect(),
        Kind::Reranker => TextRerank::list_supported_models()
            .into_iter()
            .map(|info| Known {
                name: format!("{:?}", info.model),
                code: info.model_code,
                kind,
                dim: None,
                description: info.description,
                model_file: info.model_file,
                more_files: info.additional_files,
            })
            .collect(),
    };
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// Returns the models of a kind that a person may mean: by name, by where it is published, or by the last
/// part of that; upper and lower case are the same. More than one where several share a place.
#[must_use]
pub fn find(kind: Kind, typed: &str) -> Vec<Known> {
    let is = |text: &str| text.eq_ignore_ascii_case(typed);
    let mut all = all(kind);
    if let Some(at) = all.iter().position(|known| is(&known.name)) {
        return vec![all.swap_remove(at)];
    }
    let last = |code: &str| code.rsplit('/').next().is_some_and(is);
    all.retain(|known| is(&known.code) || last(&known.code));
    all
}

/// Returns fastembed's own value for an embedding model.
pub(super) fn embedding(name: &str) -> Option<EmbeddingModel> {
    name.parse().ok()
}

/// Returns fastembed's own value for a reranker.
#[cfg(any(test, feature = "download"))]
pub(super) fn reranker(name: &str) -> Option<fastembed::RerankerModel> {
    let mut all = TextRerank::list_supported_models().into_iter().map(|info| info.model);
    all.find(|model| format!("{model:?}") == name)
}

/// What a model expects before a text. Without it, the vectors of these models are worse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Prompts {
    /// Before a query.
    pub query: String,
    /// Before a passage.
    pub passage: String,
}

impl Prompts {
    pub(super) fn new(query: &str, passage: &str) -> Self {
        Self { query: query.into(), passage: passage.into() }
    }

    /// Returns what the model cards ask for.
    pub(super) fn of(model: &EmbeddingModel) -> Self {
        use EmbeddingModel as M;
        const RETRIEVE: &str = "Represent this sentence for searching relevant passages: ";
        match model {
            M::MultilingualE5Small | M::MultilingualE5Base | M::MultilingualE5Large => {
                Self::new("query: ", "passage: ")
            }
            M::NomicEmbedTextV1
            | M::NomicEmbedTextV15
            | M::NomicEmbedTextV15Q
            | M::ModernBertEmbedLarge => Self::new("search_query: ", "search_document: "),
            M::EmbeddingGemma300M | M::EmbeddingGemma300MQ | M::EmbeddingGemma300MQ4 => {
                Self::new("task: search result | query: ", "title: none | text: ")
            }
            M::BGESmallZHV15 | M::BGELargeZHV15 => {
                Self::new("为这个句子生成表示以用于检索相关文章：", "")
            }
            M::BGESmallENV15
            | M::BGESmallENV15Q
            | M::BGEBaseENV15
            | M::BGEBaseENV15Q
            | M::BGELargeENV15
            | M::BGELargeENV15Q
            | M::MxbaiEmbedLargeV1
            | M::MxbaiEmbedLargeV1Q
            | M::SnowflakeArcticEmbedXS
            | M::SnowflakeArcticEmbedXSQ
            | M::SnowflakeArcticEmbedS
            | M::SnowflakeArcticEmbedSQ
            | M::SnowflakeArcticEmbedM
            | M::SnowflakeArcticEmbedMQ
            | M::SnowflakeArcticEmbedMLong
            | M::SnowflakeArcticEmbedMLongQ
            | M::SnowflakeArcticEmbedL
            | M::SnowflakeArcticEmbedLQ => Self::new(RETRIEVE, ""),
            // Made to be used as they are.
            M::AllMiniLML6V2
            | M::AllMiniLML6V2Q
            | M::AllMiniLML12V2
            | M::AllMiniLML12V2Q
            | M::AllMpnetBaseV2
            | M::ParaphraseMLMiniLML12V2
            | M::ParaphraseMLMiniLML12V2Q
            | M::ParaphraseMLMpnetBaseV2
            | M::BGEM3
            | M::GTEBaseENV15
            | M::GTEBaseENV15Q
            | M::GTELargeENV15
            | M::GTELargeENV15Q
            | M::ClipVitB32
            | M::JinaEmbeddingsV2BaseCode
            | M::JinaEmbeddingsV2BaseEN => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_a_name_a_place_and_the_last_part_of_it() {
        for typed in
            ["BGESmallENV15", "bgesmallenv15", "Xenova/bge-small-en-v1.5", "BGE-small-en-v1.5"]
        {
            let found = find(Kind::Embedding, typed);
            assert_eq!(found.len(), 1, "{typed}");
            assert_eq!((found[0].name.as_str(), found[0].dim), ("BGESmallENV15", Some(384)));
        }
        let two = find(Kind::Embedding, "all-MiniLM-L12-v2");
        let names: Vec<_> = two.iter().map(|known| known.name.as_str()).collect();
        assert_eq!(names, ["AllMiniLML12V2", "AllMiniLML12V2Q"]);
        assert_eq!(find(Kind::Reranker, "bge-reranker-base")[0].name, "BGERerankerBase");
        assert!(find(Kind::Reranker, "BGESmallENV15").is_empty());
    }

    #[test]
    fn every_listed_model_can_be_named_and_by_no_other_name() {
        for kind in [Kind::Embedding, Kind::Reranker] {
            for known in all(kind) {
                let is_known = match kind {
                    Kind::Embedding => embedding(&known.name).is_some(),
                    Kind::Reranker => reranker(&known.name).is_some(),
                };
                assert!(is_known, "{}", known.name);
                assert_eq!(find(kind, &known.name), [known]);
            }
        }
    }

    #[test]
    fn weights_beside_a_graph_are_files_of_the_model() {
        for (kind, name, weights) in [
            (Kind::Embedding, "MultilingualE5Large", "model.onnx_data"),
            (Kind::Reranker, "BGERerankerV2M3", "model.onnx.data"),
        ] {
            let known = find(kind, name).remove(0);
            let files: Vec<_> = known.files().collect();
            assert_eq!(files[..2], [known.model_file.as_str(), weights]);
            assert_eq!(files[2..], TOKENIZER_FILES);
        }
    }
}
