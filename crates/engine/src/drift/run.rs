//! Reads, replays and compares.

use cofferdam_analysis::Result;
use cofferdam_analysis::catalog::{Catalog, mend};
use cofferdam_analysis::sql::Dialect;

use super::expected::{Applied, applied};
use super::{DriftReport, Options, Told, innocent};
use crate::db::{self, DbResult, PostgresTarget, SqliteMode, SqliteOptions, SqliteTarget, Target};
use crate::foreign::{self, Surroundings};
use crate::ledger::{self, History, guard};
use crate::replay::{self, Built, Wanted};
use crate::{Project, catalog};

/// Compares the target with what its applied migrations make.
///
/// # Errors
/// `Invalid` when nothing counts as applied, a file is missing, or there is no place for a
/// scratch database; those of reading the target and of [`replay`].
pub async fn run(project: &Project, options: &Options) -> Result<DriftReport> {
    match &project.target {
        Target::Postgres(target) => postgres(project, target, options).await,
        Target::Sqlite(target) => sqlite(project, target, options),
    }
}

async fn postgres(project: &Project, target: &PostgresTarget, options: &Options) -> Result<DriftReport> {
    let connect = db::ConnectOptions { allow_standby: true, ..project.connect.clone() };
    let session = db::connect(target, &connect).await?;
    let has_ledger = ledger::postgres::exists(&session).await?;
    let history = if has_ledger { ledger::postgres::history(&session).await? } else { History::default() };
    let around = foreign::postgres(&session).await?;
    let files = files(project, &history, &around, has_ledger, Dialect::Postgres)?;
    let live = catalog::postgres::read(&session).await?;
    let by_privileges =
        guard::standing(&session).await?.is_some_and(|guard| guard.level == guard::Level::Privileges);
    let roles = session.query(include_str!("sql/roles.sql"), &[]).await.db()?;
    let roles: Vec<String> = roles.iter().map(|row| row.get(0)).collect();
    let major = session.major();
    session.close().await;
    options.stop.check()?;
    let wanted = Wanted { major, roles: &roles, stop: &options.stop };
    let built = replay::postgres(&files.sources, &options.place, &wanted).await?;
    // Grants are the guard's there, and no migration's.
    let compared = Options { privileges: options.privileges && !by_privileges, ..options.clone() };
    let mut report = compare(&compared, &around, files, built, &live);
    if by_privileges && options.privileges {
        report
            .notes
            .push("privileges are not compared: the guard against accidents stands on them".to_owned());
    }
    Ok(report)
}

fn sqlite(project: &Project, target: &SqliteTarget, options: &Options) -> Result<DriftReport> {
    let db = db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadOnly))?;
    let has_ledger = ledger::sqlite::exists(&db)?;
    let history = if has_ledger { ledger::sqlite::history(&db)? } else { History::default() };
    let around = foreign::sqlite(&db)?;
    let files = files(project, &history, &around, has_ledger, Dialect::Sqlite)?;
    let live = catalog::sqlite::read(&db)?;
    options.stop.check()?;
    let built = replay::sqlite(&files.sources, &options.stop)?;
    Ok(compare(options, &around, files, built, &live))
}

fn files(
    project: &Project,
    history: &History,
    around: &Surroundings,
    has_ledger: bool,
    dialect: Dialect,
) -> Result<Applied> {
    let project = project.as_history_has_it(history, around)?;
    applied(history, &project.folder, &project.target.redacted(), has_ledger, dialect)
}

fn compare(
    options: &Options,
    around: &Surroundings,
    files: Applied,
    built: Built,
    live: &Catalog,
) -> DriftReport {
    let mut expected = built.catalog;
    innocent::even(&mut expected, live);
    let ignore = innocent::ignored(options, around, &expected, live);
    let mending = mend(&expected, live, &ignore);
    let script = mending.script();
    let differences = mending.found.into_iter().map(Told::from).collect();
    DriftReport { differences, script, notes: files.notes.into_iter().chain(built.notes).collect() }
}
