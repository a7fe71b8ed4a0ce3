//! Repositories as people leave them, and as nobody should.

use std::fs;
use std::path::Path;

use git2::{ObjectType, Oid, Repository, Signature, Time};
use tempfile::TempDir;

use super::*;

/// The time of the first commit, in seconds.
const FIRST: i64 = 1_760_000_000;
/// Between two commits, in seconds.
const HOUR: i64 = 3600;

struct World {
    dir: TempDir,
    repo: Repository,
    commits: std::cell::Cell<i64>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repo = Repository::init(dir.path()).unwrap();
        Self { dir, repo, commits: std::cell::Cell::new(0) }
    }

    fn open(&self) -> History {
        History::open(self.dir.path()).unwrap().unwrap()
    }

    fn who(&self) -> Signature<'static> {
        let n = self.commits.get();
        self.commits.set(n + 1);
        Signature::new("Ann", "ann@example.com", &Time::new(FIRST + n * HOUR, 0)).unwrap()
    }

    fn tree(&self, files: &[(&str, &str)]) -> Oid {
        let mut index = self.repo.index().unwrap();
        for (path, text) in files {
            let file = self.dir.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            index.add_path(Path::new(path)).unwrap();
        }
        index.write_tree().unwrap()
    }

    /// Commits on HEAD.
    fn commit(&self, message: &str, files: &[(&str, &str)]) -> Oid {
        let parents = self.repo.head().ok().and_then(|h| h.peel_to_commit().ok());
        let parents: Vec<_> = parents.into_iter().collect();
        let tree = self.repo.find_tree(self.tree(files)).unwrap();
        let who = self.who();
        let parents: Vec<_> = parents.iter().collect();
        self.repo.commit(Some("HEAD"), &who, &who, message, &tree, &parents).unwrap()
    }

    /// Commits whatever bytes on HEAD.
    fn raw(&self, header: &str, message: &[u8]) -> Oid {
        let parent = self.repo.head().unwrap().peel_to_commit().unwrap();
        let time = self.who().when().seconds();
        let mut bytes = format!(
            "tree {}\nparent {}\nauthor A <a@x> {time} +0000\ncommitter A <a@x> {time} +0000\n{header}\n",
            parent.tree_id(),
            parent.id()
        )
        .into_bytes();
        bytes.extend_from_slice(message);
        let oid = self.repo.odb().unwrap().write(ObjectType::Commit, &bytes).unwrap();
        let name = self.repo.head().unwrap().name().unwrap().to_owned();
        self.repo.reference(&name, oid, true, "raw").unwrap();
        oid
    }

    /// Loses an object.
    fn lose(&self, oid: Oid) {
        let hex = oid.to_string();
        let file = self.dir.path().join(".git/objects").join(&hex[..2]).join(&hex[2..]);
        fs::remove_file(file).unwrap();
    }
}

fn all(history: &History, query: &Query) -> Walked {
    history.walk(query, &[], &mut |_| Interest::Take)
}

fn subjects(walked: &Walked) -> Vec<&str> {
    walked.commits.iter().map(|c| c.subject.as_str()).collect()
}

#[test]
fn newest_first_with_files_and_only_what_is_new_the_next_time() {
    let world = World::new();
    world.commit("one", &[("a.rs", "let first_value = 1;\n")]);
    world.commit("two\n\nWhy.\n\nReviewed-by: Bo <bo@x>", &[("src/b.rs", "x\n")]);
    let history = world.open();
    let walked = all(&history, &Query::default());
    assert_eq!(subjects(&walked), ["two", "one"]);
    let two = &walked.commits[0];
    assert_eq!((two.body.as_str(), two.trailers[0].value.as_str()), ("Why.", "Bo <bo@x>"));
    assert_eq!((two.files.as_slice(), two.author.as_str()), (&["src/b.rs".to_owned()][..], "Ann"));
    assert_eq!(two.authored, Some(Timestamp((FIRST + HOUR) * 1000)));
    world.commit("three", &[("a.rs", "y\n")]);
    let next = Query { known: walked.heads.clone(), ..Query::default() };
    let walked = all(&history, &next);
    assert_eq!((subjects(&walked), walked.complete), (vec!["three"], true));
    let again = Query { known: walked.heads.clone(), ..Query::default() };
    assert_eq!(all(&history, &again).seen, 0);
}

