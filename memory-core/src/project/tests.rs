//! Folders that come, go, move and change, made with real repositories.

use std::fs;
use std::path::{Path, PathBuf};

use git2::Repository;
use tempfile::TempDir;

use super::*;

/// A home and a folder to make projects in.
struct Place {
    dir: TempDir,
    home: Home,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home(dir.path().join("home"));
        Self { dir, home }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn repo(&self, name: &str, text: &str) -> Repository {
        let repo = Repository::init(self.path(name)).unwrap();
        commit(&repo, text);
        repo
    }

    fn id(&self, path: &Path) -> String {
        self.home.resolve(path).unwrap().id
    }

    fn id_of(&self, name: &str) -> String {
        self.id(&self.path(name))
    }
}

/// Commits on HEAD; the text makes the commit unlike any other.
fn commit(repo: &Repository, text: &str) {
    let who = git2::Signature::now("t", "t@example.com").unwrap();
    let tree = repo.find_tree(repo.index().unwrap().write_tree().unwrap()).unwrap();
    let parent = repo.head().ok().and_then(|h| h.peel_to_commit().ok());
    let parents: Vec<_> = parent.iter().collect();
    repo.commit(Some("HEAD"), &who, &who, text, &tree, &parents).unwrap();
}

/// Makes the repository what `git clone --depth 1` leaves.
fn cut_off(repo: &Repository) {
    let head = repo.head().unwrap().peel_to_commit().unwrap().id();
    fs::write(repo.path().join("shallow"), format!("{head}\n")).unwrap();
}

const API: &str = "git@example.com:acme/api.git";

#[test]
fn worktrees_clones_and_subfolders_share_one_memory() {
    let place = Place::new();
    let repo = place.repo("main", "first");
    repo.worktree("tree", &place.path("tree"), None).unwrap();
    let main = place.path("main");
    Repository::clone(main.to_str().unwrap(), place.path("copy")).unwrap();
    fs::create_dir(main.join("sub")).unwrap();
    let id = place.id_of("main");
    assert_eq!(place.id_of("tree"), id);
    assert_eq!(place.id(&main.join("sub")), id);
    assert_eq!(place.id_of("copy"), id);
    let tree = place.home.resolve(&place.path("tree")).unwrap();
    assert_eq!(tree.name, "main");
    assert!(tree.worktrees.contains(&fs::canonicalize(&main).unwrap()), "{tree:?}");
}

#[test]
fn a_folder_keeps_its_memory_through_init_first_commit_remote_and_rename() {
    let place = Place::new();
    let id = place.id(&place.folder("a"));
    let repo = Repository::init(place.path("a")).unwrap();
    assert_eq!(place.id_of("a"), id, "git init");
    commit(&repo, "first");
    assert_eq!(place.id_of("a"), id, "first commit");
    repo.remote("origin", API).unwrap();
    assert_eq!(place.id_of("a"), id, "remote");
    fs::rename(place.path("a"), place.path("b")).unwrap();
    assert_eq!(place.id_of("b"), id, "rename");
    let clone = Repository::clone(place.path("b").to_str().unwrap(), place.path("c")).unwrap();
    clone.remote_set_url("origin", API).unwrap();
    assert_eq!(place.id_of("c"), id, "a clone of the same remote");
}

#[test]
fn steps_that_no_command_saw_lose_nothing() {
    let place = Place::new();
    // Init and first commit at once.
    let id = place.id(&place.folder("a"));
    let repo = place.repo("a", "first");
    assert_eq!(place.id_of("a"), id);
    // Remote and rename at once.
    repo.remote("origin", API).unwrap();
    fs::rename(place.path("a"), place.path("b")).unwrap();
    assert_eq!(place.id_of("b"), id);
}

#[test]
fn a_first_commit_that_is_amended_is_the_same_project() {
    let place = Place::new();
    let repo = place.repo("a", "frist");
    let id = place.id_of("a");
    let head = repo.head().unwrap().peel_to_commit().unwrap();
    head.amend(Some("HEAD"), None, None, None, Some("first"), None).unwrap();
    assert_eq!(place.id_of("a"), id);
    fs::rename(place.path("a"), place.path("b")).unwrap();
    assert_eq!(place.id_of("b"), id, "the new root was noticed");
}

