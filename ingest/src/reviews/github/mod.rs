//! GitHub: REST dumps, `gh pr view`, GraphQL threads and flattened exports.
//!
//! Owns recognising them. One session a pull request, `owner/repo#7`, and one id a comment in all of
//! these shapes, so that two dumps of one comment are one finding.

mod parse;
mod plain;
#[cfg(test)]
mod tests;
mod wire;

use serde_json::Value;

use super::json::{self, has, list, text};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

pub(super) use plain::GithubText;

/// The format of JSON dumps.
pub(super) struct Github;

impl Source for Github {
    fn info(&self) -> Info {
        Info {
            engine: "github",
            format: "github",
            version: super::READER_VERSION,
            layout: Layout::Whole,
        }
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        const NEEDLES: &[&str] = &[
            "\"pull_request_review_id\"",
            "\"pull_request_url\"",
            "\"reviewThreads\"",
            "\"comments\"",
            "\"reviews\"",
            "#issuecomment",
            "\"latestReviews\"",
        ];
        NEEDLES.iter().any(|n| probe.says(n))
            && json::start(probe.text).is_some_and(|v| is_dump(&v))
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Box::new(parse::GithubReader::new(file))
    }
}

fn is_dump(value: &Value) -> bool {
    if let Some(items) = value.as_array() {
        // Pages of `--paginate --slurp` are lists in a list.
        return items.first().is_some_and(is_dump);
    }
    wire::is_review_comment(value)
        || wire::is_review(value)
        || wire::is_issue_comment(value)
        || is_export(value)
        || is_view(value)
        || wire::pull_request(value).is_some()
}

/// A pull request with its comments in one list.
pub(super) fn is_export(v: &Value) -> bool {
    v["pr"].is_object() && (v["comments"].is_array() || has(v, &["comment_count", "repository"]))
}

/// `gh pr view --json reviews,comments`: lists with GraphQL names.
fn is_view(v: &Value) -> bool {
    let of_gh = |c: &Value| {
        text(c, "/author/login").is_some() && (has(c, &["authorAssociation"]) || has(c, &["state"]))
    };
    ["/comments", "/reviews", "/latestReviews"]
        .iter()
        .any(|l| list(v, l).first().is_some_and(of_gh))
}