#[test]
fn a_merged_branch_is_new_and_what_lies_behind_it_is_not() {
    let world = World::new();
    let base = world.commit("base", &[("a", "1\n")]);
    world.commit("main", &[("a", "2\n")]);
    let history = world.open();
    let known = all(&history, &Query::default()).heads;
    let (who, tree) = (world.who(), world.repo.find_tree(world.tree(&[("b", "x\n")])).unwrap());
    let base = world.repo.find_commit(base).unwrap();
    let side = world.repo.commit(None, &who, &who, "side", &tree, &[&base]).unwrap();
    let side = world.repo.find_commit(side).unwrap();
    let head = world.repo.head().unwrap().peel_to_commit().unwrap();
    let who = world.who();
    world.repo.commit(Some("HEAD"), &who, &who, "merge", &tree, &[&head, &side]).unwrap();
    let walked = all(&history, &Query { known, ..Query::default() });
    assert_eq!(subjects(&walked), ["merge", "side"]);
    assert_eq!(walked.commits[0].parents.len(), 2);
}

#[test]
fn bounds_in_number_date_and_time_are_counted() {
    let world = World::new();
    for n in 0..6 {
        world.commit(&format!("c{n}"), &[("a", &format!("{n}\n"))]);
    }
    let history = world.open();
    let few = all(&history, &Query { max_commits: 2, ..Query::default() });
    assert_eq!((subjects(&few), few.skipped["commit_beyond_limit"]), (vec!["c5", "c4"], 1));
    let since = Some(Timestamp((FIRST + 3 * HOUR) * 1000));
    let late = all(&history, &Query { since, ..Query::default() });
    assert_eq!((subjects(&late), late.skipped["commit_before_since"]), (vec!["c5", "c4", "c3"], 1));
    let none = all(&history, &Query { budget: Duration::ZERO, ..Query::default() });
    assert!(none.commits.is_empty() && !none.complete);
    assert_eq!(none.skipped["commit_beyond_time_limit"], 6);
}

#[test]
fn a_fix_is_tied_to_the_recent_commit_whose_lines_it_changes() {
    let world = World::new();
    let bad =
        world.commit("feat: retry", &[("a.rs", "fn retry() {\n    send_without_key(order)\n}\n")]);
    world.commit("docs", &[("b.md", "unrelated words here\n")]);
    world.commit(
        "chore: move",
        &[("a.rs", "// moved down\nfn retry() {\n    send_without_key(order)\n}\n")],
    );
    world.commit("fix: key", &[("a.rs", "// moved down\nfn retry() {\n    send(order, key)\n}\n")]);
    world.commit("fix: words", &[("c.rs", "let entirely_new = true;\n")]);
    let history = world.open();
    let walked = history.walk(&Query::default(), &[], &mut |c| {
        if c.subject.starts_with("fix") { Interest::Repair } else { Interest::Pass }
    });
    assert_eq!(subjects(&walked), ["fix: key"]);
    let about = walked.commits[0].about.as_ref().unwrap();
    assert_eq!(
        (about.sha.as_str(), about.subject.as_str()),
        (bad.to_string().as_str(), "feat: retry")
    );
    assert_eq!(about.diff, "-    send_without_key(order)\n+    send(order, key)\n");
    assert_eq!((walked.skipped["ordinary_commit"], walked.skipped["fix_of_older_lines"]), (3, 1));
    // Three weeks later it is nobody's slip any more.
    world.commits.set(world.commits.get() + 24 * 21);
    world.commit("fix: late", &[("b.md", "other words entirely\n")]);
    let late =
        history.walk(&Query { max_commits: 1, ..Query::default() }, &[], &mut |_| Interest::Repair);
    assert!(late.commits.is_empty());
}

