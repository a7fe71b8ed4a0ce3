//! Gives the crate a digest of its own code and of the types it works with: what a pass found out is
//! good only for a pass that would find out the same.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let mut files = Vec::new();
    for folder in ["src", "../memory-core/src"] {
        println!("cargo:rerun-if-changed={folder}");
        list(&Path::new(&root).join(folder), &mut files);
    }
    files.sort();
    let mut digest = DefaultHasher::new();
    for file in &files {
        let text =
            fs::read(file).unwrap_or_else(|e| panic!("cannot read `{}`: {e}", file.display()));
        text.hash(&mut digest);
    }
    println!("cargo:rustc-env=CEMEM_INGEST_CODE={:016x}", digest.finish());
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|e| panic!("cannot list `{}`: {e}", folder.display()));
    for entry in entries {
        let path = entry.expect("a listed entry can be read").path();
        if path.is_dir() { list(&path, files) } else { files.push(path) }
    }
}
