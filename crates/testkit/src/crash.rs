//! Killing the program at a named place.
//!
//! A binary built with the feature `crash-points` reads `COFFERDAM_CRASH_AT`
//! (`name`, or `name:n` for the n-th time) and kills itself there with SIGKILL.
//! That is a real `kill -9`: no destructor, no rollback message, no flush.

use crate::{Cofferdam, Output};

/// The variable that names the place.
pub const VARIABLE: &str = "COFFERDAM_CRASH_AT";
/// More hits of one place in one run are a loop that does not end.
const MOST_HITS: u32 = 10_000;

/// How a run with a crash point ended.
#[derive(Debug, Clone)]
pub enum Crash {
    /// The program came to the place and died there.
    Killed(Output),
    /// The program ended by itself without coming to the place.
    NotReached(Output),
}

/// Runs `command` with the crash point `point` (`name` or `name:n`). What the
/// command expects is not checked: that holds for a run without one.
///
/// # Panics
/// When the program hangs, or another signal ends it.
#[track_caller]
pub fn at(point: &str, command: Cofferdam) -> Crash {
    let output = command.env(VARIABLE, point).without_expectations().run();
    if output.was_killed() {
        return Crash::Killed(output);
    }
    assert!(output.code().is_some(), "at {point} the program was ended by another signal\n{output}");
    Crash::NotReached(output)
}

/// Runs `command` up to the crash point, expects it to die there, and runs it
/// again without one. Returns the second run, of which [`Cofferdam::run`] has
/// checked what the command expects.
///
/// # Panics
/// When the place is never reached: a crash test that does not crash tests nothing.
#[track_caller]
pub fn then_again(point: &str, command: impl Fn() -> Cofferdam) -> Output {
    match at(point, command()) {
        Crash::Killed(_) => command().run(),
        Crash::NotReached(output) => panic!("the program never came to {point}\n{output}"),
    }
}

/// Calls `round` with `name:1`, `name:2` .. until the program ends without
/// coming to the place that often. Returns how often it was killed.
///
/// A round prepares a fresh target, calls [`at`], and checks what it finds.
///
/// # Panics
/// When the place is never reached at all.
#[track_caller]
pub fn every_hit(name: &str, mut round: impl FnMut(&str) -> Crash) -> u32 {
    for hit in 1..=MOST_HITS {
        match round(&format!("{name}:{hit}")) {
            Crash::Killed(_) => {}
            Crash::NotReached(output) => {
                assert!(hit > 1, "the program never came to {name}\n{output}");
                return hit - 1;
            }
        }
    }
    panic!("the program came to {name} more than {MOST_HITS} times");
}
