//! `cofferdam.toml`: what a project says once instead of at every command.
//!
//! Refused: names that are not known (a mistyped `protected` must not be lost),
//! and a written password. Paths in the file count from the file's folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cofferdam::folder::{Format, OutOfOrder, Placeholders};
use cofferdam_analysis::{Error, Lines, Severity, Span};
use serde::Deserialize;
use toml::Spanned;

use crate::nearest::nearest;

/// The file's name when none is given.
pub(crate) const FILE_NAME: &str = "cofferdam.toml";

/// A project's configuration; empty when there is no file.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// Where it was read from.
    pub(crate) path: Option<PathBuf>,
    /// What it says.
    pub(crate) settings: Settings,
    text: Arc<str>,
}

/// The content of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The database when neither a flag nor a variable names one.
    pub(crate) database_url: Option<Spanned<String>>,
    /// The same database past its pooler, for what needs a session.
    #[serde(alias = "directUrl")]
    pub(crate) direct_url: Option<Spanned<String>>,
    /// A server on which scratch databases may be made and dropped.
    pub(crate) scratch_url: Option<Spanned<String>>,
    /// Databases that `--env` chooses by name.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, NamedDatabase>,
    #[serde(default)]
    pub(crate) migrations: Migrations,
    #[serde(default)]
    pub(crate) check: Check,
    #[serde(default)]
    pub(crate) diff: Diff,
}

/// `[env.NAME]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedDatabase {
    pub(crate) database_url: Option<Spanned<String>>,
    pub(crate) direct_url: Option<Spanned<String>>,
    /// Commands that could lose something need `--confirm DATABASE_NAME`.
    #[serde(default)]
    pub(crate) protected: bool,
}

/// `[migrations]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Migrations {
    /// The folder of the numbered files.
    pub(crate) dir: Option<PathBuf>,
    /// How its files are named and marked.
    pub(crate) format: Option<Format>,
    /// With `format = "command"`: prints the tool's migrations, a line each, in their order.
    pub(crate) list: Option<String>,
    /// With `format = "command"`: prints the SQL of one; `{version}`, `{app}`, `{name}` and
    /// `{previous}` stand for parts of the line.
    pub(crate) sql: Option<String>,
    /// What happens to a file whose version is lower than one that already ran.
    pub(crate) out_of_order: Option<OutOfOrder>,
    /// What `${name}` stands for in Flyway's files.
    #[serde(default)]
    pub(crate) placeholders: Placeholders,
}

/// `[check]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    /// Files up to this version are history: they build the catalog and are not judged.
    pub(crate) since: Option<String>,
    /// The severity from which `check` exits 1.
    pub(crate) fail_on: Option<FailOn>,
}

/// `[diff]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Diff {
    /// Tables and views that no migration manages: `schema.table` or `table`, `*` for any characters.
    #[serde(default)]
    pub(crate) ignore: Vec<String>,
    /// Whether grants and default privileges are compared; they are unless this says no.
    pub(crate) privileges: Option<bool>,
    /// Whether columns in another order are told, which no statement mends.
    pub(crate) column_order: Option<bool>,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FailOn {
    Error,
    Warning,
    Note,
}

impl From<FailOn> for Severity {
    fn from(value: FailOn) -> Self {
        match value {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
            FailOn::Note => Severity::Note,
        }
    }
}

impl Config {
    /// Reads the file at `path`, or `cofferdam.toml` in the working directory if there is one.
    ///
    /// Only that directory: a file found further up could belong to another project, and
    /// with it the database that a command is about to change.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, Error> {
        let named = path.is_some();
        let path = path.unwrap_or(Path::new(FILE_NAME));
        let shown = path.display().to_string();
        match std::fs::read(path) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes)
                    .map_err(|_| Error::invalid(format!("{shown} is not UTF-8 text")))?;
                Self::parse(path, &text)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => Ok(Self::default()),
            Err(error) => Err(Error::invalid(format!("cannot read the configuration {shown}: {error}"))),
        }
    }

    /// Reads `text`, the content of the file at `path`.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let text: Arc<str> = text.strip_prefix('\u{feff}').unwrap_or(text).into();
        let settings = toml::from_str(&text).map_err(|error| invalid(path, &text, &error))?;
        Ok(Self { path: Some(path.to_owned()), settings, text })
    }

    /// Whether it has an environment of this name.
    pub(crate) fn has_env(&self, name: &str) -> bool {
        self.settings.env.contains_key(name)
    }

    /// A path of the file, seen from the working directory.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        match self.folder() {
            Some(folder) if path.is_relative() => folder.join(path),
            _ => path.to_owned(),
        }
    }

    /// The file's folder, unless that is the working directory.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.path.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty())
    }

    /// Adds to `error` where in the file `value` stands.
    pub(crate) fn locate(&self, error: Error, value: &Spanned<String>) -> Error {
        let Some(path) = &self.path else { return error };
        let span = Span::new(value.span().start, value.span().end);
        let place = Lines::of(&self.text).place(&path.display().to_string(), &self.text, span);
        // The line is not shown: it may hold a password.
        error.at(place, None)
    }
}

