//! Reading a labelled set.
//!
//! Owns the file formats: `corpus.jsonl` {id, title?, text, ts?, group?, session?, role?},
//! `queries.jsonl` {id, text, ts?, group?, exclude?, type? | kind?}, `qrels.tsv` (query, document, grade). Errors name file and
//! line. Must not interpret the texts.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use cemem_core::Timestamp;
use cemem_core::durable::{IoResultExt as _, PathError};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// Why a set cannot be read.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file cannot be read.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A line is not what it should be.
    #[error("`{}` line {line}: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

#[derive(Deserialize)]
struct WireDoc {
    id: String,
    #[serde(default)]
    title: Option<String>,
    text: String,
    #[serde(default)]
    ts: Value,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    session: Option<String>,
    #[serde(default)]
    role: Option<String>,
}

#[derive(Deserialize)]
struct WireQuery {
    id: String,
    text: String,
    #[serde(default)]
    ts: Value,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    exclude: Value,
    #[serde(default, rename = "type")]
    query_type: Option<String>,
    #[serde(default)]
    kind: Option<String>,
}

impl WireDoc {
    fn into_doc(self) -> Doc {
        let group = self.group.unwrap_or_default();
        // A text that somebody says is a turn; without a session of its own, of the whole group.
        let session = self.session.or_else(|| self.role.as_ref().map(|_| group.clone()));
        Doc {
            ts: time(&self.ts),
            id: self.id,
            title: self.title.unwrap_or_default(),
            text: self.text,
            session: session.unwrap_or_default(),
            by_assistant: self.role.as_deref() == Some("assistant"),
            group,
        }
    }
}

/// A document.
#[derive(Debug, Clone)]
pub struct Doc {
    /// Its id.
    pub id: String,
    /// Its title; may be empty.
    pub title: String,
    /// Its text.
    pub text: String,
    /// When it was written; `None` if unknown or not a number or ISO time.
    pub ts: Option<Timestamp>,
    /// Whose it is.
    pub group: String,
    /// The conversation it is a turn of, in file order; empty if it is none.
    pub session: String,
    /// An assistant says it, not a person.
    pub by_assistant: bool,
}

/// A query.
#[derive(Debug, Clone)]
pub struct LabelledQuery {
    /// Its id.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// Later documents are not seen.
    pub ts: Option<Timestamp>,
    /// Only documents of this group are seen.
    pub group: String,
    /// Documents not seen.
    pub exclude: Vec<String>,
    /// How it is reported.
    pub query_type: String,
}

/// A set.
#[derive(Debug, Clone)]
pub struct DataSet {
    /// Documents in file order.
    pub docs: Vec<Doc>,
    /// Queries in file order.
    pub queries: Vec<LabelledQuery>,
    /// Positive grades by query and document.
    pub grades: HashMap<String, BTreeMap<String, f64>>,
}

/// Reads a time: seconds or milliseconds since 1970, or ISO 8601. Anything else is no time.
fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(n) => {
            let n = n.as_f64()?;
            // Seconds reach 10^11 in the year 5138, milliseconds did in 1973.
            #[expect(clippy::cast_possible_truncation, reason = "times are far below 2^53")]
            let ms = if n.abs() < 1e11 { (n * 1000.0) as i64 } else { n as i64 };
            Some(Timestamp(ms))
        }
        Value::String(s) => Timestamp::parse(s),
        _ => None,
    }
}

fn lines<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>, DataError> {
    let text = fs::read_to_string(path).context("read", path)?;
    let mut out = Vec::new();
    for (i, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        out.push(serde_json::from_str(line).map_err(|e| DataError::Line {
            path: path.to_owned(),
            line: i + 1,
            message: e.to_string(),
        })?);
    }
    Ok(out)
}

impl DataSet {
    /// Reads a folder.
    ///
    /// # Errors
    /// When a file is missing or a line is malformed.
    pub fn read(folder: &Path) -> Result<Self, DataError> {
        let docs = lines::<WireDoc>(&folder.join("corpus.jsonl"))?
            .into_iter()
            .map(WireDoc::into_doc)
            .collect();
        let queries = lines::<WireQuery>(&folder.join("queries.jsonl"))?
            .into_iter()
            .map(|q| LabelledQuery {
                ts: time(&q.ts),
                id: q.id,
                text: q.text,
                group: q.group.unwrap_or_default(),
                exclude: names(q.exclude),
                query_type: q
                    .query_type
                    .filter(|t| !t.is_empty())
                    .or(q.kind)
                    .unwrap_or_else(|| "all".to_owned()),
            })
            .collect();
        Ok(Self { docs, queries, grades: grades(&folder.join("qrels.tsv"))? })
    }
}

fn names(value: Value) -> Vec<String> {
    match value {
        Value::String(s) => vec![s],
        Value::Array(list) => {
            list.into_iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

fn grades(path: &Path) -> Result<HashMap<String, BTreeMap<String, f64>>, DataError> {
    let text = fs::read_to_string(path).context("read", path)?;
    let mut out: HashMap<String, BTreeMap<String, f64>> = HashMap::new();
    for (i, line) in text.lines().enumerate() {
        let columns: Vec<&str> = line.split('\t').collect();
        let grade = columns.last().and_then(|g| g.trim().parse::<f64>().ok());
        match (&columns[..], grade) {
            ([query, doc, ..], Some(grade)) if columns.len() >= 3 => {
                if grade > 0.0 {
                    out.entry((*query).to_owned()).or_default().insert((*doc).to_owned(), grade);
                }
            }
            // A header.
            _ if i == 0 || line.trim().is_empty() => {}
            _ => {
                return Err(DataError::Line {
                    path: path.to_owned(),
                    line: i + 1,
                    message: "not three columns with a grade".into(),
                });
            }
        }
    }
    Ok(out)
}
