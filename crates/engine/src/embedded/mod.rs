//! Migrations that are part of a program and run when it starts.
//!
//! Promise: what [`Migrations::run`] does is what `cofferdam migrate` does, with the same
//! ledger, lease, rules and proofs, so that any number of instances may start at once and
//! the program `cofferdam` sees what they did. The future is `Send` and does its work on a
//! thread of its own, so it fits every runtime and none.
//!
//! Refused: a database in memory, which would be gone before the application sees it, and
//! everything that [`migrate`] refuses; the findings stand in the error's
//! text. The environment is not read: URL, password and home are handed in.
//!
//! Crash: that of [`migrate`]. A future that is dropped is one: the next run
//! goes on where the last committed step ended.

mod macros;
mod words;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cofferdam_analysis::judge::{Input, JudgedFile, Role, Transaction, judge};
use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_analysis::{Error, Finding, Result};

use crate::db::{ConnectOptions, Target};
use crate::folder::{Folder, Format, OutOfOrder, Placeholders};
use crate::ledger::Protection;
use crate::migrate::{self, Failure, MigrateReport, Options, PlanReport};
use crate::runner::LockLimits;
use crate::status::{self, StatusReport};
use crate::{Event, Project, Stop, Watch};
use worker::{Raised, Worker};

/// What the macro's paths are counted from.
const ANCHOR: &str = "$CARGO_MANIFEST_DIR";

/// The migrations of an application, made by [`migrations!`](crate::migrations), and how to
/// run them.
///
/// It can be a `static`, a clone shares everything with what it is a clone of, and each
/// method that runs something can be called as often as you like.
///
/// ```
/// use cofferdam::Event;
///
/// # #[tokio::main]
/// # async fn main() -> cofferdam::Result<()> {
/// # let directory = std::env::temp_dir().join(format!("cofferdam-type-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory).unwrap();
/// # let url = format!("sqlite:{}", directory.join("notes.db").display());
/// cofferdam::migrations!("migrations")
///     .actor("notes 1.4.2")
///     .watch(|event| match event {
///         Event::StepDone { step, duration_ms } => println!("{step} took {duration_ms} ms"),
///         Event::Waiting { for_what, .. } => println!("waiting for {for_what}"),
///         other => println!("{other:?}"),
///     })
///     .run(&url)
///     .await?;
/// # std::fs::remove_dir_all(&directory).unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Migrations {
    place: Place,
    /// The crate that embeds them.
    package: &'static str,
    format: Option<Format>,
    placeholders: Placeholders,
    out_of_order: Option<OutOfOrder>,
    to: Option<String>,
    actor: Option<String>,
    confirm: Option<String>,
    connect: Option<ConnectOptions>,
    locks: Option<LockLimits>,
    lease_wait: Option<Duration>,
    stop: Option<Stop>,
    watch: Option<Arc<Mutex<dyn FnMut(Event) + Send>>>,
}

/// Where the files are.
#[derive(Clone)]
enum Place {
    /// In the program, and what the macro was given.
    Program(&'static include_dir::Dir<'static>, &'static str),
    Disk(PathBuf),
}

impl std::fmt::Debug for Migrations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Migrations").field("path", &self.path()).field("to", &self.to).finish_non_exhaustive()
    }
}

impl Migrations {
    const fn of(place: Place, package: &'static str) -> Migrations {
        Migrations {
            place,
            package,
            format: None,
            placeholders: Placeholders::new(),
            out_of_order: None,
            to: None,
            actor: None,
            confirm: None,
            connect: None,
            locks: None,
            lease_wait: None,
            stop: None,
            watch: None,
        }
    }

    /// What [`migrations!`](crate::migrations) calls.
    #[doc(hidden)]
    pub const fn embedded(
        folder: &'static include_dir::Dir<'static>,
        path: &'static str,
        package: &'static str,
    ) -> Migrations {
        Migrations::of(Place::Program(folder, path), package)
    }

    /// Those of a folder that is read from disk, each time that something is run.
    pub fn of_folder(path: impl Into<PathBuf>) -> Migrations {
        Migrations::of(Place::Disk(path.into()), "application")
    }

    /// Whose rules the folder follows. Without it the files and the database's own history
    /// tell; of files that could be Flyway's or refinery's, they say Flyway's.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// A value for a placeholder of Flyway's, `${name}`.
    #[must_use]
    pub fn placeholder(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.placeholders.insert(name.into(), value.into());
        self
    }

