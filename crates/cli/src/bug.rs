//! What the user sees when an invariant of ours is broken: a report to send, and exit 70.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use cofferdam_analysis::Error;

use crate::exit::Exit;
use crate::output::{Format, json};

const ISSUES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");

/// The first panic of the process: where and what.
static FIRST: Mutex<Option<String>> = Mutex::new(None);
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Runs `program`; a panic in it, or in a task that it started, becomes exit 70.
pub(crate) fn guard(format: Format, command: &str, program: impl FnOnce() -> Exit) -> Exit {
    let report_as = command.to_owned();
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        let what = info.payload_as_str().unwrap_or("no message");
        if !PANICKED.swap(true, Ordering::SeqCst) {
            // The command line is left out on purpose: it may hold a URL with its password.
            anstream::eprintln!(
                "bug: cofferdam {version} stopped in `{report_as}`{place}: {what}\n\
                 what was committed before stays; the same command goes on from there.\n\
                 please report these lines: {ISSUES}",
                version = env!("CARGO_PKG_VERSION"),
            );
            if let Ok(mut first) = FIRST.lock() {
                *first = Some(format!("{what}{place}"));
            }
        }
    }));
    match panic::catch_unwind(AssertUnwindSafe(program)) {
        Ok(exit) if !PANICKED.load(Ordering::SeqCst) => exit,
        Ok(_) => Exit::Bug,
        Err(_) => {
            if format == Format::Json {
                let what = FIRST.lock().ok().and_then(|first| first.clone()).unwrap_or_default();
                let error = Error::bug(what).hint(format!("report it: {ISSUES}"));
                json::failure(command, &error.into());
            }
            Exit::Bug
        }
    }
}
