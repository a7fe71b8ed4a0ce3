//! The managed block: only inside its markers, nothing unasked, `--check` for CI.

use cemem_tests::TestEnv;

const CLAUDE: &str = "# Tidepool\r\n\r\nRead docs/ first.\r\n";

#[test]
fn sync_creates_no_file_unasked() {
    let env = TestEnv::new();
    env.cemem(["remember", "Use tabs."]).success();
    let output = env.cemem(["sync"]).fails_with(1);
    assert!(output.stderr.contains("--file CLAUDE.md"), "{}", output.stderr);
    assert_eq!(std::fs::read_dir(env.project()).unwrap().count(), 0);
    env.cemem(["sync", "--file", "CLAUDE.md"]).success();
    assert!(env.read("CLAUDE.md").contains("Use tabs."));
}

#[test]
fn the_block_is_added_kept_and_checked() {
    let env = TestEnv::new();
    env.write("CLAUDE.md", CLAUDE);
    env.write("AGENTS.md", "agents\n");
    env.cemem(["remember", "Use tabs."]).success();
    env.cemem(["sync", "--check"]).fails_with(1);
    let dry = env.cemem(["sync", "--dry-run"]).success();
    assert!(dry.stdout.contains("+- Use tabs."), "{}", dry.stdout);
    assert_eq!(env.read("CLAUDE.md"), CLAUDE, "a dry run writes nothing");

    env.cemem(["sync"]).success();
    let written = env.read("CLAUDE.md");
    assert!(written.starts_with(CLAUDE) && written.contains("- Use tabs. [L-"), "{written}");
    assert!(written.matches('\n').count() == written.matches("\r\n").count(), "CRLF is kept");
    assert!(env.read("AGENTS.md").contains("Use tabs."));
    env.cemem(["sync", "--check"]).success();
    let again = env.cemem(["sync"]).success();
    assert!(again.stdout.is_empty(), "{}", again.stdout);
    assert_eq!(env.read("CLAUDE.md"), written);
}

#[test]
fn hand_edits_and_broken_markers_stop_it() {
    let env = TestEnv::new();
    env.write("CLAUDE.md", "# x\n");
    env.cemem(["remember", "Use tabs."]).success();
    env.cemem(["sync"]).success();
    let edited = env.read("CLAUDE.md").replace("Use tabs.", "Use spaces.");
    env.write("CLAUDE.md", &edited);
    let refused = env.cemem(["sync"]).fails_with(1);
    assert!(refused.stderr.contains("edited by hand"), "{}", refused.stderr);
    assert_eq!(env.read("CLAUDE.md"), edited);
    env.cemem(["sync", "--force"]).success();
    assert!(env.read("CLAUDE.md").contains("Use tabs."));

    let cut = env.read("CLAUDE.md").replace("<!-- cemem:end -->", "");
    env.write("CLAUDE.md", &cut);
    let refused = env.cemem(["sync", "--force"]).fails_with(1);
    assert!(refused.stderr.contains("CLAUDE.md: line 3"), "{}", refused.stderr);
    assert_eq!(env.read("CLAUDE.md"), cut);
}

#[cfg(unix)]
#[test]
fn links_and_includes_are_served_once() {
    let env = TestEnv::new();
    env.write("AGENTS.md", "agents\n");
    std::os::unix::fs::symlink("AGENTS.md", env.project().join("CLAUDE.md")).unwrap();
    env.cemem(["remember", "Use tabs."]).success();
    env.cemem(["sync"]).success();
    assert_eq!(env.read("AGENTS.md").matches("cemem:begin").count(), 1);
    assert!(env.project().join("CLAUDE.md").is_symlink());

    std::fs::remove_file(env.project().join("CLAUDE.md")).unwrap();
    env.write("CLAUDE.md", "@AGENTS.md\n");
    env.cemem(["sync"]).success();
    assert_eq!(env.read("CLAUDE.md"), "@AGENTS.md\n");
}

