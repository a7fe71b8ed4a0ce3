//! GitHub's objects in their several spellings.
//!
//! Owns telling them apart and finding ids. Must not decide what a comment means.

use serde_json::Value;

use crate::reviews::json::{has, text};

/// A review comment of the REST API; the start of a large one may end in its hunk.
pub(super) fn is_review_comment(v: &Value) -> bool {
    let at = text(v, "/url").is_some_and(|u| u.contains("/pulls/comments/"));
    let whole = text(v, "/user/login").is_some() && v["body"].is_string();
    has(v, &["pull_request_review_id"]) && (at || whole) || whole && has(v, &["diff_hunk", "path"])
}

/// A review of the REST API.
pub(super) fn is_review(v: &Value) -> bool {
    const STATES: &[&str] = &["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED", "PENDING"];
    let state = text(v, "/state").is_none_or(|s| STATES.contains(&s));
    text(v, "/user/login").is_some()
        && state
        && (has(v, &["pull_request_url", "state"])
            || text(v, "/html_url").is_some_and(|u| u.contains("#pullrequestreview-")))
}

/// An issue comment of the REST API.
pub(super) fn is_issue_comment(v: &Value) -> bool {
    text(v, "/user/login").is_some()
        && text(v, "/html_url").is_some_and(|u| u.contains("#issuecomment-"))
}

/// Returns the pull request inside a GraphQL answer.
pub(super) fn pull_request(v: &Value) -> Option<&Value> {
    let mut at = v;
    for _ in 0..6 {
        if has(at, &["reviewThreads"]) {
            return Some(at);
        }
        at = ["data", "repository", "pullRequest", "node"].iter().find_map(|k| at.get(k))?;
    }
    None
}

/// Returns `owner/repo#7` for any URL of a pull request, of the site or of the API.
pub(super) fn pull_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let mut parts =
        rest.split(['/', '#', '?']).skip(1).skip_while(|p| matches!(*p, "api" | "v3" | "repos"));
    let (owner, repo, kind, number) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    (matches!(kind, "pull" | "pulls" | "issues") && digits)
        .then(|| format!("{owner}/{repo}#{number}"))
}

/// Returns the id of a comment as its URL ends: `discussion_r12`, whatever shape it is in.
pub(super) fn comment_id(v: &Value, kind: &str) -> Option<String> {
    let url = text(v, "/html_url").or_else(|| text(v, "/url"));
    let fragment = url.and_then(|u| u.split_once('#')).map(|(_, f)| f.to_owned());
    fragment.or_else(|| {
        let number = v["id"].as_u64().or_else(|| v["databaseId"].as_u64());
        let node = || text(v, "/id").and_then(number_of);
        number.or_else(node).map(|n| format!("{kind}{n}"))
    })
}

/// The number in a node id: `PRR_` and base64 of a MessagePack list that ends with it.
fn number_of(node: &str) -> Option<u64> {
    let (_, packed) = node.split_once('_')?;
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0u32, 0);
    for c in packed.bytes().filter(|c| *c != b'=') {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(six)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).expect("eight bits"));
        }
    }
    let of = |width: usize, tag: u8| {
        let at = bytes.len().checked_sub(width + 1)?;
        (bytes[at] == tag).then(|| bytes[at + 1..].iter().fold(0u64, |n, b| n << 8 | u64::from(*b)))
    };
    of(8, 0xcf).or_else(|| of(4, 0xce))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_agree_in_every_shape() {
        assert_eq!(number_of("PRRC_kwDOQyo98M6jQVO7"), Some(2_738_967_483));
        assert_eq!(number_of("nonsense"), None);
        let rest =
            serde_json::json!({"id": 5, "html_url": "https://github.com/o/r/pull/7#discussion_r5"});
        assert_eq!(comment_id(&rest, "discussion_r").as_deref(), Some("discussion_r5"));
        let node = serde_json::json!({"id": "PRRC_kwDOQyo98M6jQVO7"});
        assert_eq!(comment_id(&node, "discussion_r").as_deref(), Some("discussion_r2738967483"));
        for url in [
            "https://github.com/o/r/pull/7#discussion_r5",
            "https://api.github.com/repos/o/r/pulls/7",
            "https://ghe.example/api/v3/repos/o/r/pulls/7",
            "https://github.com/o/r/pull/7/files?x=1",
        ] {
            assert_eq!(pull_of(url).as_deref(), Some("o/r#7"), "{url}");
        }
        assert_eq!(pull_of("https://github.com/o/r/tree/7"), None);
    }
}
