//! Normalised transcripts, and checkpoints on a branch.

use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::{Clock, EventKind, Store};
use git2::{Repository, Signature};
use serde_json::json;

use super::{ROW, Transcript};
use crate::discover::{Places, discover};
use crate::pipeline::{IngestOptions, Input, ingest};
use crate::redact::Redactor;
use crate::report::{NoProgress, Report};
use crate::sources::testing::{read, read_path, samples};

const ROWS: &str = include_str!("../../../fixtures/entire/transcript.jsonl");

#[test]
fn rows_are_prompts_calls_and_what_people_refused() {
    let found = read(&Transcript, "s1", ROWS);
    assert_eq!(found.sessions[0].0.id, "s1");
    assert_eq!(
        found.told(),
        [
            "u1 prompt: fix the test",
            "m1 agent: Let me run it.",
            "m1 call Bash [] cargo test ",
            "m1 result Some(false) Some(101) Exit code 101\nFAILED",
            "m2 call Edit [\"/w/a.rs\"] - x",
            "m2 rejected User keep the old name",
            "m2 call Read [\"/w/b.rs\"] - {\"file_path\":\"/w/b.rs\"}",
            "1 interrupt false",
            "m3 call Bash [] cargo test ",
            "m3 result None None ok",
            "2 prompt: no, use tabs",
        ]
    );
    assert_eq!((found.skipped["injected"], found.skipped["empty"]), (2, 1));
}

#[test]
fn a_refusal_inside_output_is_nobodys() {
    let said = "The user doesn't want to proceed with this tool use. the user said:\nnever";
    let row = |status: &str, output: &str| {
        let call = json!({"type": "tool_use", "id": "t", "name": "Read", "input": {},
            "result": {"output": output, "status": status}});
        let row = json!({"v": 1, "agent": "a", "type": "assistant", "ts": "", "content": [call]});
        read(&Transcript, "s", &format!("{row}\n")).told().pop().unwrap()
    };
    assert!(row("success", said).contains("result Some(true)"));
    assert!(row("error", &format!("cat:\n{said}")).contains("result Some(false)"));
}

#[test]
fn torn_and_odd_rows_are_read() {
    for cut in (0..ROWS.len()).filter(|n| ROWS.is_char_boundary(*n)) {
        read(&Transcript, "s", &ROWS[..cut]);
    }
    let odd = [
        json!({"v": 1, "agent": "a", "type": "user", "content": [1, {}, {"text": 2}]}),
        json!({"v": 1, "agent": "a", "type": "assistant", "content": [{"type": "tool_use", "id": "t",
            "input": 7, "result": {"output": {"a": 1}, "status": 3}}]}),
        json!({"type": "x", "content": {}}),
    ];
    for row in odd {
        assert!(read(&Transcript, "s", &format!("{row}\n")).errors.is_empty());
    }
}

#[test]
fn genuine_transcripts_are_read() {
    let Some(folder) = samples("entire-compact") else { return };
    let files = walkdir::WalkDir::new(folder.path()).sort_by_file_name().into_iter();
    let files = files.map(Result::unwrap).filter(|f| f.file_type().is_file());
    let mut counted = Vec::new();
    for file in files {
        let found = read_path(file.path());
        assert!(found.errors.is_empty(), "{:?} {:?}", file.path(), found.errors);
        let count =
            |is: fn(&EventKind) -> bool| found.events().iter().filter(|e| is(&e.kind)).count();
        counted.push((
            count(|k| matches!(k, EventKind::UserPrompt { .. })),
            count(|k| matches!(k, EventKind::ToolCall { .. })),
            count(|k| matches!(k, EventKind::ToolResult { .. })),
            count(|k| matches!(k, EventKind::ToolResult { ok: Some(false), .. })),
        ));
    }
    // Counted with jq; prompts are the texts of users less those that harnesses sent.
    assert_eq!(
        counted,
        [(2, 108, 108, 3), (3, 156, 137, 6), (77, 1277, 1277, 4), (76, 1262, 1262, 4)]
    );
}

/// A repository whose checkpoints are read into a store.
struct World {
    repo: Repository,
    root: PathBuf,
    store: Store,
    _dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("app");
        let repo = Repository::init(&root).unwrap();
        let store = Store::open(&dir.path().join("s.db"), Clock::System).unwrap();
        Self { repo, root: root.canonicalize().unwrap(), store, _dir: dir }
    }

    /// Adds a checkpoint to a reference.
    fn checkpoint(&self, reference: &str, folder: &str, files: &[(&str, &str)]) {
        let parent = self.repo.find_reference(reference).ok().map(|r| r.peel_to_commit().unwrap());
        let base = parent.as_ref().map(|c| c.tree().unwrap());
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (name, text) in files {
            let blob = self.repo.blob(text.as_bytes()).unwrap();
            update.upsert(format!("{folder}/{name}"), blob, git2::FileMode::Blob);
        }
        let empty = self.repo.treebuilder(None).unwrap().write().unwrap();
        let base = base.unwrap_or_else(|| self.repo.find_tree(empty).unwrap());
        let tree = update.create_updated(&self.repo, &base).unwrap();
        let tree = self.repo.find_tree(tree).unwrap();
        let who = Signature::now("t", "t@example.com").unwrap();
        let parents: Vec<_> = parent.iter().collect();
        self.repo.commit(Some(reference), &who, &who, "c", &tree, &parents).unwrap();
    }

    /// Reads what discovery finds.
    fn ingest(&mut self) -> Report {
        let roots = vec![self.root.clone()];
        let places = Places { roots: roots.clone(), ..Places::default() };
        let inputs: Vec<Input> = discover(&places).into_iter().map(Input::from).collect();
        let redactor = Redactor::new();
        let options =
            IngestOptions { redactor: &redactor, progress: &NoProgress, roots: &roots, threads: 1 };
        ingest(&mut self.store, &inputs, &options).unwrap()
    }
}

