//! What is dropped is taken once, whole, and never lost.

use std::thread;

use cemem_core::Timestamp;

use super::*;

const RULE: &str = r#"{"cemem":1,"kind":"rule","text":"Keep tide times in UTC."}"#;

struct World {
    root: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { root: tempfile::tempdir().unwrap() };
        fs::create_dir_all(world.inbox()).unwrap();
        world
    }

    fn inbox(&self) -> PathBuf {
        self.root.path().join(INBOX)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.inbox().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Takes `later` seconds from now.
    fn take(&self, later: i64) -> Taken {
        let now = Clock::System.now().0 + later * 1000;
        take(&[self.root.path().to_owned()], Clock::Fixed(Timestamp(now)))
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.inbox().join(folder)) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

#[test]
fn good_files_are_done_and_bad_ones_rejected_with_the_reason() {
    let world = World::new();
    world.put("a.json", RULE);
    world.put("list.json", &format!("[\n  {RULE},\n  {RULE}\n]\n"));
    world.put("b.jsonl", &format!("{RULE}\n{{\"cemem\":1,\"kind\":\"rumour\",\"text\":\"x\"}}\n"));
    world.put("c.json", r#"{"cemem":1,"kind":"rule","text":" "}"#);
    world.put("d.json", r#"{"cemem":7,"kind":"rule","text":"x"}"#);
    world.put("e.json", r#"{"cemem":1,"kind":"rule","txt":"x","text":"y"}"#);
    world.put("f.json", r#"{"cemem":1,"kind":"outcome","command":"make"}"#);
    world.put("notes.txt", "left alone");
    world.put(".hidden.json", "left alone");
    let taken = world.take(0);
    assert_eq!(world.names("done"), ["a.json", "list.json"]);
    assert_eq!(taken.errors, []);
    assert_eq!(taken.rejected.len(), 5);
    let reason =
        |name: &str| fs::read_to_string(world.inbox().join("rejected").join(name)).unwrap();
    assert!(reason("b.jsonl.reason.txt").contains("line 2: unknown variant `rumour`"));
    assert!(reason("c.json.reason.txt").contains("`text` is empty"));
    assert!(reason("d.json.reason.txt").contains("version 7"));
    assert!(reason("e.json.reason.txt").contains("unknown field `txt`"));
    assert!(reason("f.json.reason.txt").contains("needs `ok`"));
    assert_eq!(world.names("claimed"), Vec::<String>::new());
    assert!(
        world.inbox().join("notes.txt").exists() && world.inbox().join(".hidden.json").exists()
    );
    assert_eq!(world.take(0), Taken::default());
}

#[test]
fn half_a_file_is_waited_for_but_not_for_ever() {
    let world = World::new();
    let path = world.put("a.json", &RULE[..RULE.len() - 9]);
    world.put("empty.jsonl", "");
    assert_eq!(world.take(0).waiting.len(), 2);
    fs::write(&path, RULE).unwrap();
    let taken = world.take(0);
    assert_eq!((taken.done.len(), taken.waiting.len()), (1, 1));
    let late = world.take(60);
    assert_eq!(late.rejected[0].1, "no event in it");
    world.put("cut.json", "{\"cemem\":1,");
    assert!(world.take(60).rejected[0].1.contains("EOF"));
}

#[test]
fn a_claim_of_a_run_that_died_is_taken_by_the_next() {
    let world = World::new();
    world.put("claimed/a.json", RULE);
    world.put("claimed/b.json", "{}");
    let taken = world.take(0);
    assert_eq!((world.names("done"), taken.rejected.len()), (vec!["a.json".to_owned()], 1));
}

#[test]
fn the_same_name_again_replaces_nothing() {
    let world = World::new();
    for n in 1..=3 {
        world.put("a.json", &RULE.replace("UTC", &format!("UTC+{n}")));
        world.take(0);
    }
    assert_eq!(world.names("done"), ["a-2.json", "a-3.json", "a.json"]);
}

#[test]
fn many_takers_at_once_take_each_file_once() {
    let world = World::new();
    for n in 0..60 {
        world.put(&format!("{n}.json"), &RULE.replace("UTC", &format!("UTC+{n}")));
    }
    let taken: Vec<Taken> = thread::scope(|scope| {
        let takers: Vec<_> = (0..4).map(|_| scope.spawn(|| world.take(0))).collect();
        takers.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let done: Vec<_> =
        taken.iter().flat_map(|t| &t.done).chain(&world.take(0).done).cloned().collect();
    assert_eq!(done.len(), 60);
    assert_eq!(world.names("done").len(), 60);
    assert!(taken.iter().all(|t| t.errors.is_empty()));
}

#[cfg(unix)]
#[test]
fn nothing_outside_the_project_is_moved() {
    use std::os::unix::fs::symlink;
    let elsewhere = tempfile::tempdir().unwrap();
    let theirs = elsewhere.path().join("theirs.json");
    fs::write(&theirs, "{}").unwrap();
    // The inbox, then its parent, then a file in it is a link that leads out.
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join(".cemem")).unwrap();
    symlink(elsewhere.path(), root.path().join(INBOX)).unwrap();
    assert_eq!(take(&[root.path().to_owned()], Clock::System), Taken::default());
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(elsewhere.path().join("inbox")).unwrap();
    fs::write(elsewhere.path().join("inbox/theirs.json"), "{}").unwrap();
    symlink(elsewhere.path(), root.path().join(".cemem")).unwrap();
    assert_eq!(take(&[root.path().to_owned()], Clock::System), Taken::default());
    let world = World::new();
    symlink(&theirs, world.inbox().join("link.json")).unwrap();
    assert_eq!(world.take(0), Taken::default());
    // A lock of ours is no link to a file of theirs.
    let lock = world.inbox().join(".lock");
    let made = elsewhere.path().join("made");
    symlink(&made, &lock).unwrap();
    world.put("a.json", RULE);
    assert_eq!(world.take(0).errors.len(), 1);
    assert!(!made.exists());
    fs::remove_file(lock).unwrap();
    // Where taken files would go is a link as well: nothing goes there.
    symlink(elsewhere.path(), world.inbox().join("done")).unwrap();
    world.put("a.json", RULE);
    assert_eq!(world.take(0).errors.len(), 1);
    assert!(world.inbox().join("a.json").exists());
    assert!(theirs.exists() && elsewhere.path().join("inbox/theirs.json").exists());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 2);
}
