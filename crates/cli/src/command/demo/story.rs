//! One telling: refused, planned, applied, proved, taken back.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use cofferdam::db::{self, SqliteMode, SqliteOptions, Target};
use cofferdam::folder::{Folder, Format};
use cofferdam::migrate::{self, Options, PlanReport};
use cofferdam::scratch::Cluster;
use cofferdam::{Project, Silent, rollback};
use cofferdam_analysis::{Error, ErrorKind, Finding};
use serde::Serialize;

use crate::caller;
use crate::command::plan;
use crate::context::Context;
use crate::failure::Result;
use crate::output::finding;
use crate::output::text::{self, Style, Tone};

/// The rows of an application, written before the migration came.
const ROWS: &str = include_str!("sql/rows.sql");

/// The same change in three forms, in one dialect.
struct Files {
    create: &'static str,
    dangerous: &'static str,
    safe: &'static str,
    down: &'static str,
}

const SQLITE: Files = Files {
    create: include_str!("sql/sqlite/create.sql"),
    dangerous: include_str!("sql/sqlite/dangerous.sql"),
    safe: include_str!("sql/sqlite/safe.sql"),
    down: include_str!("sql/sqlite/safe.down.sql"),
};

const POSTGRES: Files = Files {
    create: include_str!("sql/postgres/create.sql"),
    dangerous: include_str!("sql/postgres/dangerous.sql"),
    safe: include_str!("sql/postgres/safe.sql"),
    down: include_str!("sql/postgres/safe.down.sql"),
};

/// A database made for the story, with the folder of its migrations.
pub(super) struct Database<'a> {
    name: String,
    target: Target,
    folder: PathBuf,
    files: Files,
    cluster: Option<&'a Cluster>,
}

/// The database's name in a scratch server.
const DATABASE: &str = "notes";

impl<'a> Database<'a> {
    /// A file in `folder`, which becomes a project that can be kept.
    pub(super) fn sqlite(folder: &Path) -> Result<Self, Error> {
        let database = Self {
            name: "SQLite".to_owned(),
            target: Target::Sqlite(db::SqliteTarget::file(folder.join("notes.db"))),
            folder: folder.to_owned(),
            files: SQLITE,
            cluster: None,
        };
        database.write("cofferdam.toml", "database_url = \"sqlite:notes.db\"\n")?;
        Ok(database)
    }

    /// A database in `cluster`.
    pub(super) fn postgres(cluster: &'a Cluster, folder: &Path) -> Result<Self, Error> {
        cluster.create_database(DATABASE)?;
        Ok(Self {
            name: format!("Postgres {}", cluster.major()),
            target: Target::parse(&cluster.url(DATABASE))?,
            folder: folder.to_owned(),
            files: POSTGRES,
            cluster: Some(cluster),
        })
    }

    fn write(&self, file: &str, text: &str) -> Result<(), Error> {
        let path = self.folder.join(file);
        let folder = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| Error::invalid(format!("cannot write {}: {error}", path.display())))
    }

    /// Runs the application's own SQL; returns the first column of what it answers.
    fn application(&self, sql: &str) -> Result<Vec<String>, Error> {
        match (&self.target, self.cluster) {
            (Target::Postgres(_), Some(cluster)) => {
                let rows = cluster.run(DATABASE, sql)?;
                Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
            }
            (Target::Postgres(_), None) => Err(Error::bug("a scratch database without its server")),
            (Target::Sqlite(target), _) => {
                let db = db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadWrite))?;
                let mut statement = db.prepare(sql).map_err(db::sqlite_error)?;
                let rows = statement.query_map([], |row| row.get(0)).map_err(db::sqlite_error)?;
                rows.collect::<Result<_, _>>().map_err(db::sqlite_error)
            }
        }
    }

    /// Every note, as the application sees it.
    fn notes(&self) -> Result<Vec<String>, Error> {
        self.application("select title || ': ' || body from notes order by id")
    }

    fn project(&self, context: &Context) -> Result<Project, Error> {
        let folder = Folder::read(&self.folder.join("migrations"), Some(Format::Native))?;
        Ok(Project {
            target: self.target.clone(),
            connect: context.environment.connect_options()?,
            folder,
            format_given: true,
            out_of_order: None,
            actor: caller::name(),
        })
    }
}

/// What happened.
#[derive(Serialize)]
pub(super) struct Story {
    database: String,
    refused: Vec<&'static str>,
    applied: Vec<String>,
    rows: Rows,
    would_lose: BTreeMap<String, i64>,
    undone: Vec<String>,
    #[serde(skip)]
    told: Told,
}

/// The application's rows: the same all the way, or the story is an error.
#[derive(Serialize)]
struct Rows {
    before: usize,
    after_refusal: usize,
    after_migrate: usize,
    after_rollback: usize,
}

