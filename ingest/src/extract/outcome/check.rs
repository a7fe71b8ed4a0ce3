//! What of a rule can be checked against what an agent did.
//!
//! Owns reading commands and paths out of a rule's words, with what it asks for and what it forbids.
//! Precision first: a rule with a condition, a doubt or a story in it cannot be checked, and is not.
//! Must not look at sessions.

use std::sync::LazyLock;

use cemem_core::Lesson;
use regex::Regex;

use super::super::command;
use super::shell::base;
use super::words::{
    AFTER, ASKING, BETWEEN, LIMITS, MEANS, NO_LIMIT, NOT, TASKS, TOOLS, TOUCH, USE, WITH_TASK, has,
    in_full,
};

/// Most words between "don't" or "use" and the command it is about.
const REACH: usize = 3;
/// Most words of one command.
const MAX_WORDS: usize = 5;

/// Words with which a rule is more than a plain demand: a condition, a doubt, a story, a question.
static UNCLEAR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\?|\b(?:if|when|whenever|unless|except|until|while|once|after|maybe|perhaps|might|could|may|would|why|wonder|not (?:only|just|yet|sure)|no need|need not|needn'?t|(?:don'?t|not|doesn'?t) (?:need|have|forget|think|know|see|understand|want)|forget|either|sometimes|optionally|tried|used|ran|called|was|were|did|had|has|have been|(?:are|is|be|been|keeps?|you'?re|it'?s) (?:using|running)|too|also)\b",
    )
    .expect("the pattern is a constant")
});
static REASON: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:because|since|so that|otherwise|cause|as it|as they|due to)\b")
        .expect("the pattern is a constant")
});
static GATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\bbefore\s+(?:(?:you|we|every|each|any|a|the|creating|making|doing)\s+)*(commit|push)(?:s|ting|ing|ted)?\b")
        .expect("the pattern is a constant")
});
static PATH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[A-Za-z0-9_.@*-]*(?:/[A-Za-z0-9_.@*-]+)*/?$").expect("the pattern is a constant")
});

/// A command as far as a rule names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The program; none where only a flag is named.
    program: Option<String>,
    words: Vec<String>,
    flags: Vec<String>,
}

/// What a rule asks for and forbids, as far as it can be checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Check {
    pub(super) wanted: Vec<Pattern>,
    pub(super) unwanted: Vec<Pattern>,
    /// Files that must not be changed.
    pub(super) untouched: Vec<String>,
    /// The step before which the wanted command must have run: `commit`, `push`.
    pub(super) gate: Option<String>,
    /// Words of which one must stand in the command or its folder, where the rule is limited.
    pub(super) limits: Vec<String>,
}

impl Pattern {
    /// Returns whether a simple command is one of this kind.
    pub(super) fn matches(&self, command: &[String]) -> bool {
        let (Some(first), arguments) = (command.first(), command.get(1..).unwrap_or_default())
        else {
            return false;
        };
        if self.program.as_ref().is_some_and(|p| base(p) != base(first)) {
            return false;
        }
        let mut plain = arguments.iter().filter(|a| !a.starts_with('-'));
        let full = |word| in_full(base(first), word);
        if !self.words.iter().all(|w| plain.next().is_some_and(|a| full(a) == full(w))) {
            return false;
        }
        if !self.flags.iter().all(|f| arguments.iter().any(|a| a.split('=').next() == Some(f))) {
            return false;
        }
        // A bare name means the program's work, not a question about itself.
        let named_only = self.words.is_empty() && self.flags.is_empty();
        !named_only || arguments.first().is_none_or(|a| !has(ASKING, a.as_str()))
    }

    /// Returns the program, where one is named.
    pub(super) fn program(&self) -> Option<&str> {
        self.program.as_deref().map(base)
    }

