//! A database as a tool's file writes it, and the URL that it means.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use cofferdam_analysis::Error;
use cofferdam_analysis::sql::Dialect;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::environment::{Origin, Variables};

/// A text whose parts may be variables.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Text(Vec<Piece>);

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// A variable, and what the file says for when it is not set.
    Variable {
        name: String,
        otherwise: Option<String>,
    },
}

/// What the file says is not shown: it may hold a password.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Text").field(&self.variables().collect::<Vec<_>>()).finish()
    }
}

impl Text {
    /// Just this text.
    pub(super) fn literal(text: impl Into<String>) -> Self {
        Self(vec![Piece::Literal(text.into())])
    }

    /// The content of a variable.
    pub(super) fn variable(name: impl Into<String>) -> Self {
        Self(vec![Piece::Variable { name: name.into(), otherwise: None }])
    }

    /// What counts when the variable is not set; a text without one is left as it is.
    pub(super) fn or(mut self, text: &str) -> Self {
        if let [Piece::Variable { otherwise, .. }] = self.0.as_mut_slice() {
            otherwise.get_or_insert_with(|| text.to_owned());
        }
        self
    }

    /// `other` behind it.
    pub(super) fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The text, when no variable stands in it.
    pub(super) fn plain(&self) -> Option<String> {
        let literal = |piece: &Piece| match piece {
            Piece::Literal(text) => Some(text.clone()),
            Piece::Variable { .. } => None,
        };
        self.0.iter().map(literal).collect()
    }

    /// The variable, when the text is nothing else.
    pub(crate) fn only_variable(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Variable { name, .. }] => Some(name),
            _ => None,
        }
    }

    fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Variable { name, .. } => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }

    /// The text with the values of its variables, or the name of one that is not set.
    fn resolve(&self, variables: &Variables<'_>, seen: &mut Seen) -> Result<Result<String, String>, Error> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Variable { name, otherwise } => match (variables.get(name)?, otherwise) {
                    (Some((value, origin)), _) => {
                        seen.note(name, origin);
                        text.push_str(&value);
                    }
                    (None, Some(otherwise)) => text.push_str(otherwise),
                    (None, None) => return Ok(Err(name.clone())),
                },
            }
        }
        Ok(Ok(text))
    }
}

#[derive(Default)]
struct Seen {
    variables: Vec<String>,
    origins: Vec<Origin>,
}

impl Seen {
    fn note(&mut self, name: &str, origin: Origin) {
        if !self.variables.iter().any(|known| known == name) {
            self.variables.push(name.to_owned());
        }
        if !self.origins.contains(&origin) {
            self.origins.push(origin);
        }
    }
}

/// Where a database is: a URL, its parts, or a URL with a login beside it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Address {
    pub(super) url: Option<Text>,
    pub(super) host: Option<Text>,
    pub(super) port: Option<Text>,
    pub(super) user: Option<Text>,
    pub(super) password: Option<Text>,
    /// The database's name, or the path of a SQLite file.
    pub(super) database: Option<Text>,
}

/// An address whose variables are known.
pub(crate) struct Resolved {
    /// May hold a password.
    pub(crate) url: String,
    /// The variables that it came from.
    pub(crate) variables: Vec<String>,
    /// Where their values stood; empty where the file itself says everything.
    pub(crate) origins: Vec<Origin>,
}

impl Address {
    /// That of a URL.
    pub(super) fn url(text: Text) -> Self {
        Self { url: Some(text), ..Self::default() }
    }

    /// Whether anything is said.
    pub(super) fn is_empty(&self) -> bool {
        self.url.is_none() && self.host.is_none() && self.database.is_none()
    }

    /// The variable that holds the whole URL, if one does.
    pub(crate) fn only_variable(&self) -> Option<&str> {
        self.url.as_ref().filter(|_| self.user.is_none() && self.password.is_none())?.only_variable()
    }

    /// Whether the file itself holds a password.
    pub(crate) fn holds_password(&self) -> bool {
        let written = |text: &Text| {
            text.0.iter().any(|piece| match piece {
                Piece::Literal(text) => has_password(text),
                Piece::Variable { otherwise, .. } => otherwise.as_deref().is_some_and(has_password),
            })
        };
        let whole = |text: &Text| text.plain().is_some_and(|text| !text.is_empty());
        self.url.as_ref().is_some_and(written) || self.password.as_ref().is_some_and(whole)
    }

