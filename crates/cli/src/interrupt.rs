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
    let mut signals = Signals::listen()
        .map_err(|error| Error::invalid(format!("the system lets no signal be handled: {error}")))?;
    runtime.spawn(async move {
        signals.next().await;
        stop.raise();
        output.log("stopping after the current step");
        let again = async {
            loop {
                signals.next().await;
            }
        };
        _ = tokio::time::timeout(SAME, again).await;
        // Said only now that it is true.
        output.log("Ctrl-C once more stops at once");
        signals.next().await;
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

/// Ctrl-C, and what asks a process to end.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ctrl-C, Ctrl-Break, a closed window, and a machine that goes down.
#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    break_: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
    shutdown: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
        Ok(Self {
            interrupt: ctrl_c()?,
            break_: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.break_.recv() => {}
            _ = self.close.recv() => {}
            _ = self.shutdown.recv() => {}
        }
    }
}
