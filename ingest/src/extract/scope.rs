//! Where a rule applies: paths, command families, symbols, languages and stages.
//!
//! Owns the guesses from words and from the tool call a turn is about. Must not read files: a path
//! here is a name in a text, not a promise that it exists.

use std::sync::LazyLock;

use cemem_core::{Anchor, AppliesWhen, Stage};
use regex::Regex;

use super::command;
use super::view::Call;

/// Most entries kept of each kind.
const MAX_EACH: usize = 8;
/// Only this much of a long prompt is searched: pasted logs name hundreds of files.
const MAX_TEXT: usize = 4000;

static PATH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z0-9_.~@*-]*(?:/[A-Za-z0-9_.@*-]+)+|\b[A-Za-z0-9_-]+\.[a-z]{1,5}\b")
        .expect("the pattern is a constant")
});
static URL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[a-z][a-z0-9+.-]*://\S+").expect("the pattern is a constant"));
static TICKED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"`([^`\n]{2,80})`").expect("the pattern is a constant"));
static IDENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:[a-z]+(?:[A-Z][a-z0-9]+)+|[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+|[a-z0-9]+(?:_[a-z0-9]+)+|[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+|[A-Za-z_][A-Za-z0-9_]*\(\))")
        .expect("the pattern is a constant")
});
static REVIEW: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:pull requests?|code review|reviewers?|commit messages?|changelog|PRs?)\b")
        .expect("the pattern is a constant")
});

/// Languages by file extension.
const LANGUAGES: &[(&str, &str)] = &[
    ("rs", "rust"),
    ("go", "go"),
    ("py", "python"),
    ("ts", "typescript"),
    ("tsx", "typescript"),
    ("js", "javascript"),
    ("jsx", "javascript"),
    ("mjs", "javascript"),
    ("java", "java"),
    ("kt", "kotlin"),
    ("swift", "swift"),
    ("rb", "ruby"),
    ("php", "php"),
    ("cs", "csharp"),
    ("c", "c"),
    ("h", "c"),
    ("cc", "cpp"),
    ("cpp", "cpp"),
    ("hpp", "cpp"),
    ("sh", "shell"),
    ("bash", "shell"),
    ("zsh", "shell"),
    ("sql", "sql"),
    ("md", "markdown"),
    ("mdx", "markdown"),
    ("html", "html"),
    ("css", "css"),
    ("scss", "css"),
    ("vue", "vue"),
    ("svelte", "svelte"),
    ("ex", "elixir"),
    ("exs", "elixir"),
    ("scala", "scala"),
    ("dart", "dart"),
    ("lua", "lua"),
    ("tf", "terraform"),
    ("proto", "protobuf"),
    ("toml", "toml"),
    ("yaml", "yaml"),
    ("yml", "yaml"),
    ("json", "json"),
    ("jsonl", "json"),
    ("txt", ""),
    ("lock", ""),
    ("env", ""),
    ("xml", "xml"),
    ("zig", "zig"),
    ("nix", "nix"),
    ("r", "r"),
    ("jl", "julia"),
];

/// Returns the scope of a turn: what its words name and what the call it is about touched.
pub(crate) fn of_turn(text: &str, call: Option<Call<'_>>, cwd: Option<&str>) -> AppliesWhen {
    let text = super::view::head(text, MAX_TEXT);
    let text = URL.replace_all(text, " ");
    let mut scope = AppliesWhen::default();
    for found in PATH.find_iter(&text) {
        add_path(&mut scope, found.as_str(), cwd);
    }
    for ticked in TICKED.captures_iter(&text) {
        let inner = ticked[1].trim();
        if inner.contains(' ') {
            if let Some(family) = command::known_family(inner) {
                push(&mut scope.commands, family);
            }
        } else if is_symbol(inner) {
            push(&mut scope.symbols, inner.to_owned());
        }
    }
    for found in IDENT.find_iter(&text) {
        if !scope.paths.iter().any(|p| p.contains(found.as_str())) {
            push(&mut scope.symbols, found.as_str().to_owned());
        }
    }
    if let Some(call) = call {
        of_call(&mut scope, call, cwd);
    }
    if REVIEW.is_match(&text) {
        scope.stages.push(Stage::Review);
    }
    scope
}

