//! Builds in a scratch database what a list of migrations makes, and reads its catalog.
//!
//! Promise: the files run as the runner runs them (the same steps, the same transactions,
//! the session as it is when a connection is opened), and what comes back is the
//! [`Catalog`] they leave. The scratch database is all that is made: on a server
//! that somebody named, a database of a new name is made from `template0` and dropped
//! again, on success, failure and Ctrl-C; else a [scratch] cluster serves, which goes with
//! the program. No row of the target is read; what the files themselves insert is
//! inserted, and goes too.
//!
//! Refused before anything runs, wherever the scratch database stands: a file that names
//! what reaches outside of its database (programs and files of the server's machine,
//! languages without a sandbox, libraries, the server's settings; `attach` of another file
//! in SQLite), also in the body of a function or in a literal. On a server that others use
//! also roles, databases, and what is owned in all of them. On a server of our own the
//! files run as its superuser, since event triggers, extensions and `set role` need one,
//! under the account of whoever runs us: the refusal is what stands between the two. It
//! reads names; SQL that puts such a name together while it runs is not seen, so files that
//! nobody would run on their own database are not for a replay either. A subscription is
//! left out, with a note: creating it would connect to its publisher.
//!
//! Crash: a killed program leaves nothing where the server is its own. On a named server
//! its empty database stays; the next replay there names it in a note.
//!
//! [scratch]: crate::scratch

mod outcome;
mod place;
mod postgres;
mod reach;
mod sqlite;

use cofferdam_analysis::catalog::Catalog;
use cofferdam_analysis::sql::{Dialect, Script};

use crate::folder::Migration;

pub use place::Place;
pub use postgres::{Wanted, postgres};
pub use sqlite::sqlite;

/// A file to run.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its version, which names its steps.
    pub version: String,
    /// Its text; the name that it was parsed with is told in errors.
    pub script: Script,
    /// The folder's format says: outside of a transaction.
    pub no_transaction: bool,
}

impl Source {
    /// A migration of a folder.
    pub fn of(migration: &Migration, dialect: Dialect) -> Self {
        Self {
            version: migration.version.to_string(),
            script: migration.script(dialect),
            no_transaction: migration.no_transaction,
        }
    }
}

/// What the files made.
#[derive(Debug, Clone)]
pub struct Built {
    /// The schema after the last file.
    pub catalog: Catalog,
    /// What a reader of the result should know, one sentence each.
    pub notes: Vec<String>,
}
