//! Over generated lessons and files: a second run changes nothing, no byte outside of what is ours changes,
//! and what a hand wrote is never written over unasked.

use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::clock::{Clock, Timestamp};
use cemem_core::exchange::from_line;
use cemem_core::lesson::Lesson;
use cemem_core::store::{LessonFilter, Store};
use proptest::prelude::*;
use serde_json::json;

use super::blocks::Stands;
use super::copies::Copies;
use super::documents::{self, Place};
use super::pages::Planned;
use super::written::{self, Written};
use super::{Source, blocks, files, mirror};
use crate::command_error::CommandError;
use crate::sync::solutions;

const TYPES: [&str; 4] = ["mistake", "solution", "fact", "preference"];

#[derive(Debug, Clone)]
struct Made {
    lessons: Vec<Lesson>,
    /// CLAUDE.md and AGENTS.md, where they exist.
    files: [Option<String>; 2],
}

fn lesson() -> impl Strategy<Value = Lesson> {
    let text = "([a-zA-Z]{1,6}|@[a-z]{1,4}|`[a-z@]{1,4}|<!--|-->|#|---|[(`)…:é]{1,2}| |\n){1,24}";
    let path =
        prop::sample::select(vec!["src/a.rs", "src/**/*.ts", "docs", "a b/{c,d}.md", "/abs"]);
    (text, text, text, text, 0..4_usize, prop::collection::vec(path, 0..3), any::<bool>()).prop_map(
        |(title, rule, why, body, kind, paths, personal)| {
            let line = json!({
                "type": TYPES[kind], "title": title, "rule": format!("Do {rule}"), "why": why, "body": body,
                "applies_when": {"paths": paths}, "scope": if personal { "user" } else { "project" },
            });
            from_line(&line.to_string(), "f", 1, Timestamp(0)).unwrap().lesson
        },
    )
}

fn made() -> impl Strategy<Value = Made> {
    let line = "(# [a-z]{1,4}|- \\PC{0,9}|```|~~~|[a-z ]{0,9}|\u{feff}|@AGENTS.md|<!-- x|)";
    let text = prop::collection::vec(line, 0..8).prop_flat_map(|lines| {
        (prop::sample::select(vec!["\n", "\r\n"]), any::<bool>()).prop_map(
            move |(newline, ended)| {
                let tail = if ended { newline } else { "" };
                format!("{}{tail}", lines.join(newline))
            },
        )
    });
    let files = [prop::option::of(text.clone()), prop::option::of(text)];
    (prop::collection::vec(lesson(), 0..8), files)
        .prop_map(|(lessons, files)| Made { lessons, files })
}

/// A project with everything switched on.
struct Bench {
    folder: tempfile::TempDir,
    store: Store,
}

impl Bench {
    fn new(made: &Made) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("docs")).unwrap();
        for (name, text) in ["CLAUDE.md", "AGENTS.md"].iter().zip(&made.files) {
            text.iter().for_each(|text| fs::write(folder.path().join(name), text).unwrap());
        }
        let mut store = Store::open_in_memory(Clock::Fixed(Timestamp(1_000_000))).unwrap();
        store.put_lessons(&made.lessons, "test", "create", "").unwrap();
        Self { folder, store }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn plan(&mut self, force: bool) -> Planned {
        self.try_plan(force).unwrap()
    }

    fn try_plan(&mut self, force: bool) -> Result<Planned, CommandError> {
        let root = self.folder.path();
        let source = Source {
            store: &self.store,
            lessons: self.store.lessons(&LessonFilter::default()).unwrap(),
            tallies: self.store.counters().unwrap(),
            root,
            roots: vec![root],
            module: "made",
            lines: 20,
            force,
        };
        let files = files::targets(root, &[])?;
        let standing = blocks::plan(&source, files, true)?;
        let mut planned = standing.planned;
        planned.absorb(mirror::plan(&source)?);
        let folder = root.join(solutions::FOLDER);
        let (roots, copies) = (vec![root], Copies::default());
        let place = Place { roots, root, folder, module: "made", all: false, force, copies };
        planned.absorb(documents::plan(&self.store, &source.lessons, &place)?);
        let places: Vec<_> =
            standing.files.into_iter().map(|stands| (source.place(&stands.path), stands)).collect();
        let change = self.store.last_change().unwrap();
        for (place, stands) in places {
            self.store.record_standing(&place, &stands.told()).unwrap();
            let Stands { lessons, sum, .. } = stands;
            if let Some(sum) = sum {
                written::note(&mut self.store, &place, &Written { sum, change, lessons }).unwrap();
            }
        }
        Ok(planned)
    }

    fn sync(&mut self, force: bool) -> Planned {
        let planned = self.plan(force);
        planned.targets.iter().filter(|t| t.is_due()).for_each(|t| t.write().unwrap());
        planned
    }
}

fn due(planned: &Planned) -> Vec<(PathBuf, String)> {
    planned.targets.iter().filter(|t| t.is_due()).map(|t| (t.path.clone(), t.diff())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_second_run_changes_nothing(made in made()) {
        let mut bench = Bench::new(&made);
        let first = bench.sync(false);
        prop_assert!(first.drifts.is_empty(), "{:?}", first.drifts);
        let second = bench.plan(false);
        prop_assert!(second.drifts.is_empty(), "{:?}", second.drifts);
        prop_assert_eq!(due(&second), Vec::new());
        for (name, text) in ["CLAUDE.md", "AGENTS.md"].iter().zip(&made.files) {
            let path = bench.root().join(name);
            prop_assert_eq!(path.exists(), text.is_some(), "no new file");
            if let Some(text) = text {
                prop_assert!(fs::read_to_string(path).unwrap().starts_with(text.as_str()));
            }
        }
    }

    #[test]
    fn what_a_hand_wrote_is_written_over_only_by_force(made in made(), pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), forgets in any::<bool>()) {
        let mut bench = Bench::new(&made);
        let written = bench.sync(false).targets;
        prop_assume!(!written.is_empty());
        let path = &written[pick.index(written.len())].path;
        prop_assume!(path.is_file());
        let text = fs::read_to_string(path).unwrap();
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        prop_assume!(!ends.is_empty());
        // A word of one's own at the end of any line, those that hold a checksum too.
        let end = ends[at.index(ends.len())];
        let end = if text[..end].ends_with('\r') { end - 1 } else { end };
        let line = text[..end].lines().last().unwrap_or_default();
        let mark = if line.starts_with("cemem: ") && forgets { line } else { "" };
        let edited = format!("{} zebra{}", &text[..end - mark.len()], &text[end..]);
        fs::write(path, &edited).unwrap();
        let Ok(planned) = bench.try_plan(false) else {
            // A marker is broken: nothing is written at all.
            return Ok(());
        };
        let target = planned.targets.iter().find(|t| t.path == *path);
        let is_whole = target.is_none_or(|t| t.new.as_ref().is_some_and(|n| n.contains("zebra")));
        prop_assert!(is_whole, "{edited}");
    }
}
