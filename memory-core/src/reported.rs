//! What anybody may have reported by writing a file.
//!
//! Owns the folders for such files, and which candidates come from nowhere else: nobody can tell who wrote
//! them. Must not read files, and must not judge what they say.

use std::path::Path;

use crate::candidate::Candidate;
use crate::store::StoredCandidate;

/// The engine of sessions that are made of reported events.
pub const ENGINE: &str = "inbox";
/// Folder in the project into which anybody drops events.
pub const INBOX: &str = ".cemem/inbox";
/// Folder in it of what was taken.
pub const DONE: &str = ".cemem/inbox/done";
/// Folder in the project in which parallel work keeps its state. Others write it: it is only read.
pub const WORKSPACE: &str = ".ce-workspace";

/// Returns whether a path leads through a folder of this relative path.
#[must_use]
pub fn lies_in(path: &Path, folder: &str) -> bool {
    let parts: Vec<_> = path.iter().collect();
    let folder: Vec<_> = Path::new(folder).iter().collect();
    parts.windows(folder.len()).any(|part| part == folder)
}

/// Returns whether a file lies in a folder for events: one that looks like a session or a document may
/// be anybody's, and must not pass for a person's words.
#[must_use]
pub fn is_place_of_events(path: &Path) -> bool {
    lies_in(path, DONE) || lies_in(path, WORKSPACE)
}

impl Candidate {
    /// Returns whether all that is known of it comes from a folder for events, in whatever format.
    #[must_use]
    pub fn is_reported(&self) -> bool {
        self.evidence.iter().all(|row| is_place_of_events(Path::new(&row.source_path)))
    }
}

impl StoredCandidate {
    /// Returns whether nobody can tell who says it. An event through a pipe has no folder.
    #[must_use]
    pub fn is_reported(&self) -> bool {
        self.session.engine == ENGINE || self.candidate.is_reported()
    }
}
