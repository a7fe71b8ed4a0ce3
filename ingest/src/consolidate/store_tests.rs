//! Tests of the pass on a real store.

use cemem_core::store::{
    Batch, CandidateFilter, CandidateState, LessonFilter, Store, StoredCandidate,
};
use cemem_core::{Actor, Clock, Cursor, Event, EventKind, LessonStatus, Session, Timestamp};

use super::tests::said;
use super::{consolidate, plan_for};

pub(super) fn store() -> Store {
    Store::open_in_memory(Clock::Fixed(Timestamp(1_800_000_000_000))).unwrap()
}

/// Puts the candidates and the events they rest on into the store.
pub(super) fn put(store: &mut Store, candidates: &[StoredCandidate]) {
    for stored in candidates {
        let evidence = &stored.candidate.evidence[0];
        let event = Event {
            key: evidence.event_key.clone(),
            row_id: evidence.event_uuid.clone(),
            ts: evidence.turn_ts,
            actor: Actor::User,
            kind: EventKind::UserPrompt { text: evidence.quote.clone(), steering: false },
            cwd: None,
            branch: None,
            offset: 0,
            len: 1,
        };
        let session = Session {
            engine: stored.session.engine.clone(),
            id: stored.session.id.clone(),
            ..Session::default()
        };
        let cursor = Cursor { path: evidence.source_path.clone(), ..Cursor::default() };
        store.append(&[Batch { cursor, sessions: vec![(session, vec![event])] }]).unwrap();
    }
    let mut by_session = std::collections::BTreeMap::new();
    for stored in candidates {
        let of_session: &mut Vec<_> = by_session.entry(stored.session.clone()).or_default();
        of_session.push(stored.candidate.clone());
    }
    let through = store.last_event().unwrap();
    store.replace_candidates(&by_session.into_iter().collect::<Vec<_>>(), through).unwrap();
}

#[test]
fn a_pass_is_stored_and_the_next_one_is_empty() {
    let mut store = store();
    put(
        &mut store,
        &[
            said("a", 1, "Run the integration tests before pushing", 0.5),
            said("b", 2, "always run integration tests before pushing", 0.6),
            said("c", 3, "Rename this variable", 0.05),
        ],
    );
    let (plan, applied) = consolidate(&mut store, None).unwrap();
    assert_eq!((applied.created, applied.dropped, plan.actions.len()), (1, 1, 2));
    let lessons = store.lessons(&LessonFilter::default()).unwrap();
    assert_eq!((lessons[0].support, lessons[0].status), (2, LessonStatus::Active));
    assert!(plan_for(&store, None).unwrap().is_empty());
    let states = store.candidates(CandidateFilter::Live).unwrap();
    let absorbed = |c: &&StoredCandidate| matches!(c.state, CandidateState::Absorbed(_));
    assert_eq!(states.iter().filter(absorbed).count(), 2);
}

#[test]
fn what_a_person_undid_does_not_come_back() {
    let mut store = store();
    put(&mut store, &[said("a", 1, "Keep path helpers in path_utils.go", 0.95)]);
    consolidate(&mut store, None).unwrap();
    store.undo(None, "user").unwrap();
    put(&mut store, &[said("b", 2, "keep the path helpers in path_utils.go", 0.95)]);
    consolidate(&mut store, None).unwrap();
    let lessons = store.lessons(&LessonFilter::default()).unwrap();
    assert_eq!(lessons.len(), 1);
    assert_eq!((lessons[0].status, lessons[0].evidence.len()), (LessonStatus::Retired, 2));
    assert!(plan_for(&store, None).unwrap().is_empty());
}

#[test]
fn reviewed_evidence_survives_the_end_of_its_candidate() {
    let mut store = store();
    put(&mut store, &[said("a", 1, "Keep path helpers in path_utils.go", 0.95)]);
    consolidate(&mut store, None).unwrap();
    let mut lesson = store.lessons(&LessonFilter::default()).unwrap().remove(0);
    lesson.reviewed = true;
    store.update_lesson(&lesson, "user", "accept").unwrap();
    let session = store.candidates(CandidateFilter::All).unwrap()[0].session.clone();
    let through = store.last_event().unwrap();
    store.replace_candidates(&[(session, Vec::new())], through).unwrap();
    consolidate(&mut store, None).unwrap();
    let after = store.lesson(&lesson.id).unwrap().unwrap();
    assert_eq!((after.status, after.evidence), (lesson.status, lesson.evidence));
}

