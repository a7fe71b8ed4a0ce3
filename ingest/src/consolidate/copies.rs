//! Sessions that are copies of each other.
//!
//! Owns the question how many sessions really said something. Forks, replays in another agent and
//! second captures repeat whole stretches word by word, often under new ids and times; counting
//! them as repetition would make every passing remark look like a rule. Must not drop evidence.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cemem_core::Evidence;
use cemem_core::store::{SessionRef, StoredCandidate};
use rayon::prelude::*;

use super::facts::{Token, token};

/// Shorter words coincide by chance.
const MIN_QUOTE: usize = 20;
/// This many coinciding utterances make two sessions copies …
const MIN_SHARED: usize = 3;
/// … if they are at least this share of what the smaller one says.
const MIN_SHARE: f32 = 0.3;
/// Words found in more sessions than this are a phrase of the person's, not a copy.
const MAX_HOLDERS: usize = 12;

/// For each session that is a copy, the one that stands for all its copies.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    of: HashMap<(String, String), (String, String)>,
}

impl Origins {
    /// Finds the copies among the sessions of these candidates.
    pub(crate) fn find(live: &[&StoredCandidate]) -> Self {
        let pairs = live.par_iter().filter_map(|stored| Some((said(stored)?, &stored.session)));
        Self::among(pairs.collect())
    }

    /// Finds the copies among sessions, given what each of them says.
    pub(crate) fn among(mut said: Vec<(Token, &SessionRef)>) -> Self {
        // Few words coincide: only there names have to be compared.
        said.par_sort_unstable_by_key(|(words, _)| *words);
        said.chunk_by_mut(|a, b| a.0 == b.0).for_each(<[_]>::sort_unstable);
        said.dedup();
        let mut shared: BTreeMap<(&SessionRef, &SessionRef), usize> = BTreeMap::new();
        for holders in said.chunk_by(|a, b| a.0 == b.0).filter(|h| h.len() <= MAX_HOLDERS) {
            for (at, (_, a)) in holders.iter().enumerate() {
                for (_, b) in &holders[at + 1..] {
                    *shared.entry((*a, *b)).or_default() += 1;
                }
            }
        }
        let mut origins = Self::default();
        if shared.is_empty() {
            return origins;
        }
        let mut says: HashMap<&SessionRef, usize> =
            shared.keys().flat_map(|(a, b)| [(*a, 0), (*b, 0)]).collect();
        for (_, session) in &said {
            if let Some(n) = says.get_mut(session) {
                *n += 1;
            }
        }
        for ((a, b), n) in shared {
            let smaller = says[a].min(says[b]);
            if n >= MIN_SHARED && n as f32 >= smaller as f32 * MIN_SHARE {
                origins.join(&name(a), &name(b));
            }
        }
        origins
    }

    /// Returns what stands for a session and all its copies.
    pub(crate) fn of<'a>(&'a self, engine: &'a str, session: &'a str) -> (&'a str, &'a str) {
        let key = (engine.to_owned(), session.to_owned());
        self.of.get(&key).map_or((engine, session), |(e, s)| (e, s))
    }

    /// Returns the number of distinct sessions or documents behind some evidence.
    pub(crate) fn support(&self, rows: &[Evidence]) -> u32 {
        let place = |e: &'_ Evidence| {
            let (engine, session) = self.of(&e.engine, spoken_in(e));
            (engine.to_owned(), session.to_owned())
        };
        // The same words at the same moment are one utterance, whoever holds a copy.
        let mut said: BTreeMap<_, (String, String)> = BTreeMap::new();
        let mut places = BTreeSet::new();
        for row in rows {
            match row.turn_ts {
                Some(ts) => {
                    let here = place(row);
                    let first =
                        said.entry((ts, row.quote.as_str())).or_insert_with(|| here.clone());
                    if here < *first {
                        *first = here;
                    }
                }
                None => _ = places.insert(place(row)),
            }
        }
        places.extend(said.into_values());
        u32::try_from(places.len()).unwrap_or(u32::MAX)
    }

    /// Returns the sessions that another one stands for, or does not, in only one of both.
    pub(crate) fn changed<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let differs = |a: &'a Self, b: &'a Self| {
            let found = a.of.iter().filter(|(name, at)| b.of.get(*name) != Some(*at));
            found.map(|((engine, session), _)| (engine.as_str(), session.as_str()))
        };
        differs(self, other).chain(differs(other, self))
    }

    fn join(&mut self, a: &(String, String), b: &(String, String)) {
        let root = |of: &HashMap<_, (String, String)>, x: &(String, String)| {
            of.get(x).cloned().unwrap_or_else(|| x.clone())
        };
        let (ra, rb) = (root(&self.of, a), root(&self.of, b));
        let (keep, gone) = if ra <= rb { (ra, rb) } else { (rb, ra) };
        for target in self.of.values_mut().filter(|t| **t == gone) {
            *target = keep.clone();
        }
        for member in [a.clone(), b.clone(), gone] {
            if member != keep {
                self.of.insert(member, keep.clone());
            }
        }
    }
}

/// Returns what a candidate says as far as copies show in it: the words of a person, if they are long
/// enough not to coincide by chance.
pub(crate) fn said(stored: &StoredCandidate) -> Option<Token> {
    let first = stored.candidate.evidence.first()?;
    let counts = first.actor == "user" && first.quote.len() >= MIN_QUOTE;
    counts.then(|| token([first.quote.as_str()]))
}

/// Returns the session or document that a row of evidence is from.
pub(crate) fn spoken_in(row: &Evidence) -> &str {
    if row.session.is_empty() { &row.source_path } else { &row.session }
}

fn name(session: &SessionRef) -> (String, String) {
    (session.engine.clone(), session.id.clone())
}

#[cfg(test)]
mod tests {
    use super::super::tests::said as a_candidate;
    use super::*;

    #[test]
    fn a_replay_is_no_repetition_but_a_repeated_phrase_is() {
        let words = |n: usize| format!("Some quite long utterance number {n}");
        let mut all = Vec::new();
        for (at, session) in ["a", "b"].into_iter().enumerate() {
            all.extend((0..4).map(|n| a_candidate(session, at * 100 + n, &words(n), 0.5)));
        }
        all.push(a_candidate("c", 300, &words(0), 0.5));
        let live: Vec<_> = all.iter().collect();
        let origins = Origins::find(&live);
        let engine = "claude-code";
        assert_eq!(origins.of(engine, "b"), (engine, "a"));
        assert_eq!(origins.of(engine, "c"), (engine, "c"));
        let rows: Vec<_> = [0, 4, 8].map(|i| all[i].candidate.evidence[0].clone()).into();
        assert_eq!(origins.support(&rows), 2);
    }
}
