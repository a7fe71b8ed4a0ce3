//! Which crate may depend on which.
//!
//! Owns the table. A new edge is a decision about the design: change the table together with
//! `docs/architecture.md`, and say why in the commit.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::{assert_none, files};

/// What one crate may use.
struct Allowed {
    package: &'static str,
    /// Crates of this workspace.
    workspace: &'static [&'static str],
    /// Crates from elsewhere.
    third_party: &'static [&'static str],
}

/// Everything a package may name under `[dependencies]` or `[build-dependencies]`.
const ALLOWED: &[Allowed] = &[
    Allowed {
        package: "cemem-core",
        workspace: &[],
        third_party: &[
            "git2",
            "jiff",
            "rusqlite",
            "rusqlite_migration",
            "serde",
            "serde_json",
            "sha2",
            "tempfile",
            "thiserror",
        ],
    },
    Allowed {
        package: "cemem-ingest",
        workspace: &["cemem-core"],
        third_party: &[
            "aho-corasick",
            "jiff",
            "md-5",
            "memchr",
            "notify",
            "postcard",
            "pulldown-cmark",
            "quick-xml",
            "rayon",
            "regex",
            "schemars",
            "serde",
            "serde_json",
            "serde_yaml_ng",
            "sha2",
            "thiserror",
            "walkdir",
            "zstd",
        ],
    },
    Allowed {
        package: "cemem-retrieve",
        workspace: &["cemem-core"],
        third_party: &[
            "fastembed",
            "frostem",
            "hf-hub",
            "hnsw_rs",
            "memmap2",
            "ort",
            "rayon",
            "serde",
            "serde_json",
            "sha2",
            "simsimd",
            "tantivy",
            "tempfile",
            "thiserror",
            "tokenizers",
        ],
    },
    Allowed {
        package: "cemem-cli",
        workspace: &["cemem-core", "cemem-ingest", "cemem-retrieve"],
        third_party: &[
            "anstream",
            "anstyle",
            "axum",
            "backon",
            "clap",
            "clap_complete",
            "clap_mangen",
            "ctrlc",
            "etcetera",
            "getrandom",
            "indicatif",
            "jiff",
            "jsonc-parser",
            "libc",
            "ratatui",
            "rmcp",
            "rustix",
            "schemars",
            "serde",
            "serde_json",
            "serde_yaml_ng",
            "shlex",
            "similar",
            "strsim",
            "tempfile",
            "textwrap",
            "thiserror",
            "tokio",
            "tokio-util",
            "toml",
            "ureq",
            "wait-timeout",
            "which",
        ],
    },
    Allowed {
        package: "cemem-corpus",
        workspace: &["cemem-core"],
        third_party: &["serde", "serde_json"],
    },
    Allowed {
        package: "cemem-benches",
        workspace: &["cemem-cli", "cemem-core", "cemem-corpus", "cemem-ingest", "cemem-retrieve"],
        third_party: &["criterion", "git2", "serde_json", "tempfile"],
    },
    Allowed {
        package: "cemem-tests",
        workspace: &["cemem-cli", "cemem-core", "cemem-corpus", "cemem-ingest", "cemem-retrieve"],
        third_party: &[
            "cargo_metadata",
            "insta",
            "portable-pty",
            "proptest",
            "rusqlite",
            "serde_json",
            "sha2",
            "tempfile",
            "vt100",
        ],
    },
];

/// What any package may name under `[dev-dependencies]`, besides what it may use anyway.
const DEV: &[&str] =
    &["cemem-corpus", "git2", "insta", "proptest", "rusqlite", "serde_json", "tempfile", "zstd"];

/// One edge as a manifest states it.
#[derive(Debug, Clone)]
struct Edge {
    from: String,
    to: String,
    dev: bool,
}