    fn of_code(code: &str, asked: bool) -> Option<Self> {
        let words: Vec<&str> = code.split_whitespace().collect();
        let first = *words.first()?;
        if code.contains(['|', '<', '>', '$', '{', '…', '"', '\'']) || words.len() > MAX_WORDS {
            return None;
        }
        if first.starts_with("--") && first.len() > 4 && words.len() == 1 {
            return Some(Self { program: None, words: Vec::new(), flags: vec![first.to_owned()] });
        }
        let known = has(TOOLS, first) || command::known_family(code).is_some();
        let spoken =
            asked && words.len() > 1 && first.starts_with(|c: char| c.is_ascii_lowercase());
        let script = asked && first.starts_with("./");
        let alone = words.len() == 1 && !has(TOOLS, first) && !script;
        // `make`, `./run.sh` alone are commands, `just` or `go` in ticks may be anything.
        if !(known || spoken || script) || (alone && first != "make") {
            return None;
        }
        let rest = words.iter().skip(1).map(|w| (*w).to_owned());
        let (flags, words) = rest.partition(|w: &String| w.starts_with('-'));
        Some(Self { program: Some(first.to_owned()), words, flags })
    }
}

impl Check {
    /// Returns what of a lesson can be checked; `None` where nothing can.
    pub(crate) fn of(lesson: &Lesson) -> Option<Self> {
        let mut check = Self::default();
        for sentence in super::super::wording::sentences(&lesson.rule) {
            check.read(sentence);
        }
        // What is both asked for and forbidden was misread.
        if check.wanted.iter().any(|w| check.unwanted.contains(w)) {
            return None;
        }
        let empty = check.wanted.is_empty() && check.unwanted.is_empty();
        (!empty || !check.untouched.is_empty()).then_some(check)
    }

    fn read(&mut self, sentence: &str) {
        let sentence = REASON.find(sentence).map_or(sentence, |at| &sentence[..at.start()]);
        let mut text = sentence.replace('’', "'");
        let gate = GATE.captures(&text).map(|c| c[1].to_lowercase());
        if gate.is_some() {
            text = GATE.replace_all(&text, " ; ").into_owned();
        }
        if UNCLEAR.is_match(&without_code(&text)) || text.to_lowercase().contains(" before ") {
            return;
        }
        let mut reader = Reader::default();
        let tokens = tokens(&text);
        let mut at = 0;
        while at < tokens.len() {
            at += reader.step(&tokens[at..]);
        }
        if gate.is_some() {
            // "Run X before you commit" asks for X there, and forbids nothing.
            if self.gate.is_none() && !reader.wanted.is_empty() && reader.unwanted.is_empty() {
                self.gate = gate;
                self.wanted.append(&mut reader.wanted);
            }
            return;
        }
        self.wanted.append(&mut reader.wanted);
        self.unwanted.append(&mut reader.unwanted);
        self.untouched.append(&mut reader.untouched);
        self.limits.append(&mut reader.limits);
    }
}

/// Blanks what stands in ticks: the words of a command are no condition.
fn without_code(text: &str) -> String {
    text.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// What stands in ticks.
    Code(String),
    /// A word in lower case, and as it stands.
    Word(String, String),
    /// A comma.
    Comma,
    /// The end of a clause.
    End,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            out.push(Token::Code(part.trim().to_owned()));
            continue;
        }
        for raw in part.split_whitespace() {
            let word = raw.trim_matches(['"', '(', ')', '*', '\'']);
            let bare = word.trim_end_matches([',', ';', ':', '.', '!', '"', ')', '\'']);
            if raw.starts_with('(') || matches!(raw, "-" | "--" | "—" | "–" | "/") {
                out.push(Token::End);
            }
            if bare.chars().any(char::is_alphanumeric) {
                out.push(Token::Word(bare.to_lowercase(), bare.to_owned()));
            }
            let tail = &word[bare.len()..];
            match tail.chars().next().or_else(|| raw.ends_with(')').then_some(')')) {
                Some(',') => out.push(Token::Comma),
                Some(_) => out.push(Token::End),
                None => {}
            }
        }
    }
    out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mood {
    #[default]
    None,
    Asks,
    Forbids,
}

