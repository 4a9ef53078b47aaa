//! `cofferdam plan`: what `migrate` would do, asked of the database, changing nothing.

mod deployment;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use cofferdam::migrate::{self, Options, PlanReport, PlannedStatement, PlannedStep};
use cofferdam_analysis::Error;

use crate::checklist::{self, With};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::json::Verdict;
use crate::output::text::{self, Style, Tone};
use crate::output::{finding, json};

/// Ask the database what `migrate` would do
///
/// Shows each step with its statements, the locks they take, what they rewrite and scan,
/// and how it can be taken back. Nothing is changed, and nothing is locked. Exit 1 means
/// that `migrate` would refuse.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also write the plan to FILE, as the JSON document
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also write the operator's list for this deployment to FILE, as Markdown
    ///
    /// What to look at before, the steps with their locks and the way back, and what to
    /// look at afterwards, from what the database answers now. `migrate` ticks what it
    /// does; an older list of the same database is written anew and keeps its notes.
    #[arg(long, value_name = "FILE.md")]
    checklist: Option<PathBuf>,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let project = context.project()?;
    let (report, made) = context.run(async {
        let report = migrate::plan(&project, &Options::default()).await?;
        let made = match &args.checklist {
            Some(_) => Some(deployment::list(&project, &report).await?),
            None => None,
        };
        Ok((report, made))
    })?;
    let checklist = match (&args.checklist, made) {
        (Some(path), Some(made)) => Some(checklist::write(path, made, &project)?),
        _ => None,
    };
    let whole = With { report: &report, checklist };
    let refusing: Vec<&str> = report.findings.iter().filter(|f| f.refuses()).map(|f| f.rule).collect();
    let message = || format!("migrate would refuse: {}", text::count(refusing.len(), "finding"));
    let verdict = refusing.first().map(|rule| Verdict::findings(message(), rule));
    if let Some(path) = &args.out {
        write(path, &json::rendered("plan", verdict.as_ref(), &whole))?;
    }
    for note in &report.notes {
        context.output.note(note);
    }
    let human = || {
        let line = whole.checklist.as_ref().map(|checklist| text::printable(&checklist.line()) + "\n");
        human(&report, context.output.style()) + &line.unwrap_or_default()
    };
    match &verdict {
        None => context.output.result(true, &whole, human),
        Some(verdict) => context.output.judged(verdict, &whole, human),
    }
    Ok(if verdict.is_some() { Exit::Findings } else { Exit::Done })
}

fn write(path: &Path, document: &str) -> Result<(), Error> {
    std::fs::write(path, document)
        .map_err(|error| Error::invalid(format!("cannot write the plan to {}: {error}", path.display())))
}

/// The plan, for people: findings first, since they may end the matter.
pub(crate) fn human(report: &PlanReport, style: Style) -> String {
    let mut out = finding::all(&report.findings, style);
    for step in &report.steps {
        out += &one_step(step, style);
    }
    match (&report.rollback_point, &report.rollback_point_reason) {
        (Some(point), _) => _ = writeln!(out, "rollback point: {} ({})", point.kind, point.reason),
        (None, Some(reason)) if !report.steps.is_empty() => {
            out += &text::labelled("rollback point", &format!("none, {reason}"), style);
        }
        (None, _) => {}
    }
    if let Some(confirm) = &report.confirm {
        let because = text::printable(&confirm.because.join("; "));
        let needed = format!("migrate needs --confirm {}: {because}", text::printable(&confirm.database));
        out += &text::labelled("protected", &needed, style);
    }
    let steps = match report.steps.len() {
        0 => "nothing pending".to_owned(),
        n => text::count(n, "step"),
    };
    _ = writeln!(out, "{steps}, {} already applied", report.already);
    out
}

fn one_step(step: &PlannedStep, style: Style) -> String {
    let commit = if step.transaction { "one transaction" } else { "outside of a transaction" };
    let label = format!("step {}  ", step.id);
    let title = format!("{}, {commit}", text::printable(&step.file));
    let title = text::wrap(&title, style.width.saturating_sub(label.len()));
    let title = title.join(&format!("\n{:1$}", "", label.len()));
    let mut out = format!("{}{title}\n", style.paint(Tone::Strong, &label));
    for statement in &step.statements {
        out += &one_statement(statement, style);
    }
    match &step.undo {
        Some(undo) => out += &text::labelled("  undo", undo, style),
        None => out += "  undo: none\n",
    }
    out.push('\n');
    out
}

/// More lines of a statement than these say nothing new to whoever reads a plan.
const SHOWN_LINES: usize = 12;

fn one_statement(statement: &PlannedStatement, style: Style) -> String {
    let mut out = String::new();
    let sql = text::printable(statement.sql.trim_end());
    let lines: Vec<&str> = sql.lines().collect();
    for line in lines.iter().take(SHOWN_LINES) {
        _ = writeln!(out, "    {}", line.trim_end());
    }
    if lines.len() > SHOWN_LINES {
        _ = writeln!(out, "    ... {} more", text::count(lines.len() - SHOWN_LINES, "line"));
    }
    let locks = statement.lock.iter().map(|(table, lock)| format!("{lock} on {table}"));
    let rewrite = (statement.rewrite == Some(true)).then(|| "rewrites the table".to_owned());
    let scan = (statement.scan == Some(true)).then(|| "scans the table".to_owned());
    let rows = statement.rows.map(|rows| format!("about {}", text::count(rows as usize, "row")));
    let costs: Vec<String> = locks.chain(rewrite).chain(scan).chain(rows).collect();
    if !costs.is_empty() {
        for line in text::wrap(&text::printable(&costs.join(", ")), style.width.saturating_sub(8)) {
            _ = writeln!(out, "        {line}");
        }
    }
    out
}
