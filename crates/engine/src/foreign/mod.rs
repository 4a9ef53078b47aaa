//! Other tools' ledgers: found in a target, compared with the folder, and kept in step.
//!
//! Promise: a tool is known by the columns of its table, never by the table's name alone
//! (three tools call theirs `schema_migrations`); every row ends up as an entry or is
//! named as a problem with the way out; what is written to a tool's ledger is what the
//! tool itself would have written, in the transaction of our own row.
//!
//! Refused: histories that do not fit the folder. Nothing is written here but by
//! [`Writes::to_postgres`] and [`Writes::to_sqlite`], for those who asked to be kept in step.

mod compare;
mod dbmate;
mod diesel;
mod drizzle;
mod flyway;
mod golang_migrate;
mod goose;
mod look;
mod prisma;
mod programs;
mod refinery;
mod sqlx;
mod write;

use std::collections::HashSet;
use std::fmt;

use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Finding, Place, Result, Severity, Span};

pub(crate) use compare::unadopted_problems;
pub use compare::{Import, Imported, import};
pub(crate) use look::stamp;
pub use look::{postgres, sqlite};
pub use write::{Unit, Value, Write, Writes, may_write};

use crate::folder::{Folder, Format, Migration};
use crate::ledger::{Applied, Counted, History, Kind};

/// What we know of one tool.
pub trait Tool: Sync + fmt::Debug {
    /// Its name, as our ledger and people write it.
    fn name(&self) -> &'static str;

    /// The format of its folder; `None` when its migrations are programs.
    fn format(&self) -> Option<Format>;

    /// The tables by which it is known; the first one is its ledger.
    fn tables(&self) -> &'static [Sign];

    /// A query for all rows of the ledger, in the order in which they were written, every
    /// column as text. `{table}` stands for the ledger, `{schema}` for what goes in front
    /// of the names of its other tables. `None`: it is only recognised.
    fn select(&self, dialect: Dialect) -> Option<&'static str>;

    /// What the rows say, in the order in which they ran.
    fn history(&self, rows: &[Row], folder: &Folder) -> Told;

    /// What it writes when it has applied `migration`; `None` when we do not write its ledger.
    fn applied(&self, migration: &Migration, folder: &Folder, dialect: Dialect) -> Option<Vec<Write>>;

    /// What it writes when it has taken `migration` back.
    fn taken_back(&self, migration: &Migration, folder: &Folder, dialect: Dialect) -> Option<Vec<Write>>;

    /// Whether what it counts as applied needs no file in the folder: a program of its own.
    fn without_file(&self, _: &Entry, _: &[Row]) -> bool {
        false
    }

    /// The command by which its users apply what is pending.
    fn migrate_command(&self) -> &'static str;

    /// Whether it only knows how far it came: every older file counts as applied to it,
    /// also one that came later and never ran.
    fn counts_all_before(&self) -> bool {
        false
    }

    /// What else can be done about a file whose checksum is not the one that was kept, where
    /// the tool itself does not compare them.
    fn also_when_edited(&self, _migration: &Migration, _table: &Table) -> Option<String> {
        None
    }

    /// Why rows for this folder do not fit into a ledger that holds `rows`.
    fn cannot_keep_in_step(&self, _rows: &[Row], _folder: &Folder) -> Option<Error> {
        None
    }
}

/// A table by which a tool is known.
#[derive(Debug, Clone, Copy)]
pub struct Sign {
    /// Its name, as the tool makes it.
    pub table: &'static str,
    /// Columns it has.
    pub columns: &'static [&'static str],
    /// Columns that another tool's table of this name has, and it has not.
    pub without: &'static [&'static str],
}

/// One row of a tool's ledger: its columns in the order of [`Tool::select`].
pub type Row = Vec<Option<String>>;

/// What a tool's ledger says.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// What counts as applied, in the order in which it ran.
    pub entries: Vec<Entry>,
    /// What is failed, dirty, locked or skipped, each with the way out.
    pub problems: Vec<Finding>,
}

impl Told {
    /// Of a ledger whose rows are versions and nothing else.
    fn versions(rows: &[Row]) -> Told {
        let versions = rows.iter().filter_map(|row| row.first()?.clone());
        let entries = versions.map(|version| Entry { version, name: String::new(), checksum: None });
        Told { entries: entries.collect(), ..Told::default() }
    }
}

/// A migration that a tool counts as applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As the tool's ledger writes it, and as [`Folder::find`] understands it.
    pub version: String,
    /// What else it says of it.
    pub name: String,
    /// The checksum it kept, in the form of [`crate::folder::ForeignChecksum`].
    pub checksum: Option<String>,
}

