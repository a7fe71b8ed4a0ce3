//! Shell commands: which family a command belongs to, and whether it checks something; `failure` has
//! what its output says.
//!
//! Owns the family rule. Must not run or interpret anything: a command here is text in a transcript.

mod failure;

use std::sync::LazyLock;

use regex::Regex;

pub(crate) use self::failure::{
    checker_rule, display, error_line, error_lines, output_fails, signature,
};

/// Most words of a command that are looked at.
const MAX_WORDS: usize = 5;
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
    ("php", &["artisan", "bin/console"]),
    ("composer", &["run", "run-script", "exec"]),
    ("swift", &["package"]),
    ("mix", &["do"]),
];
/// Programs that are named with what they shall do, behind a runner too: `bundle exec rails test`.
const NESTED: &[&str] = &["rails", "bin/rails", "python", "python3", "php", "cargo", "dotnet"];
/// Options whose value is the next word.
const WITH_VALUE: &[&str] = &[
    "-C",
    "--prefix",
    "--manifest-path",
    "--dir",
    "--cwd",
    "--package-path",
    "-pl",
    "-scheme",
    "-project",
    "-workspace",
    "-destination",
    "-configuration",
    "-sdk",
    "-derivedDataPath",
    "-projectPath",
    "-logFile",
    "-testPlatform",
    "-testResults",
    "-executeMethod",
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
    "bin/rails",
    "bin/rspec",
    "rspec",
    "rubocop",
    "msbuild",
    "./mvnw",
    "phpunit",
    "phpstan",
    "sbt",
];

static CHECK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)\b(?:tests?|\w*lint|build|check|vet|compile|fmt|typecheck|install|migrate|generate|codegen|analyze
            |clippy|tsc|pytest|unittest|flake8|mypy|ruff|pyright|tox|nox|pre-commit
            |jest|vitest|mocha|karma|playwright|cypress|biome
            |gradlew?|mvnw?|javac|kotlinc|detekt|checkstyle|sbt
            |rake|rspec|rubocop|minitest|brakeman|sorbet
            |msbuild|unity|phpunit|phpstan|phpcs|psalm|pest|credo|dialyzer
            |xcodebuild|swiftc|gcc|clang|cmake|ctest|ninja|make|just|bazel|docker|terraform)\b
          | \b(?:g|clang)\+\+",
    )
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
    // The quotation mark that a value of several words ends with.
    let mut open: Option<char> = None;
    for word in segment.split_whitespace() {
        let assignment = out.is_empty() && word.contains('=') && !word.starts_with(['=', '-']);
        if let Some(quote) = open {
            open = (!word.ends_with(quote)).then_some(quote);
            continue;
        }
        let redirection =
            word.starts_with(['>', '<']) || word.starts_with("2>") || word.starts_with("&>");
        if redirection {
            break;
        }
        if skip_value {
            skip_value = false;
            let quote = word.chars().next().filter(|c| matches!(c, '"' | '\''));
            open = quote.filter(|quote| word.len() == 1 || !word.ends_with(*quote));
            continue;
        }
        if out.is_empty() && word == "cd" {
            return Vec::new();
        }
        if out.is_empty() && (WRAPPERS.contains(&word) || word.parse::<u32>().is_ok()) || assignment
        {
            continue;
        }
        let module = word == "-m" && out.last().is_some_and(|last| last.starts_with("python"));
        if word.starts_with('-') && !module {
            // `git -C dir status`, `make -C dir all`, `npm --prefix dir test`.
            skip_value = WITH_VALUE.contains(&word);
            continue;
        }
        out.push(word);
        if out.len() == MAX_WORDS {
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
    let nested = |at: usize| words.get(at).is_some_and(|word| NESTED.contains(word));
    let mut keep = if runner { 3 } else { 2 };
    if runner && nested(2) {
        keep = if words.get(3) == Some(&"-m") { 5 } else { 4 };
    }
    let mut name = first.to_owned();
    // A quoted or path-like second word is an argument, not part of the name.
    for word in words.iter().skip(1).take(keep - 1) {
        let subcommand = *word == "bin/rails" || *word == "bin/console";
        if *word == "."
            || word.contains(['"', '\'', '$', '(', '{', '*', '<', '='])
            || (word.contains('/') && !subcommand)
        {
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
            ("bundle exec rails test test/models", "bundle exec rails test"),
            ("uv run python -m pytest -q", "uv run python -m pytest"),
            ("php artisan test --filter Cart", "php artisan test"),
            (
                "xcodebuild -scheme App -destination 'platform=iOS Simulator,name=iPhone 15' test",
                "xcodebuild test",
            ),
            ("/opt/Unity/Editor/Unity -batchmode -runTests -projectPath .", "Unity"),
            ("cmake -S . -B out", "cmake"),
        ] {
            assert_eq!(family(line).as_deref(), Some(want), "{line}");
        }
        assert_eq!(family("cd /x"), None);
        assert_eq!(known_family("and then run"), None);
    }

    #[test]
    fn a_search_for_tests_is_no_check() {
        assert!(!is_check("grep -rn test ."));
        assert!(is_check("go test ./..."));
    }

    #[test]
    fn checks_of_every_common_ecosystem_are_known() {
        for line in [
            "bin/rspec spec/models",
            "bundle exec rspec",
            "bundle exec rubocop -A",
            "bin/rails test",
            "rake db:migrate",
            "dotnet test --no-build",
            "msbuild App.sln /t:Build",
            "Unity -batchmode -runTests -projectPath .",
            "./gradlew :app:testDebugUnitTest",
            "./mvnw -q verify",
            "javac -d out src/A.java",
            "vendor/bin/phpunit tests",
            "vendor/bin/phpstan analyse",
            "php artisan test",
            "composer install",
            "mix test test/a_test.exs",
            "mix credo --strict",
            "swift build",
            "swiftlint",
            "g++ -Wall a.cpp",
            "gcc -c a.c",
            "cmake --build out",
            "ninja -C out",
            "ctest --output-on-failure",
        ] {
            assert!(is_check(line), "{line}");
        }
        for line in
            ["bin/rails console", "bundle show", "php -v", "swift --version", "cat lint.txt"]
        {
            assert!(!is_check(line), "{line}");
        }
    }
}
