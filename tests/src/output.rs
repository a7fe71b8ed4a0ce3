//! What a run of `cemem` printed.
//!
//! Owns [`Output`] and the replacement of everything that differs from run to run. Must not hide a
//! failure: a check that does not hold shows both streams.

use std::path::Path;

use serde_json::Value;

/// A finished run. Paths of the test's own folder read `$TEST_ENV`.
#[derive(Debug, Clone)]
pub struct Output {
    /// Exit code; -1 if a signal ended the run.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    command: String,
}

impl Output {
    /// Reads a finished process, whose command line was `command`.
    pub(crate) fn new(command: String, root: &Path, output: &std::process::Output) -> Self {
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).replace(&*root.to_string_lossy(), "$TEST_ENV")
        };
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            command,
        }
    }

    /// Checks that the run succeeded.
    #[track_caller]
    pub fn success(self) -> Self {
        self.fails_with(0)
    }

    /// Checks that the run ended with `code`.
    #[track_caller]
    pub fn fails_with(self, code: i32) -> Self {
        assert!(
            self.code == code,
            "`{}` ended with {}, not {code}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            self.code,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Returns stdout as one JSON value.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("`{}`: {error}\n--- stdout\n{}", self.command, self.stdout)
        })
    }

    /// Returns stdout and stderr with everything that changes from run to run replaced: durations,
    /// scores and store ids become `N`.
    #[must_use]
    pub fn stable(&self) -> String {
        let both = format!("{}--- stderr\n{}", self.stdout, self.stderr);
        both.split_inclusive(char::is_whitespace).map(stable_word).collect()
    }
}

/// Replaces a word that is a duration (`12ms`, `0.3 s` loses its number) or a decimal number.
fn stable_word(word: &str) -> String {
    let core = word.trim_end_matches(|c: char| c.is_whitespace() || ",;)".contains(c));
    let number = core.trim_start_matches('(').trim_end_matches("ms").trim_end_matches('s');
    let is_decimal = number.parse::<f64>().is_ok() && number.contains('.');
    let is_duration = number.len() < core.len() && number.parse::<f64>().is_ok();
    if is_decimal || is_duration { word.replacen(number, "N", 1) } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::stable_word;

    #[test]
    fn only_what_changes_is_replaced() {
        assert_eq!(stable_word("12ms,"), "Nms,");
        assert_eq!(stable_word("0.34 "), "N ");
        assert_eq!(stable_word("(1.5s)\n"), "(Ns)\n");
        for kept in ["12 ", "L-7f3a2c", "files\n", "2026-01-01", "v0.1.0"] {
            assert_eq!(stable_word(kept), kept);
        }
    }
}
