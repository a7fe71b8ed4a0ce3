//! Which lines of Markdown are headings.
//!
//! Owns [`lines`]. A comment in fenced code is no heading. Must not cut: who asks knows what for.

/// A line, with its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The line as it stands.
    pub text: &'a str,
    /// What it is the heading of, if it is one.
    pub heading: Option<Heading<'a>>,
}

/// A heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading<'a> {
    /// 1 for the highest, to 6.
    pub level: usize,
    /// Its words; may be empty.
    pub words: &'a str,
}

/// Returns the lines of a text.
pub fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut fenced = false;
    text.split_inclusive('\n').map(move |text| {
        let plain = text.trim();
        fenced ^= plain.starts_with("```") || plain.starts_with("~~~");
        Line { text, heading: heading(text).filter(|_| !fenced) }
    })
}

fn heading(line: &str) -> Option<Heading<'_>> {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let level = line.bytes().take_while(|&b| b == b'#').count();
    let rest = &line[level..];
    let is_heading = (1..=6).contains(&level) && rest.starts_with(char::is_whitespace);
    is_heading.then(|| Heading { level, words: rest.trim().trim_end_matches('#').trim_end() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_in_code_are_no_headings() {
        let text = "intro\n# One #\r\n```sh\n# fix it\n```\n~~~\n## no\n~~~\n### Three\n####### no\n#no\n# ";
        let found: Vec<_> = lines(text)
            .filter_map(|line| Some((line.heading?.level, line.heading?.words)))
            .collect();
        assert_eq!(found, [(1, "One"), (3, "Three"), (1, "")]);
        assert_eq!(lines(text).map(|line| line.text).collect::<String>(), text);
    }
}