/// All tools we know. Those that share a table's name are told apart by columns.
pub(crate) static TOOLS: [&dyn Tool; 18] = [
    &sqlx::Sqlx,
    &prisma::Prisma,
    &drizzle::Drizzle,
    &flyway::Flyway,
    &refinery::Refinery,
    &dbmate::Dbmate,
    &goose::Goose,
    &golang_migrate::GolangMigrate,
    &diesel::Diesel,
    &programs::KNEX,
    &programs::ALEMBIC,
    &programs::RAILS,
    &programs::DJANGO,
    &programs::SQITCH,
    &programs::GRAPHILE,
    &programs::YOYO,
    &programs::LIQUIBASE,
    &programs::ATLAS,
];

/// The tool of that name.
pub fn tool(name: &str) -> Option<&'static dyn Tool> {
    TOOLS.into_iter().find(|tool| tool.name() == name)
}

/// A table in a target.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Table {
    /// `None` on SQLite.
    pub schema: Option<String>,
    /// As it is called there.
    pub name: String,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.schema.as_deref() {
            None | Some("public") => f.write_str(&self.name),
            Some(schema) => write!(f, "{schema}.{}", self.name),
        }
    }
}

/// A ledger of another tool, found in a target.
#[derive(Debug, Clone)]
pub struct Found {
    /// Whose it is.
    pub tool: &'static dyn Tool,
    /// Where.
    pub table: Table,
    /// Its rows; empty for a tool that is only recognised.
    pub rows: Vec<Row>,
}

impl Found {
    /// Whether its history can be taken over.
    pub fn can_be_adopted(&self) -> bool {
        self.tool.select(Dialect::Postgres).is_some()
    }
}

/// What a database holds beside our ledger.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// It has tables of users; members of extensions do not count.
    pub user_tables: bool,
    /// Ledgers of other tools.
    pub foreign: Vec<Found>,
    /// `schema_migrations` and the like whose columns are nobody's we know.
    pub unknown: Vec<Table>,
}

impl Surroundings {
    /// The ledger of the tool whose files a folder of this format holds.
    pub fn of_format(&self, format: Format) -> Option<&Found> {
        self.foreign.iter().find(|found| match format {
            Format::Command => found.tool.format().is_none() && found.can_be_adopted(),
            format => found.tool.format() == Some(format),
        })
    }

    /// The formats whose tools have a ledger here.
    pub fn formats(&self) -> impl Iterator<Item = Format> {
        self.foreign.iter().filter_map(|found| found.tool.format())
    }
}

/// Who goes on writing another tool's ledger, and where.
#[derive(Debug, Clone)]
pub struct InStep {
    /// The tool.
    pub tool: &'static dyn Tool,
    /// Its ledger.
    pub table: Table,
}

impl Applied {
    /// What a tool applied and our ledger has not taken over yet.
    fn by_tool(before: usize, tool: &str, entry: Entry) -> Applied {
        Applied {
            seq: i64::try_from(before).unwrap_or(i64::MAX),
            source: tool.to_owned(),
            version: entry.version,
            name: entry.name,
            kind: Kind::Adopted,
            checksum: None,
            foreign_checksum: entry.checksum,
            applied_at: String::new(),
            duration_ms: None,
            run_id: None,
            audit_seq: 0,
        }
    }
}

impl InStep {
    /// Reads what [`InStep::to_text`] wrote.
    ///
    /// # Errors
    /// `Corrupt` for anything else.
    pub fn parse(text: &str) -> Result<InStep> {
        let damaged = || crate::ledger::damaged(format!("`{text}` as the ledger to keep in step"));
        let value: serde_json::Value = serde_json::from_str(text).map_err(|_| damaged())?;
        let tool = value["tool"].as_str().and_then(tool).ok_or_else(damaged)?;
        let table = serde_json::from_value(value["table"].clone()).map_err(|_| damaged())?;
        Ok(InStep { tool, table })
    }

    /// As our ledger keeps it under [`InStep::KEY`].
    pub fn to_text(&self) -> String {
        serde_json::json!({"tool": self.tool.name(), "table": self.table}).to_string()
    }

    /// The key in the ledger's `meta`.
    pub const KEY: &'static str = "keep_in_step";

    /// What the tool would write for a migration that we applied.
    ///
    /// # Errors
    /// `Refused` for a folder that is not the tool's, and for a migration that has no place in
    /// the tool's ledger.
    pub fn applied(&self, migration: &Migration, folder: &Folder, dialect: Dialect) -> Result<Writes> {
        self.fits(folder)?;
        let rows = self.tool.applied(migration, folder, dialect);
        rows.map(|rows| Writes { table: self.table.clone(), rows }).ok_or_else(|| self.no_place(migration))
    }

