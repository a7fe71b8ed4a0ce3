//! How review programs write their comments: severity, title, suggestion, the commit that fixed it.
//!
//! Owns the conventions of Gemini, Copilot, Bugbot, Codex, CodeRabbit, Qodo, Claude and GitHub's own
//! scanners, and which of their comments are no findings. Must not know where a body came from.

use std::sync::LazyLock;

use cemem_core::finding::{AuthorKind, Finding, FindingStatus, Severity};
use regex::Regex;

use super::severity;

/// What a comment's body says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Body {
    pub(super) severity: Option<Severity>,
    /// The severity as written.
    pub(super) level: Option<String>,
    pub(super) title: Option<String>,
    /// The words, without images, hidden parts and the suggestion.
    pub(super) message: String,
    /// The replacement a suggestion block holds.
    pub(super) suggestion: Option<String>,
    /// The commit that the comment says it was addressed in.
    pub(super) fixed_by: Option<String>,
    /// File and lines a hidden part names.
    pub(super) place: Option<(String, u64, u64)>,
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant")
}

static SUGGESTION: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?ms)^[ \t]*(`{3,}|~{3,})suggestion[^\n]*\n(.*?)^[ \t]*(?:`{3,}|~{3,})[ \t]*$")
});
static LOCATION: LazyLock<Regex> =
    LazyLock::new(|| regex(r"LOCATIONS START\s+(\S+?)#L(\d+)(?:-L?(\d+))?"));
static HIDDEN: LazyLock<Regex> = LazyLock::new(|| regex(r"(?s)<!--.*?-->"));
static DETAILS: LazyLock<Regex> = LazyLock::new(|| regex(r"(?s)<details[^>]*>.*</details>"));
/// `![high](…)`, `![P1 Badge](…)`, `![security-high](…)`.
static BADGE: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)!\[((?:security-)?(?:critical|high|medium|low)|P[0-4](?: Badge)?)\]\([^)]*\)")
});
static IMAGE: LazyLock<Regex> = LazyLock::new(|| regex(r"!\[[^\]]*\]\([^)]*\)|<img[^>]*>"));
static TAG: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"</?(?:p|pre|b|i|br|h[1-6]|ul|ol|li|sub|sup|div|span|a|summary|details|strong|em|blockquote)(?: [^>]*)?/?>",
    )
});
/// CodeRabbit's first line: `_⚠️ Potential issue_ | _🟠 Major_`.
static RABBIT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^_[^_\n]*(?:Potential issue|Refactor suggestion|Nitpick|Verification|Critical|Major|Minor|Trivial)[^\n]*_[ \t]*(?:\n|$)",
    )
});
static RABBIT_LEVEL: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)(critical|major|minor|trivial|nitpick|potential issue|refactor)"));
static BUGBOT: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?im)^\*\*(Critical|High|Medium|Low) Severity\*\*[ \t]*$"));
static QODO: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"alt="(Action required|Remediation recommended|Review recommended|Advisory)[^"]*""#)
});
static QODO_TITLE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?m)^\s*\d+\\?\.\s+(.+?)\s*(?:`[^`\w]+[^`]*`\s*)*$"));
static STATED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?im)^(?:\*\*)?(?:severity|priority)(?:\*\*)?:(?:\*\*)?\s*\W*(critical|blocker|high|major|medium|minor|low|info|p[0-4])\b",
    )
});
static BRACKETS: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"^\W*(P[0-4]|critical|high|medium|low|nit)\W*[\]\)]\W|^\**\[?(P[0-4])\]?\**\s*[:—–-]")
});
static ADDRESSED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:fixed|addressed|resolved|done|implemented|removed|corrected)\s+(?:in|by|with|via)\s+(?:commits?\s+)?(?:https?://\S+/commit/)?`?([0-9a-f]{7,40})\b",
    )
});
static HEADING: LazyLock<Regex> = LazyLock::new(|| regex(r"^#{1,6}\s+(.+?)\s*#*$"));
static BOLD: LazyLock<Regex> = LazyLock::new(|| regex(r"^\*\*(.+?)\*\*\s*$"));

