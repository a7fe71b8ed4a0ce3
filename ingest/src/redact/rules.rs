//! The table of known secret shapes.
//!
//! Owns what a secret looks like. Must not decide whether a match is one: [`super::proof`] does.

/// A family of secrets.
pub(super) struct Rule {
    /// Shown in place of the secret.
    pub(super) kind: &'static str,
    /// Fixed texts (any case) at one of which the pattern must match.
    pub(super) anchors: &'static [&'static str],
    /// What follows, anchored; group 1, if present, is the secret, else the whole match.
    pub(super) pattern: &'static str,
    /// How much the match must look like a secret.
    pub(super) proof: Proof,
}

/// What a match must show beyond its shape.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
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

pub(super) const RULES: &[Rule] = &[
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
        r"^(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{50,255})",
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
        "password",
        &["docker login", "podman login", "helm registry login", "az login", "redis-cli"],
        r#"^(?:(?:docker|podman|helm registry|az) login\s[^\n|;&]{0,200}?-p|redis-cli\s[^\n|;&]{0,200}?-a)[\s=]{1,3}["']?([^\s"'$-][^\s"']{3,200})"#,
        Proof::Random6,
    ),
    rule(
        "password",
        &["machine "],
        r"^machine\s{1,3}\S{1,100}\s{1,20}login\s{1,3}\S{1,100}\s{1,20}password\s{1,3}(\S{3,200})",
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