/// Reads a sentence from left to right.
#[derive(Debug, Default)]
struct Reader {
    mood: Mood,
    /// Words since the mood was set.
    gap: usize,
    /// The mood of a command that stands directly before: lists go on with it.
    listed: Mood,
    /// "Don't touch", "never edit".
    touching: bool,
    wanted: Vec<Pattern>,
    unwanted: Vec<Pattern>,
    untouched: Vec<String>,
    limits: Vec<String>,
}

impl Reader {
    /// Takes what comes next; returns how many tokens that was.
    fn step(&mut self, rest: &[Token]) -> usize {
        if let Some((pattern, taken)) = mention(rest, self.asks()) {
            self.note(pattern);
            return taken + self.limit(&rest[taken..]);
        }
        match &rest[0] {
            Token::End => *self = self.cleared(Mood::None),
            Token::Comma => {
                let listed = self.listed;
                *self = self.cleared(listed);
                return 1;
            }
            Token::Code(code) => {
                self.path(code, true);
                self.gap += 1;
            }
            Token::Word(word, raw) => return self.word(word, raw, rest),
        }
        self.listed = Mood::None;
        1
    }

    fn asks(&self) -> bool {
        self.mood != Mood::None && self.gap <= REACH
    }

    fn cleared(&mut self, mood: Mood) -> Self {
        Self { mood: Mood::None, gap: 0, listed: mood, touching: false, ..std::mem::take(self) }
    }

    fn word(&mut self, word: &str, raw: &str, rest: &[Token]) -> usize {
        let next = match rest.get(1) {
            Some(Token::Word(next, _)) => next.as_str(),
            _ => "",
        };
        if matches!((word, next), ("instead", "of") | ("rather", "than") | ("opposed", "to")) {
            (self.mood, self.gap, self.listed) = (Mood::Forbids, 0, Mood::None);
            return 2;
        }
        if matches!(word, "and" | "or" | "nor") && self.listed != Mood::None {
            return 1;
        }
        let listed = std::mem::take(&mut self.listed);
        match word {
            _ if has(NOT, word) => {
                (self.mood, self.gap, self.touching) = (Mood::Forbids, 0, false);
            }
            // "Prefer A over B."
            "over" if listed == Mood::Asks => (self.mood, self.gap) = (Mood::Forbids, 0),
            "but" | "and" | "instead" => (self.mood, self.touching) = (Mood::None, false),
            // "Run the tests with `x`"; alone they ask for nothing: "as seen with `x`".
            _ if has(MEANS, word) => self.gap = 0,
            _ if has(USE, word) => {
                if self.mood != Mood::Forbids || self.gap > 1 {
                    self.mood = Mood::Asks;
                }
                self.gap = 0;
            }
            _ if has(TOUCH, word) => {
                self.touching = self.mood == Mood::Forbids && self.gap <= 1;
                self.gap = 0;
            }
            _ if has(BETWEEN, word) => {}
            _ => {
                self.path(raw, false);
                // Any other word makes it a rule about something else: "don't commit npm caches".
                self.gap += if self.touching { 1 } else { REACH + 1 };
            }
        }
        1
    }

    fn path(&mut self, text: &str, ticked: bool) {
        let end = text.rsplit_once('.').filter(|(stem, end)| !stem.is_empty() && end.len() <= 5);
        // "and/or" is no path.
        let folder = text.ends_with('/') || text.matches('/').count() > usize::from(!ticked);
        let named = (end.is_some() || folder)
            && PATH.is_match(text)
            && text.len() > 3
            && !text.starts_with('/');
        if self.touching && self.gap <= REACH && named {
            self.untouched.push(text.trim_start_matches("./").to_owned());
        }
    }

