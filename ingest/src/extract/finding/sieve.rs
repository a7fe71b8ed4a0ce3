//! Which events of a very large report can matter, told before they are decoded.
//!
//! Owns the same choice that [`super::find`] makes among the findings of programs, from a few fields of
//! each. Must not drop what is no finding of a program.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};

use cemem_core::store::RawEvent;
use cemem_core::{AuthorKind, FindingStatus, Severity, Timestamp};
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
        let clock = self.clocks.entry(event.source).or_insert(Timestamp(i64::MIN));
        *clock = event.ts.unwrap_or(*clock);
        let place = (*clock, event.seq);
        let is_finding = event.kind == "finding";
        let brief = is_finding.then(|| serde_json::from_str::<Brief<'_>>(event.body).ok());
        let Some(brief) = brief.flatten() else {
            self.others.insert(event.seq);
            return;
        };
        let row = hash(event.row_id);
        self.findings.push((event.seq, row));
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

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
