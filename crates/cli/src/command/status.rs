//! `cofferdam status`: where the database stands against the folder.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cofferdam::Project;
use cofferdam::ledger::RunState;
use cofferdam::ledger::protection::Told;
use cofferdam::ledger::standing::RunProgress;
use cofferdam::status::{self, StatusReport};
use cofferdam_analysis::{Error, ErrorKind, Finding, Severity};

use crate::checklist::{self, With};
use crate::context::Context;
use crate::duration;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::json::Verdict;
use crate::output::text::{self, Style};
use crate::output::{finding, table};

/// Show what is applied, what is pending and what is wrong
///
/// Reads only. Exit 0 also when something is pending, 1 when applied and present files
/// do not fit together, or when the last run failed and nobody has gone on with it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Wait until nothing is pending, at most this long, then end with exit 4
    #[arg(
        long, value_name = "DURATION", num_args = 0..=1, require_equals = true,
        default_missing_value = "60s", value_parser = duration::parse
    )]
    wait: Option<Duration>,
    /// End with exit 1 when something is pending
    #[arg(long)]
    exit_code: bool,
    /// Show how far this checklist is, instead of one found here
    #[arg(long, value_name = "FILE")]
    checklist: Option<PathBuf>,
}

/// How often a waiting `status` looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let project = context.project()?;
    let (report, checklist) = context.run(async {
        let report = match args.wait {
            Some(patience) => wait(context, &project, patience).await?,
            None => status::read(&project).await?,
        };
        let checklist = checklist::shown(context, &project, args.checklist.as_deref(), &report).await?;
        Ok((report, checklist))
    })?;
    for note in &report.notes {
        context.output.note(note);
    }
    let problems: Vec<&Finding> = report.problems.iter().filter(|p| p.severity > Severity::Note).collect();
    let whole = With { report: &report, checklist };
    let human = || {
        let line = whole.checklist.as_ref().map(|checklist| text::printable(&checklist.line()) + "\n");
        human(&report, context.output.style(), context.output.verbose > 0) + &line.unwrap_or_default()
    };
    if let Some(first) = problems.first() {
        let verdict = Verdict::findings(text::count(problems.len(), "problem"), first.rule);
        context.output.judged(&verdict, &whole, human);
        return Ok(Exit::Findings);
    }
    if let Some(run) = report.run.as_ref().filter(|_| report.runner.is_none()).filter(|run| run.failed()) {
        let version = run.version.as_deref().unwrap_or("?");
        let verdict = Verdict::left(format!("the last run failed in {version}"), &run.next);
        context.output.judged(&verdict, &whole, human);
        return Ok(Exit::Findings);
    }
    context.output.result(true, &whole, human);
    Ok(if args.exit_code && !report.pending.is_empty() { Exit::Findings } else { Exit::Done })
}