fn meta(session: &str, created: &str) -> String {
    json!({"session_id": session, "created_at": created, "branch": "dev", "agent": "Gemini CLI"})
        .to_string()
}

/// Rows as Claude Code writes them.
fn claude(said: &[&str]) -> String {
    let row = |(n, text): (usize, &&str)| {
        let row = json!({"type": "user", "sessionId": "c1", "uuid": format!("u{n}"), "cwd": "/x",
            "timestamp": format!("2026-01-02T03:04:0{n}.000Z"), "message": {"role": "user", "content": text}});
        format!("{row}\n")
    };
    said.iter().enumerate().map(row).collect()
}

#[test]
fn checkpoints_are_read_from_the_branch_by_the_engines_readers() {
    let mut world = World::new();
    assert_eq!(world.ingest().files, 0);
    let v1 = "refs/heads/entire/checkpoints/v1";
    let (early, late) = (claude(&["one"]), claude(&["one", "two"]));
    world.checkpoint(
        v1,
        "ab/cdef/0",
        &[("full.jsonl", &early), ("metadata.json", &meta("c1", "2026-01-02T03:00:00+01:00"))],
    );
    world.checkpoint(
        v1,
        "cd/ef01/0",
        &[
            ("full.jsonl", &late),
            ("transcript.jsonl", ROWS),
            ("metadata.json", &meta("c1", "2026-01-02T02:30:00Z")),
        ],
    );
    let own = "refs/entire/checkpoints/ab/01J";
    world.checkpoint(own, "0", &[("transcript.jsonl", ROWS), ("metadata.json", &meta("e1", ""))]);
    let report = world.ingest();
    assert_eq!((report.files_read, report.error_count), (2, 0), "{report:?}");
    assert_eq!((report.formats["claude-code"], report.formats["entire"]), (1, 1));
    let sessions = world.store.dirty_sessions().unwrap();
    assert!(sessions.is_empty(), "extracted: {sessions:?}");
    assert_eq!(report.events_new, 2 + 11);
    // Nothing new, then a longer session.
    let report = world.ingest();
    assert_eq!((report.files, report.files_read, report.events_new), (2, 0, 0));
    let more = claude(&["one", "two", "three"]);
    world.checkpoint(
        v1,
        "ef/0123/0",
        &[("full.jsonl", &more), ("metadata.json", &meta("c1", "2026-01-02T04:00:00Z"))],
    );
    let report = world.ingest();
    assert_eq!((report.files_read, report.events_new), (1, 1));
    assert!(!world.root.join("ab").exists());
}

#[test]
fn a_checkpoint_that_lost_its_transcript_does_not_hide_the_one_before() {
    let mut world = World::new();
    let v1 = "refs/heads/entire/checkpoints/v1";
    let (early, late) = (claude(&["one"]), claude(&["one", "two"]));
    for (folder, text, at) in [("a/0", &early, "01"), ("b/0", &late, "02")] {
        let meta = meta("c1", &format!("2026-01-{at}T00:00:00Z"));
        world.checkpoint(v1, folder, &[("full.jsonl", text), ("metadata.json", &meta)]);
    }
    let lost = world.repo.blob(late.as_bytes()).unwrap().to_string();
    fs::remove_file(world.root.join(".git/objects").join(&lost[..2]).join(&lost[2..])).unwrap();
    let report = world.ingest();
    assert_eq!((report.files_read, report.events_new), (1, 1), "{report:?}");
    assert_eq!(report.skipped["missing_transcript"], 1);
}

#[test]
fn packed_references_and_other_branches() {
    let mut world = World::new();
    world.checkpoint("refs/heads/main", "0", &[("full.jsonl", &claude(&["no checkpoint"]))]);
    assert_eq!(world.ingest().files_read, 0);
    world.checkpoint(
        "refs/remotes/origin/entire/checkpoints/v1",
        "ab/c/0",
        &[("full.jsonl", &claude(&["one"])), ("metadata.json", "{torn")],
    );
    let git = world.root.join(".git");
    let loose = git.join("refs/remotes/origin/entire/checkpoints/v1");
    let id = fs::read_to_string(&loose).unwrap();
    fs::remove_file(&loose).unwrap();
    let line = format!("{} refs/remotes/origin/entire/checkpoints/v1\n", id.trim());
    fs::write(git.join("packed-refs"), format!("# pack-refs with: peeled fully-peeled \n{line}"))
        .unwrap();
    let places = Places { roots: vec![world.root.clone()], ..Places::default() };
    let found: Vec<_> = (ROW.find)(&places).into_iter().map(|f| f.path).collect();
    assert_eq!(found, [git.join("packed-refs")]);
    let report = world.ingest();
    assert_eq!((report.files_read, report.events_new), (1, 1), "{report:?}");
    assert!((ROW.find)(&Places { roots: vec![Path::new("/nowhere").into()], ..places }).is_empty());
}
