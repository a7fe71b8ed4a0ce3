//! The domain of cemem and its one truth: events, candidates, lessons, and the SQLite store that
//! keeps them.
//!
//! | module | owns |
//! |---|---|
//! | [`clock`] | UTC timestamps and the clock that tests can stop |
//! | [`id`] | how ids are made and shortened |
//! | [`event`] | what happened in a session, in one vocabulary for every engine |
//! | [`finding`] | one review finding, in one vocabulary for every report |
//! | [`candidate`] | a signal with evidence, not yet a lesson |
//! | [`lesson`] | a typed lesson, its evidence and life-cycle |
//! | [`outcome`] | where a lesson was shown, and what became of it |
//! | [`phrasing`] | better words for candidates |
//! | [`plan`] | what a consolidation pass wants to change, as data |
//! | [`cursor`] | how far a source file has been read |
//! | [`branch`] | files on the branches of a git repository |
//! | [`history`] | reading a git repository's history, bounded |
//! | [`exchange`] | the one-lesson-a-line format of `import` and `export` |
//! | [`project`] | which memory a folder belongs to |
//! | [`reported`] | what anybody may have reported by writing a file |
//! | [`foreign`] | reading other programs' SQLite files without touching them |
//! | [`durable`] | path-carrying I/O errors and the one durable file write |
//! | [`scratch`] | private copies in the folder for temporary files |
//! | [`store`] | the database |
//!
//! This crate never prints, never reads the environment, never exits, and knows nothing of
//! session formats, indexes or the command line.

pub mod branch;
pub mod candidate;
pub mod clock;
pub mod cursor;
pub mod durable;
pub mod event;
pub mod exchange;
pub mod finding;
pub mod foreign;
pub mod history;
pub mod id;
pub mod lesson;
pub mod outcome;
pub mod paths;
pub mod phrasing;
pub mod plan;
pub mod project;
pub mod reported;
pub mod scratch;
pub mod script;
pub mod store;

pub use candidate::{Candidate, Signal};
pub use clock::{Clock, Timestamp};
pub use cursor::Cursor;
pub use event::{Actor, Event, EventKind, RejectedBy, Session};
pub use finding::{AuthorKind, Finding, FindingStatus, Severity};
pub use id::{CandidateKey, LessonId};
pub use lesson::{
    Anchor, AppliesWhen, Drift, DriftState, Evidence, Lesson, LessonStatus, LessonType, Scope,
    Stage, Trust,
};
pub use outcome::{Channel, Counters, Exposure, Outcome, Verdict, VerdictSource};
pub use phrasing::{Advice, Phrasing};
pub use plan::{Action, Plan};
pub use store::{Store, StoreError};