#[test]
fn a_renamed_folder_keeps_its_memory() {
    let place = Place::new();
    place.repo("old", "first");
    let id = place.id_of("old");
    fs::rename(place.path("old"), place.path("new")).unwrap();
    assert_eq!(place.id_of("new"), id);
    // The old place is free for another project, and the first one stays what it is.
    place.repo("old", "other");
    assert_ne!(place.id_of("old"), id);
    assert_eq!(place.id_of("new"), id);
}

#[test]
fn a_shallow_clone_is_the_project_before_and_after_its_history_comes() {
    let place = Place::new();
    let repo = place.repo("a", "first");
    commit(&repo, "second");
    repo.remote("origin", API).unwrap();
    cut_off(&repo);
    let id = place.id_of("a");
    fs::remove_file(repo.path().join("shallow")).unwrap();
    assert_eq!(place.id_of("a"), id, "unshallowed");
    // A full clone, and another shallow one.
    for (name, cut) in [("full", false), ("cut", true)] {
        let clone = Repository::clone(place.path("a").to_str().unwrap(), place.path(name)).unwrap();
        clone.remote_set_url("origin", API).unwrap();
        if cut {
            cut_off(&clone);
        }
        assert_eq!(place.id_of(name), id, "{name}");
    }
}

#[test]
fn a_shallow_clone_without_a_remote_is_known_by_its_commit() {
    let place = Place::new();
    let repo = place.repo("a", "first");
    commit(&repo, "second");
    cut_off(&repo);
    let id = place.id_of("a");
    commit(&repo, "third");
    assert_eq!(place.id_of("a"), id);
    fs::rename(place.path("a"), place.path("b")).unwrap();
    assert_eq!(place.id_of("b"), id);
    fs::remove_file(place.path("b/.git/shallow")).unwrap();
    assert_eq!(place.id_of("b"), id);
}

#[test]
fn another_repository_at_the_same_path_is_another_project() {
    let place = Place::new();
    place.repo("a", "first");
    let first = place.id_of("a");
    // Only the repository is replaced, so the folder's age tells nothing.
    fs::remove_dir_all(place.path("a/.git")).unwrap();
    Repository::init(place.path("a")).unwrap();
    let unborn = place.id_of("a");
    assert_ne!(unborn, first, "before its first commit");
    fs::remove_dir_all(place.path("a")).unwrap();
    place.repo("a", "other");
    let second = place.id_of("a");
    assert_ne!(second, first);
    assert_eq!(place.id_of("a"), second, "and stays so");
}

