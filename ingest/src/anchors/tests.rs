//! Code as people change it, and as nobody should.

use std::fs;
use std::path::Path;

use cemem_core::exchange::from_line;
use cemem_core::{Clock, DriftState, LessonId};
use git2::{Oid, Repository, Signature, Time};
use serde_json::json;
use tempfile::TempDir;

use super::*;

/// The time of the first commit, in seconds; the next ones follow two days apart.
const FIRST: i64 = 1_760_000_000;
const STEP: i64 = 2 * 24 * 3600;
const ROTATE: &str =
    "//! Tokens.\n\npub fn rotate(token: &Token) -> Token {\n    body()\n}\n\nfn other() {}\n";

struct World {
    dir: TempDir,
    repo: Repository,
    store: Store,
    commits: i64,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repo = Repository::init(dir.path()).unwrap();
        let now = Clock::Fixed(Timestamp((FIRST + 1000 * STEP) * 1000));
        Self { dir, repo, store: Store::open_in_memory(now).unwrap(), commits: 0 }
    }

    /// Writes files (`None` takes one away) without committing them.
    fn write(&self, files: &[(&str, Option<&str>)]) {
        for (path, text) in files {
            let file = self.dir.path().join(path);
            match text {
                Some(text) => {
                    fs::create_dir_all(file.parent().unwrap()).unwrap();
                    fs::write(&file, text).unwrap();
                }
                None => fs::remove_file(&file).unwrap(),
            }
        }
    }

    fn commit(&mut self, files: &[(&str, Option<&str>)]) -> String {
        self.write(files);
        let mut index = self.repo.index().unwrap();
        for (path, text) in files {
            match text {
                Some(_) => index.add_path(Path::new(path)).unwrap(),
                None => index.remove_path(Path::new(path)).unwrap(),
            }
        }
        index.write().unwrap();
        let tree = self.repo.find_tree(index.write_tree().unwrap()).unwrap();
        let time = Time::new(FIRST + self.commits * STEP, 0);
        self.commits += 1;
        let who = Signature::new("Ann", "ann@example.com", &time).unwrap();
        let parent = self.repo.head().ok().and_then(|h| h.peel_to_commit().ok());
        let parents: Vec<_> = parent.iter().collect();
        self.repo.commit(Some("HEAD"), &who, &who, "c", &tree, &parents).unwrap().to_string()
    }

    /// Stores a lesson the pass could have made.
    fn learn(&mut self, rule: &str, paths: &[&str], reviewed: bool) -> LessonId {
        let anchors: Vec<_> = paths.iter().map(|p| json!({ "path": p })).collect();
        let said = Timestamp((FIRST + self.commits * STEP) * 1000).to_string();
        let line = json!({
            "rule": rule, "reviewed": reviewed, "applies_when": { "paths": paths }, "anchors": anchors,
            "evidence": [{ "engine": "t", "event_key": rule, "quote": rule, "turn_ts": said }],
        });
        let lesson = from_line(&line.to_string(), "f", 1, Timestamp(0)).unwrap().lesson;
        self.store.put_lessons(std::slice::from_ref(&lesson), "pass", "create", "").unwrap();
        lesson.id
    }

    fn look(&mut self) -> Looked {
        let redactor = Redactor::new();
        let roots = [self.dir.path().to_owned()];
        look(&mut self.store, &LookOptions::new(&redactor, &roots)).unwrap()
    }

    fn lesson(&self, id: &LessonId) -> Lesson {
        self.store.lesson(id).unwrap().unwrap()
    }

    /// Looks, and once more: nothing changes then.
    fn after_look(&mut self, id: &LessonId) -> Lesson {
        let looked = self.look();
        assert!(looked.complete && looked.not_checked.is_none(), "{looked:?}");
        let revision = self.store.revision().unwrap();
        let again = self.look();
        assert_eq!((again.lessons, again.applied.op), (0, 0), "{again:?}");
        assert_eq!(self.store.revision().unwrap(), revision);
        self.lesson(id)
    }
}

