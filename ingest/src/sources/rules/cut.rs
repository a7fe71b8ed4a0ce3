//! Markdown into single rules: items of lists, sentences of paragraphs.
//!
//! Owns what is text and what is not: code, tables, comments and cemem's own block hold no rules. Must
//! not reword anything: a rule is a piece of its file, byte for byte.

/// Most rules of one file.
const MAX_RULES: usize = 400;
/// Longest rule, in bytes.
const MAX_RULE: usize = 2000;

/// One rule as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut<'a> {
    /// 1-based line.
    pub(super) line: u64,
    /// Headings it stands under, outermost first; what introduces a list (`Never:`) is the last.
    pub(super) headings: Vec<String>,
    /// The words, without the marker of a list.
    pub(super) text: &'a str,
}

/// Where the text goes on after a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Text,
    Code(char),
    Comment,
    OwnBlock,
}

/// A piece that is being collected: from a byte to a byte.
struct Open {
    line: u64,
    from: usize,
    to: usize,
    indent: Option<usize>,
}

struct Cutter<'a> {
    text: &'a str,
    found: Vec<Cut<'a>>,
    headings: Vec<(usize, String)>,
    /// Introductions of lists: how deep they are indented, and their words.
    leads: Vec<(usize, String)>,
    open: Option<Open>,
}

/// Returns the rules of a text whose first line has this number.
pub(super) fn rules(text: &str, first_line: u64) -> Vec<Cut<'_>> {
    let mut cutter =
        Cutter { text, found: Vec::new(), headings: Vec::new(), leads: Vec::new(), open: None };
    let mut state = In::Text;
    let mut at = 0;
    for (number, raw) in (first_line..).zip(text.split_inclusive('\n')) {
        state = cutter.line(raw, at, number, state);
        at += raw.len();
        if cutter.found.len() >= MAX_RULES {
            break;
        }
    }
    cutter.close();
    cutter.found.truncate(MAX_RULES);
    cutter.found
}

/// Returns the length of the marker of a list's item, box included.
fn marker(line: &str) -> Option<usize> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let len = match line.as_bytes() {
        [b'-' | b'*' | b'+', b' ' | b'\t', ..] => 2,
        _ if (1..=3).contains(&digits)
            && matches!(line.as_bytes().get(digits..digits + 2), Some([b'.' | b')', b' '])) =>
        {
            digits + 2
        }
        _ => return None,
    };
    let rest = &line[len..];
    let inner = rest.trim_start();
    let boxed = ["[ ] ", "[x] ", "[X] "].iter().any(|b| inner.starts_with(b));
    Some(len + (rest.len() - inner.len()) + if boxed { 4 } else { 0 })
}

impl<'a> Cutter<'a> {
    fn line(&mut self, raw: &'a str, at: usize, number: u64, state: In) -> In {
        let content = raw.trim();
        match state {
            In::Code(mark) => {
                let closes = content.len() >= 3 && content.chars().all(|c| c == mark);
                return if closes { In::Text } else { state };
            }
            In::OwnBlock => {
                return if content.starts_with("<!-- cemem:end") { In::Text } else { state };
            }
            In::Comment => return if content.contains("-->") { In::Text } else { state },
            In::Text => {}
        }
        for mark in ['`', '~'] {
            if content.starts_with(&mark.to_string().repeat(3)) {
                self.close();
                return In::Code(mark);
            }
        }
        if content.starts_with("<!--") {
            self.close();
            return match content {
                c if c.starts_with("<!-- cemem:begin") => In::OwnBlock,
                c if c.contains("-->") => In::Text,
                _ => In::Comment,
            };
        }
        let indent = raw.len() - raw.trim_start().len();
        if let Some(level) = heading(content) {
            self.close();
            self.leads.clear();
            self.headings.retain(|(l, _)| *l < level);
            self.headings.push((level, plain(content.trim_matches('#'))));
            return In::Text;
        }
        if let Some(len) = marker(content) {
            self.close();
            self.leads.retain(|(depth, _)| *depth < indent + 1);
            self.begin(number, at + indent + len, at + raw.trim_end().len(), Some(indent));
        } else if content.is_empty()
            || content.starts_with(['|', '@', '<', '>'])
            || rule_off(content)
        {
            self.close();
        } else if let Some(open) = &mut self.open {
            open.to = at + raw.trim_end().len();
        } else {
            self.leads.clear();
            self.begin(number, at + indent, at + raw.trim_end().len(), None);
        }
        In::Text
    }

