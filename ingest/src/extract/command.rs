//! Shell commands: which family a command belongs to, and whether its output shows a failure.
//!
//! Owns the family rule, the failure patterns and the error signature. Must not run or interpret
//! anything: a command here is text in a transcript.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

/// Words in front of a command that are not the command.
const WRAPPERS: &[&str] =
    &["sudo", "time", "nice", "env", "command", "exec", "nohup", "timeout", "then", "do"];
/// Commands whose second word only says "run the task named next".
const RUNNERS: &[(&str, &[&str])] = &[
    ("mise", &["run", "r", "x"]),
    ("npm", &["run", "exec"]),
    ("pnpm", &["run", "exec"]),
    ("yarn", &["run"]),
    ("bun", &["run"]),
    ("deno", &["task"]),
    ("poetry", &["run"]),
    ("uv", &["run"]),
    ("pdm", &["run"]),
    ("hatch", &["run"]),
    ("bundle", &["exec"]),
    ("cargo", &["xtask"]),
    ("docker", &["compose"]),
    ("python", &["-m"]),
    ("python3", &["-m"]),
    ("dotnet", &["tool"]),
    ("turbo", &["run"]),
    ("nx", &["run"]),
    ("rye", &["run"]),
    ("pixi", &["run"]),
];
/// First words of commands worth naming in a rule's scope.
const KNOWN: &[&str] = &[
    "cargo",
    "go",
    "make",
    "just",
    "mise",
    "npm",
    "npx",
    "pnpm",
    "yarn",
    "bun",
    "deno",
    "node",
    "python",
    "python3",
    "pytest",
    "pip",
    "uv",
    "poetry",
    "tox",
    "nox",
    "ruff",
    "mypy",
    "git",
    "gh",
    "docker",
    "kubectl",
    "terraform",
    "helm",
    "gradle",
    "./gradlew",
    "mvn",
    "dotnet",
    "bundle",
    "rake",
    "rails",
    "tsc",
    "eslint",
    "jest",
    "vitest",
    "prettier",
    "golangci-lint",
    "pre-commit",
    "swift",
    "xcodebuild",
    "cmake",
    "ctest",
    "bazel",
    "nx",
    "turbo",
    "sqlx",
    "alembic",
    "psql",
    "brew",
    "ansible",
    "mix",
    "composer",
    "php",
];

static CHECK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:tests?|lint|build|check|clippy|vet|compile|tsc|e?slint|pytest|jest|vitest|mypy|ruff|pyright|golangci-lint|fmt|typecheck|tox|nox|ctest|gradlew?|mvn|rake|pre-commit|install|migrate|generate|codegen|playwright|cypress|bazel|xcodebuild|docker|terraform|make|just)\b",
    )
    .expect("the pattern is a constant")
});

static FAILURES: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new([
        r"(?m)^\s*--- FAIL\b",
        r"(?m)^FAIL\b",
        r"(?m)\bFAILED\b",
        r"(?m)^error(?:\[E\d+\])?: ",
        r"panicked at ",
        r"npm ERR!",
        r"(?m)^Traceback \(most recent call last\)",
        r"\b[1-9]\d* (?:failed|failing|failures?)\b",
        r"ERROR task failed",
        r"(?m)^make: \*\*\* ",
        r"\berror TS\d+:",
        r"(?m)^E   ",
        r"command not found",
        r"(?m)^SyntaxError: ",
        r"(?m)^ModuleNotFoundError: ",
        r"(?m)^fatal: ",
        r"BUILD FAILED",
        r"(?m)^\S+\.go:\d+:\d+: ",
        r"ELIFECYCLE",
        r"Error: Cannot find module",
    ])
    .expect("the patterns are constants")
});

static ERROR_LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)^\s*(?:
            error(?:\[E\d+\])?:\s | E\s{3}\S | \S+(?:Error|Exception)\b:?\s | panic:\s | fatal:\s
          | \S+\.\w+:\d+(?::\d+)?:?\s | .*\berror\ TS\d+: | .*command\ not\ found | .*No\ such\ file\ or\ directory
          | .*panicked\ at\s | npm\ ERR!\s\S | \#\s\S+/\S+$ | .*[Cc]annot\ find\s | .*\bundefined:\s | .*(?i:\berror:\s)
        )",
    )
    .expect("the pattern is a constant")
});

static VOLATILE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?x) 0x[0-9a-f]+ | \b[0-9a-f]{7,64}\b | \b\d{4}-\d\d-\d\d[T\ ]\S+ | \b\d+(?:\.\d+)?(?:ms|s|µs)?\b")
        .expect("the pattern is a constant")
});
static FOLDERS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:\.{0,2}/|[\w.@~-]+/)(?:[\w.@~-]+/)+").expect("the pattern is a constant")
});
static PLACE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\S+\.\w+:\d+(?::\d+)?:\s*").expect("the pattern is a constant"));
static COLUMN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r":\d+:\d+").expect("the pattern is a constant"));
/// The code by which a checker names its rule: `(errcheck)`, `error[E0432]`, `error TS2345:`,
/// `F401`, `clippy::unwrap_used`, `no-unused-vars`.
static CODE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\(([a-z][a-z0-9-]{2,24})\)\s*$|\[(E\d{4})\]|\berror (TS\d{3,5}):|:\d+:\d+:? ([A-Z]{1,4}\d{3,4})\b|\b(clippy::[a-z_]+)|\s{2}(@?[a-z]+(?:[/-][a-z]+)+)\s*$")
        .expect("the pattern is a constant")
});