fn invalid(path: &Path, text: &Arc<str>, error: &toml::de::Error) -> Error {
    let file = path.display().to_string();
    // The parser quotes values, and a value in the wrong place may be a URL with its password.
    let secret = |text: &str| text.contains("://") || text.contains("password");
    let message = match error.message().lines().next() {
        Some(message) if !secret(message) => message.to_owned(),
        _ => "a value of the wrong kind".to_owned(),
    };
    let mut result = Error::invalid(format!("cannot read {file}: {message}"));
    if let Some(hint) = did_you_mean(&message) {
        result = result.hint(hint);
    }
    match error.span() {
        Some(span) => {
            let place = Lines::of(text).place(&file, text, Span::new(span.start, span.end));
            let shown = (!secret(text)).then(|| Arc::clone(text));
            result.at(place, shown)
        }
        None => result,
    }
}

/// serde's message lists the known names in backticks behind the unknown one.
fn did_you_mean(message: &str) -> Option<String> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    nearest(unknown, quoted).map(|known| format!("did you mean `{known}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, Error> {
        Config::parse(Path::new("cofferdam.toml"), text)
    }

    #[test]
    fn every_documented_setting_is_read() {
        let config = parse(
            r#"
            database_url = "env:DATABASE_URL"
            direct_url = "env:DIRECT_URL"
            scratch_url = "env:SCRATCH_URL"
            [env.production]
            database_url = "env:PROD_URL"
            protected = true
            [migrations]
            dir = "db/changes"
            format = "sqlx"
            out_of_order = "refuse"
            list = "ls deploy"
            sql = "cat deploy/{name}.sql"
            [migrations.placeholders]
            owner = "app"
            "flyway:defaultSchema" = "public"
            [check]
            since = "0012"
            fail_on = "warning"
            [diff]
            ignore = ["public.legacy_*"]
            privileges = false
            column_order = true
            "#,
        )
        .expect("valid");
        assert!(config.settings.env["production"].protected);
        assert_eq!(config.settings.migrations.format, Some(Format::Sqlx));
        assert_eq!(config.settings.migrations.out_of_order, Some(OutOfOrder::Refuse));
        assert_eq!(config.settings.migrations.placeholders["flyway:defaultSchema"], "public");
        assert_eq!(config.settings.check.since.as_deref(), Some("0012"));
        assert_eq!(config.settings.check.fail_on, Some(FailOn::Warning));
        assert_eq!(config.settings.diff.ignore, ["public.legacy_*"]);
        assert_eq!(
            (config.settings.diff.privileges, config.settings.diff.column_order),
            (Some(false), Some(true))
        );
    }

    #[test]
    fn an_unknown_name_is_refused_with_its_place_and_the_nearest_known_one() {
        let error = parse("[env.production]\nprotect = true\n").expect_err("unknown field");
        let place = error.place().expect("a place");
        assert_eq!((place.line, place.column), (2, 1));
        assert_eq!(error.hint_text(), Some("did you mean `protected`?"));
        let error = parse("[migrations]\nformat = \"sqlxx\"\n").expect_err("unknown variant");
        assert_eq!(error.hint_text(), Some("did you mean `sqlx`?"));
    }

    #[test]
    fn a_line_that_may_hold_a_password_is_never_shown() {
        let error = parse("databse_url = \"postgres://u:hunter2@h/d\"\n").expect_err("unknown field");
        assert!(error.text().is_none());
        assert!(!error.message().contains("hunter2"));
        for text in ["database_url = \"postgres://u:hunter2@h/d\n", "env = \"postgres://u:hunter2@h/d\""] {
            let error = parse(text).expect_err(text);
            assert!(error.text().is_none() && !error.message().contains("hunter2"), "{}", error.message());
        }
    }

    #[test]
    fn paths_count_from_the_file() {
        let config = Config::parse(Path::new("deploy/cofferdam.toml"), "").expect("valid");
        assert_eq!(config.resolve(Path::new("sql")), Path::new("deploy/sql"));
        assert_eq!(config.resolve(Path::new("/sql")), Path::new("/sql"));
        assert_eq!(parse("").expect("valid").resolve(Path::new("sql")), Path::new("sql"));
    }
}
