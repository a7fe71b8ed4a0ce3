//! Comments told by how programs write them, as Markdown or as a page shows it.
//!
//! Owns the shapes of bodies. Must not know the page around them.

use std::sync::LazyLock;

use regex::Regex;

use super::{Block, By, finding, is_path, next_line, paragraph_end, words_end};
use crate::reviews::bots;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant")
}

static SEVERITY: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^\s*\**(Critical|High|Medium|Low) Severity\**\s*$"));
/// `on src/a.go 245`, `src/a.go#L1-L2`, `src/a.go:12`.
static LOCATION: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"^\s*(?:on\s+)?`?([^\s`#:]+\.[A-Za-z]\w{0,7})`?(?:\s+|#L|:)(\d+)(?:-L?(\d+))?\s*$")
});
static RABBIT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^\s*_?[⚠🛠🧹💡🔴🟠🟡🔵]\S*\s*(?:Potential issue|Refactor suggestion|Nitpick|Verification agent|Critical|Major|Minor|Trivial)\b[^\n]{0,60}$",
    )
});
static AROUND: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^\s*In\s+[`@]*([^\s`,]+\.[A-Za-z]\w{0,7})`?,?\s+(?:around|at|on)\s+lines?\s+(\d+)(?:\s*(?:-|–|to|and)\s*(\d+))?\s*[,:]\s*(.*)$",
    )
});
static IN_FILE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^\s*In\s+[`@]+([^\s`,]+\.[A-Za-z]\w{0,7})`?:\s*$"));
static ITEM: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"^\s*[-*]\s+(?:Around\s+)?[Ll]ines?\s+(\d+)(?:\s*(?:-|–|to|and)\s*(\d+))?\s*:\s*(.*)$")
});
static BADGE: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)!\[(?:(?:security-)?(?:critical|high|medium|low)|P[0-4] Badge)\]\(https?://")
});
/// `- [P1] Title — src/a.rs:10-14`.
static BRACKETED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^\s*(?:[-*]|\d+\.)\s+\[(P[0-4])\]\s+(.+?)\s+(?:—|–|--?)\s+`?(\S+?):(\d+)(?:-(\d+))?`?\s*$",
    )
});
static FOUND: LazyLock<Regex> = LazyLock::new(|| regex(r"^\s*\**Found \d+ issues?\b.*:\**\s*$"));

fn number(parts: &regex::Captures<'_>, group: usize) -> Option<u64> {
    parts.get(group)?.as_str().parse().ok()
}

fn place(parts: &regex::Captures<'_>, path: usize) -> Option<(String, u64, u64)> {
    let first = number(parts, path + 1)?;
    Some((parts[path].to_owned(), first, number(parts, path + 2).unwrap_or(first)))
}

/// Bugbot's: a title, `Medium Severity`, a paragraph, and where it stands.
pub(super) fn severity(lines: &[&str], at: usize) -> Option<Block> {
    let (title, mark) = if SEVERITY.is_match(lines[at]) {
        (None, at)
    } else {
        let mark = next_line(lines, at + 1).filter(|mark| SEVERITY.is_match(lines[*mark]))?;
        // A sentence of the person's own may stand before a comment without a title.
        let line = lines[at].trim();
        let titled = line.len() <= 160 && !line.ends_with([':', '.', '?', '!', ',', ';']);
        (Some(line).filter(|_| titled), mark)
    };
    if title.is_none() && mark != at {
        return None;
    }
    let level = &SEVERITY.captures(lines[mark])?[1];
    let from = next_line(lines, mark + 1)?;
    let mut end = words_end(lines, from);
    // In Markdown its own marks say where it ends.
    if lines[from].contains("DESCRIPTION START")
        && let Some(last) = (from..lines.len()).find(|i| lines[*i].contains("LOCATIONS END"))
    {
        end = last + 1;
    }
    let heading = title.map(|t| format!("### {}\n\n", t.trim_start_matches('#').trim()));
    let said = lines[from..end].join("\n");
    let body = format!("{}**{level} Severity**\n\n{said}", heading.unwrap_or_default());
    let mut stands = None;
    while let Some(next) = next_line(lines, end) {
        let line = lines[next].trim();
        if let Some(parts) = LOCATION.captures(line) {
            stands = stands.or_else(|| place(&parts, 1));
        } else if !is_button(line) {
            break;
        }
        end = next + 1;
    }
    let findings = finding(&body, &By::Program("cursor[bot]"), stands).into_iter().collect();
    Some(Block { end, findings })
}

