//! GitLab's merge-request discussions.
//!
//! Owns them. Resolution is per note; what GitLab itself wrote (`system`) is no comment.

use cemem_core::Timestamp;
use cemem_core::finding::{Finding, FindingStatus};
use serde_json::Value;

use super::bots;
use super::json::{has, id, list, number, owned, text};
use super::report::{Report, Written};
use super::sheet::{JsonFormat, Sheet};
use crate::source::Layout;

/// The format.
pub(super) static DISCUSSIONS: JsonFormat = JsonFormat {
    engine: "gitlab",
    format: "gitlab-discussions",
    layout: Layout::Whole,
    needle: "\"individual_note\"",
    is: |v| {
        let one = |d: &Value| has(d, &["individual_note", "notes"]) && d["notes"].is_array();
        one(v) || list(v, "").first().is_some_and(one)
    },
    read: |value, sheet| {
        let all = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let notes = || all.iter().flat_map(|d| list(d, "/notes"));
        let request = notes().find_map(|n| Some((id(n, "/project_id")?, id(n, "/noteable_iid")?)));
        let url = notes().find_map(|n| text(n, "/url").and_then(|u| u.split('#').next()));
        let session =
            url.map(str::to_owned).or_else(|| request.map(|(p, i)| format!("project/{p}!{i}")));
        if let Some(session) = session {
            sheet.report = Report::new(session, sheet.report.made);
        }
        all.iter().for_each(|d| discussion(d, sheet));
    },
};

fn discussion(d: &Value, sheet: &mut Sheet<'_, '_>) {
    let notes: Vec<&Value> = list(d, "/notes").iter().filter(|n| n["system"] != true).collect();
    for _ in notes.len()..list(d, "/notes").len() {
        sheet.out.skip("system");
    }
    let later = notes.iter().skip(1).filter_map(|n| bots::verdict(text(n, "/body")?)).next_back();
    for (i, note) in notes.iter().enumerate() {
        let body = text(note, "/body").unwrap_or_default();
        if let Some(why) = bots::no_finding(body) {
            sheet.out.skip(why);
            continue;
        }
        let mut finding = place(note, sheet);
        finding.reply = i > 0;
        finding.thread = owned(d, "/id");
        bots::fill(&mut finding, bots::read(body));
        let verdict = if i == 0 { later.clone() } else { bots::verdict(body) };
        if let Some((status, commit)) = verdict {
            finding.status = status;
            finding.fixed_by = finding.fixed_by.take().or(commit);
        } else if note["resolved"] == true {
            finding.status = FindingStatus::Resolved;
        }
        finding.suggestion =
            finding.suggestion.take().or_else(|| owned(note, "/suggestions/0/to_content"));
        let login = text(note, "/author/username").unwrap_or_default();
        let bot = note.pointer("/author/bot") == Some(&Value::Bool(true))
            || login.starts_with("project_") && login.contains("_bot")
            || login.ends_with("-bot");
        bots::sign(&mut finding, login, bot, "gitlab");
        finding.fingerprint = bots::fingerprint(&finding);
        let at = text(note, "/created_at").and_then(Timestamp::parse);
        let id = id(note, "/id").map(|n| format!("note_{n}"));
        sheet.add_written(finding, Written { id, at, branch: None });
    }
}

/// Where a note stands; a line that was removed has only its old number.
fn place(note: &Value, sheet: &Sheet<'_, '_>) -> Finding {
    let line = |name: &str| {
        number(note, &format!("/position/{name}new_line"))
            .or_else(|| number(note, &format!("/position/{name}old_line")))
    };
    let path = text(note, "/position/new_path").or_else(|| text(note, "/position/old_path"));
    let end = line("line_range/end/").or_else(|| line(""));
    Finding {
        path: path.map(|p| sheet.path(p)),
        line_start: line("line_range/start/").or(end),
        line_end: end,
        commit: owned(note, "/position/head_sha").or_else(|| owned(note, "/commit_id")),
        ..Finding::default()
    }
}
