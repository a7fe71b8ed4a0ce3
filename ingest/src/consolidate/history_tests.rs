//! What earlier passes left is a help and no input: over any history a pass that uses it does what a
//! pass does that knows nothing.

use std::fs;
use std::path::Path;

use cemem_core::durable::write_durable;
use cemem_core::store::{CandidateFilter, LessonFilter, Store, StoredCandidate};
use cemem_core::{
    Channel, Clock, Exposure, Lesson, LessonStatus, Outcome, Timestamp, Verdict, VerdictSource,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::consolidate;
use super::known::Known;
use super::plan_for;
use super::properties::some;
use super::run::planned;
use super::store_tests::put;

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

fn a_history(steps: Vec<(Step, bool)>) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    let mut store = Store::open(&path, Clock::Fixed(Timestamp(1_800_000_000_000))).unwrap();
    for (step, passes) in steps {
        take(&mut store, step, &path.with_extension("pairs"));
        let (anew, _) = planned(&store, None, &Known::default()).unwrap();
        prop_assert_eq!(&plan_for(&store, None).unwrap(), &anew);
        if !passes {
            continue;
        }
        prop_assert_eq!(&consolidate(&mut store, None).unwrap().0, &anew);
        for _ in 0..2 {
            let (anew, _) = planned(&store, None, &Known::default()).unwrap();
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
    let said = |n: usize| {
        super::tests::said(&format!("s{n}"), n, "Keep path helpers in path_utils.go", 0.95)
    };
    put(&mut store, &[said(1)]);
    assert_eq!(consolidate(&mut store, None).unwrap().1.created, 1);
    assert_eq!(store.note("settled").unwrap(), None, "it has only just changed");
    assert!(consolidate(&mut store, None).unwrap().0.is_empty());
    let settled = store.note("settled").unwrap();
    assert!(settled.is_some());
    // No pass runs: it would find the file gone and make it anew.
    fs::remove_file(path.with_extension("pairs")).unwrap();
    assert!(consolidate(&mut store, None).unwrap().0.is_empty());
    assert!(!path.with_extension("pairs").exists());
    put(&mut store, &[said(2)]);
    assert_eq!(consolidate(&mut store, None).unwrap().1.updated, 1);
    assert!(path.with_extension("pairs").exists());
    assert!(consolidate(&mut store, None).unwrap().0.is_empty());
    take(&mut store, Step::Show(0), &path);
    consolidate(&mut store, None).unwrap();
    assert_ne!(store.note("settled").unwrap(), settled, "a showing counts");
}
