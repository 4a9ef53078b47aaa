//! Takes over a database that another tool has migrated, in place.
//!
//! Promise: the other tool's history is checked against the folder with that tool's own
//! checksums and imported once, with our checksum of each file, in one transaction; the
//! other ledger is not touched. What there is to import is decided under the lease, so that of
//! several at once one imports and the others find it done. Refused: a migration that failed half way, one whose
//! file is missing or was edited.
//!
//! Crash: before the commit nothing is imported, after it everything is; running it again
//! imports what came since.

use std::time::Duration;

use cofferdam_analysis::{Error, Result};
use serde::Serialize;

use crate::crash::{self, CrashPoint};
use crate::db::{self, SqliteMode, SqliteOptions, Target};
use crate::folder::Format;
use crate::foreign::{self, SqlxRow, Surroundings};
use crate::ledger::{self, History, Kind, NewMigration};
use crate::runner::{LockLimits, postgres, sqlite};
use crate::{Project, Stop, Watch};

/// How to adopt.
#[derive(Debug, Clone)]
pub struct Options {
    /// Start a ledger that counts nothing as applied.
    pub none: bool,
    /// How long to wait while another runner is at work.
    pub lease_wait: Duration,
    /// Raised to stop.
    pub stop: Stop,
}

/// The answer of `adopt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdoptReport {
    /// The tool whose history was taken over; `None` with `--none`.
    pub source: Option<String>,
    /// The migrations imported now.
    pub adopted: Vec<Adopted>,
    /// How many counted as applied before.
    pub already: usize,
    /// The versions that `migrate` would apply.
    pub pending: Vec<String>,
}

/// A migration that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Adopted {
    /// As the file writes it.
    pub version: String,
    /// The file's name without version and ending.
    pub name: String,
}

/// What is to be imported.
struct Import<'a> {
    project: &'a Project,
    rows: Vec<(&'a crate::folder::Migration, String)>,
    already: usize,
    pending: Vec<String>,
    source: Option<&'static str>,
}

/// Adopts.
///
/// # Errors
/// `Refused` for a history that does not fit the folder, `Invalid` when there is none.
pub async fn run(project: &Project, options: &Options, watch: &mut dyn Watch) -> Result<AdoptReport> {
    match &project.target {
        Target::Postgres(target) => {
            let session = db::connect(target, &project.connect).await?;
            let has_ledger = ledger::postgres::exists(&session).await?;
            let history =
                if has_ledger { ledger::postgres::history(&session).await? } else { History::default() };
            let around = foreign::postgres(&session).await?;
            let project = project.as_history_has_it(&history, &around)?;
            // Refused before anything is written.
            import(&project, &history, &around, options.none)?;
            ledger::postgres::create(&session, &project.actor).await?;
            crash::hit(CrashPoint::LedgerCreated);
            let runner_options = postgres::RunnerOptions {
                locks: LockLimits::default(),
                lease_wait: options.lease_wait,
                stop: options.stop.clone(),
            };
            let runner = postgres::Runner::start(session, &project, runner_options, watch).await?;
            let recorded = runner
                .fenced(async |client| {
                    // Another one may have adopted while we waited for the lease.
                    let history = ledger::postgres::history(client).await?;
                    let around = foreign::postgres(client).await?;
                    let project = project.as_history_has_it(&history, &around)?;
                    let import = import(&project, &history, &around, options.none)?;
                    let (rows, detail) = (import.migrations(), import.detail());
                    ledger::postgres::record(client, &project.actor, "adopt", &rows, detail).await?;
                    crash::hit(CrashPoint::AdoptRecorded);
                    Ok(import.report())
                })
                .await;
            runner.release().await?;
            recorded
        }
        Target::Sqlite(target) => {
            let options_rw = SqliteOptions { wal: true, ..SqliteOptions::new(SqliteMode::ReadWrite) };
            let db = db::open_sqlite(target, options_rw)?;
            let has_ledger = ledger::sqlite::exists(&db)?;
            let history = if has_ledger { ledger::sqlite::history(&db)? } else { History::default() };
            let around = foreign::sqlite(&db)?;
            let project = project.as_history_has_it(&history, &around)?;
            // Refused before anything is written.
            import(&project, &history, &around, options.none)?;
            ledger::sqlite::create(&db, &project.actor)?;
            crash::hit(CrashPoint::LedgerCreated);
            let runner_options = sqlite::RunnerOptions {
                budget: LockLimits::default().budget,
                lease_wait: options.lease_wait,
                stop: options.stop.clone(),
            };
            let runner = sqlite::Runner::start(db, target, &project, runner_options, watch)?;
            let recorded = runner.fenced(|db| {
                // Another one may have adopted while we waited for the lease.
                let history = ledger::sqlite::history(db)?;
                let around = foreign::sqlite(db)?;
                let project = project.as_history_has_it(&history, &around)?;
                let import = import(&project, &history, &around, options.none)?;
                ledger::sqlite::record(db, &project.actor, "adopt", &import.migrations(), import.detail())?;
                crash::hit(CrashPoint::AdoptRecorded);
                Ok(import.report())
            });
            runner.release()?;
            recorded
        }
    }
}

