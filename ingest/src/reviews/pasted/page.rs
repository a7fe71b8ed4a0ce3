//! Comments copied with what the page or the terminal shows around them.
//!
//! Owns what GitHub's page says beside a comment, and the text `gh pr view --comments` prints. Must
//! not know how any program words a body.

use std::sync::LazyLock;

use regex::Regex;

use super::{Block, By, finding, is_path, next_line, paragraph_end, words_end};

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant")
}

/// `Comment on lines +10 to +14`, `Comment on line R12`.
static STANDS: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"^\s*(?:Comment on|Commented on) lines?\s+[-+LR]*(\d+)(?:\s+to\s+[-+LR]*(\d+))?\s*$")
});
const AGO: &str = r"(?:just now|yesterday|last (?:week|month|year)|an? (?:minute|hour) ago|\d+ (?:seconds?|minutes?|hours?|days?|weeks?|months?|years?) ago|on [A-Z][a-z]{2} \d{1,2}(?:, \d{4})?)";
/// `octocat reviewed 2 hours ago`.
static AUTHOR: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"^\s*@?([A-Za-z0-9][A-Za-z0-9-]*(?:\[bot\])?)((?:\s+(?:AI|bot|Bot))?)\s+(?:commented|reviewed|left a comment|requested changes|suggested changes)\s*{AGO}\s*(?:[•·].*)?$"
    ))
});
/// The same in two lines: who, and when.
static WHEN: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"^\s*(?:commented|reviewed|left a comment|requested changes)?\s*{AGO}\s*(?:•.*)?$"
    ))
});
static LOGIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"^\s*@?([A-Za-z0-9][A-Za-z0-9-]*(?:\[bot\])?)((?:\s+(?:AI|bot|Bot))?)\s*$")
});

/// Said beside a comment, part of none.
const CHROME: &[&str] = &[
    "View reviewed changes",
    "Member",
    "Contributor",
    "Collaborator",
    "Author",
    "Owner",
    "bot",
    "Bot",
    "AI",
    "Outdated",
    "Show resolved",
    "Hide resolved",
    "Show comment",
    "Hide comment",
    "More actions",
    "Choose a reason for hiding this comment",
];
/// Said below the last comment of a thread.
const FOOTERS: &[&str] = &[
    "Resolve conversation",
    "Unresolve conversation",
    "Reply...",
    "Reply…",
    "Write a reply",
    "Copilot uses AI. Check for mistakes.",
    "Was this helpful? React with",
    "Useful? React with",
    "Add suggestion to batch",
    "Commit suggestion",
];
const SUGGESTED: &str = "Suggested change";
/// Most lines of code the page shows with a comment.
const MAX_CODE: usize = 60;

fn is_footer(line: &str) -> bool {
    FOOTERS.iter().any(|footer| line.trim().starts_with(footer))
}

fn is_chrome(line: &str) -> bool {
    let line = line.trim();
    CHROME.contains(&line)
        || line.starts_with("The reason will be displayed to describe this comment")
        || WHEN.is_match(line)
}

/// Whether a comment of the page begins here: where it stands, who wrote it, or both.
fn is_header(lines: &[&str], at: usize) -> bool {
    let next = |at: usize| next_line(lines, at + 1).map(|i| lines[i]);
    STANDS.is_match(lines[at])
        || AUTHOR.is_match(lines[at])
        || (LOGIN.is_match(lines[at]) && next(at).is_some_and(|l| WHEN.is_match(l)))
        || (is_path(lines[at])
            && next(at).is_some_and(|l| STANDS.is_match(l) || l.trim() == "Outdated"))
}

/// What stands above the words of a comment.
#[derive(Default)]
struct Head {
    path: Option<String>,
    span: Option<(u64, u64)>,
    /// The login, and whether the page calls it a program's.
    author: Option<(String, bool)>,
    /// The first line below.
    end: usize,
}

/// Reads what stands above the words, in any order.
fn head(lines: &[&str], at: usize) -> Head {
    let mut head = Head { end: at, ..Head::default() };
    while let Some(i) = next_line(lines, head.end) {
        let line = lines[i].trim();
        let named = AUTHOR.captures(line).or_else(|| {
            let login = is_header(lines, i) && !is_path(line);
            LOGIN.captures(line).filter(|_| login)
        });
        if let Some(parts) = STANDS.captures(line) {
            if head.span.is_some() {
                break;
            }
            let first: Option<u64> = parts[1].parse().ok();
            let last = parts.get(2).and_then(|l| l.as_str().parse().ok());
            head.span = first.map(|first| (first, last.unwrap_or(first)));
        } else if let Some(parts) = named.filter(|_| head.author.is_none()) {
            head.author = Some((parts[1].to_owned(), !parts[2].trim().is_empty()));
        } else if is_header(lines, i) && head.path.is_none() && head.span.is_none() {
            head.path = Some(line.trim_matches('`').to_owned());
        } else if !is_chrome(line) {
            break;
        }
        head.end = i + 1;
    }
    head
}