#[test]
fn a_store_that_others_keep_changing_is_consolidated_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    let clock = Clock::Fixed(Timestamp(1_800_000_000_000));
    let mut store = Store::open(&path, clock).unwrap();
    put(
        &mut store,
        &[
            said("a", 1, "Render the user footer with lipgloss borders", 0.9),
            said(
                "b",
                2,
                "people can resize lipgloss footer borders in the narrow terminal window",
                0.9,
            ),
        ],
    );
    // The model is asked once a plan; each time but the last, another process writes meanwhile.
    let other = std::sync::Mutex::new((Store::open(&path, clock).unwrap(), 0));
    let meddling = |_: &str, _: &str| {
        let mut other = other.lock().unwrap();
        other.1 += 1;
        if other.1 <= super::run::FREE_TRIES {
            let n = 10 + other.1;
            put(&mut other.0, &[said(&format!("c{n}"), n, "Keep helpers in path_utils.go", 0.9)]);
        }
        0.0
    };
    let (_, applied) = consolidate(&mut store, Some(&meddling)).unwrap();
    assert_eq!(other.lock().unwrap().1, super::run::FREE_TRIES + 1, "the others did meddle");
    assert_eq!(applied.created, 3);
    assert!(plan_for(&store, None).unwrap().is_empty());
}

/// Consolidates twice, takes the second pass back and looks whether every lesson is what it was: only
/// marked as decided by a person, and those that are new retired; then takes the undo back.
pub(super) fn undo_restores(
    first: &[StoredCandidate],
    second: &[StoredCandidate],
) -> Result<(), proptest::test_runner::TestCaseError> {
    use proptest::{prop_assert, prop_assert_eq};
    let mut store = store();
    put(&mut store, first);
    consolidate(&mut store, None).unwrap();
    let all = |store: &Store| store.lessons(&LessonFilter::default()).unwrap();
    let before = all(&store);
    // Sessions of the second half are others: a session is replaced as a whole.
    let mut more = second.to_vec();
    for stored in &mut more {
        stored.session.id.push('2');
        let evidence = &mut stored.candidate.evidence[0];
        evidence.session.push('2');
        evidence.event_key.push('2');
        evidence.source_path.push('2');
        stored.candidate.key = cemem_core::CandidateKey::derive(
            "human",
            [(evidence.engine.as_str(), evidence.event_key.as_str())],
        );
    }
    put(&mut store, &more);
    let (_, applied) = consolidate(&mut store, None).unwrap();
    let after = all(&store);
    if applied.op == 0 {
        prop_assert_eq!(before, after);
        return Ok(());
    }
    let undone = store.undo(Some(applied.op), "user").unwrap();
    for lesson in all(&store) {
        match before.iter().find(|b| b.id == lesson.id) {
            Some(old) if undone.lessons.contains(&lesson.id) => {
                prop_assert!(lesson.reviewed);
                prop_assert_eq!(&cemem_core::Lesson { reviewed: old.reviewed, ..lesson }, old);
            }
            Some(old) => prop_assert_eq!(&lesson, old),
            None => prop_assert_eq!(lesson.status, LessonStatus::Retired),
        }
        prop_assert!(!after.iter().any(|l| l.evidence.is_empty()));
    }
    store.undo(Some(undone.by), "user").unwrap();
    prop_assert_eq!(all(&store), after);
    Ok(())
}

#[test]
fn two_passes_at_once_end_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    let clock = Clock::Fixed(Timestamp(1_800_000_000_000));
    let mut store = Store::open(&path, clock).unwrap();
    let all: Vec<_> = (0..60)
        .map(|n| {
            let rule =
                format!("Keep helper number {} in file_{}.go of the package", n % 20, n % 20);
            said(&format!("s{n}"), n, &rule, 0.9)
        })
        .collect();
    put(&mut store, &all);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut store = Store::open(&path, clock).unwrap();
                consolidate(&mut store, None).unwrap();
            });
        }
    });
    let lessons = store.lessons(&LessonFilter::default()).unwrap();
    assert_eq!(lessons.len(), 20);
    assert!(lessons.iter().all(|l| l.support == 3 && l.status == LessonStatus::Active));
    assert!(plan_for(&store, None).unwrap().is_empty());
    // Each lesson was made once, by whoever came first.
    assert_eq!(store.log(1000).unwrap().len(), 20);
}
