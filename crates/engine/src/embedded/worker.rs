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
    answer: oneshot::Receiver<Result<T>>,
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
        Worker::with_stack(STACK, work)
    }

    fn with_stack<F, Work>(stack: usize, work: Work) -> Result<Worker<T>>
    where
        F: Future<Output = T>,
        Work: FnOnce() -> F + Send + 'static,
    {
        let (mut done, answer) = oneshot::channel();
        let until_done = move || {
            if let Some(answer) = until_answered(work, &mut done) {
                // Nobody may be waiting any more.
                let _ = done.send(answer);
            }
        };
        let builder = std::thread::Builder::new().name("cofferdam".to_owned()).stack_size(stack);
        let thread = builder.spawn(until_done).map_err(|error| gives_none(&error))?;
        Ok(Worker { answer, thread })
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// `Invalid` when the system gives no timers, `Bug` when the work ended in a panic.
    pub(super) async fn answer(self) -> Result<T> {
        self.answer.await.unwrap_or_else(|_| Err(panicked()))
    }

    /// Waits for the answer and keeps the calling thread until then.
    ///
    /// # Errors
    /// As [`Worker::answer`].
    pub(super) fn answer_blocking(mut self) -> Result<T> {
        self.thread.join().map_err(|_| panicked())?;
        self.answer.try_recv().unwrap_or_else(|_| Err(panicked()))
    }
}

/// Works until the end, or until nobody waits for the answer.
///
/// The runtime is made and ended here: where it is dropped nothing else may be asynchronous,
/// and the caller may well be.
fn until_answered<T, F: Future<Output = T>>(
    work: impl FnOnce() -> F,
    done: &mut oneshot::Sender<Result<T>>,
) -> Option<Result<T>> {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Some(Err(gives_none(&error))),
    };
    // Connections are closed before anybody hears that the work is over: the runtime goes here.
    runtime.block_on(async {
        let work = pin!(work());
        tokio::select! {
            result = work => Some(Ok(result)),
            () = done.closed() => None,
        }
    })
}

fn gives_none(error: &std::io::Error) -> Error {
    Error::invalid(format!("the system gives no threads or timers: {error}"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[tokio::test]
    async fn without_a_thread_there_is_an_error_and_no_panic_of_the_callers_runtime() {
        let more_than_any_machine_has = 1 << (usize::BITS - 2);
        let refused = Worker::with_stack(more_than_any_machine_has, || async {}).err();
        assert_eq!(refused.map(|error| error.kind()), Some(ErrorKind::Invalid));
    }

    #[tokio::test]
    async fn a_panic_at_work_is_told_as_a_bug() {
        let at_work = || Worker::begin(|| async { assert_eq!(1 + 1, 3) }).expect("a thread");
        assert_eq!(at_work().answer().await.map_err(|error| error.kind()), Err(ErrorKind::Bug));
        assert_eq!(at_work().answer_blocking().map_err(|error| error.kind()), Err(ErrorKind::Bug));
    }
}
