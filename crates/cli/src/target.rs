//! Which database a command means.
//!
//! The order is: `--database-url`, the `database_url` of `--env`, `DATABASE_URL`,
//! cofferdam.toml, and last what the project's own tools say ([`project_files`]). A URL
//! may be given as `env:NAME` or as the path of a file that holds it (`file:PATH`), so
//! that no password needs to be written down or typed.
//!
//! A database and the way past its pooler are never put together from the environment and
//! from `.env`: one of them may have been pointed elsewhere while the other was not.
//!
//! [`project_files`]: crate::project_files

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use cofferdam::db::{PostgresTarget, Target};
use cofferdam::ledger::Protection;
use cofferdam_analysis::Error;
use cofferdam_analysis::sql::Dialect;
use toml::Spanned;

use crate::config::{Config, FILE_NAME, NamedDatabase};
use crate::environment::{Environment, Origin, Variables};
use crate::project_files::{Found, seen_from};

/// The database chosen for a command.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// How to reach it.
    pub(crate) target: Target,
    /// How to reach it past its pooler.
    pub(crate) direct: Option<Target>,
    /// What the configuration says of its protection.
    pub(crate) protection: Protection,
    /// What named it, without its value.
    pub(crate) source: String,
    /// Nobody named it to us: a file of another tool did.
    pub(crate) implied: bool,
    /// What is to be known of the file that named it.
    pub(crate) notes: Vec<String>,
}

impl Chosen {
    /// How to reach it where a session is needed: past the pooler, if that is configured.
    ///
    /// # Errors
    /// `Invalid`, when the direct URL names another database: `DATABASE_URL` may have been
    /// pointed elsewhere while the configuration was not.
    pub(crate) fn with_session(self) -> Result<Target, Error> {
        let Some(direct) = self.direct else { return Ok(self.target) };
        let same = match (&self.target, &direct) {
            (Target::Postgres(pooled), Target::Postgres(direct)) => pooled.database() == direct.database(),
            (Target::Sqlite(a), Target::Sqlite(b)) => a.path() == b.path(),
            (Target::Postgres(_), Target::Sqlite(_)) | (Target::Sqlite(_), Target::Postgres(_)) => false,
        };
        if same {
            return Ok(direct);
        }
        let (target, direct) = (self.target.redacted(), direct.redacted());
        Err(Error::invalid(format!("direct_url leads to {direct}, not to {target}"))
            .hint("direct_url is another way to the same database; give both by the same environment"))
    }

    /// The SQL that it understands.
    pub(crate) fn dialect(&self) -> Dialect {
        match self.target {
            Target::Postgres(_) => Dialect::Postgres,
            Target::Sqlite(_) => Dialect::Sqlite,
        }
    }
}

/// What the command line says about the database.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked<'a> {
    /// `--database-url`
    pub(crate) url: Option<&'a str>,
    /// `--env`, or the variable that stands for it.
    pub(crate) env: Option<&'a str>,
}

/// The database that is meant, or `None` when nothing names one.
///
/// # Errors
/// `Invalid`, for a text that is no URL, an indirection that leads nowhere, an
/// environment that the configuration does not have, and a written password.
pub(crate) fn choose(
    asked: Asked<'_>,
    environment: &Environment,
    config: &Config,
) -> Result<Option<Chosen>, Error> {
    // The name is checked even where the flag decides: a mistyped one must not go unseen.
    let named = asked.env.map(|name| Ok((name, config.named(name)?))).transpose()?;
    let settings = &config.settings;
    let variables = environment.variables();
    let (source, (target, origin), direct) = match (asked.url, named, &environment.database_url) {
        // A direct URL of the configuration may lead to another database than the flag's.
        (Some(url), ..) => {
            let read = read(url, &variables).map_err(|error| error.while_("--database-url"))?;
            ("--database-url".to_owned(), read, None)
        }
        (None, Some((name, named)), _) => {
            let url = named.database_url.as_ref().ok_or_else(|| {
                Error::invalid(format!("[env.{name}] in cofferdam.toml has no database_url"))
                    .hint("write database_url = \"env:NAME\" there, with the variable that holds the URL")
            })?;
            let read = written(url, &variables, config)?;
            (format!("[env.{name}] in cofferdam.toml"), read, named.direct_url.as_ref())
        }
        (None, None, Some(url)) => {
            let (target, _) = read(url, &variables).map_err(|error| error.while_("DATABASE_URL"))?;
            let read = (target, Some(Origin::Environment));
            ("the variable DATABASE_URL".to_owned(), read, settings.direct_url.as_ref())
        }
        (None, None, None) => {
            let Some(url) = &settings.database_url else { return Ok(None) };
            let read = written(url, &variables, config)?;
            ("database_url in cofferdam.toml".to_owned(), read, settings.direct_url.as_ref())
        }
    };
    let direct = direct.map(|url| direct_of(url, origin, environment, config)).transpose()?;
    let protection = config.protection([Some(&target), direct.as_ref()], asked.env, environment);
    Ok(Some(Chosen { target, direct, protection, source, implied: false, notes: Vec::new() }))
}

