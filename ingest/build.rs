//! Gives the crate a digest of its own code and of the types it works with: what a pass found out is
//! good only for a pass that would find out the same.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Files that decide what a pass does.
const CODE: [&str; 4] = ["rs", "json", "tsv", "sql"];

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let mut files = Vec::new();
    for folder in ["src", "../memory-core/src", "../memory-core/migrations"] {
        println!("cargo:rerun-if-changed={folder}");
        list(&Path::new(&root).join(folder), &mut files);
    }
    // What libraries take for a letter or a word counts too.
    let lock = Path::new(&root).join("../Cargo.lock");
    if lock.is_file() {
        println!("cargo:rerun-if-changed={}", lock.display());
        files.push(lock);
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
    for entry in entries.flatten() {
        let (path, kind) = (entry.path(), entry.file_type());
        let is_code =
            path.extension().is_some_and(|extension| CODE.iter().any(|code| extension == *code));
        // Not what editors leave beside files, links to nowhere among it.
        match kind {
            Ok(kind) if kind.is_dir() => list(&path, files),
            Ok(kind) if kind.is_file() && is_code => files.push(path),
            _ => {}
        }
    }
}
