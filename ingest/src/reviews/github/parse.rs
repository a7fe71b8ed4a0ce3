//! Comments of pull requests as findings.
//!
//! Owns threads: who replies to whom, what replies say became of a finding, and what resolution
//! means in each shape.

use std::collections::HashMap;

use cemem_core::Timestamp;
use cemem_core::finding::{Finding, FindingStatus, Severity};
use serde_json::Value;

use super::is_export;
use super::wire::{self, comment_id, pull_of};
use crate::reviews::bots;
use crate::reviews::json::{id, list, number, owned, text};
use crate::reviews::report::{Report, Written};
use crate::source::{FileInfo, Malformed, Output, Reader, Record};

/// Reads dumps.
pub(super) struct GithubReader {
    file: FileInfo,
}

impl GithubReader {
    pub(super) fn new(file: &FileInfo) -> Self {
        Self { file: file.clone() }
    }
}

impl Reader for GithubReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let mut dump = Dump::default();
        let mut flaw = None;
        // Pages are printed one after the other.
        for value in serde_json::Deserializer::from_str(record.text).into_iter::<Value>() {
            match value {
                Ok(value) => dump.walk(&value, 0, out),
                Err(e) => {
                    flaw = Some(Malformed(e.to_string()));
                    break;
                }
            }
        }
        dump.finish(&self.file, out);
        flaw.map_or(Ok(()), Err)
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// One comment on its way.
struct Comment {
    id: Option<String>,
    /// Root of its thread.
    thread: Option<String>,
    at: Option<Timestamp>,
    body: String,
    finding: Finding,
}

/// What surrounds comments that do not say it themselves.
#[derive(Clone, Default)]
struct Around {
    pull: Option<String>,
    title: Option<String>,
    branch: Option<String>,
}

#[derive(Default)]
struct Dump {
    comments: Vec<(Around, Comment)>,
}

impl Dump {
    fn walk(&mut self, v: &Value, depth: usize, out: &mut Output<'_>) {
        if let Some(items) = v.as_array() {
            if depth < 3 {
                items.iter().for_each(|i| self.walk(i, depth + 1, out));
            }
        } else if is_export(v) {
            self.export(v, out);
        } else if wire::is_review_comment(v) {
            self.add(&Around::default(), rest(v, "discussion_r"), out);
        } else if wire::is_review(v) {
            self.add(&Around::default(), rest(v, "pullrequestreview-"), out);
        } else if wire::is_issue_comment(v) {
            self.add(&Around::default(), rest(v, "issuecomment-"), out);
        } else if let Some(pull) = wire::pull_request(v) {
            self.graphql(pull, out);
        } else if v.is_object() {
            self.view(v, out);
        }
    }

    /// A pull request with all its comments in one list.
    fn export(&mut self, v: &Value, out: &mut Output<'_>) {
        let number = id(v, "/pr/number");
        let named = text(v, "/repository").zip(number).map(|(r, n)| format!("{r}#{n}"));
        let around = Around {
            pull: text(v, "/pr/url").and_then(pull_of).or(named),
            title: owned(v, "/pr/title"),
            branch: owned(v, "/branch").or_else(|| owned(v, "/pr/head_ref")),
        };
        for c in list(v, "/comments") {
            let kind = match text(c, "/type") {
                Some("review") => "pullrequestreview-",
                Some("issue_comment") => "issuecomment-",
                _ => "discussion_r",
            };
            let mut comment = rest(c, kind);
            let set = |name: &str| c[name] == true;
            comment.finding.status = match (set("thread_resolved"), set("thread_outdated")) {
                (true, _) => FindingStatus::Resolved,
                (_, true) => FindingStatus::Outdated,
                // Without the threads' state, a line that is gone says so.
                _ if c["thread_outdated"].is_boolean() => FindingStatus::Open,
                _ => comment.finding.status,
            };
            self.add(&around, comment, out);
        }
    }

    /// `gh pr view --json reviews,comments,…`.
    fn view(&mut self, v: &Value, out: &mut Output<'_>) {
        let lists = ["/comments", "/reviews", "/latestReviews"];
        let urls = lists.iter().flat_map(|l| list(v, l)).filter_map(|c| text(c, "/url"));
        let around = Around {
            pull: text(v, "/url").into_iter().chain(urls).find_map(pull_of),
            title: owned(v, "/title"),
            branch: owned(v, "/headRefName"),
        };
        for (name, kind) in
            lists.iter().zip(["issuecomment-", "pullrequestreview-", "pullrequestreview-"])
        {
            for c in list(v, name) {
                self.add(&around, node(c, kind), out);
            }
        }
    }

