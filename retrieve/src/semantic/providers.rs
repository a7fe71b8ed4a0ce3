//! Which hardware runs a model.
//!
//! Owns the execution providers that were compiled in, in the order they are tried. What a provider cannot
//! do runs on the CPU, and so does everything where none can be used. The shipped model always does: it is
//! small and int8, and its graph was optimised for that. Must not load models.

use fastembed::ExecutionProviderDispatch;
use ort::environment::Environment;

/// One row a provider: its name, whether it can be used, and what registers it.
macro_rules! rows {
    ($($feature:literal => $provider:ident),* $(,)?) => {
        /// Returns the providers compiled in, for a session.
        pub(super) fn compiled() -> Vec<ExecutionProviderDispatch> {
            vec![$(#[cfg(feature = $feature)] ort::ep::$provider::default().build()),*]
        }

        /// Returns the providers compiled in, each with whether the runtime has it.
        pub(super) fn state(_loaded: &Environment) -> Vec<(&'static str, bool)> {
            vec![$(
                #[cfg(feature = $feature)]
                (
                    $feature,
                    <ort::ep::$provider as ort::ep::ExecutionProvider>::is_available()
                        .unwrap_or(false),
                )
            ),*]
        }
    };
}

rows! {
    "tensorrt" => TensorRT,
    "cuda" => CUDA,
    "rocm" => ROCm,
    "openvino" => OpenVINO,
    "directml" => DirectML,
    "coreml" => CoreML,
}