    /// The URL, or the name of a variable that is not set.
    pub(crate) fn resolve(
        &self,
        dialect: Option<Dialect>,
        variables: &Variables<'_>,
    ) -> Result<Result<Resolved, String>, Error> {
        let mut seen = Seen::default();
        let mut unset = None;
        let mut part = |text: &Option<Text>| -> Result<Option<String>, Error> {
            let Some(text) = text else { return Ok(None) };
            Ok(match text.resolve(variables, &mut seen)? {
                Ok(value) => Some(value).filter(|value| !value.is_empty()),
                Err(name) => {
                    unset.get_or_insert(name);
                    None
                }
            })
        };
        let (url, host, port) = (part(&self.url)?, part(&self.host)?, part(&self.port)?);
        let (user, password, database) = (part(&self.user)?, part(&self.password)?, part(&self.database)?);
        if let Some(name) = unset {
            return Ok(Err(name));
        }
        let login = [("user", user), ("password", password)];
        let url = match (url, dialect) {
            // Libraries of SQLite take a path where others take a URL.
            (Some(path), Some(Dialect::Sqlite)) if path == ":memory:" || !path.contains(':') => sqlite(&path),
            (Some(url), _) => with_login(&our_form(&url), &login),
            (None, Some(Dialect::Sqlite)) => sqlite(&database.unwrap_or_default()),
            (None, Some(Dialect::Postgres) | None) => {
                let parts = [("host", host), ("port", port), ("dbname", database)];
                words(parts.iter().chain(&login))
            }
        };
        Ok(Ok(Resolved { url, variables: seen.variables, origins: seen.origins }))
    }
}

/// libpq's `key=value` words, quoted.
fn words<'a>(parts: impl Iterator<Item = &'a (&'static str, Option<String>)>) -> String {
    let word = |(name, value): &(&str, Option<String>)| {
        let value = value.as_ref()?.replace('\\', "\\\\").replace('\'', "\\'");
        Some(format!("{name}='{value}'"))
    };
    parts.filter_map(word).collect::<Vec<_>>().join(" ")
}

/// The URL of a SQLite file at `path`.
pub(super) fn sqlite(path: &str) -> String {
    match path {
        ":memory:" => "sqlite::memory:".to_owned(),
        path if path.starts_with("file:") || path.starts_with("sqlite:") => path.to_owned(),
        path => format!("sqlite:{}", encoded(path)),
    }
}

/// A path as it may stand in a URL.
fn encoded(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3f")
}

