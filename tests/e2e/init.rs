//! Setting agents up, and taking that back.

use std::fs;
use std::path::{Path, PathBuf};

use cemem_tests::TestEnv;
use serde_json::Value;

const CLAUDE: &str = "{\n    // mine\n    \"permissions\": { \"allow\": [\"Bash(ls)\"] },\n    \"hooks\": {\n        \"Stop\": [\n            { \"hooks\": [{ \"type\": \"command\", \"command\": \"say done\" }] },\n        ],\n    },\n}\n";
const CODEX: &str = "model = \"o3\" # mine\r\n\r\n[mcp_servers.other]\r\ncommand = \"x\"\r\n";
const GOOSE: &str = "GOOSE_MODEL: x\nextensions:\n  developer:\n    enabled: true # mine\n";

/// Starts with the settings of three engines, as their users left them.
fn used() -> TestEnv {
    let env = TestEnv::without_runtime();
    env.write(".claude/settings.json", CLAUDE);
    put(&env.home().join(".codex/config.toml"), CODEX);
    put(&env.home().join(".config/goose/config.yaml"), GOOSE);
    put(&env.home().join(".gemini/settings.json"), "\u{feff}{}");
    env
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Returns every file below home and project with its bytes.
fn files(env: &TestEnv) -> Vec<(PathBuf, Vec<u8>)> {
    fn walk(folder: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                into.push((path.clone(), Vec::new()));
                walk(&path, into);
            } else {
                into.push((path.clone(), fs::read(&path).unwrap()));
            }
        }
    }
    let mut all = Vec::new();
    walk(&env.home(), &mut all);
    walk(&env.project(), &mut all);
    all.sort();
    all
}

#[test]
fn without_a_yes_it_shows_and_changes_nothing() {
    let env = used();
    let before = files(&env);
    let told = env.cemem(["init"]).fails_with(1);
    assert!(
        told.stdout.contains("+") && told.stdout.contains("hook claude-code"),
        "{}",
        told.stdout
    );
    assert!(
        told.stderr.contains("no terminal") && told.stderr.contains("--yes"),
        "{}",
        told.stderr
    );
    assert_eq!(files(&env), before);
}

#[test]
fn it_merges_is_idempotent_and_undo_restores_every_byte() {
    let env = used();
    let before = files(&env);
    env.cemem(["init", "--yes"]).success();
    let claude = env.read(".claude/settings.json");
    for kept in ["// mine", "\"Bash(ls)\"", "say done", "hook claude-code SessionStart"] {
        assert!(claude.contains(kept), "{kept} in {claude}");
    }
    let codex = fs::read_to_string(env.home().join(".codex/config.toml")).unwrap();
    assert!(codex.starts_with(CODEX) && codex.contains("[mcp_servers.cemem]\r\n"), "{codex:?}");
    let goose = fs::read_to_string(env.home().join(".config/goose/config.yaml")).unwrap();
    assert!(goose.contains("enabled: true # mine") && goose.contains("  cemem:"), "{goose}");
    let server: Value = serde_json::from_str(&env.read(".mcp.json")).unwrap();
    assert_eq!(server["mcpServers"]["cemem"]["args"], serde_json::json!(["mcp"]));

    let after = files(&env);
    let again = env.cemem(["init", "--yes", "--no-ingest"]).success();
    assert_eq!(again.stdout, "", "nothing to show");
    assert_eq!(files(&env), after);
    env.cemem(["init", "--undo", "--yes"]).success();
    assert_eq!(files(&env), before);
    assert!(env.cemem(["init", "--undo", "--yes"]).success().stderr.contains("nothing was set up"));
}

#[test]
fn undo_leaves_what_somebody_changed_since() {
    let env = used();
    env.cemem(["init", "--yes", "--engine", "claude-code"]).success();
    let changed = env.read(".claude/settings.json").replace("Bash(ls)", "Bash(pwd)");
    env.write(".claude/settings.json", &changed);
    env.cemem(["init", "--undo", "--yes"]).success();
    let left = env.read(".claude/settings.json");
    assert!(left.contains("Bash(pwd)") && left.contains("say done") && left.contains("// mine"));
    assert!(!left.contains("cemem"), "{left}");
    assert!(!env.project().join(".mcp.json").exists());
}

#[test]
fn undo_without_its_copies_or_its_journal_takes_only_our_entries() {
    for lost in [".bak", "journal.json"] {
        let env = used();
        env.cemem(["init", "--yes", "--no-ingest"]).success();
        for entry in fs::read_dir(env.cemem_home().join("init")).unwrap() {
            let path = entry.unwrap().path();
            if path.to_str().unwrap().ends_with(lost) {
                fs::remove_file(path).unwrap();
            }
        }
        env.cemem(["init", "--undo", "--yes"]).success();
        let claude = env.read(".claude/settings.json");
        assert!(claude.contains("say done") && !claude.contains("cemem"), "{lost}: {claude}");
        let codex = fs::read_to_string(env.home().join(".codex/config.toml")).unwrap();
        assert!(codex.contains("mcp_servers.other") && !codex.contains("cemem"), "{lost}: {codex}");
        let last = env.cemem(["init", "--undo", "--yes"]).success();
        assert!(last.stderr.contains("nothing was set up"), "{}", last.stderr);
    }
}

