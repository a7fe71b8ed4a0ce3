//! Which folders share a memory, with repositories made by git itself.
//!
//! Owns the road a project takes through its life: no git, init, first commit, remote, rename, clone,
//! shallow clone, deleted and made again. Must not use the network: remotes are only named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cemem_tests::TestEnv;

const REMOTE: &str = "https://git.example.com/tern/ledger.git";
const LESSON: &str = "Run the ledger migration before the tests.";

/// A folder of the test and what can be done in it.
struct Folder<'a> {
    env: &'a TestEnv,
    path: PathBuf,
}

impl<'a> Folder<'a> {
    fn new(env: &'a TestEnv, name: &str) -> Self {
        let path = env.root().join(name);
        fs::create_dir_all(&path).unwrap();
        Self { env, path }
    }

    /// A repository with one commit, which no other repository has.
    fn repository(env: &'a TestEnv, name: &str) -> Self {
        let folder = Self::new(env, name);
        folder.git(&["init", "-q"]);
        folder.commit(&format!("first of {name}"));
        folder
    }

    fn clone_of(source: &Self, name: &str, more: &[&str]) -> Self {
        let url = format!("file://{}", source.path.display());
        let path = source.env.root().join(name);
        let mut args = vec!["clone", "-q"];
        args.extend(more);
        args.extend([url.as_str(), path.to_str().unwrap()]);
        source.git(&args);
        Self { env: source.env, path }
    }

    #[expect(clippy::disallowed_methods, reason = "repositories as git makes them")]
    fn git(&self, args: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(&self.path)
            .env("HOME", self.env.home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {output:?}");
    }

    fn commit(&self, text: &str) {
        self.git(&["commit", "-q", "--allow-empty", "-m", text]);
    }

    fn add_remote(&self) {
        self.git(&["remote", "add", "origin", REMOTE]);
    }

    fn run(&self, args: &[&str]) -> String {
        let output = self.env.run(self.env.command(args).current_dir(&self.path), None);
        output.success().stdout
    }

    fn remember(&self) {
        self.run(&["remember", LESSON]);
    }

    #[track_caller]
    fn knows(&self, when: &str) {
        let list = self.run(&["lessons", "list"]);
        assert!(list.contains(LESSON), "{when}: {list}");
    }

    #[track_caller]
    fn knows_nothing(&self, when: &str) {
        assert_eq!(self.run(&["lessons", "list"]), "", "{when}");
    }

    fn renamed(self, name: &str) -> Self {
        let path = self.env.root().join(name);
        fs::rename(&self.path, &path).unwrap();
        Self { env: self.env, path }
    }

    /// Deletes the folder and waits until one made again is told apart by its age.
    fn deleted(&self) {
        fs::remove_dir_all(&self.path).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn what_was_remembered_before_git_init_stays() {
    let env = TestEnv::new();
    let folder = Folder::new(&env, "ledger");
    folder.remember();
    folder.git(&["init", "-q"]);
    folder.knows("after git init");
    folder.commit("first");
    folder.knows("after the first commit");
    folder.add_remote();
    folder.knows("after the remote");
    folder.renamed("renamed").knows("after the rename");
}

#[test]
fn what_was_remembered_before_the_first_commit_stays() {
    let env = TestEnv::new();
    let folder = Folder::new(&env, "ledger");
    folder.git(&["init", "-q"]);
    folder.remember();
    folder.commit("first");
    folder.knows("after the first commit");
    folder.renamed("renamed").knows("after the rename");
}

#[test]
fn a_remote_added_later_changes_nothing() {
    let env = TestEnv::new();
    let folder = Folder::repository(&env, "ledger");
    folder.remember();
    folder.add_remote();
    let folder = folder.renamed("renamed");
    folder.knows("remote and rename with no command in between");
    folder.git(&["remote", "set-url", "origin", "https://git.example.com/tern/books.git"]);
    folder.knows("the remote has another address");
    folder.renamed("again").knows("renamed once more");
}

#[test]
fn a_renamed_folder_keeps_its_memory_without_a_remote() {
    let env = TestEnv::new();
    let folder = Folder::repository(&env, "ledger");
    folder.remember();
    folder.renamed("renamed").knows("after the rename");
}

#[test]
fn worktrees_and_clones_of_one_remote_share_a_memory() {
    let env = TestEnv::new();
    let folder = Folder::repository(&env, "ledger");
    folder.add_remote();
    folder.remember();
    let tree = env.root().join("tree");
    folder.git(&["worktree", "add", "-q", tree.to_str().unwrap()]);
    Folder { env: &env, path: tree }.knows("in a work tree");
    let clone = Folder::clone_of(&folder, "clone", &[]);
    clone.git(&["remote", "set-url", "origin", "git@git.example.com:tern/ledger.git"]);
    clone.knows("in a clone over another protocol");
}

#[test]
fn a_shallow_clone_keeps_its_memory_when_its_history_comes() {
    let env = TestEnv::new();
    let source = Folder::repository(&env, "source");
    source.commit("second");
    let shallow = Folder::clone_of(&source, "shallow", &["--depth", "1"]);
    shallow.git(&["remote", "rename", "origin", "local"]);
    shallow.add_remote();
    shallow.remember();
    shallow.git(&["fetch", "-q", "--unshallow", "local"]);
    shallow.knows("after unshallow");
    let full = Folder::clone_of(&source, "full", &[]);
    full.git(&["remote", "set-url", "origin", REMOTE]);
    full.knows("in a full clone");
    let other = Folder::clone_of(&source, "other", &["--depth", "1"]);
    other.git(&["remote", "set-url", "origin", REMOTE]);
    other.knows("in another shallow clone");
}

#[test]
fn another_repository_at_the_same_path_starts_empty() {
    let env = TestEnv::new();
    let folder = Folder::repository(&env, "ledger");
    folder.remember();
    folder.deleted();
    let other = Folder::new(&env, "ledger");
    other.git(&["init", "-q"]);
    other.knows_nothing("before its first commit");
    other.commit("something else");
    other.knows_nothing("after its first commit");
    // And back: the first one comes from somewhere else.
    other.deleted();
    Folder::new(&env, "ledger").knows_nothing("a folder without git");
}

#[test]
fn a_clone_at_the_path_of_another_repository_starts_empty() {
    let env = TestEnv::new();
    let folder = Folder::repository(&env, "ledger");
    folder.add_remote();
    folder.remember();
    let aside = Folder::clone_of(&folder, "aside", &[]);
    aside.git(&["remote", "set-url", "origin", REMOTE]);
    folder.deleted();
    let source = Folder::repository(&env, "books");
    Folder::clone_of(&source, "ledger", &[]).knows_nothing("another project");
    aside.knows("the clone of the first one");
}

#[test]
fn the_folder_of_a_bare_repository_and_its_work_trees_are_one() {
    let env = TestEnv::new();
    let source = Folder::repository(&env, "source");
    let bare = Folder::clone_of(&source, "ledger.git", &["--bare"]);
    bare.remember();
    let tree: &Path = &env.root().join("tree");
    bare.git(&["worktree", "add", "-q", tree.to_str().unwrap()]);
    Folder { env: &env, path: tree.to_owned() }.knows("in its work tree");
    source.knows("in the repository it was cloned from: one root commit, no remote");
}
