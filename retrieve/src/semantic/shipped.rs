//! The model inside the binary: all-MiniLM-L6-v2, int8, as an optimised ORT-format graph.
//!
//! Owns the sessions and the pooling of the shipped model. It talks to `ort` directly where other
//! models go through fastembed, because a cold query must load it in a few tens of milliseconds:
//! the graph is optimised ahead of time, its weights are used where they lie in the binary, and the
//! tokenizer needs no parsing. A test holds its vectors to those of fastembed on the plain ONNX file.

use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::session::InMemorySession;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::Tensor;
use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};

use super::{EmbedError, Embedder, SemanticOff, normalise, wordpiece};

/// Name of the shipped model in folder names.
pub const MODEL_ID: &str = "all-minilm-l6-v2-int8";
/// Length of its vectors.
pub const DIM: usize = 384;
/// Tokens it reads of one text, `[CLS]` and `[SEP]` included.
pub const MAX_TOKENS: usize = 256;

/// Bytes at an address the runtime can read vectors from.
#[repr(C, align(64))]
struct Aligned<T: ?Sized>(T);

static MODEL: &Aligned<[u8]> =
    &Aligned(*include_bytes!("../../../assets/model/all-minilm-l6-v2-int8.ort"));
static TOKENIZER: &[u8] = include_bytes!("../../../assets/model/tokenizer.json");

/// The loaded model.
pub struct Shipped {
    environment: Environment,
    /// Idle sessions; one more is made when a thread finds none.
    idle: Mutex<Vec<InMemorySession<'static>>>,
    /// The full tokenizer, for text the fast one refuses.
    full: OnceLock<Result<tokenizers::Tokenizer, String>>,
}

impl Shipped {
    /// Loads one session.
    ///
    /// # Errors
    /// When the runtime refuses the model.
    pub(super) fn load(environment: Environment) -> Result<Self, SemanticOff> {
        let session = new_session(&environment).map_err(|e| SemanticOff::ModelUnusable {
            model: MODEL_ID.into(),
            message: e.to_string(),
        })?;
        Ok(Self { environment, idle: Mutex::new(vec![session]), full: OnceLock::new() })
    }

    fn ids(&self, text: &str) -> Result<Vec<i64>, EmbedError> {
        let limit = MAX_TOKENS - 2;
        let inner = match wordpiece::encode(text, limit) {
            Some(ids) => ids,
            None => self.full_ids(text, limit)?,
        };
        let mut ids = Vec::with_capacity(inner.len() + 2);
        ids.push(wordpiece::CLS);
        ids.extend(inner);
        ids.push(wordpiece::SEP);
        Ok(ids)
    }

    fn full_ids(&self, text: &str, limit: usize) -> Result<Vec<i64>, EmbedError> {
        let full = self.full.get_or_init(load_tokenizer).as_ref().map_err(failed)?;
        // A token has at most MAX_WORD_CHARS characters before it becomes [UNK], but white space is
        // free: cutting here only bounds the work on huge texts.
        let cut = text.char_indices().nth(limit * 32).map_or(text, |(at, _)| &text[..at]);
        let encoding = full.encode(cut, false).map_err(failed)?;
        Ok(encoding.get_ids().iter().take(limit).map(|&id| i64::from(id)).collect())
    }

    fn one(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let ids = self.ids(text)?;
        let taken = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut session = match taken {
            Some(session) => session,
            None => new_session(&self.environment).map_err(failed)?,
        };
        let vector = run(&mut session, ids).map_err(failed);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        vector
    }
}

impl Embedder for Shipped {
    fn model_id(&self) -> &str {
        MODEL_ID
    }

    fn dim(&self) -> usize {
        DIM
    }

