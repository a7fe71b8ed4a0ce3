//! Made-up candidates in a store.
//!
//! Owns the sessions and events they rest on, so that a store takes them as it takes real ones. Must
//! not consolidate.

use std::collections::BTreeMap;

use cemem_core::store::{Batch, SessionRef, StoreError};
use cemem_core::{Actor, Candidate, Cursor, Event, EventKind, Session, Store};

/// Puts candidates into a store, with an event for every row of evidence; sessions that are there
/// already must not be named again.
///
/// # Errors
/// When the store cannot be written.
pub fn put_candidates(store: &mut Store, candidates: &[Candidate]) -> Result<(), StoreError> {
    let mut by_session: BTreeMap<SessionRef, Vec<Candidate>> = BTreeMap::new();
    for candidate in candidates {
        let first = &candidate.evidence[0];
        let session = SessionRef { engine: first.engine.clone(), id: first.session.clone() };
        by_session.entry(session).or_default().push(candidate.clone());
    }
    let batches: Vec<Batch> = by_session
        .iter()
        .map(|(session, found)| Batch {
            cursor: Cursor { path: found[0].evidence[0].source_path.clone(), ..Cursor::default() },
            sessions: vec![(
                Session {
                    engine: session.engine.clone(),
                    id: session.id.clone(),
                    ..Session::default()
                },
                found.iter().flat_map(|c| &c.evidence).map(event).collect(),
            )],
        })
        .collect();
    for some in batches.chunks(500) {
        store.append(some)?;
    }
    let through = store.last_event()?;
    store.replace_candidates(&by_session.into_iter().collect::<Vec<_>>(), through)?;
    Ok(())
}

fn event(evidence: &cemem_core::Evidence) -> Event {
    Event {
        key: evidence.event_key.clone(),
        row_id: evidence.event_uuid.clone(),
        ts: evidence.turn_ts,
        actor: Actor::User,
        kind: EventKind::UserPrompt { text: evidence.quote.clone(), steering: false },
        cwd: None,
        branch: None,
        offset: 0,
        len: 1,
    }
}