    fn note(&mut self, pattern: Pattern) {
        let mood = if self.listed != Mood::None {
            self.listed
        } else if self.asks() && !self.touching {
            self.mood
        } else {
            Mood::None
        };
        let list = match mood {
            Mood::Asks => &mut self.wanted,
            Mood::Forbids => &mut self.unwanted,
            Mood::None => return,
        };
        // A flag alone may be wanted by one command and unknown to the next.
        let idle = mood == Mood::Asks && pattern.program.is_none();
        if !idle && !list.contains(&pattern) {
            list.push(pattern);
        }
        (self.mood, self.listed) = (Mood::None, mood);
    }

    /// Reads "for the tests", "in web/" after a command; returns how many tokens that was.
    fn limit(&mut self, rest: &[Token]) -> usize {
        let opens = matches!(rest.first(), Some(Token::Word(w, _)) if has(LIMITS, w.as_str()));
        if !opens || self.listed == Mood::None {
            return 0;
        }
        let mut taken = 1;
        for token in &rest[1..] {
            let word = match token {
                Token::Word(w, _) if matches!(w.as_str(), "and" | "or" | "instead" | "not") => {
                    break;
                }
                Token::Word(w, _) if has(NOT, w.as_str()) || w == "rather" => break,
                Token::Word(w, _) => w.clone(),
                Token::Code(code) => code.to_lowercase(),
                Token::Comma | Token::End => break,
            };
            taken += 1;
            if !has(NO_LIMIT, word.as_str()) {
                self.limits.push(stem(&word));
            }
        }
        taken
    }
}

/// Returns a word without its ending: what "testing" and `npm test` share.
fn stem(word: &str) -> String {
    let word = word.trim_matches('/');
    let cut = ["ing", "ies", "es", "s"]
        .iter()
        .find_map(|end| word.strip_suffix(end).filter(|stem| stem.len() >= 3));
    cut.unwrap_or(word).to_owned()
}

/// Returns the command that stands here, and how many tokens name it.
fn mention(rest: &[Token], asked: bool) -> Option<(Pattern, usize)> {
    match &rest[0] {
        Token::Code(code) => Some((Pattern::of_code(code, asked)?, 1)),
        Token::Word(_, raw) => spoken(raw, rest),
        Token::Comma | Token::End => None,
    }
}

/// Returns the command that plain words name.
fn spoken(first: &str, rest: &[Token]) -> Option<(Pattern, usize)> {
    if first.starts_with("--") && first.len() > 4 {
        let flags = vec![first.to_owned()];
        return Some((Pattern { program: None, words: Vec::new(), flags }, 1));
    }
    let with_task = has(WITH_TASK, first);
    if !with_task && !has(TOOLS, first) {
        return None;
    }
    let mut pattern =
        Pattern { program: Some(first.to_owned()), words: Vec::new(), flags: Vec::new() };
    let mut taken = 1;
    for token in rest[1..].iter().take(MAX_WORDS - 1) {
        let Token::Word(word, raw) = token else { break };
        if raw.starts_with('-') {
            pattern.flags.push(raw.clone());
        } else if has(TASKS, word.as_str()) && pattern.flags.is_empty() {
            pattern.words.push(raw.clone());
        } else {
            break;
        }
        taken += 1;
    }
    let ends = match rest.get(taken) {
        None | Some(Token::Comma | Token::End) => true,
        Some(Token::Word(next, _)) => has(AFTER, next.as_str()),
        Some(Token::Code(_)) => false,
    };
    (ends && !(with_task && pattern.words.is_empty())).then_some((pattern, taken))
}

#[cfg(test)]
mod tests {
    use cemem_core::Timestamp;
    use cemem_core::exchange::from_line;

    use super::*;

    fn check(rule: &str) -> Option<Check> {
        let line = serde_json::json!({ "rule": rule }).to_string();
        Check::of(&from_line(&line, "f", 1, Timestamp(0)).unwrap().lesson)
    }

    fn shown(patterns: &[Pattern]) -> Vec<String> {
        let words = |p: &Pattern| {
            let all = p.program.iter().chain(&p.words).chain(&p.flags);
            all.cloned().collect::<Vec<_>>().join(" ")
        };
        patterns.iter().map(words).collect()
    }