/// Looks until nothing is pending. A database that is not there yet is waited for as well:
/// this stands in front of applications that start together with it.
async fn wait(context: &Context, project: &Project, patience: Duration) -> Result<StatusReport> {
    let until = Instant::now() + patience;
    loop {
        let seen = status::read(project).await;
        match &seen {
            Ok(report) if report.pending.is_empty() || has_errors(report) => return Ok(seen?),
            Err(error) if error.kind() != ErrorKind::Unreachable => return Ok(seen?),
            Ok(_) | Err(_) => {}
        }
        context.stop.check()?;
        if Instant::now() + LOOK_EVERY > until {
            return Err(timed_out(seen, patience).into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waiting does not mend what refuses a migration.
fn has_errors(report: &StatusReport) -> bool {
    report.problems.iter().any(Finding::refuses)
}

fn timed_out(seen: Result<StatusReport, Error>, patience: Duration) -> Error {
    let waited = text::millis(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
    match seen {
        Ok(report) => {
            let pending: Vec<&str> = report.pending.iter().map(|pending| pending.version.as_str()).collect();
            let error = Error::blocked(format!("still pending after {waited}: {}", pending.join(", ")));
            match report.runner {
                Some(runner) => error.detail(format!("at work: {runner}")),
                None => error.hint("nobody migrates this database at the moment: cofferdam migrate"),
            }
        }
        Err(error) => Error::blocked(format!("waited {waited}: {}", error.message())),
    }
}

/// More of the history is shown with -v.
const SHOWN_APPLIED: usize = 10;

fn human(report: &StatusReport, style: Style, all: bool) -> String {
    let mut out = finding::all(&report.problems, style);
    _ = writeln!(out, "target: {}", text::printable(&report.target));
    if let Some(protection) = protection(&report.protection, all) {
        out += &text::labelled("protection", &text::printable(&protection), style);
    }
    let hidden = if all { 0 } else { report.applied.len().saturating_sub(SHOWN_APPLIED) };
    if hidden > 0 {
        _ = writeln!(out, "{} (-v shows all)", text::count(hidden, "earlier migration"));
    }
    let applied = report.applied.iter().skip(hidden).map(|row| {
        let took = row.duration_ms.and_then(|ms| u64::try_from(ms).ok());
        let took = took.map_or_else(|| row.kind.as_str().to_owned(), text::millis);
        vec![row.version.clone(), row.name.clone(), seconds(&row.applied_at), took]
    });
    if !report.applied.is_empty() {
        out += &table::render(&["applied", "name", "at", "took"], applied, style);
    }
    if !report.pending.is_empty() {
        let pending = report.pending.iter().map(|row| vec![row.version.clone(), row.name.clone()]);
        out += &table::render(&["pending", "name"], pending, style);
    }
    if let Some(run) = &report.run {
        out += &one_run(run, style);
    }
    if let Some(runner) = &report.runner {
        _ = writeln!(out, "at work: {}", text::printable(runner));
    }
    _ = writeln!(out, "{} applied, {} pending", report.applied.len(), report.pending.len());
    out
}

/// What there is to say of protection; what nobody can tell here only where all is asked for.
fn protection(told: &Told, all: bool) -> Option<String> {
    let Told { protected, database, configured, marked, copy_of, unknown } = told;
    let configured = configured.as_ref().map(|place| format!("{place} says so"));
    let marked = marked.map(|mark| format!("its ledger has the mark, see audit entry {}", mark.audit));
    let why: Vec<String> = configured.into_iter().chain(marked).collect();
    match (*protected, copy_of) {
        (true, _) => {
            Some(format!("what could lose something needs --confirm {database}; {}", why.join(", and ")))
        }
        (false, Some(other)) => {
            Some(format!("none: its ledger has the mark of {other}, of which this is a copy"))
        }
        (false, None) if all && !unknown.is_empty() => Some(format!("none known of: {}", unknown.join("; "))),
        (false, None) => None,
    }
}

/// A run that is not done. `failed` is said only together with the cause.
fn one_run(run: &RunProgress, style: Style) -> String {
    let state = match (run.state, &run.error) {
        (RunState::Failed, None) => "is not finished",
        (RunState::Failed, Some(_)) if run.failed() => "failed",
        (RunState::Failed, Some(_)) => "was stopped",
        (RunState::Running, _) => "is running",
        (RunState::Done, _) => "is done",
        (RunState::Abandoned, _) => "is abandoned",
    };
    let version = run.version.as_deref().unwrap_or("?");
    let mut out = format!("run: {version} {state}, {:.0} % done; next: {}\n", run.progress * 100.0, run.next);
    if let Some(cause) = &run.error {
        out += &text::labelled("cause", cause, style);
    }
    out
}

/// `2026-11-20T09:00:00.123456Z` to the second.
fn seconds(at: &str) -> String {
    let at = at.split(['.', '+']).next().unwrap_or(at).trim_end_matches('Z');
    at.replacen('T', " ", 1)
}
