//! What a commit's message says it is.
//!
//! Owns the conventions: git's own wording, conventional commits, trailers, the subjects hosts give to
//! merges, and how agents sign. Must not look at files.

use std::sync::LazyLock;

use cemem_core::Actor;
use cemem_core::history::{Commit, Target, Trailer};
use regex::Regex;

/// What a commit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It takes back this commit.
    Revert(Target),
    /// It repairs this commit, by its own word.
    Repairs(Target),
    /// It repairs something.
    Fix,
    /// A merge that went through review.
    Merge,
    /// None of these.
    Ordinary,
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant")
}

static QUOTED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"^(?:Revert|Reapply) "(.+)"(?: \([#!]\d+\))?$"#));
static UNDOES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^(?:revert|undo|back(?:ed)? ?out|roll ?back|reapply)\b(?:\([^)]*\))?!?:?\s*(.*)$")
});
static REVERTS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\bthis reverts (?:merge )?commits? ([0-9a-f]{7,64})\b"));
static FIXUP: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:fixup|squash|amend)! (.+)$"));
static FIX: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:(?:fix|bugfix|hotfix)(?:\([^)]*\))?!?:|(?:fix(?:e[sd])?|corrects?|corrected|repair(?:s|ed)?|hotfix|bugfix|follow[- ]?up)\b)",
    )
});
static SHA: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:commit )?([0-9a-f]{7,64})\b"));
static REQUEST: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^Merge pull request #\d+|\(#\d+\)$|^Merged? (?:in|PR|MR)\b"));
static AGENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)@anthropic\.com|\[bot\]|copilot@|cursoragent@|@aider\.chat|@all-hands\.dev|@ampcode\.com|@openai\.com|qwen-coder@|@opencode\.ai|devin-ai|^(?:claude(?: code)?|copilot|codex|cursor agent|aider\b.*|openhands|gemini cli|opencode|swe-agent)$",
    )
});

/// Returns what a commit is.
pub(super) fn of(commit: &Commit) -> Told {
    let subject = commit.subject.as_str();
    if let Some(target) = revert(subject, &commit.body) {
        return Told::Revert(target);
    }
    if let Some(named) = FIXUP.captures(subject) {
        return Told::Repairs(Target::Subject(named[1].to_owned()));
    }
    if commit.parents.len() > 1 {
        let reviewed = REQUEST.is_match(subject)
            || commit.body.contains("See merge request ")
            || commit.trailers.iter().any(is_review);
        return if reviewed { Told::Merge } else { Told::Ordinary };
    }
    let fixes = commit.trailers.iter().filter(|t| t.key == "Fixes");
    if let Some(sha) = fixes.filter_map(|t| SHA.captures(&t.value)).next() {
        return Told::Repairs(Target::Sha(sha[1].to_owned(), None));
    }
    if FIX.is_match(subject) {
        return Told::Fix;
    }
    let merged = REQUEST.is_match(subject) && commit.trailers.iter().any(is_review);
    if merged { Told::Merge } else { Told::Ordinary }
}

fn revert(subject: &str, body: &str) -> Option<Target> {
    let quoted = QUOTED.captures(subject).map(|c| c[1].to_owned());
    let undoes = UNDOES.captures(subject).map(|c| c[1].trim().to_owned());
    let sha = REVERTS.captures(body);
    // What a squashed branch took back and forth inside is nobody's revert.
    let begins =
        sha.as_ref().and_then(|s| s.get(0)).is_some_and(|m| body[..m.start()].trim().is_empty());
    let named = quoted.or_else(|| undoes.clone().filter(|s| !s.is_empty()));
    match sha {
        Some(sha) if named.is_some() || undoes.is_some() || begins => {
            Some(Target::Sha(sha[1].to_owned(), named))
        }
        // "Undo button works again" names no commit; git's own wording does.
        _ => QUOTED.captures(subject).map(|c| Target::Subject(c[1].to_owned())),
    }
}

/// Returns whether a trailer says that somebody looked at the change.
fn is_review(trailer: &Trailer) -> bool {
    ["reviewed-by", "acked-by", "approved-by", "tested-by"]
        .contains(&trailer.key.to_ascii_lowercase().as_str())
}

/// Returns who wrote a commit: an agent that signs as such, or a person.
pub(super) fn actor(commit: &Commit) -> Actor {
    let signed = |t: &&Trailer| {
        ["co-authored-by", "generated-by", "assisted-by", "signed-off-by"]
            .contains(&t.key.to_ascii_lowercase().as_str())
            && AGENT.is_match(&t.value)
    };
    let written = commit.body.contains("Generated with [Claude Code]");
    if written
        || AGENT.is_match(&commit.author)
        || AGENT.is_match(&commit.email)
        || commit.trailers.iter().any(|t| signed(&t))
    {
        Actor::Agent
    } else {
        Actor::User
    }
}