/// Reads the body of a comment.
pub(super) fn read(body: &str) -> Body {
    let body = body.replace("\r\n", "\n");
    let mut out = Body { fixed_by: addressed(&body), ..Body::default() };
    if let Some(place) = LOCATION.captures(&body) {
        let line = |i: usize| place.get(i).and_then(|l| l.as_str().parse().ok());
        let first = line(2).unwrap_or(1);
        out.place = Some((place[1].to_owned(), first, line(3).unwrap_or(first)));
    }
    let suggested: Vec<&str> = SUGGESTION
        .captures_iter(&body)
        .filter_map(|c| Some(c.get(2)?.as_str().trim_end()))
        .collect();
    out.suggestion = (!suggested.is_empty()).then(|| suggested.join("\n\n"));
    level(&body, &mut out);
    let text = SUGGESTION.replace_all(&body, "");
    let text = HIDDEN.replace_all(&text, "");
    let shown = DETAILS.replace_all(&text, "");
    // A comment that is nothing but a folded part is read with it.
    let text = if shown.trim().is_empty() { text } else { shown };
    let text = RABBIT.replace(text.trim_start(), "");
    let text = BUGBOT.replace_all(&text, "");
    let text = IMAGE.replace_all(&text, "");
    let text = TAG.replace_all(&text, "");
    let text = text.replace("<code>", "`").replace("</code>", "`");
    let text =
        text.replace("**  ", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    title(&text, &mut out);
    out
}

fn level(body: &str, out: &mut Body) {
    let badge = BADGE.captures(body).map(|c| c[1].to_owned());
    let rabbit = RABBIT.find(body.trim_start()).and_then(|line| {
        // The second word, where there is one, is the severity.
        let last = RABBIT_LEVEL.find_iter(line.as_str()).last();
        last.map(|m| m.as_str().to_owned())
    });
    let own = |regex: &Regex| {
        let parts = regex.captures(body.trim_start())?;
        parts.get(1).or_else(|| parts.get(2)).map(|m| m.as_str().to_owned())
    };
    let level = badge
        .or(rabbit)
        .or_else(|| own(&BUGBOT))
        .or_else(|| own(&QODO))
        .or_else(|| own(&STATED))
        .or_else(|| own(&BRACKETS));
    let Some(level) = level else { return };
    let word = level.trim_end_matches(" Badge").trim_end_matches(" badge");
    out.severity = severity::of(word).or(match word.to_ascii_lowercase().as_str() {
        "action required" => Some(Severity::High),
        "potential issue" | "remediation recommended" => Some(Severity::Medium),
        "refactor" | "review recommended" => Some(Severity::Low),
        "advisory" => Some(Severity::Info),
        _ => None,
    });
    out.level = Some(word.to_owned());
}

/// The first line is a title if it is a heading, bold, or numbered by Qodo; the rest is the message.
fn title(text: &str, out: &mut Body) {
    let text = text.trim();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.trim();
    let qodo = out.level.as_deref().is_some_and(|l| l.contains(' '));
    let numbered = || QODO_TITLE.captures(first).filter(|_| qodo);
    let found = HEADING.captures(first).or_else(|| BOLD.captures(first)).or_else(numbered);
    let plain = |t: &str| t.trim().trim_matches('*').trim().to_owned();
    let badge_line = || out.severity.filter(|_| first.ends_with("**") && rest.starts_with('\n'));
    out.title = match found {
        Some(parts) => Some(plain(&parts[1].replace('`', ""))),
        None => badge_line().map(|_| plain(first)),
    };
    out.title = out.title.take().filter(|t| !t.is_empty());
    let message = if out.title.is_some() && !rest.trim().is_empty() { rest } else { text };
    out.message = blank_lines(message);
}

/// At most one blank line in a row; rules are dropped.
fn blank_lines(text: &str) -> String {
    let mut out = String::new();
    let mut blank = 0;
    for line in text.lines().map(str::trim_end).filter(|l| *l != "---") {
        if line.is_empty() {
            blank += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if blank > 0 { "\n\n" } else { "\n" });
        }
        blank = 0;
        out.push_str(line);
    }
    out
}

