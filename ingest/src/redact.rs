//! Secrets and private sections are taken out of text before anything is stored.
//!
//! Owns [`Redactor`], the table of known secret shapes and the tests that tell a secret from a hash
//! or a variable name. Must not store or log what it finds.
//!
//! One Aho-Corasick pass looks for the fixed start of every shape; only where one is found is the
//! shape's regular expression tried, anchored at that place. Clean text costs one pass. A table of
//! our own, because the libraries at hand either redact every git hash or bring hundreds of
//! unanchored patterns.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;

/// A family of secrets.
struct Rule {
    /// Shown in place of the secret.
    kind: &'static str,
    /// Fixed texts (any case) at one of which the pattern must match.
    anchors: &'static [&'static str],
    /// What follows, anchored; group 1, if present, is the secret, else the whole match.
    pattern: &'static str,
    /// How much the match must look like a secret.
    proof: Proof,
}

/// What a match must show beyond its shape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// The shape says it all, at a word's start and end.
    Shape,
    /// The shape, anywhere.
    Anywhere,
    /// A word's start, digits among the letters, high entropy: `sk-learn-tutorials` must stay.
    Random,
    /// A value assigned to a secret's name.
    Assigned,
    /// At least six characters, not letters alone.
    Random6,
    /// Somewhere in it, a value that looks drawn at random.
    Cookie,
}

