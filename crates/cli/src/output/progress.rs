//! What is shown of the work under way, on stderr.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use cofferdam::{Event, Watch};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Output, text};
use crate::arguments;

/// Receives what the engine says, and shows it as `--progress` asks.
pub(crate) struct Progress {
    output: Output,
    how: How,
    /// The wait that was said last: a poll that goes on is not said again.
    waiting: Option<String>,
}

enum How {
    /// On a terminal.
    Bar(ProgressBar),
    /// One JSON object a line.
    Json,
    /// Where nobody watches: a line for each step.
    Lines,
    /// Notes only.
    Nothing,
}

impl Progress {
    /// As the options ask.
    pub(crate) fn new(output: &Output) -> Self {
        let how = match output.progress {
            arguments::Progress::Json => How::Json,
            arguments::Progress::None => How::Nothing,
            arguments::Progress::Auto if output.quiet => How::Nothing,
            arguments::Progress::Auto if std::io::stderr().is_terminal() => How::Bar(bar()),
            arguments::Progress::Auto => How::Lines,
        };
        Self { output: output.clone(), how, waiting: None }
    }

    fn say(&self, event: &Event, line: &str) {
        let say = || match event {
            Event::Note { text } => self.output.note(text),
            _ => self.output.log(line),
        };
        match &self.how {
            How::Bar(bar) => bar.suspend(say),
            How::Lines | How::Json | How::Nothing => say(),
        }
    }
}

impl Watch for Progress {
    fn event(&mut self, event: Event) {
        if matches!(self.how, How::Json) {
            return json(&event);
        }
        let waits = matches!(event, Event::Waiting { .. });
        let line = line(&event);
        match (&self.how, &event) {
            (_, Event::Note { .. } | Event::Resuming { .. }) => self.say(&event, &line),
            (How::Bar(bar), Event::StepStarted { step, number, of }) => {
                bar.set_length(*of as u64);
                bar.set_position((*number as u64).saturating_sub(1));
                bar.set_message(text::printable(step));
                bar.enable_steady_tick(Duration::from_millis(100));
            }
            (How::Bar(bar), Event::StepDone { .. }) => {
                bar.inc(1);
                self.say(&event, &line);
            }
            (How::Bar(bar), Event::Waiting { .. }) => bar.set_message(line.clone()),
            (How::Lines, Event::Waiting { .. }) if self.waiting.as_ref() == Some(&line) => {}
            (How::Lines, Event::StepDone { .. } | Event::Waiting { .. }) => self.say(&event, &line),
            // Said when it is done; until then a line would only double it.
            (How::Lines, Event::StepStarted { .. }) | (How::Nothing | How::Json, _) => {}
        }
        self.waiting = waits.then_some(line);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let How::Bar(bar) = &self.how {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let template = "{elapsed:>4} [{pos}/{len}] {wide_msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn json(event: &Event) {
    // Progress that nobody reads any more must not stop the work.
    if let Ok(line) = serde_json::to_string(event) {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

fn line(event: &Event) -> String {
    match event {
        Event::Note { text } => text.clone(),
        Event::Resuming { version, done, steps } => {
            format!("going on with {version}: {done} of {} done", text::count(*steps, "step"))
        }
        Event::StepStarted { step, number, of } => format!("step {step} ({number} of {of})"),
        Event::StepDone { step, duration_ms } => {
            format!("step {step} done in {}", text::millis(*duration_ms))
        }
        Event::Waiting { for_what, blocker: Some(blocker) } => {
            format!("waiting for {for_what}, held by {blocker}")
        }
        Event::Waiting { for_what, blocker: None } => format!("waiting for {for_what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let waiting = |blocker: Option<&str>| Event::Waiting {
            for_what: "a lock on public.notes".to_owned(),
            blocker: blocker.map(str::to_owned),
        };
        assert_eq!(line(&waiting(None)), "waiting for a lock on public.notes");
        assert_eq!(line(&waiting(Some("pid 7"))), "waiting for a lock on public.notes, held by pid 7");
        assert_eq!(
            line(&Event::Resuming { version: "0007".to_owned(), done: 1, steps: 3 }),
            "going on with 0007: 1 of 3 steps done"
        );
    }
}