#[test]
fn a_folder_made_again_before_its_first_commit_is_another_project() {
    let place = Place::new();
    Repository::init(place.path("a")).unwrap();
    let first = place.id_of("a");
    if Facts::of(&fs::canonicalize(place.path("a")).unwrap()).born.is_none() {
        return; // This file system does not tell when a folder was made.
    }
    fs::remove_dir_all(place.path("a")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    place.repo("a", "other");
    let second = place.id_of("a");
    assert_ne!(second, first);
    // Outside git, the path is all there is.
    let plain = place.id(&place.folder("p"));
    fs::remove_dir(place.path("p")).unwrap();
    assert_eq!(place.id(&place.folder("p")), plain);
}

#[test]
fn forks_of_one_template_are_told_apart() {
    let place = Place::new();
    place.repo("template", "first");
    let mut ids = Vec::new();
    for name in ["x", "y"] {
        let fork =
            Repository::clone(place.path("template").to_str().unwrap(), place.path(name)).unwrap();
        fork.remote_set_url("origin", &format!("https://example.com/{name}")).unwrap();
        ids.push(place.id_of(name));
    }
    assert_ne!(ids[0], ids[1]);
    // One remote that changes its address is still the same clone.
    let x = Repository::open(place.path("x")).unwrap();
    x.remote_set_url("origin", "https://example.com/renamed").unwrap();
    assert_eq!(place.id_of("x"), ids[0]);
}

#[test]
fn a_look_into_an_empty_folder_does_not_cut_it_off_from_its_memory() {
    let place = Place::new();
    let known = place.repo("known", "first");
    known.remote("origin", API).unwrap();
    let id = place.id_of("known");
    Repository::init(place.path("a")).unwrap();
    assert_ne!(place.id_of("a"), id);
    let a = Repository::open(place.path("a")).unwrap();
    a.remote("origin", API).unwrap();
    assert_eq!(place.id_of("a"), id);
}

#[test]
fn folders_outside_git_are_told_apart() {
    let place = Place::new();
    let (a, b) = (place.folder("a"), place.folder("b"));
    assert_ne!(place.id(&a), place.id(&b));
    assert!(place.home.resolve(&place.path("c")).is_err());
}

#[test]
fn a_table_of_the_first_version_is_read() {
    let place = Place::new();
    let repo = place.repo("a", "first");
    let root = repo.head().unwrap().peel_to_commit().unwrap().id();
    let git = fs::canonicalize(repo.path()).unwrap();
    fs::create_dir_all(place.home.0.join("projects")).unwrap();
    let old = serde_json::json!({ "version": 1, "projects": {
        format!("dir:{}", git.display()): "0123456789abcdef",
        format!("git:#{root}"): "0123456789abcdef",
    }});
    fs::write(place.home.table_path(), old.to_string()).unwrap();
    assert_eq!(place.id_of("a"), "0123456789abcdef");
    fs::rename(place.path("a"), place.path("b")).unwrap();
    assert_eq!(place.id_of("b"), "0123456789abcdef");
}

#[test]
fn a_newer_table_is_read_and_never_written_and_a_damaged_one_is_kept() {
    let place = Place::new();
    let path = place.home.table_path();
    let a = place.folder("a");
    let id = place.id(&a);
    let newer = fs::read_to_string(&path).unwrap().replace("\"version\": 2", "\"version\": 3");
    fs::write(&path, &newer).unwrap();
    assert_eq!(place.id(&a), id);
    place.id(&place.folder("b"));
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    fs::write(&path, "{ half a tab").unwrap();
    assert_eq!(place.id(&a), id);
    assert!(path.with_extension("damaged.json").exists());
}

#[test]
fn a_home_that_cannot_be_written_still_finds_the_project() {
    let place = Place::new();
    place.repo("a", "first");
    let id = place.id_of("a");
    fs::rename(place.path("a"), place.path("b")).unwrap();
    // Binds the superuser too: a folder stands where the lock file should be.
    let lock = place.home.0.join("projects/aliases.lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let before = fs::read(place.home.table_path()).unwrap();
    let found = place.home.find(&place.path("b")).unwrap();
    assert_eq!(found.project.id, id);
    assert!(matches!(found.trouble, Some(TableTrouble::Unrecorded(_))), "{found:?}");
    assert!(place.home.resolve(&place.path("b")).is_err());
    assert_eq!(fs::read(place.home.table_path()).unwrap(), before);
}

#[test]
fn a_home_that_cannot_be_read_is_said_to_be_so() {
    let place = Place::new();
    let a = place.folder("a");
    fs::write(&place.home.0, "a file").unwrap();
    let found = place.home.find(&a).unwrap();
    assert!(matches!(found.trouble, Some(TableTrouble::Unread(_))), "{found:?}");
}

#[test]
fn looking_in_passing_finds_the_same_project_and_records_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home(dir.path().join("cemem"));
    let folder = dir.path().join("plain");
    std::fs::create_dir(&folder).unwrap();
    let seen = home.look(&folder).unwrap();
    assert!(!home.0.exists(), "a look leaves nothing behind");
    assert_eq!(home.resolve(&folder).unwrap(), seen);
    assert_eq!(home.look(&folder).unwrap(), seen);
    assert!(home.look(&dir.path().join("gone")).is_err());
}

#[test]
fn a_path_is_named_from_the_innermost_work_tree() {
    let place = Place::new();
    let repo = place.folder("repo").canonicalize().unwrap();
    let inner = place.folder("repo/.worktrees/x").canonicalize().unwrap();
    place.folder("repo/src");
    let project = Project {
        id: "p".into(),
        name: "repo".into(),
        root: inner.clone(),
        worktrees: vec![repo.clone(), inner.clone()],
    };
    let inside = |path: PathBuf| project.inside(&path);
    assert_eq!(inside(inner.join("src/a.rs")).as_deref(), Some("src/a.rs"));
    assert_eq!(inside(repo.join("src/./b/../a.rs")).as_deref(), Some("src/a.rs"));
    assert_eq!(inside(repo.join("../elsewhere/a.rs")), None);
    assert_eq!(inside(repo.clone()), None, "the root is no file");
    #[cfg(unix)]
    {
        let link = place.path("link");
        std::os::unix::fs::symlink(&repo, &link).unwrap();
        assert_eq!(inside(link.join("src/new.rs")).as_deref(), Some("src/new.rs"));
    }
}
