//! Errors as people see them: what happened, why, what to do.
//!
//! Owns the mapping from library errors to exit codes and hints; no other module decides those.

use std::error::Error;
use std::fmt;
use std::io;

use cemem_core::durable::PathError;
use cemem_core::store::StoreError;
use cemem_ingest::IngestError;
use cemem_retrieve::RetrieveError;

use crate::exit_code;

/// Why a command ended early.
#[derive(Debug)]
pub enum CommandError {
    /// The reader of stdout went away: not an error.
    BrokenPipe,
    /// What was asked cannot be done; the text says what happened.
    User {
        /// One line, lower case, no period.
        message: String,
        /// The cause, if there is one.
        source: Option<Box<dyn Error + Send + Sync>>,
        /// What to do.
        hint: Option<String>,
    },
    /// The store failed.
    Store(StoreError),
    /// A fault of cemem.
    Internal(String),
}

impl CommandError {
    /// Returns an error with a message only.
    #[must_use]
    pub fn user(message: impl Into<String>) -> Self {
        Self::User { message: message.into(), source: None, hint: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(self, text: impl Into<String>) -> Self {
        match self {
            Self::User { message, source, .. } => {
                Self::User { message, source, hint: Some(text.into()) }
            }
            other => other,
        }
    }

    /// Returns the error with its causes, as one line.
    #[must_use]
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut source = Error::source(self);
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.ends_with(&cause_text) {
                text.push_str(&format!(": {cause_text}"));
            }
            source = cause.source();
        }
        text
    }

    /// Returns the documented exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::BrokenPipe => exit_code::OK,
            Self::User { .. } => exit_code::FAILED,
            Self::Internal(_) => exit_code::INTERNAL,
            Self::Store(error) => match error {
                StoreError::Busy { .. } => exit_code::BUSY,
                StoreError::Newer { .. } => exit_code::STORE_NEWER,
                StoreError::Corrupt { .. } => exit_code::STORE_CORRUPT,
                _ => exit_code::FAILED,
            },
        }
    }

    /// Returns what to do, if there is advice.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::User { hint, .. } => hint.clone(),
            Self::Store(error) => store_advice(error),
            Self::BrokenPipe | Self::Internal(_) => None,
        }
    }
}

fn store_advice(error: &StoreError) -> Option<String> {
    let text = match error {
        StoreError::Busy { .. } => "wait for the other cemem to finish, then try again".into(),
        StoreError::Newer { .. } => {
            "reading still works; upgrade cemem to write, or run `cemem export`".into()
        }
        StoreError::ReadOnly { .. } | StoreError::Path(_) => {
            "reading works where the store can be read; to store, make it and its folder writable, \
             or set CEMEM_HOME to another folder"
                .into()
        }
        StoreError::Corrupt { path, .. } => format!(
            "nothing was changed; keep `{}` as it is, restore a backup in its place, or move it \
             away and run `cemem ingest` again",
            path.display()
        ),
        StoreError::NoSuchLesson(_) => "`cemem lessons list --status all` shows every id".into(),
        StoreError::AmbiguousId { .. } => "give more digits of the id".into(),
        StoreError::CannotUndo(_) => "`cemem lessons history` shows the changes".into(),
        _ => return None,
    };
    Some(text)
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BrokenPipe => f.write_str("output was closed"),
            Self::User { message, .. } => f.write_str(message),
            Self::Store(error) => write!(f, "{error}"),
            Self::Internal(message) => write!(f, "internal error: {message}"),
        }
    }
}

impl Error for CommandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::User { source, .. } => source.as_deref().map(|e| -> &(dyn Error + 'static) { e }),
            // The store error is shown itself; its cause follows.
            Self::Store(error) => error.source(),
            Self::BrokenPipe | Self::Internal(_) => None,
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PathError> for CommandError {
    fn from(error: PathError) -> Self {
        // A named pipe, `/dev/stdout`.
        if error.source.kind() == io::ErrorKind::BrokenPipe {
            return Self::BrokenPipe;
        }
        let message = error.to_string();
        Self::User { message, source: Some(Box::new(error.source)), hint: None }
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::BrokenPipe;
        }
        Self::User {
            message: "cannot write output".into(),
            source: Some(Box::new(error)),
            hint: None,
        }
    }
}

impl From<serde_json::Error> for CommandError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_io() {
            return io::Error::from(error).into();
        }
        Self::Internal(error.to_string())
    }
}

impl From<IngestError> for CommandError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Store(error) => Self::Store(error),
            other => {
                let message = other.to_string();
                Self::User { message, source: None, hint: None }
            }
        }
    }
}

impl From<RetrieveError> for CommandError {
    fn from(error: RetrieveError) -> Self {
        match error {
            RetrieveError::Store(error) => Self::Store(error),
            other => Self::User {
                message: "could not look: the search index failed".into(),
                source: Some(Box::new(other)),
                hint: Some("`cemem doctor` checks the index; deleting its folder is safe".into()),
            },
        }
    }
}
