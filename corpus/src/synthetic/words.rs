//! The vocabulary of the made-up data.
//!
//! Owns the word lists and the sentence shapes. Must not change without a reason: measured figures
//! depend on it.

use crate::rng::Rng;

pub(super) const AREAS: &[&str] = &[
    "auth",
    "billing",
    "booking",
    "cache",
    "catalog",
    "checkout",
    "config",
    "crypto",
    "deploy",
    "email",
    "export",
    "feed",
    "gateway",
    "history",
    "image",
    "import",
    "index",
    "invoice",
    "jobs",
    "ledger",
    "locale",
    "media",
    "metrics",
    "migration",
    "notification",
    "parser",
    "payment",
    "permission",
    "profile",
    "proxy",
    "queue",
    "quota",
    "ranking",
    "replica",
    "report",
    "router",
    "scheduler",
    "schema",
    "search",
    "session",
    "shipping",
    "snapshot",
    "storage",
    "stream",
    "sync",
    "tenant",
    "token",
    "trace",
    "upload",
    "webhook",
];

const NOUNS: &[&str] = &[
    "request",
    "transaction",
    "fixture",
    "timeout",
    "retry",
    "lockfile",
    "column",
    "index",
    "pointer",
    "buffer",
    "header",
    "cookie",
    "socket",
    "handler",
    "middleware",
    "worker",
    "batch",
    "cursor",
    "snapshot",
    "checksum",
    "timestamp",
    "deadline",
    "backoff",
    "semaphore",
    "mutex",
    "channel",
    "payload",
    "envelope",
    "signature",
    "certificate",
    "replica",
    "partition",
    "shard",
    "offset",
    "watermark",
    "manifest",
    "artifact",
    "container",
    "volume",
    "secret",
    "variable",
    "flag",
    "branch",
    "tag",
    "commit",
    "rebase",
    "review",
    "coverage",
    "benchmark",
    "profile",
    "allocation",
    "lifetime",
    "trait",
    "generic",
    "macro",
    "enum",
    "closure",
    "iterator",
    "future",
    "promise",
    "callback",
    "listener",
    "reducer",
    "selector",
    "component",
    "hook",
    "stylesheet",
    "breakpoint",
    "viewport",
    "font",
    "locale",
    "plural",
    "currency",
    "rounding",
    "timezone",
    "calendar",
    "pagination",
    "filter",
    "facet",
    "synonym",
    "stopword",
    "embedding",
    "vector",
    "threshold",
    "quantile",
    "histogram",
    "alert",
    "dashboard",
    "runbook",
    "incident",
    "rollback",
    "canary",
    "feature",
    "experiment",
    "cohort",
    "migration",
    "backfill",
    "constraint",
    "trigger",
    "view",
    "procedure",
    "deadlock",
    "isolation",
    "savepoint",
    "vacuum",
    "sequence",
    "surrogate",
];

const ACTIONS: &[&str] = &[
    "validate",
    "normalise",
    "rotate",
    "truncate",
    "serialise",
    "deduplicate",
    "throttle",
    "pin",
    "quote",
    "escape",
    "sort",
    "flush",
    "close",
    "reopen",
    "warm",
    "evict",
    "mock",
    "stub",
    "seed",
    "freeze",
    "advance",
    "assert",
    "compare",
    "hash",
    "sign",
    "verify",
    "encrypt",
    "mask",
    "log",
    "count",
    "sample",
    "batch",
    "stream",
    "chunk",
    "merge",
    "split",
    "rename",
    "deprecate",
    "remove",
    "document",
    "review",
    "approve",
    "schedule",
    "cancel",
    "retry",
    "wrap",
    "unwrap",
    "propagate",
    "ignore",
    "reject",
];

