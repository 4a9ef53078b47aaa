//! `cofferdam rollback`: takes applied migrations back, newest first.

use std::fmt::Write as _;
use std::time::Duration;

use cofferdam::rollback::{self, Options, RollbackReport};

use crate::command::migrate::LockArgs;
use crate::confirm::Confirm;
use crate::context::Context;
use crate::duration;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::progress::Progress;
use crate::output::text;

/// Take the last migration back, or all after a version
///
/// By its down file, or on SQLite by the copy that was made before it. What would be lost
/// is counted before anything runs, and nothing is lost without --discard-writes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The version to leave as the last; without it, one migration goes
    #[arg(value_name = "VERSION")]
    to: Option<String>,
    /// Lose the rows that were written since
    #[arg(long)]
    discard_writes: bool,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    locks: LockArgs,
    /// How long to wait while another process migrates
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse)]
    lease_wait: Duration,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let mut project = context.project()?;
    args.confirm.given_to(&mut project, context);
    let options = Options {
        to: args.to,
        discard_writes: args.discard_writes,
        locks: args.locks.limits(),
        lease_wait: args.lease_wait,
        stop: context.stop.clone(),
    };
    let mut watch = Progress::new(&context.output);
    let report = context.run(async { Ok(rollback::run(&project, &options, &mut watch).await?) })?;
    drop(watch);
    context.output.result(true, &report, || human(&report));
    Ok(Exit::Done)
}

fn human(report: &RollbackReport) -> String {
    let mut out = String::new();
    for version in &report.undone {
        _ = writeln!(out, "took back {}", text::printable(version));
    }
    for (what, rows) in &report.would_lose {
        let rows = usize::try_from(*rows).unwrap_or_default();
        _ = writeln!(out, "lost {} of {}", text::count(rows, "row"), text::printable(what));
    }
    if let Some(point) = &report.point {
        _ = writeln!(out, "put back {}", text::printable(point));
    }
    out
}