const RULES: &[Rule] = &[
    rule(
        "private-key",
        &["-----begin"],
        r"(?s)^-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:.*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|.*)",
        Proof::Anywhere,
    ),
    rule("age-key", &["age-secret-key-1"], r"(?i)^AGE-SECRET-KEY-1[0-9A-Z]{58}", Proof::Shape),
    rule(
        "aws-key",
        &["akia", "asia", "abia", "acca"],
        r"^(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
        Proof::Shape,
    ),
    rule(
        "github-token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"^(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{50,255})",
        Proof::Shape,
    ),
    rule(
        "gitlab-token",
        &["glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-"],
        r"^gl(?:pat|dt|rt|ptt|cbt|soat)-[A-Za-z0-9_.-]{20,}",
        Proof::Shape,
    ),
    rule(
        "slack-token",
        &["xoxa-", "xoxb-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xoxe", "xapp-"],
        r"^(?:xox[abopsre](?:\.xox[bp])?-|xapp-)[A-Za-z0-9-]{10,}",
        Proof::Shape,
    ),
    rule(
        "webhook",
        &["hooks.slack.com/", "discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
        r"^(?:hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/+]{20,}|discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]{30,})",
        Proof::Anywhere,
    ),
    rule(
        "model-key",
        &["sk-"],
        r"^sk-(?:ant-[a-z0-9]+-|proj-|svcacct-|admin-|or-v1-|None-)?[A-Za-z0-9_-]{20,}",
        Proof::Random,
    ),
    rule(
        "google-key",
        &["aiza", "gocspx-", "ya29."],
        r"^(?:AIza[0-9A-Za-z_-]{35}|GOCSPX-[0-9A-Za-z_-]{28}|ya29\.[0-9A-Za-z_-]{20,})",
        Proof::Shape,
    ),
    rule(
        "stripe-key",
        &["sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"],
        r"^(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,})",
        Proof::Shape,
    ),
    rule(
        "twilio-key",
        &[
            "sk0", "sk1", "sk2", "sk3", "sk4", "sk5", "sk6", "sk7", "sk8", "sk9", "ska", "skb",
            "skc", "skd", "ske", "skf",
        ],
        r"^SK[0-9a-f]{32}",
        Proof::Shape,
    ),
    rule(
        "doppler-token",
        &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa."],
        r"^dp\.(?:pt|st|ct|sa)\.[A-Za-z0-9_.-]{20,}",
        Proof::Shape,
    ),
    rule(
        "password",
        &["sshpass"],
        r#"^sshpass\s+-p\s{0,3}["']?([^\s"'$]{3,200})"#,
        Proof::Anywhere,
    ),
    rule(
        "password",
        &["mysql", "mariadb"],
        r#"^(?:mysql|mariadb)[a-z-]{0,12}\s[^\n|;&]{0,200}?-p["']?([^\s"'$=-][^\s"']{3,200})"#,
        Proof::Random6,
    ),
    rule(
        "password",
        &["curl"],
        r#"^curl\s[^\n|;&]{0,300}?(?:-u|--user)[\s=]{0,3}["']?[^\s:"']{1,100}:([^\s"'$]{3,200})"#,
        Proof::Anywhere,
    ),
    rule(
        "cookie",
        &["cookie:"],
        r#"(?i)^cookie:\s{0,3}([^\n"'\\]{0,400}=[^\n"'\\]{8,})"#,
        Proof::Cookie,
    ),
    rule("npm-token", &["npm_"], r"^npm_[A-Za-z0-9]{36}", Proof::Shape),
    rule(
        "npm-token",
        &["_authtoken="],
        r"(?i)^_authToken=([A-Za-z0-9_=+/-]{16,})",
        Proof::Anywhere,
    ),
    rule("pypi-token", &["pypi-"], r"^pypi-[A-Za-z0-9_-]{50,}", Proof::Shape),
    rule("crates-token", &["cio"], r"^cio[A-Za-z0-9]{32}", Proof::Shape),
    rule("huggingface-token", &["hf_"], r"^hf_[A-Za-z0-9]{34,}", Proof::Random),
    rule(
        "digitalocean-token",
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        r"^do[opr]_v1_[a-f0-9]{64}",
        Proof::Shape,
    ),
    rule("sendgrid-key", &["sg."], r"^SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", Proof::Shape),
    rule(
        "shopify-token",
        &["shpat_", "shpca_", "shppa_", "shpss_"],
        r"^shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
        Proof::Shape,
    ),
    rule(
        "service-token",
        &[
            "lin_api_",
            "dckr_pat_",
            "atatt3",
            "figd_",
            "ntn_",
            "sbp_",
            "gsk_",
            "xai-",
            "pplx-",
            "r8_",
            "nvapi-",
            "vercel_",
            "pat-na1-",
        ],
        r"^(?:lin_api_[A-Za-z0-9]{32,}|dckr_pat_[A-Za-z0-9_-]{24,}|ATATT3[A-Za-z0-9_=-]{40,}|figd_[A-Za-z0-9_-]{36,}|ntn_[A-Za-z0-9]{40,}|sbp_[a-f0-9]{40}|gsk_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{40,}|pplx-[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{37}|nvapi-[A-Za-z0-9_-]{40,}|vercel_[A-Za-z0-9]{24,}|pat-na1-[a-f0-9-]{36})",
        Proof::Shape,
    ),
    rule(
        "azure-key",
        &["accountkey=", "sharedaccesskey="],
        r"(?i)^(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{40,}={0,2})",
        Proof::Anywhere,
    ),
    rule(
        "jwt",
        &["eyj"],
        r"^eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
        Proof::Shape,
    ),
    rule(
        "url-password",
        &["://"],
        r#"^://[^\s/:@"'`<>]{0,100}:([^\s/"'`<>]{3,200})@[A-Za-z0-9\[]"#,
        Proof::Anywhere,
    ),
    rule(
        "authorization",
        &["authorization"],
        r#"(?i)^authorization\\?["']?\s{0,3}[:=]\s{0,3}\\?["']?(?:(?:basic|bearer|token|digest|apikey)\s+)?([A-Za-z0-9._~+/=-]{12,})"#,
        Proof::Random,
    ),
    rule("bearer-token", &["bearer"], r#"(?i)^bearer\s+([A-Za-z0-9._~+/=-]{16,})"#, Proof::Random),
    rule(
        "password",
        &["password", "passwd", "passphrase", "pwd", "secret", "_pass", "-pass"],
        ASSIGNMENT,
        Proof::Assigned,
    ),
    rule(
        "api-key",
        &[
            "api_key",
            "api-key",
            "apikey",
            "access_key",
            "access-key",
            "accesskey",
            "private_key",
            "privatekey",
            "auth_key",
            "encryption_key",
            "token",
            "credential",
        ],
        ASSIGNMENT,
        Proof::Assigned,
    ),
];

/// `name`, the rest of its identifier, an assignment sign (or a blank, for `--password x`), a value.
const ASSIGNMENT: &str = r#"(?i)^(?:password|passwd|passphrase|pwd|secret|[_-]pass|(?:api|access|private|auth|encryption)[_-]?key|token|credential)(?<rest>[A-Za-z0-9_-]{0,40})(?<sign>\\?["'\]]{0,2}\s{0,4}(?::=|=>|==?|:)\s{0,4}|\s+is:?\s{1,4}|\s{1,4})(?<quote>\\?["'`]?)(?<value>[^\s"'`,;<>(){}\[\]\\]{4,300})"#;

const fn rule(
    kind: &'static str,
    anchors: &'static [&'static str],
    pattern: &'static str,
    proof: Proof,
) -> Rule {
    Rule { kind, anchors, pattern, proof }
}

/// Takes secrets and private sections out of text. Build one and share it.
pub struct Redactor {
    anchors: AhoCorasick,
    /// Rule of each anchor.
    owners: Vec<usize>,
    /// Compiled when a rule's anchor is first met: a command that stores one sentence must not wait
    /// for all of them.
    patterns: Vec<LazyLock<Regex, Compile>>,
}

type Compile = Box<dyn FnOnce() -> Regex + Send + Sync>;

impl Default for Redactor {
    fn default() -> Self {
        Self::new()
    }
}

impl Redactor {
    /// Compiles the table.
    #[must_use]
    pub fn new() -> Self {
        let mut words = vec![PRIVATE_OPEN];
        let mut owners = vec![usize::MAX];
        for (at, rule) in RULES.iter().enumerate() {
            for anchor in rule.anchors {
                words.push(anchor);
                owners.push(at);
            }
        }
        let anchors = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&words)
            .expect("a few short constant words always build");
        let patterns = RULES
            .iter()
            .map(|r| {
                let compile = || Regex::new(r.pattern).expect("constant patterns are tested");
                LazyLock::new(Box::new(compile) as Compile)
            })
            .collect();
        Self { anchors, owners, patterns }
    }

    /// Redacts every text inside a JSON value, names of fields excepted.
    pub fn redact_value(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => {
                if let Cow::Owned(clean) = self.redact(text) {
                    *text = clean;
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|v| self.redact_value(v)),
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    // `"password": "…"` is one text elsewhere, but key and value here.
                    if let serde_json::Value::String(text) = value
                        && let Some(kind) = self.assigned(key, text)
                    {
                        *text = format!("[redacted:{kind}]");
                    }
                    self.redact_value(value);
                }
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
            }
        }
    }

    /// Returns `text` with every secret replaced by `[redacted:KIND]` and every
    /// `<private>…</private>` removed with its content (an unclosed one to the text's end).
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut cuts: Vec<(usize, usize, Option<&'static str>)> = Vec::new();
        let mut done = 0;
        for hit in self.anchors.find_overlapping_iter(text) {
            if hit.start() < done {
                continue;
            }
            let owner = self.owners[hit.pattern().as_usize()];
            if owner == usize::MAX {
                done = private_end(text, hit.start());
                // A secret found just before may not reach into the section; drop what overlaps.
                cuts.push((hit.start(), done, None));
            } else if let Some((start, end)) = self.secret(owner, text, hit.start()) {
                cuts.push((start, end, Some(RULES[owner].kind)));
                done = end;
            }
        }
        if cuts.is_empty() {
            return Cow::Borrowed(text);
        }
        // Matches are reported by their end; a longer anchor can begin earlier.
        cuts.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (start, end, kind) in cuts {
            if start < at {
                at = at.max(end);
                continue;
            }
            out.push_str(&text[at..start]);
            if let Some(kind) = kind {
                out.push_str("[redacted:");
                out.push_str(kind);
                out.push(']');
            }
            at = end;
        }
        out.push_str(&text[at..]);
        Cow::Owned(out)
    }

    /// Returns the kind of secret that `value` is when it stands under `key` in a data file.
    #[must_use]
    pub fn assigned(&self, key: &str, value: &str) -> Option<&'static str> {
        let line = format!("{key}: \"{value}\"");
        let found = matches!(self.redact(&line), Cow::Owned(_));
        found.then_some("value")
    }

    /// The span of the secret of rule `owner` whose anchor stands at `at`.
    fn secret(&self, owner: usize, text: &str, at: usize) -> Option<(usize, usize)> {
        let rule = &RULES[owner];
        let before = text[..at].chars().next_back();
        let starts_word = !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
            || ends_in_escape(&text.as_bytes()[..at]);
        if matches!(rule.proof, Proof::Shape | Proof::Random) && !starts_word {
            return None;
        }
        let rest = &text[at..];
        let found = self.patterns[owner].captures(rest)?;
        let whole = found.get(0)?;
        let secret = found.name("value").or_else(|| found.get(1)).unwrap_or(whole);
        let next = rest[secret.end()..].chars().next();
        let holds = match rule.proof {
            Proof::Anywhere => true,
            Proof::Shape => !next.is_some_and(|c| c.is_ascii_alphanumeric()),
            Proof::Random => is_random(secret.as_str(), 16),
            Proof::Random6 => is_mixed(secret.as_str()),
            Proof::Cookie => secret.as_str().split([';', '=', ' ']).any(|v| is_random(v, 12)),
            Proof::Assigned => is_assigned(text, at, &found, next),
        };
        holds.then_some((at + secret.start(), at + secret.end()))
    }
}

