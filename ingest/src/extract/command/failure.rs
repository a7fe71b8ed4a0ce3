//! What the output of a check says: whether it failed, and by which line it is known again.
//!
//! Owns the failure patterns of the common tools, the error signature and the names of checkers' rules. Must
//! not trust an output: its words are matched, never followed.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

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
        r"(?m)^g?make(?:\[\d+\])?: \*\*\* ",
        r"\berror [A-Z]{1,6}\d{3,5}:",
        r"\bFailed!\s+- Failed:\s+[1-9]",
        r"(?m)^\S+:\d+(?::\d+)?: (?:fatal )?error: ",
        r"(?m)^e: (?:file://)?\S+\.kts?:\d",
        r"(?m)^(?:>\s*)?\S+#test_\S+ \[\S+:\d+\]:",
        r"\b\d+ (?:runs|tests), \d+ assertions, .*\b[1-9]\d* (?:failures|errors)\b",
        r"\b[1-9]\d* offenses? detected",
        r"(?m)^(?:FAILURES|ERRORS)!\s*$",
        r"(?m)^\s*\[ERROR\] (?:Found [1-9]|Failed to |COMPILATION|Tests run:)",
        r"BUILD FAILURE",
        r"(?m)^(?:\s{4})?\*\* \(\w",
        r"(?m)^== Compilation error",
        r"(?m)^CMake Error\b",
        r"undefined reference to ",
        r"(?m)^Undefined symbols for architecture",
        r"(?m)^rake aborted!",
        r"(?m)^Could not find (?:gem|.* in locally installed gems)",
        r"Your requirements could not be resolved",
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
          | \S+\.\w+:\d+(?::\d+)?:?\s | .*\berror\ [A-Z]{1,6}\d{3,5}: | .*command\ not\ found | .*No\ such\ file\ or\ directory
          | .*panicked\ at\s | npm\ ERR!\s\S | \#\s\S+/\S+$ | .*[Cc]annot\ find\s | .*\bundefined:\s | .*(?i:\berror:\s)
          | Caused\ by:\s\S+(?:Error|Exception)\b | \[ERROR\]\s+\S+(?:\.(?:java|kt|scala|groovy)[:\[] | :\d+\s) | e:\s\S+\.kts?:\d
          | >\s+Could\ not\ (?:resolve|find|determine)\s | (?:\w+::)+\w+:$
          | .*\bundefined\ (?:method|local|function|variable|constant|reference|symbol) | .*\buninitialized\ constant\s
          | \S+\#test_\S+\s\[ | Failed\s\S+\.\S+\s\[ | Assert\.\w+\(\)\ Failure
          | Failed\ asserting\ that\s | .*\bCall\ to\ undefined\s
          | \d{1,5}\ {2,}(?:Parameter|Method|Property|Call|Access|Undefined|Variable|Function|Class|Cannot|PHPDoc|Instantiated|Unreachable)\b
          | \*\*\ \(\S+\)\s | Assertion\ with\s\S+\ failed
          | CMake\ Error\ at\s | Undefined\ symbols\b | .*symbol\(s\)\ not\ found | make(?:\[\d+\])?:\ \*\*\*\ No\ rule
          | \d+\ -\ \S+\ \((?:Failed|Timeout|SEGFAULT) | .*[Cc]ould\ not\ find\ (?:gem|a\ package)\b | An\ error\ occurred\ while\s
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
/// `F401`, `clippy::unwrap_used`, `no-unused-vars`, `C: Style/StringLiterals:`, `error CA1822:` (but not
/// `CS0246`, by which a compiler names anything that is missing), `[-Wunused-variable]`, `[MagicNumber]`.
static CODE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\((?:standard:)?([a-z][a-z0-9_-]{2,24})\)\s*$|\b[CWEFR]: (?:\[Corr\w+\] )?((?:[A-Z]\w+/)+[A-Z]\w+):|\b(?:error|warning) ((?:CA|SA|IDE|RCS|S)\d{3,5}):|\[(?:-Werror,)?(-W[a-z][a-z0-9+=-]+)\]\s*$|:\d+:\d+: .*\[([A-Z][a-z]+[A-Z]\w+)\]\s*$|\[(E\d{4})\]|\berror (TS\d{3,5}):|:\d+:\d+:? ([A-Z]{1,4}\d{3,4})\b|\b(clippy::[a-z_]+)|\s{2}(@?[a-z]+(?:[/-][a-z]+)+)\s*$")
        .expect("the pattern is a constant")
});

/// Returns whether the output of a check shows a failure, whatever its exit status says.
pub(crate) fn output_fails(text: &str) -> bool {
    FAILURES.is_match(text)
}

