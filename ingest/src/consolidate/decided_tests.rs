//! Tests of what the pass makes of a person's decisions: rejected, merged, put off.

use cemem_core::store::{Decision, LessonFilter, Store};
use cemem_core::{Clock, Lesson, LessonStatus, Signal, Timestamp};

use super::store_tests::{put, store};
use super::tests::said;
use super::{consolidate, plan_for};

const NOW: i64 = 1_800_000_000_000;

fn lessons(store: &Store) -> Vec<Lesson> {
    let mut lessons = store.lessons(&LessonFilter::default()).unwrap();
    lessons.sort_by(|a, b| a.rule.cmp(&b.rule));
    lessons
}

fn decide(store: &mut Store, lessons: &[Lesson]) -> i64 {
    store.put_decisions(&[Decision { lessons, verb: "test", note: "" }], "user").unwrap()
}

#[test]
fn what_was_rejected_does_not_come_back_in_other_words_or_from_other_sessions() {
    let mut store = store();
    put(&mut store, &[said("a", 1, "Run the integration tests before pushing", 0.6)]);
    consolidate(&mut store, None).unwrap();
    let mut rejected = lessons(&store);
    assert_eq!(rejected[0].status, LessonStatus::Candidate);
    (rejected[0].status, rejected[0].reviewed) = (LessonStatus::Retired, true);
    decide(&mut store, &rejected);
    for (n, again) in [
        "always run integration tests before pushing",
        "run integration tests before \
                       you push, always",
        "Run the integration tests before pushing",
    ]
    .into_iter()
    .enumerate()
    {
        put(&mut store, &[said(&format!("later {n}"), 10 + n, again, 0.95)]);
        consolidate(&mut store, None).unwrap();
    }
    let left = lessons(&store);
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!((left[0].status, left[0].evidence.len()), (LessonStatus::Retired, 4));
    // Another rule is not held back by it.
    put(&mut store, &[said("z", 99, "Write the changelog before tagging a release", 0.95)]);
    consolidate(&mut store, None).unwrap();
    assert_eq!(lessons(&store).len(), 2);
}

#[test]
fn a_rejected_fix_does_not_come_back() {
    let mut store = store();
    let fix = |session: &str, n: usize| {
        let mut fix = said(session, n, "Satisfy `errcheck`: use what the call returns", 0.6);
        fix.candidate.signal = Signal::FailFix;
        fix.candidate.title = "`go vet` fails with errcheck".into();
        fix
    };
    put(&mut store, &[fix("a", 1)]);
    consolidate(&mut store, None).unwrap();
    let mut rejected = lessons(&store);
    assert_eq!(rejected.len(), 1);
    (rejected[0].status, rejected[0].reviewed) = (LessonStatus::Retired, true);
    decide(&mut store, &rejected);
    for n in 0..5 {
        put(&mut store, &[fix(&format!("later {n}"), 10 + n)]);
        consolidate(&mut store, None).unwrap();
    }
    let left = lessons(&store);
    assert_eq!((left.len(), left[0].status), (1, LessonStatus::Retired), "{left:#?}");
}

#[test]
fn a_fix_whose_rule_a_person_wrote_does_not_come_back_beside_it() {
    let mut store = store();
    let fix = |session: &str, n: usize| {
        let mut fix = said(session, n, "Return what the contract says", 0.6);
        fix.candidate.signal = Signal::FailFix;
        fix.candidate.title = "`go test` fails: expected 200, got 404".into();
        fix
    };
    put(&mut store, &[fix("a", 1)]);
    consolidate(&mut store, None).unwrap();
    let mut edited = lessons(&store);
    (edited[0].status, edited[0].reviewed) = (LessonStatus::Active, true);
    edited[0].rule = "Return 201 from the create handler".into();
    decide(&mut store, &edited);
    put(&mut store, &[fix("later", 10)]);
    consolidate(&mut store, None).unwrap();
    let left = lessons(&store);
    assert_eq!((left.len(), left[0].evidence.len()), (1, 2), "{left:#?}");
}