/// Returns the commit a text says something was fixed in.
pub(super) fn addressed(text: &str) -> Option<String> {
    // A word of seven letters may be hexadecimal; a hash has a digit.
    let hash = |c: regex::Captures<'_>| Some(c.get(1)?.as_str().to_owned());
    ADDRESSED.captures_iter(text).filter_map(hash).find(|h| h.bytes().any(|b| b.is_ascii_digit()))
}

/// Returns what a reply says became of the finding.
pub(super) fn verdict(reply: &str) -> Option<(FindingStatus, Option<String>)> {
    static DISMISSED: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"(?i)^\W*(?:won'?t ?fix|not a bug|false positive|this is (?:incorrect|intentional|wrong|not|by design|a false)|by design|intentional|not applicable|disagree|i disagree|dismiss|no change needed|out of scope)",
        )
    });
    if let Some(commit) = addressed(reply) {
        return Some((FindingStatus::Fixed, Some(commit)));
    }
    DISMISSED.is_match(reply.trim()).then_some((FindingStatus::Dismissed, None))
}

/// Why a body is no finding: `None` if it is one.
pub(super) fn no_finding(body: &str) -> Option<&'static str> {
    const SUMMARIES: &[&str] = &[
        "## Pull request overview",
        "## Summary of Changes",
        "<h3>Review Summary by Qodo",
        "<h3>Code Review by Qodo",
        "### 💡 Codex Review",
        "Cursor Bugbot has reviewed your changes",
        "👋 Jules, reporting for duty",
        "Bugbot Autofix",
        "## Walkthrough",
    ];
    const NOTICES: &[&str] = &[
        "You have reached your Codex usage limits",
        "You've used up your",
        "## Review limit reached",
        "Codex Review: Didn't find any major issues",
        "Rate limit exceeded",
        "### ✅ Bugbot reviewed your changes and found no",
    ];
    let text = body.trim_start();
    let visible = HIDDEN.replace_all(text, "");
    let visible = visible.trim();
    let short = visible.len() < 48 && !visible.contains('\n');
    let lower = visible.to_ascii_lowercase();
    if visible.is_empty() {
        Some("empty_body")
    } else if SUMMARIES.iter().any(|s| visible.starts_with(s))
        || text.contains("summarize by coderabbit.ai")
        || visible.starts_with("**Actionable comments posted:")
    {
        Some("summary")
    } else if NOTICES.iter().any(|s| visible.starts_with(s)) {
        Some("notice")
    } else if short
        && (lower.starts_with(['@', '/']) || lower == "bugbot run" || lower == "cursor review")
    {
        Some("command")
    } else if short
        && ["lgtm", "thanks", "thank you", "nice", "approved", "👍", "+1"]
            .iter()
            .any(|w| lower.starts_with(w))
    {
        Some("courtesy")
    } else {
        None
    }
}

/// Programs whose accounts do not always say that they are.
const BOTS: &[(&str, &str)] = &[
    ("gemini-code-assist", "gemini-code-assist"),
    ("copilot", "copilot"),
    ("cursor", "bugbot"),
    ("bugbot", "bugbot"),
    ("chatgpt-codex-connector", "codex"),
    ("coderabbitai", "coderabbit"),
    ("qodo-", "qodo"),
    ("codiumai-pr-agent", "qodo"),
    ("claude", "claude"),
    ("github-code-quality", "github-code-quality"),
    ("github-advanced-security", "github-advanced-security"),
    ("github-actions", "github-actions"),
    ("google-labs-jules", "jules"),
    ("greptile-apps", "greptile"),
    ("sourcery-ai", "sourcery"),
    ("ellipsis-dev", "ellipsis"),
    ("sonarqubecloud", "sonarcloud"),
    ("sonarcloud", "sonarcloud"),
    ("codecov", "codecov"),
];