/// Adds what a tool call touched.
pub(crate) fn of_call(scope: &mut AppliesWhen, call: Call<'_>, cwd: Option<&str>) {
    for file in call.files {
        add_path(scope, file, cwd);
    }
    if let Some(family) = call.command.and_then(command::known_family_in) {
        push(&mut scope.commands, family);
    }
}

/// Returns one anchor per concrete path of a scope.
pub(crate) fn anchors(scope: &AppliesWhen) -> Vec<Anchor> {
    scope.paths.iter().filter(|p| !p.contains('*')).map(Anchor::at).collect()
}

/// Adds a path to the scope, relative to the project, with its language; ignores what is not one.
pub(crate) fn add_path(scope: &mut AppliesWhen, raw: &str, cwd: Option<&str>) {
    let Some(path) = relative(raw, cwd) else { return };
    let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, e)| e);
    let language = extension.and_then(|e| LANGUAGES.iter().find(|(x, _)| *x == e)).map(|(_, l)| *l);
    // "and/or", "run/sync/watch": slashes alone make no path, nor does "e.g".
    let folder = raw.ends_with('/') || raw.contains('*') || raw.starts_with(['/', '.']);
    if path.len() > 160 || (language.is_none() && !(folder && path.contains('/'))) {
        return;
    }
    push(&mut scope.paths, path);
    if let Some(language) = language.filter(|l| !l.is_empty()) {
        push(&mut scope.languages, language.to_owned());
    }
}

/// Returns the path of a file below the working directory, as the project sees it.
pub(crate) fn within(raw: &str, cwd: Option<&str>) -> Option<String> {
    relative(raw, cwd)
}

/// Returns the last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Returns a path as the project sees it: below the working directory, without worktree folders;
/// `None` for places outside it, which mean nothing on another machine.
fn relative(raw: &str, cwd: Option<&str>) -> Option<String> {
    let path = raw.replace('\\', "/");
    let path = path.trim_matches(|c: char| matches!(c, '.' | ',' | ':' | ')' | '(')).to_owned();
    let path = if raw.starts_with("./") || raw.starts_with("../") || raw.starts_with('.') {
        raw.trim_start_matches("./").trim_end_matches(['.', ',', ':']).to_owned()
    } else {
        path
    };
    let mut path = path.as_str();
    if let Some(cwd) = cwd {
        let cwd = cwd.replace('\\', "/");
        if let Some(below) = path.strip_prefix(cwd.trim_end_matches('/')) {
            path = below.strip_prefix('/')?;
        }
    }
    let drive = path.as_bytes().get(1) == Some(&b':');
    if path.starts_with(['/', '~']) || drive || path.starts_with("..") {
        return None;
    }
    for folder in [".claude/worktrees/", ".worktrees/"] {
        if let Some((_, name_on)) = path.split_once(folder) {
            path = name_on.split_once('/')?.1;
        }
    }
    (path.len() > 2).then(|| path.to_owned())
}

fn is_symbol(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '(' | ')' | '-' | '@'))
        && text.chars().any(char::is_alphabetic)
        && !text.starts_with('-')
}

fn push(list: &mut Vec<String>, item: String) {
    if list.len() < MAX_EACH && !item.is_empty() && !list.contains(&item) {
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_text_and_in_the_call_make_the_scope() {
        let files = vec!["/home/u/project/.worktrees/3/cmd/cli/root.go".to_owned()];
        let call = Call { name: "Edit", files: &files, command: None, detail: "" };
        let text = "don't touch `setting.json` or pkg/spi/path_utils.go, see https://x.io/a/b/c.md; \
                    run `go test ./...` and keep parseCommand and/or the rest";
        let scope = of_turn(text, Some(call), Some("/home/u/project"));
        assert_eq!(scope.paths, ["setting.json", "pkg/spi/path_utils.go", "cmd/cli/root.go"]);
        assert_eq!(scope.commands, ["go test"]);
        assert!(scope.symbols.contains(&"parseCommand".to_owned()), "{:?}", scope.symbols);
        assert_eq!(scope.languages, ["json", "go"]);
    }

    #[test]
    fn places_outside_the_project_are_left_out() {
        let scope = of_turn("look at /Users/me/x/notes.md and ~/y/z.md", None, Some("/home/u/p"));
        assert!(scope.paths.is_empty(), "{:?}", scope.paths);
    }
}
