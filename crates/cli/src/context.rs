//! What every command is given: options, environment, configuration and output.

use std::future::Future;
use std::path::{Path, PathBuf};

use cofferdam::folder::{Folder, Format};
use cofferdam::{Project, Stop};
use cofferdam_analysis::Error;

use crate::arguments::Global;
use crate::caller;
use crate::config::Config;
use crate::environment::Environment;
use crate::failure::Result;
use crate::interrupt;
use crate::output::Output;
use crate::places;
use crate::target::{self, Asked, Chosen};

/// The surroundings of one run of the program.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) environment: Environment,
    pub(crate) config: Config,
    pub(crate) output: Output,
    /// Set by the first Ctrl-C.
    pub(crate) stop: Stop,
}

impl Context {
    /// Reads the environment and the configuration.
    ///
    /// # Errors
    /// `Invalid`, when a named configuration is missing, unless it is about to be written.
    pub(crate) fn new(
        global: Global,
        environment: Environment,
        output: Output,
        writes: bool,
    ) -> Result<Self> {
        let mut context =
            Self { global, environment, config: Config::default(), output, stop: Stop::default() };
        let path = context.config_path().filter(|path| !writes || path.exists());
        context.config = Config::load(path)?;
        Ok(context)
    }

    /// The configuration that was named.
    pub(crate) fn config_path(&self) -> Option<&Path> {
        self.global.config.as_deref().or(self.environment.config.as_deref())
    }

    /// The database that is meant, if anything names one. What its URL says without
    /// effect is noted.
    pub(crate) fn database(&self) -> Result<Option<Chosen>> {
        let env = self.global.env.as_deref().or(self.environment.env.as_deref());
        let asked = Asked { url: self.global.database_url.as_deref(), env };
        let chosen = target::choose(asked, &self.environment, &self.config)?;
        for note in chosen.iter().flat_map(|chosen| chosen.target.notes()) {
            self.output.note(note);
        }
        Ok(chosen)
    }

    /// The database that a command cannot do without.
    pub(crate) fn needed_database(&self) -> Result<Chosen> {
        let missing = || {
            Error::invalid("no database is named")
                .hint("give --database-url, set DATABASE_URL, or write database_url into cofferdam.toml")
        };
        Ok(self.database()?.ok_or_else(missing)?)
    }

    /// The migrations folder: named, configured or found.
    pub(crate) fn folder_path(&self) -> Result<Option<PathBuf>> {
        if let Some(dir) = &self.global.dir {
            return Ok(Some(dir.clone()));
        }
        match &self.config.settings.migrations.dir {
            Some(dir) => Ok(Some(self.config.resolve(dir))),
            None => Ok(places::find(".".as_ref())?),
        }
    }

    /// The migrations, if there is a folder. What was left alone in it is noted.
    pub(crate) fn folder(&self) -> Result<Option<Folder>> {
        let Some(path) = self.folder_path()? else { return Ok(None) };
        let folder = Folder::read(&path, self.format())?;
        for note in &folder.notes {
            self.output.note(note);
        }
        Ok(Some(folder))
    }

    /// The migrations that a command cannot do without.
    pub(crate) fn needed_folder(&self) -> Result<Folder> {
        let missing = || {
            Error::invalid("there is no migrations folder here")
                .hint("name it with --dir, or begin one: cofferdam new NAME")
        };
        Ok(self.folder()?.ok_or_else(missing)?)
    }

    /// The configured format, if one is.
    pub(crate) fn format(&self) -> Option<Format> {
        self.config.settings.migrations.format
    }

    /// The database together with its migrations.
    pub(crate) fn project(&self) -> Result<Project> {
        self.project_of(self.needed_database()?)
    }

    /// `chosen` together with the migrations.
    pub(crate) fn project_of(&self, chosen: Chosen) -> Result<Project> {
        let folder = self.needed_folder()?;
        self.project_with(chosen, folder)
    }

    /// `chosen` together with these migrations.
    pub(crate) fn project_with(&self, chosen: Chosen, folder: Folder) -> Result<Project> {
        Ok(Project {
            target: chosen.with_session()?,
            connect: self.environment.connect_options()?,
            folder,
            format_given: self.format().is_some(),
            out_of_order: self.config.settings.migrations.out_of_order,
            actor: caller::name(),
        })
    }

    /// Runs `work`, which talks to a database, until it ends or is aborted.
    pub(crate) fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        interrupt::until_aborted(&self.output, &self.stop, work)
    }
}