/// Whether a text ends in an escape sequence of JSON, C or a URL (`\\n`, `\\u000a`, `\\x1b`, `%0a`),
/// whose last letter is no part of the word that follows.
fn ends_in_escape(before: &[u8]) -> bool {
    let hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    match before {
        [.., b'\\', b'n' | b't' | b'r' | b'b' | b'f' | b'v' | b'0' | b'a' | b'e'] => true,
        _ => {
            let tail = |n: usize| before.len().checked_sub(n).map(|from| &before[from..]);
            tail(6).is_some_and(|t| t.starts_with(b"\\u") && hex(&t[2..]))
                || tail(4).is_some_and(|t| t.starts_with(b"\\x") && hex(&t[2..]))
                || tail(3).is_some_and(|t| t[0] == b'%' && hex(&t[1..]))
        }
    }
}

const PRIVATE_OPEN: &str = "<private>";
const PRIVATE_CLOSE: &str = "</private>";

/// Where the private section that opens at `start` ends; sections may be nested.
fn private_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let starts_with = |at: usize, word: &str| {
        bytes.get(at..at + word.len()).is_some_and(|b| b.eq_ignore_ascii_case(word.as_bytes()))
    };
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(step) = memchr::memchr(b'<', &bytes[at..]) {
        at += step;
        if starts_with(at, PRIVATE_OPEN) {
            depth += 1;
            at += PRIVATE_OPEN.len();
        } else if starts_with(at, PRIVATE_CLOSE) {
            depth -= 1;
            at += PRIVATE_CLOSE.len();
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Whether a value assigned to a secret's name is a secret and not a placeholder or code.
fn is_assigned(text: &str, at: usize, found: &regex::Captures<'_>, next: Option<char>) -> bool {
    let group = |name| found.name(name).map_or("", |m| m.as_str());
    let (rest, sign, quote, value) = (group("rest"), group("sign"), group("quote"), group("value"));
    let value = value.trim_end_matches(['.', ':', '!', '?', '\\']);
    let rest = rest.to_ascii_lowercase();
    // `token_count`, `password_hash`, `secret_name`: not the secret itself.
    const NOT_IT: &[&str] = &[
        "hash", "digest", "count", "_id", "-id", "name", "path", "file", "field", "url", "len",
        "type", "policy", "limit", "used", "usage", "size", "ize", "label", "hint", "budget",
        "stdin",
    ];
    if NOT_IT.iter().any(|w| rest.contains(w)) || rest == "s" || matches!(next, Some('(' | '[')) {
        return false;
    }
    if value.len() < 4 || is_placeholder(value) || is_code(value) {
        return false;
    }
    // `the password is hunter2`, not `the password is wrong`.
    if matches!(sign.trim(), "is" | "is:") {
        return rest.is_empty() && is_mixed(value);
    }
    // `--pass-through x`, `by_passing: …`: the name ends here or is another.
    let named_pass = text.as_bytes()[at] == b'_' || text.as_bytes()[at] == b'-';
    if named_pass && !rest.is_empty() {
        return false;
    }
    // `secret: Staging=x` starts another pair.
    let pair = value.split_once('=').is_some_and(|(name, rest)| {
        !rest.trim_matches('=').is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic())
    });
    if pair && quote.is_empty() {
        return false;
    }
    let before = &text[..at];
    let name_start =
        before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let flag = before[name_start.len()..].starts_with("--");
    if sign.trim().is_empty() && !flag {
        return false;
    }
    let name = text[at..].get(usize::from(named_pass)..3).unwrap_or_default();
    let shouted = name.chars().all(|c| c.is_ascii_uppercase()) && sign == "=";
    if value.len() < 6 && !shouted && !flag {
        return false;
    }
    let strong = named_pass
        || matches!(text.as_bytes()[at].to_ascii_lowercase(), b's')
        || text[at..].get(..2).is_some_and(|p| p.eq_ignore_ascii_case("pa"))
        || text[at..].get(..2).is_some_and(|p| p.eq_ignore_ascii_case("pw"));
    let letters_only =
        value.chars().all(|c| c.is_alphabetic() || matches!(c, '_' | '-' | '.' | '='));
    if !strong {
        return is_random(value, 16);
    }
    if letters_only {
        return (shouted || flag) && value.len() >= 6;
    }
    !quote.is_empty() || shouted || flag || entropy(value) >= 2.5
}

/// Whether a word reads like a password: six characters or more, letters with digits or signs.
fn is_mixed(value: &str) -> bool {
    let word = value.trim_end_matches(['.', ',', ':', '!', '?', ')']);
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    word.len() >= 6
        && letters >= 2
        && word.chars().any(|c| c.is_ascii_digit())
        && !is_placeholder(word)
        && !is_code(word)
}

/// Whether a text looks drawn at random: long, letters and digits mixed, many different characters,
/// and no UUID.
fn is_random(value: &str, min: usize) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    value.len() >= min
        && digits >= 2
        && letters >= 2
        && entropy(value) >= 3.0
        && !is_uuid(value)
        && !is_placeholder(value)
        && !is_code(value)
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    const WORDS: &[&str] = &[
        "redacted",
        "example",
        "placeholder",
        "changeme",
        "change_me",
        "your",
        "xxxx",
        "****",
        "....",
        "dummy",
        "undefined",
        "required",
        "optional",
    ];
    WORDS.iter().any(|w| lower.contains(w))
        || value.bytes().all(|b| b == value.as_bytes()[0])
        || lower.starts_with("test-")
        || lower.starts_with("fake")
}

