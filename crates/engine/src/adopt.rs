//! Takes over a database that another tool has migrated, in place.
//!
//! Promise: the other tool's history is checked against the folder with that tool's own
//! checksums and imported once, with our checksum of each file, in one transaction; the
//! other ledger is not touched, unless it is to be kept in step: then what it lacks is
//! added in the same transaction. What there is to import is decided under the lease, so
//! that of several at once one imports and the others find it done. Refused: a migration
//! that failed half way, one whose file is missing or was edited, ledgers of two tools.
//!
//! Crash: before the commit nothing is imported, after it everything is; running it again
//! imports what came since.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Finding, Result};
use rusqlite::Connection;
use serde::Serialize;
use tokio_postgres::Client;

use crate::crash::{self, CrashPoint};
use crate::db::{self, SqliteMode, SqliteOptions, Target};
use crate::folder::{Format, Key, Migration};
use crate::foreign::{self, Found, InStep, Surroundings, Writes};
use crate::ledger::{self, Counted, History, Kind, NewMigration};
use crate::runner::{LockLimits, postgres, sqlite};
use crate::{Project, Stop, Watch};

/// How to adopt.
#[derive(Debug, Clone)]
pub struct Options {
    /// Start a ledger that counts nothing as applied.
    pub none: bool,
    /// The tool whose history is meant, where there are several.
    pub from: Option<String>,
    /// Go on writing the other tool's ledger from now on, or stop it; as it was when `None`.
    pub keep_in_step: Option<bool>,
    /// How long to wait while another runner is at work.
    pub lease_wait: Duration,
    /// Raised to stop.
    pub stop: Stop,
}

/// The answer of `adopt`.
#[derive(Debug, Clone, Serialize)]
pub struct AdoptReport {
    /// The tool whose history was taken over; `None` with `--none`.
    pub source: Option<String>,
    /// The migrations imported now.
    pub adopted: Vec<Adopted>,
    /// How many counted as applied before.
    pub already: usize,
    /// The versions that `migrate` would apply.
    pub pending: Vec<String>,
    /// The tool whose ledger is kept in step from now on.
    pub keep_in_step: Option<String>,
    /// What is odd about the tool's history, and does not stand in the way.
    pub problems: Vec<Finding>,
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
    found: Option<&'a Found>,
    content: foreign::Import,
    already: usize,
    pending: Vec<String>,
    in_step: Option<InStep>,
    /// The other ledger is not written any more.
    ends_step: bool,
    /// What the other ledger lacks.
    catch_up: Vec<Writes>,
}

/// Adopts.
///
/// # Errors
/// `Refused` for a history that does not fit the folder, `Invalid` when there is none.
pub async fn run(project: &Project, options: &Options, watch: &mut dyn Watch) -> Result<AdoptReport> {
    match &project.target {
        Target::Postgres(target) => {
            let session = db::connect(target, &project.connect).await?;
            // Refused before anything is written.
            let has_ledger = ledger::postgres::exists(&session).await?;
            let history = match has_ledger {
                true => ledger::postgres::history(&session).await?,
                false => History::default(),
            };
            let protected = project.protection.on_postgres(&session, has_ledger).await?;
            let around = foreign::postgres(&session).await?;
            let project = project.as_history_has_it(&history, &around)?;
            import(&project, &history, &around, options, Dialect::Postgres)?;
            ledger::postgres::create(&session, &project.actor).await?;
            crash::hit(CrashPoint::LedgerCreated);
            let runner_options = postgres::RunnerOptions {
                locks: LockLimits::default(),
                lease_wait: options.lease_wait,
                stop: options.stop.clone(),
            };
            let runner = postgres::Runner::start(session, &project, runner_options, watch).await?;
            let work = async |client: &Client| {
                protected.mark_on_postgres(client, &project.actor).await?;
                record_on_postgres(client, &project, options).await
            };
            let recorded = runner.fenced(work).await;
            runner.release().await?;
            recorded
        }
        Target::Sqlite(target) => {
            let options_rw = SqliteOptions { wal: true, ..SqliteOptions::new(SqliteMode::ReadWrite) };
            let db = db::open_sqlite(target, options_rw)?;
            // Refused before anything is written.
            let has_ledger = ledger::sqlite::exists(&db)?;
            let history = match has_ledger {
                true => ledger::sqlite::history(&db)?,
                false => History::default(),
            };
            let protected = project.protection.on_sqlite(&db, target, has_ledger)?;
            let around = foreign::sqlite(&db)?;
            let project = project.as_history_has_it(&history, &around)?;
            import(&project, &history, &around, options, Dialect::Sqlite)?;
            ledger::sqlite::create(&db, &project.actor)?;
            crash::hit(CrashPoint::LedgerCreated);
            let runner_options = sqlite::RunnerOptions {
                budget: LockLimits::default().budget,
                lease_wait: options.lease_wait,
                stop: options.stop.clone(),
            };
            let runner = sqlite::Runner::start(db, target, &project, runner_options, watch)?;
            let recorded = runner.fenced(|db| {
                protected.mark_on_sqlite(db, &project.actor)?;
                record_on_sqlite(db, &project, options)
            });
            runner.release()?;
            recorded
        }
    }
}

