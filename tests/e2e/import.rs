//! What other memory programs kept, from their files to review.
//!
//! Owns the road of `import`. Must not test what each format says; the readers' own tests do.

use std::path::PathBuf;

use cemem_tests::TestEnv;

const CLAUDE_MEM: &str = include_str!("../../ingest/src/memories/fixtures/claude-mem.sql");
const GRAPH: &str = include_str!("../../ingest/src/memories/fixtures/memory.jsonl");
const NOTE: &str = include_str!("../../ingest/src/memories/fixtures/note.md");

/// Makes a database beside the project.
fn database(env: &TestEnv, name: &str, sql: &str) -> PathBuf {
    let path = env.root().join(name);
    rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    path
}

#[test]
fn a_database_is_read_once_and_waits_for_review() {
    let env = TestEnv::without_runtime();
    let db = database(&env, "claude-mem.db", CLAUDE_MEM);
    let bytes = std::fs::read(&db).unwrap();
    let db = db.to_str().unwrap();

    let dry = env.cemem(["import", db, "--dry-run"]).success();
    assert!(
        dry.stdout.ends_with(
            "8 memories of claude-mem read: 5 would be imported, 0 unchanged, 3 skipped\n"
        ),
        "{}",
        dry.stdout
    );
    assert!(dry.stdout.contains("Open one connection pool"), "{}", dry.stdout);
    assert_eq!(env.cemem(["lessons", "list", "--status", "all"]).success().stdout, "");

    let first = env.cemem(["import", db]).success();
    insta::assert_snapshot!(first.stable(), @"
    8 memories of claude-mem read: 5 imported, 0 unchanged, 3 skipped
    --- stderr
    skipped: 1 of another project
    skipped: 1 what was done, not what was learned
    skipped: 1 without words
    1 of them read like an order to an agent: `cemem review` shows them
    nobody here has said so yet: `cemem review` decides about them
    ");
    let again = env.cemem(["import", db, "--json"]).success().json();
    assert_eq!(
        (&again["imported"], &again["unchanged"], &again["program"]),
        (&0.into(), &5.into(), &"claude-mem".into())
    );
    // Nothing of it is delivered before somebody says so, and the pass leaves it as it is.
    env.cemem(["ingest"]).success();
    let all = env.cemem(["lessons", "list", "--status", "all", "--json"]).success().json();
    let all = all["lessons"].as_array().unwrap();
    assert_eq!(all.len(), 5);
    assert!(
        all.iter().all(|l| l["status"] == "candidate" || l["status"] == "quarantined"),
        "{all:?}"
    );
    assert!(!serde_json::to_string(all).unwrap().contains("s3cr3tpassw0rd"));
    assert_eq!(
        env.cemem(["recall", "connection pool", "--json"]).success().json()["nothing_relevant"],
        true
    );
    let id = all.iter().find(|l| l["title"] == "Pool ran dry").unwrap()["id"].as_str().unwrap();
    env.cemem(["review", "--accept", id]).success();
    let found = env.cemem(["recall", "connection pool", "--json"]).success().json();
    assert_eq!(found["results"][0]["evidence"][0]["engine"], "import:claude-mem");
    // What a person decided stays decided.
    env.cemem(["import", db]).success();
    assert_eq!(
        env.cemem(["recall", "connection pool", "--json"]).success().json()["results"][0]["id"],
        id
    );

    assert_eq!(std::fs::read(db).unwrap(), bytes, "the database is as it was");
    let beside = std::fs::read_dir(env.root()).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("claude-mem.db-")
    });
    assert_eq!(beside.count(), 0);
}

#[test]
fn of_another_project_only_when_asked() {
    let env = TestEnv::without_runtime();
    let db = database(&env, "m.db", &CLAUDE_MEM.replace("'project'", "'tidepool'"));
    let db = db.to_str().unwrap();
    let none = env.cemem(["import", db]).fails_with(1);
    assert!(none.stderr.contains("claude-mem keeps nothing of this project"), "{}", none.stderr);
    assert!(none.stderr.contains("tidepool (7), other (1)"), "{}", none.stderr);
    let other = env.cemem(["import", db, "--from", "other"]).success();
    assert!(other.stdout.contains("1 imported"), "{}", other.stdout);
}

