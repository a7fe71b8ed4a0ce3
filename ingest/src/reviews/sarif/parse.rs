//! SARIF results as findings.
//!
//! Owns what absent fields mean: levels, columns, end lines, paths, fingerprints.

use std::collections::HashMap;

use cemem_core::Timestamp;
use cemem_core::finding::{AuthorKind, Finding, FindingStatus, Severity};
use serde::de::DeserializeSeed;
use serde_json::Value;

use super::rules::{self, Rules};
use super::wire::{
    ArtifactLocation, Document, Fields, Maybe, PhysicalLocation, Properties, Rule, Run,
    SarifResult, Text, Walk,
};
use crate::reviews::paths::Roots;
use crate::reviews::report::{Report, Written};
use crate::reviews::severity;
use crate::source::{FileInfo, Malformed, Output, Reader, Record};

/// Absolute URIs looked at to find the folder they share.
const MAX_URIS: usize = 20_000;
/// Nested base ids followed.
const MAX_BASES: usize = 8;

/// Reads one log.
pub(super) struct SarifReader {
    file: FileInfo,
}

impl SarifReader {
    pub(super) fn new(file: &FileInfo) -> Self {
        Self { file: file.clone() }
    }
}

impl Reader for SarifReader {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let malformed = |e: serde_json::Error| Malformed(e.to_string());
        let document: Document<'_> = serde_json::from_str(record.text).map_err(malformed)?;
        let declared = declared(&document);
        let roots = Roots::of(&self.file, declared.iter().map(String::as_str))
            .with_common(file_uris(record.text));
        let runs: Vec<_> = document.runs.0.into_iter().map(|r| Context::new(r, &roots)).collect();
        let mut report = Report::new(self.file.path.clone(), self.file.modified);
        if let Some(driver) = runs.first().and_then(|r| r.rules.driver()) {
            let session = out.session(report.session());
            session.title = driver.name.owned();
            session.engine_version =
                driver.semantic_version.owned().or_else(|| driver.version.owned());
        }
        let mut each = |run: usize, result: SarifResult<'_>| {
            if let Some(context) = runs.get(run) {
                context.add(&result, &mut report, out);
            }
        };
        let mut input = serde_json::Deserializer::from_str(record.text);
        Walk::new(&mut each).deserialize(&mut input).map_err(malformed)
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// Folders that the runs say their URIs are relative to.
fn declared(document: &Document<'_>) -> Vec<String> {
    let mut folders = Vec::new();
    for run in &document.runs.0 {
        let bases = run.original_uri_base_ids.0.iter().flat_map(|m| m.values());
        let working = run.invocations.0.iter().map(|i| &i.working_directory);
        let uris = bases.chain(working).filter_map(|l| l.0.as_ref()?.uri.owned());
        folders.extend(uris);
    }
    folders.sort_unstable_by_key(|f| std::cmp::Reverse(f.len()));
    folders
}

/// The absolute URIs in a text; only their common folder is wanted.
fn file_uris(text: &str) -> impl Iterator<Item = &str> {
    memchr::memmem::find_iter(text.as_bytes(), b"\"file://").take(MAX_URIS).filter_map(|at| {
        let uri = &text[at + 1..];
        Some(&uri[..uri.find('"')?])
    })
}

/// One run, without its results.
struct Context<'a, 'r> {
    rules: Rules<'a>,
    tool: String,
    paths: Vec<String>,
    bases: HashMap<String, Maybe<ArtifactLocation<'a>>>,
    roots: &'r Roots,
    commit: Option<String>,
    branch: Option<String>,
    made: Option<Timestamp>,
}