#[test]
fn what_could_not_be_taken_back_is_when_it_was_mended() {
    let env = used();
    env.cemem(["init", "--yes", "--engine", "claude-code"]).success();
    let whole = env.read(".claude/settings.json");
    env.write(".claude/settings.json", format!("{whole}}}"));
    let told = env.cemem(["init", "--undo", "--yes"]).fails_with(1);
    assert!(told.stderr.contains("left alone"), "{}", told.stderr);
    assert!(!env.project().join(".mcp.json").exists());
    env.write(".claude/settings.json", &whole);
    env.cemem(["init", "--undo", "--yes"]).success();
    assert_eq!(env.read(".claude/settings.json"), CLAUDE);
}

#[test]
fn what_the_user_had_or_added_in_our_entries_stays() {
    let env = used();
    let own = "{ \"mcpServers\": { \"cemem\": { \"type\": \"stdio\", \"command\": \"/old/cemem\", \"args\": [\"mcp\"], \"env\": { \"A\": \"b\" }, \"disabled\": true } } }\n";
    env.write(".mcp.json", own);
    let init = || env.cemem(["init", "--yes", "--no-ingest", "--engine", "claude-code"]).success();
    init();
    let mcp = env.read(".mcp.json");
    assert!(!mcp.contains("/old/cemem"), "{mcp}");
    assert!(mcp.contains("\"env\": { \"A\": \"b\" }, \"disabled\": true"), "{mcp}");
    let hooks = env.read(".claude/settings.json").replacen("\"timeout\": 10", "\"timeout\": 3", 1);
    env.write(".claude/settings.json", &hooks);
    init();
    assert_eq!(env.read(".claude/settings.json"), hooks, "the time is the user's choice");
    env.write(".mcp.json", mcp.replace("\"b\"", "\"c\""));
    env.cemem(["init", "--undo", "--yes"]).success();
    assert!(env.read(".mcp.json").contains("\"A\": \"c\""), "it was there before");
    assert!(!env.read(".claude/settings.json").contains("cemem"));
}

#[test]
fn write_protected_and_ambiguous_files_are_left_alone() {
    let env = used();
    let twice = "{ \"hooks\": {}, \"hooks\": { \"Stop\": [] } }";
    env.write(".claude/settings.json", twice);
    let protected = env.write(".mcp.json", "{}");
    let mut mode = fs::metadata(&protected).unwrap().permissions();
    mode.set_readonly(true);
    fs::set_permissions(&protected, mode).unwrap();
    let told = env.cemem(["init", "--yes", "--engine", "claude-code"]).fails_with(1).stderr;
    assert!(told.contains("write-protected") && told.contains("`hooks` in it"), "{told}");
    assert_eq!(
        (env.read(".claude/settings.json").as_str(), env.read(".mcp.json").as_str()),
        (twice, "{}")
    );
}

#[cfg(unix)]
#[test]
fn two_names_of_a_file_are_one_and_a_link_stays_one() {
    let env = TestEnv::without_runtime();
    fs::create_dir(env.project().join(".cursor")).unwrap();
    let link = |to: &str, at: &str| {
        std::os::unix::fs::symlink(to, env.project().join(at)).unwrap();
    };
    link("shared/mcp.json", ".mcp.json");
    link("../.mcp.json", ".cursor/mcp.json");
    let init = || {
        let engines = ["--engine", "claude-code", "--engine", "cursor"];
        env.cemem(["init", "--yes", "--no-ingest"].into_iter().chain(engines)).success()
    };
    init();
    let server: Value = serde_json::from_str(&env.read("shared/mcp.json")).unwrap();
    assert_eq!(server["mcpServers"]["cemem"]["args"], serde_json::json!(["mcp"]));
    assert_eq!(init().stdout, "", "nothing to do");
    env.cemem(["init", "--undo", "--yes"]).success();
    assert!(!env.project().join("shared").exists());
    for at in [".mcp.json", ".cursor/mcp.json"] {
        assert!(env.project().join(at).is_symlink(), "{at}");
    }
}

#[test]
fn settings_that_others_use_stay_until_the_last_of_them_is_undone() {
    let env = used();
    let second = env.root().join("second");
    fs::create_dir(&second).unwrap();
    let there = second.to_str().unwrap();
    for project in [env.project().to_str().unwrap(), there] {
        env.cemem(["--project", project, "init", "--yes", "--engine", "codex"]).success();
    }
    let codex = || fs::read_to_string(env.home().join(".codex/config.toml")).unwrap();
    let told = env.cemem(["init", "--undo", "--yes"]).success();
    assert!(told.stderr.contains("another project uses it"), "{}", told.stderr);
    assert!(codex().contains("cemem"));
    env.cemem(["--project", there, "init", "--undo", "--yes"]).success();
    assert_eq!(codex(), CODEX);
}

