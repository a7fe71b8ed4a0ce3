//! What earlier passes left is a help and no input: over any history a pass that uses it does what a
//! pass does that knows nothing.

use std::fs;
use std::path::Path;

use cemem_core::durable::write_durable;
use cemem_core::store::{CandidateFilter, LessonFilter, Store, StoredCandidate};
use cemem_core::{
    Advice, Channel, Clock, Exposure, Lesson, LessonId, LessonStatus, Outcome, Phrasing, Plan,
    Timestamp, Verdict, VerdictSource,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::consolidate;
use super::known::Known;
use super::part::{Looked, part};
use super::plan_for;
use super::properties::some;
use super::run::planned;
use super::store_tests::put;
use super::tests::said;

/// Something that happens to a store between two passes.
#[derive(Debug, Clone)]
enum Step {
    /// Sessions are read, for the first time or again.
    Read(Vec<StoredCandidate>),
    /// A session turns out to hold nothing.
    Empty(usize),
    /// The newest change is undone.
    Undo,
    /// A person accepts, rejects or edits a lesson.
    Decide(usize, LessonStatus, bool),
    /// A lesson is shown many times.
    Show(usize),
    /// Somebody says that a lesson misled.
    Harm(usize),
    /// A person merges a lesson into another one.
    Merge(usize, usize),
    /// A distiller finds words for a candidate, or says that it is no lesson.
    Phrase(usize, Advice),
    /// Lessons come from elsewhere, one of them resting on a session that is read here, too.
    Import(usize),
    /// What was kept is cut off, turned into something else, or taken away.
    Damage(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let status = prop::sample::select(
        &[LessonStatus::Active, LessonStatus::Retired, LessonStatus::Stale][..],
    );
    prop_oneof![
        4 => some().prop_map(Step::Read),
        1 => (0..5usize).prop_map(Step::Empty),
        1 => Just(Step::Undo),
        2 => (0..9usize, status, any::<bool>()).prop_map(|(n, s, edit)| Step::Decide(n, s, edit)),
        1 => (0..9usize).prop_map(Step::Show),
        1 => (0..9usize).prop_map(Step::Harm),
        1 => (0..9usize, 0..9usize).prop_map(|(a, b)| Step::Merge(a, b)),
        1 => (0..40usize, prop::sample::select(&[Advice::Keep, Advice::NotALesson][..]))
            .prop_map(|(n, advice)| Step::Phrase(n, advice)),
        1 => (0..40usize).prop_map(Step::Import),
        1 => (0..99usize).prop_map(Step::Damage),
    ]
}

fn nth(store: &Store, n: usize) -> Option<Lesson> {
    let lessons = store.lessons(&LessonFilter::default()).unwrap();
    lessons.get(n % lessons.len().max(1)).cloned()
}

fn take(store: &mut Store, step: Step, kept: &Path) {
    match step {
        Step::Read(candidates) => put(store, &candidates),
        Step::Empty(n) => {
            let candidates = store.candidates(CandidateFilter::Live).unwrap();
            if let Some(stored) = candidates.get(n * 7) {
                let through = store.last_event().unwrap();
                store.replace_candidates(&[(stored.session.clone(), Vec::new())], through).unwrap();
            }
        }
        Step::Undo => drop(store.undo(None, "user")),
        Step::Decide(n, status, edit) => {
            let Some(mut lesson) = nth(store, n) else { return };
            (lesson.status, lesson.reviewed) = (status, true);
            if edit {
                lesson.rule.push_str(" in the worker");
            }
            store.update_lesson(&lesson, "user", "edit").unwrap();
        }
        Step::Show(n) => {
            let Some(lesson) = nth(store, n) else { return };
            let shown = Exposure {
                lesson: lesson.id,
                ts: Timestamp(1_790_000_000_000),
                until: None,
                channel: Channel::Recall,
                session: None,
                place: "a question".into(),
                rank: 0,
            };
            store.record_exposures(&vec![shown; 30]).unwrap();
        }
        Step::Harm(n) => {
            let Some(lesson) = nth(store, n) else { return };
            let said = Outcome {
                lesson: lesson.id,
                ts: Timestamp(1_790_000_000_000),
                verdict: Verdict::Harmed,
                source: VerdictSource::Feedback,
                session: None,
                event_key: String::new(),
                note: String::new(),
            };
            store.record_feedback(&[said]).unwrap();
        }
        Step::Merge(a, b) => {
            let (Some(mut a), Some(mut b)) = (nth(store, a), nth(store, b)) else { return };
            if a.id == b.id {
                return;
            }
            b.evidence.extend(a.evidence.clone());
            (a.status, a.superseded_by) = (LessonStatus::Superseded, Some(b.id.clone()));
            (a.reviewed, b.reviewed) = (true, true);
            store.put_lessons(&[a, b], "user", "merge", "").unwrap();
        }
        Step::Phrase(n, advice) => {
            let candidates = store.candidates(CandidateFilter::Live).unwrap();
            let Some(of) = candidates.get(n % candidates.len().max(1)) else { return };
            let phrasing = Phrasing {
                candidates: vec![of.candidate.key.clone()],
                advice,
                lesson_type: None,
                title: "Told better".into(),
                rule: format!("{}, as told better", of.candidate.rule),
                why: None,
                applies_when: Default::default(),
                paraphrase: n % 2 == 0,
                by: "agent".into(),
                ts: Timestamp(n as i64),
            };
            store.put_phrasings(&[phrasing]).unwrap();
        }
        Step::Import(n) => {
            // Of the five sessions that are read here.
            let there = said(&format!("s{}", n % 5), n, "Never commit generated files", 0.9);
            let Some(mut lesson) = nth(store, n) else { return };
            lesson.id = LessonId::derive(&format!("import {n}"), 0);
            (lesson.reviewed, lesson.evidence) = (false, there.candidate.evidence);
            lesson.rule = there.candidate.rule;
            store.put_lessons(&[lesson], "import", "import", "a file").unwrap();
        }
        Step::Damage(n) => {
            let mut bytes = fs::read(kept).unwrap_or_default();
            match n % 3 {
                0 => bytes.truncate(n),
                1 => bytes.iter_mut().skip(n).take(3).for_each(|b| *b = !*b),
                _ => return drop(fs::remove_file(kept)),
            }
            write_durable(kept, &bytes).unwrap();
        }
    }
}

/// Returns what a pass does that knows nothing.
fn plan_anew(store: &Store) -> Plan {
    let seen = store.unsettled().unwrap();
    planned(store, None, &seen, Known::default()).unwrap().0
}

fn a_history(steps: Vec<(Step, bool)>) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    let mut store = Store::open(&path, Clock::Fixed(Timestamp(1_800_000_000_000))).unwrap();
    for (step, passes) in steps {
        take(&mut store, step, &path.with_extension("pass"));
        let anew = plan_anew(&store);
        prop_assert_eq!(&plan_for(&store, None).unwrap(), &anew);
        if !passes {
            continue;
        }
        prop_assert_eq!(&consolidate(&mut store, None).unwrap().0, &anew);
        for _ in 0..2 {
            let anew = plan_anew(&store);
            prop_assert_eq!(&consolidate(&mut store, None).unwrap().0, &anew);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_pass_that_knows_does_what_one_does_that_does_not(
        steps in prop::collection::vec((step(), prop::bool::weighted(0.8)), 1..9),
    ) {
        a_history(steps)?;
    }
}

#[test]
fn a_settled_store_is_left_alone_until_something_is_read_that_a_pass_looks_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    let mut store = Store::open(&path, Clock::Fixed(Timestamp(1_800_000_000_000))).unwrap();
    let one = |n: usize| said(&format!("s{n}"), n, "Keep path helpers in path_utils.go", 0.95);
    put(&mut store, &[one(1)]);
    assert_eq!(consolidate(&mut store, None).unwrap().1.created, 1);
    assert!(!store.unsettled().unwrap().is_empty(), "it has only just changed");
    assert!(consolidate(&mut store, None).unwrap().0.is_empty());
    assert!(store.unsettled().unwrap().is_empty());
    // No pass runs: it would find the file gone and make it anew.
    fs::remove_file(path.with_extension("pass")).unwrap();
    assert!(consolidate(&mut store, None).unwrap().0.is_empty());
    assert!(!path.with_extension("pass").exists());
    put(&mut store, &[one(2)]);
    assert_eq!(consolidate(&mut store, None).unwrap().1.updated, 1);
    assert!(path.with_extension("pass").exists());
    assert!(consolidate(&mut store, None).unwrap().0.is_empty());
    take(&mut store, Step::Show(0), &path);
    assert_eq!(store.unsettled().unwrap().lessons.len(), 1, "a showing counts");
    for _ in 0..2 {
        consolidate(&mut store, None).unwrap();
    }
    assert!(store.unsettled().unwrap().is_empty());
}

#[test]
fn what_another_store_left_under_the_right_name_is_as_good_as_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| {
        let clock = Clock::Fixed(Timestamp(1_800_000_000_000));
        Store::open(&folder.path().join(name).join("memory.db"), clock).unwrap()
    };
    let (mut store, mut other) = (open("a"), open("b"));
    put(&mut store, &[said("a", 1, "Never commit generated files", 0.95)]);
    put(&mut other, &[said("b", 2, "Commit generated files", 0.95)]);
    for store in [&mut store, &mut other] {
        for _ in 0..2 {
            consolidate(store, None).unwrap();
        }
    }
    let stamp = store.unsettled().unwrap().stamp.unwrap();
    Known { stamp, ..Known::beside(&other) }.keep_beside(&store);
    put(&mut store, &[said("c", 3, "don't commit generated files", 0.95)]);
    let anew = plan_anew(&store);
    assert_eq!(consolidate(&mut store, None).unwrap().0, anew);
}

#[test]
fn of_a_settled_store_only_what_is_new_and_tied_to_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    let mut store = Store::open(&path, Clock::Fixed(Timestamp(1_800_000_000_000))).unwrap();
    let topics = ["footer", "parser", "worker", "ledger", "router", "cache", "locale", "replica"];
    let rule = |n: usize| format!("Keep the {} helpers in {}.go", topics[n % 8], topics[n / 8]);
    let all: Vec<_> = (0..64).map(|n| said(&format!("s{n}"), n, &rule(n), 0.95)).collect();
    put(&mut store, &all);
    for _ in 0..2 {
        consolidate(&mut store, None).unwrap();
    }
    let size = |store: &Store| {
        let (known, seen) = (Known::beside(store), store.unsettled().unwrap());
        match part(store, known, &seen, &[]).unwrap() {
            Looked::Part(part) => (part.candidates.len(), part.lessons.len()),
            Looked::Whole(_) => panic!("everything was looked at"),
        }
    };
    assert_eq!(size(&store), (0, 0));
    put(&mut store, &[said("new", 100, "keep the cache helpers in parser.go, please", 0.95)]);
    assert_eq!(size(&store), (2, 1), "it and what says the same");
    consolidate(&mut store, None).unwrap();
    assert_eq!(store.log(1).unwrap()[0].verb, "reinforce");
    put(&mut store, &[said("other", 101, "Never keep the footer helpers in footer.go", 0.95)]);
    assert_eq!(size(&store), (4, 2), "what was reinforced, and what cannot both hold");
    consolidate(&mut store, None).unwrap();
    let verbs: Vec<_> = store.log(2).unwrap().into_iter().map(|row| row.verb).collect();
    assert!(verbs.contains(&"contradict".to_owned()), "{verbs:?}");
}
