//! A commit's message as subject, body and trailers.
//!
//! Owns decoding and bounds: a message may be of any length and of any bytes. Must not interpret
//! what it says.

use git2::Commit as GitCommit;

use super::{Commit, Trailer};
use crate::clock::Timestamp;

/// Longest head of a message looked at, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// Longest tail looked at for trailers, in bytes.
const MAX_TAIL: usize = 8 * 1024;
/// Longest subject, in characters.
const MAX_SUBJECT: usize = 400;
/// Longest body kept, in bytes.
const MAX_BODY: usize = 16 * 1024;
/// Most trailers kept.
const MAX_TRAILERS: usize = 32;
/// Longest trailer, in bytes.
const MAX_TRAILER: usize = 400;

/// Returns a commit without its files, and what is odd about its message (a name for counts).
pub(super) fn read(commit: &GitCommit<'_>) -> (Commit, Option<&'static str>) {
    let bytes = commit.message_bytes();
    let latin = commit
        .message_encoding()
        .ok()
        .flatten()
        .is_some_and(|e| e.to_ascii_lowercase().replace(['-', '_'], "").starts_with("iso8859"));
    let long = bytes.len() > MAX_HEAD;
    let head = &bytes[..bytes.len().min(MAX_HEAD)];
    let text = decode(head, latin);
    let author = commit.author();
    let mut read = Commit {
        sha: commit.id().to_string(),
        parents: commit.parent_ids().map(|id| id.to_string()).collect(),
        author: decode(author.name_bytes(), false),
        email: decode(author.email_bytes(), false),
        authored: timestamp(author.when().seconds()),
        committed: timestamp(commit.time().seconds()),
        ..Commit::default()
    };
    if is_binary(head) {
        return (read, Some("binary_message"));
    }
    let (subject, rest) = subject_of(&text);
    read.subject = subject;
    let (body, trailers) = trailers_of(rest);
    read.body = bounded(body, MAX_BODY);
    read.trailers = if long {
        let tail = decode(&bytes[bytes.len() - MAX_TAIL..], latin);
        trailers_of(&tail).1
    } else {
        trailers
    };
    let invalid = !latin && !long && std::str::from_utf8(head).is_err();
    let odd = if long {
        Some("long_message_cut")
    } else if invalid {
        Some("message_not_utf8")
    } else {
        None
    };
    (read, odd)
}

/// Seconds may be any number in a commit made by hand.
pub(super) fn timestamp(seconds: i64) -> Option<Timestamp> {
    // The year 9999: what is beyond is no time.
    (0..253_402_300_800).contains(&seconds).then(|| Timestamp(seconds * 1000))
}

fn decode(bytes: &[u8], latin: bool) -> String {
    if latin && std::str::from_utf8(bytes).is_err() {
        return bytes.iter().map(|b| char::from(*b)).collect();
    }
    String::from_utf8_lossy(bytes).into_owned()
}

/// Text holds hardly any control characters.
fn is_binary(bytes: &[u8]) -> bool {
    let odd = bytes.iter().filter(|b| **b < 32 && !matches!(b, b'\n' | b'\r' | b'\t' | 27)).count();
    odd * 16 > bytes.len().max(16)
}

/// Returns the first paragraph on one line, and the rest.
fn subject_of(text: &str) -> (String, &str) {
    let text = text.trim_start_matches(['\n', '\r', ' ', '\t']);
    let end = text.find("\n\n").or_else(|| text.find("\r\n\r\n")).unwrap_or(text.len());
    let mut subject = String::new();
    for word in text[..end].split_whitespace() {
        if subject.len() > MAX_SUBJECT * 4 {
            break;
        }
        if !subject.is_empty() {
            subject.push(' ');
        }
        subject.push_str(word);
    }
    (subject.chars().take(MAX_SUBJECT).collect(), text[end..].trim())
}

/// Returns the body without its last paragraph if that holds trailers, and those.
fn trailers_of(rest: &str) -> (&str, Vec<Trailer>) {
    let at = rest.rfind("\n\n").map_or(0, |at| at + 2);
    let last = &rest[at..];
    let mut trailers = Vec::new();
    let mut other = 0_usize;
    for line in last.lines().filter(|l| !l.trim().is_empty()) {
        match trailer(line) {
            Some(trailer) if trailers.len() < MAX_TRAILERS => trailers.push(trailer),
            Some(_) => {}
            // The continuation of a trailer, or git's own note about a picked commit.
            None if line.starts_with([' ', '\t', '(', '[']) => {}
            None => other += 1,
        }
    }
    if trailers.is_empty() || other > trailers.len() {
        return (rest, Vec::new());
    }
    if other > 0 {
        // Text and trailers in one paragraph: the text stays where it is.
        return (rest, trailers);
    }
    (rest[..at].trim_end(), trailers)
}

/// `Reviewed-by: Somebody`, `Closes #12`.
fn trailer(line: &str) -> Option<Trailer> {
    let line = bounded(line.trim_end(), MAX_TRAILER);
    let closing = ["Closes #", "Fixes #", "Resolves #", "Refs #", "Closes GH-", "Fixes GH-"];
    if let Some(word) = closing.iter().find(|w| line.starts_with(**w)) {
        let key = word.split(' ').next().unwrap_or(word);
        return Some(Trailer { key: key.to_owned(), value: line[key.len()..].trim().to_owned() });
    }
    let (key, value) = line.split_once(": ")?;
    let word = key.len() >= 3
        && key.starts_with(|c: char| c.is_ascii_uppercase())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let known = ["Closes", "Fixes", "Resolves", "Refs", "Cc", "Link", "Bug", "Issue", "See"];
    let shaped = key.contains('-') || known.contains(&key);
    (word && shaped && !value.trim().is_empty())
        .then(|| Trailer { key: key.to_owned(), value: value.trim().to_owned() })
}

/// Returns at most `max` bytes, cut between characters.
pub(super) fn bounded(text: &str, max: usize) -> String {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subject_body_and_trailers_are_told_apart() {
        let text = "fix: a\nlong subject\n\nBecause x.\n\nMore: words here\n\nReviewed-by: Ann <a@x>\nCloses #12\n";
        let (subject, rest) = subject_of(text);
        assert_eq!(subject, "fix: a long subject");
        let (body, trailers) = trailers_of(rest);
        assert_eq!(body, "Because x.\n\nMore: words here");
        let keys: Vec<_> = trailers.iter().map(|t| (t.key.as_str(), t.value.as_str())).collect();
        assert_eq!(keys, [("Reviewed-by", "Ann <a@x>"), ("Closes", "#12")]);
        assert!(trailers_of("Note: this is prose\nand goes on\nfor long").1.is_empty());
    }

    #[test]
    fn bytes_are_no_text_and_latin_is() {
        assert!(is_binary(&[0, 1, 2, 3, 4, 5, 6, 7, b'a']));
        assert!(!is_binary("grün\n".as_bytes()));
        assert_eq!(decode(b"gr\xfcn", true), "grün");
        assert_eq!(bounded("aé", 2), "a");
    }
}
