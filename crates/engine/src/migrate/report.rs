//! What the commands answer: the shapes of `--format json` (docs/schemas).

use std::sync::Arc;

use cofferdam_analysis::{Finding, Span};
use serde::{Serialize, Serializer};

use crate::ledger::protection;
use crate::ledger::standing::RunProgress;

/// A migration that was applied now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedMigration {
    /// As the file writes it.
    pub version: String,
    /// The file's name without version and ending.
    pub name: String,
    /// Wall time.
    pub duration_ms: i64,
    /// For online changes, the state it rests in.
    pub online: Option<&'static str>,
}

/// The answer of `migrate`.
#[derive(Debug, Clone, Serialize)]
pub struct MigrateReport {
    /// Applied now, in order.
    pub applied: Vec<AppliedMigration>,
    /// How many were applied before.
    pub already: usize,
    /// Pending and not asked for (`--to`).
    pub skipped: Vec<String>,
    /// With `--dry-run`: what would be applied.
    pub would_apply: Vec<String>,
    /// Where to go back to.
    pub rollback_point: Option<RollbackPoint>,
    /// Why there is none.
    pub rollback_point_reason: Option<String>,
    /// A run that is not done.
    pub run: Option<RunProgress>,
    /// Warnings and notes about what ran.
    pub findings: Vec<Finding>,
    /// What else is worth saying.
    pub notes: Vec<String>,
}

/// A place to return to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RollbackPoint {
    /// `file-copy`.
    pub kind: &'static str,
    /// Why one is taken.
    pub reason: String,
    /// Where the copy lies, once it is taken.
    pub path: Option<String>,
}

/// The answer of `plan`.
#[derive(Debug, Clone, Serialize)]
pub struct PlanReport {
    /// In order.
    pub steps: Vec<PlannedStep>,
    /// Of the pending files, problems of the history among them.
    pub findings: Vec<Finding>,
    /// Taken before the first dangerous step.
    pub rollback_point: Option<RollbackPoint>,
    /// Why there is none.
    pub rollback_point_reason: Option<String>,
    /// How many files are applied.
    pub already: usize,
    /// Whether the database is protected.
    pub protection: protection::Told,
    /// Why `migrate` needs a confirmation here, if it does.
    pub confirm: Option<Confirmation>,
    /// What else is worth saying.
    pub notes: Vec<String>,
}

/// What `migrate` must be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// The name to be given with `--confirm`.
    pub database: String,
    /// What it is needed for, one sentence each.
    pub because: Vec<String>,
}

/// One commit.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedStep {
    /// `0007` or `0007/2`.
    pub id: String,
    /// The file it comes from.
    pub file: String,
    /// In order.
    pub statements: Vec<PlannedStatement>,
    /// Whether they share a transaction.
    pub transaction: bool,
    /// For online changes.
    pub phase: Option<&'static str>,
    /// How it is taken back.
    pub undo: Option<String>,
}

/// A part of a migration's text, which is kept once for all parts.
#[derive(Debug, Clone)]
pub struct FileText {
    text: Arc<str>,
    span: Span,
}

impl FileText {
    pub(super) fn new(text: Arc<str>, span: Span) -> Self {
        Self { text, span }
    }
}

impl std::ops::Deref for FileText {
    type Target = str;

    fn deref(&self) -> &str {
        self.span.of(&self.text)
    }
}

impl Serialize for FileText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

fn by_table<S: Serializer>(locks: &[(Arc<str>, &'static str)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(locks.iter().map(|(table, mode)| (&**table, mode)))
}

/// One statement of a step.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedStatement {
    /// As the file writes it.
    pub sql: FileText,
    /// The strongest lock by table, as far as the text shows; in the order of their names.
    #[serde(serialize_with = "by_table")]
    pub lock: Box<[(Arc<str>, &'static str)]>,
    /// Whether a table is rewritten; `None` when unknown.
    pub rewrite: Option<bool>,
    /// Whether a table is scanned in full; `None` when unknown.
    pub scan: Option<bool>,
    /// The estimated rows of the largest table touched.
    pub rows: Option<u64>,
    /// Not measured yet.
    pub estimate_ms: Option<u64>,
}
