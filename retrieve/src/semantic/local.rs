//! Any other embedding model, from files on this machine.
//!
//! Owns the translation from files to fastembed: those of a download (a [`Record`]), or a folder that a
//! person put together (`model.onnx`, `tokenizer.json`, `config.json`, `special_tokens_map.json`,
//! `tokenizer_config.json`, and where there are such `1_Pooling/config.json`,
//! `config_sentence_transformers.json` and `sentence_bert_config.json`). Must not download anything: what
//! is not here is an error.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use cemem_core::id::digest;
use fastembed::{
    InitOptionsUserDefined, OutputKey, Pooling, QuantizationMode, TextEmbedding, TokenizerFiles,
    UserDefinedEmbeddingModel,
};
use ort::environment::Environment;
use serde_json::Value;

use super::catalog::{Prompts, TOKENIZER_FILES, embedding};
use super::record::{Record, in_full, is_record, look};
use super::scale::Scale;
use super::{EmbedError, Embedder, SemanticOff, normalise, providers};

/// Most tokens read of one text: passages are far shorter, and a model that reads 8,192 would take seconds
/// for a pasted log.
const MAX_TOKENS: usize = 512;
/// Files of a folder that say how its model is used.
const SETTINGS: [&str; 3] =
    ["1_Pooling/config.json", "config_sentence_transformers.json", "sentence_bert_config.json"];
/// No token is longer than this many bytes on average, so the rest of a huge text need not be looked at.
const BYTES_A_TOKEN: usize = 32;

/// A loaded model.
pub(super) struct LocalModel {
    id: String,
    dim: usize,
    path: PathBuf,
    prompts: Prompts,
    /// Measured when it is first asked for, unless the record of the download has it.
    scale: OnceLock<Scale>,
    model: Mutex<TextEmbedding>,
}

/// Everything there is to know before a model is loaded.
pub(super) struct Plan {
    /// Another one wherever vectors would be others: of other files, or used otherwise.
    pub id: String,
    path: PathBuf,
    /// Known of a download; measured of a folder.
    dim: Option<usize>,
    /// The same.
    scale: Option<Scale>,
    graph: PathBuf,
    /// Files the graph refers to, by the name it uses.
    more: Vec<(String, PathBuf)>,
    /// In the order of [`TOKENIZER_FILES`].
    tokenizer: Vec<PathBuf>,
    pooling: Option<Pooling>,
    quantization: QuantizationMode,
    output: Option<OutputKey>,
    max_tokens: usize,
    prompts: Prompts,
}

/// Returns the id of the model in a folder: its name, and a hash of its place and of what tells that its
/// files were replaced.
fn folder_id(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let safe: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
    let files = ["model.onnx"].into_iter().chain(TOKENIZER_FILES).chain(SETTINGS);
    let looks: Vec<_> = files.map(|name| look(&folder.join(name)).ok()).collect();
    let hash = digest([folder.to_string_lossy().into_owned(), format!("{looks:?} {MAX_TOKENS}")]);
    format!("{safe}-{}", &hash[..8])
}

impl Plan {
    /// Returns the plan of a folder of files, or of the record of a download.
    pub(super) fn of(path: &Path) -> Result<Self, SemanticOff> {
        if is_record(path) {
            Self::of_record(&Record::checked(path)?)
        } else {
            Self::of_folder(path)
        }
    }

