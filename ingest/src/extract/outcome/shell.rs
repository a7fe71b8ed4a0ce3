//! The commands a shell line runs.
//!
//! Owns splitting a line into simple commands, aware of quotes, substitutions and here-documents: what
//! stands in a commit message or is written into a file is text, not a command. Must not expand or run
//! anything.

/// Longest line looked at, in bytes.
const MAX_LINE: usize = 8192;
/// Most commands taken from one line.
const MAX_COMMANDS: usize = 64;
/// Words in front of a command that are not the command.
const WRAPPERS: &[&str] = &[
    "sudo", "time", "nice", "env", "command", "exec", "nohup", "timeout", "if", "then", "else",
    "elif", "do", "while", "until", "!", "{",
];
/// Programs that take a line as an argument.
const SHELLS: &[&str] = &["bash", "sh", "zsh", "dash"];

/// Returns the simple commands of a line, each as its words, without what wraps them.
pub(super) fn commands(line: &str) -> Vec<Vec<String>> {
    all(line).into_iter().map(|(words, _)| words).collect()
}

/// Returns the commands of a line that no other one feeds: what stands behind a pipe filters, whatever
/// it is.
pub(super) fn heads(line: &str) -> Vec<Vec<String>> {
    all(line).into_iter().filter(|(_, fed)| !fed).map(|(words, _)| words).collect()
}

/// A command's words, and whether a pipe feeds it.
type Piped = (Vec<String>, bool);

fn all(line: &str) -> Vec<Piped> {
    let mut found = Vec::new();
    collect(line, &mut found, 0);
    found
}

fn collect(line: &str, found: &mut Vec<Piped>, depth: usize) {
    for (words, fed) in Lexer::read(line) {
        if found.len() == MAX_COMMANDS {
            return;
        }
        let words = bare(words);
        let Some(program) = words.first() else { continue };
        let is_shell = SHELLS.contains(&base(program));
        let inner = words.iter().position(|w| w.starts_with('-') && w.ends_with('c'));
        match inner.and_then(|at| words.get(at + 1)) {
            Some(inner) if is_shell && depth < 2 => collect(inner, found, depth + 1),
            _ => found.push((words, fed)),
        }
    }
}

/// Returns the command that a runner of the project's own programs is given: `rails console` of
/// `bundle exec rails console`.
pub(super) fn inner(words: &[String]) -> Option<&[String]> {
    let [first, second, rest @ ..] = words else { return None };
    let rest = match (first.as_str(), second.as_str()) {
        ("bundle" | "pnpm" | "yarn", "exec")
        | ("uv" | "poetry" | "pipenv" | "pdm" | "hatch" | "rye" | "pixi", "run") => rest,
        ("npx" | "bunx", _) => &words[1..],
        _ => return None,
    };
    rest.first().is_some_and(|program| !program.starts_with('-')).then_some(rest)
}

/// Returns the last part of a path.
pub(super) fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// Drops assignments and wrappers in front of a command.
fn bare(words: Vec<String>) -> Vec<String> {
    let mut wrapped = false;
    let is_front = |word: &String| {
        let name = word.split('=').next().unwrap_or("");
        let assigned = word.contains('=')
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let wrapper = WRAPPERS.contains(&word.as_str());
        // `timeout 60`, `nice -n 5`: what a wrapper takes.
        let taken = wrapped
            && (word.starts_with('-') || word.trim_end_matches(['s', 'm']).parse::<f32>().is_ok());
        wrapped |= wrapper;
        assigned || wrapper || taken
    };
    words.into_iter().skip_while(is_front).collect()
}

/// Cuts a line into commands of words.
struct Lexer<'a> {
    rest: &'a str,
    word: String,
    /// Something stands in the word, be it an empty string.
    open: bool,
    /// The next word is the target of a redirection.
    target: bool,
    words: Vec<String>,
    /// A pipe feeds the command.
    fed: bool,
    done: Vec<Piped>,
    /// Ends of here-documents that begin after this line.
    documents: Vec<String>,
}