#[test]
fn a_merge_by_hand_takes_what_comes_later_and_can_be_undone() {
    let mut store = store();
    let both = [
        said("a", 1, "Fetch packages through pnpm only", 0.6),
        said("b", 2, "Run the integration tests before pushing", 0.6),
    ];
    put(&mut store, &both);
    consolidate(&mut store, None).unwrap();
    let before = lessons(&store);
    let [mut into, mut from]: [Lesson; 2] = before.clone().try_into().unwrap();
    into.evidence.extend(from.evidence.clone());
    (into.reviewed, into.status, into.support) = (true, LessonStatus::Active, 2);
    (from.reviewed, from.status) = (true, LessonStatus::Superseded);
    from.superseded_by = Some(into.id.clone());
    assert!(from.is_merged_into(&into));
    let op = decide(&mut store, &[into.clone(), from.clone()]);
    assert!(plan_for(&store, None).unwrap().is_empty(), "{:#?}", plan_for(&store, None));

    // Undone and done again, everything is where it was: the candidates were not moved.
    let undone = store.undo(Some(op), "user").unwrap();
    assert_eq!(lessons(&store), before);
    assert!(plan_for(&store, None).unwrap().is_empty(), "{:#?}", plan_for(&store, None));
    store.undo(Some(undone.by), "user").unwrap();

    put(&mut store, &[said("c", 3, "always run integration tests before pushing", 0.6)]);
    consolidate(&mut store, None).unwrap();
    let after = lessons(&store);
    assert_eq!(after.len(), 2, "{after:#?}");
    assert_eq!((after[0].evidence.len(), after[1].evidence.len()), (3, 1));
    assert_eq!(after[1], from);
    assert!(plan_for(&store, None).unwrap().is_empty());
}

#[test]
fn lessons_that_replace_each_other_in_a_ring_are_read_to_an_end() {
    let mut store = store();
    put(
        &mut store,
        &[
            said("a", 1, "Fetch packages through pnpm only", 0.6),
            said("b", 2, "The lockfile of yarn has no place here", 0.6),
        ],
    );
    consolidate(&mut store, None).unwrap();
    let mut ring = lessons(&store);
    let rows: Vec<_> = ring.iter().flat_map(|l| l.evidence.clone()).collect();
    let ids = [ring[1].id.clone(), ring[0].id.clone()];
    for (lesson, other) in ring.iter_mut().zip(ids) {
        (lesson.reviewed, lesson.status) = (true, LessonStatus::Superseded);
        (lesson.superseded_by, lesson.evidence) = (Some(other), rows.clone());
    }
    decide(&mut store, &ring);
    consolidate(&mut store, None).unwrap();
    assert!(plan_for(&store, None).unwrap().is_empty(), "{:#?}", plan_for(&store, None));
}

#[test]
fn what_was_put_off_comes_back_with_new_evidence_only() {
    let mut store = store();
    put(&mut store, &[said("a", 1, "Run the integration tests before pushing", 0.5)]);
    consolidate(&mut store, None).unwrap();
    let mut off = lessons(&store);
    off[0].snoozed_until = Some(Timestamp(NOW + 1));
    assert!(off[0].is_waiting() && off[0].is_snoozed(Timestamp(NOW)));
    assert!(!off[0].is_snoozed(Timestamp(NOW + 1)));
    decide(&mut store, &off);
    put(&mut store, &[said("a", 1, "Run the integration tests before pushing", 0.5)]);
    put(&mut store, &[said("b", 2, "Write the changelog before tagging a release", 0.5)]);
    consolidate(&mut store, None).unwrap();
    assert!(lessons(&store)[0].snoozed_until.is_some(), "nothing new was said of it");

    put(&mut store, &[said("c", 3, "always run integration tests before pushing", 0.4)]);
    consolidate(&mut store, None).unwrap();
    let back = lessons(&store);
    assert_eq!((back[0].snoozed_until, back[0].evidence.len()), (None, 2), "{back:#?}");
    assert_eq!(store.clock(), Clock::Fixed(Timestamp(NOW)));
}
