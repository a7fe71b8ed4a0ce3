//! Where the ONNX Runtime library is looked for.
//!
//! Owns the search order, the same that the docs and `cemem doctor` tell. Must not load it: the
//! retrieve crate does, on the first text it has to embed.

use std::path::{Path, PathBuf};

use cemem_core::project::Home;

/// One place that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Why it is looked at: a variable's name or a folder's role.
    pub role: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The library found there.
    pub found: Option<PathBuf>,
}

/// Returns the library to use, if any.
#[must_use]
pub fn find(home: &Home) -> Option<PathBuf> {
    places(home).into_iter().find_map(|place| place.found)
}

/// Returns every place in the order they are tried.
#[must_use]
pub fn places(home: &Home) -> Vec<Place> {
    let mut places = Vec::new();
    for role in ["CEMEM_ORT_DYLIB", "ORT_DYLIB_PATH"] {
        if let Some(path) = std::env::var_os(role).filter(|v| !v.is_empty()).map(PathBuf::from) {
            let found = if path.is_dir() {
                library_in(&path)
            } else {
                path.is_file().then(|| path.clone())
            };
            places.push(Place { role, path, found });
        }
    }
    let exe = std::env::current_exe().ok();
    if let Some(bin) = exe.as_deref().and_then(Path::parent) {
        push_folder(&mut places, "beside the binary", bin.join("../lib/cemem"));
        // A build in a source checkout: target/<profile>/cemem.
        for ancestor in bin.ancestors().take(4).filter(|a| a.join("Cargo.toml").is_file()) {
            push_folder(&mut places, "source checkout", ancestor.join(".cache/onnxruntime"));
        }
    }
    push_folder(&mut places, "cemem's home", home.0.join("runtime"));
    places
}

fn push_folder(places: &mut Vec<Place>, role: &'static str, path: PathBuf) {
    let found = library_in(&path);
    places.push(Place { role, path, found });
}

/// Returns the ONNX Runtime library in a folder or one of its direct sub-folders; the last by name,
/// so that the newest version wins.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let names = |dir: &Path| -> Vec<PathBuf> {
        let mut paths: Vec<_> =
            std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
        paths.sort();
        paths
    };
    let is_library = |path: &PathBuf| {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let named = name.starts_with("libonnxruntime.so")
            || (name.starts_with("libonnxruntime") && name.ends_with(".dylib"))
            || name.eq_ignore_ascii_case("onnxruntime.dll");
        named && !name.contains("providers") && path.is_file()
    };
    let direct = names(folder);
    direct.iter().rfind(|p| is_library(p)).cloned().or_else(|| {
        direct
            .iter()
            .rev()
            .filter(|p| p.is_dir())
            .find_map(|p| names(p).into_iter().rfind(is_library))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_library_one_level_deep_and_ignores_providers() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("1.2.3");
        std::fs::create_dir(&inner).unwrap();
        for name in ["libonnxruntime.so.1.2.3", "libonnxruntime_providers_shared.so"] {
            std::fs::write(inner.join(name), b"x").unwrap();
        }
        let found = library_in(dir.path()).unwrap();
        assert!(found.ends_with("libonnxruntime.so.1.2.3"), "{}", found.display());
        assert_eq!(library_in(&inner.join("none")), None);
    }
}