impl<'a, 'r> Context<'a, 'r> {
    fn new(run: Run<'a>, roots: &'r Roots) -> Self {
        let rules = Rules::new(run.tool.0.unwrap_or_default());
        let tool = rules.driver().and_then(|d| d.name.owned());
        let revision = run.version_control_provenance.0.into_iter().next().unwrap_or_default();
        let times = run.invocations.0.iter().flat_map(|i| [&i.end_time_utc, &i.start_time_utc]);
        let made = times.filter_map(Text::some).find_map(Timestamp::parse);
        let mut context = Self {
            rules,
            tool: tool.unwrap_or_else(|| "sarif".to_owned()),
            paths: Vec::new(),
            bases: run.original_uri_base_ids.0.unwrap_or_default(),
            roots,
            commit: revision.revision_id.owned(),
            branch: revision.branch.some().map(|b| b.trim_start_matches("refs/heads/").to_owned()),
            made,
        };
        let locations = run.artifacts.0.iter().map(|a| a.location.0.as_ref());
        context.paths =
            locations.map(|l| l.and_then(|l| context.resolve(l)).unwrap_or_default()).collect();
        context
    }

    fn add(&self, result: &SarifResult<'_>, report: &mut Report, out: &mut Output<'_>) {
        let kind = result.kind.some().unwrap_or("fail");
        if matches!(kind, "pass" | "notApplicable") {
            out.skip(kind);
            return;
        }
        let finding = self.finding(result, kind);
        if finding.message.is_empty() {
            out.skip("no_message");
            return;
        }
        let written = Written { at: self.made, branch: self.branch.clone(), ..Written::default() };
        report.add_written(out, finding, written);
    }

    fn finding(&self, result: &SarifResult<'_>, kind: &str) -> Finding {
        let found = self.rules.of(result);
        let rule = found.map(|(_, rule)| rule);
        let rule_id = rules::named(result).map(str::to_owned).or_else(|| rule?.id.owned());
        let level = level(result, rule, kind);
        let message = result.message.0.as_ref().and_then(|m| rules::message(m, found));
        let place = result.locations.0.iter().find_map(|l| l.physical_location.0.as_ref());
        let region = place.and_then(|p| p.region.0.as_ref());
        let line_start = region.and_then(|r| r.start_line.0);
        let title = rule.and_then(title);
        let properties = rule.and_then(|r| r.properties.0.as_ref());
        Finding {
            tool: self.tool.clone(),
            severity: severity_of(&level, properties, result.properties.0.as_ref()),
            category: properties.and_then(tags),
            path: place.and_then(|p| self.path(p)),
            line_start,
            line_end: region.and_then(|r| r.end_line.0).or(line_start),
            column_start: line_start.and(region.and_then(|r| r.start_column.0).or(Some(1))),
            commit: self.commit.clone(),
            message: message.or_else(|| title.clone()).unwrap_or_default(),
            title,
            suggestion: self.suggestion(result),
            snippet: region.and_then(|r| r.snippet.0.as_ref()?.text.owned()),
            author_kind: AuthorKind::Analyzer,
            status: status(result),
            url: result.hosted_viewer_uri.owned().or_else(|| rule?.help_uri.owned()),
            fingerprint: fingerprint(result, rule_id.as_deref()).unwrap_or_default(),
            level: Some(level),
            rule_id,
            ..Finding::default()
        }
    }

    /// The path of a place: its own URI, or the one of the artifact it points at.
    fn path(&self, place: &PhysicalLocation<'_>) -> Option<String> {
        let location = place.artifact_location.0.as_ref()?;
        self.resolve(location).or_else(|| {
            let index = usize::try_from(location.index.0?).ok()?;
            self.paths.get(index).filter(|p| !p.is_empty()).cloned()
        })
    }

    /// A relative URI may be relative to a base that is itself relative to the root of the sources.
    fn resolve(&self, location: &ArtifactLocation<'_>) -> Option<String> {
        let mut uri = location.uri.owned()?;
        let mut base = location.uri_base_id.owned();
        for _ in 0..MAX_BASES {
            let Some(found) = base.and_then(|b| self.bases.get(&b)?.0.as_ref()) else { break };
            let Some(folder) = found.uri.some() else { break };
            if folder.contains(':') || folder.starts_with('/') {
                break; // Absolute: what was gathered is relative to it.
            }
            uri = format!("{}/{uri}", folder.trim_end_matches('/'));
            base = found.uri_base_id.owned();
        }
        Some(self.roots.relative(&uri))
    }

