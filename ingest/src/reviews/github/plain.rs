//! The text that `gh pr view --comments` prints: a header of `name:<tab>value` lines and a body for
//! each comment, `--` between them.
//!
//! Owns it. It has no ids and no dates.

use cemem_core::finding::{Finding, FindingStatus};
use serde_json::Value;

use crate::reviews::bots;
use crate::reviews::report::{Report, Written};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Malformed, Output, Reader, Record, Source};

/// The format.
pub(in crate::reviews) struct GithubText;

impl Source for GithubText {
    fn info(&self) -> Info {
        Info {
            engine: "github",
            format: "github-text",
            version: crate::reviews::READER_VERSION,
            layout: Layout::Whole,
        }
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        let mut lines = probe.text.lines();
        lines.next().is_some_and(|l| l.starts_with("author:\t"))
            && lines.next().is_some_and(|l| l.starts_with("association:\t"))
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Box::new(TextReader { file: file.clone() })
    }
}

struct TextReader {
    file: FileInfo,
}

impl Reader for TextReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let mut report = Report::new(self.file.path.clone(), self.file.modified);
        for block in blocks(record.text) {
            let (header, body) = block.split_once("\n--\n").unwrap_or((block, ""));
            let of = |name: &str| {
                header
                    .lines()
                    .find_map(|l| l.strip_prefix(name)?.strip_prefix(":\t"))
                    .unwrap_or_default()
            };
            if let Some(why) = bots::no_finding(body) {
                out.skip(why);
                continue;
            }
            let mut finding = Finding::default();
            if of("status") == "dismissed" {
                finding.status = FindingStatus::Dismissed;
            }
            bots::fill(&mut finding, bots::read(body));
            let author = header.lines().next().unwrap_or_default();
            bots::sign(&mut finding, author, false, "github");
            finding.fingerprint = bots::fingerprint(&finding);
            report.add_written(out, finding, Written::default());
        }
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// One block a comment, each from its author's name to the `--` before the next.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let text = text.trim_end().trim_end_matches("\n--");
    text.split("\n--\nauthor:\t")
        .map(|b| b.strip_prefix("author:\t").unwrap_or(b))
        .map(|b| b.trim())
}
