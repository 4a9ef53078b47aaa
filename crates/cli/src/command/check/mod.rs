//! `cofferdam check`: judges files, without a database.
//!
//! Promise: what is judged and in which order is what `migrate` would run; what
//! cannot be read is a finding or an error, never skipped in silence.

mod collect;
mod live;

use std::path::PathBuf;

use cofferdam::folder::Folder;
use cofferdam_analysis::judge::{self, Input, JudgedFile, Known, Role, Transaction};
use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{ErrorKind, Finding, Severity};
use serde::Serialize;

use crate::config::FailOn;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::json::Verdict;
use crate::output::text::{self, Style};
use crate::output::{Output, finding};
use crate::target::Chosen;
use collect::Set;
use live::Live;

/// Judge migration files before they run, without a database
///
/// Without PATHS, what is pending in the database, if one is named; else the files of
/// the migrations folder that come after `since` under [check] in cofferdam.toml.
/// Several paths are one set, in the order in which they run: later files see what
/// earlier ones made. A path may also be a compose file, a Dockerfile, a package.json or
/// a shell script. With --database-url or --env, paths are judged by what that database
/// holds.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files or folders; - reads SQL from the standard input
    #[arg(value_name = "PATHS")]
    paths: Vec<PathBuf>,
    /// What the files are written in; otherwise that of the database URL, or Postgres
    #[arg(long, value_enum)]
    dialect: Option<DialectName>,
    /// SQL that already ran: its tables exist, and count as big
    #[arg(long, value_name = "FILE")]
    schema: Vec<PathBuf>,
    /// A catalog snapshot: what the tables are, and how big
    #[arg(long, value_name = "FILE", conflicts_with = "schema")]
    catalog: Option<PathBuf>,
    /// How the runner runs a file: as `migrate` does, each in one transaction, or none in one
    #[arg(long, value_enum, default_value_t)]
    transaction: TransactionMode,
    /// End with exit 1 from this severity on [default: error]
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
}

/// `--dialect`
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum DialectName {
    Postgres,
    Sqlite,
}

/// `--transaction`
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum TransactionMode {
    #[default]
    Auto,
    Always,
    Never,
}

impl From<TransactionMode> for Transaction {
    fn from(mode: TransactionMode) -> Self {
        match mode {
            TransactionMode::Auto => Transaction::Auto,
            TransactionMode::Always => Transaction::Always,
            TransactionMode::Never => Transaction::Never,
        }
    }
}

#[derive(Serialize)]
struct Report {
    findings: Vec<Finding>,
    summary: Summary,
}

/// How much was judged, and what was found that nobody allowed.
#[derive(Debug, Clone, Copy, Serialize)]
struct Summary {
    files: usize,
    statements: usize,
    error: usize,
    warning: usize,
    note: usize,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let database = context.database()?;
    let dialect = dialect(context, args.dialect, database.as_ref())?;
    let mut set = Set::new(dialect);
    for path in &args.schema {
        set.add_schema(path)?;
    }
    if let Some(path) = &args.catalog {
        set.catalog = Some(collect::snapshot(path)?);
    }
    // A URL of the environment tells the dialect; only one that was typed is asked about paths.
    let typed = context.global.database_url.is_some() || context.global.env.is_some();
    let asked = database.filter(|chosen| chosen.dialect() == dialect);
    let asked = asked.filter(|_| typed || args.paths.is_empty());
    match (asked, args.paths.as_slice()) {
        (Some(chosen), []) if chosen.implied => add_implied(context, chosen, &mut set)?,
        (Some(chosen), paths) => add_live(context, chosen, paths, &mut set)?,
        (None, []) => add_folder(context, &mut set)?,
        // Only to see what stands before the paths: a project without a folder has nothing there.
        (None, paths) => set.add_paths(paths, context.readable_folder()?.as_ref())?,
    }
    let fail_on = args.fail_on.or(context.config.settings.check.fail_on).unwrap_or(FailOn::Error);
    let guessed = set.guessed;
    let report = judge(set, args.transaction.into());
    if guessed && report.findings.iter().any(|finding| finding.proof.is_some()) {
        context.output.note(
            "judged as if none of these files had run yet: where an earlier one has, migrate refuses what loses its rows; a database, or `since` under [check], tells which ran",
        );
    }
    Ok(print(&context.output, &report, fail_on.into()))
}

/// The files of the folder, without a database: nobody knows which of them it has by now.
fn add_folder(context: &Context, set: &mut Set) -> Result<()> {
    set.guessed = true;
    Ok(set.add_pending(&context.needed_folder()?, context.config.settings.check.since.as_deref())?)
}

