//! Finding, checking and replacing the managed block in a text.
//!
//! Owns the markers. The opening marker carries a checksum of the block, so that an edit by hand is
//! noticed before it is overwritten. Must not touch a byte outside the block, line endings included.

use cemem_core::id::digest;
use thiserror::Error;

const BEGIN: &str = "<!-- cemem:begin";
const END: &str = "<!-- cemem:end -->";

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
}

/// Returns the text with the block replaced, or added at the end if it had none. `lines` is the
/// block's content without markers; an empty list removes the block.
///
/// # Errors
/// When markers are unbalanced or doubled, or the block was edited and `force` is off.
pub fn with_block(text: &str, lines: &[String], force: bool) -> Result<String, BlockError> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let block = if lines.is_empty() { String::new() } else { wrap(lines, newline) };
    match find(text)? {
        Some(found) if !found.intact && !force => Err(BlockError::Edited(found.line)),
        Some(found) => {
            let mut end = found.range.end;
            if block.is_empty() && text[end..].starts_with(newline) {
                end += newline.len();
            }
            Ok(format!("{}{block}{}", &text[..found.range.start], &text[end..]))
        }
        None if block.is_empty() => Ok(text.to_owned()),
        None => {
            let gap = match text {
                "" => String::new(),
                t if t.ends_with(&newline.repeat(2)) => String::new(),
                t if t.ends_with(newline) => newline.to_owned(),
                _ => newline.repeat(2),
            };
            Ok(format!("{text}{gap}{block}{newline}"))
        }
    }
}

fn wrap(lines: &[String], newline: &str) -> String {
    let body = lines.join(newline);
    let sum = checksum(&body);
    format!(
        "{BEGIN} {sum} (generated; edit lessons with `cemem lessons`) -->{newline}{body}{newline}{END}"
    )
}

/// Returns the checksum of a block's content, the same for either line ending.
fn checksum(body: &str) -> String {
    let mut hex = digest([body.replace("\r\n", "\n").trim_end()]);
    hex.truncate(12);
    hex
}

/// Finds the block. Markers inside fenced code are text about cemem, not markers.
fn find(text: &str) -> Result<Option<Found>, BlockError> {
    let mut fence: Option<&str> = None;
    let mut open: Option<(usize, usize, usize, &str)> = None;
    let mut found: Option<Found> = None;
    let mut offset = 0;
    for (idx, raw) in text.split_inclusive('\n').enumerate() {
        let line = raw.trim();
        let start = offset;
        offset += raw.len();
        let marker = ["```", "~~~"].into_iter().find(|f| line.starts_with(f));
        match (fence, marker) {
            (None, Some(m)) if open.is_none() => fence = Some(m),
            (Some(f), Some(m)) if f == m => fence = None,
            _ => {}
        }
        if fence.is_some() {
            continue;
        }
        if line.starts_with(BEGIN) {
            match (&open, &found) {
                (Some((_, _, line, _)), _) => return Err(BlockError::Unbalanced(*line)),
                (None, Some(_)) => return Err(BlockError::Second(idx + 1)),
                (None, None) => open = Some((start, offset, idx + 1, line)),
            }
        } else if line == END {
            let Some((begin, body, line_no, opening)) = open.take() else {
                return Err(BlockError::Unbalanced(idx + 1));
            };
            let content = text[body..start].trim_end_matches(['\r', '\n']);
            let claimed = opening[BEGIN.len()..].split_whitespace().next().unwrap_or_default();
            found = Some(Found {
                range: begin..start + raw.trim_end_matches(['\r', '\n']).len(),
                line: line_no,
                intact: claimed == checksum(content),
            });
        }
    }
    match open {
        Some((_, _, line, _)) => Err(BlockError::Unbalanced(line)),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
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
}
