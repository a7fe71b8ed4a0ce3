//! Tests of what recall learns from past tasks.

use cemem_core::{Channel, Exposure, Outcome, Verdict, VerdictSource};

use super::*;

/// The lesson was shown for a question, and somebody said what it was worth.
fn told(f: &mut Fixture, id: &str, asked: &str, at: i64, verdict: Verdict) {
    let (lesson, ts) = (LessonId(id.into()), Timestamp(NOW.0 + at));
    let exposure = Exposure {
        lesson: lesson.clone(),
        ts,
        until: None,
        channel: Channel::Recall,
        session: None,
        place: asked.into(),
        rank: 0,
    };
    f.store.record_exposures(&[exposure]).unwrap();
    let outcome = Outcome {
        lesson,
        ts: Timestamp(ts.0 + 1),
        verdict,
        source: VerdictSource::Feedback,
        session: None,
        event_key: String::new(),
        note: String::new(),
    };
    f.store.record_feedback(&[outcome]).unwrap();
}

fn full(text: &str) -> Query {
    Query { mode: Mode::Full, ..all(text) }
}

#[test]
fn what_helped_comes_first_until_it_is_unlearned_or_retired() {
    let twins = ["L-a", "L-b", "L-c"].map(|id| lesson(id, "Auth tokens", "Refresh auth tokens."));
    let mut f = Fixture::with(&twins);
    let mut engine = f.engine();
    let query = full("auth tokens expire");
    let cold = engine.recall(&f.store, &query).unwrap().results;
    assert_eq!(f.ids(&mut engine, &query), ["L-a", "L-b", "L-c"]);
    told(&mut f, "L-b", "tokens expire at night", 10, Verdict::Helped);
    told(&mut f, "L-a", "tokens expire at night", 20, Verdict::Harmed);
    assert_eq!(f.ids(&mut engine, &query), ["L-b", "L-c", "L-a"]);
    // Only full recall learns.
    assert_eq!(f.ids(&mut engine, &all("auth tokens expire")), ["L-a", "L-b", "L-c"]);
    f.put(&[Lesson { status: LessonStatus::Retired, ..twins[1].clone() }]);
    assert_eq!(f.ids(&mut engine, &query), ["L-c", "L-a"]);
    f.put(&[twins[1].clone()]);
    let mut later =
        Store::open(&f.dir.path().join("memory.db"), Clock::Fixed(Timestamp(NOW.0 + 50)));
    later.as_mut().unwrap().forget_uses().unwrap();
    let again = engine.recall(&f.store, &query).unwrap().results;
    let scores =
        |hits: &[Hit]| hits.iter().map(|h| (h.lesson.id.clone(), h.score)).collect::<Vec<_>>();
    assert_eq!(scores(&again), scores(&cold));
}
