//! What every command is told: which database, which folder, who asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Result};

use crate::db::{ConnectOptions, Target};
use crate::folder::{Folder, Format, OutOfOrder};
use crate::foreign::Surroundings;
use crate::ledger::{History, Protection, standing};

/// A database and the migrations that belong to it.
#[derive(Debug, Clone)]
pub struct Project {
    /// The database.
    pub target: Target,
    /// How to reach it beyond its URL.
    pub connect: ConnectOptions,
    /// The migrations.
    pub folder: Folder,
    /// The format was named by the user; else the target's own history may correct it.
    pub format_given: bool,
    /// What to do with files older than the newest applied one; the format's custom when `None`.
    pub out_of_order: Option<OutOfOrder>,
    /// Who asks, for the audit and for those who wait: `name@host`.
    pub actor: String,
    /// Whether the configuration protects the database, and the name typed as a confirmation.
    pub protection: Protection,
}

impl Project {
    /// The configured or customary treatment of late files.
    pub fn out_of_order(&self) -> OutOfOrder {
        self.out_of_order.unwrap_or_else(|| self.folder.out_of_order())
    }

    /// The same with the folder read in the format that the target's history speaks of:
    /// plain `.sql` files do not show whether they are sqlx's, its ledger does.
    ///
    /// # Errors
    /// Those of reading the folder; `Invalid` for a folder that is written for another database.
    pub fn as_history_has_it(&self, history: &History, around: &Surroundings) -> Result<Project> {
        self.refuse_other_dialect()?;
        let mut project = self.clone();
        if self.format_given {
            return Ok(project);
        }
        if let Some(folder) = Project::folder_of(&self.folder, history, around)? {
            project.folder = folder;
        }
        Ok(project)
    }

    /// The folder read in the format that a history speaks of; `None` where that is its own.
    ///
    /// # Errors
    /// Those of reading the folder.
    pub fn folder_of(folder: &Folder, history: &History, around: &Surroundings) -> Result<Option<Folder>> {
        let spoken_of = history.applied.last().and_then(|applied| Format::parse(&applied.source).ok());
        for format in spoken_of.into_iter().chain(around.formats()) {
            if format == folder.format {
                break;
            }
            if let Some(again) = folder.read_again_as(format)? {
                return Ok(Some(again));
            }
        }
        Ok(None)
    }

    fn refuse_other_dialect(&self) -> Result<()> {
        let target = match self.target {
            Target::Postgres(_) => Dialect::Postgres,
            Target::Sqlite(_) => Dialect::Sqlite,
        };
        let name = |dialect| match dialect {
            Dialect::Postgres => "Postgres",
            Dialect::Sqlite => "SQLite",
        };
        match self.folder.dialect.filter(|written| *written != target) {
            None => Ok(()),
            Some(written) => Err(Error::invalid(format!(
                "{} is {}'s folder for {}, and the target {} is {}",
                self.folder.path.display(),
                self.folder.format,
                name(written),
                self.target.redacted(),
                name(target),
            ))
            .hint("name the folder that belongs to this database with --dir, or the other database")),
        }
    }
}

/// A flag that a signal handler raises: stop after the current step.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    raised: Arc<AtomicBool>,
    above: Option<Arc<Stop>>,
}

impl Stop {
    /// Asks for the stop.
    pub fn raise(&self) {
        self.raised.store(true, Ordering::SeqCst);
    }

    /// A flag that counts as raised when this one is, and that can be raised alone.
    #[must_use]
    pub fn below(&self) -> Stop {
        Stop { raised: Arc::default(), above: Some(Arc::new(self.clone())) }
    }

    fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst) || self.above.as_deref().is_some_and(Stop::is_raised)
    }

    /// # Errors
    /// `Interrupted` once the stop was asked for.
    pub fn check(&self) -> Result<()> {
        if self.is_raised() {
            return Err(Error::interrupted(standing::STOPPED).hint("run the same command again to go on"));
        }
        Ok(())
    }
}