    fn graphql(&mut self, pull: &Value, out: &mut Output<'_>) {
        let nodes = |v: &Value, name: &str| -> Vec<Value> {
            let direct = list(v, &format!("/{name}/nodes"));
            let edges = list(v, &format!("/{name}/edges")).iter().map(|e| e["node"].clone());
            direct
                .iter()
                .cloned()
                .chain(edges)
                .chain(list(v, &format!("/{name}")).to_vec())
                .collect()
        };
        let threads = nodes(pull, "reviewThreads");
        let comments: Vec<(&Value, Vec<Value>)> =
            threads.iter().map(|t| (t, nodes(t, "comments"))).collect();
        let urls = comments.iter().flat_map(|(_, c)| c).filter_map(|c| text(c, "/url"));
        let around = Around {
            pull: text(pull, "/url").into_iter().chain(urls).find_map(pull_of),
            title: owned(pull, "/title"),
            branch: owned(pull, "/headRefName"),
        };
        for (thread, comments) in &comments {
            let root = comments.first().and_then(|c| comment_id(c, "discussion_r"));
            for (i, c) in comments.iter().enumerate() {
                let mut comment = node(c, "discussion_r");
                comment.finding.status = match (&thread["isResolved"], &thread["isOutdated"]) {
                    (Value::Bool(true), _) => FindingStatus::Resolved,
                    (_, Value::Bool(true)) => FindingStatus::Outdated,
                    _ => FindingStatus::Open,
                };
                let f = &mut comment.finding;
                f.path = f.path.take().or_else(|| owned(thread, "/path"));
                f.line_end = f.line_end.or_else(|| line_of(thread));
                f.line_start = f.line_start.or_else(|| number(thread, "/startLine")).or(f.line_end);
                f.reply = i > 0;
                comment.thread = root.clone().or_else(|| owned(thread, "/id"));
                self.add(&around, comment, out);
            }
        }
        for (name, kind) in [("reviews", "pullrequestreview-"), ("comments", "issuecomment-")] {
            for c in nodes(pull, name) {
                self.add(&around, node(&c, kind), out);
            }
        }
    }

    fn add(&mut self, around: &Around, mut comment: Comment, out: &mut Output<'_>) {
        let listed = bots::listed(&comment.body);
        if let Some(why) = bots::no_finding(&comment.body) {
            out.skip(why);
            if listed.is_empty() {
                return;
            }
        }
        let around = Around {
            pull: around.pull.clone().or_else(|| pull_of(comment.finding.url.as_deref()?)),
            ..around.clone()
        };
        let body = bots::read(&comment.body);
        let status = comment.finding.status;
        bots::fill(&mut comment.finding, body);
        if status == FindingStatus::Resolved {
            // Who resolved the thread knew; the commit stays named.
            comment.finding.status = status;
        }
        let login = comment.finding.author.take().unwrap_or_default();
        let bot = comment.finding.category.take().is_some();
        bots::sign(&mut comment.finding, &login, bot, "github");
        if listed.is_empty() {
            self.comments.push((around, comment));
            return;
        }
        for (i, one) in listed.into_iter().enumerate() {
            let mut finding = Finding {
                message: one.message,
                path: Some(one.path),
                line_start: Some(one.line_start),
                line_end: Some(one.line_end),
                snippet: one.snippet,
                title: None,
                ..comment.finding.clone()
            };
            if one.doubtful {
                finding.severity = Severity::Info;
                finding.level = Some("low confidence".to_owned());
            }
            let id = comment.id.as_ref().map(|id| format!("{id}/{}", i + 1));
            let thread = comment.thread.clone();
            let one = Comment { id, thread, at: comment.at, body: String::new(), finding };
            self.comments.push((around.clone(), one));
        }
    }

    /// What replies in the same dump say counts for the first comment of the thread.
    fn finish(mut self, file: &FileInfo, out: &mut Output<'_>) {
        let mut verdicts: HashMap<String, (FindingStatus, Option<String>)> = HashMap::new();
        for (_, c) in &mut self.comments {
            c.finding.thread.clone_from(&c.thread);
            if c.finding.reply
                && let Some(verdict) = bots::verdict(&c.body)
            {
                (c.finding.status, c.finding.fixed_by) = verdict.clone();
                if let Some(thread) = &c.thread {
                    verdicts.insert(thread.clone(), verdict);
                }
            }
        }
        let mut reports: HashMap<String, Report> = HashMap::new();
        for (around, mut c) in self.comments {
            let said = c.thread.as_ref().filter(|_| !c.finding.reply).and_then(|t| verdicts.get(t));
            if let Some((status, commit)) = said {
                let settled = *status == FindingStatus::Fixed
                    || matches!(c.finding.status, FindingStatus::Open | FindingStatus::Outdated);
                if settled {
                    c.finding.status = *status;
                }
                c.finding.fixed_by = c.finding.fixed_by.take().or_else(|| commit.clone());
            }
            c.finding.fingerprint = bots::fingerprint(&c.finding);
            let session = around.pull.unwrap_or_else(|| file.path.clone());
            let report = reports
                .entry(session.clone())
                .or_insert_with(|| Report::new(session, file.modified));
            let known = out.session(report.session());
            known.title = known.title.take().or(around.title);
            let written = Written { id: c.id, at: c.at, branch: around.branch };
            report.add_written(out, c.finding, written);
        }
    }
}

