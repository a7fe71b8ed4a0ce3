//! What the asker said of the work, in one shape.
//!
//! Owns the channels and the question they make together. Must not look for lessons.

use std::collections::HashSet;
use std::io::Read as _;
use std::path::Path;

use cemem_core::durable::IoResultExt as _;
use cemem_retrieve::text::terms::Analyser;
use serde::Serialize;
use serde_json::Value;

use super::diff::DiffState;
use super::markdown::{Document, Section};
use crate::args::FindArgs;
use crate::command_error::CommandError;
use crate::context::absolute;

/// Longest file taken as a diff, a plan or a draft, in bytes: more is left unread.
const MAX_FILE: u64 = 4 << 20;
/// Longest summary and excerpt, in characters.
const MAX_SUMMARY: usize = 1500;
/// Most requirements, decisions and key words.
const MOST: usize = 60;

/// The work, from every channel.
#[derive(Debug, Serialize)]
pub(super) struct State {
    activity: Option<String>,
    concepts: Vec<String>,
    decisions: Vec<String>,
    domains: Vec<String>,
    modules: Vec<String>,
    paths: Vec<String>,
    diff: Option<DiffState>,
    plan: Option<PlanState>,
    doc: Option<DocState>,
    /// The words that are looked for, as stems.
    pub keywords: Vec<String>,
    /// The draft's own text, to compare with.
    #[serde(skip)]
    pub draft: Option<String>,
}

#[derive(Debug, Serialize)]
struct PlanState {
    path: String,
    title: String,
    topic: String,
    summary: String,
    requirements: Vec<String>,
    decisions: Vec<String>,
}

#[derive(Debug, Serialize)]
struct DocState {
    path: String,
    title: String,
    applies_when: Vec<String>,
    tags: Vec<String>,
    excerpt: String,
}

impl State {
    /// Reads the channels.
    ///
    /// # Errors
    /// When a file cannot be read, or nothing was said after all.
    pub(super) fn new(args: &FindArgs) -> Result<Self, CommandError> {
        let diff = match &args.diff {
            Some(path) => Some(DiffState::new(&text_of(path)?)).filter(|diff| !diff.is_empty()),
            None => None,
        };
        let draft = args.doc.as_deref().map(text_of).transpose()?;
        let mut state = Self {
            activity: args.activity.as_deref().map(str::trim).map(str::to_owned),
            concepts: said(&args.concepts),
            decisions: said(&args.decisions),
            domains: said(&args.domains),
            modules: said(&args.modules),
            paths: said(&args.paths),
            diff,
            plan: args.plan.as_deref().map(plan).transpose()?,
            doc: args.doc.as_deref().zip(draft.as_deref()).map(|(path, text)| doc(path, text)),
            keywords: Vec::new(),
            draft,
        };
        state.keywords = key_words(&state.question());
        match state.keywords.is_empty() {
            true => Err(CommandError::user("nothing was said about the work").hint(
                "say it in a sentence, or give --diff, --plan or --doc with something in it",
            )),
            false => Ok(state),
        }
    }

    /// Returns everything that was said, as one text to look for.
    pub(super) fn question(&self) -> String {
        let mut parts: Vec<&str> = self.activity.iter().map(String::as_str).collect();
        for list in [&self.concepts, &self.decisions, &self.domains, &self.modules, &self.paths] {
            parts.extend(list.iter().map(String::as_str));
        }
        if let Some(plan) = &self.plan {
            parts.extend([plan.title.as_str(), &plan.topic, &plan.summary]);
            parts.extend(plan.requirements.iter().chain(&plan.decisions).map(String::as_str));
        }
        if let Some(doc) = &self.doc {
            parts.push(&doc.title);
            parts.extend(doc.applies_when.iter().chain(&doc.tags).map(String::as_str));
            parts.push(&doc.excerpt);
        }
        if let Some(diff) = &self.diff {
            let lists = [&diff.files, &diff.symbols, &diff.hunks];
            parts.extend(lists.into_iter().flatten().map(String::as_str));
            // A diff alone says little else.
            if parts.len() < 20 {
                parts.push(&diff.excerpt);
            }
        }
        parts.retain(|part| !part.trim().is_empty());
        parts.join("\n")
    }

    /// Returns the words that are looked for.
    pub(super) fn words(&self) -> HashSet<String> {
        self.keywords.iter().cloned().collect()
    }
}

fn said(list: &[String]) -> Vec<String> {
    list.iter().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect()
}

/// Returns the stems of a text, each once, in the order of the text.
fn key_words(text: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let words = Analyser::default().analyse(text).words;
    words.into_iter().filter(|word| seen.insert(word.clone())).take(MOST).collect()
}

/// Returns the text of a file; `-` is stdin.
fn text_of(path: &Path) -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_FILE).read_to_end(&mut bytes)?;
    } else {
        let path = absolute(path)?;
        let file = std::fs::File::open(&path).context("read", &path)?;
        file.take(MAX_FILE).read_to_end(&mut bytes).context("read", &path)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn plan(path: &Path) -> Result<PlanState, CommandError> {
    let text = text_of(path)?;
    let doc = Document::new(&text);
    let named = |names: &[&str]| {
        let fits = |section: &&Section<'_>| {
            let heading = section.heading.to_lowercase();
            names.iter().any(|name| heading.contains(name))
        };
        doc.sections.iter().filter(fits).cloned().collect::<Vec<_>>()
    };
    let items = |names: &[&str]| -> Vec<String> {
        named(names).iter().flat_map(Section::items).take(MOST).collect()
    };
    let summary = named(&["summary", "overview", "problem", "goal"]);
    let summary = summary.first().or_else(|| doc.sections.iter().find(|s| !s.body().is_empty()));
    Ok(PlanState {
        path: path.to_string_lossy().into_owned(),
        title: doc.title().unwrap_or_default(),
        topic: doc.front.get("topic").and_then(Value::as_str).unwrap_or_default().to_owned(),
        summary: summary.map(|s| start(s.body())).unwrap_or_default(),
        requirements: items(&["requirement", "acceptance", "success"]),
        decisions: items(&["decision"]),
    })
}

fn doc(path: &Path, text: &str) -> DocState {
    let doc = Document::new(text);
    let body: Vec<&str> = doc.sections.iter().map(|section| section.text).collect();
    DocState {
        path: path.to_string_lossy().into_owned(),
        title: doc.title().unwrap_or_default(),
        applies_when: doc.list("applies_when"),
        tags: doc.list("tags"),
        excerpt: start(&body.join("\n\n")),
    }
}

fn start(text: &str) -> String {
    text.chars().take(MAX_SUMMARY).collect()
}
