//! `cemem gate`: what keeps a piece of work from being finished.

use std::process::{Command, Stdio};

use cemem_tests::TestEnv;
use serde_json::Value;

#[expect(clippy::disallowed_methods, reason = "repositories as git makes them")]
fn git(env: &TestEnv, date: &str, args: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
        .args(["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"])
        .args(args)
        .current_dir(env.project())
        .env("HOME", env.home())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", date)
        .env("GIT_COMMITTER_DATE", date)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {output:?}");
}

/// A repository whose branch left `main` at this date, with the committed sessions where the engines
/// keep them.
fn repository(date: &str) -> TestEnv {
    let env = TestEnv::new();
    git(&env, date, &["init", "-q"]);
    git(&env, date, &["commit", "-q", "--allow-empty", "-m", "begin"]);
    git(&env, date, &["switch", "-q", "-c", "topic"]);
    env.install_sessions();
    env
}

fn ids(list: &Value) -> Vec<String> {
    let ids = list.as_array().unwrap().iter();
    ids.map(|l| l["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn it_fails_until_all_of_the_work_is_decided() {
    let env = repository("2026-03-20T00:00:00Z");
    let failed = env.cemem(["gate"]).fails_with(1);
    assert!(failed.stdout.contains("undecided since main ("), "{}", failed.stdout);
    assert!(failed.stdout.contains("cemem review --accept L-"), "{}", failed.stdout);
    assert!(!failed.stderr.contains("error"), "{}", failed.stderr);

    let open = env.cemem(["gate", "--json"]).fails_with(1).json();
    let waiting = ids(&open["lessons"]);
    assert!(waiting.len() >= 3, "{open}");
    assert_eq!((&open["passed"], &open["base"]["name"]), (&false.into(), &"main".into()));
    for lesson in open["lessons"].as_array().unwrap() {
        let said = lesson["evidence"]["turn_ts"].as_str().unwrap();
        assert!(said > "2026-03-20", "{lesson}");
    }
    let queue = env.cemem(["review", "--json", "--limit", "999"]).success().json();
    assert!(queue["waiting"].as_u64().unwrap() as usize > waiting.len(), "older ones wait too");

    // Each kind of decision counts.
    env.cemem(["review", "--accept", &waiting[0], "--snooze", &waiting[1]]).success();
    let rest: Vec<_> = waiting[2..].iter().map(String::as_str).collect();
    env.cemem(["review", "--reject"].iter().chain(&rest)).success();
    let passed = env.cemem(["gate"]).success();
    assert!(passed.stdout.contains("nothing waits since main"), "{}", passed.stdout);
    assert!(passed.stdout.contains("1 put off"), "{}", passed.stdout);
    // A work that began later has nothing to do with it.
    env.cemem(["lessons", "undo"]).success();
    let _again = env.cemem(["gate"]).fails_with(1);
    git(&env, "2026-04-30T00:00:00Z", &["commit", "-q", "--allow-empty", "-m", "later"]);
    env.cemem(["gate", "--base", "HEAD"]).success();
}

#[test]
fn nothing_to_learn_is_recorded_with_its_reason_and_covers_what_waits_now() {
    let env = repository("2026-03-20T00:00:00Z");
    for vague in ["", "nothing", "n/a - x"] {
        let refused = env.cemem(["gate", "--nothing-to-learn", vague]).fails_with(1);
        assert!(refused.stderr.contains("does not say why"), "{}", refused.stderr);
    }
    let _open = env.cemem(["gate"]).fails_with(1);
    let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let why = format!("only an exercise with {token}");
    let done = env.cemem(["gate", "--nothing-to-learn", &why, "--json"]).success().json();
    let settled = &done["settlement"];
    assert!(settled["why"].as_str().unwrap().starts_with("only an exercise with [redacted:"));
    assert_eq!(settled["covers"].as_array().unwrap().len(), ids(&done["lessons"]).len());
    assert_eq!(settled["head"].as_str().unwrap().len(), 40);
    let passed = env.cemem(["gate", "--json"]).success().json();
    assert_eq!(passed["done"]["settled"].as_u64(), Some(ids(&done["lessons"]).len() as u64));
    // It settles what waited, not what comes: they still wait in review.
    let queue = env.cemem(["review", "--json"]).success().json();
    assert!(queue["waiting"].as_u64().unwrap() > 0);
    let id = &ids(&done["lessons"])[0];
    let mut line =
        env.cemem(["lessons", "show", id, "--json"]).success().json()["lessons"][0].clone();
    line["evidence"][0]["turn_ts"] = "2026-05-01T13:00:00Z".into();
    env.write("again.jsonl", format!("{line}\n"));
    env.cemem(["import", "again.jsonl"]).success();
    let open = env.cemem(["gate", "--no-ingest", "--json"]).fails_with(1).json();
    assert_eq!(&ids(&open["lessons"])[..], std::slice::from_ref(id));
}

#[test]
fn a_lesson_that_came_as_one_holds_while_it_waits() {
    let env = TestEnv::without_runtime();
    env.write("in.jsonl", "{\"rule\":\"Use tabs.\",\"status\":\"candidate\"}\n");
    env.cemem(["import", "in.jsonl"]).success();
    let open = env.cemem(["gate", "--no-ingest", "--json"]).fails_with(1).json();
    assert_eq!(open["lessons"][0]["rule"], "Use tabs.", "{open}");
    env.cemem(["review", "--reject", &ids(&open["lessons"])[0]]).success();
    env.cemem(["gate", "--no-ingest"]).success();
}

#[test]
fn what_bears_a_date_to_come_is_settled_too() {
    let env = repository("2026-03-20T00:00:00Z");
    let mut settle = env.command(["gate", "--nothing-to-learn", "the clock here runs behind"]);
    let settled = env.run(settle.env("CEMEM_NOW", "2026-03-20T00:00:01Z"), None).success();
    assert!(settled.stdout.starts_with("nothing to learn"), "{}", settled.stdout);
    env.cemem(["gate"]).success();
}

#[test]
fn could_not_look_is_another_answer() {
    let env = repository("2026-03-20T00:00:00Z");
    let wrong = env.cemem(["gate", "--base", "origin/nowhere"]).fails_with(1);
    assert!(wrong.stderr.contains("error: could not look:"), "{}", wrong.stderr);
    assert!(wrong.stdout.is_empty(), "{}", wrong.stdout);
    let plain = TestEnv::new();
    let no_git = plain.cemem(["gate", "--base", "main"]).fails_with(1);
    assert!(no_git.stderr.contains("could not look: `main` was named"), "{}", no_git.stderr);
}

#[test]
fn outside_git_what_was_settled_is_settled_and_what_comes_late_counts() {
    let env = TestEnv::new();
    env.install_sessions();
    let open = env.cemem(["gate", "--json"]).fails_with(1).json();
    assert_eq!((&open["base"], &open["since"]), (&Value::Null, &Value::Null));
    env.cemem(["gate", "--nothing-to-learn", "the sessions are an exercise"]).success();
    let passed = env.cemem(["gate", "--json"]).success().json();
    assert_eq!(passed["since"], Value::Null);
    assert!(passed["done"]["settled"].as_u64() > Some(0), "{passed}");
    // Said before the settlement, heard after it.
    let said = "{\"cemem\":1,\"kind\":\"correction\",\"session\":\"late\",\"at\":\"2026-03-01T00:00:00Z\",\
        \"text\":\"No, never edit the generated clients in src/gen by hand\"}\n";
    std::fs::create_dir_all(env.project().join(".cemem/inbox")).unwrap();
    std::fs::write(env.project().join(".cemem/inbox/late.jsonl"), said).unwrap();
    let late = env.cemem(["gate", "--json"]).fails_with(1).json();
    assert_eq!(late["lessons"].as_array().map(Vec::len), Some(1), "{late}");
}

/// A report with one result of each level.
fn sarif(suppressed: bool) -> String {
    let result = |rule: &str, level: &str| {
        let mut result = serde_json::json!({"ruleId": rule, "level": level,
            "message": {"text": format!("a {level} of {rule}")},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "src/a.py"},
                           "region": {"startLine": 3, "snippet": {"text": rule}}}}]});
        if suppressed {
            result["suppressions"] =
                serde_json::json!([{"kind": "external", "status": "accepted"}]);
        }
        result
    };
    serde_json::json!({"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "runs": [{"tool": {"driver": {"name": "Lint"}},
                  "results": [result("L1", "error"), result("L2", "warning")]}]})
    .to_string()
}

