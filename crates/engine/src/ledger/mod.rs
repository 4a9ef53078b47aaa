//! The append-only record that lives in the target.
//!
//! Promise: what was applied, by whom and how far a run came stands in the database it
//! happened to, written in the same transaction as the effect. Refused: writing under a
//! lease that somebody else took (the fence), and a ledger newer than this program.
//! Only commands that change something create it; readers say that it is not there.
//!
//! Crash: every function here either runs inside the caller's transaction or is one
//! transaction itself, so a crash leaves the state before or after, never between.
//!
//! Postgres keeps it in schema `cofferdam`, SQLite in tables `_cofferdam_*`; columns
//! and meanings are the same (docs/ledger.md).

pub mod audit;
pub mod guard;
mod permit;
pub mod postgres;
mod postgres_lease;
pub mod protection;
pub mod sqlite;
pub mod standing;

use std::collections::{HashMap, HashSet};

use cofferdam_analysis::{Error, Result};

use crate::db::Backend;
use crate::folder::{Checksum, Format, Key};
pub use audit::Entry;
pub(crate) use permit::Permit;
pub use postgres_lease::{Holder, Lease, Taken};
pub(crate) use postgres_lease::{holder, lost, take as take_lease};
pub use protection::{Protected, Protection};

/// The version of the ledger's own tables that this program writes.
pub const VERSION: i64 = 1;

/// How long a lease lasts without renewal; it is renewed three times as often.
pub(crate) fn lease_lasts() -> std::time::Duration {
    crate::crash::lease().unwrap_or(std::time::Duration::from_secs(15))
}

/// How a migration came to count as applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Run by us.
    Applied,
    /// Taken over from another tool's ledger.
    Adopted,
    /// Describes what stood there before.
    Baseline,
}

impl Kind {
    /// As the ledger writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Applied => "applied",
            Kind::Adopted => "adopted",
            Kind::Baseline => "baseline",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Kind> {
        match text {
            "applied" => Ok(Kind::Applied),
            "adopted" => Ok(Kind::Adopted),
            "baseline" => Ok(Kind::Baseline),
            _ => Err(damaged(format!("a migration of unknown kind `{text}`"))),
        }
    }
}

/// A migration that counts as applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The order in which they ran, from 1.
    pub seq: i64,
    /// The format of the folder it came from.
    pub source: String,
    /// As the file or the tool writes it.
    pub version: String,
    /// The file's name without version and ending.
    pub name: String,
    /// How it came to count.
    pub kind: Kind,
    /// Of the file, at that time; `None` where no file was there to be adopted.
    pub checksum: Option<Checksum>,
    /// The other tool's, in hexadecimal.
    pub foreign_checksum: Option<String>,
    /// UTC, `2026-11-20T09:00:00.000000Z`.
    pub applied_at: String,
    /// Wall time in milliseconds; `None` for adopted ones.
    pub duration_ms: Option<i64>,
    /// The run it belongs to.
    pub run_id: Option<i64>,
    /// The audit entry written with it.
    pub audit_seq: i64,
}

impl Applied {
    /// What it is compared by, if it is of a folder of this format.
    pub fn key(&self, format: Format) -> Option<Key> {
        let version = format.owns(&self.source).then(|| format.version(&self.version, &self.name))??;
        Some(version.key().clone())
    }

    /// Version and name, as people know it.
    pub fn title(&self) -> String {
        crate::folder::title(&self.version, &self.name)
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Set when the lease is taken; a run found in it without a live lease was killed.
    Running,
    /// A statement or a proof failed; the same command goes on after a repair.
    Failed,
    /// Nothing left to do.
    Done,
    /// Taken back, or left behind because its file is gone.
    Abandoned,
}

impl std::fmt::Display for RunState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl RunState {
    /// As the ledger writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Failed => "failed",
            RunState::Done => "done",
            RunState::Abandoned => "abandoned",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<RunState> {
        match text {
            "running" => Ok(RunState::Running),
            "failed" => Ok(RunState::Failed),
            "done" => Ok(RunState::Done),
            "abandoned" => Ok(RunState::Abandoned),
            _ => Err(damaged(format!("a run in unknown state `{text}`"))),
        }
    }

    /// Whether the next `migrate` goes on with it.
    pub fn is_open(self) -> bool {
        match self {
            RunState::Running | RunState::Failed => true,
            RunState::Done | RunState::Abandoned => false,
        }
    }
}

/// One durable execution of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// From 1.
    pub id: i64,
    /// `migrate`, or `rollback 0007`.
    pub command: String,
    /// Where it stands.
    pub state: RunState,
    /// What made it fail.
    pub error: Option<String>,
    /// Its steps so far.
    pub steps: Vec<Step>,
}

impl Run {
    /// The step of this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|s| s.id == id)
    }
}