#[test]
fn an_anchor_is_filled_and_an_edit_elsewhere_is_none() {
    let mut world = World::new();
    world.commit(&[("src/token.rs", Some(ROTATE))]);
    let id = world.learn("Call `rotate` on every read.", &["src/token.rs"], false);
    let lesson = world.after_look(&id);
    let anchor = &lesson.anchors[0];
    assert_eq!(anchor.symbol.as_deref(), Some("rotate"));
    assert_eq!(anchor.quote.as_deref(), Some("pub fn rotate(token: &Token) -> Token"));
    assert_eq!(
        anchor.blob_sha,
        Some(Oid::hash_object(git2::ObjectType::Blob, ROTATE.as_bytes()).unwrap().to_string())
    );
    assert_eq!(world.store.history(&id).unwrap().last().unwrap().verb, "anchor");
    world.commit(&[(
        "src/token.rs",
        Some(&ROTATE.replace("body()", "other()").replace("pub fn", "pub(crate) fn")),
    )]);
    assert_eq!(world.after_look(&id), lesson);
}

#[test]
fn a_changed_definition_makes_a_lesson_stale_until_it_comes_back() {
    let mut world = World::new();
    world.commit(&[("src/token.rs", Some(ROTATE))]);
    let id = world.learn("Call `rotate` on every read.", &["src/token.rs"], false);
    let theirs = world.learn("`rotate` gives a new token.", &["src/token.rs"], true);
    let before = world.after_look(&id);
    let changed = ROTATE.replace("token: &Token", "token: Token, now: u64");
    let commit = world.commit(&[("src/token.rs", Some(&changed))]);
    world.commit(&[("else.rs", Some("fn nothing() {}\n"))]);
    let stale = world.after_look(&id);
    assert_eq!(stale.status, LessonStatus::Stale);
    let drift = stale.anchors[0].drift.clone().unwrap();
    assert_eq!((drift.state, drift.since), (DriftState::Drifted, Some(commit)));
    assert_eq!(drift.now.as_deref(), Some("pub fn rotate(token: Token, now: u64) -> Token"));
    assert_eq!(stale.anchors[0].quote, before.anchors[0].quote);
    // A person's decision stands: only the label.
    let reviewed = world.lesson(&theirs);
    assert_eq!(reviewed.status, LessonStatus::Active);
    assert!(reviewed.is_doubtful());

    world.commit(&[("src/token.rs", Some(ROTATE))]);
    let back = world.after_look(&id);
    assert_eq!((back.status, &back.anchors), (LessonStatus::Active, &before.anchors));
    assert!(!world.lesson(&theirs).is_doubtful());
    let verbs: Vec<_> = world.store.history(&id).unwrap().iter().map(|r| r.verb.clone()).collect();
    assert_eq!(verbs, ["create", "anchor", "drift", "drift"]);
}

#[test]
fn a_taken_back_verdict_stays_taken_back() {
    let mut world = World::new();
    world.commit(&[("src/token.rs", Some(ROTATE))]);
    let id = world.learn("Call `rotate` on every read.", &["src/token.rs"], false);
    world.after_look(&id);
    world.commit(&[("src/token.rs", Some("fn nothing() {}\n"))]);
    assert_eq!(world.after_look(&id).status, LessonStatus::Stale);
    world.store.undo(None, "user").unwrap();
    let kept = world.after_look(&id);
    assert_eq!(
        (kept.status, kept.reviewed, kept.is_doubtful()),
        (LessonStatus::Active, true, true)
    );
}