fn line_of(v: &Value) -> Option<u64> {
    number(v, "/line")
        .or_else(|| number(v, "/original_line"))
        .or_else(|| number(v, "/originalLine"))
}

/// The lines of the hunk that the comment stands at: its last ones.
fn snippet(hunk: &str, lines: u64) -> Option<String> {
    let all: Vec<&str> = hunk.lines().filter(|l| !l.starts_with("@@")).collect();
    let count = usize::try_from(lines).unwrap_or(1).clamp(1, 20).min(all.len());
    let code: Vec<&str> = all[all.len() - count..]
        .iter()
        .map(|l| l.strip_prefix(['+', '-', ' ']).unwrap_or(l))
        .collect();
    let code = code.join("\n");
    (!code.trim().is_empty()).then_some(code)
}

/// A comment or review as the REST API and flattened exports write it. The finding's category holds
/// for a moment that the account is a program's.
fn rest(v: &Value, kind: &str) -> Comment {
    let id = comment_id(v, kind);
    let root = id_of(v, "/in_reply_to_id").map(|n| format!("discussion_r{n}"));
    let inline = kind == "discussion_r";
    let end = line_of(v);
    let start = number(v, "/start_line").or_else(|| number(v, "/original_start_line")).or(end);
    // `line: null` means that the line is gone; a comment on a whole file never had one.
    let gone = v.get("line").is_some_and(Value::is_null)
        && v.get("position").is_none_or(Value::is_null)
        && text(v, "/subject_type") != Some("file");
    let status = match text(v, "/state") {
        Some("DISMISSED") => FindingStatus::Dismissed,
        _ if inline && gone => FindingStatus::Outdated,
        _ => FindingStatus::Open,
    };
    let url = owned(v, "/html_url")
        .or_else(|| owned(v, "/url"))
        .or_else(|| owned(v, "/pull_request_url"));
    let bot = text(v, "/user/type") == Some("Bot");
    let finding = Finding {
        path: owned(v, "/path"),
        line_start: start,
        line_end: end,
        commit: owned(v, "/original_commit_id").or_else(|| owned(v, "/commit_id")),
        snippet: text(v, "/diff_hunk")
            .and_then(|h| snippet(h, (end? - start?.min(end?)).saturating_add(1))),
        author: owned(v, "/user/login").or_else(|| owned(v, "/user")),
        category: bot.then(String::new),
        status,
        reply: root.is_some(),
        url,
        ..Finding::default()
    };
    Comment {
        thread: root.or_else(|| id.clone().filter(|_| inline)),
        id,
        at: text(v, "/created_at").or_else(|| text(v, "/submitted_at")).and_then(Timestamp::parse),
        body: owned(v, "/body").unwrap_or_default(),
        finding,
    }
}

fn id_of(v: &Value, pointer: &str) -> Option<String> {
    id(v, pointer).filter(|i| i != "0")
}

/// A comment or review with GraphQL's names.
fn node(v: &Value, kind: &str) -> Comment {
    let time = ["/createdAt", "/submittedAt", "/publishedAt"];
    let end = line_of(v);
    let reason = text(v, "/minimizedReason").unwrap_or_default().to_ascii_lowercase();
    let status = match (text(v, "/state"), reason.as_str()) {
        (Some("DISMISSED"), _) => FindingStatus::Dismissed,
        (_, "resolved") => FindingStatus::Resolved,
        (_, "outdated" | "duplicate") => FindingStatus::Outdated,
        (_, "off-topic" | "off_topic" | "spam") => FindingStatus::Dismissed,
        _ if v["outdated"] == true => FindingStatus::Outdated,
        _ => FindingStatus::Open,
    };
    let bot = text(v, "/author/__typename") == Some("Bot")
        || v.pointer("/author/is_bot") == Some(&Value::Bool(true));
    let finding = Finding {
        path: owned(v, "/path"),
        line_start: number(v, "/startLine").or(end),
        line_end: end,
        commit: owned(v, "/originalCommit/oid").or_else(|| owned(v, "/commit/oid")),
        snippet: text(v, "/diffHunk").and_then(|h| snippet(h, 1)),
        author: owned(v, "/author/login"),
        category: bot.then(String::new),
        status,
        url: owned(v, "/url"),
        ..Finding::default()
    };
    Comment {
        id: comment_id(v, kind),
        thread: None,
        at: time.iter().find_map(|t| text(v, t)).and_then(Timestamp::parse),
        body: owned(v, "/body").unwrap_or_default(),
        finding,
    }
}
