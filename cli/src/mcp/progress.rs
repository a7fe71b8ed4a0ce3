//! How far a long call is, for clients that asked to be told.
//!
//! Owns the way from the memory's thread to the client, and how often it is used. Must not slow a call:
//! what cannot be said at once is left out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cemem_ingest::Progress;
use rmcp::model::ProgressNotificationParam;
use rmcp::service::{RequestContext, RoleServer};
use tokio::sync::mpsc::{self, UnboundedSender};

/// Shortest time between two reports.
const EVERY: Duration = Duration::from_millis(100);

/// Reports to the client that asked for it, or to nobody.
#[derive(Debug, Default)]
pub(super) struct Reporter(Option<Reports>);

#[derive(Debug)]
struct Reports {
    send: UnboundedSender<Report>,
    so_far: Mutex<SoFar>,
}

#[derive(Debug, Default)]
struct SoFar {
    bytes: u64,
    of: u64,
    told: Option<Instant>,
}

/// What is told: how much is done, of how much, and what is being done.
#[derive(Debug)]
struct Report {
    done: u64,
    of: Option<u64>,
    what: String,
}

/// Returns the reporter of a call.
pub(super) fn reporter(context: &RequestContext<RoleServer>) -> Reporter {
    let Some(token) = context.meta.get_progress_token() else { return Reporter(None) };
    let (send, mut reports) = mpsc::unbounded_channel::<Report>();
    let (peer, over) = (context.peer.clone(), context.ct.clone());
    tokio::spawn(async move {
        while let Some(report) = reports.recv().await {
            let mut told = ProgressNotificationParam::new(token.clone(), report.done as f64)
                .with_message(report.what);
            told.total = report.of.map(|of| of as f64);
            if over.is_cancelled() || peer.notify_progress(told).await.is_err() {
                return;
            }
        }
    });
    Reporter(Some(Reports { send, so_far: Mutex::default() }))
}

impl Reports {
    fn tell(&self, done: u64, of: Option<u64>, what: String) {
        // The client is gone: the call ends by itself.
        let _gone = self.send.send(Report { done, of, what });
    }
}

impl Progress for Reporter {
    fn begin(&self, files: u64, bytes: u64) {
        let Some(reports) = &self.0 else { return };
        let mut so_far = reports.so_far.lock().unwrap_or_else(PoisonError::into_inner);
        so_far.of += bytes;
        reports.tell(so_far.bytes, Some(so_far.of), format!("reading {files} files"));
    }

    fn advance(&self, _files: u64, bytes: u64) {
        let Some(reports) = &self.0 else { return };
        let mut so_far = reports.so_far.lock().unwrap_or_else(PoisonError::into_inner);
        so_far.bytes += bytes;
        if so_far.told.is_none_or(|told| told.elapsed() >= EVERY) {
            so_far.told = Some(Instant::now());
            reports.tell(so_far.bytes, Some(so_far.of), "reading sessions".into());
        }
    }

    fn extracting(&self, sessions: u64) {
        let Some(reports) = &self.0 else { return };
        let so_far = reports.so_far.lock().unwrap_or_else(PoisonError::into_inner);
        // Progress has to grow with every report.
        reports.tell(so_far.of + 1, None, format!("looking for lessons in {sessions} sessions"));
    }
}
