//! Where the languages define names: one row a language.
//!
//! Owns the table. Every rule is a pattern for the start of a line with exactly one group: the name
//! that the line defines. `N` in a rule's group stands for a name, `M` at its begin for any number of
//! modifiers; with `^` at its begin it holds for lines without indentation only. A rule may
//! match too much (a line of a text that looks like code): then a name seems defined where it is not,
//! which costs an alarm or hides one, and nothing else. Must not read files.

use std::path::Path;
use std::sync::OnceLock;

use regex::Regex;

/// How far a definition reaches beyond its first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// To the brace that opens its body, over as many lines as its parentheses take.
    Braces,
    /// To the colon that opens its body, over as many lines as its parentheses take.
    Colon,
    /// The line.
    Line,
    /// The line; what stands behind the name is its value.
    Key,
}

/// One language.
pub(super) struct Language {
    /// The name people know it by.
    pub(super) name: &'static str,
    pub(super) form: Form,
    /// What opens a comment that reaches to the end of a line.
    pub(super) comment: &'static str,
    /// Endings of file names, without the dot.
    extensions: &'static [&'static str],
    /// Whole file names, lower case.
    files: &'static [&'static str],
    /// Words that are written before a definition.
    modifiers: &'static str,
    rules: &'static [&'static str],
    compiled: OnceLock<Regex>,
}

/// Words that look like the type or name of what a line defines, and are neither.
pub(super) const STATEMENTS: &[&str] = &[
    "return", "else", "throw", "if", "for", "foreach", "while", "switch", "catch", "assert",
    "case", "await", "yield", "delete", "goto", "typeof", "not", "do", "try", "super", "sizeof",
    "elif", "with", "until", "unless", "when", "match", "import", "package",
];

const C_LIKE: &str = "public|private|protected|internal|static|final|abstract|sealed|non-sealed|\
    strictfp|native|synchronized|default|transient|volatile|virtual|override|async|partial|readonly|\
    unsafe|extern|inline|constexpr|consteval|explicit|friend|const|new|ref|required|noexcept|\
    __attribute__\\(\\(\\w+\\)\\)|@\\w+(?:\\([^)]*\\))?";

/// What `N` stands for.
const NAME: &str = "[\\p{L}_$][\\w$]*";

macro_rules! language {
    ($name:literal, $form:ident, $comment:literal, [$($ext:literal),*], [$($file:literal),*],
     $modifiers:expr, [$($rule:literal),+ $(,)?]) => {
        Language {
            name: $name,
            form: Form::$form,
            comment: $comment,
            extensions: &[$($ext),*],
            files: &[$($file),*],
            modifiers: $modifiers,
            rules: &[$($rule),+],
            compiled: OnceLock::new(),
        }
    };
}

