//! The road from a store through the pass and back.
//!
//! Owns when there is nothing to do, how often a pass is tried while others write, and what is kept for
//! the next one. Must not decide what is learned.

use cemem_core::store::{Applied, CandidateFilter, LessonFilter, StoreError};
use cemem_core::{Plan, Store};

use super::known::Known;
use super::relate::Similarity;
use super::{PassInput, plan};

/// How often a pass is tried while others may write.
pub(super) const FREE_TRIES: usize = 3;
/// The note that says what a pass had read when it found nothing to do.
const SETTLED: &str = "settled";

/// Reads, plans and applies. Nobody waits for the pass at first; when others keep changing the store
/// in between, the last try keeps them out until it is done.
///
/// # Errors
/// When the store cannot be read or written.
pub fn consolidate(
    store: &mut Store,
    similarity: Option<&Similarity<'_>>,
) -> Result<(Plan, Applied), StoreError> {
    consolidate_after(store, similarity, 0)
}

/// As [`consolidate`], as a part of the operation `after` of the log (0: of its own).
pub(crate) fn consolidate_after(
    store: &mut Store,
    similarity: Option<&Similarity<'_>>,
    after: i64,
) -> Result<(Plan, Applied), StoreError> {
    store.check_writable()?;
    if similarity.is_none() && store.note(SETTLED)? == Some(state(store)?) {
        return Ok((Plan::default(), Applied::default()));
    }
    let mut known = Known::beside(store);
    let mut is_news = false;
    for _ in 0..FREE_TRIES {
        let (revision, state) = (store.revision()?, state(store)?);
        let (plan, found) = planned(store, similarity, &known)?;
        if similarity.is_none() && found != known {
            (known, is_news) = (found, true);
        }
        match store.apply_after(&plan, revision, "pass", after) {
            Err(StoreError::Conflict) => {}
            Err(other) => return Err(other),
            Ok(applied) => {
                // The store first: on a full disk this can be done without.
                if is_news {
                    known.keep_beside(store);
                }
                if similarity.is_none() && plan.is_empty() {
                    // Where it cannot be noted, the next pass looks again.
                    drop(store.set_note(SETTLED, &state));
                }
                return Ok((plan, applied));
            }
        }
    }
    let alone = |store: &Store| planned(store, similarity, &known).map(|(plan, _)| plan);
    store.apply_alone(alone, "pass", after)
}

/// Returns what changes whenever something changes that a pass reads, and with the code of the pass:
/// candidates, lessons, phrasings and verdicts raise the revision; showings have numbers.
fn state(store: &Store) -> Result<String, StoreError> {
    let code = env!("CEMEM_INGEST_CODE");
    Ok(format!("{} {} {code}", store.revision()?, store.last_exposure()?))
}

/// Returns the plan for a store as it is, without changing it.
///
/// # Errors
/// When the store cannot be read.
pub fn plan_for(store: &Store, similarity: Option<&Similarity<'_>>) -> Result<Plan, StoreError> {
    planned(store, similarity, &Known::beside(store)).map(|(plan, _)| plan)
}

/// Returns the plan for a store as it is, and what the next pass need not compare again.
pub(super) fn planned(
    store: &Store,
    similarity: Option<&Similarity<'_>>,
    known: &Known,
) -> Result<(Plan, Known), StoreError> {
    let candidates = store.candidates(CandidateFilter::All)?;
    let lessons = store.lessons(&LessonFilter::default())?;
    let phrasings = store.phrasings()?;
    let counters = store.counters()?;
    let input = PassInput {
        candidates: &candidates,
        lessons: &lessons,
        phrasings: &phrasings,
        counters: &counters,
        now: store.clock().now(),
        similarity,
        known,
    };
    plan(&input, |seed, taken| store.fresh_id(seed, taken))
}
