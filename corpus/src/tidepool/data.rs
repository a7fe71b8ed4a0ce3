//! Sessions about the database and about time.
//!
//! Owns: expired logins (UTC, single-use tokens), migrations (never edit, backfill in two steps),
//! tide times in two time zones, a flaky booking test. Must not name a real person or company.

use super::{CWD, CorpusFile, claude_file, codex_file};
use crate::format::{ClaudeSession, CodexRollout, Verdict};

pub(super) fn files() -> Vec<CorpusFile> {
    vec![auth_refresh(), migration_lock(), flaky_booking(), tide_zones()]
}

fn auth_refresh() -> CorpusFile {
    let mut s = ClaudeSession::new("auth-refresh", CWD, "fix/logout-loop", "2026-03-02T08:14:00Z");
    s.title("Users are logged out after fifteen minutes");
    s.user(
        "people in the harbour office get logged out every 15 minutes, even while they click \
         around. find out why the refresh token isn't used.\n\n<private>the office that complained \
         is Harbour Nine, their contract is up in May</private>",
    );
    s.says("I'll look at how the session middleware decides that a token has expired.");
    s.bash("grep -rn \"expires_at\" crates/auth/src", EXPIRES_AT);
    s.read("crates/auth/src/session.rs", SESSION_RS);
    s.says(
        "`is_expired` compares the stored expiry with the machine's local time. In the container \
         that differs from UTC by an hour, so every token looks expired right away.",
    );
    s.edit(
        "crates/auth/src/session.rs",
        "    Local::now().naive_local() > self.expires_at",
        "    Local::now().naive_local() + Duration::hours(1) > self.expires_at",
        Verdict::RejectedWith(
            "no, don't add an offset. expiry times are stored in UTC, always compare them with \
             OffsetDateTime::now_utc() and never with local time in crates/auth",
        ),
    );
    s.edit(
        "crates/auth/src/session.rs",
        "    Local::now().naive_local() > self.expires_at",
        "    OffsetDateTime::now_utc() > self.expires_at",
        Verdict::Approved,
    );
    s.bash_fails("cargo test -p tidepool-auth", 101, AUTH_FAILS);
    s.says("The test still builds its token with local time. I'll use UTC there as well.");
    s.edit(
        "crates/auth/tests/refresh.rs",
        "    let expires = Local::now().naive_local();",
        "    let expires = OffsetDateTime::now_utc() + time::Duration::minutes(15);",
        Verdict::Approved,
    );
    s.bash("cargo test -p tidepool-auth", "running 14 tests\ntest result: ok. 14 passed; 0 failed");
    s.user(
        "good. remember: refresh tokens are single use, rotate them in the same transaction that \
         reads them, otherwise two tabs log each other out",
    );
    s.says("Noted. The rotation now happens inside the transaction that reads the token.");
    claude_file(&s)
}

fn migration_lock() -> CorpusFile {
    let mut s = ClaudeSession::new("migration-lock", CWD, "berth-length", "2026-03-05T13:02:00Z");
    s.user("add a `length_cm` column to berths, the planner needs it to match boats");
    s.says("I'll add the column to the migration that creates the table.");
    s.edit(
        "migrations/0007_berths.sql",
        "  name TEXT NOT NULL\n);",
        "  name TEXT NOT NULL,\n  length_cm INTEGER NOT NULL\n);",
        Verdict::Rejected,
    );
    s.interrupt(true);
    s.user(
        "never edit a migration that is already on main. add a new one with the next number, the \
         deployed databases have already run 0007",
    );
    s.ask(
        "How should existing berths get a length?",
        ["Nullable column now, backfill in a second migration", "NOT NULL with a default of 0"],
        "Nullable column now, backfill in a second migration",
    );
    s.bash("ls migrations | tail -2", "0018_boat_owner.sql\n0019_season.sql");
    s.edit(
        "migrations/0020_berth_length.sql",
        "",
        "ALTER TABLE berths ADD COLUMN length_cm INTEGER;",
        Verdict::Approved,
    );
    s.bash_fails("cargo sqlx prepare --check --workspace", 1, SQLX_STALE);
    s.says("The offline query cache is older than the schema. I'll write it again.");
    s.bash("cargo sqlx prepare --workspace", "query data written to .sqlx in the workspace root");
    s.bash("cargo sqlx prepare --check --workspace", "query data is up to date");
    s.says("The column is in 0020, the query cache in `.sqlx` is committed with it.");
    s.user("ok, ship it");
    claude_file(&s)
}

