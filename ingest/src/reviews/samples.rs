//! The genuine reports of the shared samples: every one of them gives findings, and what is no
//! report is not taken for one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::sources::testing::{read_path, samples};

/// Parts of names of files that hold no finding: schemas, logs of a loop, documentation, approvals,
/// a template, runs in which every test passed, and what a failed command left.
const WITHOUT: &[&str] = &[
    "findings-schema.json",
    "ce-codex-loop__",
    "todos__README.md",
    "-TEMPLATE.md",
    "-review.json",
    "skills__",
    "6888e3_junit-integration.xml",
    "c036ad_junit-integration.xml",
    "fab156_junit.covered.xml",
    "96c9d7_test-results.xml",
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    let entries = walk.map(|e| e.unwrap()).filter(|e| e.file_type().is_file());
    entries.map(walkdir::DirEntry::into_path).collect()
}

#[test]
fn every_genuine_report_gives_findings() {
    let Some(folder) = samples("review") else { return };
    let root = folder.path().join("review");
    let mut per_folder: BTreeMap<String, (u64, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for path in files(&root) {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let found = read_path(&path);
        let count = found.events().len();
        let without = WITHOUT.iter().any(|w| name.contains(w));
        let recognised = found.errors.is_empty();
        if without != (count == 0) || !(without || recognised) {
            wrong.push(format!("{name}: {count} {:?} {:?}", found.skipped, found.errors));
        }
        let folder = name.split('/').next().unwrap_or_default().to_owned();
        let sum = per_folder.entry(folder).or_default();
        *sum = (sum.0 + u64::from(count > 0), sum.1 + count);
    }
    assert_eq!(wrong, Vec::<String>::new());
    let least = [
        ("clippy", 4, 4),
        ("coderabbit", 2, 6),
        ("eslint", 1, 254),
        ("github", 51, 326),
        ("gitlab", 1, 280),
        ("junit", 11, 329),
        ("lint", 3, 721),
        ("rdjson", 2, 560),
        ("sarif", 3, 221),
        ("todos", 82, 82),
    ];
    for (folder, files, findings) in least {
        let sum = per_folder[folder];
        assert!(sum.0 >= files && sum.1 >= findings, "{folder}: {sum:?} of {per_folder:?}");
    }
}
