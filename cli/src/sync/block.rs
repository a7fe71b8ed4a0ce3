//! Finding, checking and replacing the managed block in a text.
//!
//! Owns the markers. The opening marker carries a checksum of the block, so that an edit by hand is
//! noticed before it is overwritten. Must not touch a byte outside the block, line endings included.

use cemem_core::id::digest;
use thiserror::Error;

const BEGIN: &str = "<!-- cemem:begin";
const END: &str = "<!-- cemem:end -->";
/// What some editors put before the first character.
const BOM: &str = "\u{feff}";

/// Why a text cannot get a block.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BlockError {
    /// An opening marker without a closing one, or the other way round.
    #[error("line {0} has a cemem marker without its partner")]
    Unbalanced(usize),
    /// Two blocks.
    #[error("line {0} begins a second cemem block")]
    Second(usize),
    /// The block is not what cemem wrote.
    #[error("the block at line {0} was edited by hand")]
    Edited(usize),
}

/// Where a block stands in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    /// Byte range of the whole block, without the line break after it.
    range: std::ops::Range<usize>,
    /// 1-based line of its opening marker.
    line: usize,
    /// Whether the checksum fits the content.
    intact: bool,
    /// The checksum in its opening marker.
    sum: String,
    /// How its lines end.
    newline: &'static str,
}

/// What stands in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content<'a> {
    /// 1-based line of the opening marker.
    pub line: usize,
    /// The lines between the markers.
    pub lines: Vec<&'a str>,
    /// They are as cemem wrote them.
    pub is_intact: bool,
    /// The checksum of the lines that were written, whatever stands there now.
    pub sum: String,
}

/// Returns what stands in the block, if there is one.
///
/// # Errors
/// When markers are unbalanced or doubled.
pub fn content(text: &str) -> Result<Option<Content<'_>>, BlockError> {
    Ok(find(text)?.map(|found| {
        let mut lines: Vec<&str> = text[found.range].lines().skip(1).collect();
        lines.pop();
        Content { line: found.line, lines, is_intact: found.intact, sum: found.sum }
    }))
}

/// Returns the text with these lines after its block.
///
/// # Errors
/// When markers are unbalanced or doubled.
pub fn with_lines_after(text: &str, lines: &[String]) -> Result<String, BlockError> {
    let Some(found) = find(text)?.filter(|_| !lines.is_empty()) else { return Ok(text.to_owned()) };
    let (before, after) = text.split_at(found.range.end);
    let lines = lines.join(found.newline);
    Ok(format!("{before}{0}{0}{lines}{after}", found.newline))
}

/// Returns the text with the block replaced, or added at the end if it had none. `lines` is the
/// block's content without markers; an empty list removes the block.
///
/// # Errors
/// When markers are unbalanced or doubled, or the block was edited and `force` is off.
pub fn with_block(text: &str, lines: &[String], force: bool) -> Result<String, BlockError> {
    match find(text)? {
        Some(found) if !found.intact && !force => Err(BlockError::Edited(found.line)),
        Some(found) => {
            let block = wrap(lines, found.newline);
            let mut end = found.range.end;
            if block.is_empty() {
                end += text[end..].find('\n').map_or(0, |at| at + 1);
            }
            Ok(format!("{}{block}{}", &text[..found.range.start], &text[end..]))
        }
        None if lines.is_empty() => Ok(text.to_owned()),
        None => {
            let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
            let block = wrap(lines, newline);
            let gap = match text {
                "" | BOM => String::new(),
                t if t.ends_with(&newline.repeat(2)) => String::new(),
                t if t.ends_with(newline) => newline.to_owned(),
                _ => newline.repeat(2),
            };
            Ok(format!("{text}{gap}{block}{newline}"))
        }
    }
}

fn wrap(lines: &[String], newline: &str) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let body = lines.join(newline);
    let sum = checksum(&body);
    format!(
        "{BEGIN} {sum} (generated; edit lessons with `cemem lessons`) -->{newline}{body}{newline}{END}"
    )
}

/// Returns the checksum of a block's content, the same for either line ending.
pub(super) fn checksum(body: &str) -> String {
    let mut hex = digest([body.replace("\r\n", "\n").trim_end()]);
    hex.truncate(12);
    hex
}

/// A line of a text.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    /// Where it starts, after a byte order mark.
    start: usize,
    /// With its line break.
    raw: &'a str,
    /// Whether it is neither a fence nor inside one.
    is_prose: bool,
}