#[test]
fn files_are_followed_by_content_by_history_and_by_symbol() {
    let mut world = World::new();
    let long: String = (0..30).map(|n| format!("    let value_{n} = compute({n});\n")).collect();
    let text = |name: &str| format!("fn {name}(a: u8) {{\n{long}}}\n");
    world.commit(&[
        ("same.rs", Some(&text("same"))),
        ("edited.rs", Some(&text("edited"))),
        ("split.rs", Some("fn split_here(a: u8) {}\nfn stays() {}\n")),
    ]);
    let same = world.learn("Call `same` first.", &["same.rs"], false);
    let edited = world.learn("Call `edited` first.", &["edited.rs"], true);
    let split = world.learn("Call `split_here` first.", &["split.rs"], false);
    world.after_look(&same);
    let rewritten = format!("use x;\n{}", text("edited"));
    world.commit(&[
        ("same.rs", None),
        ("lib/same.rs", Some(&text("same"))),
        ("edited.rs", None),
        ("lib/new_name.rs", Some(&rewritten)),
        ("split.rs", Some("fn stays() {}\n")),
        ("part.rs", Some("/// Here now.\nfn split_here(a: u8) {\n}\n")),
    ]);
    world.after_look(&same);
    for (id, path, was) in [
        (&same, "lib/same.rs", "same.rs"),
        (&edited, "lib/new_name.rs", "edited.rs"),
        (&split, "part.rs", "split.rs"),
    ] {
        let lesson = world.lesson(id);
        assert_eq!((lesson.status, lesson.is_doubtful()), (LessonStatus::Active, false), "{path}");
        assert_eq!(
            (lesson.anchors[0].path.as_str(), lesson.anchors[0].was.as_deref()),
            (path, Some(was))
        );
        assert_eq!(lesson.applies_when.paths, [path]);
    }
    // And back again.
    world.commit(&[("lib/same.rs", None), ("same.rs", Some(&text("same")))]);
    let lesson = world.after_look(&same);
    assert_eq!((lesson.anchors[0].path.as_str(), &lesson.anchors[0].was), ("same.rs", &None));
    assert_eq!(lesson.applies_when.paths, ["same.rs"]);
}

#[test]
fn what_is_nowhere_is_gone() {
    let mut world = World::new();
    world.commit(&[
        ("src/token.rs", Some(ROTATE)),
        ("notes.md", Some("text\n")),
        ("keep.rs", Some("fn k() {}\n")),
    ]);
    let id = world.learn("Call `rotate` on every read.", &["src/token.rs"], false);
    let aside = world.learn("Mind both.", &["keep.rs", "notes.md"], false);
    let never = world.learn("Create it.", &["src/planned.rs"], false);
    world.after_look(&id);
    let commit = world.commit(&[("src/token.rs", None), ("notes.md", None)]);
    let gone = world.after_look(&id);
    assert_eq!(gone.status, LessonStatus::Stale);
    let drift = gone.anchors[0].drift.clone().unwrap();
    assert_eq!((drift.state, drift.since, drift.now), (DriftState::Gone, Some(commit), None));
    // One of several files, and one that never was, say nothing.
    assert!(!world.lesson(&aside).is_doubtful() && !world.lesson(&never).is_doubtful());
    // The path is gone, the name is elsewhere, with other words.
    world.commit(&[("new.rs", Some("fn rotate(all: &[Token]) {}\n"))]);
    let drift = world.after_look(&id).anchors[0].drift.clone().unwrap();
    assert_eq!(
        (drift.state, drift.now.as_deref()),
        (DriftState::Drifted, Some("fn rotate(all: &[Token])"))
    );
}

#[test]
fn a_lesson_is_about_the_code_of_its_time() {
    let mut world = World::new();
    world.commit(&[("src/token.rs", Some(ROTATE)), ("old.rs", Some("fn ancient() {}\n"))]);
    world.commit(&[("else.rs", Some("fn nothing() {}\n"))]);
    // Said now; read only after the code has moved on.
    let id = world.learn("Call `rotate` on every read.", &["src/token.rs"], false);
    let old = world.learn("Never call `ancient`.", &["old.rs"], false);
    let changed = ROTATE.replace("&Token", "Token");
    world.commits += 2;
    world.commit(&[("src/token.rs", Some(&changed)), ("old.rs", None)]);
    let stale = world.after_look(&id);
    assert_eq!(stale.status, LessonStatus::Stale);
    assert_eq!(stale.anchors[0].quote.as_deref(), Some("pub fn rotate(token: &Token) -> Token"));
    let gone = world.lesson(&old);
    assert_eq!(gone.anchors[0].drift.as_ref().unwrap().state, DriftState::Gone);
    // Said again since: it holds for the code as it is.
    let mut again = stale.clone();
    (again.status, again.anchors) = (LessonStatus::Active, vec![Anchor::at("src/token.rs")]);
    assert!(!carry(&mut again, &stale) && again.anchors == stale.anchors);
    again.evidence.push(cemem_core::Evidence {
        turn_ts: Some(Timestamp((FIRST + world.commits * STEP) * 1000)),
        event_key: "later".into(),
        ..again.evidence[0].clone()
    });
    assert!(carry(&mut again, &stale));
    world.store.update_lesson(&again, "pass", "reinforce").unwrap();
    let fresh = world.after_look(&id);
    assert_eq!((fresh.status, fresh.is_doubtful()), (LessonStatus::Active, false));
    assert_eq!(fresh.anchors[0].quote.as_deref(), Some("pub fn rotate(token: Token) -> Token"));
}

