//! Finding ONNX Runtime, once per process.
//!
//! Owns the process-wide ONNX environment: a shared library can be loaded only once. Must not load
//! models, and must not look for the library itself: the caller names the path.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;

use super::SemanticOff;

/// The environment every session of this process shares.
static SHARED: Mutex<Option<Environment>> = Mutex::new(None);

/// Returns the environment, loading the library at `path` the first time. Later calls get the first
/// library, whatever path they name.
pub(super) fn environment(path: Option<&Path>) -> Result<Environment, SemanticOff> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = shared.as_ref() {
        return Ok(environment.clone());
    }
    let environment = create(path)?;
    *shared = Some(environment.clone());
    Ok(environment)
}

#[cfg(feature = "dynamic-onnxruntime")]
fn create(path: Option<&Path>) -> Result<Environment, SemanticOff> {
    let path = path.ok_or(SemanticOff::NoRuntime)?;
    let unusable =
        |message: String| SemanticOff::RuntimeUnusable { path: path.to_owned(), message };
    let path = path.canonicalize().map_err(|e| unusable(e.to_string()))?;
    let builder = ort::init_from(path).map_err(|e| unusable(e.to_string()))?;
    builder.with_telemetry(false).build().map_err(|e| unusable(e.to_string()))
}

#[cfg(not(feature = "dynamic-onnxruntime"))]
fn create(_path: Option<&Path>) -> Result<Environment, SemanticOff> {
    ort::init().with_telemetry(false).build().map_err(|e| SemanticOff::RuntimeUnusable {
        path: "(linked into this program)".into(),
        message: e.to_string(),
    })
}