fn flaky_booking() -> CorpusFile {
    let mut s = CodexRollout::new("flaky-booking", CWD, "main", "2026-03-09T09:31:00Z");
    s.user("booking_expires_after_hold is flaky in CI, about one run in ten. make it reliable");
    s.shell_rejected("cargo test --workspace");
    s.user(
        "don't run the whole workspace for this, it takes eleven minutes. run only the crate you \
         touch: cargo nextest run -p tidepool-booking",
    );
    s.shell("cargo nextest run -p tidepool-booking", 100, FLAKY_FAILS);
    s.says("The hold expires on the real clock. I'll wait a little longer in the test.");
    s.patch(
        "*** Begin Patch\n*** Update File: crates/booking/tests/hold.rs\n@@\n-    \
         sleep(Duration::from_millis(50)).await;\n+    sleep(Duration::from_millis(500)).await;\n\
         *** End Patch\n",
    );
    s.interrupt();
    s.user(
        "no sleeps in tests please. move time forward with the fake clock in testkit::clock, that \
         is what it's for",
    );
    s.patch(
        "*** Begin Patch\n*** Update File: crates/booking/tests/hold.rs\n@@\n-    \
         sleep(Duration::from_millis(50)).await;\n+    clock.advance(Duration::from_secs(901));\n\
         *** End Patch\n",
    );
    s.shell("cargo nextest run -p tidepool-booking", 0, "Summary 23 tests run: 23 passed");
    s.says("The test moves the fake clock past the hold; it passed fifty times in a row.");
    codex_file("2026-03-09", "10-31-00", s.id(), s.finish())
}

fn tide_zones() -> CorpusFile {
    let mut s = CodexRollout::new("tide-zones", CWD, "tide-table", "2026-03-27T15:20:00Z");
    s.user("the tide table for Port Ellen is an hour off since the clocks changed, please fix");
    s.shell("rg -n \"AT TIME ZONE\" crates", 0, "crates/tides/src/query.rs:41: AT TIME ZONE 'GMT'");
    s.says("The query converts to GMT. I'll convert to the harbour's zone in SQL instead.");
    s.patch(
        "*** Begin Patch\n*** Update File: crates/tides/src/query.rs\n@@\n-  AT TIME ZONE 'GMT'\n+  \
         AT TIME ZONE harbours.zone\n*** End Patch\n",
    );
    s.user(
        "no, don't convert in SQL at all. tide times are stored in UTC and stay UTC through the \
         API; only the web client shows them in the harbour's zone",
    );
    s.patch(
        "*** Begin Patch\n*** Update File: crates/tides/src/query.rs\n@@\n-  AT TIME ZONE 'GMT'\n\
         *** Update File: web/src/lib/tide.ts\n@@\n+  return formatInTimeZone(tide.at, \
         harbour.zone, 'HH:mm')\n*** End Patch\n",
    );
    s.shell("cargo nextest run -p tidepool-tides", 0, "Summary 17 tests run: 17 passed");
    s.says("The API returns UTC again and the client formats in the harbour's zone.");
    codex_file("2026-03-27", "16-20-00", s.id(), s.finish())
}

const EXPIRES_AT: &str = "crates/auth/src/session.rs:31:    pub expires_at: PrimitiveDateTime,\n\
    crates/auth/src/session.rs:58:    Local::now().naive_local() > self.expires_at";

const SESSION_RS: &str = "impl Session {\n    /// Returns whether the token is too old.\n    pub fn \
    is_expired(&self) -> bool {\n        Local::now().naive_local() > self.expires_at\n    }\n}";

const AUTH_FAILS: &str = "running 14 tests\ntest refresh_rotates_token ... FAILED\n\nfailures:\n\n\
    ---- refresh_rotates_token stdout ----\nthread 'refresh_rotates_token' panicked at \
    crates/auth/tests/refresh.rs:44:5:\nassertion failed: !session.is_expired()\n\n\
    test result: FAILED. 13 passed; 1 failed";

const SQLX_STALE: &str = "error: prepare check failed: .sqlx is missing one or more queries; you \
    should re-run sqlx prepare\nerror: query `SELECT id, name, length_cm FROM berths` not cached";

const FLAKY_FAILS: &str = "FAIL [   0.071s] tidepool-booking::hold booking_expires_after_hold\n\
    thread 'booking_expires_after_hold' panicked at crates/booking/tests/hold.rs:27:5:\n\
    assertion `left == right` failed\n  left: Held\n right: Expired\nSummary 23 tests run: 22 \
    passed, 1 failed";