static LANGUAGES: [Language; 24] = [
    language!(
        "rust",
        Braces,
        "//",
        ["rs"],
        [],
        "pub(?:\\([^)]*\\))?|default|const|async|unsafe|extern(?:\\s+\"[^\"]*\")?|auto|safe",
        [
            r"M(?:fn|struct|enum|trait|type|mod|union|static(?:\s+mut)?|const|macro_rules!)\s+(?:r#)?(N)"
        ]
    ),
    language!(
        "python",
        Colon,
        "#",
        ["py", "pyi"],
        [],
        "async",
        [r"M(?:def|class)\s+(N)", r"^(N)\s*(?::[^=]+)?=[^=]"]
    ),
    language!(
        "javascript",
        Braces,
        "//",
        ["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte"],
        [],
        "export|default|declare|abstract|async|public|private|protected|static|override|readonly|get|set|accessor",
        [
            r"M(?:function\b\s*\*?|class|interface|type|enum|const\s+enum|namespace|module|const|let|var)\s*(N)",
            r"(?:module\.)?exports\.(N)\s*=",
            r"M[#*]?(N)\s*(?:<[^>]*>)?\([^;]*\)\s*(?::[^;]+)?\{\s*$",
            r"M#?(N)\s*[?!]?(?::[^=]+)?=\s*(?:async\s*)?(?:\([^;]*\)|[\w$]+)\s*(?::[^=]+)?=>"
        ]
    ),
    language!(
        "go",
        Braces,
        "//",
        ["go"],
        [],
        "",
        [
            r"func\s+(?:\([^)]*\)\s*)?(N)",
            r"(?:type|var|const)\s+(N)",
            r"\t([A-Z]\w*)\s*(?:[\w.\[\]*]+\s+)?=\s"
        ]
    ),
    language!(
        "java",
        Braces,
        "//",
        ["java"],
        [],
        C_LIKE,
        [
            r"M(?:class|interface|enum|record|@interface)\s+(N)",
            r"M(?:<[^>]+>\s+)?[\w.]+(?:<.*?>)?(?:\[\])*\s+(N)\s*(?:\(|=[^=]|;)",
            r"M([A-Z]\w*)\s*\([^;]*\{\s*$"
        ]
    ),
    language!(
        "kotlin",
        Braces,
        "//",
        ["kt", "kts"],
        [],
        "public|private|protected|internal|open|abstract|final|override|suspend|inline|data|sealed|enum|annotation|\
         inner|value|operator|infix|tailrec|const|lateinit|external|expect|actual|companion|noinline|@\\w+(?:\\([^)]*\\))?",
        [r"M(?:fun|class|interface|object|val|var|typealias)\s+(?:<[^>]+>\s+)?(?:[\w.<>?]+\.)?(N)"]
    ),
    language!(
        "c",
        Braces,
        "//",
        ["c", "h", "cc", "cpp", "cxx", "hpp", "hh", "hxx", "m", "mm", "cu"],
        [],
        C_LIKE,
        [
            r"#\s*define\s+(N)",
            r"M(?:typedef\s+)?(?:struct|enum(?:\s+class)?|class|union|namespace|concept)\s+(?:[A-Z_]+\s+)?(N)\s*(?:final\s*)?(?:[:{;]|$)",
            r"using\s+(N)\s*=",
            r"typedef\s.*?(N)\s*;",
            r"\}\s*(N)\s*;",
            r"M[A-Za-z_][\w:]*(?:<.*?>)?(?:\s+(?:const|unsigned|signed|long|short|int|char|struct\s+\w+))*[\s*&]+(?:\w+(?:<[^>]*>)?::)*(~?N)\s*(?:\(|=[^=]|;|\[)",
            r"M(?:\w+::)+(~?N)\s*\("
        ]
    ),
    language!(
        "csharp",
        Braces,
        "//",
        ["cs"],
        [],
        C_LIKE,
        [
            r"M(?:class|interface|enum|struct|record(?:\s+(?:struct|class))?|namespace|delegate\s+[\w.<>?\[\]]+)\s+(?:\w+\.)*(N)",
            r"M[\w.]+(?:<.*?>)?(?:\[\])*\??\s+(N)\s*(?:<[^>]*>)?\s*(?:\(|=[^=]|=>|;|\{)",
            r"M([A-Z]\w*)\s*\([^;]*\)?\s*$"
        ]
    ),
    language!(
        "ruby",
        Line,
        "#",
        ["rb", "rake", "gemspec"],
        ["rakefile", "gemfile"],
        "private|public|protected",
        [
            r"Mdef\s+(?:self\.|\w+\.)?(N[?!=]?)",
            r"(?:class|module)\s+(?:\w+::)*(N)",
            r"([A-Z]\w*)\s*=[^=~>]",
            r"(?:attr_accessor|attr_reader|attr_writer|task|scope|has_many|belongs_to)\s*\(?:(N)"
        ]
    ),
    language!(
        "php",
        Braces,
        "//",
        ["php"],
        [],
        "public|protected|private|static|final|abstract|readonly|var",
        [
            r"M(?:function\s*&?|class|interface|trait|enum|const(?:\s+\w+)?)\s+&?(N)",
            r#"define\(\s*['"](N)['"]"#,
            r"M(?:\??[\w\\|]+\s+)?\$(N)\s*[=;]"
        ]
    ),
    language!(
        "shell",
        Braces,
        "#",
        ["sh", "bash", "zsh", "ksh"],
        [".bashrc", ".zshrc", ".profile"],
        "export|readonly|local|declare(?:\\s+-\\w+)*|typeset(?:\\s+-\\w+)*",
        [
            r"(?:function\s+)?([\w:.-]+)\s*\(\)",
            r"function\s+([\w:.-]+)",
            r"^M(N)=",
            r"alias\s+([\w.-]+)="
        ]
    ),
    language!(
        "swift",
        Braces,
        "//",
        ["swift"],
        [],
        "public|private|fileprivate|internal|open|package|static|class|final|override|mutating|nonmutating|lazy|weak|unowned|\
         required|convenience|indirect|async|nonisolated|dynamic|optional|prefix|postfix|infix|@\\w+(?:\\([^)]*\\))?",
        [
            r"M(?:func|class|struct|enum|protocol|extension|actor|typealias|associatedtype|var|let|case|macro)\s+(N)"
        ]
    ),
    language!(
        "scala",
        Braces,
        "//",
        ["scala", "sc"],
        [],
        "private|protected|override|implicit|final|sealed|abstract|lazy|case|inline|given|opaque|transparent",
        [r"M(?:def|class|trait|object|val|var|type|enum)\s+(N)"]
    ),
    language!(
        "dart",
        Braces,
        "//",
        ["dart"],
        [],
        "abstract|static|final|const|late|external|factory|sealed|base",
        [
            r"M(?:class|mixin|enum|extension|typedef)\s+(N)",
            r"M[\w.]+(?:<.*?>)?\??\s+(?:get\s+)?(N)\s*(?:\(|=[^=]|=>|;)"
        ]
    ),
    language!(
        "lua",
        Line,
        "--",
        ["lua"],
        [],
        "local",
        [r"Mfunction\s+(?:[\w.]+[.:])?(N)", r"M(?:\w+\.)*(N)\s*="]
    ),
    language!(
        "elixir",
        Line,
        "#",
        ["ex", "exs"],
        [],
        "",
        [
            r"(?:def|defp|defmacro|defmodule|defstruct|defguard)\s+(?:\w+\.)*(N[?!]?)",
            r"@(N)\s+[^\s]"
        ]
    ),
    language!(
        "sql",
        Line,
        "--",
        ["sql"],
        [],
        "",
        [
            r"(?i)create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+|unique\s+|materialized\s+)*(?:table|view|function|procedure|index|type|trigger|schema|sequence)\s+(?:if\s+not\s+exists\s+)?(?:\w+\.)?[`\x22\[]?(N)",
            r"[`\x22\[]?(N)[`\x22\]]?\s+(?i:integer|int|bigint|text|varchar|char|boolean|timestamp|timestamptz|date|numeric|decimal|uuid|jsonb?|serial|real|blob|double)\b"
        ]
    ),
    language!(
        "protobuf",
        Line,
        "//",
        ["proto", "graphql", "gql", "thrift"],
        [],
        "",
        [
            r"(?:message|service|enum|rpc|type|input|interface|scalar|union|struct|exception|extend\s+type)\s+(N)"
        ]
    ),
    language!(
        "terraform",
        Line,
        "#",
        ["tf", "hcl"],
        [],
        "",
        [
            r#"(?:resource|data)\s+"[^"]+"\s+"([^"]+)""#,
            r#"(?:variable|output|module|provider)\s+"([^"]+)""#
        ]
    ),
    language!(
        "make",
        Line,
        "#",
        ["mk", "mak"],
        ["makefile", "gnumakefile", "justfile"],
        "export|override",
        [r"^M([\w./-]+)\s*[:?+]?=", r"^@?([\w./%-]+)(?:\s[^:=]*)?:(?:[^=]|$)"]
    ),
    language!(
        "docker",
        Line,
        "#",
        ["dockerfile"],
        ["dockerfile", "containerfile"],
        "",
        [r"(?:ARG|ENV|LABEL)\s+(N)", r"FROM\s+\S+\s+(?i:as)\s+([\w-]+)"]
    ),
    language!(
        "json",
        Key,
        "\u{0}",
        ["json", "jsonc", "json5", "webmanifest"],
        [],
        "",
        [r#""([^"]{1,120})"\s*:"#]
    ),
    language!(
        "toml",
        Key,
        "#",
        ["toml", "ini", "cfg", "conf", "env", "properties", "editorconfig"],
        [".env", ".env.example", ".editorconfig", ".npmrc", "pipfile", ".gitconfig"],
        "export",
        [r#"\[+\s*"?([^\]"]+?)"?\s*\]+"#, r#"M"?([\w./@:-]+?)"?\s*=[^=]?"#, r"([\w.-]+)\s*:\s"]
    ),
    language!(
        "yaml",
        Key,
        "#",
        ["yaml", "yml"],
        [],
        "",
        [r#"(?:-\s+)?["']?([\w./@-]+(?: [\w./@-]+){0,3})["']?\s*:(?:\s|$)"#]
    ),
];

impl Language {
    /// Returns the language of a file by its name.
    pub(super) fn of(path: &str) -> Option<&'static Self> {
        let name = Path::new(path).file_name()?.to_str()?.to_lowercase();
        let extension = name.rsplit_once('.').map(|(_, e)| e);
        // `Dockerfile.dev`, `Makefile.local`.
        let stem = name.split('.').next().filter(|s| !s.is_empty());
        LANGUAGES
            .iter()
            .find(|l| l.files.contains(&name.as_str()))
            .or_else(|| {
                LANGUAGES.iter().find(|l| extension.is_some_and(|e| l.extensions.contains(&e)))
            })
            .or_else(|| LANGUAGES.iter().find(|l| stem.is_some_and(|s| l.files.contains(&s))))
    }

    /// Returns whether a statement can look like a definition: `return fetch(x);`.
    pub(super) fn has_statements(&self) -> bool {
        self.modifiers == C_LIKE || matches!(self.name, "javascript" | "dart")
    }

    /// Returns the pattern of all rules, for the start of a line.
    pub(super) fn pattern(&self) -> &Regex {
        self.compiled.get_or_init(|| {
            let modifiers = format!("(?:(?:{})\\s+)*", self.modifiers);
            let modifiers = if self.modifiers.is_empty() { "" } else { &modifiers };
            let rules: Vec<String> = self
                .rules
                .iter()
                .map(|rule| {
                    let (indent, rule) = match rule.strip_prefix('^') {
                        Some(rule) => ("", rule),
                        None if rule.starts_with("\\t") => ("", *rule),
                        None => ("\\s*", *rule),
                    };
                    let rule = match rule.strip_prefix('M') {
                        Some(rest) => format!("{indent}{modifiers}{rest}"),
                        None => format!("{indent}{rule}"),
                    };
                    rule.replace("(N", &format!("({NAME}")).replace("~?N", &format!("~?{NAME}"))
                })
                .collect();
            let all = format!("^(?:{})", rules.join("|"));
            Regex::new(&all).expect("the table is a constant, and a test compiles every row")
        })
    }

    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        LANGUAGES.iter()
    }
}