    fn of_folder(folder: &Path) -> Result<Self, SemanticOff> {
        let graph = graph_in(folder)?;
        let json = |name: &str| -> Value {
            let bytes = fs::read(folder.join(name)).unwrap_or_default();
            serde_json::from_slice(&bytes).unwrap_or_default()
        };
        let [pooling, prompts, limits] = SETTINGS.map(json);
        let cls = pooling["pooling_mode_cls_token"] == true;
        let prompts = &prompts["prompts"];
        let prompt = |names: &[&str]| {
            names.iter().find_map(|name| prompts[*name].as_str()).unwrap_or_default().to_owned()
        };
        let max = limits["max_seq_length"].as_u64();
        Ok(Self {
            id: folder_id(folder),
            path: folder.to_owned(),
            dim: None,
            scale: None,
            graph,
            more: Vec::new(),
            tokenizer: TOKENIZER_FILES.iter().map(|name| folder.join(name)).collect(),
            pooling: Some(if cls { Pooling::Cls } else { Pooling::Mean }),
            quantization: QuantizationMode::Dynamic,
            output: None,
            max_tokens: max
                .and_then(|max| usize::try_from(max).ok())
                .map_or(MAX_TOKENS, |max| max.min(MAX_TOKENS)),
            prompts: Prompts {
                query: prompt(&["query"]),
                passage: prompt(&["passage", "document"]),
            },
        })
    }

    /// Returns the plan of a download whose files were looked at.
    pub(super) fn of_record(record: &Record) -> Result<Self, SemanticOff> {
        let unusable = |message: &str| SemanticOff::ModelUnusable {
            model: record.model.clone(),
            message: message.to_owned(),
        };
        let known = embedding(&record.model)
            .ok_or_else(|| unusable("this cemem does not know it as an embedding model"))?;
        let info = TextEmbedding::get_model_info(&known).map_err(|e| unusable(&e.to_string()))?;
        let file = |name: &str| {
            record.path(name).ok_or_else(|| unusable(&format!("`{name}` was not downloaded")))
        };
        // The graph names its neighbours without the folder that they share.
        let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let more = info.additional_files.iter().map(|path| Ok((name(path), file(path)?)));
        let pooling = TextEmbedding::get_default_pooling_method(&known);
        let quantization = TextEmbedding::get_quantization_mode(&known);
        let (output, prompts) = (info.output_key.clone(), Prompts::of(&known));
        let used = format!("{prompts:?} {pooling:?} {quantization:?} {output:?} {MAX_TOKENS}");
        Ok(Self {
            id: record.id(&used),
            path: record.place.clone(),
            dim: record.dim,
            scale: record.scale,
            graph: file(&info.model_file)?,
            more: more.collect::<Result<_, SemanticOff>>()?,
            tokenizer: TOKENIZER_FILES.iter().map(|name| file(name)).collect::<Result<_, _>>()?,
            pooling,
            quantization,
            output,
            max_tokens: MAX_TOKENS,
            prompts,
        })
    }

    fn load(&self, environment: Environment) -> Result<TextEmbedding, String> {
        let mut source =
            UserDefinedEmbeddingModel::new(read(&self.graph)?, tokenizer(&self.tokenizer)?)
                .with_quantization(self.quantization);
        source.pooling.clone_from(&self.pooling);
        source.output_key.clone_from(&self.output);
        for (name, path) in &self.more {
            source = source.with_external_initializer(name.clone(), read(path)?);
        }
        let options = InitOptionsUserDefined::new()
            .with_environment(environment)
            .with_execution_providers(providers::compiled())
            .with_max_length(self.max_tokens);
        TextEmbedding::try_new_from_user_defined(source, options).map_err(|e| e.to_string())
    }
}

/// Returns the graph of the model in a folder, if it is there.
pub(super) fn graph_in(folder: &Path) -> Result<PathBuf, SemanticOff> {
    let graph = folder.join("model.onnx");
    let unusable = |error| SemanticOff::ModelUnusable {
        model: folder.display().to_string(),
        message: in_full(&error),
    };
    look(&graph).map(|_| ()).map_err(unusable)?;
    Ok(graph)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))
}

/// Reads the files that make a tokenizer, in the order of [`TOKENIZER_FILES`].
pub(super) fn tokenizer(paths: &[PathBuf]) -> Result<TokenizerFiles, String> {
    let [tokenizer, config, special_tokens, tokenizer_config] = paths else {
        return Err("the tokenizer is not complete".into());
    };
    Ok(TokenizerFiles {
        tokenizer_file: read(tokenizer)?,
        config_file: read(config)?,
        special_tokens_map_file: read(special_tokens)?,
        tokenizer_config_file: read(tokenizer_config)?,
    })
}

