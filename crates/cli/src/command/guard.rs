//! `cofferdam guard`: refuses drops and truncates by sessions that run no migration.

use std::fmt::Write as _;
use std::time::Duration;

use cofferdam::guard::{self, AllowOptions, GuardReport, Level, Options, Whom};

use crate::command::migrate::LockArgs;
use crate::confirm::Confirm;
use crate::context::Context;
use crate::duration;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::progress::Progress;
use crate::output::table;
use crate::output::text::{self, Style};

/// Refuse drops and truncates that no migration asks for
///
/// A guard against accidents: a tool's `push --force`, a script against the wrong database,
/// an old dump played back. Reading and writing rows is not touched and costs nothing.
/// `cofferdam migrate` and `rollback` get past it by themselves.
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Install(InstallArgs),
    Remove(RemoveArgs),
    /// Show whether the guard stands, and the open windows
    Status,
    Allow(AllowArgs),
}

/// Put the guard up, or repair it
///
/// Level `event-trigger` lets the server refuse, whoever asks; making it needs a superuser,
/// or the role that a provider puts in its place. Level `privileges` is the stronger one and
/// needs none: the tables go to a role that nobody logs in as, and the application's role
/// keeps its rights on rows, without those to drop, truncate and create.
#[derive(Debug, clap::Args)]
struct InstallArgs {
    /// How to guard [default: event-trigger; privileges with --app-role]
    #[arg(long, value_name = "event-trigger|privileges", value_parser = level)]
    level: Option<Level>,
    /// The role that the application logs in as, for level privileges
    #[arg(long, value_name = "ROLE")]
    app_role: Option<String>,
    /// Show the SQL, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    waits: Waits,
}

/// Take the guard out; what it changed is as it was
#[derive(Debug, clap::Args)]
struct RemoveArgs {
    #[command(flatten)]
    confirm: Confirm,
    /// Show the SQL, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    waits: Waits,
}

/// Let the team's own tool through for a time
///
/// The window is for the role that this command logs in as, since the tool uses the same
/// URL; --role opens it for another, --any-role for every session. It is written into the
/// audit, and ends by itself.
#[derive(Debug, clap::Args)]
struct AllowArgs {
    /// How long, at most 24h
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse, required_unless_present = "end")]
    duration: Option<Duration>,
    /// Why; it goes into the audit
    #[arg(long, value_name = "TEXT", value_parser = reason, required_unless_present = "end")]
    reason: Option<String>,
    /// Let sessions of this role through
    #[arg(long, value_name = "ROLE", conflicts_with = "any_role")]
    role: Option<String>,
    /// Let every session through
    #[arg(long)]
    any_role: bool,
    /// End all open windows now
    #[arg(long, conflicts_with_all = ["duration", "reason", "role", "any_role"])]
    end: bool,
}

#[derive(Debug, clap::Args)]
struct Waits {
    #[command(flatten)]
    locks: LockArgs,
    /// How long to wait while another process migrates
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse)]
    lease_wait: Duration,
}

/// One line, since it is shown in tables.
fn reason(text: &str) -> std::result::Result<String, &'static str> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { Err("say why: it goes into the audit") } else { Ok(line) }
}

fn level(text: &str) -> std::result::Result<Level, &'static str> {
    Level::parse(text).ok_or("say event-trigger or privileges")
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let chosen = context.needed_database()?;
    let mut project = context.project_without_files(chosen)?;
    let options = |waits: Waits, dry_run| Options {
        level: None,
        app_role: None,
        dry_run,
        locks: waits.locks.limits(),
        lease_wait: waits.lease_wait,
        stop: context.stop.clone(),
    };
    let mut watch = Progress::new(&context.output);
    let report = match args.action {
        Action::Install(args) => {
            let options =
                Options { level: args.level, app_role: args.app_role, ..options(args.waits, args.dry_run) };
            context.run(async { Ok(guard::install(&project, &options, &mut watch).await?) })?
        }
        Action::Remove(args) => {
            args.confirm.given_to(&mut project, context);
            let options = options(args.waits, args.dry_run);
            context.run(async { Ok(guard::remove(&project, &options, &mut watch).await?) })?
        }
        Action::Status => context.run(async { Ok(guard::status(&project).await?) })?,
        Action::Allow(args) => {
            let options = asked(args);
            context.run(async { Ok(guard::allow(&project, &options).await?) })?
        }
    };
    drop(watch);
    context.output.result(true, &report, || human(&report, context.output.style()));
    Ok(Exit::Done)
}

fn asked(args: AllowArgs) -> AllowOptions {
    let AllowArgs { duration: Some(duration), reason: Some(reason), role, any_role, end: false } = args
    else {
        return AllowOptions::End;
    };
    let whom = match role {
        Some(role) => Whom::Role(role),
        None if any_role => Whom::Everybody,
        None => Whom::Own,
    };
    AllowOptions::Open { duration, reason, whom }
}

fn human(report: &GuardReport, style: Style) -> String {
    let mut out = String::new();
    if report.dry_run {
        for sql in &report.sql {
            let end = if sql.starts_with("--") { "" } else { ";" };
            _ = writeln!(out, "{}{end}\n", sql.trim_end().trim_end_matches(';'));
        }
        return out + "nothing was changed\n";
    }
    let covered = report.tables.saturating_sub(report.uncovered.len());
    if !report.installed {
        out += "no guard: every session may drop and truncate what its rights allow\n";
    } else {
        let tables = text::count(report.tables, "table");
        match report.is_whole() {
            true => _ = writeln!(out, "guarded by {}, {covered} of {tables} covered", report.level),
            false => {
                _ = writeln!(
                    out,
                    "the guard is incomplete: level {}, {covered} of {tables} covered",
                    report.level
                );
            }
        }
    }
    if let (Some(app), Some(owner)) = (&report.app_role, &report.owner_role) {
        let (app, owner) = (text::printable(app), text::printable(owner));
        // What differs is told below.
        let belong = if report.is_whole() { "belong" } else { "are to belong" };
        let reads =
            if report.is_whole() { "reads and writes rows" } else { "is to read and write rows only" };
        _ = writeln!(out, "tables {belong} to {owner}; {app} {reads}");
    }
    if let Some(file) = &report.file {
        let mode = file.mode.as_deref().unwrap_or("unknown");
        _ = writeln!(out, "{} has mode {mode}", text::printable(&file.path));
    }
    for missing in &report.missing {
        out += &text::labelled("warning", missing, style);
    }
    if !report.uncovered.is_empty() {
        let some: Vec<String> = report.uncovered.iter().take(10).map(|name| text::printable(name)).collect();
        let more = report.uncovered.len() - some.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        out += &text::labelled("warning", &format!("can be truncated: {}{more}", some.join(", ")), style);
    }
    if report.installed && !report.is_whole() {
        out += "cofferdam guard install repairs it\n";
    }
    if !report.windows.is_empty() {
        let rows = report.windows.iter().map(|window| {
            let role = window.role.as_deref().unwrap_or("every role");
            vec![
                text::printable(role),
                left(window.remaining_s),
                text::printable(&window.opened_by),
                text::printable(&window.reason),
            ]
        });
        out += &table::render(&["open for", "still", "opened by", "reason"], rows, style);
    }
    out
}

fn left(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}