#[test]
fn wrong_types_are_named_and_left_and_the_others_are_written() {
    let env = used();
    env.write(".claude/settings.json", "{\"hooks\": [1]}");
    put(&env.home().join(".codex/config.toml"), "mcp_servers = 3\n");
    let told = env.cemem(["init", "--yes", "--no-ingest"]).fails_with(1);
    for word in ["settings.json", "`hooks` in it is not an object", "config.toml", "not a table"] {
        assert!(told.stderr.contains(word), "{word} in {}", told.stderr);
    }
    assert_eq!(env.read(".claude/settings.json"), "{\"hooks\": [1]}");
    assert!(env.read(".mcp.json").contains("cemem"));
    let unknown = env.cemem(["init", "--yes", "--engine", "emacs"]).fails_with(1);
    assert!(unknown.stderr.contains("claude-code"), "{}", unknown.stderr);
}

#[test]
fn two_at_once_agree() {
    let env = used();
    let before = files(&env);
    std::thread::scope(|scope| {
        let run = || env.cemem(["init", "--yes", "--no-ingest"]);
        let all: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        all.into_iter().for_each(|one| drop(one.join().unwrap().success()));
    });
    let claude = env.read(".claude/settings.json");
    assert_eq!(claude.matches("hook claude-code SessionStart").count(), 1, "{claude}");
    env.cemem(["init", "--undo", "--yes"]).success();
    assert_eq!(files(&env), before);
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_written_leaves_all_as_they_were() {
    let env = used();
    // A link to a folder that is not there: also the superuser cannot write below it.
    std::os::unix::fs::symlink("no/where", env.project().join(".gemini")).unwrap();
    let before = files_but_links(&env);
    let told = env.cemem(["init", "--yes", "--no-ingest"]).fails_with(1);
    assert!(told.stderr.contains(".gemini"), "{}", told.stderr);
    assert_eq!(files_but_links(&env), before);
    let nothing = env.cemem(["init", "--undo", "--yes"]).success();
    assert!(nothing.stderr.contains("nothing was set up"), "{}", nothing.stderr);
}

#[cfg(unix)]
fn files_but_links(env: &TestEnv) -> Vec<(PathBuf, Vec<u8>)> {
    let link = env.project().join(".gemini");
    fs::rename(&link, env.root().join("aside")).unwrap();
    let all = files(env);
    fs::rename(env.root().join("aside"), link).unwrap();
    all
}

#[cfg(unix)]
#[test]
fn what_was_set_up_works_with_a_space_in_the_path() {
    let env = TestEnv::without_runtime();
    env.cemem(["remember", "Use pnpm, not npm."]).success();
    cemem_tests::hooks::allow_time(&env);
    let told = env.cemem(["init", "--yes", "--engine", "claude-code", "--json"]).success().json();
    assert_eq!(told["written"], true, "{told}");
    let settings: Value = serde_json::from_str(&env.read(".claude/settings.json")).unwrap();
    let line = settings["hooks"]["SessionStart"][0]["hooks"][0]["command"].as_str().unwrap();
    assert!(line.contains(' ') && line.ends_with("hook claude-code SessionStart"), "{line}");
    let answer = through_a_shell(&env, line);
    assert!(answer.contains("Use pnpm, not npm."), "{answer}");
}

#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "an agent gives the line to a shell")]
fn through_a_shell(env: &TestEnv, line: &str) -> String {
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", line]).current_dir(env.project()).env_clear();
    command.env("CEMEM_HOME", env.cemem_home()).env("HOME", env.home());
    let call = serde_json::json!({ "session_id": "s", "cwd": env.project() }).to_string();
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    env.run(&mut command, Some(&call)).success().stdout
}

#[test]
fn the_plugin_says_what_init_would() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin");
    let read = |file: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(root.join(file)).unwrap()).unwrap()
    };
    let env = TestEnv::without_runtime();
    env.cemem(["init", "--yes", "--no-ingest", "--engine", "claude-code"]).success();
    let settings: Value = serde_json::from_str(&env.read(".claude/settings.json")).unwrap();
    let path = env.root().join("bin/cemem");
    let quoted = format!("'{}'", path.to_str().unwrap());
    let named = settings["hooks"].to_string().replace(&quoted, "cemem");
    let hooks = read("hooks/hooks.json")["hooks"].clone();
    assert_eq!(serde_json::from_str::<Value>(&named).unwrap(), hooks);
    let server: Value = serde_json::from_str(&env.read(".mcp.json")).unwrap();
    let named = server.to_string().replace(path.to_str().unwrap(), "cemem");
    assert_eq!(serde_json::from_str::<Value>(&named).unwrap(), read(".mcp.json"));
    assert_eq!(read(".claude-plugin/plugin.json")["version"], env!("CARGO_PKG_VERSION"));
}