/// Returns the family of a command line: the first two words of its main part, three for task
/// runners, without directory changes, variables, options, pipes and redirections.
pub(crate) fn family(line: &str) -> Option<String> {
    let parts: Vec<Vec<&str>> = segments(line).map(words).filter(|w| !w.is_empty()).collect();
    let main = parts.iter().find(|w| CHECK.is_match(&w.join(" "))).or_else(|| parts.first())?;
    Some(name_of(main))
}

/// Returns the family of every command on a command line.
pub(crate) fn families(line: &str) -> Vec<String> {
    segments(line).map(words).filter(|w| !w.is_empty()).map(|w| name_of(&w)).collect()
}

/// Returns the family of the part of a command line that runs a known tool.
pub(crate) fn known_family_in(line: &str) -> Option<String> {
    let known = |w: &Vec<&str>| w.first().is_some_and(|first| KNOWN.contains(first));
    let parts: Vec<Vec<&str>> = segments(line).map(words).filter(known).collect();
    let main = parts.iter().find(|w| CHECK.is_match(&w.join(" "))).or_else(|| parts.first())?;
    Some(name_of(main))
}

/// Returns the family of a text that may be a command: only if it begins like a known one.
pub(crate) fn known_family(text: &str) -> Option<String> {
    let first = text.split_whitespace().next()?;
    KNOWN.contains(&first).then(|| family(text)).flatten()
}

/// Returns whether a command builds, tests or checks something, so that its failure means work.
pub(crate) fn is_check(line: &str) -> bool {
    family(line).is_some_and(|f| {
        let first = f.split(' ').next().unwrap_or("");
        !matches!(
            first,
            "grep"
                | "rg"
                | "diff"
                | "test"
                | "["
                | "cat"
                | "ls"
                | "find"
                | "head"
                | "tail"
                | "sed"
                | "echo"
                | "git"
                | "gh"
                | "curl"
                | "which"
        ) && CHECK.is_match(&f)
    })
}

/// Returns whether the output of a check shows a failure, whatever its exit status says.
pub(crate) fn output_fails(text: &str) -> bool {
    FAILURES.is_match(text)
}

/// Returns the line of an output by which the failure is recognised again: the first that names an
/// error with something specific in it. Always a substring of `text`.
pub(crate) fn error_line(text: &str) -> Option<&str> {
    error_lines(text).next()
}

/// Returns every such line.
pub(crate) fn error_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| {
        (12..=400).contains(&line.len()) && ERROR_LINE.is_match(line) && specific(line)
    })
}

/// Returns the error line without numbers, hashes, times and folders: the same failure has the same
/// signature in another run.
pub(crate) fn signature(line: &str) -> String {
    display(line).to_lowercase()
}

/// Returns the error line as shown in a rule: its variable parts stand as `#`.
pub(crate) fn display(line: &str) -> String {
    let line = super::wording::clean_line(line).replace('`', "'");
    let line = FOLDERS.replace_all(&line, "");
    VOLATILE.replace_all(&line, "#").into_owned()
}

/// Returns the code of the checker's rule an error line names, and its message without the place.
pub(crate) fn checker_rule(line: &str) -> Option<(&str, &str)> {
    let code = CODE.captures(line)?.iter().skip(1).flatten().next()?.as_str();
    let place = PLACE.find(line);
    // A word in brackets at the end is a rule's name only where a checker points at a place; type
    // checkers report what the compiler would.
    let in_brackets = line.trim_end().ends_with(&format!("({code})"));
    if code == "typecheck" || (in_brackets && !place.is_some_and(|p| COLUMN.is_match(p.as_str()))) {
        return None;
    }
    let message = place.map_or(line, |place| &line[place.end()..]).trim();
    let message =
        message.rsplit_once(" (").filter(|(_, last)| last.len() < 26).map_or(message, |m| m.0);
    Some((code, message.trim()))
}

/// "exit status 1" and "error: test failed" say nothing by which to find the same failure again.
fn specific(line: &str) -> bool {
    let lower = line.to_lowercase();
    let generic = [
        "exit status",
        "exit code",
        "exited with",
        "task failed",
        "aborting due to",
        "could not compile",
        "test failed",
        "recipe for target",
        "build failed",
        "command failed",
        "--- fail",
        "process completed",
        "failed with exit",
        "previous error",
        "elifecycle",
        "run with `rust_backtrace",
        ": # ",
        " info ",
        " debug ",
        "could not import",
    ];
    if generic.iter().any(|g| lower.contains(g)) {
        return false;
    }
    VOLATILE
        .replace_all(&lower, " ")
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|w| w.len() > 3)
        .count()
        >= 2
}

