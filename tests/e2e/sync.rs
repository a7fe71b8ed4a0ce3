//! The managed block: only inside its markers, nothing unasked, `--check` for CI.

use cemem_tests::TestEnv;
use serde_json::Value;

const CLAUDE: &str = "# Tidepool\r\n\r\nRead docs/ first.\r\n";

/// Starts with a CLAUDE.md of this text, and with these rules in the block below it.
fn synced(text: &str, rules: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.write("CLAUDE.md", text);
    for rule in rules {
        env.cemem(["remember", rule]).success();
    }
    env.cemem(["sync"]).success();
    env
}

pub(crate) fn settings(env: &TestEnv, text: &str) {
    env.cemem(["lessons", "list"]).success();
    std::fs::write(env.cemem_home().join("config.toml"), text).unwrap();
}

pub(crate) fn rules(env: &TestEnv) -> Vec<String> {
    let list = env.cemem(["lessons", "list", "--json"]).success().json();
    let mut rules: Vec<String> = list["lessons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lesson| lesson["rule"].as_str().unwrap().to_owned())
        .collect();
    rules.sort();
    rules
}

pub(crate) fn id_of(env: &TestEnv, rule: &str) -> String {
    let list = env.cemem(["lessons", "list", "--json"]).success().json();
    let lesson = list["lessons"].as_array().unwrap().iter().find(|l| l["rule"] == rule);
    lesson.unwrap()["id"].as_str().unwrap().to_owned()
}

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
    let env = synced("# x\n", &["Use tabs."]);
    let edited = env.read("CLAUDE.md").replace("Use tabs.", "Use spaces.");
    env.write("CLAUDE.md", &edited);
    for args in [vec!["sync"], vec!["sync", "--check"]] {
        let refused = env.cemem(args).fails_with(1);
        assert!(refused.stderr.contains("CLAUDE.md was edited by hand"), "{}", refused.stderr);
        assert!(refused.stderr.contains("now says rule: Use spaces."), "{}", refused.stderr);
        assert_eq!(env.read("CLAUDE.md"), edited);
    }
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

#[test]
fn edits_in_the_block_become_edits_of_the_lessons() {
    let env = synced("# x\r\n", &["Use tabs.", "Never push on Fridays.", "Read @notes.md first."]);
    let edited = env.read("CLAUDE.md").replace("Use tabs.", "Use four\r\n  spaces.");
    let friday = edited.lines().find(|l| l.contains("Fridays")).unwrap();
    let edited = edited.replace(
        &format!("{friday}\r\n"),
        "- Ask before a force push, token ghp_0123456789abcdefghijABCDEFGHIJ456789.\r\n\r\n### House rules\r\n\r\nBe kind.\r\n",
    );
    env.write("CLAUDE.md", &edited);
    let json = env.cemem(["sync", "--check", "--json"]).fails_with(1).json();
    let kinds: Vec<&str> = json["files"][0]["edits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edit| edit["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["new", "change", "retire"], "{json}");
    let taken = env.cemem(["sync", "--take-edits"]).success();
    assert!(taken.stderr.contains("cemem lessons undo"), "{}", taken.stderr);
    let rules = rules(&env);
    assert!(rules.contains(&"Use four spaces.".to_owned()), "{rules:?}");
    assert!(rules.contains(&"Read @notes.md first.".to_owned()), "{rules:?}");
    assert!(rules.iter().any(|r| r.starts_with("Ask before") && !r.contains("ghp_")), "{rules:?}");
    assert_eq!(rules.len(), 3, "the one that was taken out is retired: {rules:?}");
    let after = env.read("CLAUDE.md");
    let (block, below) = after.split_once("<!-- cemem:end -->").unwrap();
    assert!(block.contains("- Use four spaces. [L-") && block.contains("- Ask before"), "{after}");
    assert!(below.contains("### House rules\r\nBe kind."), "no word is lost: {after}");
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
    env.cemem(["sync", "--check"]).success();
    let again = env.cemem(["sync", "--take-edits"]).success();
    assert!(again.stdout.is_empty() && env.read("CLAUDE.md") == after);
}

#[cfg(unix)]
#[test]
fn a_person_at_a_terminal_is_asked() {
    let env = synced("", &["Use tabs."]);
    let edited = env.read("CLAUDE.md").replace("Use tabs.", "Use spaces.");
    env.write("CLAUDE.md", &edited);
    for (answer, code, rule) in [("n\r", 1, "Use tabs."), ("y\r", 0, "Use spaces.")] {
        let mut at = env.terminal(&["sync"], (80, 24), &[]);
        let picture = at.shows("take these edits into the lessons?");
        assert!(picture.contains("now says rule: Use spaces."), "{picture}");
        at.press(answer);
        assert_eq!(at.end().0, code);
        assert_eq!(rules(&env), [rule]);
        assert!(env.read("CLAUDE.md").contains("Use spaces."));
    }
    env.cemem(["sync", "--check"]).success();
}

#[test]
fn both_sides_of_a_merge_are_for_a_person_to_settle() {
    let env = synced("", &["Use tabs."]);
    let line = "- Use tabs.";
    let sides = format!("<<<<<<< HEAD\n{line}\n=======\n- Use one.\n>>>>>>> main\n{line}");
    let merged = env.read("CLAUDE.md").replacen(line, &sides, 1);
    env.write("CLAUDE.md", &merged);
    for args in [vec!["sync"], vec!["sync", "--take-edits"]] {
        let refused = env.cemem(args).fails_with(1);
        assert!(refused.stderr.contains("both sides of a merge"), "{}", refused.stderr);
    }
    assert_eq!(env.read("CLAUDE.md"), merged);
}

#[test]
fn two_edits_of_one_lesson_are_taken_from_neither() {
    let env = TestEnv::new();
    env.write("CLAUDE.md", "");
    env.write("AGENTS.md", "");
    env.cemem(["remember", "Use tabs."]).success();
    env.cemem(["sync"]).success();
    for (file, rule) in [("CLAUDE.md", "Use one."), ("AGENTS.md", "Use two.")] {
        env.write(file, env.read(file).replace("Use tabs.", rule));
    }
    let refused = env.cemem(["sync", "--take-edits"]).fails_with(1);
    assert!(refused.stderr.contains("in two ways"), "{}", refused.stderr);
    assert_eq!(rules(&env), ["Use tabs."]);
    assert!(
        env.read("CLAUDE.md").contains("Use one.") && env.read("AGENTS.md").contains("Use two.")
    );
    env.write("AGENTS.md", env.read("AGENTS.md").replace("Use two.", "Use one."));
    env.cemem(["sync", "--take-edits"]).success();
    assert_eq!(rules(&env), ["Use one."]);
}

#[test]
fn two_members_of_a_team_share_a_block() {
    let one = synced("# Team\n", &["Use tabs.", "Ask before a release."]);
    let two = TestEnv::new();
    two.write("CLAUDE.md", one.read("CLAUDE.md"));
    two.cemem(["remember", "Never push on Fridays."]).success();
    two.cemem(["sync"]).success();
    let both = two.read("CLAUDE.md");
    for rule in ["Use tabs.", "Ask before a release.", "Never push on Fridays."] {
        assert_eq!(both.matches(rule).count(), 1, "{both}");
    }
    // Nobody takes the other's lines away, or moves them.
    one.write("CLAUDE.md", &both);
    for env in [&one, &two] {
        assert_eq!(
            env.cemem(["sync", "--check", "--json"]).success().json()["files"][0]["edits"],
            Value::Null
        );
        env.cemem(["sync"]).success();
        assert_eq!(env.read("CLAUDE.md"), both);
    }
    // A merge by git: intact lines in a block that is not. They are no words of the one who merged.
    let line = both.lines().find(|l| l.contains("Fridays")).unwrap();
    let other = "- Wait for the build. [L-0123456789]";
    let merged = both.replace(line, &format!("{line}\n{other}"));
    one.write("CLAUDE.md", &merged);
    one.cemem(["sync"]).success();
    assert!(one.read("CLAUDE.md").contains(other), "{}", one.read("CLAUDE.md"));
    one.cemem(["sync", "--take-edits"]).success();
    let waiting = one.cemem(["review", "--json"]).success().json();
    let ids: Vec<&str> =
        waiting["lessons"].as_array().unwrap().iter().map(|l| l["id"].as_str().unwrap()).collect();
    assert!(ids.len() == 2 && ids.contains(&"L-0123456789"), "{ids:?}");
    assert!(ids.iter().any(|id| line.contains(id)), "{ids:?}");
    assert_eq!(rules(&one), ["Ask before a release.", "Use tabs."]);
    // What its owner takes out goes, and so does what a hand takes out.
    one.cemem(["lessons", "retire", &id_of(&one, "Use tabs.")]).success();
    one.write("CLAUDE.md", one.read("CLAUDE.md").replace(&format!("{other}\n"), ""));
    one.cemem(["sync"]).success();
    let left = one.read("CLAUDE.md");
    assert!(!left.contains("Use tabs.") && !left.contains(other) && left.contains(line), "{left}");
}

#[test]
fn a_file_of_an_older_branch_retires_nothing() {
    let env = synced("", &["Use tabs."]);
    let older = env.read("CLAUDE.md");
    env.cemem(["remember", "Never push."]).success();
    env.cemem(["sync"]).success();
    let newer = env.read("CLAUDE.md");
    env.write("CLAUDE.md", older.replace("Use tabs.", "Use spaces."));
    env.cemem(["sync", "--take-edits"]).success();
    assert_eq!(rules(&env), ["Never push.", "Use spaces."]);
    // What was taken out of the newer one was there.
    let line = newer.lines().find(|l| l.contains("Never push.")).unwrap();
    env.write("CLAUDE.md", newer.replace(&format!("{line}\n"), ""));
    env.cemem(["sync", "--take-edits"]).success();
    assert_eq!(rules(&env), ["Use spaces."]);
}

#[test]
fn what_was_said_before_can_be_said_again_by_hand() {
    let env = synced("", &["Use tabs.", "Never push."]);
    let push = id_of(&env, "Never push.");
    let line = format!("- Never push. [{push}]\n");
    env.cemem(["lessons", "edit", &id_of(&env, "Use tabs."), "--rule", "Use spaces."]).success();
    env.cemem(["lessons", "retire", &push]).success();
    env.cemem(["sync"]).success();
    let back = env.read("CLAUDE.md").replace("Use spaces.", "Use tabs.");
    let back = back.replace("- Use tabs.", &format!("{line}- Use tabs."));
    env.write("CLAUDE.md", &back);
    let told = env.cemem(["sync"]).fails_with(1).stderr;
    assert!(told.contains("now says rule: Use tabs.") && told.contains("was put back"), "{told}");
    assert_eq!(env.read("CLAUDE.md"), back);
    env.cemem(["sync", "--take-edits"]).success();
    assert_eq!(rules(&env), ["Never push.", "Use tabs."]);
    env.cemem(["sync", "--check"]).success();
}

#[test]
fn what_may_be_a_piece_of_a_lesson_is_not_taken_in() {
    let long = format!("Keep {} in mind.", "many words ".repeat(25).trim());
    let one = synced("", &[long.as_str(), "Read @notes.md first.", "Be kind."]);
    one.cemem(["remember", "Never lock.", "--path", "a/", "--path", "b/", "--path", "c/"])
        .success();
    one.cemem(["lessons", "promote", &id_of(&one, "Be kind.")]).success();
    one.cemem(["sync"]).success();
    let block = one.read("CLAUDE.md");
    assert!(block.contains("- Be kind. (all projects) ["), "{block}");
    let two = TestEnv::new();
    two.write("CLAUDE.md", &block);
    let told = two.cemem(["sync"]).success().stderr;
    assert!(told.contains("3 lessons") && !told.contains("kind"), "{told}");
    assert_eq!(told.matches("only a piece of it may stand there").count(), 2, "{told}");
    let taken = two.cemem(["sync", "--take-edits"]).success().stderr;
    assert!(taken.contains("1 taken in") && taken.matches("not taken in: L-").count() == 2);
    let waiting = two.cemem(["review", "--json"]).success().json();
    let waiting = waiting["lessons"].as_array().unwrap();
    assert_eq!((waiting.len(), &waiting[0]["rule"]), (1, &"Read @notes.md first.".into()));
    assert_eq!(two.read("CLAUDE.md"), block);
}
