//! What a database tells `check`: its catalog, and which files are pending. Reads only.

use cofferdam::db::{self, ConnectOptions, SqliteMode, SqliteOptions, Target};
use cofferdam::foreign::{self, Surroundings};
use cofferdam::ledger::standing::{self, Standing};
use cofferdam::ledger::{self, History};
use cofferdam::{Project, catalog};
use cofferdam_analysis::catalog::Catalog;
use cofferdam_analysis::{Error, Result};

/// A database as it stands.
#[derive(Debug)]
pub(super) struct Live {
    /// Its schema; `None` where the file is yet to be made.
    pub(super) catalog: Option<Catalog>,
    history: History,
    around: Surroundings,
}

impl Live {
    /// Looks at the database.
    ///
    /// # Errors
    /// Those of the connection. Without an answer nothing is judged: the result would
    /// look like one that knows the database.
    pub(super) async fn look(target: &Target, connect: &ConnectOptions) -> Result<Self> {
        let seen = match target {
            Target::Postgres(target) => {
                let connect = ConnectOptions { allow_standby: true, ..connect.clone() };
                let session = db::connect(target, &connect).await?;
                let history = match ledger::postgres::exists(&session).await? {
                    true => ledger::postgres::history(&session).await?,
                    false => History::default(),
                };
                let around = foreign::postgres(&session).await?;
                let catalog = Some(catalog::postgres::read(&session).await?);
                session.close().await;
                Ok(Self { catalog, history, around })
            }
            Target::Sqlite(target) if target.path().is_some_and(|path| !path.exists()) => {
                Ok(Self { catalog: None, history: History::default(), around: Surroundings::default() })
            }
            Target::Sqlite(target) => {
                let db = db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadOnly))?;
                let history = if ledger::sqlite::exists(&db)? {
                    ledger::sqlite::history(&db)?
                } else {
                    History::default()
                };
                let around = foreign::sqlite(&db)?;
                Ok(Self { catalog: Some(catalog::sqlite::read(&db)?), history, around })
            }
        };
        let without = "name the files to judge them without a database: cofferdam check PATHS";
        seen.map_err(|error: Error| error.hint(without))
    }

    /// The project as this database's history has it.
    ///
    /// # Errors
    /// Those of reading the folder.
    pub(super) fn project(&self, project: &Project) -> Result<Project> {
        project.as_history_has_it(&self.history, &self.around)
    }

    /// The folder against the history; what another tool applied counts before it is adopted.
    pub(super) fn standing<'a>(&self, project: &'a Project) -> Standing<'a> {
        let history = foreign::with_tool(self.history.clone(), &self.around, &project.folder);
        standing::standing(&project.folder, &history, project.out_of_order())
    }
}
