//! A full disk, a locked store, a folder that may not be written.
//!
//! Owns the promise that nothing acknowledged is lost and that the error says what to do.

use std::fs;

use cemem_tests::TestEnv;
use rusqlite::{Connection, TransactionBehavior};

/// Runs `cemem` as if the disk took no file longer than `blocks` × 512 bytes.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "a limit can only be set by the shell")]
fn with_small_disk(env: &TestEnv, blocks: u32, args: &[&str]) -> std::process::Output {
    let inner = env.command(args);
    let mut shell = std::process::Command::new("/bin/sh");
    // The signal is ignored so that the write fails the way it does on a full disk.
    shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""));
    shell.arg(inner.get_program()).args(inner.get_args()).current_dir(env.project()).env_clear();
    for (name, value) in inner.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.output().unwrap()
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_reported_and_costs_nothing_that_was_acknowledged() {
    let env = TestEnv::new();
    env.cemem(["remember", "Written while there was room."]).success();
    let sessions = env.write_sessions();
    let blocks = u32::try_from(fs::metadata(env.store_path()).unwrap().len() / 512).unwrap() + 16;
    let output = with_small_disk(&env, blocks, &["ingest", sessions.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("memory.db"), "{error}");

    let list = env.cemem(["lessons", "list"]).success();
    assert!(list.stdout.contains("Written while there was room."), "{}", list.stdout);
    let whole = env.cemem(["ingest", sessions.to_str().unwrap(), "--json"]).success().json();
    let fresh = TestEnv::new();
    let want = fresh.cemem(["ingest", fresh.write_sessions().to_str().unwrap(), "--json"]);
    let events = want.success().json()["events_new"].as_u64().unwrap();
    assert!(whole["events_new"].as_u64().unwrap() <= events, "{whole}");
    let total = env.cemem(["doctor", "--json"]).json();
    let stored: u64 =
        total["counts"]["events"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(stored, events, "the second run makes up for the first");
}

#[test]
fn a_locked_store_is_busy_to_writers_and_open_to_readers() {
    let env = TestEnv::new();
    env.cemem(["remember", "Before the lock."]).success();
    let mut other = Connection::open(env.store_path()).unwrap();
    let lock = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let found = env.cemem(["recall", "before the lock", "--no-semantic"]).success();
    assert!(found.stdout.contains("Before the lock."), "{}", found.stdout);
    let refused = env.cemem(["remember", "During the lock."]).fails_with(20);
    assert!(
        refused.stderr.contains("busy") && refused.stderr.contains("hint"),
        "{}",
        refused.stderr
    );
    drop(lock);
    env.cemem(["remember", "After the lock."]).success();
}

#[cfg(unix)]
#[test]
fn a_home_that_may_not_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let env = TestEnv::new();
    let home = env.root().join("sealed");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o500)).unwrap();
    // The superuser may write anywhere: then there is nothing to see.
    let sealed = fs::write(home.join("probe"), b"").is_err();
    let output = env.run(env.command(["remember", "x"]).env("CEMEM_HOME", &home), None);
    if sealed {
        let output = output.fails_with(1);
        assert!(output.stderr.contains("sealed"), "{}", output.stderr);
    }
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error_of_the_output() {
    let env = TestEnv::new();
    // More than any buffer on the way holds.
    let lines: String =
        (0..200).map(|n| format!("{{\"rule\":\"Berth {n} is free.\"}}\n")).collect();
    env.write("in.jsonl", lines);
    env.cemem(["import", "in.jsonl"]).success();
    let lists: [&[&str]; 3] =
        [&["lessons", "list"], &["lessons", "list", "--json"], &["export", "-o", "/dev/full"]];
    for args in lists {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = env.run(env.command(args).stdout(full), None).fails_with(1);
        assert!(output.stderr.contains("cannot write"), "{args:?}: {}", output.stderr);
        assert!(!output.stderr.contains("internal"), "{args:?}: {}", output.stderr);
    }
}