/// The way past the pooler, for a database whose URL had this origin.
fn direct_of(
    url: &Spanned<String>,
    origin: Option<Origin>,
    environment: &Environment,
    config: &Config,
) -> Result<Target, Error> {
    let variables = match origin {
        Some(Origin::Environment) => environment.own_variables(),
        Some(Origin::DotEnv) | None => environment.variables(),
    };
    let (target, own) = written(url, &variables, config)?;
    if origin == Some(Origin::DotEnv) && own == Some(Origin::Environment) {
        return Err(Error::invalid("database_url comes from .env, and direct_url from the environment")
            .hint("set both variables in the environment, or both in .env: they may be two databases"));
    }
    Ok(target)
}

/// The database that a file of the project's own tool names.
///
/// # Errors
/// `Invalid`, when what it names is no database that we know.
pub(crate) fn implied(found: Found, environment: &Environment, config: &Config) -> Result<Chosen, Error> {
    let read = |url: &str| match in_file(url) {
        Some(url) => parse(&url, &url),
        None => parse(url, url),
    };
    let target = read(&found.url).map_err(|error| error.while_(&found.source))?;
    let direct = found.direct.as_deref().map(read).transpose();
    let direct = direct.map_err(|error| error.while_(&found.source))?;
    let protection = config.protection([Some(&target), direct.as_ref()], None, environment);
    Ok(Chosen { target, direct, protection, source: found.source, implied: true, notes: found.notes })
}

/// The server for scratch databases: `--scratch-url`, else `scratch_url` of the configuration.
///
/// # Errors
/// As [`choose`], and `Invalid` for a URL that is not of Postgres.
pub(crate) fn scratch(
    asked: Option<&str>,
    environment: &Environment,
    config: &Config,
) -> Result<Option<PostgresTarget>, Error> {
    let variables = environment.variables();
    let (target, _) = match (asked, &config.settings.scratch_url) {
        (Some(url), _) => read(url, &variables).map_err(|error| error.while_("--scratch-url"))?,
        (None, Some(url)) => written(url, &variables, config).map_err(|error| error.while_("scratch_url"))?,
        (None, None) => return Ok(None),
    };
    match target {
        Target::Postgres(target) => Ok(Some(target)),
        Target::Sqlite(_) => Err(Error::invalid("the scratch URL names a SQLite database")
            .hint("give the URL of a Postgres server; for SQLite none is needed")),
    }
}

/// The database of `DATABASE_URL` where it is another than `chosen`, as text without its
/// password: it wins over the `database_url` of cofferdam.toml.
pub(crate) fn other_of_variable(chosen: &Target, environment: &Environment) -> Option<String> {
    let url = environment.database_url.as_deref()?;
    match read(url, &environment.variables()).map(|(target, _)| target) {
        Ok(target) if target.identity() == chosen.identity() => None,
        Ok(target) => Some(target.redacted()),
        // Not shown: what cannot be read may be a password all the same.
        Err(_) => Some("a text that is no database URL".to_owned()),
    }
}

