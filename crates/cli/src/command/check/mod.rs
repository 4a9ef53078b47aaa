//! `cofferdam check`: judges files, without a database.
//!
//! Promise: what is judged and in which order is what `migrate` would run; what
//! cannot be read is a finding or an error, never skipped in silence.

mod collect;

use std::path::PathBuf;

use cofferdam_analysis::judge::{self, Input, JudgedFile, Transaction};
use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Finding, Severity};
use serde::Serialize;

use crate::config::FailOn;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::json::Verdict;
use crate::output::text::{self, Style};
use crate::output::{Output, finding};
use collect::Set;

/// Judge migration files before they run, without a database
///
/// Without PATHS, the files of the migrations folder that come after `since` under
/// [check] in cofferdam.toml. Several paths are one set, in the order in which they
/// run: later files see what earlier ones made. A path may also be a compose file, a
/// Dockerfile, a package.json or a shell script.
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
    let dialect = dialect(context, args.dialect)?;
    let mut set = Set::new(dialect);
    for path in &args.schema {
        set.add_schema(path)?;
    }
    if args.paths.is_empty() {
        set.add_pending(&context.needed_folder()?, context.config.settings.check.since.as_deref())?;
    } else {
        // Only to see what stands before the paths: a project without a folder has nothing there.
        let folder = context.folder()?;
        set.add_paths(&args.paths, folder.as_ref())?;
    }
    let fail_on = args.fail_on.or(context.config.settings.check.fail_on).unwrap_or(FailOn::Error);
    let report = judge(&set, args.transaction.into());
    Ok(print(&context.output, &report, fail_on.into()))
}

/// Never told from the text: SQL of one dialect often parses as the other, and means something else.
fn dialect(context: &Context, asked: Option<DialectName>) -> Result<Dialect> {
    match asked {
        Some(DialectName::Postgres) => return Ok(Dialect::Postgres),
        Some(DialectName::Sqlite) => return Ok(Dialect::Sqlite),
        None => {}
    }
    Ok(match context.database()? {
        Some(chosen) => chosen.dialect(),
        None => {
            context
                .output
                .note("judged as Postgres, since no database is named; --dialect sqlite says otherwise");
            Dialect::Postgres
        }
    })
}

fn judge(set: &Set, transaction: Transaction) -> Report {
    let files: Vec<JudgedFile<'_>> = set
        .files
        .iter()
        .map(|file| JudgedFile { transaction, ..JudgedFile::new(&file.script, file.role) })
        .collect();
    let input = Input { documents: &set.documents, ..Input::new(set.dialect, &files) };
    let findings = judge::judge(&input);
    let of = |severity| findings.iter().filter(|f| f.severity == severity && f.allowed.is_none()).count();
    let judged = || set.files.iter().filter(|file| file.role == judge::Role::Judged);
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
    let verdict = Verdict {
        message: format!("{} at or above {}", text::count(failing.len(), "finding"), fail_on.as_str()),
        hint: Some(format!("cofferdam explain {}", first.rule)),
    };
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
