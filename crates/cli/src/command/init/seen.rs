//! What the database tells `init`: how far it is, and who brought it there. Reads only.

use cofferdam::Project;
use cofferdam::baseline;
use cofferdam::db::{self, SqliteMode, SqliteOptions, SqliteTarget};
use cofferdam::folder::Folder;
use cofferdam::foreign::{self, Surroundings};
use cofferdam::ledger::{self, History};
use cofferdam_analysis::Error;

/// Takes over what no tool manages.
pub(super) const BASELINE: &str = "cofferdam baseline";

/// A database as it stands.
#[derive(Debug)]
pub(super) struct Seen {
    /// What it holds beside our ledger.
    pub(super) around: Surroundings,
    has_ledger: bool,
    history: History,
}

impl Seen {
    pub(super) async fn on_postgres(session: &db::Session) -> Result<Self, Error> {
        let has_ledger = ledger::postgres::exists(session).await?;
        let history = match has_ledger {
            true => ledger::postgres::history(session).await?,
            false => History::default(),
        };
        Ok(Self { around: foreign::postgres(session).await?, has_ledger, history })
    }

    pub(super) fn on_sqlite(target: &SqliteTarget) -> Result<Self, Error> {
        let db = db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadOnly))?;
        let has_ledger = ledger::sqlite::exists(&db)?;
        let history = if has_ledger { ledger::sqlite::history(&db)? } else { History::default() };
        Ok(Self { around: foreign::sqlite(&db)?, has_ledger, history })
    }

    /// The folder as this database's ledgers speak of it.
    pub(super) fn folder(&self, folder: Folder) -> Folder {
        // Files that cannot be read so are those of somebody else.
        Project::folder_of(&folder, &self.history, &self.around).ok().flatten().unwrap_or(folder)
    }

    /// The newest version that a ledger counts as applied, ours or the tool's: what comes after
    /// it is still to be judged.
    pub(super) fn newest_applied(&self, folder: &Folder) -> Option<String> {
        let history = foreign::with_tool(self.history.clone(), &self.around, folder);
        let counts = |version| history.of(folder.format, version).is_some();
        let mut newest_first = folder.migrations().iter().rev().map(|migration| &migration.version);
        newest_first
            .find(|version| !version.is_repeatable() && counts(version.key()))
            .map(ToString::to_string)
    }

    /// The command that takes it under management, where it is not.
    pub(super) fn take_over(&self, folder: Option<&Folder>) -> Option<&'static str> {
        if !self.around.foreign.is_empty() {
            let adopted = self.has_ledger && folder.is_some_and(|folder| !self.is_behind(folder));
            return (!adopted).then_some("cofferdam adopt");
        }
        if self.has_ledger || !self.around.user_tables {
            return None;
        }
        let first = folder.and_then(|folder| folder.migrations().first());
        match first.is_none_or(|first| first.name == baseline::NAME) {
            true => Some(BASELINE),
            false => Some("cofferdam adopt --none"),
        }
    }

    /// Whether the folder's own tool has applied what our ledger does not know.
    fn is_behind(&self, folder: &Folder) -> bool {
        let with_tool = foreign::with_tool(self.history.clone(), &self.around, folder);
        with_tool.applied.len() > self.history.applied.len()
    }
}
