//! The five minutes of README.md, word for word, in an empty home.
//!
//! Owns the comparison: ids, scores and times may differ, `…` stands for anything. Must not know what
//! the commands do.

use std::path::Path;
use std::process::Command;

use cemem_tests::TestEnv;

/// A command of the walk-through and what the README prints below it.
struct Step {
    command: String,
    printed: Vec<String>,
}

fn steps() -> Vec<Step> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let section = readme.split("\n## Five minutes\n").nth(1).expect("the section is there");
    let section = section.split("\n## ").next().unwrap_or(section);
    let block = section.split("```console\n").nth(1).expect("a block of commands");
    let block = block.split("```").next().unwrap_or(block);
    let mut steps: Vec<Step> = Vec::new();
    for line in block.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => steps.push(Step { command: command.to_owned(), printed: Vec::new() }),
            None => steps.last_mut().expect("a command first").printed.push(line.to_owned()),
        }
    }
    steps
}

/// Runs a command line where the last one ended; returns the exit code and what was printed.
#[expect(clippy::disallowed_methods, reason = "a shell runs what a reader types")]
fn run(env: &TestEnv, command: &str) -> (Option<i32>, String) {
    let place = env.root().join("place");
    let script = format!(
        "cd \"$(cat '{0}')\" || exit 99\n{command}\ncode=$?\npwd > '{0}'\nexit $code",
        place.display()
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .env_clear()
        .env("HOME", env.home())
        .env("PATH", format!("{}:/usr/bin:/bin", env.root().join("bin").display()))
        .env("CEMEM_NOW", "2026-05-01T12:00:00Z")
        .env("TMPDIR", env.root())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // Said once on a machine without the library; the README is of one that has it.
    let talk = text(&output.stderr);
    let talk = talk.lines().filter(|line| !line.starts_with("note: words only"));
    let talk: Vec<&str> = talk.collect();
    (output.status.code(), format!("{}{}", text(&output.stdout), talk.join("\n")))
}

/// Replaces ids and scores.
fn plain(line: &str) -> String {
    let word = |word: &str| {
        let is_id =
            word.strip_prefix("L-").is_some_and(|id| id.bytes().all(|b| b.is_ascii_hexdigit()));
        let is_score = word.contains('.') && word.parse::<f32>().is_ok();
        if is_id {
            "ID".to_owned()
        } else if is_score {
            "SCORE".to_owned()
        } else {
            word.to_owned()
        }
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Returns whether a line is the README's, in which `…` stands for anything.
fn fits(wanted: &str, got: &str) -> bool {
    let (wanted, got) = (plain(wanted), plain(got));
    let mut rest = got.as_str();
    for (idx, part) in wanted.split('…').enumerate() {
        match rest.find(part) {
            Some(at) if idx > 0 || at == 0 => rest = &rest[at + part.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || wanted.ends_with('…')
}

/// Returns whether a command printed what the README says: `…` on a line of its own is any lines.
fn prints(wanted: &[String], got: &[&str]) -> bool {
    match (wanted, got) {
        ([], []) => true,
        ([first, wanted @ ..], got) if first == "…" => {
            (0..=got.len()).any(|skip| prints(wanted, &got[skip..]))
        }
        ([first, wanted @ ..], [line, got @ ..]) => fits(first, line) && prints(wanted, got),
        _ => false,
    }
}

#[test]
fn the_walk_through_works_as_printed() {
    let env = TestEnv::without_runtime();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::write(env.root().join("place"), checkout.to_string_lossy().as_bytes()).unwrap();
    let steps = steps();
    assert!(steps.len() >= 10, "{} steps", steps.len());
    for step in steps {
        let (code, printed) = run(&env, &step.command);
        assert_eq!(code, Some(0), "$ {}\n{printed}", step.command);
        let lines: Vec<&str> = printed.lines().collect();
        assert!(
            prints(&step.printed, &lines),
            "$ {}\n--- README\n{}\n--- printed\n{printed}",
            step.command,
            step.printed.join("\n")
        );
    }
    let left = std::fs::read_dir(env.home()).unwrap().map(|e| e.unwrap().file_name());
    let mut left: Vec<_> = left.map(|name| name.to_string_lossy().into_owned()).collect();
    left.sort();
    assert_eq!(left, [".local", "cemem-sample"], "nothing else was made in the home folder");
}

#[test]
fn differences_are_seen() {
    let wanted: Vec<String> = ["0.66  L-daf6b8  a … c", "…", "end"].map(str::to_owned).into();
    assert!(prints(&wanted, &["0.2  L-000000  a b c", "x", "y", "end"]));
    assert!(prints(&wanted, &["0.2  L-000000  a b c", "end"]));
    for got in [&["0.2  L-000000  a b d", "end"][..], &["0.2  L-00  a b c", "end", "x"], &["end"]] {
        assert!(!prints(&wanted, got), "{got:?}");
    }
}