#[test]
fn a_grave_finding_stays_open_until_a_report_or_a_person_closes_it() {
    let env = TestEnv::new();
    env.write("report.sarif", sarif(false));
    env.cemem(["ingest", "report.sarif"]).success();
    let failed = env.cemem(["gate", "--no-ingest"]).fails_with(1);
    assert!(failed.stdout.contains("open finding  Lint L1 src/a.py:3"), "{}", failed.stdout);
    assert!(!failed.stdout.contains("L2"), "a warning is the linter's business: {}", failed.stdout);
    env.write("report.sarif", sarif(true));
    env.cemem(["ingest", "report.sarif"]).success();
    env.cemem(["gate", "--no-ingest"]).success();

    // A report without a date has that of its file, which is later than the stopped clock.
    let mut other = TestEnv::new();
    other.set_now("2100-01-01T00:00:00Z");
    other.write("report.sarif", sarif(false));
    other.cemem(["ingest", "report.sarif"]).success();
    other
        .cemem(["gate", "--no-ingest", "--nothing-to-learn", "known and filed elsewhere"])
        .success();
    let passed = other.cemem(["gate", "--no-ingest", "--json"]).success().json();
    assert_eq!(passed["findings"].as_array().unwrap().len(), 0);
}

/// The shell steps of the sample job in the documentation, by name.
#[cfg(unix)]
fn steps() -> Vec<(String, String)> {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gate.md");
    let page = std::fs::read_to_string(page).unwrap();
    let job = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let mut steps: Vec<(String, String)> = Vec::new();
    let mut in_script = false;
    for line in job.lines() {
        let text = line.trim_start();
        if let Some(name) = text.strip_prefix("- name: ") {
            steps.push((name.to_owned(), String::new()));
        }
        if line.starts_with("      - ") || !line.starts_with("          ") {
            in_script = false;
        }
        if in_script {
            let script = &mut steps.last_mut().unwrap().1;
            script.push_str(line.strip_prefix("          ").unwrap());
            script.push('\n');
        }
        in_script |= text == "run: |";
    }
    steps
}

