//! A thread of its own for what an application asks for.
//!
//! Promise: the caller's runtime is never kept busy, whichever it is, and a runtime that
//! the caller keeps busy does not make us lose the lease: its heartbeat beats here.
//!
//! When the caller drops its future nobody waits for the answer any more: what waits (for
//! Postgres, for a lock, for the lease) is dropped with its connections, and what is at
//! work in SQLite ends after its step. Either leaves what a crash leaves, or less.

use std::future::Future;
use std::pin::pin;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::{Error, Result, Stop};

/// What the main thread of a program has: files nest as deep as their authors like.
const STACK: usize = 8 * 1024 * 1024;

/// Work under way.
pub(super) struct Worker<T> {
    answer: oneshot::Receiver<T>,
    thread: JoinHandle<()>,
}

impl<T: Send + 'static> Worker<T> {
    /// Begins `work` on a thread of its own.
    ///
    /// # Errors
    /// `Invalid` when the system gives no thread.
    pub(super) fn begin<F, Work>(work: Work) -> Result<Worker<T>>
    where
        F: Future<Output = T>,
        Work: FnOnce() -> F + Send + 'static,
    {
        let cannot = |error| Error::invalid(format!("the system gives no threads or timers: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
        let (mut done, answer) = oneshot::channel();
        let until_done = move || {
            let result = runtime.block_on(async {
                let work = pin!(work());
                tokio::select! {
                    result = work => Some(result),
                    () = done.closed() => None,
                }
            });
            // Connections are closed before anybody hears that the work is over.
            drop(runtime);
            if let Some(result) = result {
                // Nobody may be waiting any more.
                let _ = done.send(result);
            }
        };
        let builder = std::thread::Builder::new().name("cofferdam".to_owned()).stack_size(STACK);
        let thread = builder.spawn(until_done).map_err(cannot)?;
        Ok(Worker { answer, thread })
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// `Bug` when the work ended in a panic.
    pub(super) async fn answer(self) -> Result<T> {
        self.answer.await.map_err(|_| panicked())
    }

    /// Waits for the answer and keeps the calling thread until then.
    ///
    /// # Errors
    /// As [`Worker::answer`].
    pub(super) fn answer_blocking(mut self) -> Result<T> {
        self.thread.join().map_err(|_| panicked())?;
        self.answer.try_recv().map_err(|_| panicked())
    }
}

fn panicked() -> Error {
    Error::bug("the thread that migrates ended in a panic, or the function that watches it did")
}

/// Raises the flag when it goes.
pub(super) struct Raised(pub(super) Stop);

impl Drop for Raised {
    fn drop(&mut self) {
        self.0.raise();
    }
}
