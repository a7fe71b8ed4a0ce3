//! Leaving alone who keeps failing.
//!
//! Owns `cache/distillers.json`: how often each distiller failed in a row, and until when it is not
//! asked. A file that cannot be read or written counts as empty: it must never be in the way.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use cemem_core::durable;
use serde::{Deserialize, Serialize};

use crate::command_error::CommandError;
use crate::context::Context;

/// Failures in a row after which it is left alone.
const PATIENCE: u32 = 3;
/// How long the first time, in milliseconds; it doubles.
const FIRST_PAUSE: i64 = 10 * 60 * 1000;
/// How often it doubles: a day and a bit at most.
const MAX_DOUBLINGS: u32 = 7;

/// What is known of one distiller.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct State {
    failures: u32,
    /// Milliseconds since the epoch.
    open_until: i64,
}

/// The breaker of one distiller.
pub(super) struct Breaker<'a> {
    context: &'a Context,
    who: &'a str,
}

impl<'a> Breaker<'a> {
    pub(super) fn new(context: &'a Context, who: &'a str) -> Self {
        Self { context, who }
    }

    /// Returns an error while the distiller is left alone.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        let state = self.states().remove(self.who).unwrap_or_default();
        let now = self.context.clock.now().0;
        // A clock that was set back must not leave it alone for years.
        let longest = FIRST_PAUSE << MAX_DOUBLINGS;
        if state.open_until <= now || state.open_until - now > longest {
            return Ok(());
        }
        let minutes = (state.open_until - now).div_euclid(60_000) + 1;
        let (who, n) = (self.who, state.failures);
        Err(CommandError::user(format!(
            "{who} failed {n} times in a row and is left alone for {minutes} more minutes"
        ))
        .hint(format!("to ask it at once, delete `{}`", self.path().display())))
    }

    /// Notes how a run ended.
    pub(super) fn note(&self, worked: bool) {
        let mut states = self.states();
        if worked {
            if states.remove(self.who).is_none() {
                return;
            }
        } else {
            let state = states.entry(self.who.to_owned()).or_default();
            state.failures = state.failures.saturating_add(1);
            if let Some(beyond) = state.failures.checked_sub(PATIENCE) {
                let pause = FIRST_PAUSE << beyond.min(MAX_DOUBLINGS);
                state.open_until = self.context.clock.now().0.saturating_add(pause);
            }
        }
        let path = self.path();
        let written = path.parent().map(durable::create_private_dir).transpose().and_then(|_| {
            let text = serde_json::to_vec(&states).expect("plain numbers can be written");
            durable::write_durable(&path, &text)
        });
        // Nothing is lost but patience.
        written.ok();
    }

    fn states(&self) -> BTreeMap<String, State> {
        let text = fs::read(self.path()).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn path(&self) -> PathBuf {
        self.context.home.cache_dir().join("distillers.json")
    }
}