/// What the text shows beside the figures.
struct Told {
    dangerous: &'static str,
    findings: Vec<Finding>,
    plan: PlanReport,
    took_ms: u64,
    refused_rollback: String,
}

/// Tells the story on `database`.
pub(super) async fn tell(context: &Context, database: Database<'_>) -> Result<Story> {
    let options = Options { stop: context.stop.clone(), ..Options::default() };
    database.write("migrations/0001_create_notes.sql", database.files.create)?;
    migrate::run(&database.project(context)?, &options, &mut Silent).await?;
    database.application(ROWS)?;
    let notes = database.notes()?;

    database.write("migrations/0002_unique_titles.sql", database.files.dangerous)?;
    let findings = refused(migrate::run(&database.project(context)?, &options, &mut Silent).await)?;
    let after_refusal = same(&notes, &database)?;

    database.write("migrations/0002_unique_titles.sql", database.files.safe)?;
    database.write("migrations/0002_unique_titles.down.sql", database.files.down)?;
    let project = database.project(context)?;
    let plan = migrate::plan(&project, &options).await?;
    let report = migrate::run(&project, &options, &mut Silent).await?;
    let after_migrate = same(&notes, &database)?;

    let back = |discard_writes| rollback::Options {
        to: None,
        discard_writes,
        locks: options.locks,
        lease_wait: options.lease_wait,
        stop: options.stop.clone(),
    };
    let refused_rollback = match rollback::run(&project, &back(false), &mut Silent).await {
        Err(error) if error.kind() == ErrorKind::Refused => error.message().to_owned(),
        Err(error) => return Err(error.into()),
        Ok(_) => return Err(Error::bug("the demo's rollback lost values that nobody gave up").into()),
    };
    let undone = rollback::run(&project, &back(true), &mut Silent).await?;
    let after_rollback = same(&notes, &database)?;

    let took_ms = report.applied.iter().filter_map(|applied| u64::try_from(applied.duration_ms).ok()).sum();
    let refused = findings.iter().filter(|finding| finding.refuses()).map(|finding| finding.rule).collect();
    Ok(Story {
        database: database.name,
        refused,
        applied: report.applied.into_iter().map(|applied| applied.version).collect(),
        rows: Rows { before: notes.len(), after_refusal, after_migrate, after_rollback },
        would_lose: undone.would_lose,
        undone: undone.undone,
        told: Told { dangerous: database.files.dangerous, findings, plan, took_ms, refused_rollback },
    })
}

/// The findings of a refusal, which is what the story needs here.
fn refused<T>(outcome: Result<T, migrate::Failure>) -> Result<Vec<Finding>> {
    match outcome {
        Err(failure) if failure.error.kind() == ErrorKind::Refused && !failure.findings.is_empty() => {
            Ok(failure.findings)
        }
        Err(failure) => Err(failure.into()),
        Ok(_) => Err(Error::bug("the demo's dangerous migration was not refused").into()),
    }
}

/// Proves that the application still sees `notes`; returns how many.
fn same(notes: &[String], database: &Database<'_>) -> Result<usize, Error> {
    let now = database.notes()?;
    if now == notes { Ok(now.len()) } else { Err(Error::bug("the demo changed the application's rows")) }
}

impl Story {
    /// The story as text: what would be typed, and what comes of it.
    pub(super) fn human(&self, style: Style) -> String {
        let told = &self.told;
        let heading = |text: &str| style.paint(Tone::Strong, text);
        let mut out = format!("{}\n\n", heading(&format!("{}: {} notes, some of one title", self.database, self.rows.before)));
        _ = writeln!(out, "0002_unique_titles.sql, as it is often written:\n");
        for line in told.dangerous.lines() {
            _ = writeln!(out, "    {line}");
        }
        _ = write!(out, "\n{}\n\n", heading("$ cofferdam migrate"));
        out += &finding::all(&told.findings, style);
        _ = writeln!(out, "refused; nothing ran: {} notes before, {} after\n", self.rows.before, self.rows.after_refusal);
        _ = writeln!(out, "0002_unique_titles.sql, written so that no note is lost:\n");
        _ = write!(out, "{}\n\n", heading("$ cofferdam plan"));
        out += &plan::human(&told.plan, style);
        _ = write!(out, "\n{}\n\n", heading("$ cofferdam migrate"));
        let took = text::millis(told.took_ms);
        _ = writeln!(out, "applied {} in {took}", self.applied.join(", "));
        _ = writeln!(out, "proved: {} notes before, the same {} after\n", self.rows.before, self.rows.after_migrate);
        _ = write!(out, "{}\n\n", heading("$ cofferdam rollback"));
        out += &text::labelled("error", &told.refused_rollback, style);
        _ = write!(out, "\n{}\n\n", heading("$ cofferdam rollback --discard-writes"));
        _ = writeln!(out, "took back {}: the same {} notes\n", self.undone.join(", "), self.rows.after_rollback);
        out
    }
}
