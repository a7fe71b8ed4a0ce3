//! The genuine reports of the shared samples: every one of them gives findings.

use std::path::{Path, PathBuf};

use crate::sources::testing::{read_path, samples};

/// Folders of the archive whose every file is a report with findings.
const FOLDERS: &[&str] = &["sarif", "gitlab", "rdjson", "eslint", "clippy", "lint", "github"];

fn files(folder: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    let entries = walk.map(|e| e.unwrap()).filter(|e| e.file_type().is_file());
    entries.map(walkdir::DirEntry::into_path).collect()
}

#[test]
fn every_genuine_report_gives_findings() {
    let Some(folder) = samples("review") else { return };
    let mut seen = 0;
    for name in FOLDERS {
        for path in files(&folder.path().join("review").join(name)) {
            let found = read_path(&path);
            assert_eq!(found.errors, Vec::<String>::new(), "{}", path.display());
            assert!(!found.events().is_empty(), "{}: {:?}", path.display(), found.skipped);
            seen += 1;
        }
    }
    assert!(seen >= 11, "{seen}");
}