    /// The fix a tool offers: its words and the text it would put in.
    fn suggestion(&self, result: &SarifResult<'_>) -> Option<String> {
        let mut parts: Vec<String> = Vec::new();
        for fix in &result.fixes.0 {
            parts.extend(fix.description.0.as_ref().and_then(|d| d.text.owned()));
            let replaced = fix.artifact_changes.0.iter().flat_map(|c| &c.replacements.0);
            parts.extend(replaced.filter_map(|r| r.inserted_content.0.as_ref()?.text.owned()));
        }
        // Clippy's converter has no fixes: the compiler's suggestions are related locations.
        if parts.is_empty() && self.tool.eq_ignore_ascii_case("clippy") {
            let related = result.related_locations.0.iter();
            parts.extend(related.filter_map(|l| l.message.0.as_ref()?.text.owned()));
        }
        parts.dedup();
        (!parts.is_empty()).then(|| parts.join("\n"))
    }
}

/// The level as stated, else the rule's, else `warning`; anything that is no failure has `none`.
fn level(result: &SarifResult<'_>, rule: Option<&Rule<'_>>, kind: &str) -> String {
    let configured = || rule?.default_configuration.0.as_ref()?.level.owned();
    let fallback = || if kind == "fail" { configured() } else { Some("none".to_owned()) };
    result.level.owned().or_else(fallback).unwrap_or_else(|| "warning".to_owned())
}

/// A security score or the tool's own scale says more than the three levels.
fn severity_of(
    level: &str,
    rule: Option<&Properties<'_>>,
    own: Option<&Properties<'_>>,
) -> Severity {
    let score = |p: &Properties<'_>| {
        let value = p.security_severity.as_ref()?;
        let score = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
        severity::of_score(score)
    };
    let stated = own.and_then(|p| severity::of(p.issue_severity.some()?));
    let scored = || own.and_then(score).or_else(|| rule.and_then(score));
    stated.or_else(scored).or_else(|| severity::of(level)).unwrap_or_default()
}

/// Suppressed in the source or by a person, unless that was turned down.
fn status(result: &SarifResult<'_>) -> FindingStatus {
    if result.suppressions.0.iter().any(|s| s.status.some() != Some("rejected")) {
        FindingStatus::Dismissed
    } else if result.baseline_state.some() == Some("absent") {
        FindingStatus::Resolved
    } else {
        FindingStatus::Open
    }
}

fn tags(properties: &Properties<'_>) -> Option<String> {
    let tags = properties.tags.as_ref()?.as_array()?;
    let tags: Vec<&str> = tags.iter().filter_map(Value::as_str).collect();
    (!tags.is_empty()).then(|| tags.join(", "))
}

/// The rule's short words; a name that only repeats the id is none.
fn title(rule: &Rule<'_>) -> Option<String> {
    let short = rule.short_description.0.as_ref().and_then(|d| d.text.owned());
    short.or_else(|| rule.name.owned().filter(|n| Some(n.as_str()) != rule.id.some()))
}

/// The tool's fingerprint together with the rule, because line hashes know nothing of rules. Words
/// ("requires login") are no fingerprint.
fn fingerprint(result: &SarifResult<'_>, rule: Option<&str>) -> Option<String> {
    let own = sound(&result.partial_fingerprints).or_else(|| sound(&result.fingerprints))?;
    Some(rule.map_or_else(|| own.to_owned(), |rule| format!("{rule}:{own}")))
}

/// The best of a tool's fingerprints: that of the line, else the first by name.
fn sound<'r>(fields: &'r Maybe<Fields<'_, Text<'_>>>) -> Option<&'r str> {
    let is_sound = |text: &&str| text.len() >= 8 && !text.contains(char::is_whitespace);
    let fields = || {
        let all = fields.0.iter().flat_map(|fields| &fields.0);
        all.filter_map(|(name, text)| Some((name.str(), text.some().filter(is_sound)?)))
    };
    let line = fields().find(|(name, _)| *name == "primaryLocationLineHash");
    let first = || fields().filter(|(name, _)| !name.contains("Column")).min();
    line.or_else(first).map(|(_, text)| text)
}