#[test]
fn messages_name_commits_by_hash_or_subject() {
    let world = World::new();
    let bad = world.commit("add cache (#4)", &[("a", "1\n")]);
    world.commit("take it back", &[("a", "2\n")]);
    let history = world.open();
    for target in [
        Target::Sha(bad.to_string(), None),
        Target::Sha(bad.to_string()[..9].to_owned(), None),
        Target::Sha("0123456789abcdef".to_owned(), Some("add cache (#4)".to_owned())),
        Target::Subject("add cache".to_owned()),
    ] {
        let query = Query { max_commits: 1, ..Query::default() };
        let walked = history.walk(&query, &[], &mut |_| Interest::About(target.clone()));
        assert_eq!(walked.commits[0].about.as_ref().unwrap().sha, bad.to_string(), "{target:?}");
    }
    for target in [Target::Subject("never".to_owned()), Target::Sha("zz".to_owned(), None)] {
        let walked = history.walk(&Query::default(), &[], &mut |_| Interest::About(target.clone()));
        assert!(walked.commits.iter().all(|c| c.about.is_none()));
    }
}

#[test]
fn hostile_messages_are_cut_and_counted() {
    let world = World::new();
    world.commit("first", &[("a", "1\n")]);
    world.raw("", b"\x01\x02\x03\x04\x05\x06\x07\x08binary\0more");
    world.raw("", b"caf\xe9 \xff\xfe words\n\nbody \xc3\x28");
    world.raw("encoding ISO-8859-1\n", b"gr\xfcn");
    let mut long = b"long subject\n\n".to_vec();
    long.extend(std::iter::repeat_n(b'x', 10 * 1024 * 1024));
    long.extend(b"\n\nReviewed-by: Ann <a@x>\n");
    world.raw("", &long);
    world.raw("", b"");
    let walked = all(&world.open(), &Query::default());
    let told = subjects(&walked);
    assert_eq!(told[..3], ["", "long subject", "grün"]);
    assert!(told[3].contains("words") && told[4].is_empty());
    assert!(walked.commits[1].body.len() < 20_000);
    assert_eq!(walked.commits[1].trailers[0].key, "Reviewed-by");
    for kind in ["long_message_cut", "message_not_utf8", "binary_message"] {
        assert_eq!(walked.skipped[kind], 1, "{kind}");
    }
}

#[test]
fn odd_repositories_are_read_as_far_as_they_go() {
    let empty = World::new();
    let walked = all(&empty.open(), &Query::default());
    assert_eq!((walked.seen, walked.complete, empty.open().head()), (0, true, None));
    assert!(History::open(&empty.dir.path().join("none")).unwrap().is_none());
    let plain = tempfile::tempdir().unwrap();
    assert!(History::open(plain.path()).unwrap().is_none());

    let world = World::new();
    let first = world.commit("first", &[("a", "1\n")]);
    let second = world.commit("second", &[("a", "2\n")]);
    world.commit("third", &[("a", "3\n")]);
    world.repo.set_head_detached(second).unwrap();
    assert_eq!(subjects(&all(&world.open(), &Query::default())), ["second", "first"]);
    let bare = tempfile::tempdir().unwrap();
    git2::build::RepoBuilder::new()
        .bare(true)
        .clone(&world.dir.path().display().to_string(), bare.path())
        .unwrap();
    let bare = History::open(bare.path()).unwrap().unwrap();
    assert!(!all(&bare, &Query::default()).commits.is_empty());
    world.lose(first);
    let walked = all(&world.open(), &Query::default());
    assert_eq!((subjects(&walked), walked.skipped["missing_object"]), (vec!["second"], 1));
}

#[test]
fn a_shallow_clone_ends_where_it_is_cut() {
    let world = World::new();
    world.commit("first", &[("a", "1\n")]);
    let second = world.commit("second", &[("a", "2\n")]);
    world.commit("fix: third", &[("a", "3\n")]);
    let first = world.repo.find_commit(second).unwrap().parent_id(0).unwrap();
    fs::write(world.dir.path().join(".git/shallow"), format!("{second}\n")).unwrap();
    world.lose(first);
    let history = world.open();
    assert!(history.is_shallow());
    let walked = history.walk(&Query::default(), &[], &mut |_| Interest::Take);
    assert_eq!(subjects(&walked), ["fix: third", "second"]);
    assert!(history.line_dates("a", &["3", "gone"])[1].is_none());
}

