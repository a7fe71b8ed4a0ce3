//! GitLab's code-quality and security (SAST, dependency, secret) reports.
//!
//! Owns both, because one CI writes them. Must not know discussions.

use cemem_core::Timestamp;
use cemem_core::finding::Finding;
use serde_json::Value;

use super::json::{self, has, list, number, owned, text};
use super::report::Written;
use super::severity;
use super::sheet::{Document, Sheet};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Reader, Source};

/// The format of code-quality reports, which Code Climate defined.
pub(super) struct CodeQuality;

impl Source for CodeQuality {
    fn info(&self) -> Info {
        Info {
            engine: "gitlab",
            format: "gitlab-code-quality",
            version: super::READER_VERSION,
            layout: Layout::Whole,
        }
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.says("\"fingerprint\"")
            && json::start(probe.text).is_some_and(|v| {
                list(&v, "").first().is_some_and(|i| {
                    has(i, &["description", "location", "fingerprint"])
                        && has(&i["location"], &["path"])
                })
            })
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Document::reader(file, |value, sheet| {
            sheet.paths(list(value, "").iter().filter_map(|i| text(i, "/location/path")));
            for issue in list(value, "") {
                let finding = quality(issue, sheet);
                sheet.add(finding);
            }
        })
    }
}

fn quality(issue: &Value, sheet: &Sheet<'_, '_>) -> Finding {
    let line = |end: &str| {
        number(issue, &format!("/location/lines/{end}"))
            .or_else(|| number(issue, &format!("/location/positions/{end}/line")))
    };
    let categories: Vec<&str> =
        list(issue, "/categories").iter().filter_map(Value::as_str).collect();
    Finding {
        tool: owned(issue, "/engine_name").unwrap_or_else(|| "code-quality".to_owned()),
        rule_id: owned(issue, "/check_name"),
        severity: text(issue, "/severity").and_then(severity::of).unwrap_or_default(),
        level: owned(issue, "/severity"),
        category: (!categories.is_empty()).then(|| categories.join(", ")),
        path: text(issue, "/location/path").map(|p| sheet.path(p)),
        line_start: line("begin"),
        line_end: line("end").or_else(|| line("begin")),
        column_start: number(issue, "/location/positions/begin/column"),
        message: owned(issue, "/description").unwrap_or_default(),
        suggestion: owned(issue, "/content/body"),
        fingerprint: owned(issue, "/fingerprint").unwrap_or_default(),
        ..Finding::default()
    }
}

/// The format of security reports.
pub(super) struct Sast;

impl Source for Sast {
    fn info(&self) -> Info {
        Info {
            engine: "gitlab",
            format: "gitlab-sast",
            version: super::READER_VERSION,
            layout: Layout::Whole,
        }
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        probe.says("\"vulnerabilities\"")
            && json::start(probe.text).is_some_and(|v| {
                let first = list(&v, "/vulnerabilities").first();
                v["version"].is_string() && first.is_some_and(|f| has(f, &["id", "location"]))
                    || first.is_some_and(|f| has(f, &["id", "severity", "location", "identifiers"]))
                    || v["vulnerabilities"].is_array() && v.pointer("/scan/scanner").is_some()
            })
    }

    fn reader(&self, file: &FileInfo, _state: &Value) -> Box<dyn Reader> {
        Document::reader(file, |value, sheet| {
            let all = list(value, "/vulnerabilities");
            sheet.paths(all.iter().filter_map(|i| text(i, "/location/file")));
            sheet.made(text(value, "/scan/end_time").and_then(Timestamp::parse));
            if let Some(tool) = text(value, "/scan/scanner/name") {
                sheet.title(tool);
            }
            for item in all {
                let finding = vulnerability(item, value, sheet);
                let id = owned(item, "/id").or_else(|| owned(item, "/cve"));
                sheet.add_written(finding, Written { id, ..Written::default() });
            }
        })
    }
}

fn vulnerability(item: &Value, report: &Value, sheet: &Sheet<'_, '_>) -> Finding {
    let tool = owned(item, "/scanner/name").or_else(|| owned(report, "/scan/scanner/name"));
    let title = owned(item, "/name");
    let message = owned(item, "/description").or_else(|| owned(item, "/message"));
    let signature = owned(item, "/tracking/items/0/signatures/0/value");
    let line = number(item, "/location/start_line");
    let package = owned(item, "/location/dependency/package/name");
    Finding {
        tool: tool.unwrap_or_else(|| "sast".to_owned()),
        rule_id: owned(item, "/identifiers/0/value").or_else(|| owned(item, "/identifiers/0/name")),
        severity: text(item, "/severity").and_then(severity::of).unwrap_or_default(),
        level: owned(item, "/severity"),
        category: owned(item, "/category").or(package),
        path: text(item, "/location/file").map(|p| sheet.path(p)),
        line_start: line,
        line_end: number(item, "/location/end_line").or(line),
        commit: owned(item, "/location/commit/sha").filter(|s| s.bytes().any(|b| b != b'0')),
        message: message.or_else(|| title.clone()).unwrap_or_default(),
        title,
        suggestion: owned(item, "/solution"),
        snippet: owned(item, "/raw_source_code_extract"),
        url: owned(item, "/identifiers/0/url"),
        fingerprint: signature.unwrap_or_default(),
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reviews::testing::{findings, fixture, format_of, never_panics, shown};
    use crate::sources::testing::read;

    #[test]
    fn both_kinds_keep_what_they_say() {
        let quality = fixture("code-quality.json");
        assert_eq!(findings(&CodeQuality, "gl.json", &quality).len(), 2);
        insta::assert_snapshot!("code_quality", shown(&read(&CodeQuality, "gl.json", &quality)));
        let sast = fixture("sast.json");
        assert_eq!(findings(&Sast, "gl-sast.json", &sast).len(), 2);
        insta::assert_snapshot!("sast", shown(&read(&Sast, "gl-sast.json", &sast)));
        never_panics(&CodeQuality, &quality);
        never_panics(&Sast, &sast);
    }

    #[test]
    fn other_json_is_neither() {
        for other in [
            r#"[{"description":"x","location":"Berlin"}]"#,
            r#"{"version":"1.0","dependencies":{}}"#,
            r#"{"auditReportVersion":2,"vulnerabilities":{"a":{"severity":"high"}}}"#,
        ] {
            assert_eq!(format_of("x.json", other), None, "{other}");
        }
    }
}
