//! Transcripts on the branches of the project's repositories, handed to the readers of files.
//!
//! Owns which checkpoint of a session is read, and the private copies the readers see. A transcript
//! is called `<repository>/entire/<content id>/<session>.jsonl` in the table of cursors: one that was
//! read has its content's id there and is not read again. Must not know what a transcript says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use cemem_core::branch::{BranchFile, Branches, Copies};
use cemem_core::{Cursor, Timestamp};
use serde_json::Value;

use crate::error::FileError;
use crate::pipeline::Input;
use crate::report::Report;
use crate::source::by_name;
use crate::sources::entire::{META, REFS};

/// Longest metadata that is read.
const MAX_META: u64 = 1024 * 1024;
/// Longest transcript that is read.
const MAX_TRANSCRIPT: u64 = 256 * 1024 * 1024;
/// Names of a transcript, the fuller first.
const NAMES: [&str; 2] = ["full.jsonl", "transcript.jsonl"];

/// A transcript that was not read yet.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    called: PathBuf,
    blob: String,
    meta: Option<String>,
    size: u64,
}

/// A copy of a transcript, and what it is called in the store.
pub(crate) struct Copy {
    pub(crate) path: PathBuf,
    pub(crate) called: PathBuf,
    pub(crate) size: u64,
    _copies: Copies,
}

/// Returns the repository whose references a path belongs to: a file or folder under its `refs`, or
/// its packed ones. Such a path is not read: the branches are.
pub(crate) fn repository_of(path: &Path) -> Option<&Path> {
    let is = |folder: &&Path| folder.join("HEAD").is_file() && folder.join("objects").is_dir();
    let folder = path.ancestors().skip(1).take(12).find(is)?;
    let below = path.strip_prefix(folder).ok()?;
    (below.starts_with("refs") || below == Path::new("packed-refs")).then_some(folder)
}

/// The transcripts under some inputs, of which the readers get one after the other.
pub(crate) struct Checkpoints {
    open: Vec<(Branches, Vec<Wanted>)>,
}

impl Checkpoints {
    /// Looks through the repositories whose references are among the inputs.
    pub(crate) fn look(
        inputs: &[Input],
        cursors: &HashMap<String, Cursor>,
        report: &mut Report,
    ) -> Self {
        let paths = inputs.iter().filter_map(|input| input.path.canonicalize().ok());
        let folders: BTreeSet<PathBuf> =
            paths.filter_map(|path| repository_of(&path).map(Path::to_owned)).collect();
        let mut open = Vec::new();
        for folder in folders {
            let wanted = Branches::open(&folder).and_then(|branches| {
                let wanted = wanted(&branches, cursors, report)?;
                Ok((branches, wanted))
            });
            match wanted {
                Ok(found) => open.push(found),
                Err(e) => {
                    let message = e.to_string();
                    report.add_errors(vec![FileError { path: folder, line: None, message }]);
                }
            }
        }
        Self { open }
    }

    /// Returns how many transcripts there are, and their bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        let all = || self.open.iter().flat_map(|(_, wanted)| wanted);
        (all().count() as u64, all().map(|w| w.size).sum())
    }

    /// Copies the next transcripts: about `bytes` of them. Empty at the end.
    pub(crate) fn next(&mut self, bytes: u64, report: &mut Report) -> Vec<Copy> {
        let mut copies = Vec::new();
        let mut held = 0;
        while let Some((branches, wanted)) = self.open.last_mut() {
            if held >= bytes {
                break;
            }
            let Some(next) = wanted.pop() else {
                self.open.pop();
                continue;
            };
            let name = next.called.file_name().map(|n| n.to_string_lossy().into_owned());
            let name = name.unwrap_or_default();
            let mut files = vec![(next.blob.as_str(), name.as_str())];
            files.extend(next.meta.as_deref().map(|blob| (blob, META)));
            match branches.copy(&files, MAX_TRANSCRIPT) {
                Ok(Some(kept)) => {
                    held += next.size;
                    let path = kept.path(&name);
                    copies.push(Copy { path, called: next.called, size: next.size, _copies: kept });
                }
                Ok(None) => report.skip("missing_transcript", 1),
                Err(e) => {
                    let (path, message) = (next.called, e.to_string());
                    report.add_errors(vec![FileError { path, line: None, message }]);
                }
            }
        }
        copies
    }
}

/// What lies in a folder of a checkpoint.
#[derive(Default)]
struct Checkpoint<'a> {
    meta: Option<&'a BranchFile>,
    names: [Option<&'a BranchFile>; 2],
}

/// Returns the latest transcript of every session that was not read yet.
fn wanted(
    branches: &Branches,
    cursors: &HashMap<String, Cursor>,
    report: &mut Report,
) -> Result<Vec<Wanted>, cemem_core::branch::BranchError> {
    let common = branches.common_dir();
    let mut seen = BTreeSet::new();
    let mut latest: BTreeMap<String, (Option<Timestamp>, Wanted)> = BTreeMap::new();
    for tip in branches.tips(REFS)?.into_values() {
        if !seen.insert(tip.clone()) {
            continue;
        }
        let files = branches.files(&tip)?;
        let mut folders: BTreeMap<&str, Checkpoint<'_>> = BTreeMap::new();
        for file in &files {
            let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
            if name == META {
                folders.entry(folder).or_default().meta = Some(file);
            } else if let Some(n) = NAMES.iter().position(|known| *known == name) {
                folders.entry(folder).or_default().names[n] = Some(file);
            }
        }
        for (folder, checkpoint) in folders {
            // What cannot be read does not hide an earlier checkpoint that can.
            let size = |f: &BranchFile| branches.size(&f.blob).filter(|s| *s <= MAX_TRANSCRIPT);
            let mut files = checkpoint.names.into_iter().flatten();
            let Some((file, size)) = files.clone().find_map(|f| Some((f, size(f)?))) else {
                if files.next().is_some() {
                    report.skip("missing_transcript", 1);
                }
                continue;
            };
            let meta = checkpoint.meta.and_then(|m| branches.read(&m.blob, MAX_META));
            let meta: Value =
                meta.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
            let said = |key: &str| meta.get(key).and_then(Value::as_str).map(str::to_owned);
            // Of one reference a session, the tree does not say which.
            let session = said("session_id").unwrap_or_else(|| format!("{tip}-{folder}"));
            let created = said("created_at").and_then(|at| Timestamp::parse(&at));
            let later = latest
                .get(&session)
                .is_none_or(|(known, other)| (*known, other.size) < (created, size));
            if later {
                let called = called(&common, &session, &file.blob);
                let meta = checkpoint.meta.map(|m| m.blob.clone());
                let wanted = Wanted { called, blob: file.blob.clone(), meta, size };
                latest.insert(session, (created, wanted));
            }
        }
    }
    let mut new: Vec<Wanted> = latest.into_values().map(|(_, wanted)| wanted).collect();
    new.retain(|wanted| {
        let cursor = cursors.get(wanted.called.to_string_lossy().as_ref());
        let read = cursor
            .is_some_and(|c| by_name(&c.format).is_some_and(|s| s.info().version == c.reader));
        report.files += u64::from(read);
        !read
    });
    Ok(new)
}

/// Returns what a transcript is called in the store.
fn called(common: &Path, session: &str, blob: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let session: String = session.chars().map(plain).take(128).collect();
    let short = blob.get(..16).unwrap_or(blob);
    common.join("entire").join(short).join(format!("{session}.jsonl"))
}
