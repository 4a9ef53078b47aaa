//! What happens, the same on every database; each claim is checked where it is made.

use std::path::{Path, PathBuf};

use cofferdam::db::{ConnectOptions, Target};
use cofferdam::folder::{Folder, Format};
use cofferdam::ledger::Protection;
use cofferdam::migrate::{self, AppliedMigration, MigrateReport, PlanReport};
use cofferdam::rollback::{self, RollbackReport};
use cofferdam::{Project, Silent, Stop, audit};
use cofferdam_analysis::{Error, ErrorKind, Finding};
use serde::Serialize;

use super::content::Content;
use super::{place, postgres, sqlite};
use crate::caller;
use crate::failure::Result;

/// The migrations of the story: file name and text.
#[derive(Debug)]
pub(super) struct Files {
    /// What made the notes app.
    pub(super) begin: &'static [(&'static str, &'static str)],
    /// "Migration 12".
    pub(super) dangerous: (&'static str, &'static str),
    /// What takes its place; the first is applied.
    pub(super) safe: &'static [(&'static str, &'static str)],
}

/// Where the story takes place.
#[derive(Debug)]
pub(super) struct Stage {
    /// `Postgres 15`.
    pub(super) name: String,
    /// The last part of `path`.
    pub(super) folder: &'static str,
    pub(super) files: &'static Files,
    pub(super) target: Target,
    /// The project's folder.
    pub(super) path: PathBuf,
}

/// What happened.
#[derive(Debug, Serialize)]
pub(super) struct Story {
    pub(super) database: String,
    /// The project's folder, below that of the demo.
    pub(super) folder: &'static str,
    /// The notes app.
    pub(super) applied: Vec<AppliedMigration>,
    pub(super) before: Content,
    pub(super) refused: Refused,
    /// The safe migration.
    pub(super) plan: PlanReport,
    pub(super) migrated: MigrateReport,
    /// Equal to `before`.
    pub(super) after: Content,
    pub(super) audit: Audit,
    pub(super) rolled_back: RollbackReport,
    /// Equal to `before`.
    pub(super) restored: Content,
}

/// "Migration 12".
#[derive(Debug, Serialize)]
pub(super) struct Refused {
    pub(super) file: &'static str,
    pub(super) message: String,
    pub(super) findings: Vec<Finding>,
    /// What the tables of a copy held after the file had run there without us.
    pub(super) without_us: Content,
}

#[derive(Debug, Serialize)]
pub(super) struct Audit {
    pub(super) entries: usize,
    pub(super) verified: bool,
}

/// Tells it.
///
/// # Errors
/// Those of the engine; `Conflict` when a claim does not hold; `Interrupted`.
pub(super) async fn tell(stage: &Stage, stop: &Stop) -> Result<Story> {
    for file in stage.files.begin {
        stage.add(file)?;
    }
    let applied = stage.migrate(stop).await?.applied;
    let before = stage.content().await?;

    let refused = refused(stage, stop, &before).await?;

    for file in stage.files.safe {
        stage.add(file)?;
    }
    let mut plan = migrate::plan(&stage.project()?, &migrate::Options::default()).await?;
    stage.shorten(&mut plan);
    let mut migrated = stage.migrate(stop).await?;
    if let Some(path) = migrated.rollback_point.as_mut().and_then(|point| point.path.as_mut()) {
        *path = stage.short(path);
    }
    let after = stage.content().await?;
    holds(after == before, "the safe migration kept every row")?;
    let audit = audit::read(&stage.project()?).await?;
    holds(audit.verified, "the audit is as it was written")?;

    stop.check()?;
    let mut rolled_back = stage.roll_back(stop).await?;
    rolled_back.point = rolled_back.point.map(|path| stage.short(&path));
    let restored = stage.content().await?;
    holds(restored == before, "the rollback kept every row")?;
    Ok(Story {
        database: stage.name.clone(),
        folder: stage.folder,
        applied,
        before,
        refused,
        plan,
        migrated,
        after,
        audit: Audit { entries: audit.entries, verified: audit.verified },
        rolled_back,
        restored,
    })
}