/// Fills in author, kind of author and tool. `bot`: the source says it is one.
pub(super) fn sign(finding: &mut Finding, login: &str, bot: bool, place: &str) {
    let plain = login.strip_suffix("[bot]").unwrap_or(login);
    let lower = plain.to_ascii_lowercase();
    // A person may be called Claude Martin: a short prefix counts only where the account is a
    // program's.
    let known = BOTS
        .iter()
        .find(|(name, _)| lower == *name || lower.starts_with(name) && (bot || name.len() > 7));
    let bot = bot || plain.len() < login.len() || known.is_some();
    finding.author = Some(login.to_owned());
    finding.author_kind = if bot { AuthorKind::Bot } else { AuthorKind::Human };
    finding.tool = match known {
        Some((_, tool)) => (*tool).to_owned(),
        None if bot => plain.to_owned(),
        None => place.to_owned(),
    };
    // These two speak of rules by their names.
    if finding.tool.starts_with("github-") && finding.tool != "github-actions" {
        finding.rule_id.clone_from(&finding.title);
    }
}

/// Puts what a body says into a finding.
pub(super) fn fill(finding: &mut Finding, body: Body) {
    finding.severity = body.severity.unwrap_or_default();
    finding.level = body.level;
    finding.title = body.title;
    finding.message = body.message;
    finding.suggestion = body.suggestion;
    if let Some(commit) = body.fixed_by {
        finding.status = FindingStatus::Fixed;
        finding.fixed_by = Some(commit);
    }
    if let (None, Some((path, first, last))) = (&finding.path, body.place) {
        finding.path = Some(path);
        (finding.line_start, finding.line_end) = (Some(first), Some(last));
    }
}

/// Returns the fingerprint of words: rule or title, path and message, not the code they stand at,
/// because two comments may stand at one line.
pub(super) fn fingerprint(finding: &Finding) -> String {
    Finding { snippet: None, ..finding.clone() }.fingerprint_of()
}

/// One finding of several in a comment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Listed {
    pub(super) message: String,
    pub(super) path: String,
    pub(super) line_start: u64,
    pub(super) line_end: u64,
    pub(super) snippet: Option<String>,
    /// The program was not sure of it.
    pub(super) doubtful: bool,
}

/// The findings a review lists in one comment: numbered with links to the lines they mean, as
/// Claude writes them, or folded away as not sure enough, as Copilot does.
pub(super) fn listed(body: &str) -> Vec<Listed> {
    let body = body.replace("\r\n", "\n");
    if let Some(at) = body.find("Comments suppressed due to low confidence") {
        let rest = &body[at..];
        return suppressed(rest.split("</details>").next().unwrap_or(rest));
    }
    if body.contains("issue") && body.contains("/blob/") { numbered(&body) } else { Vec::new() }
}

fn numbered(body: &str) -> Vec<Listed> {
    static ITEM: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)^\d+\.\s+"));
    static LINK: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"https?://[^\s/]+/[^\s/]+/[^\s/]+/blob/[0-9a-fA-F]{7,40}/([^\s#)]+)#L(\d+)(?:-L?(\d+))?\S*",
        )
    });
    let mut out = Vec::new();
    for item in items(body, &ITEM) {
        let Some(link) = LINK.captures(item) else { continue };
        let text = LINK.replace_all(item, "");
        let text = ITEM.replace(&text, "");
        let text = text.split("🤖 Generated with").next().unwrap_or_default();
        let (line_start, line_end) = lines(&link);
        let message = blank_lines(text.trim());
        out.push(Listed {
            message,
            path: link[1].to_owned(),
            line_start,
            line_end,
            ..Listed::default()
        });
    }
    out
}

