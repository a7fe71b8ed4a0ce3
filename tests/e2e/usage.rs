//! Help, version and wrong usage.
//!
//! Owns the outer shell of the command line. Must not need a store.

use cemem_tests::TestEnv;

#[test]
fn help_names_every_command_and_version_is_the_crates() {
    let env = TestEnv::new();
    let help = env.cemem(["--help"]).success();
    for command in
        ["ingest", "recall", "remember", "review", "lessons", "sync", "export", "import", "doctor"]
    {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}\n{}", help.stdout);
    }
    let version = env.cemem(["--version"]).success();
    assert_eq!(version.stdout, format!("cemem {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_is_exit_2_and_leaves_stdout_empty() {
    let env = TestEnv::new();
    for arguments in [&["fly"][..], &["recall"], &["recall", "x", "--no-such-flag"]] {
        let output = env.cemem(arguments).fails_with(2);
        assert!(output.stdout.is_empty(), "{arguments:?}: {}", output.stdout);
        assert!(output.stderr.contains("Usage"), "{arguments:?}: {}", output.stderr);
    }
    assert!(!env.cemem_home().exists(), "a wrong command line creates nothing");
}

#[test]
fn alone_it_tells_the_state_and_what_to_do_next() {
    let env = TestEnv::new();
    let first = env.cemem::<&str>([]).success();
    assert!(!env.cemem_home().exists(), "to look is not to begin a memory");
    assert!(first.stdout.contains("next       `cemem ingest`"), "{}", first.stdout);
    env.cemem(["remember", "Use tabs."]).success();
    let then = env.cemem::<&str>([]).success();
    assert!(then.stdout.contains("1 are recalled, 0 wait"), "{}", then.stdout);
    assert!(then.stdout.lines().count() <= 10, "{}", then.stdout);
    assert_eq!(env.cemem(["--json"]).success().json()["delivered"], 1);
}

#[test]
fn shells_and_manuals_know_every_command() {
    let env = TestEnv::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = env.cemem(["completions", shell]).success().stdout;
        assert!(script.contains("remember") && script.contains("nothing-to-learn"), "{shell}");
    }
    env.cemem(["man", "pages"]).success();
    assert!(
        env.read("pages/cemem.1").contains("cemem\\-recall(1)"),
        "{}",
        env.read("pages/cemem.1")
    );
    assert!(env.read("pages/cemem-recall.1").contains("budget"));
}

#[test]
fn a_slip_is_answered_with_what_was_probably_meant() {
    let env = TestEnv::without_runtime();
    let id = env.cemem(["remember", "Use tabs.", "--json"]).success().json()["id"].clone();
    let id = id.as_str().unwrap();
    let last = if id.ends_with('0') { "1" } else { "0" };
    let slip = format!("{}{last}", &id[..id.len() - 1]);
    let answer = env.cemem(["lessons", "show", &slip]).fails_with(1);
    let hint = format!("hint: did you mean `{id}` (Use tabs.)?");
    assert!(answer.stderr.contains(&hint), "{}", answer.stderr);
    let other = env.cemem(["lessons", "show", "zzzzzz"]).fails_with(1);
    assert!(other.stderr.contains("lessons list --status all"), "{}", other.stderr);

    let answer = env.cemem(["--project", "../projct", "lessons", "list"]).fails_with(1);
    let hint = "hint: did you mean `--project $TEST_ENV/project`?";
    assert!(answer.stderr.contains(hint), "{}", answer.stderr);
    let other = env.cemem(["--project", "/nowhere/else", "lessons", "list"]).fails_with(1);
    assert!(!other.stderr.contains("did you mean"), "{}", other.stderr);
}

/// Where `make` would say it: `cargo run -p cemem-cli --example reference > docs/cli.md`.
#[test]
fn the_committed_reference_is_that_of_this_program() {
    let made = cemem_cli::commands::reference::markdown();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(made.contains("\n## cemem lessons feedback\n"), "{made}");
    assert!(
        made == committed,
        "docs/cli.md is old: cargo run -p cemem-cli --example reference > docs/cli.md\n{made}"
    );
}

#[test]
fn every_command_answers_in_json_and_without_colour() {
    let env = TestEnv::without_runtime();
    env.cemem(["remember", "Use tabs in Makefiles.", "--path", "Makefile"]).success();
    env.write("in.jsonl", "{\"rule\":\"Use spaces in YAML.\"}\n");
    env.write("CLAUDE.md", "# Notes\n");
    let commands: [&[&str]; 19] = [
        &[],
        &["init", "--engine", "claude-code", "--yes", "--no-ingest"],
        &["ingest"],
        &["consolidate"],
        &["recall", "tabs in Makefiles"],
        &["find", "tabs in Makefiles"],
        &["remember", "Use spaces in Python."],
        &["review"],
        &["gate", "--no-ingest"],
        &["lessons", "list"],
        &["lessons", "history"],
        &["lessons", "unlearn"],
        &["sync"],
        &["import", "in.jsonl"],
        &["stats"],
        &["doctor"],
        &["doctor", "--engines"],
        &["completions", "bash"],
        &["man", "pages"],
    ];
    for command in commands {
        let output = env.cemem(command.iter().chain(&["--json"]));
        let object = output.json();
        let version = object.get("version").or_else(|| object.get("schema_version"));
        assert_eq!(version, Some(&1.into()), "{command:?}: {object}");
    }
    for command in [&["--help"][..], &["recall", "tabs"], &["fly"], &["review"], &["doctor"]] {
        let output = env.cemem(command);
        assert!(
            !output.stdout.contains('\u{1b}') && !output.stderr.contains('\u{1b}'),
            "{command:?}"
        );
    }
}
