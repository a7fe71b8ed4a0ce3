//! Which events of a very large report can matter, told before they are decoded.
//!
//! Owns the same choice that [`super::find`] makes among the findings of programs, from a few fields of
//! each. Must not drop what is no finding of a program.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};

use cemem_core::store::{Batch, RawEvent, SessionRef, StoreError};
use cemem_core::{AuthorKind, Event, EventKind, FindingStatus, Severity, Timestamp};
use serde::Deserialize;

use super::MAX_A_REPORT;

/// What is looked at of a finding.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Brief<'a> {
    #[serde(borrow)]
    fingerprint: Cow<'a, str>,
    severity: Severity,
    status: FindingStatus,
    author_kind: AuthorKind,
    reply: bool,
}

/// How a finding stands after the last event of its row, in a few bytes: there may be very many.
struct Standing {
    fingerprint: u64,
    severity: Severity,
    dismissed: bool,
    /// A program's, and no reply to another.
    counts: bool,
    /// Its place in the session's order of time, as in [`cemem_core::Store::session_events`].
    place: (Timestamp, i64),
}

/// See the module.
#[derive(Default)]
pub(crate) struct Sieve {
    rows: HashMap<u64, Standing>,
    /// Rows in which a person spoke.
    people: HashSet<u64>,
    /// Findings, with the row of each.
    findings: Vec<(i64, u64)>,
    others: BTreeSet<i64>,
    /// The last time that each file told.
    clocks: HashMap<i64, Timestamp>,
}

impl Sieve {
    /// Takes the next event of the session, in order of arrival.
    pub(crate) fn look(&mut self, event: &RawEvent<'_>) {
        let is_finding = event.kind == "finding";
        let brief = is_finding.then(|| serde_json::from_str::<Brief<'_>>(event.body).ok());
        let place = (self.time(event.source, event.ts), event.seq);
        self.take(place, event.row_id, brief.flatten());
    }

    /// Takes the next event of the session while its file is read; how many came before is its number.
    fn hear(&mut self, event: &Event) {
        let brief = match &event.kind {
            EventKind::Finding(finding) => Some(Brief {
                fingerprint: Cow::Borrowed(finding.fingerprint.as_str()),
                severity: finding.severity,
                status: finding.status,
                author_kind: finding.author_kind,
                reply: finding.reply,
            }),
            _ => None,
        };
        let number = i64::try_from(self.len()).expect("events that are held can be counted");
        let place = (self.time(0, event.ts), number);
        self.take(place, &event.row_id, brief);
    }

    /// Returns the number of events taken.
    fn len(&self) -> usize {
        self.findings.len() + self.others.len()
    }

    /// Returns an event's time: its own, or the last one told in its file.
    fn time(&mut self, source: i64, own: Option<Timestamp>) -> Timestamp {
        let clock = self.clocks.entry(source).or_insert(Timestamp(i64::MIN));
        *clock = own.unwrap_or(*clock);
        *clock
    }

    fn take(&mut self, place: (Timestamp, i64), row_id: &str, brief: Option<Brief<'_>>) {
        let Some(brief) = brief else {
            self.others.insert(place.1);
            return;
        };
        let row = hash(row_id);
        self.findings.push((place.1, row));
        if brief.author_kind == AuthorKind::Human {
            self.people.insert(row);
        }
        let standing = Standing {
            fingerprint: hash(&brief.fingerprint),
            severity: brief.severity,
            dismissed: brief.status == FindingStatus::Dismissed,
            counts: brief.author_kind != AuthorKind::Human && !brief.reply,
            place,
        };
        if self.rows.get(&row).is_none_or(|known| known.place < place) {
            self.rows.insert(row, standing);
        }
    }

    /// Returns the numbers of the events that are worth decoding.
    pub(crate) fn wanted(self) -> BTreeSet<i64> {
        let mut groups: HashMap<u64, &Standing> = HashMap::new();
        let mut dismissed = HashSet::new();
        for standing in self.rows.values() {
            if standing.dismissed {
                dismissed.insert(standing.fingerprint);
            }
            if standing.dismissed || !standing.counts {
                continue;
            }
            let first = groups.entry(standing.fingerprint).or_insert(standing);
            if standing.place < first.place {
                *first = standing;
            }
        }
        groups.retain(|fingerprint, _| !dismissed.contains(fingerprint));
        let mut worst: Vec<&Standing> = groups.into_values().collect();
        worst.sort_unstable_by_key(|s| (Reverse(s.severity), s.place));
        worst.truncate(MAX_A_REPORT);
        let worst: HashSet<u64> = worst.into_iter().map(|s| s.fingerprint).collect();
        let is_worst = |row| self.rows.get(row).is_some_and(|s| worst.contains(&s.fingerprint));
        let kept = |row| self.people.contains(row) || is_worst(row);
        let findings = self.findings.iter().filter(|(_, row)| kept(row)).map(|(seq, _)| *seq);
        self.others.iter().copied().chain(findings).collect()
    }
}

/// The sieves of large files, filled while those were read.
#[derive(Default)]
pub(crate) struct Sieves(HashMap<SessionRef, Sieve>);

impl Sieves {
    /// Takes the next events of a file, in order.
    pub(crate) fn hear(&mut self, batch: &Batch) {
        for (session, events) in &batch.sessions {
            let session = SessionRef { engine: session.engine.clone(), id: session.id.clone() };
            let sieve = self.0.entry(session).or_default();
            events.iter().for_each(|event| sieve.hear(event));
        }
    }

    /// Adds those of another file.
    pub(crate) fn absorb(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Returns which of a session's events, whose numbers in the store these are, are worth decoding;
    /// `None` unless all of them were heard.
    pub(crate) fn wanted(
        &mut self,
        session: &SessionRef,
        numbers: impl FnOnce() -> Result<Vec<i64>, StoreError>,
    ) -> Result<Option<BTreeSet<i64>>, StoreError> {
        let Some(sieve) = self.0.remove(session) else { return Ok(None) };
        let numbers = numbers()?;
        if numbers.len() != sieve.len() {
            return Ok(None);
        }
        let stored = |heard: i64| usize::try_from(heard).ok().and_then(|at| numbers.get(at));
        Ok(Some(sieve.wanted().into_iter().filter_map(stored).copied().collect()))
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
