//! How the live schema differs from what the applied migrations make.
//!
//! Promise: the files that count as applied, in the order in which they ran, are run in a
//! scratch database (see [`replay`](crate::replay)), and both schemas are compared. The
//! target is only read, its rows not at all. What nobody did is silent: names that a
//! server makes up, what another version prints or adds, owners, versions of extensions,
//! statistics, our own objects and other tools' ledgers; so is what the caller asks to
//! leave out. For each difference come the statements that would mend it
//! (see [`mend`](cofferdam_analysis::catalog::mend())); nothing runs them here.
//!
//! Refused: a target without applied migrations, since nothing says what to expect, one
//! whose applied files are not in the folder, and files that name what reaches outside of
//! their database, which no replay runs.
//!
//! Crash: as in a replay; the target never notices.

mod expected;
mod innocent;
mod run;

use cofferdam_analysis::catalog::{DifferenceKind, Mended};
use serde::Serialize;

use crate::Stop;
use crate::replay::Place;

pub use run::run;

/// How to compare.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the scratch database stands (Postgres).
    pub place: Place,
    /// Tables and views that nobody's migrations manage: `schema.table`, or `table` in any
    /// schema, with `*` for any characters.
    pub ignore: Vec<String>,
    /// Compare grants and default privileges too.
    pub privileges: bool,
    /// Tell when columns stand in another order, which no statement mends.
    pub column_order: bool,
    /// Raised to stop.
    pub stop: Stop,
}

/// The answer of `diff`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DriftReport {
    /// By object, then property; empty when nothing that matters differs.
    pub differences: Vec<Told>,
    /// All statements in the order in which they would run; what has to be done by hand as comments.
    pub script: String,
    /// What a reader of the result should know, one sentence each.
    pub notes: Vec<String>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// `table public.notes`.
    pub object: String,
    /// `missing`, `extra` or `different`.
    pub kind: &'static str,
    /// What differs; `None` when all of it is missing or extra.
    pub property: Option<String>,
    /// What the live database has.
    pub live: Option<String>,
    /// What the migrations make.
    pub expected: Option<String>,
    /// The statements that mend it; `None` when another difference's do, or nobody's: see `note`.
    pub sql: Option<String>,
    /// Why there is no statement, or what else to know.
    pub note: Option<String>,
    /// No statement mends this: a person has to.
    pub by_hand: bool,
}

impl From<Mended> for Told {
    fn from(mended: Mended) -> Self {
        let (kind, property) = match mended.difference.kind {
            DifferenceKind::Missing => ("missing", None),
            DifferenceKind::Extra => ("extra", None),
            DifferenceKind::Different { property } => ("different", Some(property)),
        };
        let sql = mended.statements.iter().map(|s| format!("{s};")).collect::<Vec<_>>().join("\n");
        Told {
            object: mended.difference.object.to_string(),
            kind,
            property,
            live: mended.difference.live,
            expected: mended.difference.expected,
            sql: Some(sql).filter(|sql| !sql.is_empty()),
            note: mended.note,
            by_hand: mended.by_hand,
        }
    }
}