#[test]
fn an_edit_on_its_way_is_the_code_of_the_lesson() {
    let mut world = World::new();
    world.commit(&[("src/token.rs", Some(ROTATE))]);
    let changed = ROTATE.replace("&Token", "Token");
    world.write(&[("src/token.rs", Some(&changed))]);
    world.commits = 0;
    let id = world.learn("Call `rotate` on every read.", &["src/token.rs"], false);
    let lesson = world.after_look(&id);
    assert_eq!(lesson.anchors[0].quote.as_deref(), Some("pub fn rotate(token: Token) -> Token"));
    world.commits = 1;
    world.commit(&[("src/token.rs", Some(&changed.replace("-> Token", "-> Fresh")))]);
    let lesson = world.after_look(&id);
    assert!(!lesson.is_doubtful(), "{lesson:?}");
    world.commit(&[("src/token.rs", Some("fn nothing() {}\n"))]);
    assert!(world.after_look(&id).is_doubtful());
}

#[test]
fn odd_repositories_are_looked_at_or_say_why_not() {
    let redactor = Redactor::new();
    let mut world = World::new();
    let id = world.learn("Call `rotate` on every read.", &["src/token.rs"], false);
    assert_eq!(world.look().not_checked.as_deref(), Some("nothing is committed yet"));
    let plain = tempfile::tempdir().unwrap();
    let roots = [plain.path().to_owned()];
    let looked = look(&mut world.store, &LookOptions::new(&redactor, &roots)).unwrap();
    assert_eq!(looked.not_checked.as_deref(), Some("not a git repository"));

    // No text, too long, another repository, a link, another encoding.
    let binary = "fn rotate() {}\0";
    world.commit(&[("src/token.rs", Some(ROTATE)), ("b.rs", Some(binary))]);
    let repo = Repository::open(world.dir.path()).unwrap();
    let head = repo.head().unwrap().peel_to_commit().unwrap();
    let mut tree = repo.treebuilder(Some(&head.tree().unwrap())).unwrap();
    tree.insert("sub", head.id(), 0o160_000).unwrap();
    let huge = repo.blob("fn rotate() {}\n".repeat(60_000).as_bytes()).unwrap();
    tree.insert("huge.rs", huge, 0o100_644).unwrap();
    tree.insert("link.rs", repo.blob(b"src/token.rs").unwrap(), 0o120_000).unwrap();
    tree.insert("latin.rs", repo.blob(b"// \xe9\nfn rotate() {}\n").unwrap(), 0o100_644).unwrap();
    let tree = repo.find_tree(tree.write().unwrap()).unwrap();
    let who = head.author();
    let odd = repo.commit(None, &who, &who, "odd", &tree, &[&head]).unwrap();
    repo.set_head_detached(odd).unwrap();
    let paths = ["b.rs", "sub", "huge.rs", "link.rs", "latin.rs", "src", "../x.rs", ""];
    let all = world.learn("Mind `rotate`.", &paths, false);
    world.after_look(&id);
    assert_eq!(world.lesson(&id).anchors[0].symbol.as_deref(), Some("rotate"));
    let filled: Vec<_> = world
        .lesson(&all)
        .anchors
        .iter()
        .map(|a| (a.path.clone(), a.blob_sha.is_some(), a.symbol.is_some()))
        .collect();
    let want = [
        ("b.rs", true, false),
        ("sub", false, false),
        ("huge.rs", true, false),
        ("link.rs", false, false),
        ("latin.rs", true, true),
        ("src", false, false),
        ("../x.rs", false, false),
        ("", false, false),
    ];
    assert_eq!(filled, want.map(|(p, b, s)| (p.to_owned(), b, s)));

    // A shallow clone: what its history does not reach is not called gone.
    fs::write(world.repo.path().join("shallow"), format!("{odd}\n")).unwrap();
    let mut lesson = world.lesson(&id);
    lesson.anchors[0].path = "src/elsewhere.rs".into();
    lesson.anchors[0].blob_sha = Some("0123456789012345678901234567890123456789".into());
    world.store.update_lesson(&lesson, "user", "edit").unwrap();
    assert!(!world.after_look(&id).is_doubtful());
}

