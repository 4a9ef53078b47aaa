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
mod running;
mod words;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use macros::ANCHOR;
pub use macros::refuse_unanchored;

use crate::db::ConnectOptions;
use crate::folder::{Format, OutOfOrder, Placeholders};
use crate::runner::LockLimits;
use crate::{Event, Stop};

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