    /// One run a text: the int8 model scales its activations to the batch, so a batch would make
    /// vectors depend on their neighbours. Several texts run in parallel, longest first.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        if let [text] = texts {
            return Ok(vec![self.one(text)?]);
        }
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&i| (std::cmp::Reverse(texts[i].len()), i));
        let done: Result<Vec<_>, _> = order
            .into_par_iter()
            .with_max_len(8)
            .map(|i| self.one(texts[i]).map(|vector| (i, vector)))
            .collect();
        let mut vectors = vec![Vec::new(); texts.len()];
        done?.into_iter().for_each(|(i, vector)| vectors[i] = vector);
        Ok(vectors)
    }
}

fn failed(error: impl ToString) -> EmbedError {
    EmbedError { model: MODEL_ID.into(), message: error.to_string() }
}

fn load_tokenizer() -> Result<tokenizers::Tokenizer, String> {
    let mut full = tokenizers::Tokenizer::from_bytes(TOKENIZER).map_err(|e| e.to_string())?;
    full.with_padding(None).with_truncation(None).map_err(|e| e.to_string())?;
    Ok(full)
}

fn new_session(environment: &Environment) -> ort::Result<InMemorySession<'static>> {
    let mut builder = SessionBuilder::new(environment)?
        .with_optimization_level(GraphOptimizationLevel::Disable)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_memory_pattern(false)?;
    builder.commit_from_memory_directly(&MODEL.0)
}

/// Runs the model on one text and returns the mean of its token vectors, at unit length.
fn run(session: &mut InMemorySession<'static>, ids: Vec<i64>) -> ort::Result<Vec<f32>> {
    let n = ids.len();
    let outputs = session.run(ort::inputs! {
        "input_ids" => Tensor::from_array(([1, n], ids))?,
        "attention_mask" => Tensor::from_array(([1, n], vec![1_i64; n]))?,
        "token_type_ids" => Tensor::from_array(([1, n], vec![0_i64; n]))?,
    })?;
    let (_, hidden) = outputs["last_hidden_state"].try_extract_tensor::<f32>()?;
    let mut mean = vec![0.0_f32; DIM];
    for token in hidden.chunks_exact(DIM) {
        mean.iter_mut().zip(token).for_each(|(sum, x)| *sum += x);
    }
    normalise(&mut mean);
    Ok(mean)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use crate::Semantic;
    use crate::semantic::runtime::testing::library;

    #[test]
    fn says_the_same_as_fastembed_on_the_plain_model() {
        let Some(runtime) = library() else { return };
        let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/model");
        let dir = tempfile::tempdir().unwrap();
        for (from, to) in [
            ("all-minilm-l6-v2-int8.onnx", "model.onnx"),
            ("tokenizer.json", "tokenizer.json"),
            ("config.json", "config.json"),
            ("special_tokens_map.json", "special_tokens_map.json"),
            ("tokenizer_config.json", "tokenizer_config.json"),
        ] {
            fs::copy(assets.join(from), dir.path().join(to)).unwrap();
        }
        let reads = format!("{{\"max_seq_length\": {}}}", super::MAX_TOKENS);
        fs::write(dir.path().join("sentence_bert_config.json"), reads).unwrap();
        let runtime = Some(runtime);
        let shipped = Semantic::Shipped { runtime: runtime.clone() }.load().unwrap();
        let plain = Semantic::Local { runtime, model: dir.path().to_owned() }.load().unwrap();
        assert_eq!((shipped.dim(), plain.dim()), (super::DIM, super::DIM));
        let long = "Retry the flaky upload with back-off. ".repeat(60);
        let texts = ["auth bug", "Füge naïve Prüfungen hinzu – 日本語 [SEP]", "", &long];
        let (ours, theirs) = (shipped.embed(&texts).unwrap(), plain.embed(&texts).unwrap());
        for ((a, b), text) in ours.iter().zip(&theirs).zip(texts) {
            let cosine: f32 = a.iter().zip(b).map(|(x, y)| x * y).sum();
            assert!(cosine > 0.995, "{cosine} {text:?}");
        }
        // What is embedded beside a text changes nothing.
        assert_eq!(shipped.embed(&["auth bug"]).unwrap()[0], ours[0]);
    }
}