    /// What the tool would write for a migration that we took back.
    ///
    /// # Errors
    /// As [`InStep::applied`].
    pub fn taken_back(&self, migration: &Migration, folder: &Folder, dialect: Dialect) -> Result<Writes> {
        self.fits(folder)?;
        let rows = self.tool.taken_back(migration, folder, dialect);
        rows.map(|rows| Writes { table: self.table.clone(), rows }).ok_or_else(|| self.no_place(migration))
    }

    /// # Errors
    /// `Refused` for a folder that is not the tool's: its ledger would fall behind in silence.
    fn fits(&self, folder: &Folder) -> Result<()> {
        if self.tool.format() == Some(folder.format) {
            return Ok(());
        }
        let tool = self.tool.name();
        Err(Error::refused(format!(
            "{tool}'s ledger is to be kept in step, and {} is read as a folder of {}",
            folder.path.display(),
            folder.format
        ))
        .hint(format!(
            "name {tool}'s folder with --dir, or write its format into cofferdam.toml; \
             cofferdam adopt --keep-in-step=no ends it"
        )))
    }

    fn no_place(&self, migration: &Migration) -> Error {
        let tool = self.tool.name();
        Error::refused(format!(
            "{} has no place in {tool}'s ledger, which is to be kept in step",
            migration.file_name()
        ))
        .hint("cofferdam adopt --keep-in-step=no ends it")
    }
}

/// Whose ledger is to be kept in step with ours, on Postgres.
///
/// # Errors
/// `Corrupt` when our ledger names no tool that we know.
pub async fn in_step_on_postgres(client: &tokio_postgres::Client) -> Result<Option<InStep>> {
    let text = crate::ledger::postgres::meta(client, InStep::KEY).await?;
    text.as_deref().map(InStep::parse).transpose()
}

/// Whose ledger is to be kept in step with ours, on SQLite.
///
/// # Errors
/// As [`in_step_on_postgres`].
pub fn in_step_on_sqlite(db: &rusqlite::Connection) -> Result<Option<InStep>> {
    let text = crate::ledger::sqlite::meta(db, InStep::KEY)?;
    text.as_deref().map(InStep::parse).transpose()
}

/// The history together with what the tool of a folder of programs has applied since it was
/// adopted: the tool goes on applying, and what it applied is not pending.
pub fn with_programs(history: History, around: &Surroundings, folder: &Folder) -> History {
    match folder.format {
        Format::Command => with_tool(history, around, folder),
        _ => history,
    }
}

/// The history together with what the folder's own tool has applied and nobody has adopted.
/// What the tool only counts, and never ran, stays out of it.
pub fn with_tool(mut history: History, around: &Surroundings, folder: &Folder) -> History {
    let Some(found) = around.of_format(folder.format) else { return history };
    let mut entries = found.tool.history(&found.rows, folder).entries;
    let counted = history.counted(folder.format);
    entries.retain(|entry| is_unadopted(&counted, folder, found.tool, entry));
    for entry in entries {
        let migration = folder.find(&entry.version);
        // What runs again when it changed counts only as long as it did not.
        let unchanged = migration.filter(|m| {
            let kept = entry.checksum.as_deref().zip(m.foreign.as_ref());
            m.version.is_repeatable() && kept.is_some_and(|(kept, now)| now.accepts(kept))
        });
        let checksum = unchanged.map(|m| m.checksum);
        let source = found.tool.format().map_or(found.tool.name(), Format::as_str);
        // Prisma's and Drizzle's ledgers know a migration by one name; ours are compared by both parts.
        let entry = match migration {
            Some(m) => Entry { version: m.version.to_string(), name: m.name.clone(), ..entry },
            None => entry,
        };
        let applied = Applied::by_tool(history.applied.len(), source, entry);
        history.applied.push(Applied { checksum, ..applied });
    }
    history
}

/// Whether a tool ran what our ledger does not know.
pub(crate) fn is_unadopted(counted: &Counted<'_>, folder: &Folder, tool: &dyn Tool, entry: &Entry) -> bool {
    !knows(counted, folder, tool, entry) && !counted_only(counted, folder, tool, entry)
}