/// `**path:12**`, a starred text, and the code in a fence.
fn suppressed(body: &str) -> Vec<Listed> {
    static ITEM: LazyLock<Regex> =
        LazyLock::new(|| regex(r"(?m)^\*\*([^*\n:]+):(\d+)(?:-(\d+))?\*\*[ \t]*$"));
    let mut out = Vec::new();
    for item in items(body, &ITEM) {
        let Some(place) = ITEM.captures(item) else { continue };
        let rest = &item[place[0].len()..];
        let (text, code) = rest.split_once("\n```").unwrap_or((rest, ""));
        let code = code.split_once('\n').map_or("", |(_, c)| c).split("\n```").next().unwrap_or("");
        let (line_start, line_end) = lines(&place);
        out.push(Listed {
            message: blank_lines(text.trim().trim_start_matches("* ")),
            path: place[1].to_owned(),
            line_start,
            line_end,
            snippet: Some(code.to_owned()).filter(|c| !c.trim().is_empty()),
            doubtful: true,
        });
    }
    out.retain(|l| !l.message.is_empty());
    out
}

/// The parts of a text that begin where `start` matches.
fn items<'t>(text: &'t str, start: &Regex) -> Vec<&'t str> {
    let starts: Vec<usize> = start.find_iter(text).map(|m| m.start()).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}