#[test]
fn trees_and_blobs_that_are_missing_and_submodules_cost_only_themselves() {
    let world = World::new();
    world.commit("first", &[("a.rs", "let some_value = 1;\n")]);
    let second = world.commit("second", &[("a.rs", "let some_value = 2;\n")]);
    let tree = world.repo.find_commit(second).unwrap().tree().unwrap();
    let blob = tree.get_path(Path::new("a.rs")).unwrap().id();
    let mut builder = world.repo.treebuilder(Some(&tree)).unwrap();
    builder.insert("vendor", second, 0o160_000).unwrap();
    let with_module = world.repo.find_tree(builder.write().unwrap()).unwrap();
    let (who, parent) = (world.who(), world.repo.find_commit(second).unwrap());
    world.repo.commit(Some("HEAD"), &who, &who, "module", &with_module, &[&parent]).unwrap();
    let walked = all(&world.open(), &Query::default());
    assert_eq!(walked.commits[0].files, Vec::<String>::new());
    world.commit("fix: third", &[("a.rs", "let some_value = 3;\n")]);
    world.lose(blob);
    let walked = world.open().walk(&Query::default(), &[], &mut |_| Interest::Repair);
    assert_eq!(walked.skipped["fix_of_older_lines"], 4);
    world.lose(tree.id());
    assert_eq!(all(&world.open(), &Query::default()).commits.len(), 4);
}

#[test]
fn a_line_is_as_old_as_its_words() {
    let world = World::new();
    world.commit("one", &[("R.md", "- keep\n- old\n")]);
    world.commit("else", &[("x", "1\n")]);
    world.commit("two", &[("R.md", "# Head\n- new\n- keep\n")]);
    let dates = world.open().line_dates("R.md", &["- keep", "  - new", "- old", "- nowhere"]);
    let at = |hours: i64| Some(Timestamp((FIRST + hours * HOUR) * 1000));
    assert_eq!(dates, [at(0), at(2), None, None]);
    assert_eq!(world.open().line_dates("none.md", &["x"]), [None]);
    assert_eq!(World::new().open().line_dates("R.md", &["x"]), [None]);
}

#[test]
fn a_tree_that_unfolds_without_end_says_nothing_and_takes_no_memory() {
    let world = World::new();
    world.commit("begin", &[("a.rs", "let first = 1;\n")]);
    // Ten folders on each of nine levels, all the same few objects: 10^9 files.
    let mut inner = world.repo.blob(b"let x = 1;\n").unwrap();
    let mut mode = 0o100_644;
    for _ in 0..9 {
        let mut tree = world.repo.treebuilder(None).unwrap();
        for name in 0..10 {
            tree.insert(name.to_string(), inner, mode).unwrap();
        }
        (inner, mode) = (tree.write().unwrap(), 0o040_000);
    }
    let parent = world.repo.head().unwrap().peel_to_commit().unwrap();
    let tree = world.repo.find_tree(inner).unwrap();
    let who = world.who();
    world.repo.commit(Some("HEAD"), &who, &who, "fix: everything", &tree, &[&parent]).unwrap();
    let changes = super::changes::between(&world.repo, Some(parent.tree_id()), inner);
    assert!(changes.many && changes.files.len() <= super::changes::MAX_FILES);
    assert_eq!(all(&world.open(), &Query::default()).seen, 2);
    // Another branch's list of files ends too.
    let branches = crate::branch::Branches::open(world.dir.path()).unwrap();
    let head = world.repo.head().unwrap().target().unwrap().to_string();
    assert!(branches.files(&head).unwrap().len() <= 500_000);
}

#[test]
fn folders_that_become_files_are_both() {
    let world = World::new();
    let old = world.tree(&[("a/b.rs", "let b = 1;\n"), ("c", "let c = 1;\n"), ("same", "x\n")]);
    let repo = &world.repo;
    let blob = repo.blob(b"let a = 1;\n").unwrap();
    let mut tree = repo.treebuilder(Some(&repo.find_tree(old).unwrap())).unwrap();
    tree.insert("a", blob, 0o100_644).unwrap();
    tree.insert("c", blob, 0o120_000).unwrap();
    let changes = super::changes::between(repo, Some(old), tree.write().unwrap());
    let paths: Vec<_> = changes.files.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["a", "a/b.rs", "c"]);
    assert!(changes.files[1].new.is_zero() && changes.files[2].new.is_zero());
}

#[test]
fn every_work_tree_has_a_log_of_its_own() {
    let world = World::new();
    world.commit("begin", &[("a.rs", "let first = 1;\n")]);
    let git = world.repo.path().to_owned();
    assert_eq!(History::log(world.dir.path()), git.join("logs/HEAD"));
    let aside = tempfile::tempdir().unwrap();
    let linked = aside.path().join("feature");
    world.repo.worktree("feature", &linked, None).unwrap();
    assert_eq!(History::log(&linked), git.join("worktrees/feature/logs/HEAD"));
    assert_eq!(History::log(aside.path()), aside.path().join(".git/logs/HEAD"));
}