/// What the page shows below a comment of a program.
fn is_button(line: &str) -> bool {
    ["Fix in Cursor", "Fix in Web", "Additional Locations", "Locations (", "Triggered by"]
        .iter()
        .any(|start| line.starts_with(start))
}

/// CodeRabbit's: what it is and how bad, a title, a text, and a prompt for agents.
pub(super) fn rabbit(lines: &[&str], at: usize) -> Option<Block> {
    if !RABBIT.is_match(lines[at]) {
        return None;
    }
    let from = next_line(lines, at + 1)?;
    let mut end = from + 1;
    // A title has its text below it.
    let next = next_line(lines, end).filter(|_| lines[from].len() < 160);
    let text = next.filter(|n| !RABBIT.is_match(lines[*n]) && !is_mark(lines[*n].trim()));
    if let Some(text) = text {
        end = words_end(lines, text);
    }
    let said_end = end;
    let until = (end..lines.len()).find(|i| RABBIT.is_match(lines[*i])).unwrap_or(lines.len());
    let mut stands = None;
    for i in said_end..until {
        let line = lines[i].trim();
        if line.contains("Prompt for AI Agents") || line.contains("Prompt for all review comments")
        {
            end = next_line(lines, i + 1).map_or(i + 1, |p| fence_end(lines, p));
        } else if let Some(parts) = AROUND.captures(line).filter(|_| i < end) {
            stands = stands.or_else(|| place(&parts, 1));
        } else if is_mark(line) {
            end = end.max(i + 1);
        }
    }
    let label = lines[at].trim().trim_matches('_');
    let title = lines[from].trim().trim_matches('*');
    let rest = lines[from + 1..said_end].join("\n");
    let body = if rest.trim().is_empty() {
        format!("_{label}_\n\n{title}")
    } else {
        format!("_{label}_\n\n**{title}**\n\n{rest}")
    };
    let findings = finding(&body, &By::Program("coderabbitai[bot]"), stands).into_iter().collect();
    Some(Block { end, findings })
}

/// Lines that end a part of CodeRabbit's comment.
fn is_mark(line: &str) -> bool {
    line.starts_with("</details>")
        || line.starts_with("<!-- fingerprinting")
        || line.contains("This is an auto-generated comment by CodeRabbit")
        || line.contains("Committable suggestion skipped")
        || line.starts_with("✅ Addressed in commit")
}

/// The end of what begins at `at`: a fence with all in it, or a paragraph.
fn fence_end(lines: &[&str], at: usize) -> usize {
    if lines[at].trim_start().starts_with("```") {
        let close = (at + 1..lines.len()).find(|i| lines[*i].trim() == "```");
        return close.map_or_else(|| paragraph_end(lines, at), |close| close + 1);
    }
    paragraph_end(lines, at)
}

/// The prompt for agents itself, as CodeRabbit's button copies it: one for a place, or a list.
pub(super) fn agent_prompt(lines: &[&str], at: usize) -> Option<Block> {
    let by = By::Program("coderabbitai[bot]");
    let mut from = at;
    let told = lines[at].trim();
    if told.starts_with("Verify each finding against") || told == "Inline comments:" {
        from = next_line(lines, paragraph_end(lines, at))
            .filter(|next| begins_prompt(lines[*next]))
            .or_else(|| next_line(lines, at + 1).filter(|next| begins_prompt(lines[*next])))?;
    }
    if lines[from].trim() == "Inline comments:" {
        from = next_line(lines, from + 1)?;
    }
    if let Some(parts) = AROUND.captures(lines[from]) {
        let end = paragraph_end(lines, from);
        // A person may say where, too, but not in so many words.
        let marked = lines[from].contains(['@', '`']) || parts.get(3).is_some();
        let long = lines[from..end].iter().map(|l| l.len()).sum::<usize>() >= 100;
        if !(from > at || marked && long) {
            return None;
        }
        let rest = lines[from + 1..end].join("\n");
        let said = format!("{}\n{rest}", &parts[4]);
        let findings = finding(&said, &by, place(&parts, 1)).into_iter().collect();
        return Some(Block { end, findings });
    }
    let path = IN_FILE.captures(lines[from])?[1].to_owned();
    let (mut findings, mut end) = (Vec::new(), from + 1);
    while let Some(next) = next_line(lines, end) {
        let Some(parts) = ITEM.captures(lines[next]) else { break };
        let indented = |i: usize| lines[i].starts_with("  ") && !ITEM.is_match(lines[i]);
        end = (next + 1..lines.len()).find(|i| !indented(*i)).unwrap_or(lines.len());
        let said = format!("{}\n{}", &parts[3], lines[next + 1..end].join("\n"));
        let first = number(&parts, 1).unwrap_or(1);
        let stands = (path.clone(), first, number(&parts, 2).unwrap_or(first));
        findings.extend(finding(&said, &by, Some(stands)));
    }
    (!findings.is_empty()).then_some(Block { end, findings })
}

