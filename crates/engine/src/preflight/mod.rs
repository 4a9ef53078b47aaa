//! What an operator wants to know of a live database before and after a deployment.
//!
//! Promise: reads only, under the limits of [`db::Guard`](crate::db::Guard), and waits for
//! nobody: a table that somebody has locked is measured by the planner's estimate. What
//! this role may not see, or what cannot be seen from here, is said and not guessed.
//!
//! [`progress`] tells from the ledger alone which steps are done and which one failed, so
//! that a list that missed a tick, because a process was killed between the commit and the
//! tick, is corrected by whoever asks next. A crash in here leaves nothing.

mod postgres;
mod progress;
mod sqlite;

use std::time::Duration;

use cofferdam_analysis::Result;
use cofferdam_analysis::checklist::Facts;
use cofferdam_analysis::plan::lock::LockMode;

use crate::Project;
use crate::db::Target;

pub use progress::progress;

/// What the planned steps need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The tables that they lock.
    pub tables: Vec<NeededTable>,
    /// Whether a copy of a SQLite file is made first.
    pub copy: bool,
    /// From which age on a transaction counts as long.
    pub long_after: Duration,
}

/// A table that a step locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededTable {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The strongest lock that a step takes on it.
    pub mode: LockMode,
    /// Whether a step rewrites it; `None` when that is not known.
    pub rewritten: Option<bool>,
}

impl NeededTable {
    /// `schema.name`, for people.
    fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

/// Asks the target.
///
/// # Errors
/// Those of the connection.
pub async fn facts(project: &Project, ask: &Ask) -> Result<Facts> {
    match &project.target {
        Target::Postgres(target) => postgres::facts(project, target, ask).await,
        Target::Sqlite(target) => sqlite::facts(target, ask),
    }
}

/// A run that was begun and is not done, as something left behind.
fn open_run(history: &crate::ledger::History) -> Option<cofferdam_analysis::checklist::Leftover> {
    let run = history.open_run.as_ref()?;
    let error = run.error.as_deref().and_then(|error| error.lines().next());
    let error = error.map(|error| format!(": {error}")).unwrap_or_default();
    Some(cofferdam_analysis::checklist::Leftover {
        what: format!("the run {} of `cofferdam {}` is {}{error}", run.id, run.command, run.state),
        advice: "the same command goes on with it".to_owned(),
    })
}
