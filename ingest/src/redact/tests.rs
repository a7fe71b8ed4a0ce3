//! Secrets go, hashes and code stay.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

fn redact(text: &str) -> String {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(Redactor::new);
    REDACTOR.redact(text).into_owned()
}

#[test]
fn known_shapes_go() {
    let secrets = [
        ("AKIAIOSFODNN7EXAMPLQ", "aws-key"),
        ("ghp_abcdefghijklmnopqrstuvwxyzABCDEF0123", "github-token"),
        ("glpat-a1B2c3D4e5F6g7H8i9J0", "gitlab-token"),
        ("xoxb-123456789012-abcdefABCDEF", "slack-token"),
        ("sk-ant-api03-Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0F", "model-key"),
        ("sk-proj-Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0F", "model-key"),
        ("AIzaSyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q", "google-key"),
        ("npm_abcdefghijklmnopqrstuvwxyz0123456789", "npm-token"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "jwt"),
    ];
    for (secret, kind) in secrets {
        assert_eq!(redact(&format!("use {secret} now")), format!("use [redacted:{kind}] now"));
        let quoted = redact(&format!("\\\"key\\\":\\\"{secret}\\\""));
        assert!(!quoted.contains(secret), "{quoted}");
    }
    let pem = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb";
    assert_eq!(redact(pem), "a\n[redacted:private-key]\nb");
    assert_eq!(redact("-----BEGIN PRIVATE KEY-----\nMIIE"), "[redacted:private-key]");
}

#[test]
fn a_name_within_a_name_hides_no_end_of_a_value() {
    let base64 = "Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0FAbCdEfGhIjKlMn";
    for (text, end) in [
        (
            "//x/:_authToken=eyJ2ZXIiOiIyIiwidHlwIjoiSldUIn0.eyJzdWIiOiJqZmYxMjM0NTY3ODkwIn0.dozjgNryP4J3",
            "dozjgNryP4J3",
        ),
        ("_authToken=abcdefghij0123456789.RESTOFSECRET42xyz", "RESTOFSECRET42xyz"),
        (&format!("SharedAccessKey={base64}-TAILOFSECRET99"), "TAILOFSECRET99"),
    ] {
        assert!(!redact(text).contains(end), "{}", redact(text));
    }
}

#[test]
fn openings_within_a_key_are_not_read_on_from_one_by_one() {
    // Would take hours.
    let many = "-----BEGIN PRIVATE KEY-----\n".repeat(50_000);
    for end in ["", "-----END PRIVATE KEY-----\nthe rest"] {
        let clean = redact(&format!("{many}{end}"));
        assert!(clean.starts_with("[redacted:private-key]") && clean.len() < 40, "{}", clean.len());
    }
}

#[test]
fn assignments_and_headers_go() {
    for (text, kept) in [
        ("DB_PASSWORD=hunter2!x", "DB_PASSWORD=[redacted:password]"),
        ("export DB_PASSWORD=swordfish", "export DB_PASSWORD=[redacted:password]"),
        ("mysql --password tr0ub4dor -h db", "mysql --password [redacted:password] -h db"),
        ("\"password\": \"tr0ub4dor&3\"", "\"password\": \"[redacted:password]\""),
        ("postgres://app:s3cr3t@db:5432/x", "postgres://app:[redacted:url-password]@db:5432/x"),
        ("api_key: 4f9aZ81bQx77Lw02Tt5c", "api_key: [redacted:api-key]"),
        (
            "HEROKU_API_KEY=550e8400-e29b-41d4-a716-446655440000",
            "HEROKU_API_KEY=[redacted:api-key]",
        ),
        (
            "Authorization: Bearer 4f9aZ81bQx77Lw02Tt5c",
            "Authorization: Bearer [redacted:authorization]",
        ),
        ("-H 'bearer 4f9aZ81bQx77Lw02Tt5c'", "-H 'bearer [redacted:bearer-token]'"),
        (
            "aws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCY1a2b3c4d5e6f",
            "aws_secret_access_key = [redacted:password]",
        ),
        ("DB_PASS=hunter2", "DB_PASS=[redacted:password]"),
        ("PGPASSWORD=ab1c psql", "PGPASSWORD=[redacted:password] psql"),
        ("sshpass -p hunter2 ssh x", "sshpass -p [redacted:password] ssh x"),
        ("mysql -u root -pS3cretpw db", "mysql -u root -p[redacted:password] db"),
        ("curl -u admin:hunter2 http://x", "curl -u admin:[redacted:password] http://x"),
        ("docker login -u me -p cr4nePw9 x.io", "docker login -u me -p [redacted:password] x.io"),
        ("redis-cli -h db -a m0osePw9 ping", "redis-cli -h db -a [redacted:password] ping"),
        (
            "machine x.io\n  login me\n  password heron\n",
            "machine x.io\n  login me\n  password [redacted:password]\n",
        ),
        ("tool --api-key=st0rkBlue77 -x", "tool --api-key=[redacted:api-key] -x"),
        ("ghp_abcdefghijklmnopqrstuvwxyzABCDE", "[redacted:github-token]"),
        ("redis://u:p@ss/w", "redis://u:p@ss/w"),
        ("https://u:p@ssw0rd@host/x", "https://u:[redacted:url-password]@host/x"),
        ("Cookie: session=a81Qx77Lw02Tt5cZ", "Cookie: [redacted:cookie]"),
        ("the password is hunter22, ok", "the password is [redacted:password], ok"),
        ("password=/kP9x2Qw81LmZ0a", "password=[redacted:password]"),
        ("SK0123456789abcdef0123456789abcdef", "[redacted:twilio-key]"),
    ] {
        assert_eq!(redact(text), kept);
    }
}

