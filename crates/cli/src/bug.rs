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

#[cfg(test)]
mod tests {
    use super::*;

    /// Not a test: what the next one runs in a process of its own, since a panic hook
    /// belongs to the whole process.
    #[test]
    #[ignore = "ends its process"]
    #[expect(clippy::disallowed_methods, reason = "the exit code is what the parent looks at")]
    fn panics_in_a_child() {
        let exit = guard(Format::Json, "migrate", || panic!("an invariant is broken"));
        std::process::exit(exit as i32);
    }

    #[test]
    fn a_panic_is_exit_70_with_what_to_report_and_one_document() {
        let output = std::process::Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "bug::tests::panics_in_a_child", "--ignored", "--nocapture"])
            .output()
            .expect("a child");
        assert_eq!(output.status.code(), Some(70));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("bug: cofferdam") && stderr.contains("an invariant is broken"), "{stderr}");
        assert!(stderr.contains(ISSUES), "{stderr}");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let document = stdout.lines().find(|line| line.contains("\"version\"")).expect("a document");
        let start = document.find('{').expect("an object");
        let document: serde_json::Value = serde_json::from_str(&document[start..]).expect("JSON");
        assert_eq!((&document["ok"], &document["error"]["kind"]), (&false.into(), &"bug".into()));
    }
}
