//! How cemem is called from settings.
//!
//! Owns quoting: hooks are lines that some shell reads, on Windows another one than elsewhere. Must
//! not start anything.

use std::path::Path;

use cemem_ingest::discover::Os;

/// What never needs quotes, in any shell.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | '+')
}

/// The program that settings name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// `cemem` where that is found by its name, else its path.
    pub(crate) path: String,
    /// The platform whose shells read it.
    pub(crate) os: Os,
}

impl Program {
    /// Returns the program as it is called here: by its name where every shell finds it, because
    /// settings are shared and outlive an installation.
    #[must_use]
    pub(crate) fn here(own: &Path) -> Self {
        let path = match which::which("cemem") {
            Ok(_) => "cemem".to_owned(),
            Err(_) => own.to_string_lossy().into_owned(),
        };
        Self::new(&path, Os::HERE)
    }

    /// Returns a program on a platform. Windows takes forward slashes everywhere, and no shell there
    /// takes them for anything else.
    #[must_use]
    pub(crate) fn new(path: &str, os: Os) -> Self {
        let path = if os == Os::Windows { path.replace('\\', "/") } else { path.to_owned() };
        Self { path, os }
    }

    /// Returns the line that calls a hook: for `sh` and, on Windows, Git Bash and `cmd`.
    #[must_use]
    pub(crate) fn hook(&self, engine: &str, event: &str) -> String {
        format!("{} hook {engine} {event}", self.quoted())
    }

    /// Returns the same line for PowerShell.
    #[must_use]
    pub(crate) fn hook_in_powershell(&self, engine: &str, event: &str) -> String {
        let program = if self.path.chars().all(is_plain) {
            self.path.clone()
        } else {
            // The call operator: a quoted text alone is a value.
            format!("& '{}'", self.path.replace('\'', "''"))
        };
        format!("{program} hook {engine} {event}")
    }

    fn quoted(&self) -> String {
        if self.path.chars().all(is_plain) {
            return self.path.clone();
        }
        match self.os {
            // A path there holds no double quote; Git Bash expands `$` and backquotes inside.
            Os::Windows => format!("\"{}\"", self.path.replace('$', "\\$").replace('`', "\\`")),
            Os::Linux | Os::MacOs => shlex::try_quote(&self.path)
                .map_or_else(|_| self.path.replace('\0', ""), |quoted| quoted.into_owned()),
        }
    }
}

/// Returns whether a command line is one that [`Program::hook`] or its sister made for this engine, of
/// whatever place and version.
#[must_use]
pub(crate) fn is_hook_of(line: &str, engine: &str) -> bool {
    let Some((program, rest)) = line.rsplit_once(" hook ") else { return false };
    let mut words = rest.split_whitespace();
    let program = program.trim();
    let program = program.strip_prefix("& ").unwrap_or(program);
    if !is_one_word(program) {
        return false;
    }
    let name = program.trim_matches(['"', '\'']).rsplit(['/', '\\']).next();
    let ours = name.is_some_and(|name| name.starts_with("cemem"));
    ours && words.next() == Some(engine) && words.next().is_some() && words.next().is_none()
}

/// Returns whether a shell reads a text as one word: no second command stands before ours.
fn is_one_word(text: &str) -> bool {
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None | Some('"'), '\\') => drop(chars.next()),
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, c) if c.is_whitespace() || ";|&<>()`#".contains(c) => return false,
            (None, _) => {}
        }
    }
    quote.is_none() && !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_the_path_needs_no_quotes() {
        for os in [Os::Linux, Os::MacOs, Os::Windows] {
            let program = Program::new("cemem", os);
            assert_eq!(program.hook("claude-code", "Stop"), "cemem hook claude-code Stop");
            assert_eq!(program.hook_in_powershell("codex", "Stop"), "cemem hook codex Stop");
        }
    }

    #[test]
    fn spaces_and_signs_are_quoted_for_the_shell_that_reads_them() {
        let windows = Program::new(r"C:\Program Files\cemem\cemem.exe", Os::Windows);
        assert_eq!(
            windows.hook("claude-code", "Stop"),
            "\"C:/Program Files/cemem/cemem.exe\" hook claude-code Stop"
        );
        assert_eq!(
            windows.hook_in_powershell("copilot-cli", "sessionEnd"),
            "& 'C:/Program Files/cemem/cemem.exe' hook copilot-cli sessionEnd"
        );
        let plain = Program::new(r"C:\tools\cemem.exe", Os::Windows);
        assert_eq!(plain.hook("x", "Stop"), "C:/tools/cemem.exe hook x Stop");
        let odd = Program::new(r"C:\Users\O'Neil $x\cemem.exe", Os::Windows);
        assert_eq!(odd.hook("x", "Y"), "\"C:/Users/O'Neil \\$x/cemem.exe\" hook x Y");
        assert_eq!(odd.hook_in_powershell("x", "Y"), "& 'C:/Users/O''Neil $x/cemem.exe' hook x Y");
        let unix = Program::new("/opt/my $tools/it's/cemem", Os::Linux);
        let line = unix.hook("x", "Y");
        let words = shlex::split(&line).unwrap();
        assert_eq!(words, ["/opt/my $tools/it's/cemem", "hook", "x", "Y"]);
    }

    #[test]
    fn lines_of_other_places_and_versions_are_known_again_and_no_others() {
        let places = [
            ("/a b/cemem", Os::Linux),
            ("cemem", Os::MacOs),
            (r"C:\P F\cemem.exe", Os::Windows),
            (r"C:\O'Neil $x\cemem.exe", Os::Windows),
            ("/it's; mine/cemem", Os::Linux),
            ("/x/cemem-under-test", Os::Linux),
        ];
        for (path, os) in places {
            let program = Program::new(path, os);
            assert!(is_hook_of(&program.hook("codex", "Stop"), "codex"), "{path}");
            assert!(is_hook_of(&program.hook_in_powershell("codex", "Stop"), "codex"), "{path}");
            assert!(!is_hook_of(&program.hook("codex", "Stop"), "cursor"), "{path}");
        }
        for line in [
            "my-hook codex Stop",
            "other hook codex Stop",
            "cemem recall x",
            "cemem hook codex",
            "cemem hook codex Stop && rm x",
            "notify-send done; /usr/local/bin/cemem hook codex Stop",
            "say done;/usr/local/bin/cemem hook codex Stop",
            "say 'a b' && cemem hook codex Stop",
            "env A=b cemem hook codex Stop",
            "echo 'x/cemem hook codex Stop",
            " hook codex Stop",
            "",
        ] {
            assert!(!is_hook_of(line, "codex"), "{line}");
        }
    }
}
