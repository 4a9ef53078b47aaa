//! `cofferdam adopt`: takes over a database that another tool has migrated.

use std::fmt::Write as _;
use std::time::Duration;

use cofferdam::adopt::{self, AdoptReport, Options};

use crate::context::Context;
use crate::duration;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::progress::Progress;
use crate::output::text::{self, Style};
use crate::output::{finding, table};

/// Take over the history of another migration tool, in place
///
/// Compares the other tool's ledger with the folder, by that tool's own checksums, and
/// imports it once. The other ledger stays as it is. A migration that failed half way, or
/// a file that was edited, is refused.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Begin a ledger that counts nothing as applied
    #[arg(long)]
    none: bool,
    /// Take over the history of TOOL, where the database has ledgers of several
    #[arg(long, value_name = "TOOL", conflicts_with = "none")]
    from: Option<String>,
    /// Go on writing the other tool's ledger, so that it sees nothing pending
    ///
    /// Whatever Cofferdam applies or takes back from now on is written there as the tool
    /// itself would, in the same transaction. The way back to the tool stays open. `no`
    /// ends it.
    #[arg(
        long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes",
        value_parser = |text: &str| match text {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err("say yes or no"),
        },
        conflicts_with = "none"
    )]
    keep_in_step: Option<bool>,
    /// How long to wait while another process migrates
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse)]
    lease_wait: Duration,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let project = context.project_to_adopt()?;
    let options = Options {
        none: args.none,
        from: args.from,
        keep_in_step: args.keep_in_step,
        lease_wait: args.lease_wait,
        stop: context.stop.clone(),
    };
    let mut watch = Progress::new(&context.output);
    let report = context.run(async { Ok(adopt::run(&project, &options, &mut watch).await?) })?;
    drop(watch);
    context.output.result(true, &report, || human(&report, context.output.style()));
    Ok(Exit::Done)
}

fn human(report: &AdoptReport, style: Style) -> String {
    let mut out = finding::all(&report.problems, style);
    if !report.adopted.is_empty() {
        let rows = report.adopted.iter().map(|row| vec![row.version.clone(), row.name.clone()]);
        out += &table::render(&["adopted", "name"], rows, style);
    }
    let from = report.source.as_deref().map_or_else(String::new, |source| format!(" from {source}"));
    _ = writeln!(
        out,
        "{} adopted{from}, {} already, {} pending",
        text::count(report.adopted.len(), "migration"),
        report.already,
        report.pending.len()
    );
    if let Some(tool) = &report.keep_in_step {
        _ = writeln!(out, "{tool}'s ledger is kept in step from now on");
    }
    out
}
