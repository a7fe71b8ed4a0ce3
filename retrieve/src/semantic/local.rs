//! Any other embedding model, from files on this machine.
//!
//! Owns the translation from files to fastembed: those of a download (a [`Record`]), or a folder that a
//! person put together (`model.onnx`, `tokenizer.json`, `config.json`, `special_tokens_map.json`,
//! `tokenizer_config.json`, and where there are such `1_Pooling/config.json`,
//! `config_sentence_transformers.json` and `sentence_bert_config.json`). Must not download anything: what
//! is not here is an error.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cemem_core::id::digest;
use fastembed::{
    InitOptionsUserDefined, OutputKey, Pooling, QuantizationMode, TextEmbedding, TokenizerFiles,
    UserDefinedEmbeddingModel,
};
use ort::environment::Environment;
use serde_json::Value;

use super::catalog::{Prompts, TOKENIZER_FILES, embedding};
use super::record::{Record, look};
use super::scale::Scale;
use super::{EmbedError, Embedder, SemanticOff, normalise, providers};

/// Most tokens read of one text: passages are far shorter, and a model that reads 8,192 would take seconds
/// for a pasted log.
const MAX_TOKENS: usize = 512;
/// No token is longer than this many bytes on average, so the rest of a huge text need not be looked at.
const BYTES_A_TOKEN: usize = 32;

/// A loaded model.
pub(super) struct LocalModel {
    id: String,
    dim: usize,
    path: PathBuf,
    prompts: Prompts,
    model: Mutex<TextEmbedding>,
}

/// Everything there is to know before a model is loaded.
struct Plan {
    id: String,
    /// Known of a download; measured of a folder.
    dim: Option<usize>,
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

/// Returns the id of a model, without loading it: another one when its files are others.
pub(super) fn model_id(path: &Path) -> Result<String, SemanticOff> {
    if path.is_dir() {
        return Ok(folder_id(path));
    }
    let record = Record::read(path)?;
    record.check()?;
    Ok(record.id())
}

/// Returns the id of the model in a folder: its name, and a hash of its place and of what tells that its
/// files were replaced.
fn folder_id(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let safe: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
    let looks = ["model.onnx", "tokenizer.json"].map(|name| look(&folder.join(name)).ok());
    let hash = digest([folder.to_string_lossy().into_owned(), format!("{looks:?}")]);
    format!("{safe}-{}", &hash[..8])
}

impl Plan {
    fn of(path: &Path) -> Result<Self, SemanticOff> {
        if path.is_dir() { Ok(Self::of_folder(path)) } else { Self::of_record(path) }
    }

    fn of_folder(folder: &Path) -> Self {
        let json = |name: &str| -> Value {
            let bytes = fs::read(folder.join(name)).unwrap_or_default();
            serde_json::from_slice(&bytes).unwrap_or_default()
        };
        let cls = json("1_Pooling/config.json")["pooling_mode_cls_token"] == true;
        let prompts = json("config_sentence_transformers.json")["prompts"].take();
        let prompt = |names: &[&str]| {
            names.iter().find_map(|name| prompts[*name].as_str()).unwrap_or_default().to_owned()
        };
        let max = json("sentence_bert_config.json")["max_seq_length"].as_u64();
        Self {
            id: folder_id(folder),
            dim: None,
            graph: folder.join("model.onnx"),
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
        }
    }

    fn of_record(path: &Path) -> Result<Self, SemanticOff> {
        let record = Record::read(path)?;
        record.check()?;
        let unusable = |message: &str| SemanticOff::ModelUnusable {
            model: record.model.clone(),
            message: message.to_owned(),
        };
        let known = embedding(&record.model)
            .ok_or_else(|| unusable("this cemem does not know it as an embedding model"))?;
        let info = TextEmbedding::get_model_info(&known).map_err(|e| unusable(&e.to_string()))?;
        let file = |name: &str| {
            let path = record.path(name).map(Path::to_owned);
            path.ok_or_else(|| unusable(&format!("`{name}` was not downloaded")))
        };
        // The graph names its neighbours without the folder that they share.
        let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let more = info.additional_files.iter().map(|path| Ok((name(path), file(path)?)));
        Ok(Self {
            id: record.id(),
            dim: record.dim,
            graph: file(&info.model_file)?,
            more: more.collect::<Result<_, SemanticOff>>()?,
            tokenizer: TOKENIZER_FILES.iter().map(|name| file(name)).collect::<Result<_, _>>()?,
            pooling: TextEmbedding::get_default_pooling_method(&known),
            quantization: TextEmbedding::get_quantization_mode(&known),
            output: info.output_key.clone(),
            max_tokens: MAX_TOKENS,
            prompts: Prompts::of(&known),
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
    /// When it is not here, its files are not what they were, or the runtime refuses it.
    pub(super) fn load(environment: Environment, path: &Path) -> Result<Self, SemanticOff> {
        let plan = Plan::of(path)?;
        let unusable =
            |message: String| SemanticOff::ModelUnusable { model: plan.id.clone(), message };
        let model = plan.load(environment).map_err(unusable)?;
        let mut loaded = Self {
            id: plan.id.clone(),
            dim: plan.dim.unwrap_or_default(),
            path: path.to_owned(),
            prompts: plan.prompts.clone(),
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
        Scale::measure(self)
    }
}
