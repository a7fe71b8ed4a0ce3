//! The pass together with what experience makes of its lessons.
//!
//! Owns their order: what becomes of a lesson can be judged only when the pass has told which
//! candidates say it, and the verdicts are an input of the pass. So both take turns until nothing
//! changes, and a second run finds nothing to do. Must not decide anything itself.

use cemem_core::store::{Applied, StoreError};
use cemem_core::{Plan, Store};

use crate::consolidate::{consolidate, consolidate_after};
use crate::outcomes;

/// Turns at most; verdicts follow from what was said, so the second pass changes confidence and, rarely,
/// a status.
const TURNS: usize = 4;

/// Turns candidates into lessons and judges what became of them. Returns everything that was changed;
/// all of it is one operation of
/// the log.
///
/// # Errors
/// When the store cannot be read or written.
pub fn learn(store: &mut Store) -> Result<(Plan, Applied), StoreError> {
    let (mut plan, mut applied) = consolidate(store, None)?;
    for _ in 1..TURNS {
        if !outcomes::judge(store)?.changed {
            break;
        }
        let (more, also) = consolidate_after(store, None, applied.op)?;
        if more.is_empty() {
            break;
        }
        plan.actions.extend(more.actions);
        applied.created += also.created;
        applied.updated += also.updated;
        applied.dropped += also.dropped;
        applied.op = applied.op.max(also.op);
    }
    Ok((plan, applied))
}