/// `url` with a user and a password that stand beside it.
fn with_login(url: &str, login: &[(&str, Option<String>)]) -> String {
    let mut url = url.to_owned();
    if !url.starts_with("postgres") {
        return url;
    }
    for (name, value) in login {
        let Some(value) = value else { continue };
        let joint = if url.contains('?') { '&' } else { '?' };
        url.push(joint);
        url.push_str(name);
        url.push('=');
        url.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    url
}

/// A URL as Java, Sqitch and others write it, in the form that ours have.
pub(crate) fn our_form(url: &str) -> String {
    let url = url.trim();
    let inner = url.strip_prefix("jdbc:").or_else(|| url.strip_prefix("db:")).unwrap_or(url);
    let Some((scheme, rest)) = inner.split_once(':') else { return inner.to_owned() };
    match scheme {
        "pg" | "pgsql" => postgres(rest),
        // Only behind another scheme may a database stand without a host.
        "postgres" | "postgresql" if inner.len() < url.len() => postgres(rest),
        "sqlite" if inner.len() < url.len() => match rest.strip_prefix("//") {
            // Sqitch's three slashes begin an absolute path, its two a path from here.
            Some(path) => sqlite(path),
            None => sqlite(rest),
        },
        _ => inner.to_owned(),
    }
}

fn postgres(rest: &str) -> String {
    match rest.strip_prefix("//") {
        Some(rest) => format!("postgres://{rest}"),
        None => format!("postgres:///{}", rest.trim_start_matches('/')),
    }
}

/// `url` with a relative SQLite path counted from `folder`, not from the working directory.
pub(crate) fn seen_from(folder: &Path, url: &str) -> String {
    let schemes =
        [("sqlite://", "sqlite:"), ("sqlite:", "sqlite:"), ("sqlite3:", "sqlite:"), ("file:", "file:")];
    let found = schemes.iter().find_map(|(prefix, scheme)| Some((scheme, url.strip_prefix(prefix)?)));
    let Some((scheme, path)) = found.filter(|(_, path)| !path.starts_with(['/', ':', '?'])) else {
        return url.to_owned();
    };
    if folder.as_os_str().is_empty() || folder == Path::new(".") {
        return url.to_owned();
    }
    let (path, query) = path.find('?').map_or((path, ""), |at| path.split_at(at));
    let part = |part: &Component<'_>| *part != Component::CurDir;
    let joined: PathBuf = folder.components().chain(Path::new(path).components()).filter(part).collect();
    // The folder is a path of this machine, the rest was written as a part of a URL.
    let below = Path::new(path).components().filter(part).count();
    let count = joined.components().count() - below;
    let folder: PathBuf = joined.components().take(count).collect();
    let rest: PathBuf = joined.components().skip(count).collect();
    match folder.display().to_string() {
        empty if empty.is_empty() => format!("{scheme}{}{query}", rest.display()),
        folder => format!("{scheme}{}/{}{query}", encoded(&folder), rest.display()),
    }
}

/// Whether a text looks like a URL, or words, with a password.
fn has_password(text: &str) -> bool {
    let in_url = text.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        authority
            .rsplit_once('@')
            .is_some_and(|(login, _)| login.split_once(':').is_some_and(|(_, password)| !password.is_empty()))
    });
    in_url || text.contains("password=")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::project_files::DotEnv;
    use cofferdam::db::Target;

    #[test]
    fn addresses_of_other_tools_become_ours() {
        for (theirs, ours) in [
            ("jdbc:postgresql://h:5433/app?ssl=true", "postgres://h:5433/app?ssl=true"),
            ("jdbc:postgresql:app", "postgres:///app"),
            ("jdbc:sqlite:notes.db", "sqlite:notes.db"),
            ("db:pg://u@h/app", "postgres://u@h/app"),
            ("db:pg:app", "postgres:///app"),
            ("db:postgresql://h/app", "postgres://h/app"),
            ("db:sqlite:notes.db", "sqlite:notes.db"),
            ("db:sqlite:///tmp/notes.db", "sqlite:/tmp/notes.db"),
            ("postgresql+psycopg://u@h/app", "postgresql+psycopg://u@h/app"),
            ("file:./dev.db", "file:./dev.db"),
            ("jdbc:mysql://h/app", "mysql://h/app"),
        ] {
            assert_eq!(our_form(theirs), ours);
        }
    }

    #[test]
    fn parts_are_quoted_so_that_a_password_cannot_add_words() {
        let variables = Environment::default();
        let dotenv = DotEnv::parse(".env", "PASSWORD=a' host='evil\\");
        let variables = Variables::of(&variables, Some(&dotenv));
        let text = |text: &str| Some(Text::literal(text));
        let address = Address {
            host: text("db.example"),
            user: text("app"),
            password: Some(Text::variable("PASSWORD")),
            database: text("my app"),
            ..Address::default()
        };
        let resolved =
            address.resolve(Some(Dialect::Postgres), &variables).expect("readable").ok().expect("set");
        let target = Target::parse(&resolved.url).expect("valid").redacted();
        assert_eq!(target, "app@db.example:5432/my app");
        assert_eq!(resolved.variables, ["PASSWORD"]);
        let url =
            Address { url: text("jdbc:postgresql://db.example/app"), host: None, database: None, ..address };
        let resolved = url.resolve(None, &variables).expect("readable").ok().expect("set");
        assert_eq!(Target::parse(&resolved.url).expect("valid").redacted(), "app@db.example:5432/app");
    }

    #[test]
    fn a_written_password_is_seen() {
        let holds = |url: &str| Address::url(Text::literal(url)).holds_password();
        assert!(holds("postgres://u:hunter2@h/d") && holds("host=h password=x"));
        assert!(!holds("postgres://u@h/d") && !holds("postgres://u:@h/d") && !holds("file:./a@b.db"));
        assert!(Address::url(Text::variable("X").or("postgres://u:p@h/d")).holds_password());
        assert!(!format!("{:?}", Text::literal("hunter2")).contains("hunter2"));
    }

    #[test]
    fn relative_sqlite_paths_count_from_the_files_folder() {
        let folder = Path::new("prisma");
        assert_eq!(seen_from(folder, "file:./dev.db"), "file:prisma/dev.db");
        assert_eq!(seen_from(Path::new("./a%/"), "sqlite:b%20c?mode=ro"), "sqlite:a%25/b%20c?mode=ro");
        assert_eq!(seen_from(folder, "file:../dev.db"), "file:prisma/../dev.db");
        assert_eq!(seen_from(folder, "sqlite:/tmp/dev.db"), "sqlite:/tmp/dev.db");
        assert_eq!(seen_from(folder, "sqlite::memory:"), "sqlite::memory:");
        assert_eq!(seen_from(folder, "postgres://h/d"), "postgres://h/d");
        assert_eq!(seen_from(Path::new(""), "sqlite:a"), "sqlite:a");
    }
}
