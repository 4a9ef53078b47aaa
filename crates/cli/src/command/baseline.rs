//! `cofferdam baseline`: takes a database under management that no tool manages.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use cofferdam::baseline::{self, BaselineReport, Options, Outcome};
use cofferdam::folder::{Folder, Format};

use crate::context::Context;
use crate::duration;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::progress::Progress;
use crate::output::text::{self, Style};
use crate::{clock, places, scratch};

/// Take a database under management that no migration tool manages
///
/// Writes one migration file that recreates its schema, runs it in a scratch database,
/// compares, and only then counts it as applied. The database is read, and gets a ledger;
/// no row is read. Where the folder begins with a baseline already (another environment),
/// that file is compared with this database and counted.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave these tables out: schema.table, or table; * stands for any characters
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Leave grants and default privileges out
    #[arg(long)]
    no_privileges: bool,
    /// How long to wait while another process migrates
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse)]
    lease_wait: Duration,
    #[command(flatten)]
    scratch: scratch::Options,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let chosen = context.needed_database()?;
    let folder = match context.place()? {
        Some(place) if !place.dir.exists() => {
            let format = context.format_of(&place)?;
            Folder::empty(place.dir, format.unwrap_or(Format::Native))
        }
        Some(_) => context.needed_folder()?,
        // SQL beside programs would be applied by nobody.
        None if Path::new(places::DEFAULT).exists() => return Err(context.no_folder().into()),
        None => Folder::empty(places::DEFAULT.into(), context.format().unwrap_or(Format::Native)),
    };
    let project = context.project_with(chosen, folder)?;
    let options = Options {
        exclude: args.exclude,
        no_privileges: args.no_privileges,
        place: context.scratch_place(&args.scratch)?,
        programs: context.client_directories(),
        now: clock::now().version(),
        lease_wait: args.lease_wait,
        stop: context.stop.clone(),
    };
    let ignored = (!options.exclude.is_empty()).then(|| {
        let patterns: Vec<String> =
            options.exclude.iter().map(|p| toml::Value::from(p.as_str()).to_string()).collect();
        format!(
            "so that diff leaves them out too, in cofferdam.toml: [diff] ignore = [{}]",
            patterns.join(", ")
        )
    });
    let mut watch = Progress::new(&context.output);
    let report = context.run(async { Ok(baseline::run(&project, &options, &mut watch).await?) })?;
    drop(watch);
    context.output.result(true, &report, || human(&report, context.output.style()));
    report.notes.iter().for_each(|note| context.output.note(note));
    ignored.iter().for_each(|note| context.output.note(note));
    Ok(Exit::Done)
}

fn human(report: &BaselineReport, style: Style) -> String {
    let file = text::printable(&report.baseline.file);
    let objects = text::count(report.baseline.objects, "object");
    let mut out = String::new();
    let said = match report.outcome {
        Outcome::Written => {
            format!("{file} recreates {objects}: proved in a scratch database, and counted as applied here")
        }
        Outcome::Counted => {
            format!("{file} makes the schema that is here, {objects}: it is counted as applied now")
        }
        Outcome::Already => format!("{file} is the baseline of this database already"),
    };
    for line in text::wrap(&said, style.width) {
        _ = writeln!(out, "{line}");
    }
    if !report.excluded.is_empty() {
        _ = writeln!(out, "left out: {}", text::printable(&report.excluded.join(", ")));
    }
    if !report.roles.is_empty() {
        let roles = text::printable(&report.roles.join(", "));
        _ = writeln!(out, "grants and policies are skipped where these roles do not exist: {roles}");
    }
    out += "next: cofferdam status, and cofferdam check in CI\n";
    out
}
