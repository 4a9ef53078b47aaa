//! The environment variables that the program reads, all of them.
//!
//! No other file asks for a variable. What is not in this list, not named by an
//! `env:NAME` and not by a file of the project's own migration tool has no effect.
//! A named variable that is not set is looked for in the project's `.env`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cofferdam::db::{ConnectOptions, RootCert, Secret, TlsMode};
use cofferdam_analysis::Error;

use crate::project_files::DotEnv;

/// The variables, as they were at start.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// `DATABASE_URL`
    pub(crate) database_url: Option<String>,
    /// `COFFERDAM_ENV`: what `--env` defaults to.
    pub(crate) env: Option<String>,
    /// `COFFERDAM_CONFIG`: what `--config` defaults to.
    pub(crate) config: Option<PathBuf>,
    /// `PATH`, where programs of Postgres are looked for.
    pub(crate) path: Option<OsString>,
    postgres: Postgres,
    home: Option<PathBuf>,
    /// The project's folder, where `.env` lies.
    root: Option<PathBuf>,
    dotenv: OnceLock<DotEnv>,
}

/// Where the value of a variable stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In the environment of the process.
    Environment,
    /// In the project's `.env`.
    DotEnv,
}

/// Variables that are asked for by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variables<'a> {
    environment: &'a Environment,
    file: Option<&'a DotEnv>,
}

impl<'a> Variables<'a> {
    /// Those of the process, and of `file`.
    pub(crate) fn of(environment: &'a Environment, file: Option<&'a DotEnv>) -> Self {
        Self { environment, file }
    }

    /// The variable's value, unless it is not set or empty.
    ///
    /// # Errors
    /// `Invalid`, when it is not UTF-8, or only `.env` could have it and that cannot be read.
    pub(crate) fn get(&self, name: &str) -> Result<Option<(String, Origin)>, Error> {
        if let Some(value) = self.environment.value(name)? {
            return Ok(Some((value, Origin::Environment)));
        }
        let value = self.file.map(|file| file.get(name)).transpose()?.flatten();
        Ok(value.map(|value| (value.to_owned(), Origin::DotEnv)))
    }

    /// The variable that an `env:NAME` names.
    ///
    /// # Errors
    /// `Invalid`, when it is not set, empty or not UTF-8.
    pub(crate) fn named(&self, name: &str) -> Result<(String, Origin), Error> {
        self.get(name)?.ok_or_else(|| {
            Error::invalid(format!("the variable {name} is not set"))
                .hint(format!("set {name}, or change the `env:{name}` that names it"))
        })
    }
}

/// libpq's own.
#[derive(Debug, Default)]
struct Postgres {
    password: Option<Secret>,
    passfile: Option<PathBuf>,
    tls_mode: Option<String>,
    root_cert: Option<PathBuf>,
    client_cert: Option<PathBuf>,
    client_key: Option<PathBuf>,
}

impl Environment {
    /// Reads them once.
    ///
    /// # Errors
    /// `Invalid`, naming the variable that is not UTF-8 where text is needed.
    pub(crate) fn read() -> Result<Self, Error> {
        Ok(Self {
            database_url: text("DATABASE_URL")?,
            env: text("COFFERDAM_ENV")?,
            config: path("COFFERDAM_CONFIG"),
            path: variable("PATH"),
            postgres: Postgres {
                password: text("PGPASSWORD")?.map(Secret::new),
                passfile: path("PGPASSFILE"),
                tls_mode: text("PGSSLMODE")?,
                root_cert: path("PGSSLROOTCERT"),
                client_cert: path("PGSSLCERT"),
                client_key: path("PGSSLKEY"),
            },
            home: path("HOME"),
            ..Self::default()
        })
    }

    /// Says where the project's `.env` lies. It is read when something asks for it.
    pub(crate) fn set_root(&mut self, root: &Path) {
        self.root = Some(root.to_owned());
    }

    /// The project's `.env`.
    pub(crate) fn dotenv(&self) -> &DotEnv {
        self.dotenv.get_or_init(|| self.root.as_deref().map(DotEnv::read).unwrap_or_default())
    }

    /// Variables of the process, and of `.env` where they are not set.
    pub(crate) fn variables(&self) -> Variables<'_> {
        Variables::of(self, Some(self.dotenv()))
    }

    /// Variables of the process alone.
    pub(crate) fn own_variables(&self) -> Variables<'_> {
        Variables::of(self, None)
    }

    fn value(&self, name: &str) -> Result<Option<String>, Error> {
        match name {
            "DATABASE_URL" => Ok(self.database_url.clone()),
            name => text(name),
        }
    }

    /// What every connection starts from.
    ///
    /// # Errors
    /// `Invalid`, when `PGSSLMODE` has no known value.
    pub(crate) fn connect_options(&self) -> Result<ConnectOptions, Error> {
        let tls_mode = self.postgres.tls_mode.as_deref().map(TlsMode::parse).transpose();
        Ok(ConnectOptions {
            password: self.postgres.password.clone(),
            passfile: self.postgres.passfile.clone(),
            tls_mode: tls_mode.map_err(|error| error.while_("PGSSLMODE"))?,
            root_cert: self.postgres.root_cert.clone().map(RootCert::from),
            client_cert: self.postgres.client_cert.clone(),
            client_key: self.postgres.client_key.clone(),
            user: crate::caller::user(),
            home: self.home.clone(),
            ..ConnectOptions::default()
        })
    }
}

/// `NO_COLOR` set and not empty, whatever it holds: the rule of no-color.org. Asked before the
/// command line is understood, since help is coloured too.
pub(crate) fn no_color() -> bool {
    variable("NO_COLOR").is_some()
}

/// A variable's content; an empty one counts as not set, as shells and CI systems mean it.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn path(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}

fn text(name: &str) -> Result<Option<String>, Error> {
    variable(name)
        .map(OsString::into_string)
        .transpose()
        .map_err(|_| Error::invalid(format!("the variable {name} is not UTF-8 text")))
}

/// Where a test asks the process to be killed: `COFFERDAM_CRASH_AT=name[:n]`. Read only
/// in builds with the crash points, which are never shipped.
#[cfg(feature = "crash-points")]
pub(crate) fn crash_at() -> Result<Option<String>, Error> {
    text("COFFERDAM_CRASH_AT")
}

/// How long a test lets leases last, in milliseconds. Read only in such builds, too.
#[cfg(feature = "crash-points")]
pub(crate) fn lease_ms() -> Result<Option<String>, Error> {
    text("COFFERDAM_LEASE_MS")
}
