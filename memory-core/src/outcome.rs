//! What happens to a lesson after it was learned: where it was shown, and what became of it.
//!
//! Owns the shapes and names of showings and verdicts. Must not judge: extraction reads transcripts
//! for that. What is not known is not stored: a showing without a verdict is "unknown", never
//! "helped".

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{LessonId, digest};
use crate::lesson::named_enum;
use crate::store::SessionRef;

named_enum! {
    /// The way a lesson reached an agent.
    Channel {
        /// Somebody asked for it.
        Recall = "recall",
        /// A hook of the agent put it into the context.
        Hook = "hook",
        /// It stands in a file the agent reads.
        Sync = "sync",
        /// The agent asked through MCP.
        Mcp = "mcp",
    }
}

named_enum! {
    /// What became of a lesson.
    Verdict {
        /// The agent did as it says.
        Heeded = "heeded",
        /// The agent was shown it and did otherwise.
        Violated = "violated",
        /// The mistake it warns of was made again, shown or not.
        Recurred = "recurred",
        /// Somebody said it helped.
        Helped = "helped",
        /// Somebody said it misled.
        Harmed = "harmed",
    }
}

named_enum! {
    /// Who gave the verdict.
    VerdictSource {
        /// A later transcript shows it.
        Transcript = "transcript",
        /// A person or an agent said so.
        Feedback = "feedback",
    }
}

/// One showing of a lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// Which.
    pub lesson: LessonId,
    /// When it was shown, or began to stand in the file.
    pub ts: Timestamp,
    /// When it was taken out of the file, or the context of its session was emptied; `None` while it
    /// stands there.
    pub until: Option<Timestamp>,
    /// How.
    pub channel: Channel,
    /// The session that saw it, if that is known.
    pub session: Option<SessionRef>,
    /// What was asked (after redaction), or the file.
    pub place: String,
    /// Position in the answer, from 0.
    pub rank: u32,
}

/// One verdict on a lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Which lesson.
    pub lesson: LessonId,
    /// When what it rests on happened.
    pub ts: Timestamp,
    /// What became of it.
    pub verdict: Verdict,
    /// Who says so.
    pub source: VerdictSource,
    /// The session it was seen in.
    pub session: Option<SessionRef>,
    /// The event it rests on; empty for feedback.
    pub event_key: String,
    /// The words it rests on (after redaction); may be empty.
    pub note: String,
}

impl Outcome {
    /// Returns what makes two verdicts the same one.
    #[must_use]
    pub fn key(&self) -> String {
        let (engine, session) =
            self.session.as_ref().map_or(("", ""), |s| (s.engine.as_str(), s.id.as_str()));
        let ts = match self.source {
            VerdictSource::Transcript => String::new(),
            VerdictSource::Feedback => self.ts.0.to_string(),
        };
        let parts = [
            self.lesson.as_str(),
            self.verdict.as_str(),
            self.source.as_str(),
            engine,
            session,
            &self.event_key,
            &ts,
        ];
        digest(parts)
    }
}

/// How often a lesson was shown and what became of it. Showings without a verdict are unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Showings; a lesson that stands in a file counts once a file.
    pub shown: u64,
    /// Verdicts, by what they say.
    pub heeded: u64,
    /// See [`Verdict::Violated`].
    pub violated: u64,
    /// See [`Verdict::Recurred`].
    pub recurred: u64,
    /// See [`Verdict::Helped`].
    pub helped: u64,
    /// See [`Verdict::Harmed`].
    pub harmed: u64,
}