/// Reads a URL, following one indirection.
fn read(url: &str, variables: &Variables<'_>) -> Result<(Target, Option<Origin>), Error> {
    match follow(url.trim(), variables)? {
        Some((url, origin)) => Ok((parse(&url, &url)?, origin)),
        None => Ok((parse(url, url)?, None)),
    }
}

/// The target of `url`, which somebody gave as `given`.
///
/// # Errors
/// `Invalid`, when it is no URL, and when `file:PATH` names nothing and does not look like
/// a database: then it is more likely the path of a secret, mistyped or not yet mounted,
/// and a database of that name would be made and migrated in the place of the one meant.
fn parse(url: &str, given: &str) -> Result<Target, Error> {
    let target = Target::parse(url)?;
    let Target::Sqlite(sqlite) = &target else { return Ok(target) };
    let Some(path) = sqlite.path().filter(|_| given.trim_start().starts_with("file:")) else {
        return Ok(target);
    };
    if path.exists() || names_a_database(path) {
        return Ok(target);
    }
    Err(Error::invalid(format!("the file {} does not exist", path.display())).hint(
        "sqlite:PATH creates a database; file:PATH reads a URL from a file, or opens a database that exists",
    ))
}

/// Whether a path ends as those of SQLite databases do.
fn names_a_database(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| ["db", "sqlite", "sqlite3", "db3"].contains(&ending.as_str()))
}

/// Reads a URL that stands in the configuration.
fn written(
    url: &Spanned<String>,
    variables: &Variables<'_>,
    config: &Config,
) -> Result<(Target, Option<Origin>), Error> {
    let text = url.get_ref().trim();
    let rebased = config.rebase(text);
    let read = || match follow(&rebased, variables)? {
        // A path in .env counts from where that file lies, which is beside the configuration.
        Some((url, Some(Origin::DotEnv))) => {
            let url = config.rebase(&url);
            Ok((parse(&url, &url)?, Some(Origin::DotEnv)))
        }
        Some((url, origin)) => Ok((parse(&url, &url)?, origin)),
        None => {
            let target = parse(&rebased, text)?;
            match &target {
                Target::Postgres(postgres) if postgres.has_password() => {
                    Err(Error::invalid("the configuration holds a password")
                        .hint("write database_url = \"env:NAME\" and put the URL into the variable NAME"))
                }
                Target::Postgres(_) | Target::Sqlite(_) => Ok((target, None)),
            }
        }
    };
    read().map_err(|error| config.locate(error, url))
}

/// The URL behind `env:NAME` or `file:PATH`, and where the variable stood; `None` when
/// `url` is one itself.
///
/// `file:PATH` is SQLite's own way to name a database. It is taken for the path of a
/// file that holds a URL only if that file says so: it is no SQLite database, and its
/// first line is the URL of a Postgres database or a `sqlite:` one. See [`parse`] for
/// one that does not exist.
fn follow(url: &str, variables: &Variables<'_>) -> Result<Option<(String, Option<Origin>)>, Error> {
    if let Some(name) = url.strip_prefix("env:") {
        let (value, origin) = variables.named(name)?;
        // What a variable names may again lie in a file, as container secrets do.
        return Ok(Some((in_file(value.trim()).unwrap_or(value), Some(origin))));
    }
    Ok(in_file(url).map(|url| (url, None)))
}

/// The URL in the first line of the file that `file:PATH` names.
fn in_file(url: &str) -> Option<String> {
    let path = url.strip_prefix("file:")?;
    // One line; nobody's URL is longer, and a database need not be read in full.
    let mut head = Vec::new();
    File::open(Path::new(path)).ok()?.take(16 * 1024).read_to_end(&mut head).ok()?;
    let line = head.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim_start_matches('\u{feff}').trim();
    let is_url = ["postgres", "sqlite:", "sqlite3:"].iter().any(|scheme| line.starts_with(scheme));
    (is_url && Target::parse(line).is_ok()).then(|| line.to_owned())
}