impl<'a> Lexer<'a> {
    fn read(line: &'a str) -> Vec<Piped> {
        let end = line.floor_char_boundary(MAX_LINE.min(line.len()));
        let mut lexer = Self {
            rest: &line[..end],
            word: String::new(),
            open: false,
            target: false,
            words: Vec::new(),
            fed: false,
            done: Vec::new(),
            documents: Vec::new(),
        };
        while let Some(c) = lexer.next() {
            lexer.take(c);
        }
        lexer.end_command();
        lexer.done
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn take(&mut self, c: char) {
        match c {
            '\'' => self.quoted('\''),
            '"' => self.quoted('"'),
            '`' => self.skip_to('`'),
            '\\' => match self.next() {
                Some('\n') | None => {}
                Some(escaped) => self.push(escaped),
            },
            '$' if self.rest.starts_with('(') => {
                self.next();
                self.substitution();
            }
            '#' if !self.open => self.rest = self.rest.find('\n').map_or("", |at| &self.rest[at..]),
            '<' if self.rest.starts_with('<') => self.here_document(),
            '<' | '>' => self.redirection(),
            '\n' => {
                self.end_command();
                self.skip_documents();
            }
            '|' if self.rest.starts_with('|') => {
                self.next();
                self.end_command();
            }
            '|' => {
                self.end_command();
                self.fed = true;
            }
            ';' | '(' | ')' => self.end_command(),
            '&' if self.rest.starts_with('>') => {}
            '&' => self.end_command(),
            c if c.is_whitespace() => self.end_word(),
            c => self.push(c),
        }
    }

    fn push(&mut self, c: char) {
        self.word.push(c);
        self.open = true;
    }

    fn quoted(&mut self, quote: char) {
        self.open = true;
        while let Some(c) = self.next() {
            match c {
                c if c == quote => return,
                '\\' if quote == '"' => {
                    if let Some(escaped) = self.next() {
                        self.word.push(escaped);
                    }
                }
                '$' if quote == '"' && self.rest.starts_with('(') => {
                    self.next();
                    self.substitution();
                }
                c => self.word.push(c),
            }
        }
    }

    /// Skips what stands in a substitution: its output is what counts, and nobody knows that.
    fn substitution(&mut self) {
        self.open = true;
        let mut depth = 1;
        while let Some(c) = self.next() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                '\\' => _ = self.next(),
                '\'' => self.skip_to('\''),
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_to(&mut self, end: char) {
        self.open = true;
        self.rest = self.rest.split_once(end).map_or("", |(_, rest)| rest);
    }

    fn here_document(&mut self) {
        self.end_word();
        let rest = self.rest.trim_start_matches('<');
        // `<<<` takes a word, not a document.
        if self.rest.starts_with("<<") {
            self.rest = rest;
            self.target = true;
            return;
        }
        let rest = rest.trim_start_matches('-').trim_start_matches(' ');
        let end = rest.find(|c: char| c.is_whitespace() || ";|&)".contains(c));
        let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
        self.documents.push(name.trim_matches(['\'', '"', '\\']).to_owned());
        self.rest = rest;
    }

    fn skip_documents(&mut self) {
        for end in std::mem::take(&mut self.documents) {
            while !self.rest.is_empty() {
                let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
                self.rest = rest;
                if line.trim() == end {
                    break;
                }
            }
        }
    }

    fn redirection(&mut self) {
        if self.word.bytes().all(|b| b.is_ascii_digit()) {
            self.word.clear();
            self.open = false;
        }
        self.end_word();
        self.rest = self.rest.trim_start_matches(['>', '&']);
        self.target = true;
    }

    fn end_word(&mut self) {
        if !self.open {
            return;
        }
        let word = std::mem::take(&mut self.word);
        self.open = false;
        if !std::mem::take(&mut self.target) {
            self.words.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.target = false;
        if !self.words.is_empty() {
            let fed = std::mem::take(&mut self.fed);
            self.done.push((std::mem::take(&mut self.words), fed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Vec<String> {
        commands(line).into_iter().map(|words| words.join(" ")).collect()
    }

    #[test]
    fn every_command_of_a_line_is_found() {
        for (line, want) in [
            (
                "cd web && CI=1 npm install 2>&1 | tail -20",
                vec!["cd web", "npm install", "tail -20"],
            ),
            ("sudo timeout 60 npm ci; echo done", vec!["npm ci", "echo done"]),
            ("if true; then npm i\nfi", vec!["true", "npm i", "fi"]),
            ("bash -lc 'npm install && npm test'", vec!["npm install", "npm test"]),
            ("npm install > log.txt", vec!["npm install"]),
            ("npm install &> log.txt &", vec!["npm install"]),
            ("npm run \\\n  build", vec!["npm run build"]),
        ] {
            assert_eq!(shown(line), want, "{line}");
        }
    }

    #[test]
    fn what_is_only_text_is_no_command() {
        for line in [
            "git commit -m \"use pnpm; npm install is gone\"",
            "git commit -m \"$(cat <<'EOF'\nnpm install\nEOF\n)\"",
            "cat > README.md <<EOF\nnpm install\nEOF",
            "cat <<-'END' | tee x\n\tnpm install\n\tEND",
            "# npm install\nls",
            "echo 'a\nnpm install'",
            "echo `npm bin`",
            "echo $(npm bin; npm install)",
        ] {
            assert!(!shown(line).iter().any(|c| c.starts_with("npm")), "{line}: {:?}", shown(line));
        }
        assert_eq!(shown("cat <<A\nx\nA\nnpm i").last().unwrap(), "npm i");
    }

    #[test]
    fn what_a_pipe_feeds_is_no_head() {
        for (line, want) in [
            ("git log | grep fix", vec!["git log"]),
            ("ls || grep -rn x .", vec!["ls", "grep -rn x ."]),
            ("a | b | c; grep x", vec!["a", "grep x"]),
            ("a |\ngrep x\ngrep y", vec!["a", "grep y"]),
        ] {
            let heads: Vec<String> = heads(line).iter().map(|words| words.join(" ")).collect();
            assert_eq!(heads, want, "{line}");
        }
    }

    #[test]
    fn no_line_is_too_odd() {
        for line in ["", "'", "\"$(", "<<", "<<<", ">", "&&", "\\", "$(", "`", "a <<'", "é<<é"] {
            let _any = commands(line);
        }
        assert_eq!(commands(&"a;".repeat(10_000)).len(), MAX_COMMANDS);
    }
}
