//! Running them: from what the application said to a [`Project`], and from that to an answer.

use std::sync::{Arc, Mutex, PoisonError};

use cofferdam_analysis::judge::{Input, JudgedFile, Role, Transaction, judge};
use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_analysis::{Error, Finding, Result};

use super::worker::{Raised, Worker};
use super::{Migrations, Place, words};
use crate::db::Target;
use crate::folder::{Folder, Format};
use crate::ledger::Protection;
use crate::migrate::{self, Failure, MigrateReport, Options, PlanReport};
use crate::status::{self, StatusReport};
use crate::{Event, Project, Stop, Watch};

impl Migrations {
    /// Applies what is pending in the database that `url` names, and returns when it is
    /// applied, by whichever instance.
    ///
    /// `url` is what the program takes: `postgres://..`, `sqlite:PATH` and the ways in which
    /// ORMs write them. The program's `env:NAME` is not one: the engine reads no environment. A SQLite file
    /// that is not there is made, its directory is not.
    ///
    /// Dropping the future stops the run: on Postgres at once, on SQLite after the current
    /// step. What is committed stays, and the next run goes on there.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); the text holds what refused, or where it failed.
    pub async fn run(&self, url: &str) -> Result<MigrateReport> {
        self.apply(url).await.map_err(words::error)
    }

    /// As [`run`](Self::run), for a program without a runtime; keeps the calling thread.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_blocking(&self, url: &str) -> Result<MigrateReport> {
        let applied = match self.begin(url) {
            Ok((worker, _stop)) => worker.answer_blocking().unwrap_or_else(|error| Err(error.into())),
            Err(error) => Err(error.into()),
        };
        applied.map_err(words::error)
    }

    /// As [`run`](Self::run), with the findings and what was applied before as values.
    ///
    /// # Errors
    /// `Refused`: a rule says no, and nothing was applied. `Conflict`: the database said no
    /// to a statement, or a proof failed. `Blocked`: somebody held a lock or the lease for
    /// too long. `Interrupted`: stopped, or the connection was lost. `Invalid`,
    /// `Unreachable`, `Corrupt` as everywhere. After each of them a later run goes on.
    pub async fn apply(&self, url: &str) -> Result<MigrateReport, Failure> {
        let (worker, stop) = self.begin(url)?;
        let stop_if_dropped = Raised(stop);
        let result = worker.answer().await?;
        drop(stop_if_dropped);
        result
    }

    /// What [`run`](Self::run) would do; reads only. Of a SQLite file that is not there it
    /// tells what would be done to an empty one.
    ///
    /// # Errors
    /// Those of the connection, and what makes a file impossible to plan.
    pub async fn plan(&self, url: &str) -> Result<PlanReport> {
        let (migrations, url) = (self.clone(), url.to_owned());
        let plan = move || async move {
            let project = migrations.project(&url)?;
            migrate::plan(&project, &migrations.options()).await
        };
        Worker::begin(plan)?.answer().await?
    }

    /// Where the database stands: what is applied, what is pending, what does not fit.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn status(&self, url: &str) -> Result<StatusReport> {
        let (migrations, url) = (self.clone(), url.to_owned());
        let read = move || async move { status::read(&migrations.project(&url)?).await };
        Worker::begin(read)?.answer().await?
    }

    /// What the rules say of all files together, without a database: for a unit test.
    ///
    /// ```
    /// use cofferdam::Dialect;
    ///
    /// # fn main() -> cofferdam::Result<()> {
    /// let findings = cofferdam::migrations!("migrations").check(Dialect::Sqlite)?;
    /// assert!(!findings.iter().any(|finding| finding.refuses()), "{findings:?}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Invalid` for a folder that cannot be read.
    pub fn check(&self, dialect: Dialect) -> Result<Vec<Finding>> {
        let folder = self.folder()?;
        let scripts: Vec<Script> = folder.migrations().iter().map(|one| one.script(dialect)).collect();
        let transaction = |outside| if outside { Transaction::Never } else { Transaction::Auto };
        let files: Vec<JudgedFile<'_>> = folder
            .migrations()
            .iter()
            .zip(&scripts)
            .map(|(migration, script)| JudgedFile {
                transaction: transaction(migration.no_transaction),
                ..JudgedFile::new(script, Role::Judged)
            })
            .collect();
        Ok(judge(&Input::new(dialect, &files)))
    }

    /// The files, read on the calling thread.
    ///
    /// # Errors
    /// `Invalid`, naming the file, for what its format does not allow.
    pub fn folder(&self) -> Result<Folder> {
        if self.format == Some(Format::Command) {
            return Err(Error::invalid("migrations that are programs cannot be part of another one")
                .hint("run them with their own tool"));
        }
        let path = self.path();
        match self.place {
            Place::Program(folder, _) => {
                Folder::read_embedded(folder, &path, self.format, &self.placeholders)
            }
            Place::Disk(_) => Folder::read_with(&path, self.format, &self.placeholders),
        }
    }

    /// The database and the migrations together: what the other functions of this library
    /// take, [`rollback::run`](crate::rollback::run) for one. Reads the folder on the calling
    /// thread.
    ///
    /// # Errors
    /// `Invalid` for a URL or a folder that cannot be read.
    pub fn project(&self, url: &str) -> Result<Project> {
        Ok(Project {
            target: target(url)?,
            connect: self.connect.clone().unwrap_or_default(),
            folder: self.folder()?,
            format_given: self.format.is_some(),
            out_of_order: self.out_of_order,
            actor: at_host(self.actor.as_deref().unwrap_or(self.package)),
            protection: Protection {
                confirm: self.confirm.clone(),
                // Whoever deploys can confirm once with the program, without a new build.
                again: Some("cofferdam migrate".to_owned()),
                ..Protection::default()
            },
        })
    }

    /// Begins a run, and says which flag ends that one run after its current step.
    ///
    /// The folder is read, and everything told, by the worker too: that may take long, and
    /// the caller's thread is its runtime's.
    fn begin(&self, url: &str) -> Result<(Worker<Result<MigrateReport, Failure>>, Stop)> {
        let (migrations, url) = (self.clone(), url.to_owned());
        let mut options = self.options();
        let stop = options.stop.below();
        options.stop = stop.clone();
        let run = move || async move {
            let project = migrations.project(&url)?;
            let mut watch = Told(migrations.watch.clone());
            for note in project.target.notes() {
                watch.event(Event::Note { text: note.clone() });
            }
            migrate::run(&project, &options, &mut watch).await
        };
        Ok((Worker::begin(run)?, stop))
    }

    fn options(&self) -> Options {
        let customary = Options::default();
        Options {
            to: self.to.clone(),
            locks: self.locks.unwrap_or(customary.locks),
            lease_wait: self.lease_wait.unwrap_or(customary.lease_wait),
            stop: self.stop.clone().unwrap_or_default(),
            ..customary
        }
    }
}