/// What is pending in a database that only another tool's file names: nobody asked for it,
/// so that one which is not running keeps nobody from having files judged.
fn add_implied(context: &Context, chosen: Chosen, set: &mut Set) -> Result<()> {
    let source = chosen.source.clone();
    match add_live(context, chosen, &[], set) {
        Err(failure) if failure.error.kind() == ErrorKind::Unreachable => {
            context.output.note(&format!("judged without a database: that of {source} cannot be reached"));
            add_folder(context, set)
        }
        done => done,
    }
}

/// What is pending, or `paths`, judged by what the database holds.
fn add_live(context: &Context, chosen: Chosen, paths: &[PathBuf], set: &mut Set) -> Result<()> {
    let connect = context.environment.connect_options()?;
    let live = context.run(async { Ok(Live::look(&chosen.target, &connect).await?) })?;
    if paths.is_empty() {
        let project = context.project_of(chosen)?;
        let project = live.project(&project)?;
        let standing = live.standing(&project);
        standing.notes.iter().for_each(|note| context.output.note(note));
        set.problems = standing.problems;
        standing.pending.into_iter().for_each(|migration| set.add_migration(migration, Role::Judged));
    } else {
        set.add_paths(paths, None)?;
    }
    if set.catalog.is_none() {
        set.catalog = live.catalog;
    }
    Ok(())
}

/// Never told from the text: SQL of one dialect often parses as the other, and means something else.
fn dialect(context: &Context, asked: Option<DialectName>, database: Option<&Chosen>) -> Result<Dialect> {
    match asked {
        Some(DialectName::Postgres) => return Ok(Dialect::Postgres),
        Some(DialectName::Sqlite) => return Ok(Dialect::Sqlite),
        None => {}
    }
    Ok(match database {
        Some(chosen) => chosen.dialect(),
        // Prisma and Drizzle write down what their folder is for.
        None => written_down(context).unwrap_or_else(|| {
            context
                .output
                .note("judged as Postgres, since no database is named; --dialect sqlite says otherwise");
            Dialect::Postgres
        }),
    })
}

/// What the books of the migrations folder's own tool say. A folder that cannot be read is
/// named when its files are.
fn written_down(context: &Context) -> Option<Dialect> {
    let place = context.place().ok()??;
    Folder::read(&place.dir, context.format_of(&place).ok()?).ok()?.dialect
}

fn judge(set: Set, transaction: Transaction) -> Report {
    let files: Vec<JudgedFile<'_>> = set
        .files
        .iter()
        .map(|file| JudgedFile {
            // The format's own marker; a flag that was typed says more.
            transaction: match transaction {
                Transaction::Auto if file.no_transaction => Transaction::Never,
                asked => asked,
            },
            ..JudgedFile::new(&file.script, file.role)
        })
        .collect();
    let input = Input {
        documents: &set.documents,
        known: set.catalog.as_ref().map(|catalog| catalog as &dyn Known),
        ..Input::new(set.dialect, &files)
    };
    let mut findings = set.problems;
    findings.extend(judge::judge(&input));
    let of = |severity| findings.iter().filter(|f| f.severity == severity && f.allowed.is_none()).count();
    let judged = || set.files.iter().filter(|file| file.role == Role::Judged);
    let summary = Summary {
        files: judged().count() + set.documents.len(),
        statements: judged().map(|file| file.script.statements.len()).sum(),
        error: of(Severity::Error),
        warning: of(Severity::Warning),
        note: of(Severity::Note),
    };
    Report { findings, summary }
}

fn print(output: &Output, report: &Report, fail_on: Severity) -> Exit {
    let failing: Vec<&Finding> =
        report.findings.iter().filter(|f| f.allowed.is_none() && f.severity >= fail_on).collect();
    let human = || human(report, output.style(), output.quiet);
    let Some(first) = failing.first() else {
        output.result(true, report, human);
        return Exit::Done;
    };
    let message = format!("{} at or above {}", text::count(failing.len(), "finding"), fail_on.as_str());
    let verdict = Verdict::findings(message, first.rule);
    output.judged(&verdict, report, human);
    Exit::Findings
}

fn human(report: &Report, style: Style, quiet: bool) -> String {
    let mut out = finding::all(&report.findings, style);
    if !quiet {
        out += &summary(&report.summary);
    }
    out
}

fn summary(summary: &Summary) -> String {
    let Summary { files, statements, error, warning, note } = *summary;
    let found = [(error, "error"), (warning, "warning"), (note, "note")];
    let found: Vec<String> =
        found.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| text::count(n, noun)).collect();
    let found = if found.is_empty() { "nothing found".to_owned() } else { found.join(", ") };
    format!("{}, {}: {found}\n", text::count(files, "file"), text::count(statements, "statement"))
}
