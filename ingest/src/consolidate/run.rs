//! The road from a store through the pass and back.
//!
//! Owns when there is nothing to do, whether a part is looked at or everything, how often a pass is
//! tried while others write, and what is kept for the next one. Must not decide what is learned.

use cemem_core::store::{Applied, CandidateFilter, LessonFilter, StoreError, Unsettled};
use cemem_core::{Plan, Store};

use super::known::{Compared, Known};
use super::part::{Looked, part};
use super::relate::Similarity;
use super::{PassInput, over_all, over_part};

/// How often a pass is tried while others may write.
pub(super) const FREE_TRIES: usize = 3;
/// Who looked: a pass of other code has seen nothing.
const CODE: &str = env!("CEMEM_INGEST_CODE");

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
    for _ in 0..FREE_TRIES {
        let looked = store.snapshot(|store| {
            let seen = store.unsettled()?;
            if similarity.is_none() && is_settled(&seen) {
                return Ok(None);
            }
            let (plan, found) = planned(store, similarity, &seen, Known::beside(store))?;
            Ok(Some((seen, plan, found)))
        });
        let Some((seen, plan, found)) = looked? else {
            return Ok((Plan::default(), Applied::default()));
        };
        // What a model said need not hold for a pass without it.
        let applied = match similarity {
            Some(_) => store
                .apply_after(&plan, seen.revision, "pass", after)
                .map(|applied| (applied, None)),
            None => store
                .settle(&plan, &seen, CODE, "pass", after)
                .map(|(applied, stamp)| (applied, Some(stamp))),
        };
        match applied {
            Err(StoreError::Conflict) => {}
            Err(other) => return Err(other),
            Ok((applied, stamp)) => {
                // The store first: on a full disk this can be done without.
                if let Some(stamp) = stamp {
                    let found = Known { stamp, ..found };
                    found.keep_beside(store);
                    // Nobody waits until so much memory is free again.
                    rayon::spawn(move || drop(found));
                }
                return Ok((plan, applied));
            }
        }
    }
    let alone = |store: &Store| {
        let seen = store.unsettled()?;
        planned(store, similarity, &seen, Known::beside(store)).map(|(plan, _)| plan)
    };
    store.apply_alone(alone, "pass", after)
}

/// Returns whether a pass of this code has looked at everything.
fn is_settled(seen: &Unsettled) -> bool {
    seen.is_empty() && seen.stamp.as_ref().is_some_and(|stamp| stamp.ends_with(CODE))
}

/// Returns the plan for a store as it is, without changing it.
///
/// # Errors
/// When the store cannot be read.
pub fn plan_for(store: &Store, similarity: Option<&Similarity<'_>>) -> Result<Plan, StoreError> {
    store.snapshot(|store| {
        let seen = store.unsettled()?;
        planned(store, similarity, &seen, Known::beside(store)).map(|(plan, _)| plan)
    })
}

/// Returns the plan for a store as it is, and what is known of it then.
pub(super) fn planned(
    store: &Store,
    similarity: Option<&Similarity<'_>>,
    seen: &Unsettled,
    known: Known,
) -> Result<(Plan, Known), StoreError> {
    let phrasings = store.phrasings()?;
    let counters = store.counters()?;
    let fresh = |seed: &str, taken: &_| store.fresh_id(seed, taken);
    let input = PassInput {
        phrasings: &phrasings,
        counters: &counters,
        now: store.clock().now(),
        similarity,
    };
    let compared = match similarity {
        Some(_) => Compared::default(),
        None => match part(store, known, seen, &phrasings)? {
            Looked::Part(part) => return over_part(&input, *part, fresh),
            Looked::Whole(compared) => compared,
        },
    };
    let candidates = store.candidates(CandidateFilter::All)?;
    let lessons = store.lessons(&LessonFilter::default())?;
    over_all(&input, &candidates, &lessons, &compared, fresh)
}
