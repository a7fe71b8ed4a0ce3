//! Markdown in sections with their lines.
//!
//! Owns the cut at headings and which section answers a question best. Must not read files.

use std::collections::{BTreeMap, HashSet};

use cemem_retrieve::text::markdown::lines;
use cemem_retrieve::text::terms::Analyser;
use serde_json::{Map, Value};

/// A heading and what stands below it, up to the next heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section<'a> {
    /// The heading's words; empty for what stands before the first one.
    pub heading: &'a str,
    /// Its first line in the file, 1-based.
    pub start_line: usize,
    /// Its last line that is not blank.
    pub end_line: usize,
    /// Its text, the heading included.
    pub text: &'a str,
}

impl Section<'_> {
    /// Returns the text below the heading.
    pub(super) fn body(&self) -> &str {
        match self.heading {
            "" => self.text.trim(),
            _ => self.text.split_once('\n').map_or("", |(_, rest)| rest.trim()),
        }
    }

    /// Returns the list items, without their marks.
    pub(super) fn items(&self) -> impl Iterator<Item = String> {
        let mark = |line: &str| {
            let line = line.trim();
            let rest = line.strip_prefix("- ").or_else(|| line.strip_prefix("* "))?;
            let rest = rest.trim_start_matches("[ ] ").trim_start_matches("[x] ");
            Some(rest.trim().to_owned()).filter(|item| !item.is_empty())
        };
        self.body().lines().filter_map(mark).collect::<Vec<_>>().into_iter()
    }
}

/// A document: its front matter and its sections.
#[derive(Debug)]
pub(super) struct Document<'a> {
    /// The front matter; empty if there is none.
    pub front: Map<String, Value>,
    /// What follows, in order; none is empty.
    pub sections: Vec<Section<'a>>,
}

impl<'a> Document<'a> {
    /// Cuts a document.
    pub(super) fn new(text: &'a str) -> Self {
        let (front, body) = cemem_ingest::sources::solutions::front_matter(text);
        let before = text.len() - body.len();
        let first = 1 + text[..before].matches('\n').count();
        Self { front, sections: sections(body, first) }
    }

    /// Returns the title: of the front matter, or the first heading.
    pub(super) fn title(&self) -> Option<String> {
        let stated = self.front.get("title").and_then(Value::as_str).map(str::to_owned);
        let heading = || self.sections.iter().find(|s| !s.heading.is_empty());
        stated.or_else(|| heading().map(|s| s.heading.to_owned()))
    }

    /// Returns the words of a key of the front matter: one text, or a list.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        list_of(self.front.get(key))
    }

    /// Returns the section that says most of what is asked, or that holds the quote where none says
    /// more: a word counts the more the fewer sections have it.
    pub(super) fn best(&self, wanted: &HashSet<String>, quote: &str) -> Option<&Section<'a>> {
        let analyser = Analyser::default();
        let met: Vec<HashSet<String>> = self
            .sections
            .iter()
            .map(|section| {
                let words = analyser.analyse(section.text).words;
                words.into_iter().filter(|word| wanted.contains(word)).collect()
            })
            .collect();
        let mut spread: BTreeMap<&str, f32> = BTreeMap::new();
        for word in met.iter().flatten() {
            *spread.entry(word).or_default() += 1.0;
        }
        let mut best: Option<(f32, usize)> = None;
        for (idx, words) in met.iter().enumerate() {
            let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
            words.sort_unstable();
            let said: f32 = words.iter().map(|word| 1.0 / spread[word]).sum();
            let quoted = !quote.is_empty() && self.sections[idx].text.contains(quote);
            let score = said + if quoted { 0.5 } else { 0.0 };
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, idx));
            }
        }
        best.map(|(_, idx)| &self.sections[idx])
    }
}

/// Returns a value as a list of texts: one text is a list of one.
pub(super) fn list_of(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) if !text.trim().is_empty() => vec![text.trim().to_owned()],
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).map(|t| t.trim().to_owned()).collect()
        }
        _ => Vec::new(),
    }
}

/// Cuts a text at its headings, outside of fenced code.
fn sections(body: &str, first_line: usize) -> Vec<Section<'_>> {
    let mut cuts = vec![(0, first_line, "")];
    let mut at = 0;
    for (idx, line) in lines(body).enumerate() {
        if let Some(heading) = line.heading.filter(|heading| !heading.words.is_empty()) {
            cuts.push((at, first_line + idx, heading.words));
        }
        at += line.text.len();
    }
    let ends = cuts.iter().skip(1).map(|(at, _, _)| *at).chain([body.len()]).collect::<Vec<_>>();
    let cut = |((start, line, heading), end): ((usize, usize, _), usize)| {
        let text = body[start..end].trim_end();
        let lead = text.len() - text.trim_start().len();
        let line = line + text[..lead].matches('\n').count();
        let text = text.trim_start();
        let end_line = line + text.matches('\n').count();
        Section { heading, start_line: line, end_line, text }
    };
    cuts.into_iter().zip(ends).map(cut).filter(|section| !section.text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "---\ntitle: A fix\ntags: [x, y]\n---\n\nIntro.\n\n# Problem\n\nIt hangs.\n\n\
        ```sh\n# no heading\n```\n\n## Solution ##\n- Close the pool.\n- [ ] Test it.\n";

    #[test]
    fn lines_are_those_of_the_file() {
        let doc = Document::new(TEXT);
        assert_eq!(doc.title().as_deref(), Some("A fix"));
        assert_eq!(doc.list("tags"), ["x", "y"]);
        let places: Vec<_> =
            doc.sections.iter().map(|s| (s.heading, s.start_line, s.end_line)).collect();
        assert_eq!(places, [("", 6, 6), ("Problem", 8, 14), ("Solution", 16, 18)]);
        let lines: Vec<_> = TEXT.lines().collect();
        for section in &doc.sections {
            let cut = lines[section.start_line - 1..section.end_line].join("\n");
            assert_eq!(cut, section.text);
        }
        let items: Vec<_> = doc.sections[2].items().collect();
        assert_eq!(items, ["Close the pool.", "Test it."]);
    }

    #[test]
    fn the_section_that_says_most_is_the_best() {
        let doc = Document::new(TEXT);
        let wanted = |text: &str| Analyser::default().analyse(text).words.into_iter().collect();
        let best = |text: &str, quote| doc.best(&wanted(text), quote).map(|s| s.heading);
        assert_eq!(best("close pools", ""), Some("Solution"));
        assert_eq!(best("nothing of that", "It hangs."), Some("Problem"));
    }

    proptest! {
        #[test]
        fn any_text_is_cut_without_loss(text in "(#{1,7} \\PC{0,5}|```|---|\n|\r\n|title: x|\\PC){0,40}") {
            let doc = Document::new(&text);
            let lines: Vec<_> = text.split('\n').collect();
            for section in &doc.sections {
                prop_assert!(section.end_line <= lines.len());
                prop_assert!(section.start_line <= section.end_line);
            }
        }
    }
}