/// Imports in the open transaction. Another one may have adopted while we waited for the lease.
async fn record_on_postgres(client: &Client, project: &Project, options: &Options) -> Result<AdoptReport> {
    let history = ledger::postgres::history(client).await?;
    let around = foreign::postgres(client).await?;
    let import = import(project, &history, &around, options, Dialect::Postgres)?;
    if let Some(in_step) = &import.in_step {
        foreign::may_write(client, &in_step.table).await?;
    }
    ledger::postgres::record(client, &project.actor, "adopt", &import.migrations(), import.detail()).await?;
    for writes in &import.catch_up {
        writes.to_postgres(client, Duration::ZERO).await?;
    }
    if let Some(in_step) = &import.in_step {
        ledger::postgres::set_meta(client, InStep::KEY, &in_step.to_text()).await?;
    }
    if import.ends_step {
        ledger::postgres::remove_meta(client, InStep::KEY).await?;
    }
    crash::hit(CrashPoint::AdoptRecorded);
    Ok(import.report())
}

/// As [`record_on_postgres`].
fn record_on_sqlite(db: &Connection, project: &Project, options: &Options) -> Result<AdoptReport> {
    let history = ledger::sqlite::history(db)?;
    let around = foreign::sqlite(db)?;
    let import = import(project, &history, &around, options, Dialect::Sqlite)?;
    ledger::sqlite::record(db, &project.actor, "adopt", &import.migrations(), import.detail())?;
    for writes in &import.catch_up {
        writes.to_sqlite(db, Duration::ZERO)?;
    }
    if let Some(in_step) = &import.in_step {
        ledger::sqlite::set_meta(db, InStep::KEY, &in_step.to_text())?;
    }
    if import.ends_step {
        ledger::sqlite::remove_meta(db, InStep::KEY)?;
    }
    crash::hit(CrashPoint::AdoptRecorded);
    Ok(import.report())
}

fn import<'a>(
    project: &'a Project,
    history: &History,
    around: &'a Surroundings,
    options: &Options,
    dialect: Dialect,
) -> Result<Import<'a>> {
    let folder = &project.folder;
    let mut import = Import {
        project,
        found: None,
        content: foreign::Import::default(),
        already: history.applied.len(),
        pending: Vec::new(),
        in_step: None,
        ends_step: false,
        catch_up: Vec::new(),
    };
    if !options.none {
        let found = to_adopt(project, around, options.from.as_deref())?;
        import.content = foreign::import(found, folder, history);
        import.content.refuse_problems()?;
        import.found = Some(found);
        import.ends_step = options.keep_in_step == Some(false);
        if options.keep_in_step == Some(true) {
            import.keep_in_step(found, history, dialect)?;
        }
    }
    let counted = history.counted(folder.format);
    let imported = import.content.migrations.iter().map(|m| (m.version.as_str(), m)).collect();
    let pending = folder.migrations().iter().filter(|m| !import.counts(&counted, &imported, m));
    import.pending = pending.map(|m| m.version.to_string()).collect();
    Ok(import)
}

/// The ledger whose history is meant.
fn to_adopt<'a>(project: &Project, around: &'a Surroundings, from: Option<&str>) -> Result<&'a Found> {
    let format = project.folder.format;
    let meant = |found: &&Found| from.is_none_or(|tool| found.tool.name() == tool);
    let adoptable: Vec<&Found> =
        around.foreign.iter().filter(|found| found.can_be_adopted()).filter(meant).collect();
    if let (Some(tool), []) = (from, adoptable.as_slice()) {
        let names: Vec<&str> = around.foreign.iter().map(|found| found.tool.name()).collect();
        let there = if names.is_empty() { "no tool's".to_owned() } else { names.join(" and ") };
        return Err(Error::invalid(format!("there is no ledger of {tool} to adopt: {there} is there")));
    }
    // The ledger of the folder's own tool is the one that is meant.
    if let Some(found) = adoptable.iter().find(|found| found.tool.format() == Some(format)) {
        return Ok(found);
    }
    let programs: Vec<&Found> =
        adoptable.iter().copied().filter(|found| found.tool.format().is_none()).collect();
    match (programs.as_slice(), adoptable.as_slice()) {
        // Only its history is taken over; the folder's files come after it.
        ([one], [_]) => Ok(one),
        ([], [other]) => {
            let tool = other.tool.name();
            let is = match format {
                Format::Command => "no folder of its migrations was found".to_owned(),
                format => format!("{} is read as a folder of {format}", project.folder.path.display()),
            };
            Err(Error::invalid(format!("the database has {tool}'s ledger, and {is}"))
            .hint(format!(
                "name {tool}'s folder with --dir, or write format = \"{tool}\" under [migrations] in cofferdam.toml"
            )))
        }
        (_, []) => Err(nothing_to_adopt(project, around)),
        (_, several) => {
            let names: Vec<&str> = several.iter().map(|found| found.tool.name()).collect();
            Err(Error::invalid(format!("the database has ledgers of several tools: {}", names.join(", ")))
                .hint("say whose history is meant: cofferdam adopt --from TOOL"))
        }
    }
}