#[test]
fn a_bare_repository_and_a_path_within_a_folder_are_understood() {
    let mut world = World::new();
    world.commit(&[
        ("crates/a/src/token.rs", Some(ROTATE)),
        ("crates/a/src/lib.rs", Some("fn a() {}\n")),
        ("crates/b/src/lib.rs", Some("fn b() {}\n")),
    ]);
    // The session ran in `crates/a`; two files end with `src/lib.rs`.
    let id = world.learn("Call `rotate` on every read.", &["src/token.rs", "src/lib.rs"], false);
    let bare = tempfile::tempdir().unwrap();
    git2::build::RepoBuilder::new()
        .bare(true)
        .clone(world.dir.path().to_str().unwrap(), bare.path())
        .unwrap();
    let (redactor, roots) = (Redactor::new(), [bare.path().to_owned()]);
    let looked = look(&mut world.store, &LookOptions::new(&redactor, &roots)).unwrap();
    assert_eq!((looked.fresh, looked.unknown), (1, 1), "{looked:?}");
    let lesson = world.lesson(&id);
    assert_eq!(lesson.anchors[0].path, "crates/a/src/token.rs");
    assert_eq!(lesson.applies_when.paths, ["crates/a/src/token.rs", "src/lib.rs"]);
    // The pass works the lesson out anew from what was said: what is known of the code stays.
    let mut anew = lesson.clone();
    anew.anchors = vec![Anchor::at("src/token.rs"), Anchor::at("src/lib.rs")];
    anew.applies_when.paths = vec!["src/token.rs".into(), "src/lib.rs".into()];
    carry(&mut anew, &lesson);
    assert_eq!(anew, lesson);
}

#[test]
fn a_secret_in_a_definition_is_not_stored() {
    let mut world = World::new();
    let secret = format!("ghp_{}", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3hJ5");
    world.commit(&[("keys.py", Some(&format!("API_TOKEN = \"{secret}\"\n")))]);
    let id = world.learn("Never log API_TOKEN.", &["keys.py"], false);
    let lesson = world.after_look(&id);
    let quote = lesson.anchors[0].quote.clone().unwrap();
    assert!(quote.starts_with("API_TOKEN") && !quote.contains(&secret), "{quote}");
    world.commit(&[("else.py", Some("x = 1\n"))]);
    assert!(!world.after_look(&id).is_doubtful());
}

#[test]
fn a_persons_paths_become_anchors_when_they_are_files() {
    let mut world = World::new();
    world.commit(&[("Makefile", Some("lint:\n\tcheck\n"))]);
    let line = r#"{"rule":"Run `make lint` first.","applies_when":{"paths":["Makefile","src/**","docs/"]}}"#;
    let lesson = from_line(line, "f", 1, Timestamp(0)).unwrap().lesson;
    let (redactor, roots) = (Redactor::new(), [world.dir.path().to_owned()]);
    let lesson = placed(lesson, &LookOptions::new(&redactor, &roots));
    assert_eq!(lesson.anchors.len(), 1, "{lesson:?}");
    assert_eq!(lesson.anchors[0].quote.as_deref(), Some("lint:"));
    world.store.put_lessons(std::slice::from_ref(&lesson), "user", "remember", "").unwrap();
    assert_eq!(world.after_look(&lesson.id), lesson);
    world.commit(&[("Makefile", Some("check:\n\tcheck\n"))]);
    assert!(world.after_look(&lesson.id).is_doubtful());
}