/// A comment with what the page shows above and below it.
pub(super) fn comment(lines: &[&str], at: usize) -> Option<Block> {
    if !is_header(lines, at) {
        return None;
    }
    let mut above = head(lines, at);
    let mut snippet = None;
    if above.author.is_none() && above.span.is_some() {
        // Between where it stands and who wrote it the page shows the code.
        let from = above.end;
        let reach = lines.len().min(from + MAX_CODE);
        if let Some(who) = (from..reach).find(|i| is_header(lines, *i)) {
            let below = head(lines, who);
            if below.author.is_some() && below.span.is_none() {
                snippet = Some(lines[from..who].join("\n"));
                (above.author, above.end) = (below.author, below.end);
            }
        }
    }
    let from = next_line(lines, above.end)?;
    let until = (from..lines.len()).find(|i| is_header(lines, *i)).unwrap_or(lines.len());
    let footer = (from..until).find(|i| is_footer(lines[*i]));
    let said_end = footer.unwrap_or_else(|| said_end(lines, from, until));
    let mut end = footer.map_or(said_end, |footer| footer + 1);
    while let Some(i) = next_line(lines, end).filter(|i| is_footer(lines[*i])) {
        end = i + 1;
    }
    let ai = lines[at..end].iter().any(|l| l.contains("Copilot uses AI."));
    let (login, program) = above.author.unwrap_or_default();
    let by = match (ai || program, login.as_str()) {
        (true, "") => By::Program("copilot"),
        (false, "") => By::Someone,
        (true, login) => By::Program(login),
        (false, login) => By::Account(login),
    };
    let place = above.path.zip(above.span).map(|(path, (first, last))| (path, first, last));
    let mut findings: Vec<_> =
        finding(&body(&lines[from..said_end]), &by, place).into_iter().collect();
    for finding in &mut findings {
        finding.snippet = snippet.take().filter(|code| !code.trim().is_empty());
    }
    Some(Block { end, findings })
}

/// Without a footer only the first words are surely the comment's, and a suggestion below them.
fn said_end(lines: &[&str], from: usize, until: usize) -> usize {
    let end = words_end(lines, from).min(until);
    let suggested = next_line(lines, end).filter(|i| *i < until && lines[*i].trim() == SUGGESTED);
    suggested.map_or(end, |i| {
        next_line(lines, i + 1).map_or(i + 1, |code| paragraph_end(lines, code).min(until))
    })
}

/// The words with what the page calls a suggested change as the Markdown it was.
fn body(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().filter(|l| !is_chrome(l)).copied().collect();
    match lines.iter().position(|l| l.trim() == SUGGESTED) {
        Some(at) => {
            let code = lines[at + 1..].join("\n");
            format!("{}\n\n```suggestion\n{}\n```", lines[..at].join("\n"), code.trim_end())
        }
        None => lines.join("\n"),
    }
}

/// A paragraph that ends in a suggested change.
pub(super) fn suggestion(lines: &[&str], at: usize) -> Option<Block> {
    // Only from the start of a paragraph: what stands above is the person's.
    if at > 0 && !lines[at - 1].trim().is_empty() {
        return None;
    }
    let end = paragraph_end(lines, at);
    let mark = (at + 1..end).find(|i| lines[*i].trim() == SUGGESTED)?;
    let end = if mark + 1 == end {
        next_line(lines, end).map_or(end, |code| paragraph_end(lines, code))
    } else {
        end
    };
    let by = By::Someone;
    let findings = finding(&body(&lines[at..end]), &by, None).into_iter().collect();
    Some(Block { end, findings })
}

/// What `gh pr view --comments` prints: `author:`, `association:` and more, `--`, the words, `--`.
pub(super) fn terminal(lines: &[&str], at: usize) -> Option<Block> {
    let field = |i: usize, name: &str| {
        let value = lines.get(i)?.trim_start().strip_prefix(name)?.strip_prefix(':')?;
        value.starts_with(['\t', ' ']).then(|| value.trim())
    };
    let author = field(at, "author")?;
    field(at + 1, "association")?;
    let open = (at + 2..lines.len().min(at + 8)).find(|i| lines[*i].trim() == "--")?;
    let close = (open + 1..lines.len()).find(|i| lines[*i].trim() == "--")?;
    let status = (at + 2..open).find_map(|i| field(i, "status"));
    let body = lines[open + 1..close].join("\n");
    let mut findings: Vec<_> = finding(&body, &By::Account(author), None).into_iter().collect();
    if status == Some("dismissed") {
        for finding in &mut findings {
            finding.status = cemem_core::finding::FindingStatus::Dismissed;
        }
    }
    Some(Block { end: close + 1, findings })
}
