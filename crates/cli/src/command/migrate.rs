//! `cofferdam migrate`: applies what is pending.

use std::path::PathBuf;
use std::time::Duration;

use cofferdam::migrate::{self, MigrateReport, Options};
use cofferdam::runner::LockLimits;
use cofferdam_analysis::judge::{self, Allow};
use cofferdam_analysis::{Error, ErrorKind, rules};

use crate::checklist;
use crate::confirm::Confirm;
use crate::context::Context;
use crate::duration;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::progress::Progress;
use crate::output::text::{self, Style};
use crate::output::{finding, table};

/// Apply the pending migrations
///
/// Checks all of them before anything runs, applies each once and in order, proves and
/// records it. With nothing pending it ends at once, so it fits every start of a
/// container. After a failure or a crash the same command goes on.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stop after this version
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Check and plan, but apply nothing
    #[arg(long)]
    dry_run: bool,
    /// Run statements as the files say them; this is what happens anyway
    #[arg(long)]
    as_written: bool,
    /// Accept the findings of these rules in all pending files; needs --reason
    #[arg(long, value_name = "RULE", value_delimiter = ',', requires = "reason")]
    allow: Vec<String>,
    /// Why; it stands in the audit
    #[arg(long, value_name = "TEXT", requires = "allow")]
    reason: Option<String>,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    locks: LockArgs,
    /// How long to wait while another process migrates
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse)]
    lease_wait: Duration,
    /// Tick this checklist, instead of one found here
    #[arg(long, value_name = "FILE")]
    checklist: Option<PathBuf>,
}

/// How to wait for locks that stop the application.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct LockArgs {
    /// How long to try for locks in all, per step, before giving up with exit 4
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    lock_budget: Duration,
    /// How long to try without ever making others queue behind us
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration::parse)]
    patience: Duration,
    /// Let one attempt queue this long after that, and others behind it [default: 50ms]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    lock_wait: Option<Duration>,
}

impl LockArgs {
    /// As the engine takes them.
    pub(crate) fn limits(self) -> LockLimits {
        LockLimits { patience: self.patience, budget: self.lock_budget, wait: self.lock_wait }
    }
}

pub(crate) fn run(context: &Context, mut args: Args) -> Result<Exit> {
    let options = options(context, &args)?;
    let mut project = context.project()?;
    std::mem::take(&mut args.confirm).given_to(&mut project, context);
    let mut watch = Progress::new(&context.output);
    let result = context.run(async {
        let result = migrate::run(&project, &options, &mut watch).await;
        let ticked = match worth_ticking(&args, &result) {
            true => checklist::tick(context, &project, args.checklist.as_deref()).await,
            false => None,
        };
        Ok((result, ticked))
    });
    drop(watch);
    let (result, ticked) = result?;
    if let Some(ticked) = ticked {
        context.output.log(&ticked.line());
    }
    let report = result?;
    for note in &report.notes {
        context.output.note(note);
    }
    context.output.result(true, &report, || human(&report, context.output.style()));
    if !args.dry_run {
        context.output.log(&completed(&report));
    }
    Ok(Exit::Done)
}

/// A list is looked for only when something was done or tried: a start with nothing pending
/// costs nothing.
fn worth_ticking(args: &Args, result: &Result<MigrateReport, migrate::Failure>) -> bool {
    let tried = match result {
        Ok(report) => !report.applied.is_empty(),
        Err(failure) => !failure.applied.is_empty() || failure.error.kind() != ErrorKind::Unreachable,
    };
    !args.dry_run && (tried || args.checklist.is_some())
}

/// Deployments wait for this line: see docs/output.md.
fn completed(report: &MigrateReport) -> String {
    format!("migrations completed: {} applied, {} already", report.applied.len(), report.already)
}

fn options(context: &Context, args: &Args) -> Result<Options> {
    Ok(Options {
        to: args.to.clone(),
        allows: allows(&args.allow, args.reason.as_deref())?,
        locks: args.locks.limits(),
        lease_wait: args.lease_wait,
        stop: context.stop.clone(),
        dry_run: args.dry_run,
    })
}

fn allows(ids: &[String], reason: Option<&str>) -> Result<Vec<Allow>, Error> {
    let reason = reason.map(str::trim).unwrap_or_default();
    if !ids.is_empty() && reason.is_empty() {
        return Err(
            Error::invalid("--reason is empty").hint("say why the findings are accepted: the audit keeps it")
        );
    }
    let allow = |id: &String| match rules::find(id) {
        Some(rule) if judge::never_allowed(rule.card.id) => {
            Err(Error::invalid(format!("the rule `{id}` cannot be allowed")).hint("correct the file"))
        }
        Some(_) => Ok(Allow { rule: id.clone(), reason: reason.to_owned() }),
        None => {
            let error = Error::invalid(format!("there is no rule `{id}`"));
            Err(match rules::nearest(id) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint("`cofferdam explain` lists all rules"),
            })
        }
    };
    ids.iter().map(allow).collect()
}

fn human(report: &MigrateReport, style: Style) -> String {
    let mut out = finding::all(&report.findings, style);
    if !report.applied.is_empty() {
        let rows = report.applied.iter().map(|applied| {
            let took = text::millis(u64::try_from(applied.duration_ms).unwrap_or_default());
            vec![applied.version.clone(), applied.name.clone(), took]
        });
        out += &table::render(&["applied", "name", "took"], rows, style);
    }
    for version in &report.would_apply {
        out += &format!("would apply {}\n", text::printable(version));
    }
    if !report.skipped.is_empty() {
        out += &format!("still pending: {}\n", text::printable(&report.skipped.join(", ")));
    }
    if let Some(point) = &report.rollback_point {
        let path = point.path.as_deref().unwrap_or("none yet");
        out += &format!("rollback point: {} {}\n", point.kind, text::printable(path));
    }
    out
}
