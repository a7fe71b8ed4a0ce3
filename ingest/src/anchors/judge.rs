//! What became of one anchor.
//!
//! Owns the verdicts: fresh, moved, drifted, gone, or not known; and what an anchor is filled with
//! when its lesson is first seen in a checkout. Looks at code through [`Code`] only. Must not decide
//! what becomes of the lesson.

use std::collections::HashMap;

use cemem_core::history::Fate;
use cemem_core::{Anchor, Drift, DriftState, Lesson, Timestamp};

use super::code::{Code, as_text};
use super::names::{self, Name};
use super::scan::{self, Definition};
use crate::redact::Redactor;

/// How long after it was said what a lesson demands of the code may still be on its way: the commit
/// that follows a correction changes the code because of it, not in spite of it.
const SETTLES: i64 = 24 * 3600 * 1000;

/// What is found out about an anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing can be said: it stays as it is.
    Unknown,
    /// It is as it was; the anchor as it shall be.
    Fresh(Anchor),
    /// Its path is not there, or its symbol is not in it: look elsewhere first. The anchor as it is if
    /// that finds nothing.
    Missing(Anchor),
    /// It changed; the anchor with its drift.
    Drifted(Anchor),
}

/// One look at one lesson.
pub(super) struct Judge<'a> {
    pub(super) code: &'a Code,
    pub(super) redactor: &'a Redactor,
    pub(super) lesson: &'a Lesson,
    /// The oldest time any lesson was last said at.
    pub(super) oldest: Timestamp,
}

