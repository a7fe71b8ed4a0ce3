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