const TOOLS: &[&str] = &[
    "cargo test",
    "cargo clippy",
    "cargo sqlx prepare",
    "pnpm test",
    "pnpm build",
    "go test",
    "make lint",
    "pytest",
    "ruff check",
    "docker compose up",
    "kubectl apply",
    "terraform plan",
    "psql",
    "git rebase",
    "just ci",
    "mise run test",
    "bazel test",
    "gradle check",
];

const SYLLABLES: &[&str] = &[
    "ba", "cor", "del", "fen", "gra", "hul", "jor", "kes", "lin", "mar", "nov", "oss", "pel",
    "qui", "rod", "sal", "tor", "ulm", "ver", "wex", "yor", "zan",
];

/// Returns a noun; common ones come often.
pub(super) fn noun(rng: &mut Rng) -> &'static str {
    NOUNS[rng.zipf(NOUNS.len())]
}

/// Returns a verb in the imperative.
pub(super) fn action(rng: &mut Rng) -> &'static str {
    ACTIONS[rng.zipf(ACTIONS.len())]
}

/// Returns a command family.
pub(super) fn tool(rng: &mut Rng) -> &'static str {
    TOOLS[rng.zipf(TOOLS.len())]
}

/// Returns a name no dictionary has, `verpelnov`: the long tail every code base has.
pub(super) fn rare(rng: &mut Rng) -> String {
    let n = 2 + rng.below(2);
    (0..n).map(|_| rng.pick(SYLLABLES)).collect()
}

/// Returns an identifier in camelCase or snake_case.
pub(super) fn symbol(rng: &mut Rng) -> String {
    let (a, n, r) = (action(rng), noun(rng), rare(rng));
    if rng.one_in(2) { format!("{a}_{n}_{r}") } else { format!("{a}{}{}", capital(n), capital(&r)) }
}

/// Returns a path in an area of the project.
pub(super) fn path(rng: &mut Rng, area: &str) -> String {
    let (stem, extension) = (noun(rng), rng.pick(&["rs", "ts", "tsx", "go", "py", "sql"]));
    format!("src/{area}/{stem}_{}.{extension}", rare(rng))
}

/// Returns a sentence in the imperative about an area, 8 to 25 words.
pub(super) fn rule(rng: &mut Rng, area: &str) -> String {
    let (a, b) = (action(rng), action(rng));
    let (x, y, z) = (noun(rng), noun(rng), noun(rng));
    match rng.below(8) {
        0 => format!("Always {a} the {x} before the {area} {y} starts to {b} its {z}."),
        1 => format!("Never {a} a {x} in the {area} code; {b} the {y} instead."),
        2 => format!("Use `{}` to {a} every {x} that reaches the {area} {y}.", symbol(rng)),
        3 => format!("When a {area} {x} fails, {a} the {y} and {b} the {z} in one step."),
        4 => {
            format!("Run `{}` after each change to the {area} {x}, or the {y} is stale.", tool(rng))
        }
        5 => format!(
            "Keep the {x} {y} of {area} below {} entries, then {a} it.",
            10 + rng.below(900)
        ),
        6 => format!(
            "Prefer a {x} over a {y} for {area}: it can {a} the {z} without a {}.",
            noun(rng)
        ),
        _ => format!("{} the {area} {x} in `{}`, not in the {y}.", capital(a), path(rng, area)),
    }
}

/// Returns one to three sentences of reason.
pub(super) fn reason(rng: &mut Rng, area: &str) -> String {
    let n = 1 + rng.below(3);
    let sentences: Vec<_> = (0..n)
        .map(|_| {
            let (x, y, a) = (noun(rng), noun(rng), action(rng));
            match rng.below(4) {
                0 => format!("The {area} {x} was lost twice because nothing would {a} the {y}."),
                1 => format!("`{}` expects the {x} to be there and panics otherwise.", symbol(rng)),
                2 => format!("It took a day to find out that the {y} did not {a} its {x}."),
                _ => format!("The {} team decided so after the {x} incident.", rare(rng)),
            }
        })
        .collect();
    sentences.join(" ")
}

pub(super) fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