/// Whether a value reads like a path, a variable or a member of something.
fn is_code(value: &str) -> bool {
    let first = value.as_bytes()[0];
    // `/etc/passwd` is a path; `/kP9x2…` may begin a base64 text.
    if first == b'/' && (value[1..].contains('/') || !value.bytes().any(|b| b.is_ascii_digit())) {
        return true;
    }
    if matches!(first, b'$' | b'%' | b'~' | b'@' | b'&' | b'*' | b'#' | b'|' | b'-') {
        return true;
    }
    if value.contains("::") || value.contains("->") || value.contains("=>") || value.contains("&&")
    {
        return true;
    }
    // `process.env.KEY`, `config.auth2.token`: every part an identifier, none of them random.
    let mut parts = value.split('.').peekable();
    let dotted = value.contains('.');
    dotted
        && parts.all(|p| {
            p.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
                && p.len() <= 24
                && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                && p.bytes().filter(u8::is_ascii_digit).count() <= 2
        })
}

/// Shannon entropy in bits a byte.
fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for b in value.bytes() {
        counts[usize::from(b)] += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "lengths are a few hundred bytes")]
    let len = value.len().max(1) as f64;
    counts
        .iter()
        .filter(|n| **n > 0)
        .map(|n| {
            let p = f64::from(*n) / len;
            -p * p.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests;
