//! What a command has to say while it works. The shell renders it; a library user may ignore it.

use serde::Serialize;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Good to know.
    Note {
        /// One sentence.
        text: String,
    },
    /// A run that was cut off goes on.
    Resuming {
        /// The migration at which it goes on.
        version: String,
        /// Steps of it already done.
        done: usize,
        /// Steps it has.
        steps: usize,
    },
    /// A step begins.
    StepStarted {
        /// Its id.
        step: String,
        /// Its place among the steps of this run, from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// A step is committed.
    StepDone {
        /// Its id.
        step: String,
        /// Wall time in milliseconds.
        duration_ms: u64,
    },
    /// Somebody is in the way.
    Waiting {
        /// For what: `the lease`, `a lock on public.notes`.
        for_what: String,
        /// Who, as far as it is known.
        blocker: Option<String>,
    },
}

/// Receives [`Event`]s.
pub trait Watch: Send {
    /// Is told what happened; must not take long.
    fn event(&mut self, event: Event);
}

/// Ignores everything.
#[derive(Debug, Default)]
pub struct Silent;

impl Watch for Silent {
    fn event(&mut self, _event: Event) {}
}