/// Keeps our first migration away from a database that somebody else manages, or nobody.
///
/// # Errors
/// `Refused`, with the command that takes it over.
pub fn refuse_unmanaged(
    around: &Surroundings,
    has_ledger: bool,
    history: &History,
    folder: &Folder,
) -> Result<()> {
    // Its tool applies them, not we: it may be ahead, and needs no ledger of ours.
    if folder.format == Format::Command {
        return Ok(());
    }
    if let Some(found) = around.of_format(folder.format) {
        let told = found.tool.history(&found.rows, folder);
        let counted = history.counted(folder.format);
        let unknown = |entry: &&Entry| is_unadopted(&counted, folder, found.tool, entry);
        if let Some(entry) = told.entries.iter().find(unknown) {
            return Err(Error::refused(format!(
                "cannot migrate: {} has applied {}, which our ledger does not know",
                found.tool.name(),
                crate::folder::title(&entry.version, &entry.name),
            ))
            .hint("cofferdam adopt takes its history over, in place"));
        }
        if let Some(problem) = told.problems.into_iter().find(|problem| problem.severity == Severity::Error) {
            let refused = Error::refused(format!("cannot migrate: {}", problem.message));
            return Err(match problem.help {
                Some(help) => refused.hint(help),
                None => refused,
            });
        }
    }
    if has_ledger || !around.user_tables {
        return Ok(());
    }
    let refused = Error::refused(
        "cannot migrate: the database has tables, and no ledger of ours says where they come from",
    );
    let found = around.of_format(folder.format).or_else(|| around.foreign.first());
    Err(match found {
        Some(found) if found.can_be_adopted() => refused
            .detail(format!("{} of {} is there", found.table, found.tool.name()))
            .hint("cofferdam adopt takes its history over, in place"),
        Some(found) => refused
            .detail(format!(
                "{} of {} is there, whose history this version cannot take over",
                found.table,
                found.tool.name()
            ))
            .hint("cofferdam adopt --none starts a ledger that counts nothing as applied"),
        None => refused.hint(
            "cofferdam baseline takes it under management as it stands; \
             cofferdam adopt --none starts a ledger that counts nothing as applied",
        ),
    })
}

/// Whether our ledger counts what a tool counts as applied.
pub(crate) fn knows(counted: &Counted<'_>, folder: &Folder, tool: &dyn Tool, entry: &Entry) -> bool {
    match tool.format() {
        Some(_) => match folder.find(&entry.version) {
            Some(migration) => counted.of(migration.version.key()).is_some(),
            None => folder
                .format
                .version(&entry.version, &entry.name)
                .is_some_and(|version| counted.of(version.key()).is_some()),
        },
        None => counted.has_row(tool.name(), &entry.version),
    }
}

/// Whether a tool counts an entry only because a newer one is applied, although our ledger,
/// which has that newer one, knows that the file came later: then it never ran.
pub(crate) fn counted_only(counted: &Counted<'_>, folder: &Folder, tool: &dyn Tool, entry: &Entry) -> bool {
    let version = || folder.format.version(&entry.version, &entry.name);
    tool.counts_all_before()
        && !knows(counted, folder, tool, entry)
        && version().is_some_and(|version| counted.has_newer(version.key()))
}

/// A problem of a tool's history, with the way out.
pub(crate) fn problem(severity: Severity, message: impl Into<String>, way_out: impl Into<String>) -> Finding {
    const WHY: &str =
        "what the tool's ledger says and what stands in the database must agree before anybody builds on it";
    let mut finding = Finding::new("history-edited", severity, message.into(), WHY);
    finding.help = Some(way_out.into());
    finding
}

/// A problem of a tool's history about one file, with the way out.
pub(crate) fn problem_with(
    migration: &Migration,
    severity: Severity,
    message: impl Into<String>,
    way_out: impl Into<String>,
) -> Finding {
    let file = migration.path.display().to_string();
    let place = Place { file, line: 1, column: 1, span: Span::default() };
    Finding { place: Some(place), ..problem(severity, message, way_out) }
}

/// What is wrong with a tool's history. A warning about a file stands only as long as our
/// ledger does not count the file as applied: the tool's rows may stay as they are forever.
pub(crate) fn still_wrong(problems: Vec<Finding>, folder: &Folder, history: &History) -> Vec<Finding> {
    if problems.iter().all(|finding| finding.severity == Severity::Error) {
        return problems;
    }
    let counted = history.counted(folder.format);
    let files = folder.migrations().iter().filter(|m| counted.of(m.version.key()).is_some());
    let files: HashSet<String> = files.map(|m| m.path.display().to_string()).collect();
    let counts = |finding: &Finding| finding.place.as_ref().is_some_and(|place| files.contains(&place.file));
    problems.into_iter().filter(|finding| finding.severity == Severity::Error || !counts(finding)).collect()
}