impl LocalModel {
    /// Loads the model, and finds out the length of its vectors where nobody knows it.
    ///
    /// # Errors
    /// When a file cannot be read, or the runtime refuses it.
    pub(super) fn load(environment: Environment, plan: &Plan) -> Result<Self, SemanticOff> {
        let unusable =
            |message: String| SemanticOff::ModelUnusable { model: plan.id.clone(), message };
        let model = plan.load(environment).map_err(unusable)?;
        let mut loaded = Self {
            id: plan.id.clone(),
            dim: plan.dim.unwrap_or_default(),
            path: plan.path.clone(),
            prompts: plan.prompts.clone(),
            scale: plan.scale.map_or_else(OnceLock::new, OnceLock::from),
            model: Mutex::new(model),
        };
        if loaded.dim == 0 {
            let probe = loaded.run("", "probe").map_err(|e| unusable(e.message))?;
            loaded.dim = probe.len();
        }
        match loaded.dim {
            0 => Err(unusable("the model returns empty vectors".into())),
            _ => Ok(loaded),
        }
    }

    fn run(&self, prompt: &str, text: &str) -> Result<Vec<f32>, EmbedError> {
        let failed = |message: String| EmbedError { model: self.id.clone(), message };
        let mut end = text.len().min(MAX_TOKENS * BYTES_A_TOKEN);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        let text = format!("{prompt}{}", &text[..end]);
        let mut one = model.embed([text], None).map_err(|e| failed(e.to_string()))?;
        let mut vector = one.pop().ok_or_else(|| failed("no vector came back".into()))?;
        if self.dim != 0 && vector.len() != self.dim {
            let (is, should) = (vector.len(), self.dim);
            return Err(failed(format!("its vectors have {is} numbers, not {should}")));
        }
        normalise(&mut vector);
        Ok(vector)
    }
}

impl Embedder for LocalModel {
    fn model_id(&self) -> &str {
        &self.id
    }

    fn dim(&self) -> usize {
        self.dim
    }

    /// One run a text, so that a vector never depends on its neighbours.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        texts.iter().map(|text| self.run(&self.prompts.passage, text)).collect()
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.run(&self.prompts.query, text)
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn scale(&self) -> Result<Scale, EmbedError> {
        match self.scale.get() {
            Some(scale) => Ok(*scale),
            None => Scale::measure(self).map(|scale| *self.scale.get_or_init(|| scale)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_another_model_when_anything_it_is_used_by_changes() {
        let dir = tempfile::tempdir().unwrap();
        let id = || Plan::of(dir.path()).map(|plan| plan.id);
        let off = id().unwrap_err();
        assert!(matches!(&off, SemanticOff::ModelUnusable { .. }), "{off:?}");
        assert!(off.to_string().contains("model.onnx"), "{off}");
        fs::create_dir(dir.path().join("1_Pooling")).unwrap();
        let mut seen = Vec::new();
        for name in ["model.onnx"].into_iter().chain(TOKENIZER_FILES).chain(SETTINGS) {
            fs::write(dir.path().join(name), "{\"pooling_mode_cls_token\": true}").unwrap();
            let id = id().unwrap();
            assert!(!seen.contains(&id), "{name}");
            seen.push(id);
        }
        assert_eq!(id().unwrap(), seen[seen.len() - 1]);
        assert_eq!(Plan::of(dir.path()).unwrap().pooling, Some(Pooling::Cls));
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_as_one() {
        let off = Plan::of(Path::new("/nowhere/at/all")).map(drop).unwrap_err().to_string();
        assert!(off.contains("cannot use the model `/nowhere/at/all`"), "{off}");
    }
}
