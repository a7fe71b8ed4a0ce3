//! Finding ONNX Runtime, once per process.
//!
//! Owns the process-wide ONNX environment: a shared library can be loaded only once. Must not load
//! models, and must not look for the library itself: the caller names the path.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;

use super::SemanticOff;

/// The environment every session of this process shares.
static SHARED: Mutex<Option<Environment>> = Mutex::new(None);

/// Returns the environment, loading the library at `path` the first time. A process keeps the first
/// library it loaded, whatever other path is named later.
pub(super) fn environment(path: Option<&Path>) -> Result<Environment, SemanticOff> {
    let library = library(path)?;
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = shared.as_ref() {
        return Ok(environment.clone());
    }
    let environment = create(&library)?;
    *shared = Some(environment.clone());
    Ok(environment)
}

fn unusable(path: &Path, error: impl ToString) -> SemanticOff {
    SemanticOff::RuntimeUnusable { path: path.to_owned(), message: error.to_string() }
}

/// Returns the library's real path.
#[cfg(feature = "dynamic-onnxruntime")]
fn library(path: Option<&Path>) -> Result<PathBuf, SemanticOff> {
    let path = path.ok_or(SemanticOff::NoRuntime)?;
    path.canonicalize().map_err(|e| unusable(path, e))
}

#[cfg(feature = "dynamic-onnxruntime")]
fn create(library: &Path) -> Result<Environment, SemanticOff> {
    let builder = ort::init_from(library).map_err(|e| unusable(library, e))?;
    builder.with_telemetry(false).build().map_err(|e| unusable(library, e))
}

#[cfg(not(feature = "dynamic-onnxruntime"))]
fn library(_path: Option<&Path>) -> Result<PathBuf, SemanticOff> {
    Ok("(linked into this program)".into())
}

#[cfg(not(feature = "dynamic-onnxruntime"))]
fn create(library: &Path) -> Result<Environment, SemanticOff> {
    ort::init().with_telemetry(false).build().map_err(|e| unusable(library, e))
}

#[cfg(test)]
pub(super) mod testing {
    use std::fs;
    use std::path::{Path, PathBuf};

    /// Returns an ONNX Runtime library: the one named by the variable, or the one the set-up put into
    /// this checkout. Says what to do where there is none.
    pub(in crate::semantic) fn library() -> Option<PathBuf> {
        if let Some(path) = std::env::var_os("CEMEM_ORT_DYLIB").filter(|p| !p.is_empty()) {
            return Some(path.into());
        }
        let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/onnxruntime");
        let files =
            |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
        let found = files(&cache)
            .flat_map(|entry| files(&entry).chain([entry]).collect::<Vec<_>>())
            .find(|path| path.is_file() && path.to_string_lossy().contains("libonnxruntime."));
        if found.is_none() {
            println!("no ONNX Runtime library here: run the set-up, or set CEMEM_ORT_DYLIB");
        }
        found
    }
}
