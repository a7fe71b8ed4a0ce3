//! Made-up lessons, candidates and questions.
//!
//! Owns their shape: every lesson is active, has evidence and a path it applies to. Must not depend
//! on a store: ids are derived from the seed and the index.

use std::collections::HashSet;

use cemem_core::{
    AppliesWhen, Candidate, CandidateKey, Evidence, Lesson, LessonId, LessonStatus, LessonType,
    Scope, Signal, Timestamp, Trust,
};

use super::words::{AREAS, noun, path, reason, rule, symbol, tool};
use crate::rng::Rng;

/// 2026-01-01, the day the made-up history starts.
const EPOCH_MS: i64 = 1_767_225_600_000;
const MINUTE_MS: i64 = 60_000;

/// Returns `n` active lessons with distinct ids; lesson `i` is the same whatever `n` is.
#[must_use]
pub fn lessons(seed: u64, n: usize) -> Vec<Lesson> {
    let mut taken = HashSet::with_capacity(n);
    (0..n)
        .map(|i| {
            let mut rng = numbered(seed, i);
            let name = format!("{seed}/{i}");
            let id = (0..)
                .map(|extra| LessonId::derive(&name, extra))
                .find(|id| taken.insert(id.clone()))
                .expect("a longer id is free before the digits run out");
            lesson(&mut rng, id, i)
        })
        .collect()
}

/// Returns `n` candidates with distinct keys, spread over about `n / 8` sessions.
#[must_use]
pub fn candidates(seed: u64, n: usize) -> Vec<Candidate> {
    (0..n)
        .map(|i| {
            let mut rng = numbered(seed, i);
            let made = lesson(&mut rng, LessonId::derive("candidate", 0), i);
            let signal = Signal::ALL[rng.below(Signal::ALL.len() - 1)];
            let event = format!("synthetic-{seed}-{i}");
            Candidate {
                key: CandidateKey::derive(signal.as_str(), [("claude-code", event.as_str())]),
                signal,
                lesson_type: made.lesson_type,
                title: made.title,
                rule: made.rule,
                why: made.why,
                body: None,
                applies_when: made.applies_when,
                anchors: Vec::new(),
                trust: Trust::User,
                correction: fraction(&mut rng),
                durable: fraction(&mut rng),
                evidence: made.evidence,
                extra: serde_json::Value::Null,
            }
        })
        .collect()
}

/// Returns `n` questions a person or an agent might ask about [`lessons`]; one in ten is about
/// something no lesson mentions.
#[must_use]
pub fn queries(seed: u64, n: usize) -> Vec<String> {
    (0..n)
        .map(|i| {
            let mut rng = numbered(seed ^ 0x5155_4552, i);
            let area = AREAS[rng.zipf(AREAS.len())];
            match rng.below(10) {
                0 => "knitting pattern for a cardigan with raglan sleeves".to_owned(),
                1 | 2 => format!("{area} {}", symbol(&mut rng)),
                3 | 4 => format!("why does {} fail in {area}", tool(&mut rng)),
                5 => path(&mut rng, area),
                6 | 7 => format!("{area} {} {}", noun(&mut rng), noun(&mut rng)),
                _ => rule(&mut rng, area),
            }
        })
        .collect()
}

fn lesson(rng: &mut Rng, id: LessonId, i: usize) -> Lesson {
    let area = AREAS[rng.zipf(AREAS.len())];
    let rule = rule(rng, area);
    let title = format!("{area}: {} {}", noun(rng), noun(rng));
    let why = (!rng.one_in(4)).then(|| reason(rng, area));
    let applies_when = AppliesWhen {
        paths: vec![path(rng, area)],
        commands: if rng.one_in(3) { vec![tool(rng).to_owned()] } else { Vec::new() },
        symbols: if rng.one_in(2) { vec![symbol(rng)] } else { Vec::new() },
        tags: vec![area.to_owned()],
        ..AppliesWhen::default()
    };
    let minutes = i64::try_from(i).expect("fewer lessons than i64 can count");
    let created = Timestamp(EPOCH_MS + minutes * MINUTE_MS);
    let evidence = Evidence {
        engine: "claude-code".into(),
        session: format!("synthetic-{}", i / 8),
        source_path: format!("sessions/synthetic-{}.jsonl", i / 8),
        event_uuid: rng.uuid(),
        event_key: format!("synthetic-{i}"),
        turn_ts: Some(created),
        actor: "user".into(),
        quote: rule.clone(),
    };
    Lesson {
        id,
        lesson_type: LessonType::ALL[rng.zipf(LessonType::ALL.len())],
        title,
        rule,
        why,
        body: None,
        applies_when,
        anchors: Vec::new(),
        evidence: vec![evidence],
        trust: Trust::User,
        status: LessonStatus::Active,
        reviewed: false,
        snoozed_until: None,
        confidence: 0.5 + fraction(rng) / 2.0,
        support: 1 + u32::try_from(rng.zipf(6)).expect("below 6"),
        scope: Scope::Project,
        valid_from: Some(created),
        valid_to: None,
        supersedes: Vec::new(),
        superseded_by: None,
        contradicts: Vec::new(),
        created,
        updated: created,
        extra: serde_json::Value::Null,
    }
}

fn numbered(seed: u64, i: usize) -> Rng {
    let i = u64::try_from(i).expect("usize fits in u64 on every supported platform");
    Rng::new(Rng::new(seed).next_u64() ^ i.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Returns a number in 0..1 with two decimals.
fn fraction(rng: &mut Rng) -> f32 {
    f32::from(u8::try_from(rng.below(100)).expect("below 100")) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_list_starts_with_the_shorter_one() {
        let (short, long) = (lessons(7, 50), lessons(7, 400));
        assert_eq!(short[..], long[..50]);
        assert_ne!(lessons(8, 50), short);
        let ids: HashSet<_> = long.iter().map(|lesson| &lesson.id).collect();
        assert_eq!(ids.len(), 400);
    }

    #[test]
    fn the_vocabulary_grows_with_the_corpus_as_in_real_text() {
        let distinct = |n: usize| {
            lessons(1, n)
                .iter()
                .flat_map(|lesson| {
                    lesson.rule.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
                })
                .collect::<HashSet<_>>()
                .len()
        };
        let (small, large) = (distinct(200), distinct(2_000));
        assert!(small > 200 && large > 2 * small && large < 10 * small, "{small} then {large}");
    }

    #[test]
    fn every_lesson_and_candidate_has_evidence_and_distinct_keys() {
        assert!(lessons(3, 100).iter().all(|lesson| !lesson.evidence.is_empty()));
        let found = candidates(3, 500);
        let keys: HashSet<_> = found.iter().map(|candidate| &candidate.key).collect();
        assert_eq!(keys.len(), 500);
        assert!(found.iter().all(|candidate| !candidate.evidence.is_empty()));
    }
}