/// Returns what is wrong with the edges, given the names of the workspace's own packages.
fn check(packages: &[String], edges: &[Edge]) -> Vec<String> {
    let table: BTreeMap<_, _> = ALLOWED.iter().map(|allowed| (allowed.package, allowed)).collect();
    let mut wrong: Vec<_> = packages
        .iter()
        .filter(|name| !table.contains_key(name.as_str()))
        .map(|name| format!("{name}: not in the table"))
        .collect();
    for Edge { from, to, dev } in edges {
        let Some(allowed) = table.get(from.as_str()) else { continue };
        let to = to.as_str();
        let normal = allowed.workspace.contains(&to) || allowed.third_party.contains(&to);
        if !(normal || (*dev && DEV.contains(&to))) {
            let kind = if *dev { "dev-dependency" } else { "dependency" };
            wrong.push(format!("{from} → {to}: a {kind} outside the table"));
        }
    }
    wrong
}

#[test]
fn every_edge_is_in_the_table() {
    let metadata = MetadataCommand::new()
        .manifest_path(files::root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .unwrap();
    let packages: Vec<_> = metadata.packages.iter().map(|p| p.name.to_string()).collect();
    let edges: Vec<_> = metadata
        .packages
        .iter()
        .flat_map(|package| {
            package.dependencies.iter().map(|dependency| Edge {
                from: package.name.to_string(),
                to: dependency.name.clone(),
                dev: dependency.kind == DependencyKind::Development,
            })
        })
        .collect();
    assert_eq!(packages.len(), ALLOWED.len(), "the table names a package that is gone");
    assert!(edges.len() > 30, "only {} edges: did cargo metadata answer?", edges.len());
    assert_none(&check(&packages, &edges));
}

/// The libraries at the bottom know nothing of each other or of what lies above them, and each heavy
/// dependency has one home. The table must not be widened past this.
#[test]
fn the_table_keeps_the_shape_of_the_design() {
    let uses = |package: &str, name: &str| {
        let allowed = ALLOWED.iter().find(|allowed| allowed.package == package).unwrap();
        allowed.workspace.contains(&name) || allowed.third_party.contains(&name)
    };
    assert!(!uses("cemem-ingest", "cemem-retrieve") && !uses("cemem-retrieve", "cemem-ingest"));
    for library in ["cemem-core", "cemem-ingest", "cemem-retrieve"] {
        assert!(!uses(library, "cemem-cli"));
        assert!(!uses(library, "cemem-corpus"), "only as a dev-dependency");
    }
    let homes = [
        ("rusqlite", "cemem-core"),
        ("git2", "cemem-core"),
        ("tantivy", "cemem-retrieve"),
        ("fastembed", "cemem-retrieve"),
        ("hf-hub", "cemem-retrieve"),
        ("hnsw_rs", "cemem-retrieve"),
        ("clap", "cemem-cli"),
        ("indicatif", "cemem-cli"),
        ("similar", "cemem-cli"),
        ("ratatui", "cemem-cli"),
        ("rmcp", "cemem-cli"),
        ("tokio", "cemem-cli"),
        ("axum", "cemem-cli"),
    ];
    for (name, home) in homes {
        for package in ["cemem-core", "cemem-ingest", "cemem-retrieve", "cemem-cli"] {
            assert_eq!(uses(package, name), package == home, "{package} → {name}");
        }
    }
}

#[test]
fn a_wrong_edge_is_found() {
    let edge = |from: &str, to: &str, dev| Edge { from: from.into(), to: to.into(), dev };
    let packages = vec!["cemem-core".to_owned(), "cemem-new".to_owned()];
    let edges = [
        edge("cemem-ingest", "cemem-core", false),
        edge("cemem-ingest", "cemem-retrieve", false),
        edge("cemem-ingest", "cemem-retrieve", true),
        edge("cemem-core", "tantivy", false),
        edge("cemem-core", "proptest", true),
        edge("cemem-core", "proptest", false),
    ];
    let wrong = check(&packages, &edges);
    assert_eq!(
        wrong,
        [
            "cemem-new: not in the table",
            "cemem-ingest → cemem-retrieve: a dependency outside the table",
            "cemem-ingest → cemem-retrieve: a dev-dependency outside the table",
            "cemem-core → tantivy: a dependency outside the table",
            "cemem-core → proptest: a dependency outside the table",
        ]
    );
}