/// How far a step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepState {
    /// About to run outside of a transaction; whether it did, the catalog must tell.
    Intent,
    /// Committed.
    Done,
    /// Known not to have taken place.
    Failed,
}

impl StepState {
    /// As the ledger writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            StepState::Intent => "intent",
            StepState::Done => "done",
            StepState::Failed => "failed",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<StepState> {
        match text {
            "intent" => Ok(StepState::Intent),
            "done" => Ok(StepState::Done),
            "failed" => Ok(StepState::Failed),
            _ => Err(damaged(format!("a step in unknown state `{text}`"))),
        }
    }
}

/// A step's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// `0007` or `0007/2`.
    pub id: String,
    /// BLAKE3 of its statements.
    pub hash: Vec<u8>,
    /// How far it came.
    pub state: StepState,
    /// Its transaction (Postgres' 64-bit id); `None` outside of one.
    pub xid: Option<String>,
    /// The backend an intent ran in.
    pub backend: Option<Backend>,
    /// What there is to say about its end; JSON for steps that prove something.
    pub outcome: Option<String>,
}

/// Everything a reader needs to know before it decides.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// In the order in which they ran.
    pub applied: Vec<Applied>,
    /// The newest run, unless it is done or abandoned: the same command goes on with it.
    pub open_run: Option<Run>,
}

impl History {
    /// The migration with this key that counts as applied, of a folder of this format. Keys
    /// are compared, not texts: another tool's ledger may keep `1` for the file `0001_init.sql`.
    pub fn of(&self, format: Format, key: &Key) -> Option<&Applied> {
        self.applied.iter().find(|applied| applied.key(format).as_ref() == Some(key))
    }
}

impl History {
    /// The same for many questions.
    pub(crate) fn counted(&self, format: Format) -> Counted<'_> {
        let mut counted = Counted::default();
        for applied in &self.applied {
            counted.by_tool.insert((applied.source.as_str(), applied.version.as_str()));
            let Some(key) = applied.key(format) else { continue };
            if counted.newest.as_ref().is_none_or(|newest| *newest < key) {
                counted.newest = Some(key.clone());
            }
            counted.by_key.entry(key).or_insert(applied);
        }
        counted
    }
}

/// What of a history counts as applied for folders of one format, to be looked up: rows of
/// a ledger are held against each other by the thousand.
#[derive(Debug, Default)]
pub(crate) struct Counted<'h> {
    by_key: HashMap<Key, &'h Applied>,
    by_tool: HashSet<(&'h str, &'h str)>,
    newest: Option<Key>,
}

impl Counted<'_> {
    /// As [`History::of`].
    pub(crate) fn of(&self, key: &Key) -> Option<&Applied> {
        self.by_key.get(key).copied()
    }

    /// Whether a row of this source, a tool or a format, has this version as it stands.
    pub(crate) fn has_row(&self, source: &str, version: &str) -> bool {
        self.by_tool.contains(&(source, version))
    }

    /// Whether something newer than this counts.
    pub(crate) fn has_newer(&self, key: &Key) -> bool {
        self.newest.as_ref().is_some_and(|newest| newest > key)
    }
}

/// A migration about to be recorded.
#[derive(Debug, Clone)]
pub struct NewMigration<'a> {
    /// The folder's format.
    pub source: &'a str,
    /// As the file writes it.
    pub version: &'a str,
    /// The file's name without version.
    pub name: &'a str,
    /// How it came to count.
    pub kind: Kind,
    /// Of the file.
    pub checksum: Option<Checksum>,
    /// The other tool's, in hexadecimal.
    pub foreign_checksum: Option<&'a str>,
    /// Milliseconds it took.
    pub duration_ms: Option<i64>,
    /// The run it belongs to.
    pub run_id: Option<i64>,
}

impl NewMigration<'_> {
    /// What the audit says of it; [`audit::verify`] compares it with the row.
    fn told(&self) -> serde_json::Value {
        serde_json::json!({
            "source": self.source,
            "version": self.version,
            "name": self.name,
            "kind": self.kind.as_str(),
            "checksum": self.checksum.map(|c| c.to_string()),
        })
    }
}

fn checksum(bytes: Option<&[u8]>) -> Result<Option<Checksum>> {
    match bytes {
        None => Ok(None),
        Some(bytes) => Checksum::from_bytes(bytes)
            .map(Some)
            .ok_or_else(|| damaged(format!("a checksum of {} bytes", bytes.len()))),
    }
}

/// The error for a ledger whose rows make no sense.
pub(crate) fn damaged(what: String) -> Error {
    Error::corrupt(format!("the ledger is damaged: it has {what}"))
        .hint("cofferdam audit --verify names the first broken entry")
}

/// The error for a ledger written by a newer program.
pub(crate) fn too_new(found: i64) -> Error {
    Error::invalid(format!("the ledger has version {found}, and this program knows versions up to {VERSION}"))
        .hint("use the cofferdam that wrote it, or a newer one")
}