#[test]
fn a_project_of_which_nothing_is_of_use_is_no_other_project() {
    let env = TestEnv::without_runtime();
    let sql = "CREATE TABLE sdk_sessions (a);
        CREATE TABLE observations (project TEXT, type TEXT, title TEXT);
        INSERT INTO observations VALUES ('project', 'feature', 'Added a page');";
    let db = database(&env, "diary.db", sql);
    let read = env.cemem(["import", db.to_str().unwrap()]).success();
    assert!(
        read.stdout.contains("1 memories of claude-mem read: 0 imported, 0 unchanged, 1 skipped"),
        "{}",
        read.stdout
    );
    assert!(read.stderr.contains("what was done"), "{}", read.stderr);
}

#[test]
fn texts_are_told_by_their_content() {
    let env = TestEnv::without_runtime();
    // A line that is cut off is named, and the rest goes in.
    env.write("memory.json", GRAPH);
    let graph = env.cemem(["import", "memory.json"]).fails_with(1);
    assert!(graph.stdout.contains("memories of mcp-memory read: 3 imported"), "{}", graph.stdout);
    assert!(graph.stderr.contains("line 5"), "{}", graph.stderr);
    let piped = env.cemem_with_input(["import", "-"], GRAPH).fails_with(1);
    assert!(piped.stdout.contains("0 imported, 3 unchanged"), "{}", piped.stdout);
    // A folder of notes, and one of them.
    env.write("notes/a/invoices.md", NOTE);
    env.write("notes/plain.md", "# Nothing\n");
    let notes = env.cemem(["import", "notes"]).success();
    assert!(notes.stdout.contains("memories of basic-memory read: 2 imported"), "{}", notes.stdout);
    assert!(notes.stderr.contains("skipped: 1 files that are no note"), "{}", notes.stderr);
    let note = env.cemem(["import", "notes/a/invoices.md"]).success();
    assert!(note.stdout.contains("0 imported, 2 unchanged"), "{}", note.stdout);
    // Rules of an editor go the way of `ingest`.
    let rule = "---\ndescription: Style\nglobs: src/**\nalwaysApply: false\n---\n- Always use tabs in Makefiles.\n";
    let path = env.write(".cursor/rules/style.mdc", rule);
    let read = env.cemem(["import", path.to_str().unwrap()]).success();
    assert!(read.stdout.contains("event"), "{}", read.stdout);
    let hint = env.cemem(["import", path.to_str().unwrap(), "--dry-run"]).fails_with(1);
    assert!(hint.stderr.contains("cemem ingest"), "{}", hint.stderr);
}

#[test]
fn what_is_nobodys_is_named() {
    let env = TestEnv::without_runtime();
    let db = database(&env, "other.db", "CREATE TABLE t (a); INSERT INTO t VALUES (1);");
    let unknown = env.cemem(["import", db.to_str().unwrap()]).fails_with(1);
    assert!(unknown.stderr.contains("no program that is known"), "{}", unknown.stderr);
    assert!(
        unknown.stderr.contains("claude-mem, basic-memory, mcp-memory-service"),
        "{}",
        unknown.stderr
    );
    // One of a newer version that lacks what is asked for.
    let newer =
        "CREATE TABLE sdk_sessions (a); CREATE TABLE observations (uuid TEXT, payload TEXT);
        INSERT INTO observations VALUES ('u', '{}');";
    let newer = database(&env, "newer.db", newer);
    let none = env.cemem(["import", newer.to_str().unwrap()]).success();
    assert!(
        none.stdout.contains("1 memories of claude-mem read: 0 imported, 0 unchanged, 1 skipped"),
        "{}",
        none.stdout
    );
    env.write("broken.db", "SQLite format 3\0 and nothing more");
    let broken = env.cemem(["import", "broken.db"]).fails_with(1);
    assert!(broken.stderr.contains("cannot read the database"), "{}", broken.stderr);
    env.cemem(["import", "missing.db"]).fails_with(1);
}