fn segments(line: &str) -> impl Iterator<Item = &str> {
    line.split("&&")
        .flat_map(|s| s.split("||"))
        .flat_map(|s| s.split([';', '\n']))
        .map(|s| s.split('|').next().unwrap_or("").trim())
        .filter(|s| !s.is_empty() && !s.starts_with('#'))
}

/// Returns the words of one simple command that name it.
fn words(segment: &str) -> Vec<&str> {
    let mut out: Vec<&str> = Vec::new();
    let mut skip_value = false;
    for word in segment.split_whitespace() {
        let assignment = out.is_empty() && word.contains('=') && !word.starts_with(['=', '-']);
        let redirection =
            word.starts_with(['>', '<']) || word.starts_with("2>") || word.starts_with("&>");
        if redirection {
            break;
        }
        if skip_value {
            skip_value = false;
            continue;
        }
        if out.is_empty() && word == "cd" {
            return Vec::new();
        }
        if out.is_empty() && (WRAPPERS.contains(&word) || word.parse::<u32>().is_ok()) || assignment
        {
            continue;
        }
        let module = word == "-m" && out.len() == 1 && out[0].starts_with("python");
        if word.starts_with('-') && !module {
            // `git -C dir status`, `make -C dir all`, `npm --prefix dir test`.
            skip_value = matches!(word, "-C" | "--prefix" | "--manifest-path" | "--dir" | "--cwd");
            continue;
        }
        out.push(word);
        if out.len() == 3 {
            break;
        }
    }
    out
}

fn name_of(words: &[&str]) -> String {
    let first =
        words[0].rsplit('/').next().filter(|_| words[0].starts_with('/')).unwrap_or(words[0]);
    let runner = RUNNERS
        .iter()
        .any(|(name, subs)| *name == first && words.get(1).is_some_and(|w| subs.contains(w)));
    let keep = if runner { 3 } else { 2 };
    let mut name = first.to_owned();
    // A quoted or path-like second word is an argument, not part of the name.
    for word in words.iter().skip(1).take(keep - 1) {
        if word.contains(['"', '\'', '$', '/', '(', '{', '*', '<', '=']) {
            break;
        }
        name.push(' ');
        name.push_str(word);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_drop_everything_but_the_command() {
        for (line, want) in [
            ("cd /x/y && CI=1 mise run lint 2>&1 | tail -20", "mise run lint"),
            ("mise run test:ci", "mise run test:ci"),
            ("go test ./cmd/... -run TestOne -v", "go test"),
            ("timeout 60 cargo test -p x -- --nocapture", "cargo test"),
            ("python -m pytest tests/a.py", "python -m pytest"),
            ("npm --prefix web run build", "npm run build"),
            ("git add -A && mise run fmt && git commit -m x", "mise run fmt"),
            ("/usr/bin/make all", "make all"),
        ] {
            assert_eq!(family(line).as_deref(), Some(want), "{line}");
        }
        assert_eq!(family("cd /x"), None);
        assert_eq!(known_family("and then run"), None);
    }

    #[test]
    fn failures_show_in_the_output_even_when_a_pipe_hides_the_status() {
        assert!(output_fails("ok  a\n--- FAIL: TestX (0.1s)\nFAIL"));
        assert!(output_fails("x.test.ts\n 3 failed, 2 passed"));
        assert!(!output_fails("test result: ok. 10 passed; 0 failed"));
        assert!(!is_check("grep -rn test ."));
        assert!(is_check("go test ./..."));
    }

    #[test]
    fn a_checkers_rule_is_known_by_its_code() {
        let go =
            "cmd/a.go:3:7: os/exec.Command must not be called. use os/exec.CommandContext (noctx)";
        let found =
            Some(("noctx", "os/exec.Command must not be called. use os/exec.CommandContext"));
        assert_eq!(checker_rule(go), found);
        assert_eq!(checker_rule("src/a.ts(1,2): error TS2345: wrong").map(|f| f.0), Some("TS2345"));
        assert_eq!(checker_rule("a.py:1:1: F401 `os` imported").map(|f| f.0), Some("F401"));
        assert_eq!(checker_rule("cmd/a.go:12:5: undefined: parseConfig"), None);
    }

    #[test]
    fn the_error_line_is_specific_and_its_signature_stable() {
        let out = "[test] $ go test\nExit code 1\n# github.com/x/y\n./a/b.go:12:5: undefined: parseConfig\nFAIL";
        let line = error_line(out).unwrap();
        assert!(line.contains("undefined: parseConfig"), "{line}");
        let other = "./a/b.go:99:1: undefined: parseConfig";
        assert_eq!(signature(line), signature(other));
        assert_eq!(error_line("error: test failed\nexit status 1"), None);
    }
}