/// Groups 2 and 3 are the first and the last line.
fn lines(parts: &regex::Captures<'_>) -> (u64, u64) {
    let line = |i: usize| parts.get(i).and_then(|l| l.as_str().parse().ok());
    let first = line(2).unwrap_or(1);
    (first, line(3).unwrap_or(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str) -> (Option<Severity>, Option<String>, String, Option<String>) {
        let read = read(body);
        (read.severity, read.title, read.message, read.suggestion)
    }

    #[test]
    fn each_program_has_its_own_way() {
        let gemini = "![high](https://www.gstatic.com/codereviewagent/high-priority.svg)\n\nThe hint is wrong.\n\n```suggestion\n    a: int = 1\n```";
        assert_eq!(
            told(gemini),
            (
                Some(Severity::High),
                None,
                "The hint is wrong.".into(),
                Some("    a: int = 1".into())
            )
        );
        let codex = "**<sub><sub>![P1 Badge](https://img.shields.io/badge/P1-orange?style=flat)</sub></sub>  Remove the argument**\n\nAdding `x` breaks it.";
        assert_eq!(
            told(codex),
            (
                Some(Severity::High),
                Some("Remove the argument".into()),
                "Adding `x` breaks it.".into(),
                None
            )
        );
        let bugbot = "### Lock is never released\n\n**Medium Severity**\n\n<!-- DESCRIPTION START -->\nThe lock stays.\n<!-- DESCRIPTION END -->\n\n<!-- LOCATIONS START\nsrc/a.go#L10-L12\nLOCATIONS END -->";
        let read_bugbot = read(bugbot);
        assert_eq!(
            told(bugbot),
            (
                Some(Severity::Medium),
                Some("Lock is never released".into()),
                "The lock stays.".into(),
                None
            )
        );
        assert_eq!(read_bugbot.place, Some(("src/a.go".into(), 10, 12)));
        let rabbit = "_⚠️ Potential issue_ | _🟠 Major_\n\n**Check the result.**\n\nIt may fail.\n\n<details>\n<summary>🤖 Prompt for AI Agents</summary>\nIn a.rs fix it\n</details>\n\n<!-- fingerprinting:phantom -->\n\n✅ Addressed in commit abc1234";
        let rabbit = read(rabbit);
        assert_eq!(
            (rabbit.severity, rabbit.title.as_deref()),
            (Some(Severity::High), Some("Check the result."))
        );
        assert_eq!(rabbit.fixed_by.as_deref(), Some("abc1234"));
        assert!(rabbit.message.starts_with("It may fail.") && !rabbit.message.contains("Prompt"));
        let scanner = "## Unused import\n\nImport of 'sa' is not used.";
        assert_eq!(
            told(scanner),
            (None, Some("Unused import".into()), "Import of 'sa' is not used.".into(), None)
        );
        let qodo = "<img src=\"x\" height=\"20\" alt=\"Action required\">\n\n1\\. Invalid variables default <code>📘 Rule violation</code>\n\n<pre>\n<b><i>MAX</i></b> is coerced.\n</pre>\n\n<details>\n<summary>Agent Prompt</summary>\nx\n</details>";
        assert_eq!(
            told(qodo),
            (
                Some(Severity::High),
                Some("Invalid variables default".into()),
                "MAX is coerced.".into(),
                None
            )
        );
    }

    #[test]
    fn replies_and_what_is_no_finding() {
        assert_eq!(
            verdict("Fixed in 3696270 - removed."),
            Some((FindingStatus::Fixed, Some("3696270".into())))
        );
        assert_eq!(
            verdict("This is incorrect — it returns true."),
            Some((FindingStatus::Dismissed, None))
        );
        assert_eq!(verdict("Good point, looking"), None);
        assert_eq!(addressed("fixed in defaced"), None, "a word, no hash");
        assert_eq!(no_finding("## Pull request overview\n\nx"), Some("summary"));
        assert_eq!(no_finding("bugbot run\r\n"), Some("command"));
        assert_eq!(no_finding("LGTM!"), Some("courtesy"));
        assert_eq!(no_finding(" "), Some("empty_body"));
        assert_eq!(no_finding("The lock stays."), None);
    }

    #[test]
    fn a_list_with_links_is_several_findings() {
        let body = "### Code review\n\nFound 2 issues:\n\n1. Wrong order\n\nhttps://github.com/o/r/blob/0123456789abcdef0123456789abcdef01234567/src/a.rs#L1-L5\n\n2. No test\n\nhttps://github.com/o/r/blob/0123456789abcdef0123456789abcdef01234567/src/b.rs#L9\n\n🤖 Generated with [Claude Code](https://x)";
        let found = listed(body);
        let told = |l: &Listed| (l.message.clone(), l.path.clone(), l.line_start, l.line_end);
        assert_eq!(told(&found[0]), ("Wrong order".into(), "src/a.rs".into(), 1, 5));
        assert_eq!(told(&found[1]), ("No test".into(), "src/b.rs".into(), 9, 9));
        let copilot = "## Pull request overview\n\n<details>\n<summary>Comments suppressed due to low confidence (2)</summary>\n\n**a/b.go:14**\n* It leaks.\n```\nopen(x)\n```\n**c.go:3**\n* No test.\n</details>\n";
        let found = listed(copilot);
        assert_eq!(told(&found[0]), ("It leaks.".into(), "a/b.go".into(), 14, 14));
        assert_eq!(found[0].snippet.as_deref(), Some("open(x)"));
        assert_eq!(told(&found[1]), ("No test.".into(), "c.go".into(), 3, 3));
    }

    #[test]
    fn who_is_a_program() {
        let kind = |login: &str, bot| {
            let mut f = Finding::default();
            sign(&mut f, login, bot, "github");
            (f.tool, f.author_kind)
        };
        assert_eq!(kind("Copilot", false), ("copilot".into(), AuthorKind::Bot));
        assert_eq!(kind("claude[bot]", false), ("claude".into(), AuthorKind::Bot));
        assert_eq!(kind("claude-martin", false), ("github".into(), AuthorKind::Human));
        assert_eq!(kind("cursor", true), ("bugbot".into(), AuthorKind::Bot));
        assert_eq!(kind("octocat", false), ("github".into(), AuthorKind::Human));
        assert_eq!(kind("renovate[bot]", false), ("renovate".into(), AuthorKind::Bot));
    }
}
