//! What tells a secret from a hash, a placeholder or a variable's name.
//!
//! Owns the tests a match must pass beyond its shape. Must not know the table of shapes.

/// Whether a value assigned to a secret's name is a secret and not a placeholder or code.
pub(super) fn is_assigned(
    text: &str,
    at: usize,
    found: &regex::Captures<'_>,
    next: Option<char>,
) -> bool {
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
        // An id of something may be called a token; what is called a key is one, also as a UUID.
        let key = !matches!(text.as_bytes()[at].to_ascii_lowercase(), b't' | b'c');
        return is_random(value, if flag { 10 } else { 16 }) || (key && is_uuid(value));
    }
    if letters_only {
        return (shouted || flag) && value.len() >= 6;
    }
    !quote.is_empty() || shouted || flag || entropy(value) >= 2.5
}

/// Whether a word reads like a password: six characters or more, letters with digits or signs.
pub(super) fn is_mixed(value: &str) -> bool {
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
pub(super) fn is_random(value: &str, min: usize) -> bool {
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