fn begins_prompt(line: &str) -> bool {
    AROUND.is_match(line) || IN_FILE.is_match(line) || line.trim() == "Inline comments:"
}

/// The prompt that Greptile's button copies: where, the comment, and a request to resolve it.
pub(super) fn fix_prompt(lines: &[&str], at: usize) -> Option<Block> {
    if !lines[at].trim().starts_with("This is a comment left during a code review") {
        return None;
    }
    let last =
        (at..lines.len()).find(|i| lines[*i].trim().starts_with("How can I resolve this"))?;
    let of = |name: &str| {
        lines[at..last].iter().find_map(|l| Some(l.trim().strip_prefix(name)?.trim().to_owned()))
    };
    let said = (at..last).find(|i| lines[*i].trim() == "Comment:")?;
    let path = of("Path:").filter(|path| is_path(path));
    let span = of("Line:").unwrap_or_default();
    let mut numbers = span.split([':', '-']).filter_map(|n| n.trim().parse::<u64>().ok());
    let stands = path
        .zip(numbers.next())
        .map(|(path, first)| (path, first, numbers.next().unwrap_or(first)));
    let body = lines[said + 1..last].join("\n");
    let findings = finding(&body, &By::Program("greptile-apps[bot]"), stands).into_iter().collect();
    Some(Block { end: last + 1, findings })
}

/// Gemini's and Codex's: an image says how bad it is.
pub(super) fn badge(lines: &[&str], at: usize) -> Option<Block> {
    let mark = BADGE.find(lines[at])?;
    let mut end = words_end(lines, at);
    let alone = end == at + 1
        && lines[at][mark.end()..].split_once(')').is_none_or(|(_, rest)| rest.len() < 160);
    if let Some(next) = next_line(lines, end).filter(|_| alone) {
        end = words_end(lines, next);
    }
    if let Some(next) = next_line(lines, end).filter(|n| lines[*n].contains("```suggestion")) {
        end = fence_end(lines, next);
    }
    if let Some(next) = next_line(lines, end).filter(|n| lines[*n].starts_with("Useful? React")) {
        end = next + 1;
    }
    let by = if lines[at].contains("Badge]") {
        "chatgpt-codex-connector[bot]"
    } else {
        "gemini-code-assist[bot]"
    };
    let body = lines[at..end].join("\n");
    let findings = finding(&body, &By::Program(by), None).into_iter().collect();
    Some(Block { end, findings })
}

/// A list of findings with how bad they are in brackets and where they stand.
pub(super) fn bracketed(lines: &[&str], at: usize) -> Option<Block> {
    let parts = BRACKETED.captures(lines[at])?;
    let own = |i: usize| lines[i].starts_with("  ") && !BRACKETED.is_match(lines[i]);
    let end = (at + 1..lines.len()).find(|i| !own(*i)).unwrap_or(lines.len());
    let text: Vec<&str> = lines[at + 1..end].iter().map(|l| l.trim()).collect();
    let body = format!("**[{}] {}**\n\n{}", &parts[1], &parts[2], text.join("\n"));
    let found = finding(&body, &By::Program("codex"), place(&parts, 3)).map(|mut f| {
        let title = parts[2].trim_matches(['*', '`']).to_owned();
        if text.is_empty() {
            f.message.clone_from(&title);
        }
        f.title = Some(title);
        f
    });
    Some(Block { end, findings: found.into_iter().collect() })
}

/// Claude's: numbered, each with a link to the lines it means.
pub(super) fn listed(lines: &[&str], at: usize) -> Option<Block> {
    if !FOUND.is_match(lines[at]) {
        return None;
    }
    let body = lines[at..].join("\n");
    let found = bots::listed(&body);
    let last = (at..lines.len()).rev().find(|i| lines[*i].contains("/blob/"))?;
    let by = By::Program("claude[bot]");
    let findings = found
        .into_iter()
        .filter_map(|l| finding(&l.message, &by, Some((l.path, l.line_start, l.line_end))))
        .collect();
    let signed = next_line(lines, last + 1).filter(|i| lines[*i].contains("Generated with"));
    Some(Block { end: signed.unwrap_or(last) + 1, findings })
}