fn import<'a>(
    project: &'a Project,
    history: &History,
    around: &Surroundings,
    none: bool,
) -> Result<Import<'a>> {
    let already = history.applied.len();
    let unknown = |version: &str| !history.knows(version);
    let pending_without = |imported: &[(&crate::folder::Migration, String)]| {
        let files = project.folder.migrations.iter().filter(|m| unknown(m.version.as_str()));
        let pending = files.filter(|m| !imported.iter().any(|(i, _)| i.version == m.version));
        pending.map(|m| m.version.to_string()).collect()
    };
    if none {
        return Ok(Import {
            project,
            rows: Vec::new(),
            already,
            pending: pending_without(&[]),
            source: None,
        });
    }
    let rows: &[SqlxRow] = match around.of("sqlx") {
        Some(found) => found.rows.as_deref().unwrap_or_default(),
        None => return Err(nothing_to_adopt(project, around)),
    };
    if project.folder.format != Format::Sqlx {
        return Err(Error::invalid("the database has sqlx's ledger, and the folder is configured as native")
            .hint("take format = \"native\" out of cofferdam.toml, or write \"sqlx\""));
    }
    foreign::compare_sqlx(&project.folder, rows)?;
    let rows: Vec<_> = rows
        .iter()
        .filter(|row| unknown(&row.version.to_string()))
        .filter_map(|row| project.folder.find(&row.version.to_string()).map(|m| (m, hex(&row.checksum))))
        .collect();
    let pending = pending_without(&rows);
    Ok(Import { project, rows, already, pending, source: Some("sqlx") })
}

fn nothing_to_adopt(project: &Project, around: &Surroundings) -> Error {
    let target = project.target.redacted();
    let none = "cofferdam adopt --none starts a ledger that counts nothing as applied";
    match around.foreign.first() {
        Some(found) => Error::invalid(format!(
            "{target} has the ledger {} of {}, whose history this version cannot take over",
            found.table, found.tool
        ))
        .hint(none),
        None if around.user_tables => {
            Error::invalid(format!("{target} has tables and no ledger of a tool we know")).hint(none)
        }
        None => {
            Error::invalid(format!("{target} is empty: there is nothing to adopt")).hint("cofferdam migrate")
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Import<'_> {
    fn migrations(&self) -> Vec<NewMigration<'_>> {
        self.rows
            .iter()
            .map(|(migration, foreign)| NewMigration {
                source: self.project.folder.format.as_str(),
                version: migration.version.as_str(),
                name: &migration.name,
                kind: Kind::Adopted,
                checksum: Some(migration.checksum),
                foreign_checksum: Some(foreign),
                duration_ms: None,
                run_id: None,
            })
            .collect()
    }

    fn detail(&self) -> serde_json::Value {
        serde_json::json!({"source": self.source})
    }

    fn report(&self) -> AdoptReport {
        let adopted: Vec<Adopted> = self
            .rows
            .iter()
            .map(|(m, _)| Adopted { version: m.version.to_string(), name: m.name.clone() })
            .collect();
        AdoptReport {
            source: self.source.map(str::to_owned),
            pending: self.pending.clone(),
            already: self.already,
            adopted,
        }
    }
}
