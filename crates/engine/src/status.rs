//! Where a target stands: what is applied, what is pending, what is wrong. Reads only.

use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Finding, Result};
use serde::Serialize;

use crate::Project;
use crate::db::{self, SqliteMode, SqliteOptions, Target};
use crate::folder::{Checksum, Format};
use crate::foreign::{self, Surroundings};
use crate::ledger::standing::{self, RunProgress};
use crate::ledger::{self, History, protection};

/// The answer of `status`.
#[derive(Debug, Clone, Serialize)]
pub struct StatusReport {
    /// The database, without password.
    pub target: String,
    /// Whether our ledger is there.
    pub ledger: bool,
    /// In the order in which they ran.
    pub applied: Vec<AppliedRow>,
    /// In the order in which they would run.
    pub pending: Vec<PendingRow>,
    /// What does not fit together.
    pub problems: Vec<Finding>,
    /// A run that is not done.
    pub run: Option<RunProgress>,
    /// Who is at work now.
    pub runner: Option<String>,
    /// Whether the database is protected, and why.
    pub protection: protection::Told,
    /// What else is worth saying.
    pub notes: Vec<String>,
}

/// A migration that counts as applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedRow {
    /// As the file writes it.
    pub version: String,
    /// The file's name without version and ending.
    pub name: String,
    /// Of the file as it was applied, in hexadecimal.
    pub checksum: Option<Checksum>,
    /// UTC.
    pub applied_at: String,
    /// Wall time.
    pub duration_ms: Option<i64>,
    /// `applied`, `adopted`, `baseline`.
    pub kind: ledger::Kind,
}

/// A migration that is not applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PendingRow {
    /// As the file writes it.
    pub version: String,
    /// The file's name without version and ending.
    pub name: String,
}

/// What was read from the target.
struct Read {
    has_ledger: bool,
    history: History,
    around: Surroundings,
    runner: Option<String>,
    protection: protection::Told,
    dialect: Dialect,
}

/// Reads the ledger of the target and compares it with the folder.
pub async fn read(project: &Project) -> Result<StatusReport> {
    let read = match &project.target {
        Target::Postgres(target) => {
            let connect = db::ConnectOptions { allow_standby: true, ..project.connect.clone() };
            let session = db::connect(target, &connect).await?;
            let has_ledger = ledger::postgres::exists(&session).await?;
            let (history, runner) = if has_ledger {
                let holder = ledger::holder(&session).await?.filter(|holder| holder.expired_for < 0.0);
                (ledger::postgres::history(&session).await?, holder.map(|holder| holder.to_string()))
            } else {
                (History::default(), None)
            };
            let protection = project.protection.on_postgres(&session, has_ledger).await?.told();
            let around = foreign::postgres(&session).await?;
            session.close().await;
            Read { has_ledger, history, around, runner, protection, dialect: Dialect::Postgres }
        }
        Target::Sqlite(target) => {
            let db = db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadOnly))?;
            let has_ledger = ledger::sqlite::exists(&db)?;
            let history = if has_ledger { ledger::sqlite::history(&db)? } else { History::default() };
            let protection = project.protection.on_sqlite(&db, target, has_ledger)?.told();
            let around = foreign::sqlite(&db)?;
            Read { has_ledger, history, around, runner: None, protection, dialect: Dialect::Sqlite }
        }
    };
    report(project, read)
}

fn report(project: &Project, read: Read) -> Result<StatusReport> {
    let project = &project.as_history_has_it(&read.history, &read.around)?;
    let history = &foreign::with_tool(read.history.clone(), &read.around, &project.folder);
    let standing = standing::standing(&project.folder, history, project.out_of_order());
    let run = standing::progress(&standing, read.history.open_run.as_ref(), read.dialect);
    let mut notes = standing.notes.clone();
    let mut problems = standing.problems;
    // What the folder's own tool left behind, and what it skips without a word.
    if let Some(found) = read.around.of_format(project.folder.format) {
        problems.extend(foreign::unadopted_problems(found, &project.folder, &read.history));
    }
    notes.extend(project.folder.notes.iter().cloned());
    notes.extend(of_ledgers(project, &read, history.applied.len() - read.history.applied.len()));
    Ok(StatusReport {
        target: project.target.redacted(),
        ledger: read.has_ledger,
        applied: read
            .history
            .applied
            .iter()
            .map(|a| AppliedRow {
                version: a.version.clone(),
                name: a.name.clone(),
                checksum: a.checksum,
                applied_at: a.applied_at.clone(),
                duration_ms: a.duration_ms,
                kind: a.kind,
            })
            .collect(),
        pending: standing
            .pending
            .iter()
            .map(|m| PendingRow { version: m.version.to_string(), name: m.name.clone() })
            .collect(),
        problems,
        run,
        runner: read.runner,
        protection: read.protection,
        notes,
    })
}

/// What is worth saying of our ledger and of the folder's own tool's, which has applied `ahead`
/// more than ours knows.
fn of_ledgers(project: &Project, read: &Read, ahead: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if ahead > 0 && project.folder.format == Format::Command {
        notes.push(format!("{ahead} were applied by their own tool since; cofferdam adopt records them"));
    } else if let Some(found) = read.around.of_format(project.folder.format).filter(|_| ahead > 0) {
        let (what, verb) = if ahead == 1 { ("migration", "is") } else { ("migrations", "are") };
        let tool = found.tool.name();
        notes.push(format!("{ahead} {what} that {tool} applied {verb} not adopted: they are not pending"));
    }
    if !read.has_ledger {
        notes.push("the database has no ledger of ours yet; migrate or adopt creates it".to_owned());
    }
    if let Err(error) =
        foreign::refuse_unmanaged(&read.around, read.has_ledger, &read.history, &project.folder)
    {
        let hint = error.hint_text().map(|hint| format!("; {hint}")).unwrap_or_default();
        notes.push(format!("{}{hint}", error.message()));
    }
    notes
}