impl<'a> Line<'a> {
    /// Returns the text without line break, trailing white space and the indentation Markdown allows;
    /// `None` if it is indented so far that it is code.
    fn content(self) -> Option<&'a str> {
        let content = self.raw.trim_start_matches(' ');
        let is_code = self.raw.len() - content.len() > 3 || content.starts_with('\t');
        (!is_code).then(|| content.trim_end())
    }

    /// Returns the character and length of a code fence that this line could open or close, and what
    /// follows it.
    fn fence(self) -> Option<(char, usize, &'a str)> {
        let content = self.content()?;
        let mark = content.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let info = content.trim_start_matches(mark);
        let len = content.len() - info.len();
        // What looks like a fence with a backtick after it is code within a line.
        (len >= 3 && !(mark == '`' && info.contains('`'))).then_some((mark, len, info))
    }
}

/// Splits a text into lines and finds its fenced code, as CommonMark has it; but a fence that nothing
/// closes is no fence, since what is added below it has to be found again.
fn scan(text: &str) -> Vec<Line<'_>> {
    let mut at = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let mut lines: Vec<Line<'_>> = Vec::new();
    for raw in text[at..].split_inclusive('\n') {
        lines.push(Line { start: at, raw, is_prose: true });
        at += raw.len();
    }
    // Where the search for a closing fence of this character and length came to nothing.
    let mut hopeless: Option<(char, usize)> = None;
    let mut next = 0;
    while next < lines.len() {
        let opening = next;
        next += 1;
        let Some((mark, len, _)) = lines[opening].fence() else { continue };
        if hopeless.is_some_and(|(m, l)| m == mark && l <= len) {
            continue;
        }
        let closes = |line: &Line<'_>| {
            line.fence().is_some_and(|(m, l, info)| m == mark && l >= len && info.is_empty())
        };
        match lines[next..].iter().position(closes) {
            Some(after) => {
                next += after + 1;
                lines[opening..next].iter_mut().for_each(|line| line.is_prose = false);
            }
            None => hopeless = Some((mark, len)),
        }
    }
    lines
}

/// Returns the lines outside code blocks, without indentation and line breaks.
pub fn prose(text: &str) -> impl Iterator<Item = &str> {
    scan(text).into_iter().filter(|line| line.is_prose).filter_map(Line::content)
}