#[test]
fn files_that_include_each_other_are_served_once() {
    let env = TestEnv::new();
    let files = ["CLAUDE.md", ".claude/CLAUDE.md", "AGENTS.md"];
    env.cemem(["remember", "Use tabs."]).success();
    for (texts, written) in [
        // In a circle: the one that tools without includes read.
        (["@AGENTS.md\n", "", "@CLAUDE.md\n"], vec!["AGENTS.md"]),
        (["@./AGENTS.md for everyone\n", "@../CLAUDE.md\n", "agents\n"], vec!["AGENTS.md"]),
        (["claude\n", "@../CLAUDE.md\n", ""], vec!["CLAUDE.md"]),
        (["@.claude/CLAUDE.md\n", "@../CLAUDE.md\n", ""], vec![".claude/CLAUDE.md"]),
        // Itself, and only quoted: nobody else serves it.
        (["@CLAUDE.md\n```\n@AGENTS.md\n```\n", "", "agents\n"], vec!["CLAUDE.md", "AGENTS.md"]),
    ] {
        for (file, text) in files.iter().zip(texts) {
            let path = env.project().join(file);
            if text.is_empty() {
                let _missing = std::fs::remove_file(path);
            } else {
                env.write(file, text);
            }
        }
        env.cemem(["sync"]).success();
        let has = |file: &&str| {
            env.project().join(file).exists() && env.read(file).contains("cemem:begin")
        };
        let found: Vec<&str> = files.into_iter().filter(|f| has(f)).collect();
        assert_eq!(found, written, "{texts:?}");
        env.cemem(["sync", "--check"]).success();
    }
}

#[test]
fn other_agents_files_are_kept_too_and_a_rule_for_cursor_always_holds() {
    let env = TestEnv::new();
    env.write(".cursor/rules/style.mdc", "---\nglobs: \"*.rs\"\n---\nShort lines.\n");
    env.write("GEMINI.md", "# Tidepool\n");
    env.write(".github/copilot-instructions.md", "Be brief.\n");
    env.cemem(["remember", "Use tabs."]).success();
    env.cemem(["sync", "--file", ".cursor/rules/cemem.mdc"]).success();
    let rule = env.read(".cursor/rules/cemem.mdc");
    assert!(
        rule.starts_with("---\ndescription: Project memory\nalwaysApply: true\n---\n"),
        "{rule}"
    );
    env.cemem(["sync"]).success();
    for file in ["GEMINI.md", ".github/copilot-instructions.md", ".cursor/rules/cemem.mdc"] {
        assert!(env.read(file).contains("- Use tabs. [L-"), "{file}");
    }
    assert!(!env.read(".cursor/rules/style.mdc").contains("Use tabs."));
    env.cemem(["sync", "--check"]).success();
}

#[cfg(unix)]
#[test]
fn a_new_file_is_for_the_team() {
    use std::os::unix::fs::PermissionsExt as _;
    let env = TestEnv::new();
    env.cemem(["remember", "Use tabs."]).success();
    env.cemem(["sync", "--file", "CLAUDE.md"]).success();
    let mode =
        |path| std::fs::metadata(env.project().join(path)).unwrap().permissions().mode() & 0o777;
    env.write("plain", "");
    assert_eq!(mode("CLAUDE.md"), mode("plain") & 0o644);
}

#[test]
fn a_rule_that_stands_in_the_file_is_known_and_not_repeated() {
    let env = TestEnv::new();
    let rule = "Never hold the tide cache lock across an await point.";
    let file = format!("# Tidepool\n\n- {rule}\n");
    env.write("CLAUDE.md", &file);
    env.cemem(["ingest"]).success();
    let list = env.cemem(["lessons", "list", "--json"]).success().json();
    assert_eq!(
        (&list["lessons"][0]["rule"], &list["lessons"][0]["status"]),
        (&rule.into(), &"active".into())
    );
    let found = env.cemem(["recall", "hold the tide cache lock across await", "--json"]);
    assert_eq!(found.success().json()["results"][0]["rule"], rule);
    env.cemem(["sync"]).success();
    assert_eq!(env.read("CLAUDE.md"), file);
    env.cemem(["remember", "Use tabs."]).success();
    env.cemem(["sync"]).success();
    let written = env.read("CLAUDE.md");
    assert!(written.contains("Use tabs.") && written.matches(rule).count() == 1, "{written}");
    env.cemem(["ingest"]).success();
    let list = env.cemem(["lessons", "list", "--json"]).success().json();
    assert_eq!(list["lessons"].as_array().unwrap().len(), 2, "the own block is not read back");
}
