//! Ctrl-C, and the SIGTERM of a container that is being replaced.
//!
//! The first asks the engine to stop where a later run can go on: after the step
//! or chunk that it is at. The second drops everything at once; then the database
//! rolls back what was open. Both end with exit 7.
//!
//! Signals in quick succession are one. npm passes SIGINT on to its script although the
//! terminal has sent it to both, so that one Ctrl-C arrives twice.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cofferdam::Stop;
use cofferdam_analysis::Error;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::Output;

/// How long the work may take to notice the second signal. A statement inside SQLite
/// notices nothing, and nobody should have to reach for `kill -9`.
const GRACE: Duration = Duration::from_secs(1);

/// How long after the first signal another is still the same one: longer than a busy npm needs to
/// pass it on, shorter than somebody needs to see that nothing ends and to press again.
const SAME: Duration = Duration::from_millis(200);

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
    let aborted = Arc::new(Notify::new());
    listen(&runtime, output.clone(), stop.clone(), Arc::clone(&aborted))?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = work => result,
            () = aborted.notified() => Err(at_once().into()),
        }
    });
    // What still runs in the background is of no use to anybody.
    runtime.shutdown_background();
    result
}

fn at_once() -> Error {
    Error::interrupted("stopped at once, in the middle of a step")
        .hint("what was not committed is rolled back; run the same command to go on")
}

/// Listens on a thread of the runtime's own, since the work may keep this one busy.
fn listen(runtime: &Runtime, output: Output, stop: Stop, aborted: Arc<Notify>) -> Result<()> {
    let _inside = runtime.enter();
    let listen = |kind| {
        signal(kind).map_err(|error| Error::invalid(format!("the system lets no signal be handled: {error}")))
    };
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    runtime.spawn(async move {
        next(&mut interrupt, &mut terminate).await;
        stop.raise();
        let again = async {
            loop {
                next(&mut interrupt, &mut terminate).await;
            }
        };
        _ = tokio::time::timeout(SAME, again).await;
        // Said only now that it is true.
        output.log("stopping after the current step; once more stops at once");
        next(&mut interrupt, &mut terminate).await;
        aborted.notify_one();
        tokio::time::sleep(GRACE).await;
        leave(&output);
    });
    Ok(())
}

/// Ends the process under work that cannot be dropped: the kernel closes its files, and
/// the database finds its transaction unfinished, as after a crash.
#[expect(clippy::disallowed_methods, reason = "no other thread can unwind what runs inside SQLite")]
fn leave(output: &Output) {
    output.failure(&Failure::from(at_once()));
    std::process::exit(Exit::Interrupted as i32);
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
