//! A home or a store that may be read and not written.
//!
//! Owns the promise that what can be read is read, that nothing is written on the way, and that what
//! cannot be read is an error and not an empty answer. Permissions do not bind the superuser, so the
//! program runs as somebody else where the tests run as root.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use cemem_tests::{Output, TestEnv};

/// The user that owns nothing.
const NOBODY: u32 = 65_534;
const LESSON: &str = "Rotate the tide tables every quarter.";

/// A home that was written to and is now sealed.
struct Sealed {
    env: TestEnv,
}

impl Sealed {
    fn new(prepare: impl FnOnce(&TestEnv)) -> Self {
        let env = TestEnv::without_runtime();
        prepare(&env);
        let sealed = Self { env };
        if sealed.is_root() {
            // `git` and cemem trust only what the user owns.
            sealed
                .each(sealed.env.root(), &|path| chown(path, Some(NOBODY), Some(NOBODY)).unwrap());
        }
        sealed.set_writable(false);
        sealed
    }

    fn is_root(&self) -> bool {
        fs::metadata("/proc/self").map_or_else(|_| false, |meta| meta.uid() == 0)
    }

    fn each(&self, path: &Path, visit: &dyn Fn(&Path)) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                self.each(&entry.unwrap().path(), visit);
            }
        }
        visit(path);
    }

    fn set_writable(&self, writable: bool) {
        let home = self.env.cemem_home();
        if !home.exists() {
            return;
        }
        self.each(&home, &|path| {
            let mode = match (path.is_dir(), writable) {
                (true, true) => 0o700,
                (true, false) => 0o500,
                (false, true) => 0o600,
                (false, false) => 0o400,
            };
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        });
    }

    fn cemem(&self, args: &[&str]) -> Output {
        let mut command = self.env.command(args);
        if self.is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        self.env.run(&mut command, None)
    }

    /// Everything in the home, to see that nothing changed.
    fn content(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let found = std::cell::RefCell::new(BTreeMap::new());
        self.each(&self.env.cemem_home(), &|path| {
            let bytes = if path.is_file() { fs::read(path).unwrap() } else { Vec::new() };
            found.borrow_mut().insert(path.to_owned(), bytes);
        });
        found.into_inner()
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        self.set_writable(true);
    }
}

fn read_all(sealed: &Sealed) {
    let before = sealed.content();
    let list = sealed.cemem(&["lessons", "list", "--json"]).success().json();
    let id = list["lessons"][0]["id"].as_str().unwrap();
    assert!(sealed.cemem(&["lessons", "show", id]).success().stdout.contains(LESSON));
    assert!(sealed.cemem(&["lessons", "history"]).success().stdout.contains("remember"));
    assert!(sealed.cemem(&["export"]).success().stdout.contains(LESSON));
    let recall = sealed.cemem(&["recall", "tide tables", "--no-semantic"]).success();
    assert!(recall.stdout.contains(LESSON), "{}", recall.stderr);
    assert_eq!(sealed.content(), before, "nothing was written");
}

#[test]
fn a_sealed_home_is_read_and_not_written() {
    let sealed = Sealed::new(|env| {
        env.cemem(["remember", LESSON]).success();
        env.cemem(["recall", "tide tables"]).success();
    });
    read_all(&sealed);
    let refused = sealed.cemem(&["remember", "Something new."]).fails_with(1);
    assert!(refused.stderr.contains("hint"), "{}", refused.stderr);
    let doctor = sealed.cemem(&["doctor"]).fails_with(1);
    let text = &doctor.stdout;
    assert!(text.contains("home        BAD") && text.contains("CEMEM_HOME"), "{text}");
    assert!(text.contains("1 lessons (1 active)") && text.contains("read-only"), "{text}");
}

#[test]
fn a_sealed_home_whose_index_is_behind_or_missing_is_searched_all_the_same() {
    read_all(&Sealed::new(|env| drop(env.cemem(["remember", LESSON]).success())));
    read_all(&Sealed::new(|env| {
        env.cemem(["remember", "Something else."]).success();
        env.cemem(["recall", "something"]).success();
        env.cemem(["lessons", "undo"]).success();
        env.cemem(["remember", LESSON]).success();
    }));
}

#[test]
fn a_sealed_home_finds_the_project_of_a_folder_it_has_not_met() {
    let sealed = Sealed::new(|env| {
        env.cemem(["remember", "Known elsewhere."]).success();
        fs::remove_dir(env.project()).unwrap();
        fs::create_dir(env.root().join("new")).unwrap();
        std::os::unix::fs::symlink("new", env.project()).unwrap();
    });
    let before = sealed.content();
    let list = sealed.cemem(&["lessons", "list"]).success();
    assert!(list.stdout.is_empty() && list.stderr.contains("no lessons"), "{}", list.stderr);
    let recall = sealed.cemem(&["recall", "anything", "--no-semantic"]).success();
    assert!(recall.stderr.contains("no lessons yet"), "{}", recall.stderr);
    let refused = sealed.cemem(&["remember", "Something new."]).fails_with(1);
    assert!(refused.stderr.contains("aliases"), "{}", refused.stderr);
    let doctor = sealed.cemem(&["doctor"]).fails_with(1);
    assert!(doctor.stdout.contains("project     BAD"), "{}", doctor.stdout);
    assert_eq!(sealed.content(), before, "nothing was written");
}

#[test]
fn doctor_explains_a_home_that_is_no_folder() {
    let env = TestEnv::new();
    fs::write(env.cemem_home(), "a file").unwrap();
    let doctor = env.cemem(["doctor"]).fails_with(1);
    let text = &doctor.stdout;
    assert!(text.contains("home        BAD") && text.contains("project     BAD"), "{text}");
    let json = env.cemem(["doctor", "--json"]).fails_with(1).json();
    assert_eq!(json["ok"], false);
    for args in [&["lessons", "list"][..], &["recall", "x"], &["export"], &["remember", "x"]] {
        let output = env.cemem(args).fails_with(1);
        assert!(output.stderr.contains("doctor"), "{args:?}: {}", output.stderr);
    }
}

#[test]
fn doctor_explains_a_store_that_cannot_be_used() {
    let env = TestEnv::new();
    env.cemem(["remember", LESSON]).success();
    let store = env.store_path();
    fs::write(&store, [7_u8; 8192]).unwrap();
    for side in ["-wal", "-shm"] {
        let path = PathBuf::from(format!("{}{side}", store.display()));
        if path.exists() {
            fs::remove_file(path).unwrap();
        }
    }
    let doctor = env.cemem(["doctor"]).fails_with(1);
    let text = &doctor.stdout;
    assert!(text.contains("store       BAD") && text.contains("damaged"), "{text}");
    assert!(text.contains("home        ok"), "{text}");
    env.cemem(["lessons", "list"]).fails_with(22);
    // A file where the project's folder should be.
    let folder = store.parent().unwrap();
    fs::remove_dir_all(folder).unwrap();
    fs::write(folder, "a file").unwrap();
    let doctor = env.cemem(["doctor"]).fails_with(1);
    assert!(doctor.stdout.contains("store       BAD"), "{}", doctor.stdout);
    env.cemem(["lessons", "list"]).fails_with(1);
}