/// Hands events to the application's function.
struct Told(Option<Arc<Mutex<dyn FnMut(Event) + Send>>>);

impl Watch for Told {
    fn event(&mut self, event: Event) {
        if let Some(watch) = &self.0 {
            // One that panicked before is called again: what it keeps is its own matter.
            watch.lock().unwrap_or_else(PoisonError::into_inner)(event);
        }
    }
}

/// # Errors
/// `Invalid` for what is no URL, and for a database that ends with the run.
fn target(url: &str) -> Result<Target> {
    let target = Target::parse(url)?;
    match &target {
        Target::Sqlite(sqlite) if sqlite.path().is_none() => {
            Err(Error::invalid("a SQLite database in memory is gone before the application sees it")
                .hint("name a file; for a test, one in a temporary directory: sqlite:/tmp/..../test.db"))
        }
        Target::Sqlite(_) | Target::Postgres(_) => Ok(target),
    }
}

/// `notes@host`, where the system tells the host.
fn at_host(name: &str) -> String {
    match host() {
        Some(host) => format!("{name}@{host}"),
        None => name.to_owned(),
    }
}

#[cfg(unix)]
fn host() -> Option<String> {
    Some(rustix::system::uname().nodename().to_string_lossy().into_owned())
}

/// Windows keeps it in the environment, which is not read here.
#[cfg(not(unix))]
fn host() -> Option<String> {
    None
}
