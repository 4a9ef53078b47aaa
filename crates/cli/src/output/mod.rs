//! Everything that is printed.
//!
//! stdout carries the result: text for people, or one JSON document. Everything
//! said on the way (progress, notes, log lines) goes to stderr. A reader that went
//! away, as `head` does, is no error.

pub(crate) mod error;
pub(crate) mod finding;
pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod progress;
pub(crate) mod snippet;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod usage;

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use crate::arguments::{Color, Global, Progress};
use crate::environment;
use crate::failure::Failure;

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    #[default]
    Human,
    Json,
}

/// Where and how to print.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// Text or JSON on stdout.
    pub(crate) format: Format,
    /// Whether text is coloured.
    pub(crate) color: bool,
    /// Columns of a line of text.
    pub(crate) width: usize,
    /// What is shown of the work under way.
    pub(crate) progress: Progress,
    /// Only what failed is said.
    pub(crate) quiet: bool,
    /// How much more is said.
    pub(crate) verbose: u8,
    command: &'static str,
}

/// The width where nobody's terminal says otherwise; also what most people read best.
const USUAL_WIDTH: usize = 80;
/// Narrower than this, wrapping makes text worse.
const NARROWEST: usize = 40;
/// Lines longer than this are hard to read, however wide the terminal.
const WIDEST: usize = 120;

/// Whether text is coloured, after `--color` asked for it so.
pub(crate) fn colored(asked: Color) -> bool {
    match asked {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => !environment::no_color() && std::io::stdout().is_terminal(),
    }
}

/// Columns of a line of text: those of the terminal, within reason; 80 where stdout is none, so
/// that what is written into a file or a log does not depend on somebody's window.
pub(crate) fn width() -> usize {
    match terminal_size::terminal_size_of(std::io::stdout()) {
        Some((columns, _)) => usize::from(columns.0).clamp(NARROWEST, WIDEST),
        None => USUAL_WIDTH,
    }
}

impl Output {
    /// As the options ask.
    pub(crate) fn new(global: &Global, command: &'static str) -> Self {
        Self {
            format: global.format,
            color: colored(global.color),
            width: width(),
            progress: global.progress,
            quiet: global.quiet,
            verbose: global.verbose,
            command,
        }
    }

    /// Prints the result: `human` makes the text, `body` holds the fields of the document.
    pub(crate) fn result<T: Serialize>(&self, ok: bool, body: &T, human: impl FnOnce() -> String) {
        match self.format {
            Format::Json => json::document(self.command, ok, body),
            Format::Human => self.text(&human()),
        }
    }

    /// Prints the result of a command that judged and found something to fail for.
    pub(crate) fn judged<T: Serialize>(
        &self,
        verdict: &json::Verdict,
        body: &T,
        human: impl FnOnce() -> String,
    ) {
        match self.format {
            Format::Json => json::judged(self.command, verdict, body),
            Format::Human => self.text(&human()),
        }
    }

    /// Prints why the command did not do what was asked.
    pub(crate) fn failure(&self, failure: &Failure) {
        match self.format {
            Format::Json => json::failure(self.command, failure),
            Format::Human => {
                if !failure.findings.is_empty() {
                    self.text(&finding::all(&failure.findings, self.style()));
                }
                // What refuses was just shown with its place and what to do.
                let shown =
                    failure.findings.iter().any(|f| f.refuses() && f.place.as_ref() == failure.error.place());
                let text = error::human(&failure.error, !shown, self.style(), self.verbose);
                let _ = write!(self.stderr(), "{text}");
            }
        }
    }

    /// A line of the log. Some of them are read by machines: see docs/output.md.
    pub(crate) fn log(&self, line: &str) {
        if !self.quiet {
            let _ = writeln!(self.stderr(), "{}", text::printable(line));
        }
    }

    /// Something to know that changes nothing.
    pub(crate) fn note(&self, note: &str) {
        if !self.quiet {
            let _ = write!(self.stderr(), "{}", text::labelled("note", note, self.style()));
        }
    }

    /// Whether things are said that change nothing and are the same each time: by `init`, which
    /// looks at the project, and with `-v`.
    pub(crate) fn introduces(&self) -> bool {
        self.command == "init" || self.verbose > 0
    }

    /// With `-v`, lets the engine's own log lines through.
    pub(crate) fn log_to_stderr(&self) {
        let filter = match self.verbose {
            0 => return,
            1 => "cofferdam=info",
            _ => "cofferdam=debug",
        };
        // It fails only when set twice, and this is the only place.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
            .with_writer(std::io::stderr)
            // Colours of its own need a feature that is not built in, and it panics without.
            .with_ansi(false)
            .try_init();
    }

    /// How text is laid out.
    pub(crate) fn style(&self) -> text::Style {
        text::Style { color: self.color, width: self.width }
    }

    fn text(&self, text: &str) {
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }

    fn stderr(&self) -> impl std::io::Write {
        // Whether stderr is a terminal decides nothing here: both streams look alike.
        std::io::stderr().lock()
    }
}