    #[test]
    fn commands_are_read_with_what_is_asked_and_what_is_forbidden() {
        for (rule, wanted, unwanted) in [
            ("Use pnpm, not npm", vec!["pnpm"], vec!["npm"]),
            ("Use pnpm instead of npm.", vec!["pnpm"], vec!["npm"]),
            ("don't use npm, use pnpm", vec!["pnpm"], vec!["npm"]),
            ("Never use npm, yarn or bun here", vec![], vec!["npm", "yarn", "bun"]),
            (
                "Always run `mise run test` instead of `go test`",
                vec!["mise run test"],
                vec!["go test"],
            ),
            ("Never run git push --force", vec![], vec!["git push --force"]),
            ("never use `--no-verify`", vec![], vec!["--no-verify"]),
            ("Prefer rg over grep", vec!["rg"], vec!["grep"]),
            ("Run the tests with `mise run test`", vec!["mise run test"], vec![]),
            (
                "Run cargo nextest run, not cargo test",
                vec!["cargo nextest run"],
                vec!["cargo test"],
            ),
            (
                "Use `bin/prod-console --readonly` and never plain rails console.",
                vec!["bin/prod-console --readonly"],
                vec!["rails console"],
            ),
            (
                "Avoid running npm install directly; use `make deps`.",
                vec!["make deps"],
                vec!["npm install"],
            ),
        ] {
            let found = check(rule).unwrap_or_else(|| panic!("{rule}"));
            assert_eq!(
                (shown(&found.wanted), shown(&found.unwanted)),
                {
                    let own = |v: Vec<&str>| v.into_iter().map(str::to_owned).collect::<Vec<_>>();
                    (own(wanted), own(unwanted))
                },
                "{rule}"
            );
        }
    }

    #[test]
    fn what_is_no_plain_demand_is_not_checked() {
        for rule in [
            "Use table-driven tests",
            "If npm fails, use pnpm",
            "Why do you use npm?",
            "You used npm instead of pnpm",
            "Don't commit npm lockfiles",
            "Use pnpm workspaces for the packages",
            "Don't forget to run npm install",
            "You don't need to run npm install",
            "Use git worktrees for parallel work",
            "make sure the go code is tidy",
            "Use `parseConfig` for the settings",
            "npm is slow",
            "Never trust rails console sessions",
            "Don't leave the rails console open over night",
            "The result should be as in the session with --debug-raw",
            "As seen with `npm install`",
            "Don't change and/or rename things",
            "Run the linter before the tests, not `npm test`",
        ] {
            assert_eq!(check(rule), None, "{rule}");
        }
    }

    #[test]
    fn gates_limits_and_files_are_read() {
        let gate = check("Run `mise run lint` before every commit").unwrap();
        assert_eq!(
            (shown(&gate.wanted), gate.gate.as_deref()),
            (vec!["mise run lint".into()], Some("commit"))
        );
        let web = check("Use pnpm for web dependencies, not npm").unwrap();
        assert_eq!(web.limits, ["web"]);
        let file = check("Never edit `src/gen/schema.rs` or touch anything else").unwrap();
        assert_eq!(file.untouched, ["src/gen/schema.rs"]);
        let dir = check("Don't modify the files in vendor/ by hand").unwrap();
        assert_eq!(dir.untouched, ["vendor/"]);
    }

    #[test]
    fn a_bare_name_means_the_work_of_a_program() {
        let npm = &check("Use pnpm, not npm").unwrap().unwanted[0];
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for line in ["npm install", "/usr/bin/npm ci", "npm run build", "npm"] {
            assert!(npm.matches(&words(line)), "{line}");
        }
        for line in ["npm --version", "npm view react", "pnpm install", "which npm"] {
            assert!(!npm.matches(&words(line)), "{line}");
        }
        let push = &check("Never run git push --force").unwrap().unwanted[0];
        assert!(push.matches(&words("git push origin --force")));
        assert!(!push.matches(&words("git push origin main")));
    }
}
