//! The heartbeat: renews the lease on a connection of its own while a step keeps the
//! main one busy, and answers who stands in the way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cofferdam_analysis::Result;
use tokio::task::JoinHandle;

use super::locks::{self, Holder};
use crate::Project;
use crate::db::{Backend, Session, Target};
use crate::ledger::{self, Lease};

/// The running heartbeat.
pub(super) struct Pulse {
    session: Arc<Session>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    lost: AtomicBool,
    progress: Mutex<Option<String>>,
}

impl Pulse {
    pub(super) async fn start(project: &Project, lease: Lease) -> Result<Pulse> {
        let session = Arc::new(connect(project).await?);
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(beat(Arc::clone(&session), Arc::clone(&shared), lease, project.clone()));
        Ok(Pulse { session, shared, task })
    }

    /// # Errors
    /// `Interrupted` when the lease was taken over.
    pub(super) fn check(&self) -> Result<()> {
        if self.shared.lost.load(Ordering::SeqCst) { Err(ledger::lost()) } else { Ok(()) }
    }

    /// What those who wait for the lease are told.
    pub(super) fn say(&self, progress: String) {
        if let Ok(mut said) = self.shared.progress.lock() {
            *said = Some(progress);
        }
    }

    /// Who makes that backend wait.
    pub(super) async fn blockers(&self, backend: Backend) -> Result<Vec<Holder>> {
        locks::blocked_by(&self.session, backend).await
    }

    /// Ends it and waits until no renewal is under way.
    pub(super) async fn end(mut self) {
        self.task.abort();
        // Aborted on purpose: the error only says so.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(project: &Project) -> Result<Session> {
    match &project.target {
        Target::Postgres(target) => crate::db::connect(target, &project.connect).await,
        Target::Sqlite(_) => {
            Err(cofferdam_analysis::Error::bug("a Postgres heartbeat for a SQLite database"))
        }
    }
}

/// Renews until the lease is lost. A broken connection is made anew: as long as the
/// fence stands, the lease is ours even when it has expired.
async fn beat(session: Arc<Session>, shared: Arc<Shared>, lease: Lease, project: Project) {
    let mut own: Option<Session> = None;
    let mut every = tokio::time::interval(ledger::lease_lasts() / 3);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let progress = shared.progress.lock().ok().and_then(|p| p.clone());
        let current = own.as_ref().unwrap_or(&session);
        match lease.renew(current, progress.as_deref()).await {
            Ok(true) => {}
            Ok(false) => return shared.lost.store(true, Ordering::SeqCst),
            Err(error) => {
                tracing::warn!(%error, "the lease could not be renewed");
                own = connect(&project).await.ok().or(own);
            }
        }
    }
}