/// Finds the block. Markers inside code are text about cemem, not markers.
fn find(text: &str) -> Result<Option<Found>, BlockError> {
    let mut open: Option<(Line<'_>, usize, &str)> = None;
    let mut found: Option<Found> = None;
    for (number, line) in (1..).zip(scan(text)) {
        let Some(content) = line.content().filter(|_| line.is_prose) else { continue };
        // Words behind it are a person's: then it is no marker, and its partner is told to lack one.
        if content.starts_with(BEGIN) && content.ends_with("-->") {
            match (&open, &found) {
                (Some((_, first, _)), _) => return Err(BlockError::Unbalanced(*first)),
                (None, Some(_)) => return Err(BlockError::Second(number)),
                (None, None) => open = Some((line, number, content)),
            }
        } else if content == END {
            let Some((first, first_number, marker)) = open.take() else {
                return Err(BlockError::Unbalanced(number));
            };
            let body = &text[first.start + first.raw.len()..line.start];
            let claimed = marker[BEGIN.len()..].split_whitespace().next().unwrap_or_default();
            found = Some(Found {
                range: first.start..line.start + line.raw.trim_end_matches(['\r', '\n']).len(),
                line: first_number,
                sum: claimed.to_owned(),
                intact: claimed == checksum(body.trim_end_matches(['\r', '\n'])),
                newline: if first.raw.ends_with("\r\n") { "\r\n" } else { "\n" },
            });
        }
    }
    match open {
        Some((_, number, _)) => Err(BlockError::Unbalanced(number)),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &[&str]) -> Vec<String> {
        text.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn adds_replaces_and_removes_without_touching_the_rest() {
        for original in ["# Mine\n\ntext", "# Mine\r\n\r\ntext\r\n", "", "x\n\n"] {
            let once = with_block(original, &lines(&["- a"]), false).unwrap();
            assert!(once.starts_with(original), "{once:?}");
            assert_eq!(with_block(&once, &lines(&["- a"]), false).unwrap(), once);
            let twice = with_block(&once, &lines(&["- b", "- c"]), false).unwrap();
            assert!(twice.starts_with(original) && twice.contains("- c") && !twice.contains("- a"));
            assert_eq!(twice.contains('\r'), original.contains('\r'));
            let gone = with_block(&twice, &[], false).unwrap();
            assert_eq!(gone.trim_end(), original.trim_end());
        }
    }

    #[test]
    fn text_after_the_block_stays() {
        let once = with_block("head\n", &lines(&["- a"]), false).unwrap() + "tail\n";
        let twice = with_block(&once, &lines(&["- b"]), false).unwrap();
        assert!(twice.starts_with("head\n") && twice.ends_with("<!-- cemem:end -->\ntail\n"));
    }

    #[test]
    fn hand_edits_are_not_overwritten() {
        let once = with_block("", &lines(&["- a"]), false).unwrap();
        let edited = once.replace("- a", "- a, but mine");
        assert_eq!(with_block(&edited, &lines(&["- b"]), false), Err(BlockError::Edited(1)));
        assert!(with_block(&edited, &lines(&["- b"]), true).unwrap().contains("- b"));
    }

    #[test]
    fn broken_markers_are_refused() {
        let one = with_block("", &lines(&["- a"]), false).unwrap();
        let cut = one.replace(END, "");
        assert_eq!(with_block(&cut, &lines(&["x"]), true), Err(BlockError::Unbalanced(1)));
        assert_eq!(with_block(END, &lines(&["x"]), true), Err(BlockError::Unbalanced(1)));
        let twice = format!("{one}{one}");
        assert_eq!(with_block(&twice, &lines(&["x"]), true), Err(BlockError::Second(4)));
        let quoted = format!("```\n{one}```\n");
        assert!(with_block(&quoted, &lines(&["x"]), false).unwrap().starts_with(&quoted));
    }

    #[test]
    fn fences_are_those_of_commonmark() {
        let one = with_block("", &lines(&["- a"]), false).unwrap();
        // Text about the block, in every kind of fence: never the block.
        for quoted in [
            format!("````md\n```\n{one}```\n````\n"),
            format!("~~~\n```\n{one}~~~~\n"),
            format!("   ```text\n{one}  ```  \n"),
            format!("```\n{one}``` not a close\n```\n"),
            format!("    {}", one.replace('\n', "\n    ")),
        ] {
            let once = with_block(&quoted, &lines(&["- b"]), false).unwrap();
            assert!(once.starts_with(&quoted), "{once}");
            assert_eq!(with_block(&once, &lines(&["- b"]), false).unwrap(), once);
        }
        // No fences: the block below them is found.
        for before in ["```\nnever closed\n", "``` a`b\n", "    ```\n", "~~~\n```\n", "``\n"] {
            let once = with_block(before, &lines(&["- b"]), false).unwrap();
            let again = with_block(&once, &lines(&["- c"]), false).unwrap();
            assert_eq!(again.matches(BEGIN).count(), 1, "{again}");
            assert!(again.contains("- c") && !again.contains("- b"), "{again}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        let text = format!("{BOM}{}", with_block("", &lines(&["- a"]), false).unwrap());
        let changed = with_block(&text, &lines(&["- b"]), false).unwrap();
        assert!(changed.starts_with(&format!("{BOM}{BEGIN}")), "{changed:?}");
        assert_eq!(changed.matches(BEGIN).count(), 1);
        assert_eq!(with_block(&text, &[], false).unwrap(), BOM);
    }

    fn markdown() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            2 => "[ -~]{0,12}",
            3 => "[ ]{0,5}(`{2,5}|~{2,5})[a`~ ]{0,3}",
            1 => Just(BOM.to_owned()),
            1 => Just("\t```".to_owned()),
            1 => Just("> ```".to_owned()),
            1 => Just(format!("```\n{BEGIN} 000000000000 -->\nx\n{END}\n```")),
            1 => with_block("", &["- old".to_owned()], false).map(Just).unwrap(),
        ];
        let ended = (
            piece,
            prop_oneof![4 => Just("\n"), 2 => Just("\r\n"), 1 => Just(""), 1 => Just("\r")],
        );
        proptest::collection::vec(ended, 0..14)
            .prop_map(|pieces| pieces.into_iter().map(|(text, end)| text + end).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn twice_is_once_and_the_rest_is_untouched(text in markdown(), force: bool) {
            let (first, second) = (lines(&["## Memory", "", "- a"]), lines(&["- b"]));
            let had = find(&text);
            let Ok(once) = with_block(&text, &first, force) else {
                prop_assert!(text.contains("cemem:"));
                return Ok(());
            };
            prop_assert_eq!(&with_block(&once, &first, false).unwrap(), &once);
            let changed = with_block(&once, &second, false).unwrap();
            prop_assert_eq!(&with_block(&changed, &first, false).unwrap(), &once);
            match had.unwrap() {
                None => prop_assert!(once.starts_with(&text)),
                Some(found) => {
                    prop_assert!(once.starts_with(&text[..found.range.start]));
                    prop_assert!(once.ends_with(&text[found.range.end..]));
                }
            }
        }
    }
}