    /// What to do with a file older than the newest applied one. Without it the format's
    /// own custom holds.
    #[must_use]
    pub fn out_of_order(mut self, out_of_order: OutOfOrder) -> Self {
        self.out_of_order = Some(out_of_order);
        self
    }

    /// The last version to apply; without it all are.
    #[must_use]
    pub fn to(mut self, version: impl Into<String>) -> Self {
        self.to = Some(version.into());
        self
    }

    /// Who the ledger says it was, and who those that wait are told it is. Without it the
    /// crate's name and the host's.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// The name of the database that is meant: what `--confirm` is to the program. A
    /// protected database asks for it before a change that could lose something. Another
    /// name refuses every run, so take it from whoever deploys and not from the code.
    #[must_use]
    pub fn confirm(mut self, name: impl Into<String>) -> Self {
        self.confirm = Some(name.into());
        self
    }

    /// How to reach a Postgres server, beyond what the URL says: what `PGPASSWORD`, `PGUSER`
    /// or `~/.pgpass` are to the program.
    #[must_use]
    pub fn connect(mut self, options: ConnectOptions) -> Self {
        self.connect = Some(options);
        self
    }

    /// How to wait for locks that stop the application.
    #[must_use]
    pub fn lock_limits(mut self, limits: LockLimits) -> Self {
        self.locks = Some(limits);
        self
    }

    /// How long to wait while another instance migrates; ten minutes unless told.
    #[must_use]
    pub fn lease_wait(mut self, wait: Duration) -> Self {
        self.lease_wait = Some(wait);
        self
    }

    /// A flag that stops the run after its current step, with [`Interrupted`](crate::ErrorKind).
    #[must_use]
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Who is told what happens, while it happens. Called on the thread that migrates, so it
    /// must not take long.
    #[must_use]
    pub fn watch(mut self, watch: impl FnMut(Event) + Send + 'static) -> Self {
        self.watch = Some(Arc::new(Mutex::new(watch)));
        self
    }

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
        let (project, options) = (self.project(url)?, self.options());
        Worker::begin(move || async move { migrate::plan(&project, &options).await })?.answer().await?
    }

    /// Where the database stands: what is applied, what is pending, what does not fit.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn status(&self, url: &str) -> Result<StatusReport> {
        let project = self.project(url)?;
        Worker::begin(move || async move { status::read(&project).await })?.answer().await?
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

    /// The files, read.
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
    /// take, [`rollback::run`](crate::rollback::run) for one.
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
            actor: self.actor.clone().unwrap_or_else(|| customary_actor(self.package)),
            protection: Protection {
                confirm: self.confirm.clone(),
                // Whoever deploys can confirm once with the program, without a new build.
                again: Some("cofferdam migrate".to_owned()),
                ..Protection::default()
            },
        })
    }

    fn begin(&self, url: &str) -> Result<(Worker<Result<MigrateReport, Failure>>, Stop)> {
        let (project, mut options) = (self.project(url)?, self.options());
        let stop = options.stop.below();
        options.stop = stop.clone();
        let mut watch = Told(self.watch.clone());
        for note in project.target.notes() {
            watch.event(Event::Note { text: note.clone() });
        }
        let worker =
            Worker::begin(move || async move { migrate::run(&project, &options, &mut watch).await })?;
        Ok((worker, stop))
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

    /// What people call the folder.
    fn path(&self) -> PathBuf {
        match &self.place {
            Place::Program(_, path) => {
                let path = path.strip_prefix(ANCHOR).map_or(*path, |rest| rest.trim_start_matches('/'));
                Path::new(path).to_owned()
            }
            Place::Disk(path) => path.clone(),
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
fn customary_actor(package: &str) -> String {
    match host() {
        Some(host) => format!("{package}@{host}"),
        None => package.to_owned(),
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

/// Refuses, while the application is built, a path that would be counted from the directory
/// in which it is built.
pub const fn refuse_unanchored(path: &str) {
    let (path, anchor) = (path.as_bytes(), ANCHOR.as_bytes());
    let mut at = 0;
    while at < anchor.len() && at < path.len() && path[at] == anchor[at] {
        at += 1;
    }
    let absolute = !path.is_empty() && (path[0] == b'/' || (path.len() > 1 && path[1] == b':'));
    assert!(
        at == anchor.len() || absolute,
        "write the path of the migrations as \"$CARGO_MANIFEST_DIR/...\": it is counted from the crate's Cargo.toml"
    );
}
