//! What every command is given: options, environment, configuration and output.

use std::ffi::OsString;
use std::future::Future;
use std::path::Path;

use cofferdam::db::only_informs;
use cofferdam::folder::{Folder, Format};
use cofferdam::{Project, Stop};
use cofferdam_analysis::Error;

use crate::arguments::Global;
use crate::caller;
use crate::config::Config;
use crate::confirm;
use crate::environment::Environment;
use crate::failure::Result;
use crate::interrupt;
use crate::output::Output;
use crate::places::{self, Place};
use crate::programs;
use crate::project_files::{self, Reading, Sought};
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
    /// The command as it was typed, to be shown; without secrets.
    pub(crate) typed: String,
}

/// What a command has to do with `cofferdam.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Configured {
    /// It reads the file, and one that is named has to be there.
    Already,
    /// It writes the file.
    ToBe,
    /// It speaks of the program alone: a shell that starts in a folder with a broken file
    /// gets its completions all the same.
    Never,
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
        configured: Configured,
    ) -> Result<Self> {
        let mut context = Self {
            global,
            environment,
            config: Config::default(),
            output,
            stop: Stop::default(),
            typed: String::new(),
        };
        let path = context.config_path();
        context.config = match configured {
            Configured::Never => Config::default(),
            // Another file than the one to be written says nothing of it.
            Configured::ToBe if path.is_some_and(|path| !path.exists()) => Config::default(),
            Configured::ToBe => Config::load(path)?,
            Configured::Already => Config::load(path)?,
        };
        let root = context.root().to_owned();
        context.environment.set_root(&root);
        Ok(context)
    }

    /// The same, knowing what was typed.
    pub(crate) fn typed(self, argv: &[OsString]) -> Self {
        Self { typed: confirm::typed(argv), ..self }
    }

    /// The configuration that was named.
    pub(crate) fn config_path(&self) -> Option<&Path> {
        self.global.config.as_deref().or(self.environment.config.as_deref())
    }

    /// The project's folder: that of cofferdam.toml, else the working directory.
    pub(crate) fn root(&self) -> &Path {
        self.config.folder().unwrap_or(Path::new("."))
    }

    /// The database that is meant, if anything names one. What its URL says without
    /// effect is noted, and why a file that could name one does not.
    pub(crate) fn database(&self) -> Result<Option<Chosen>> {
        let why = match self.named_database()? {
            Some(chosen) => return Ok(Some(self.tell(chosen))),
            None => match self.seek() {
                Sought::Found(found) => match target::implied(found, &self.environment, &self.config) {
                    Ok(chosen) => return Ok(Some(self.tell(chosen))),
                    Err(error) => vec![error.message().to_owned()],
                },
                Sought::Nothing(why) => why,
                Sought::Unusable(error) => vec![error.message().to_owned()],
            },
        };
        why.iter().for_each(|note| self.output.note(note));
        Ok(None)
    }

    /// The database that a command cannot do without.
    pub(crate) fn needed_database(&self) -> Result<Chosen> {
        if let Some(chosen) = self.named_database()? {
            return Ok(self.tell(chosen));
        }
        match self.seek() {
            Sought::Found(found) => {
                let chosen = target::implied(found, &self.environment, &self.config)?;
                Ok(self.tell(chosen))
            }
            Sought::Nothing(why) => {
                let error = Error::invalid("no database is named")
                    .hint("give --database-url, set DATABASE_URL, or write database_url into cofferdam.toml");
                Err(why.into_iter().fold(error, Error::detail).into())
            }
            Sought::Unusable(error) => Err(error.into()),
        }
    }

    /// Says what is to be known of a database before it is used.
    fn tell(&self, chosen: Chosen) -> Chosen {
        if self.output.verbose > 0 {
            self.output.note(&format!("database from {}", chosen.source));
        }
        for note in chosen.notes.iter().chain(chosen.target.notes()) {
            if !only_informs(note) || self.output.introduces() {
                self.output.note(note);
            }
        }
        chosen
    }

    /// The database that a flag, a variable or cofferdam.toml names.
    pub(crate) fn named_database(&self) -> Result<Option<Chosen>> {
        let env = self.global.env.as_deref().or(self.environment.env.as_deref());
        let asked = Asked { url: self.global.database_url.as_deref(), env };
        let chosen = target::choose(asked, &self.environment, &self.config);
        // Where nobody typed it, it must be said where a name comes from.
        let by_variable = self.global.env.is_none() && env.is_some_and(|name| !self.config.has_env(name));
        Ok(chosen.map_err(|error| if by_variable { error.while_("COFFERDAM_ENV") } else { error })?)
    }

    /// The database that the files of the project's own tools name.
    pub(crate) fn seek(&self) -> Sought {
        let owner = self.place().ok().flatten().and_then(|place| place.tool);
        project_files::seek(self.root(), owner, &self.environment)
    }

    /// The migrations folder: named, configured or found; and whose it is.
    pub(crate) fn place(&self) -> Result<Option<Place>> {
        let configured = self.config.settings.migrations.dir.as_deref().map(|dir| self.config.resolve(dir));
        match self.global.dir.clone().or(configured) {
            Some(dir) => {
                let tool = places::owner(self.root(), self.environment.dotenv(), &dir);
                Ok(Some(Place { dir, tool }))
            }
            None => Ok(places::look(".".as_ref(), self.environment.dotenv())?.folder),
        }
    }

    /// The migrations, if there is a folder. What was left alone in it is noted.
    ///
    /// # Errors
    /// `Invalid`, also for the folder of a tool whose files this version does not read: by
    /// other rules they would look like none, or like others.
    pub(crate) fn folder(&self) -> Result<Option<Folder>> {
        let folder = match self.format() {
            Some(Format::Command) => programs::folder(&self.config)?,
            _ => {
                let Some(place) = self.place()? else { return Ok(None) };
                let format = self.format_of(&place)?;
                Folder::read_with(&place.dir, format, &self.config.settings.migrations.placeholders)?
            }
        };
        for note in &folder.notes {
            self.output.note(note);
        }
        Ok(Some(folder))
    }

    /// The migrations, if there is a folder whose files this version reads.
    pub(crate) fn readable_folder(&self) -> Result<Option<Folder>> {
        match self.place()? {
            Some(place) if self.format_of(&place).is_err() => Ok(None),
            Some(_) | None => self.folder(),
        }
    }

    /// The rules by which a folder is read: configured, its tool's, or told from its files.
    pub(crate) fn format_of(&self, place: &Place) -> Result<Option<Format>> {
        let reading = place.tool.map_or(Reading::Told, |tool| tool.reading());
        match (self.format(), reading, place.tool) {
            (Some(format), ..) => Ok(Some(format)),
            (None, Reading::As(format), _) => Ok(Some(format)),
            (None, Reading::Not, Some(tool)) => {
                let (dir, name) = (place.dir.display(), tool.name());
                Err(Error::invalid(format!("{dir} is {name}'s, whose files this version does not read"))
                    .hint("name another folder with --dir, or write `format` under [migrations] if it is not so")
                    .into())
            }
            (None, Reading::Told | Reading::Not, _) => Ok(None),
        }
    }

    /// The migrations that a command cannot do without.
    pub(crate) fn needed_folder(&self) -> Result<Folder> {
        match self.folder()? {
            Some(folder) => Ok(folder),
            None => Err(self.no_folder().into()),
        }
    }

    /// Why there is no folder of SQL.
    pub(crate) fn no_folder(&self) -> Error {
        let programs = places::look(".".as_ref(), self.environment.dotenv()).unwrap_or_default().programs;
        match programs.first() {
            None => Error::invalid("there is no migrations folder here")
                .hint("name it with --dir, or begin one: cofferdam new NAME"),
            Some(Place { dir, tool }) => {
                let whose = tool.map(|tool| format!(" of {}", tool.name())).unwrap_or_default();
                Error::invalid(format!("{} holds programs{whose}, and no SQL", dir.display()))
                    .hint("name a folder of SQL with --dir; programs are run by their own tool")
            }
        }
    }

    /// The configured format, if one is.
    pub(crate) fn format(&self) -> Option<Format> {
        self.config.settings.migrations.format
    }

    /// The database together with its migrations, of which there may be none: a history of
    /// programs is taken over without their files.
    pub(crate) fn project_to_adopt(&self) -> Result<Project> {
        let chosen = self.needed_database()?;
        match self.folder()? {
            Some(folder) => self.project_with(chosen, folder),
            None => self.project_without_files(chosen),
        }
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

    /// `chosen`, with the migrations if there are any that can be read: for a command that no
    /// file has a say in.
    pub(crate) fn project_without_files(&self, chosen: Chosen) -> Result<Project> {
        match self.readable_folder().ok().flatten() {
            Some(folder) => self.project_with(chosen, folder),
            None => self.project_with(chosen, Folder::of_programs(".".into(), Vec::new(), Vec::new())?),
        }
    }

    /// `chosen` together with these migrations.
    pub(crate) fn project_with(&self, chosen: Chosen, folder: Folder) -> Result<Project> {
        let protection = chosen.protection.clone();
        Ok(Project {
            protection,
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