fn nothing_to_adopt(project: &Project, around: &Surroundings) -> Error {
    let target = project.target.redacted();
    let none = "cofferdam adopt --none starts a ledger that counts nothing as applied";
    match (around.foreign.first(), around.unknown.first()) {
        (Some(found), _) => Error::invalid(format!(
            "{target} has the ledger {} of {}, whose history this version cannot take over",
            found.table,
            found.tool.name()
        ))
        .hint(none),
        (None, Some(table)) => Error::invalid(format!(
            "{target} has a table {table} whose columns are not those of a tool we know"
        ))
        .hint(none),
        (None, None) if around.user_tables => {
            Error::invalid(format!("{target} has tables and no ledger of a tool we know"))
                .hint(format!("cofferdam baseline takes it under management as it stands; {none}"))
        }
        (None, None) => {
            Error::invalid(format!("{target} is empty: there is nothing to adopt")).hint("cofferdam migrate")
        }
    }
}

impl Import<'_> {
    /// Whether a file counts as applied once this is imported.
    fn counts(
        &self,
        counted: &Counted<'_>,
        imported: &HashMap<&str, &foreign::Imported>,
        migration: &Migration,
    ) -> bool {
        let again = migration.version.is_repeatable();
        let same = |checksum| !again || checksum == Some(migration.checksum);
        let applied = counted.of(migration.version.key());
        applied.is_some_and(|applied| same(applied.checksum))
            || imported.get(migration.version.as_str()).is_some_and(|imported| same(imported.checksum))
    }

    /// Plans what the other ledger lacks of what we count as applied.
    fn keep_in_step(&mut self, found: &Found, history: &History, dialect: Dialect) -> Result<()> {
        let folder = &self.project.folder;
        let cannot = || {
            let tool = found.tool.name();
            Error::invalid(format!(
                "cannot keep {tool}'s ledger in step: its migrations are not ours to apply"
            ))
            .hint(format!("go on applying them with {}", found.tool.migrate_command()))
        };
        let told = found.tool.history(&found.rows, folder);
        let entries = told.entries.iter();
        let tells: HashSet<&Key> =
            entries.filter_map(|entry| folder.find(&entry.version)).map(|file| file.version.key()).collect();
        let in_step = InStep { tool: found.tool, table: found.table.clone() };
        if found.tool.format() != Some(folder.format) {
            return Err(cannot());
        }
        if let Some(unfit) = found.tool.cannot_keep_in_step(&found.rows, folder) {
            return Err(unfit);
        }
        for applied in &history.applied {
            let key = applied.key(folder.format);
            let Some(migration) = key.and_then(|key| folder.with_key(&key)) else { continue };
            if !tells.contains(migration.version.key()) {
                self.catch_up.push(in_step.applied(migration, folder, dialect)?);
            }
        }
        self.in_step = Some(in_step);
        Ok(())
    }

    fn migrations(&self) -> Vec<NewMigration<'_>> {
        let imported = self.content.migrations.iter();
        imported
            .map(|m| NewMigration {
                source: m.source,
                version: &m.version,
                name: &m.name,
                kind: Kind::Adopted,
                checksum: m.checksum,
                foreign_checksum: m.foreign_checksum.as_deref(),
                duration_ms: None,
                run_id: None,
            })
            .collect()
    }

    fn source(&self) -> Option<&'static str> {
        self.found.map(|found| found.tool.name())
    }

    fn detail(&self) -> serde_json::Value {
        serde_json::json!({
            "source": self.source(),
            "keep_in_step": if self.ends_step { Some(false) } else { self.in_step.as_ref().map(|_| true) },
            "caught_up": self.catch_up.len(),
        })
    }

    fn report(&self) -> AdoptReport {
        let adopted = self
            .content
            .migrations
            .iter()
            .map(|m| Adopted { version: m.version.clone(), name: m.name.clone() })
            .collect();
        AdoptReport {
            source: self.source().map(str::to_owned),
            pending: self.pending.clone(),
            already: self.already,
            adopted,
            keep_in_step: self.in_step.as_ref().map(|in_step| in_step.tool.name().to_owned()),
            problems: self.content.problems.clone(),
        }
    }
}