#[test]
fn a_time_beyond_all_years_is_none() {
    let world = World::new();
    let tree = world.tree(&[("CLAUDE.md", "Use tabs everywhere.\n")]);
    let who = "A <a@x> 99999999999999 +0000";
    let bytes = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nfar\n");
    let odb = world.repo.odb().unwrap();
    let commit = odb.write(ObjectType::Commit, bytes.as_bytes()).unwrap();
    world.repo.reference("refs/heads/far", commit, true, "").unwrap();
    world.repo.set_head("refs/heads/far").unwrap();
    let dates = world.open().line_dates("CLAUDE.md", &["Use tabs everywhere."]);
    assert_eq!(dates, [None]);
}

#[test]
fn what_went_away_is_followed_through_renames_and_since_when_is_known() {
    let world = World::new();
    let long: String = (0..20).map(|n| format!("let value_{n} = compute({n});\n")).collect();
    let first = world.commit("one", &[("src/a.rs", &long), ("gone.rs", "let lonely = true;\n")]);
    let rename = |from: &str, to: &str, text: &str, message: &str| {
        let mut index = world.repo.index().unwrap();
        index.remove_path(Path::new(from)).unwrap();
        index.write().unwrap();
        world.commit(message, &[(to, text)])
    };
    rename("src/a.rs", "lib/b.rs", &long, "moved as it is");
    let edited = long.replace("compute(3)", "guess(3)");
    let third = rename("lib/b.rs", "lib/c.rs", &edited, "moved and edited");
    let last = rename("gone.rs", "other.rs", "fn nothing_alike() {}\n", "gone");
    let history = world.open();
    let head = history.main_head().unwrap();
    assert_eq!(head, last.to_string());
    let paths = ["src/a.rs", "gone.rs", "never.rs"].map(str::to_owned);
    let fates = history.fates(&head, &paths, Duration::from_secs(5));
    let fate = |commit: Oid, to: Option<&str>| Fate {
        commit: commit.to_string(),
        to: to.map(str::to_owned),
    };
    assert_eq!(fates.get("src/a.rs"), Some(&fate(third, Some("lib/c.rs"))));
    assert_eq!(fates.get("gone.rs"), Some(&fate(last, None)));
    assert_eq!(fates.get("never.rs"), None);

    let old = history.blob_at(&first.to_string(), "src/a.rs").unwrap();
    assert!(history.has_blob(&old) && !history.has_blob("no hash"));
    assert_eq!(history.blob_at(&head, "src/a.rs"), None);
    assert_eq!(history.blob_at(&head, "lib"), None);
    let since = history.since(&head, "lib/c.rs", Duration::from_secs(5), &mut |_| false);
    assert_eq!(since, Some(third.to_string()));
    let line = history.timeline(&head, Timestamp((FIRST + HOUR) * 1000 + 1));
    assert_eq!(line.len(), 3, "{line:?}");
}

#[test]
fn only_plain_files_of_the_work_tree_are_read() {
    let world = World::new();
    world.commit("one", &[("a.rs", "fn a() {}\n")]);
    let history = world.open();
    let (blob, bytes) = history.work_file("a.rs").unwrap();
    assert_eq!(Some(blob), history.blob_at(&history.main_head().unwrap(), "a.rs"));
    assert_eq!(bytes, b"fn a() {}\n");
    for path in ["../a.rs", "/etc/passwd", ".git/config", "", ".", "none.rs"] {
        assert_eq!(history.work_file(path), None, "{path}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/passwd", world.dir.path().join("link")).unwrap();
        std::os::unix::fs::symlink("/etc", world.dir.path().join("etc")).unwrap();
        assert_eq!(history.work_file("link"), None);
        assert_eq!(history.work_file("etc/passwd"), None);
    }
    fs::write(world.dir.path().join("a.rs"), vec![b'x'; MAX_FILE as usize + 1]).unwrap();
    assert_eq!(history.work_file("a.rs"), None);
    assert_eq!(World::new().open().main_head(), None);
}
