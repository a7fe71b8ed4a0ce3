//! Sessions about releases, containers and the shape of the code.
//!
//! Owns: changelog and tags, a sub-agent file, a compaction, health checks, logging. Must not name a
//! real person or company.

use super::{CWD, CorpusFile, claude_file};
use crate::format::{ClaudeSession, SpecStory, Verdict};

pub(super) fn files() -> Vec<CorpusFile> {
    let mut files = release();
    files.extend([logging(), health_check()]);
    files
}

fn release() -> Vec<CorpusFile> {
    let mut s = ClaudeSession::new("release", CWD, "release/0.9", "2026-04-02T07:58:00Z");
    s.user("prepare release 0.9: changelog, version, and check that nothing on main is untested");
    s.injected("<system-reminder>The task list is empty.</system-reminder>");
    s.says("I'll let a sub-agent list the merged changes while I look at the tests.");
    let mut helper = s.subagent("a1c9e07");
    helper.user("List the merged changes since v0.8.2, one line each.");
    helper.bash("git log --oneline v0.8.2..main", GIT_LOG);
    helper.says("Four changes: tide chart, season endpoint, webhook signature, rate limit.");
    s.plan(
        "# Release 0.9\n\n1. Move the Unreleased entries under 0.9.0\n2. Bump the version in \
         Cargo.toml\n3. Tag v0.9.0 after CI is green on main",
        Verdict::Approved,
    );
    s.compaction("Summary: the user prepares release 0.9. All user messages: prepare release 0.9.");
    s.bash_rejected(
        "git tag v0.9.0 && git push --tags",
        Verdict::RejectedWith(
            "wait until CI is green on main before you tag. the deploy job runs from the tag and \
             doesn't test anything itself",
        ),
    );
    s.user(
        "and please remember that every pull request adds its line to CHANGELOG.md under \
         Unreleased, so that a release is only a move",
    );
    s.says("I'll wait for CI and add that to the contribution notes.");
    s.bash_fails("cargo semver-checks -p tidepool-client", 1, SEMVER_FAILS);
    s.edit(
        "crates/client/src/lib.rs",
        "pub struct Berth { pub id: Id, pub length_cm: i32 }",
        "#[non_exhaustive]\npub struct Berth { pub id: Id, pub length_cm: Option<i32> }",
        Verdict::Approved,
    );
    s.edit(
        "crates/client/Cargo.toml",
        "version = \"0.8.2\"",
        "version = \"0.9.0\"",
        Verdict::Approved,
    );
    s.bash("cargo semver-checks -p tidepool-client", "Checked 61 checks: 61 passed, 0 failed");
    let side = CorpusFile {
        path: format!(
            "claude-code/projects/-home-mara-src-tidepool/{}/subagents/agent-a1c9e07.jsonl",
            s.id()
        ),
        text: helper.finish(),
    };
    vec![claude_file(&s), side]
}

fn logging() -> CorpusFile {
    let mut s = ClaudeSession::new("logging", CWD, "main", "2026-03-30T14:25:00Z");
    s.user("bookings that fail should leave a trace, right now we see nothing in the logs");
    s.edit(
        "crates/booking/src/service.rs",
        "        Err(error) => Err(error),",
        "        Err(error) => {\n            println!(\"booking failed for {}: {error}\", \
         guest.email);\n            Err(error)\n        }",
        Verdict::RejectedWith(
            "use tracing with fields instead of println!, and never log an email address or any \
             other personal data. the booking id is enough",
        ),
    );
    s.edit(
        "crates/booking/src/service.rs",
        "        Err(error) => Err(error),",
        "        Err(error) => {\n            tracing::warn!(booking = %id, %error, \"booking \
         failed\");\n            Err(error)\n        }",
        Verdict::Approved,
    );
    s.bash("cargo nextest run -p tidepool-booking", "Summary 24 tests run: 24 passed");
    s.user("what does the log line look like now?");
    s.says("`WARN booking failed booking=b_81 error=hold expired`");
    s.user("nice, thanks");
    claude_file(&s)
}

fn health_check() -> CorpusFile {
    let mut s = SpecStory::new("health-check", "2026-04-07T16:03:00Z");
    s.user("the staging deploy goes green although the api can't reach the database. why?");
    s.says(
        "The container's health check calls `/healthz`, which answers 200 as soon as it listens.",
    );
    s.shell("grep -n HEALTHCHECK Dockerfile", "22:HEALTHCHECK CMD curl -f localhost:8080/healthz");
    s.says("I'll make `/healthz` query the database.");
    s.user(
        "no, leave /healthz alone, it only says the process is alive. the container health check \
         must call /readyz, that one checks the database and Redis",
    );
    s.says("Changed the Dockerfile to `/readyz`; `/healthz` stays as it was.");
    s.shell("docker compose up -d --wait api", "Container tidepool-api-1  Healthy");
    s.user("great. does the helm chart need the same?");
    s.says("No, its readiness probe already calls `/readyz`.");
    CorpusFile {
        path: "specstory/.specstory/history/2026-04-07_16-03-00Z-staging-health-check.md".into(),
        text: s.finish(),
    }
}

const GIT_LOG: &str = "4be1f0a web: tide chart on the berth page\n91c2ee7 api: seasons endpoint\n\
    0d77a3c payments: verify the signature over the raw body\n5a10c9e api: rate limit in Redis";

const SEMVER_FAILS: &str = "--- failure constructible_struct_adds_field: externally-constructible \
    struct adds field ---\nfield Berth.length_cm in crates/client/src/lib.rs:12\nChecked 61 checks: \
    60 passed, 1 failed\nerror: semver requires new major version";