impl Config {
    /// The section of `--env NAME`.
    fn named(&self, name: &str) -> Result<&NamedDatabase, Error> {
        self.settings.env.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.settings.env.keys().map(String::as_str).collect();
            let error = Error::invalid(format!("there is no environment `{name}`"));
            match (&self.path, known.as_slice()) {
                (None, _) => error
                    .hint("environments stand as [env.NAME] in cofferdam.toml; there is no such file here"),
                (Some(_), []) => {
                    error.hint(format!("add [env.{name}] with a database_url to cofferdam.toml"))
                }
                (Some(_), known) => error.hint(format!("cofferdam.toml has: {}", known.join(", "))),
            }
        })
    }

    /// Whether an environment that leads to the same database is protected: protection
    /// belongs to the database, not to the way that it was named. `ways` are the URLs that
    /// lead to it; `env` is the environment that was asked for, whatever URL was given beside it.
    fn protection(
        &self,
        ways: [Option<&Target>; 2],
        env: Option<&str>,
        environment: &Environment,
    ) -> Protection {
        let file = self.path.as_deref().unwrap_or(Path::new(FILE_NAME)).display();
        let mut unknown = Vec::new();
        for (name, named) in self.settings.env.iter().filter(|(_, named)| named.protected) {
            match self.leads_to(named, ways, environment) {
                Ok(false) if env != Some(name) => {}
                Err(why) if env != Some(name) => unknown.push(format!(
                    "[env.{name}] in {file} is protected, and whether it is this database is not known here: {why}"
                )),
                Ok(_) | Err(_) => {
                    let configured = Some(format!("[env.{name}] in {file}"));
                    return Protection { configured, ..Protection::default() };
                }
            }
        }
        Protection { unknown, ..Protection::default() }
    }

    /// Whether a URL of `named` leads where one of `ways` does.
    ///
    /// # Errors
    /// Why that cannot be told: a variable that is not set here, for example. It must not
    /// keep anybody from another database.
    fn leads_to(
        &self,
        named: &NamedDatabase,
        ways: [Option<&Target>; 2],
        environment: &Environment,
    ) -> Result<bool, String> {
        let mut why = None;
        for url in [&named.database_url, &named.direct_url].into_iter().flatten() {
            match written(url, &environment.variables(), self) {
                Ok((target, _)) if ways.into_iter().flatten().any(|way| way.may_be(&target)) => {
                    return Ok(true);
                }
                Ok(_) => {}
                Err(error) => _ = why.get_or_insert_with(|| error.message().to_owned()),
            }
        }
        match (why, &named.database_url) {
            (Some(why), _) => Err(why),
            (None, None) => Err("it has no database_url".to_owned()),
            (None, Some(_)) => Ok(false),
        }
    }

    /// The URL with a relative SQLite path seen from the working directory.
    fn rebase(&self, url: &str) -> String {
        self.folder().map_or_else(|| url.to_owned(), |folder| seen_from(folder, url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(Path::new("cofferdam.toml"), text).expect("valid")
    }

    fn environment(url: &str) -> Environment {
        let mut environment = Environment::default();
        environment.database_url = Some(url.to_owned());
        environment
    }

    fn chosen(asked: Asked<'_>, environment: &Environment, config: &Config) -> String {
        choose(asked, environment, config).expect("valid").expect("one").target.redacted()
    }

    #[test]
    fn flag_then_environment_then_variable_then_file() {
        let config = config("database_url = \"sqlite:d\"\n[env.b]\ndatabase_url = \"sqlite:b\"\n");
        let variable = environment("sqlite:c");
        let flag = Asked { url: Some("sqlite:a"), env: Some("b") };
        assert_eq!(chosen(flag, &variable, &config), "sqlite:a");
        let env = Asked { url: None, env: Some("b") };
        assert_eq!(chosen(env, &variable, &config), "sqlite:b");
        assert_eq!(chosen(Asked::default(), &variable, &config), "sqlite:c");
        assert_eq!(chosen(Asked::default(), &Environment::default(), &config), "sqlite:d");
        let nothing = choose(Asked::default(), &Environment::default(), &Config::default()).expect("valid");
        assert!(nothing.is_none());
    }

    #[test]
    fn an_environment_never_falls_back_to_another_database() {
        let config = config("database_url = \"sqlite:d\"\n[env.b]\nprotected = true\n");
        for env in ["b", "c"] {
            let asked = Asked { url: None, env: Some(env) };
            let error = choose(asked, &environment("sqlite:c"), &config).expect_err(env);
            assert_eq!(error.kind(), cofferdam_analysis::ErrorKind::Invalid);
        }
    }

    #[test]
    fn a_written_password_is_refused_without_being_shown() {
        let config = config("database_url = \"postgres://u:hunter2@h/d\"\n");
        let error = choose(Asked::default(), &Environment::default(), &config).expect_err("a password");
        assert!(!error.message().contains("hunter2") && error.text().is_none());
        assert_eq!(error.place().map(|p| p.line), Some(1));
        assert!(error.hint_text().is_some_and(|hint| hint.contains("env:NAME")));
    }

    #[test]
    fn a_file_url_is_a_database_unless_the_file_holds_a_url() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("a file");
            format!("file:{}", path.display())
        };
        let environment = Environment::default();
        let read = |url: &str| read(url, &environment.variables()).expect("a target").0.redacted();
        let secret = file("secret", b"postgres://u:pw@db.example/app\n");
        assert_eq!(read(&secret), Target::parse("postgres://u@db.example/app").expect("valid").redacted());
        let database = file("notes.db", b"SQLite format 3\0postgres://u@h/d\n");
        assert!(read(&database).starts_with("sqlite:"));
        let other = file("notes.txt", b"postgres is nice\n");
        assert!(read(&other).starts_with("sqlite:"));
        let absent = format!("file:{}", folder.path().join("absent.db").display());
        assert!(read(&absent).starts_with("sqlite:"));
    }

    #[test]
    fn a_file_url_that_leads_nowhere_makes_no_database() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("secret").display().to_string();
        let url = format!("file:{path}");
        let variable = environment(&url);
        let config = config(&format!("database_url = \"{url}\"\n"));
        let (nothing, empty) = (Environment::default(), Config::default());
        let flag = Asked { url: Some(&url), env: None };
        for (asked, environment, config) in [
            (flag, &nothing, &empty),
            (Asked::default(), &variable, &empty),
            (Asked::default(), &nothing, &config),
        ] {
            let error = choose(asked, environment, config).expect_err("a missing file");
            assert_eq!(error.kind(), cofferdam_analysis::ErrorKind::Invalid);
            assert!(error.message().ends_with(&format!("the file {path} does not exist")), "{error}");
            assert!(error.hint_text().is_some_and(|hint| hint.contains("sqlite:PATH creates")));
        }
        for creates in [format!("sqlite:{path}"), format!("file:{path}.db"), format!("file:{path}.SQLite3")] {
            let flag = Asked { url: Some(&creates), env: None };
            assert!(choose(flag, &nothing, &empty).is_ok(), "{creates}");
        }
    }

    #[test]
    fn a_sqlite_path_beside_the_configuration_may_have_any_name() {
        let config = Config::parse(Path::new("deploy/cofferdam.toml"), "database_url = \"sqlite:notes\"\n")
            .expect("valid");
        assert_eq!(chosen(Asked::default(), &Environment::default(), &config), "sqlite:deploy/notes");
    }

    fn protection(asked: Asked<'_>, environment: &Environment, config: &Config) -> Protection {
        choose(asked, environment, config).expect("valid").expect("one").protection
    }

    #[test]
    fn protection_follows_the_database_not_the_name() {
        let config =
            config("[env.production]\ndatabase_url = \"postgres://app@db.example/app\"\nprotected = true\n");
        let is_protected = |url: &str| protection(Asked::default(), &environment(url), &config);
        let because = is_protected("postgresql://other:pw@DB.example:5432/app?sslmode=require").configured;
        assert_eq!(because.as_deref(), Some("[env.production] in cofferdam.toml"));
        assert_eq!(is_protected("postgres://app@db.example/other"), Protection::default());
        // The environment that was named counts, whatever URL is given beside it.
        let asked = Asked { url: Some("sqlite:dev.db"), env: Some("production") };
        assert!(protection(asked, &Environment::default(), &config).configured.is_some());
    }

    #[test]
    fn one_server_in_common_is_the_same_database() {
        let config = config(
            "[env.production]\ndatabase_url = \"postgres://a.example,b.example:5433/app\"\nprotected = true\n",
        );
        let is_protected =
            |url: &str| protection(Asked::default(), &environment(url), &config).configured.is_some();
        for url in [
            "a.example/app",
            "B.example:5433/app",
            "c.example,a.example/app",
            "u@b.example:5433,a.example/app",
        ] {
            assert!(is_protected(&format!("postgres://{url}")), "{url}");
        }
        for url in ["b.example/app", "c.example/app", "a.example,b.example:5433/other", "a.example:5433/app"]
        {
            assert!(!is_protected(&format!("postgres://{url}")), "{url}");
        }
        assert!(!is_protected("sqlite:app"));
    }

    #[test]
    fn the_way_past_the_pooler_is_the_same_database() {
        let config = config(
            "[env.production]\ndatabase_url = \"postgres://app@pooler.example:6543/app\"\n\
             direct_url = \"postgres://app@db.example/app\"\nprotected = true\n",
        );
        let directly = protection(Asked::default(), &environment("postgres://me@db.example/app"), &config);
        assert!(directly.configured.is_some());
    }

    #[test]
    fn an_environment_that_cannot_be_told_here_is_named_and_keeps_nobody_from_another_database() {
        let config = config(
            "[env.production]\ndatabase_url = \"env:COFFERDAM_NOT_SET\"\nprotected = true\n\
             [env.bare]\nprotected = true\n[env.staging]\ndatabase_url = \"env:COFFERDAM_NOT_SET\"\n",
        );
        let seen = protection(Asked::default(), &environment("postgres://db.example/app"), &config);
        assert_eq!(seen.configured, None);
        assert_eq!(
            seen.unknown,
            [
                "[env.bare] in cofferdam.toml is protected, and whether it is this database is not known here: \
                 it has no database_url",
                "[env.production] in cofferdam.toml is protected, and whether it is this database is not known \
                 here: the variable COFFERDAM_NOT_SET is not set",
            ]
        );
    }

    #[test]
    fn a_direct_url_is_used_only_for_the_same_database() {
        let config = config("direct_url = \"postgres://app@db.example/app\"\n");
        let with_session = |url: &str| {
            let chosen = choose(Asked::default(), &environment(url), &config).expect("valid").expect("one");
            chosen.with_session().map(|target| target.redacted())
        };
        let direct = with_session("postgres://app@pooler.example:6543/app").expect("the same database");
        assert!(direct.contains("db.example"), "{direct}");
        let error = with_session("postgres://app@pooler.example:6543/staging").expect_err("another database");
        assert!(error.message().contains("staging"), "{}", error.message());
    }

    #[test]
    fn a_scratch_server_is_named_like_the_database_and_must_be_of_postgres() {
        let config = config("scratch_url = \"env:DATABASE_URL\"\n");
        let nothing = Environment::default();
        let flag = scratch(Some("postgres://a:pw@h/d"), &nothing, &config).expect("valid").expect("one");
        assert_eq!(flag.redacted(), "a@h:5432/d");
        assert!(scratch(None, &nothing, &Config::default()).expect("valid").is_none());
        let error = scratch(Some("sqlite:a"), &nothing, &config).expect_err("no server");
        assert!(error.message().contains("SQLite"), "{error}");
        let written = self::config("scratch_url = \"postgres://u:hunter2@h/d\"\n");
        let error = scratch(None, &nothing, &written).expect_err("a password");
        assert!(error.message().starts_with("scratch_url: ") && !error.message().contains("hunter2"));
    }

    #[test]
    fn sqlite_paths_count_from_the_configuration() {
        let config = Config::parse(Path::new("deploy/cofferdam.toml"), "database_url = \"sqlite:a.db\"\n")
            .expect("valid");
        let environment = Environment::default();
        assert_eq!(chosen(Asked::default(), &environment, &config), "sqlite:deploy/a.db");
    }
}