impl Judge<'_> {
    /// Returns whether history has to be asked what became of an anchor's path.
    pub(super) fn is_lost(&self, anchor: &Anchor) -> bool {
        match &anchor.blob_sha {
            Some(blob) => {
                self.code.blob(&anchor.path).is_none()
                    && self.code.home_of(blob, &anchor.path).is_none()
            }
            None => self.code.resolve(&anchor.path).is_none() && self.then(&anchor.path).is_some(),
        }
    }

    /// Judges an anchor; `fates` has what became of lost paths.
    pub(super) fn judge(&self, anchor: &Anchor, fates: &HashMap<String, Fate>) -> Verdict {
        let Some(blob) = &anchor.blob_sha else { return self.first(anchor, fates) };
        self.known(anchor, blob, fates)
    }

    /// Judges an anchor that was filled before.
    fn known(&self, anchor: &Anchor, blob: &str, fates: &HashMap<String, Fate>) -> Verdict {
        let fresh = |path: &str| Verdict::Fresh(at_path(anchor, path));
        match self.code.blob(&anchor.path) {
            Some(now) if now == blob => fresh(&anchor.path),
            Some(now) => self.compare(anchor, &anchor.path, blob, now),
            None => {
                if let Some(home) = self.code.home_of(blob, &anchor.path) {
                    return fresh(&home);
                }
                let fate = fates.get(&anchor.path);
                if let Some((to, now)) =
                    fate.and_then(|f| f.to.as_ref()).and_then(|to| Some((to, self.code.blob(to)?)))
                {
                    return self.compare(anchor, to, blob, now);
                }
                // Without a trace of it here, it may be another repository's.
                if fate.is_none() && !self.code.history.has_blob(blob) {
                    return Verdict::Unknown;
                }
                let since = fate.map(|f| f.commit.clone());
                let since = since.or_else(|| anchor.drift.as_ref()?.since.clone());
                let gone = Drift { state: DriftState::Gone, since, now: None };
                Verdict::Missing(Anchor { drift: Some(gone), ..anchor.clone() })
            }
        }
    }

    /// Compares what an anchor quotes with a content its path has now.
    fn compare(&self, anchor: &Anchor, path: &str, blob: &str, now: &str) -> Verdict {
        let Some(quote) = &anchor.quote else { return Verdict::Fresh(at_path(anchor, path)) };
        let Some(text) = self.code.text(now) else { return Verdict::Unknown };
        if self.says(anchor, path, &text, quote) {
            return Verdict::Fresh(at_path(anchor, path));
        }
        // What was learned from an edit that was never committed as it was then.
        let unsettled = !self.code.history.is_shallow() && !self.code.history.has_blob(blob);
        if unsettled {
            let bare = Anchor { was: anchor.was.clone(), ..Anchor::at(path) };
            return Verdict::Fresh(self.filled(bare, now, &text));
        }
        let heads = anchor.symbol.as_ref().map(|s| scan::definitions(path, &text, s));
        let first = heads.and_then(|found| found.into_iter().next());
        let now = first.as_ref().map(|d| self.clean(&d.head));
        // What was found out before is not looked for again.
        let known = anchor.drift.as_ref().filter(|d| first.is_none() || d.now == now);
        let since = known.and_then(|d| d.since.clone()).unwrap_or_else(|| {
            let holds = &mut |blob: &str| {
                self.code.text(blob).is_some_and(|text| self.says(anchor, path, &text, quote))
            };
            self.code.since(path, holds)
        });
        let drift = Drift { state: DriftState::Drifted, since: Some(since), now };
        let is_missing = first.is_none() && anchor.symbol.is_some();
        let drifted = Anchor { drift: Some(drift), ..at_path(anchor, path) };
        if is_missing { Verdict::Missing(drifted) } else { Verdict::Drifted(drifted) }
    }

    /// Returns whether a text still says what an anchor quotes.
    fn says(&self, anchor: &Anchor, path: &str, text: &str, quote: &str) -> bool {
        match &anchor.symbol {
            Some(symbol) => scan::definitions(path, text, symbol)
                .iter()
                .any(|d| scan::holds(path, quote, &self.clean(&d.head))),
            None => {
                let dense = |t: &str| t.split_whitespace().collect::<String>();
                dense(text).contains(&dense(quote))
            }
        }
    }

    /// Fills an anchor that was never looked at: with the code as it was when the lesson was said.
    fn first(&self, anchor: &Anchor, fates: &HashMap<String, Fate>) -> Verdict {
        let then = self.then(&anchor.path);
        let Some(path) = self.code.resolve(&anchor.path) else {
            // It is not there; it is gone if it was.
            let Some((blob, text)) = then else { return Verdict::Unknown };
            let filled = self.filled(
                Anchor { was: anchor.was.clone(), ..Anchor::at(&anchor.path) },
                &blob,
                &text,
            );
            return self.known(&filled, &blob, fates);
        };
        let bare = at_path(anchor, &path);
        let Some(now) = self.code.blob(&path) else { return Verdict::Unknown };
        let then = then.filter(|(blob, _)| blob != now);
        if let Some((blob, text)) = then {
            let filled = self.filled(bare, &blob, &text);
            return self.known(&filled, &blob, fates);
        }
        // The agent's edits are there before they are committed.
        let edited = self.code.history.work_file(&path).filter(|(blob, _)| blob != now);
        if let Some((blob, text)) = edited.and_then(|(b, bytes)| Some((b, as_text(bytes)?))) {
            return Verdict::Fresh(self.filled(bare, &blob, &text));
        }
        match self.code.text(now) {
            Some(text) => Verdict::Fresh(self.filled(bare, now, &text)),
            None => Verdict::Fresh(Anchor { blob_sha: Some(now.to_owned()), ..bare }),
        }
    }

    /// Returns the content a path had when the lesson was last said, if a commit of then is known and
    /// is not the one that is looked at.
    fn then(&self, path: &str) -> Option<(String, std::rc::Rc<str>)> {
        // What a person decided, was decided about the code as it was found.
        if self.lesson.reviewed {
            return None;
        }
        let said = said_at(self.lesson)?;
        let commit = self.code.commit_at(Timestamp(said.0 + SETTLES), self.oldest)?;
        if commit == self.code.head {
            return None;
        }
        let blob = self.code.history.blob_at(&commit, path)?;
        let text = self.code.text(&blob)?;
        Some((blob, text))
    }

    /// Returns an anchor with the content, and with the first of the lesson's names it defines.
    fn filled(&self, mut anchor: Anchor, blob: &str, text: &str) -> Anchor {
        anchor.blob_sha = Some(blob.to_owned());
        let fits = |name: &Name| name.quoted || !scan::is_data(&anchor.path);
        let found = names::of(self.lesson).into_iter().filter(fits).find_map(|name| {
            let defined = scan::definitions(&anchor.path, text, &name.text);
            defined.into_iter().next().map(|d| (name.text, d))
        });
        if let Some((name, Definition { head, .. })) = found {
            let quote = scan::quote(&anchor.path, &head, &self.lesson.rule);
            anchor.symbol = Some(name);
            anchor.quote = Some(self.clean(&quote));
        }
        anchor
    }

    /// Judges an anchor whose symbol is missing by the places that define its name.
    pub(super) fn elsewhere(&self, anchor: Anchor, places: &[(String, Definition)]) -> Verdict {
        let quote = anchor.quote.as_deref().unwrap_or_default();
        let same: Vec<&String> = places
            .iter()
            .filter(|(path, d)| scan::holds(path, quote, &self.clean(&d.head)))
            .map(|(path, _)| path)
            .collect();
        match (same.as_slice(), places.first()) {
            ([path], _) => Verdict::Fresh(at_path(&anchor, path)),
            (_, Some((_, first))) => {
                let now = Some(self.clean(&first.head));
                let since = anchor.drift.as_ref().and_then(|d| d.since.clone());
                let drift = Some(Drift { state: DriftState::Drifted, since, now });
                Verdict::Drifted(Anchor { drift, ..anchor })
            }
            (_, None) => Verdict::Drifted(anchor),
        }
    }

    /// Secrets stand in code too.
    fn clean(&self, text: &str) -> String {
        self.redactor.redact(text).into_owned()
    }
}

/// Returns the anchor at a path, without drift, remembering the path it was learned under.
fn at_path(anchor: &Anchor, path: &str) -> Anchor {
    let learned = anchor.learned_path();
    Anchor {
        path: path.to_owned(),
        was: (learned != path).then(|| learned.to_owned()),
        drift: None,
        ..anchor.clone()
    }
}

/// Returns when a lesson was last said.
pub(super) fn said_at(lesson: &Lesson) -> Option<Timestamp> {
    lesson.evidence.iter().filter_map(|e| e.turn_ts).max()
}
