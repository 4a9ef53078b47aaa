//! Ctrl-C, and the SIGTERM of a container that is being replaced.
//!
//! The first asks the engine to stop where a later run can go on: after the step
//! or chunk that it is at. The second drops everything at once; then the server
//! rolls back what was open. Both end with exit 7.

use cofferdam::Stop;
use cofferdam_analysis::Error;
use std::future::Future;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Result;
use crate::output::Output;

/// Runs `work` to its end, or to the second signal.
pub(crate) fn until_aborted<T>(
    output: &Output,
    stop: &Stop,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::invalid(format!("the system gives no threads or timers: {error}")))?;
    let result = runtime.block_on(async {
        let aborted = second_signal(output, stop)?;
        tokio::select! {
            result = work => result,
            () = aborted => Err(Error::interrupted("stopped at once, in the middle of a step")
                .hint("what was not committed is rolled back; run the same command to go on")
                .into()),
        }
    });
    // A statement that runs inside SQLite cannot be dropped, and nobody waits for it here.
    runtime.shutdown_background();
    result
}

/// Listens from now on; the future ends with the second signal.
fn second_signal<'a>(output: &'a Output, stop: &'a Stop) -> Result<impl Future<Output = ()> + 'a> {
    let listen = |kind| {
        signal(kind).map_err(|error| Error::invalid(format!("the system lets no signal be handled: {error}")))
    };
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        next(&mut interrupt, &mut terminate).await;
        stop.raise();
        output.log("stopping after the current step; once more stops at once");
        next(&mut interrupt, &mut terminate).await;
    })
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
