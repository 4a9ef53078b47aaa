//! `cofferdam uninstall`: takes the ledger out of a database, for a team that leaves.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cofferdam::db::Target;
use cofferdam::uninstall::{self, Options, UninstallReport};

use crate::clock::{self, Second};
use crate::confirm::Confirm;
use crate::context::Context;
use crate::duration;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::progress::Progress;
use crate::output::table;
use crate::output::text::{self, Style};

/// Take the ledger out of the database and leave
///
/// Writes the ledger's content to a file first, then drops exactly what Cofferdam made,
/// all or nothing. Your tables, and another tool's own ledger, stay. Objects of others in
/// our schema are named and nothing is dropped; so is a migration that is half applied.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write the content here [default: cofferdam-ledger-DATABASE-TIME.json]
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Forget the content
    #[arg(long, conflicts_with = "export")]
    no_export: bool,
    /// Take only the mark of a protected database off, and leave everything else
    #[arg(long, conflicts_with_all = ["export", "no_export"])]
    protection: bool,
    #[command(flatten)]
    confirm: Confirm,
    /// Show what would be dropped, and drop nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait while another process migrates
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse)]
    lease_wait: Duration,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let chosen = context.needed_database()?;
    let now = clock::now();
    let mut project = context.project_without_files(chosen)?;
    args.confirm.given_to(&mut project, context);
    let export = args.export.unwrap_or_else(|| default_file(&project.target, now));
    let options = Options {
        export: (!args.no_export).then_some(export),
        protection_only: args.protection,
        dry_run: args.dry_run,
        now: now.iso(),
        lease_wait: args.lease_wait,
        stop: context.stop.clone(),
    };
    let mut watch = Progress::new(&context.output);
    let report = context.run(async { Ok(uninstall::run(&project, &options, &mut watch).await?) })?;
    drop(watch);
    context.output.result(true, &report, || human(&report, args.protection, context.output.style()));
    Ok(Exit::Done)
}

/// In the working directory, with a name that says what it is of and never stands twice.
fn default_file(target: &Target, now: Second) -> PathBuf {
    let database = match target {
        Target::Postgres(target) => target.database().or(target.user()).unwrap_or("postgres").to_owned(),
        Target::Sqlite(target) => {
            let name = target.path().and_then(Path::file_stem).unwrap_or_default();
            name.to_string_lossy().into_owned()
        }
    };
    let safe = |c: char| if c.is_alphanumeric() || "_-.".contains(c) { c } else { '_' };
    let database: String = database.chars().map(safe).take(100).collect();
    PathBuf::from(format!("cofferdam-ledger-{database}-{}.json", now.compact()))
}

fn human(report: &UninstallReport, protection: bool, style: Style) -> String {
    let mut out = String::new();
    if report.dropped.is_empty() && protection {
        out += "nothing to do: the database has no mark of protection\n";
    } else if report.dropped.is_empty() {
        out += "nothing to do: the database has no ledger of ours\n";
    } else {
        let rows = report.dropped.iter().map(|gone| {
            vec![gone.object.clone(), gone.rows.map_or_else(String::new, |rows| rows.to_string())]
        });
        out += &table::render(&[if report.dry_run { "would drop" } else { "dropped" }, "rows"], rows, style);
    }
    if let Some(file) = &report.export {
        out += &format!("its content is in {}\n", text::printable(file));
    }
    if !report.only_here.is_empty() {
        let versions = report.only_here.join(", ");
        let count = text::count(report.recorded_only_here, "migration");
        out += &text::labelled("note", &format!("no other ledger knows {count}: {versions}"), style);
    }
    for tool in &report.still_there {
        out += &format!("still there: {}\n", text::printable(tool));
    }
    out
}
