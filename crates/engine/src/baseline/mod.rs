//! Takes a database under management that no tool manages.
//!
//! Promise: one migration file that recreates the schema is written into the folder and
//! counts as applied in a ledger that is created for it. Before anything is written the
//! file is run in a scratch database (see [`replay`](crate::replay)) and what it makes is
//! compared with the live catalog. The database is only read, but for the ledger, which
//! appears in one transaction; no row is read.
//!
//! Refused: a ledger that counts migrations already, another tool's ledger, a folder with
//! migrations of somebody else's, an empty database, `--exclude` of what something kept
//! depends on, and a file that does not recreate the schema to the letter. Owners are no
//! part of the comparison: a new environment has its own. Grants and policies to roles
//! are kept, and skipped where the role does not exist.
//!
//! Where the folder begins with a baseline already (another environment, or a run that
//! was killed), no file is written: that one is compared with this database, and counts as
//! applied when they are equal.
//!
//! States and crashes: nothing; a file under a temporary name, which the next run
//! replaces; the file, and no ledger, because the transaction that counts it had not
//! committed: the next run compares and counts it; both. Running again after the end says so.

mod dump;
mod exclude;
mod file;
mod plan;
mod postgres;
mod proof;
mod run;
mod sqlite;
mod tidy;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::Stop;
use crate::replay::Place;

pub use run::run;

/// The name of the migration, between version and ending.
pub const NAME: &str = "baseline";

/// How to take the database over.
#[derive(Debug, Clone)]
pub struct Options {
    /// Tables to leave out: `schema.table`, or `table` in any schema, with `*` for any characters.
    pub exclude: Vec<String>,
    /// Leave grants and default privileges out.
    pub no_privileges: bool,
    /// Where the proof's scratch database stands (Postgres).
    pub place: Place,
    /// Directories in which `pg_dump` may lie, the best first (Postgres).
    pub programs: Vec<PathBuf>,
    /// The time for formats that count by it: `YYYYMMDDhhmmss` in UTC, as a number.
    pub now: u128,
    /// How long to wait while another runner is at work.
    pub lease_wait: Duration,
    /// Raised to stop.
    pub stop: Stop,
}

/// The answer of `baseline`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaselineReport {
    /// What counts as applied now.
    pub baseline: Baseline,
    /// What this run did.
    pub outcome: Outcome,
    /// Tables left out, by name.
    pub excluded: Vec<String>,
    /// Roles that the file names: what it grants them is skipped where they do not exist.
    pub roles: Vec<String>,
    /// What is worth knowing, one sentence each.
    pub notes: Vec<String>,
}

/// The migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Baseline {
    /// As the file writes it.
    pub version: String,
    /// The file's name without version and ending.
    pub name: String,
    /// The file.
    pub file: String,
    /// How many objects of the database it makes.
    pub objects: usize,
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It wrote the file and counted it.
    Written,
    /// It counted a file that was there.
    Counted,
    /// The file counted before.
    Already,
}