async fn refused(stage: &Stage, stop: &Stop, before: &Content) -> Result<Refused> {
    let (file, sql) = stage.files.dangerous;
    stage.add(&stage.files.dangerous)?;
    let failure = match stage.migrate(stop).await {
        Err(failure) if failure.error.kind() == ErrorKind::Refused => failure,
        Err(failure) => return Err(failure),
        Ok(_) => return Err(untrue("the dangerous migration is refused").into()),
    };
    let mut findings = failure.findings;
    stage.shorten_findings(&mut findings);
    holds(stage.content().await? == *before, "a refused migration changes nothing")?;
    let without_us = stage.without_us(sql).await?;
    holds(without_us != *before, "the dangerous migration loses rows")?;
    place::remove(&stage.migrations().join(file))?;
    Ok(Refused { file, message: failure.error.message().to_owned(), findings, without_us })
}

fn holds(claim: bool, what: &str) -> Result<(), Error> {
    if claim { Ok(()) } else { Err(untrue(what)) }
}

fn untrue(claim: &str) -> Error {
    Error::conflict(format!("the demo claims that {claim}, and here that is not so"))
        .hint("please report it, with the output of cofferdam demo --format json")
}

impl Stage {
    fn migrations(&self) -> PathBuf {
        self.path.join("migrations")
    }

    fn add(&self, (name, text): &(&str, &str)) -> Result<(), Error> {
        place::write(&self.migrations().join(name), text)
    }

    fn project(&self) -> Result<Project, Error> {
        Ok(Project {
            target: self.target.clone(),
            connect: ConnectOptions::default(),
            folder: Folder::read(&self.migrations(), Some(Format::Native))?,
            format_given: true,
            out_of_order: None,
            actor: caller::name(),
            protection: Protection::default(),
        })
    }

    async fn migrate(&self, stop: &Stop) -> Result<MigrateReport> {
        stop.check()?;
        let options = migrate::Options { stop: stop.clone(), ..migrate::Options::default() };
        Ok(migrate::run(&self.project()?, &options, &mut Silent).await?)
    }

    async fn roll_back(&self, stop: &Stop) -> Result<RollbackReport, Error> {
        let defaults = migrate::Options::default();
        let options = rollback::Options {
            to: None,
            discard_writes: false,
            locks: defaults.locks,
            lease_wait: defaults.lease_wait,
            stop: stop.clone(),
        };
        rollback::run(&self.project()?, &options, &mut Silent).await
    }

    async fn content(&self) -> Result<Content, Error> {
        match &self.target {
            Target::Sqlite(target) => sqlite::content(target),
            Target::Postgres(target) => postgres::content(target).await,
        }
    }

    async fn without_us(&self, sql: &str) -> Result<Content, Error> {
        match &self.target {
            Target::Sqlite(target) => sqlite::without_us(target, &self.path, sql),
            Target::Postgres(target) => postgres::without_us(target, sql).await,
        }
    }

    /// A path as somebody in the project's folder would name it.
    fn short(&self, path: &str) -> String {
        let below = Path::new(path).strip_prefix(&self.path);
        below.map_or_else(|_| path.to_owned(), |below| below.display().to_string())
    }

    fn shorten_findings(&self, findings: &mut [Finding]) {
        for place in findings.iter_mut().filter_map(|finding| finding.place.as_mut()) {
            place.file = self.short(&place.file);
        }
    }

    fn shorten(&self, plan: &mut PlanReport) {
        self.shorten_findings(&mut plan.findings);
        for step in &mut plan.steps {
            step.file = self.short(&step.file);
            step.undo = step.undo.as_deref().map(|undo| self.short(undo));
        }
    }
}
