//! Sessions about the web client.
//!
//! Owns: the package manager (said in two sessions), where hooks live, small pull requests, the
//! date library. Must not name a real person or company.

use super::{CWD, CorpusFile, claude_file};
use crate::format::{ClaudeSession, Verdict};

pub(super) fn files() -> Vec<CorpusFile> {
    vec![tide_chart(), season_picker()]
}

fn tide_chart() -> CorpusFile {
    let mut s = ClaudeSession::new("tide-chart", CWD, "web/tide-chart", "2026-03-12T10:05:00Z");
    s.user("add a small tide chart to the berth page, next 24 hours, data comes from /api/tides");
    s.says("I'll add a chart library to the client first.");
    s.bash_rejected(
        "cd web && npm install uplot",
        Verdict::RejectedWith(
            "we use pnpm here, never npm. npm writes a second lockfile and CI fails on it",
        ),
    );
    s.bash("cd web && pnpm add uplot", "dependencies:\n+ uplot 1.6.31\n\nDone in 2.1s");
    s.steer("put the data hook in web/src/hooks, not next to the component");
    s.edit("web/src/hooks/useTides.ts", "", USE_TIDES, Verdict::Approved);
    s.edit("web/src/components/TideChart.tsx", "", TIDE_CHART, Verdict::Approved);
    s.bash_fails("cd web && pnpm test", 1, CHART_FAILS);
    s.says("jsdom has no canvas. I'll register the stub that the other chart tests use.");
    s.edit(
        "web/src/components/TideChart.test.tsx",
        "import { render } from '@testing-library/react'",
        "import '../test/canvasStub'\nimport { render } from '@testing-library/react'",
        Verdict::Approved,
    );
    s.bash("cd web && pnpm test", "Test Files  31 passed (31)\n     Tests  188 passed (188)");
    s.says("The chart is on the berth page and its test uses the canvas stub.");
    claude_file(&s)
}

fn season_picker() -> CorpusFile {
    let mut s = ClaudeSession::new("season-picker", CWD, "web/season", "2026-03-19T08:47:00Z");
    s.user("plan the season picker: choose a season, see prices for it, book with that price");
    s.plan(
        "# Season picker\n\n1. `seasons` table and price rules\n2. `/api/seasons` endpoint\n3. \
         picker in the booking form\n4. price on the confirmation mail\n\nOne pull request, about \
         1,300 lines.",
        Verdict::RejectedWith(
            "too big. we keep pull requests under 400 lines: first the schema and the endpoint, \
             then the picker in a second one",
        ),
    );
    s.plan(
        "# Season picker, part one\n\n1. `seasons` table and price rules\n2. `/api/seasons` \
         endpoint with tests\n\nThe picker follows in a second pull request.",
        Verdict::Approved,
    );
    s.bash("git switch -c season-schema", "Switched to a new branch 'season-schema'");
    s.bash_rejected(
        "cd web && npm install date-fns",
        Verdict::RejectedWith("again, we use pnpm here, never npm"),
    );
    s.steer("use date-fns-tz for dates in the client, we don't want a second date library");
    s.edit_modified(
        "crates/api/src/seasons.rs",
        "",
        "pub async fn list(db: &Pool) -> anyhow::Result<Json<Vec<Season>>> {",
        "pub async fn list(db: &Pool) -> Result<Json<Vec<Season>>, ApiError> {",
    );
    s.user(
        "I changed the return type: in this repo handlers return ApiError, never anyhow. anyhow is \
         only for the binaries in bin/",
    );
    s.bash("cargo nextest run -p tidepool-api", "Summary 64 tests run: 64 passed");
    s.says("The endpoint returns `ApiError` and part one is ready for review.");
    claude_file(&s)
}

const USE_TIDES: &str = "export function useTides(berth: string) {\n  return useQuery({ queryKey: \
    ['tides', berth], queryFn: () => api.tides(berth) })\n}";

const TIDE_CHART: &str = "export function TideChart({ berth }: Props) {\n  const tides = \
    useTides(berth)\n  return <UplotReact options={options} data={toSeries(tides.data)} />\n}";

const CHART_FAILS: &str = " FAIL  src/components/TideChart.test.tsx > draws the next 24 hours\n\
    Error: Not implemented: HTMLCanvasElement.prototype.getContext (without installing the canvas \
    npm package)\n\n Test Files  1 failed | 30 passed (31)\n      Tests  1 failed | 187 passed (188)";