/// Returns a trailer as a line, without addresses.
pub(super) fn line(trailer: &Trailer) -> String {
    let value = match (trailer.value.find('<'), trailer.value.rfind('>')) {
        (Some(from), Some(to)) if from < to => {
            format!("{}{}", &trailer.value[..from], &trailer.value[to + 1..])
        }
        _ => trailer.value.clone(),
    };
    format!("{}: {}", trailer.key, value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(subject: &str, body: &str) -> Commit {
        Commit {
            subject: subject.into(),
            body: body.into(),
            parents: vec!["p".into()],
            ..Commit::default()
        }
    }

    #[test]
    fn reverts_are_told_by_their_words() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        let body = format!("This reverts commit {sha}.\n\nIt broke x.");
        let by = |subject: Option<&str>| {
            Told::Revert(Target::Sha(sha.to_owned(), subject.map(str::to_owned)))
        };
        assert_eq!(of(&commit("Revert \"add x\"", &body)), by(Some("add x")));
        assert_eq!(of(&commit("Revert \"add x\" (#12)", &body)), by(Some("add x")));
        assert_eq!(of(&commit("revert(api): add x", &body)), by(Some("add x")));
        assert_eq!(of(&commit("Back out the cache", &body)), by(Some("the cache")));
        assert_eq!(of(&commit("Restore the old way", &body)), by(None));
        assert_eq!(
            of(&commit("Revert \"add x (#3)\"", "Reverts a/b#3")),
            Told::Revert(Target::Subject("add x (#3)".into()))
        );
        for (subject, text) in [
            ("Undo button works again", ""),
            ("Add x (#9)", &*format!("* a\n\n* Revert \"a\"\n\nThis reverts commit {sha}.")),
            ("Describe revert", "how to revert a commit"),
        ] {
            assert_eq!(of(&commit(subject, text)), Told::Ordinary, "{subject}");
        }
    }

    #[test]
    fn fixes_and_merges_are_told_apart() {
        for subject in ["fix: a", "fix(api)!: a", "Fixes the crash", "hotfix: a", "Follow-up to x"]
        {
            assert_eq!(of(&commit(subject, "")), Told::Fix, "{subject}");
        }
        for subject in ["fixture: a", "Fixtures for x", "prefix: a", "docs: fix"] {
            assert_eq!(of(&commit(subject, "")), Told::Ordinary, "{subject}");
        }
        assert_eq!(of(&commit("fixup! add x", "")), Told::Repairs(Target::Subject("add x".into())));
        let trailer = |key: &str, value: &str| Trailer { key: key.into(), value: value.into() };
        let named = Commit {
            trailers: vec![trailer("Fixes", "0123456789ab (\"add x\")")],
            ..commit("net: handle y", "")
        };
        assert_eq!(of(&named), Told::Repairs(Target::Sha("0123456789ab".into(), None)));
        let issue =
            Commit { trailers: vec![trailer("Fixes", "#12")], ..commit("net: handle y", "") };
        assert_eq!(of(&issue), Told::Ordinary);
        let merge = |subject: &str, body: &str| Commit {
            parents: vec!["a".into(), "b".into()],
            ..commit(subject, body)
        };
        assert_eq!(of(&merge("Merge pull request #1 from a/b", "Title")), Told::Merge);
        assert_eq!(
            of(&merge("Merge branch 'a' into 'main'", "See merge request g/p!2")),
            Told::Merge
        );
        assert_eq!(of(&merge("Merge branch 'main' into a", "")), Told::Ordinary);
        assert_eq!(of(&merge("fix: a", "")), Told::Ordinary);
    }

    #[test]
    fn agents_are_known_by_how_they_sign() {
        let signed = |value: &str| Commit {
            trailers: vec![Trailer { key: "Co-Authored-By".into(), value: value.into() }],
            ..commit("fix: a", "")
        };
        assert_eq!(actor(&signed("Claude <noreply@anthropic.com>")), Actor::Agent);
        assert_eq!(actor(&signed("Ann <ann@x>")), Actor::User);
        let bot = Commit { author: "dependabot[bot]".into(), ..commit("bump", "") };
        assert_eq!(actor(&bot), Actor::Agent);
        let name = Commit { author: "Claude Martin".into(), ..commit("fix: a", "") };
        assert_eq!(actor(&name), Actor::User);
        assert_eq!(line(&signed("Ann <ann@x>").trailers[0]), "Co-Authored-By: Ann");
    }
}