/// Returns the line of an output by which the failure is recognised again: the first that names an
/// error with something specific in it. Always a substring of `text`.
pub(crate) fn error_line(text: &str) -> Option<&str> {
    // RSpec shows the line of the test first, and what went wrong below it.
    let says = |line: &&str| !line.starts_with("Failure/Error:");
    error_lines(text).find(says).or_else(|| error_lines(text).next())
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
    let line = crate::extract::wording::clean_line(line).replace('`', "'");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_show_in_the_output_even_when_a_pipe_hides_the_status() {
        assert!(output_fails("ok  a\n--- FAIL: TestX (0.1s)\nFAIL"));
        assert!(output_fails("x.test.ts\n 3 failed, 2 passed"));
        assert!(!output_fails("test result: ok. 10 passed; 0 failed"));
    }

    #[test]
    fn errors_of_every_common_ecosystem_are_known() {
        for (out, line) in [
            (
                "Failures:\n  1) Checkout\n     Failure/Error: visit checkout_path\n     Webdrivers::BrowserNotFound:\n       Failed to determine Chrome.\n1 example, 1 failure",
                "Webdrivers::BrowserNotFound:",
            ),
            (
                "     Failure/Error: expect(cart.total).to eq(money)\n       expected: 3\n2 examples, 1 failure",
                "Failure/Error: expect(cart.total).to eq(money)",
            ),
            (
                "     NoMethodError:\n       undefined method `cents' for nil:NilClass\n3 examples, 2 failures",
                "undefined method `cents' for nil:NilClass",
            ),
            (
                "Failure:\nCartTest#test_total [test/cart_test.rb:12]:\nExpected: 1\n5 runs, 9 assertions, 1 failures, 0 errors",
                "CartTest#test_total [test/cart_test.rb:12]:",
            ),
            (
                "rake aborted!\nNameError: uninitialized constant Cart\n",
                "NameError: uninitialized constant Cart",
            ),
            (
                "Could not find gem 'pg (~> 1.5)' in locally installed gems.",
                "Could not find gem 'pg (~> 1.5)' in locally installed gems.",
            ),
            (
                "a.rb:3:5: C: [Correctable] Style/StringLiterals: Prefer single-quoted strings.\n1 offense detected",
                "a.rb:3:5: C: [Correctable] Style/StringLiterals: Prefer single-quoted strings.",
            ),
            (
                "Assets/X.cs(14,22): error CS0246: The type or namespace name 'InputAction' could not be found",
                "Assets/X.cs(14,22): error CS0246: The type or namespace name 'InputAction' could not be found",
            ),
            (
                "/w/A.csproj : error NU1101: Unable to find package Foo.Bar.",
                "/w/A.csproj : error NU1101: Unable to find package Foo.Bar.",
            ),
            (
                "  Failed Shop.CartTests.Totals [12 ms]\nFailed!  - Failed:     1, Passed:     3",
                "Failed Shop.CartTests.Totals [12 ms]",
            ),
            (
                "[ERROR] COMPILATION ERROR :\n[ERROR] /w/src/Cart.java:[12,5] cannot find symbol\nBUILD FAILURE",
                "[ERROR] /w/src/Cart.java:[12,5] cannot find symbol",
            ),
            (
                "src/Cart.java:12: error: cannot find symbol\n1 error",
                "src/Cart.java:12: error: cannot find symbol",
            ),
            (
                "e: file:///w/src/Cart.kt:3:5 Unresolved reference 'total'.\nBUILD FAILED in 3s",
                "e: file:///w/src/Cart.kt:3:5 Unresolved reference 'total'.",
            ),
            (
                "> Could not resolve com.example:cart:1.0.\nBUILD FAILED",
                "> Could not resolve com.example:cart:1.0.",
            ),
            (
                "1) CartTest::testTotal\nFailed asserting that null matches expected 3.\nFAILURES!\n",
                "Failed asserting that null matches expected 3.",
            ),
            (
                "  12     Parameter #1 $price of method Cart::add() expects int, string given.\n [ERROR] Found 1 error",
                "12     Parameter #1 $price of method Cart::add() expects int, string given.",
            ),
            (
                "** (CompileError) lib/cart.ex:3: undefined function total/0",
                "** (CompileError) lib/cart.ex:3: undefined function total/0",
            ),
            (
                "/w/Cart.swift:3:5: error: cannot find 'total' in scope",
                "/w/Cart.swift:3:5: error: cannot find 'total' in scope",
            ),
            (
                "a.c:3:10: fatal error: cart.h: No such file or directory",
                "a.c:3:10: fatal error: cart.h: No such file or directory",
            ),
            (
                "/usr/bin/ld: a.o: in function `main': undefined reference to `cart_total'",
                "/usr/bin/ld: a.o: in function `main': undefined reference to `cart_total'",
            ),
            (
                "CMake Error at CMakeLists.txt:12 (find_package):\n  By not providing \"FindCart.cmake\"",
                "CMake Error at CMakeLists.txt:12 (find_package):",
            ),
            (
                "make[1]: *** No rule to make target 'cart.o', needed by 'app'.  Stop.",
                "make[1]: *** No rule to make target 'cart.o', needed by 'app'.  Stop.",
            ),
            (
                "The following tests FAILED:\n\t  3 - cart_total_test (Failed)",
                "3 - cart_total_test (Failed)",
            ),
        ] {
            assert!(output_fails(out), "{out}");
            assert_eq!(error_line(out), Some(line), "{out}");
        }
        for out in [
            "412 examples, 0 failures",
            "5 runs, 9 assertions, 0 failures, 0 errors, 0 skips",
            "12 files inspected, no offenses detected",
            "Passed!  - Failed:     0, Passed:    14",
            "Build succeeded.\n    0 Warning(s)\n    0 Error(s)",
            "OK (12 tests, 30 assertions)",
            "[OK] No errors",
            "BUILD SUCCESSFUL in 3s",
            "100% tests passed, 0 tests failed out of 12",
        ] {
            assert!(!output_fails(out), "{out}");
        }
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
        for (line, code) in [
            (
                "a.rb:3:5: C: [Correctable] Style/StringLiterals: Prefer it.",
                Some("Style/StringLiterals"),
            ),
            ("A.cs(3,5): error CA1822: Member can be static", Some("CA1822")),
            ("A.cs(3,5): error CS0246: The type could not be found", None),
            (
                "a.c:3:5: error: unused variable 'x' [-Werror,-Wunused-variable]",
                Some("-Wunused-variable"),
            ),
            ("src/A.kt:3:5: This is a magic number. [MagicNumber]", Some("MagicNumber")),
            ("A.swift:3:1: warning: Line should be short (line_length)", Some("line_length")),
        ] {
            assert_eq!(checker_rule(line).map(|f| f.0), code, "{line}");
        }
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