#[test]
fn a_token_after_an_escape_goes() {
    let token = "ghp_abcdefghijklmnopqrstuvwxyzABCDEF0123";
    for before in ["\\n", "\\u000a", "%0a", "\\t", "\\x1b", "x=\\\\n"] {
        let text = redact(&format!("{before}{token}"));
        assert_eq!(text, format!("{before}[redacted:github-token]"));
    }
    let word = format!("plain{token}");
    assert_eq!(redact(&word), word);
}

#[test]
fn a_value_under_a_secret_key_goes() {
    let mut value = serde_json::json!({"db": {"password": "tr0ub4dor", "host": "db1"}});
    Redactor::new().redact_value(&mut value);
    assert_eq!(value, serde_json::json!({"db": {"password": "[redacted:value]", "host": "db1"}}));
}

#[test]
fn code_hashes_and_prose_stay() {
    for text in [
        "commit 3f2a9c81b0d4e5f60718293a4b5c6d7e8f901234 fixes the token check",
        "550e8400-e29b-41d4-a716-446655440000",
        "token: 550e8400-e29b-41d4-a716-446655440000",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "let token = config.auth.token;",
        "password: string; secret?: string",
        "const password = process.env.DB_PASSWORD;",
        "PASSWORD=$DB_PASSWORD",
        "max_tokens: 4096, token_count = 123456789012345678",
        "the token is refreshed; the password must be long",
        "from sk-learn-contrib-and-more-packages import x",
        "type Token = HashMap<String, Vec<u8>>; token = parse_token(input)",
        "bearer of the authentication_responsibility",
        "https://example.com:8080/path",
        "git@github.com:owner/repo.git",
        "password_hash: 5f4dcc3b5aa765d61d8327deb882cf99",
        "api_key: YOUR_API_KEY_1234567890",
        "secretsmanager:GetSecretValue",
        "the password is wrong and must be reset",
        "--pass-through-args 12345678, bypass: 12345678x",
        "by_passing: 1234567",
        "docker login --password-stdin ghcr.io2",
        "docker login -u me -p $TOKEN2 x.io",
        "redis-cli -a \"$REDIS_PASS1\"",
        "a machine can login with a password of its own",
        "tool --token feature-branch --api-key=${KEY}",
        "PASSWORD=/etc/passwd",
        "curl -u \"$USER:$TOKEN\" https://x",
        "mysql -p -u root",
        "Cookie: consent=yes-please",
        "https://a.b/c:d@e",
        "branch.2026-secrets-redaction.merge=refs/heads/2026-secrets",
        "test.secret: Staging=? Worktree=?",
        "QUtJQUlPU0ZPRE5ON0VYQU1QTEU= is base64",
        "hf_[A-Za-z0-9]{34}",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn private_sections_go_with_their_content() {
    assert_eq!(redact("a <private>b</private> c"), "a  c");
    assert_eq!(redact("a <Private>b\nc"), "a ");
    assert_eq!(redact("<private>a<private>b</private>c</private>d"), "d");
    assert_eq!(redact("<private>x ghp_abcdefghijklmnopqrstuvwxyzABCDEF0123</private>y"), "y");
    assert_eq!(redact("if a < b </private> c"), "if a < b </private> c");
}

fn planted() -> impl Strategy<Value = String> {
    prop_oneof![
        "AKIA[A-Z2-7]{16}",
        "ghp_[A-Za-z0-9]{36}",
        "github_pat_[A-Za-z0-9_]{60}",
        "glpat-[A-Za-z0-9]{20}",
        "xoxb-[0-9]{12}-[A-Za-z0-9]{24}",
        "AIza[0-9A-Za-z]{35}",
        "sk_live_[A-Za-z0-9]{24}",
        "npm_[A-Za-z0-9]{36}",
        "sk-ant-api03-[A-Za-z0-9]{40}",
        "eyJ[A-Za-z0-9]{20}\\.eyJ[A-Za-z0-9]{20}\\.[A-Za-z0-9]{20}",
    ]
}

proptest! {
    #[test]
    fn no_planted_secret_survives(
        before in "\\PC{0,200}",
        secret in planted(),
        after in "\\PC{0,200}",
        (open, close) in prop_oneof![
            Just((" ", " ")), Just(("\"", "\"")), Just(("\n", "\n")), Just(("=", "\n")),
            Just(("'", "',")), Just(("(", ")")), Just(("\\\"", "\\\"")), Just((": ", ".")),
        ],
    ) {
        let text = format!("{before}{open}{secret}{close}{after}");
        prop_assert!(!redact(&text).contains(&secret), "{text}");
    }

    #[test]
    fn any_text_is_safe_to_redact(text in "\\PC{0,400}") {
        let once = redact(&text);
        prop_assert_eq!(redact(&once), once.clone());
    }
}