    fn begin(&mut self, line: u64, from: usize, to: usize, indent: Option<usize>) {
        self.open = Some(Open { line, from: from.min(to), to, indent });
    }

    /// Ends the piece that is being collected.
    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let text = &self.text[open.from..open.to];
        if text.ends_with(':') && text.len() < 200 {
            // An item belongs to what introduces it; a paragraph introduces the list that follows.
            let depth = open.indent.map_or(0, |i| i + 1);
            self.leads.retain(|(d, _)| *d < depth);
            self.leads.push((depth, plain(text)));
            return;
        }
        match open.indent {
            Some(indent) => {
                self.leads.retain(|(depth, _)| *depth <= indent);
                self.push(open.line, text);
            }
            None => {
                let mut from = 0;
                while from < text.len() {
                    let rest = &text[from..];
                    let start = from + (rest.len() - rest.trim_start().len());
                    let end = start + crate::extract::wording::first_sentence(&text[start..]).len();
                    let line = open.line + text[..start].matches('\n').count() as u64;
                    self.push(line, &text[start..end]);
                    from = end.max(from + 1);
                    while !text.is_char_boundary(from) {
                        from += 1;
                    }
                }
            }
        }
    }

    fn push(&mut self, line: u64, text: &'a str) {
        let text = text.trim();
        let words =
            text.split_whitespace().filter(|w| w.chars().any(char::is_alphanumeric)).count();
        if words < 2 || text.len() > MAX_RULE || self.found.len() >= MAX_RULES {
            return;
        }
        let headings = self.headings.iter().map(|(_, h)| h.clone());
        let headings = headings.chain(self.leads.last().map(|(_, lead)| lead.clone())).collect();
        self.found.push(Cut { line, headings, text });
    }
}

fn heading(content: &str) -> Option<usize> {
    let level = content.bytes().take_while(|b| *b == b'#').count();
    ((1..=6).contains(&level) && content[level..].starts_with(' ')).then_some(level)
}

/// A line that only divides.
fn rule_off(content: &str) -> bool {
    content.len() >= 3 && content.chars().all(|c| matches!(c, '-' | '*' | '_' | '=' | ' '))
}

fn plain(text: &str) -> String {
    crate::extract::wording::clip(text.replace(['*', '_', '`'], "").trim(), 120)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let tell = |c: &Cut<'_>| format!("{} {} | {}", c.line, c.headings.join(" > "), c.text);
        rules(text, 1).iter().map(tell).collect()
    }

    #[test]
    fn items_and_sentences_with_lines_and_headings() {
        let text = "# App\n\nUse pnpm here. Never commit\nto main. \n\n## Tests\n- [ ] Run all\n  tests first\n- Never:\n  - mock the store\n  - skip a test\n1. One more thing\n";
        assert_eq!(
            told(text),
            [
                "3 App | Use pnpm here.",
                "3 App | Never commit\nto main.",
                "7 App > Tests | Run all\n  tests first",
                "10 App > Tests > Never: | mock the store",
                "11 App > Tests > Never: | skip a test",
                "12 App > Tests | One more thing",
            ]
        );
    }

    #[test]
    fn code_tables_comments_and_the_own_block_hold_none() {
        let text = "Keep it small.\n```sh\nrun this now\n```\n| a b | c d |\n<!-- never\nread this -->\n@AGENTS.md more\n<!-- cemem:begin 12 -->\n- Never read back\n<!-- cemem:end -->\nDo it well.\n<!-- cemem:begin 12 -->\n- Not closed, not read\n";
        assert_eq!(told(text), ["1  | Keep it small.", "12  | Do it well."]);
    }

    #[test]
    fn any_text_is_cut_without_harm() {
        for text in [
            "",
            "-",
            "- ",
            "#",
            "1. ",
            "***",
            "- ä\n  - \u{202e}x y",
            "a:\n\n\n- b:",
            "....",
            "é. é",
        ] {
            for (end, _) in text.char_indices() {
                rules(&text[..end], 1);
            }
        }
        assert_eq!(rules(&"- one more\n".repeat(5000), 1).len(), MAX_RULES);
        assert!(rules(&"word ".repeat(100_000), 1).is_empty());
    }
}
