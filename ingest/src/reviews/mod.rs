//! One module per format of review findings.
//!
//! Each owns how its tool writes reports and what that means as findings. Must not know another
//! format, open files or store anything.
//!
//! A report is a session; a finding is one event. The event's `row_id` is the source's own id, or
//! else the finding's fingerprint (with `#2` for the second of its kind); its key holds the status
//! too, so that a copy adds nothing, but a thread that was resolved since does: of several events
//! with one `row_id` in a session, the last one is how things stand.

use crate::source::Source;

mod annotations;
mod bandit;
mod bots;
mod eslint;
mod findings_json;
mod github;
mod gitlab_discussions;
mod gitlab_reports;
pub(crate) mod json;
mod junit;
#[cfg(test)]
mod linter_tests;
mod markdown;
mod mypy;
#[cfg(test)]
mod note_tests;
pub(crate) mod pasted;
mod paths;
mod pylint;
mod rdjson;
mod report;
mod review_notes;
mod ruff;
mod rustc;
#[cfg(test)]
mod samples;
mod sarif;
mod semgrep;
mod severity;
mod sheet;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod todos;

/// Raised whenever any reader's view of the same bytes changes: files are then read again.
const READER_VERSION: u32 = 1;

/// Every format of findings, in the order they are asked to recognise a file.
pub static REVIEWS: &[&dyn Source] = &[
    &sarif::Sarif,
    &gitlab_reports::CodeQuality,
    &gitlab_reports::Sast,
    &rdjson::Rdjson,
    &rdjson::Rdjsonl,
    &eslint::Eslint,
    &rustc::RustcRows,
    &rustc::RustcMessage,
    &ruff::RUFF,
    &ruff::RUFF_ROWS,
    &pylint::PYLINT2,
    &pylint::PYLINT,
    &pylint::PylintText,
    &mypy::MYPY,
    &bandit::BANDIT,
    &semgrep::SEMGREP,
    &junit::Junit,
    &annotations::Github,
    &annotations::Azure,
    &github::Github,
    &github::GithubText,
    &gitlab_discussions::DISCUSSIONS,
    &todos::Todos,
    &findings_json::FINDINGS,
    &findings_json::VERDICT,
    &review_notes::ReviewNotes,
];