#[cfg(unix)]
#[test]
fn the_sample_job_runs_as_it_stands_in_the_documentation() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let env = repository("2026-03-20T00:00:00Z");
    git(&env, "2026-03-20T00:00:00Z", &["update-ref", "refs/remotes/origin/main", "main"]);
    let steps = steps();
    let names: Vec<_> = steps.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Install cemem", "Read what the team decided", "Read the reviews", "Gate"]);
    // What the job finds on its runner: cemem, and GitHub's own program with the pull request's talk.
    let bin = env.root().join("job");
    std::fs::create_dir(&bin).unwrap();
    symlink(env.command::<&str>([]).get_program(), bin.join("cemem")).unwrap();
    let comments = serde_json::json!([{"id": 1, "path": "src/a.rs", "line": 3, "body":
        "Feature flags live in flags.toml here, never in the environment.", "user": {"login": "mara", "type": "User"},
        "created_at": "2026-04-20T10:00:00Z", "updated_at": "2026-04-20T10:00:00Z",
        "pull_request_review_id": 7, "diff_hunk": "@@ -1,3 +1,3 @@\n+fn a() {}",
        "commit_id": "0123456789012345678901234567890123456789",
        "html_url": "https://github.com/o/r/pull/5#discussion_r1",
        "pull_request_url": "https://api.github.com/repos/o/r/pulls/5"}]);
    let gh = bin.join("gh");
    let script = format!("#!/bin/sh\ntest \"$1\" = api || exit 9\ncat <<'END'\n{comments}\nEND\n");
    std::fs::write(&gh, script).unwrap();
    std::fs::set_permissions(&gh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let run = |name: &str, body: &str| {
        let script = &steps.iter().find(|(n, _)| n == name).unwrap().1;
        let mut command = env.command::<&str>([]);
        #[expect(clippy::disallowed_methods, reason = "a runner starts its steps so")]
        let mut shell = Command::new("bash");
        shell.args(["-e", "-c", script]).current_dir(env.project());
        for (key, value) in command.get_envs() {
            shell.env(key, value.unwrap_or_default());
        }
        shell.env("PATH", &path).env("RUNNER_TEMP", env.root()).env("BODY", body);
        shell.env("BASE", "main").env("REPO", "o/r").env("NUMBER", "5").env("GH_TOKEN", "x");
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command = shell;
        env.run(&mut command, None)
    };
    run("Read what the team decided", "").success();
    run("Read the reviews", "").success();
    let failed = run("Gate", "Adds a picker.").fails_with(1);
    assert!(failed.stdout.contains("undecided since origin/main"), "{}", failed.stdout);
    // Whether it waits or is sure enough already: the talk of the review was read.
    let all = env.cemem(["lessons", "list", "--status", "all"]).success().stdout;
    assert!(all.contains("flags.toml") || failed.stdout.contains("flags.toml"), "{all}");
    run("Gate", "Adds a picker.\r\n\r\nNothing to learn: only words were changed\r\n").success();

    // Decided on another machine: the file in the repository carries it.
    let open = env.cemem(["review", "--json", "--limit", "999"]).success().json();
    let ids = ids(&open["lessons"]);
    env.cemem(["review", "--reject"].into_iter().chain(ids.iter().map(String::as_str))).success();
    std::fs::create_dir_all(env.project().join(".cemem")).unwrap();
    env.cemem(["export", "--output", ".cemem/lessons.jsonl"]).success();
    std::fs::remove_dir_all(env.cemem_home()).unwrap();
    run("Read what the team decided", "").success();
    run("Read the reviews", "").success();
    let after = run("Gate", "Adds a picker.");
    assert!(!after.stdout.contains("cemem review --accept"), "{}", after.stdout);
}
