//! Which database a text means.
//!
//! Promise: every form in which teams write `DATABASE_URL` today is understood,
//! with the meaning their own driver gives it, and no part of a password ever
//! shows in what is printed. A parameter that only an ORM understands is used or
//! ignored with a note; a misspelt one is refused, because a lost
//! `sslmode=verify-full` would go unseen.
//!
//! Refused: other databases (named), text that is not a URL (a plain path may be
//! a typing error, so `sqlite:` must be written), and URLs whose parts cannot be
//! told apart because a password was not percent-encoded.

mod dsn;
mod parameter;
mod postgres;
mod sqlite;

pub use parameter::only_informs;
pub(crate) use postgres::{DEFAULT_PORT, SOCKET_DIRS};
pub use postgres::{Endpoint, Host, Keepalives, PostgresTarget, SessionAttrs};
pub use sqlite::{SqliteLocation, SqliteTarget};

use std::fmt;

use crate::{Error, Result};

/// A database that we look after, as its URL describes it. Nothing has been opened.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a process holds a handful of targets")]
pub enum Target {
    /// A Postgres database.
    Postgres(PostgresTarget),
    /// A SQLite file, or one in memory.
    Sqlite(SqliteTarget),
}

impl Target {
    /// Reads a URL, or libpq's `key=value` form.
    ///
    /// Here `file:PATH` is a SQLite database, as Prisma and SQLite write it; an
    /// indirection (`env:NAME`, a file that holds the URL) was resolved before.
    ///
    /// # Errors
    /// `Invalid`, with what is supported or how to write it. The error never
    /// quotes the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::invalid("the database URL is empty"));
        }
        if text.starts_with(['"', '\'']) && text.len() > 1 {
            return Err(Error::invalid("the database URL begins with a quotation mark")
                .hint("remove the quotes: they belong to the shell or to the .env file, not to the value"));
        }
        if text.chars().any(char::is_control) {
            return Err(Error::invalid("the database URL contains a control character")
                .hint("a line break from copying is the usual cause; write others percent-encoded"));
        }
        if text == ":memory:" {
            return Ok(Self::Sqlite(SqliteTarget::memory()));
        }
        let Some((scheme, rest)) = split_scheme(text) else {
            return if text.contains('=') {
                dsn::parse(text).map(Self::Postgres)
            } else {
                Err(no_scheme(text))
            };
        };
        let (base, driver) = match scheme.split_once('+') {
            Some((base, driver)) => (base, Some(driver)),
            None => (scheme.as_str(), None),
        };
        match base {
            "postgres" | "postgresql" => match (driver, rest.strip_prefix("//")) {
                // Not a database address but a pointer to a local development server's own protocol.
                (Some("prisma"), _) => Err(unsupported(&scheme)),
                (_, Some(rest)) => postgres::parse(rest).map(Self::Postgres),
                (_, None) => Err(Error::invalid(format!("the database URL lacks // after {scheme}:"))
                    .hint("write it as postgres://USER@HOST:PORT/DATABASE")),
            },
            "sqlite" => sqlite::parse(rest, driver.is_some()).map(Self::Sqlite),
            "sqlite3" => sqlite::parse(rest, false).map(Self::Sqlite),
            "file" => sqlite::parse_file(rest).map(Self::Sqlite),
            _ => Err(unsupported(&scheme)),
        }
    }

    /// The database for people: no password, no parameters, no control characters.
    pub fn redacted(&self) -> String {
        match self {
            Self::Postgres(target) => target.redacted(),
            Self::Sqlite(target) => target.redacted(),
        }
    }

    /// What stood in the URL and is ignored or read in a special way, one sentence each.
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Postgres(target) => target.notes(),
            Self::Sqlite(target) => target.notes(),
        }
    }

    /// Whether `other` may lead to the same database. As equal [`identity`](Self::identity),
    /// but of two lists of servers one in common will do: whichever of them answers, it is a
    /// server of both.
    pub fn may_be(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Postgres(this), Self::Postgres(other)) => this.may_be(other),
            (Self::Sqlite(this), Self::Sqlite(other)) => this.identity() == other.identity(),
            (Self::Postgres(_), Self::Sqlite(_)) | (Self::Sqlite(_), Self::Postgres(_)) => false,
        }
    }

    /// A text that is equal for two ways to write one database, as far as can be
    /// told without connecting: user, password and parameters do not count, host
    /// names compare without case, loopback addresses are one host.
    pub fn identity(&self) -> String {
        match self {
            Self::Postgres(target) => target.identity(),
            Self::Sqlite(target) => target.identity(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

/// The lower-cased scheme and what follows its colon.
///
/// In `key=value` text a colon may stand in a value, so a scheme is only what
/// RFC 3986 (3.1) calls one.
fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut chars = scheme.chars();
    let valid = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'));
    valid.then(|| (scheme.to_ascii_lowercase(), rest))
}

const FORMS: &str = "write postgres://USER@HOST:PORT/DATABASE or sqlite:PATH";

fn no_scheme(text: &str) -> Error {
    let lower = text.to_ascii_lowercase();
    let is_file = [".db", ".db3", ".sqlite", ".sqlite3"].iter().any(|end| lower.ends_with(end));
    if is_file && !text.contains('@') {
        return Error::invalid("a plain path is not a database URL").hint("write sqlite: before it");
    }
    Error::invalid("this is not a database URL: it has no scheme").hint(FORMS)
}

/// Names the scheme only where it is one that exists: `user:password@host` also
/// looks like a scheme, and any word may be somebody's password.
fn unsupported(scheme: &str) -> Error {
    let hint = match scheme {
        "jdbc" => {
            "remove `jdbc:` and put user and password before the host: postgres://USER:PASSWORD@HOST/DATABASE"
        }
        "prisma" | "prisma+postgres" | "postgres+prisma" | "postgresql+prisma" => {
            "this address is for Prisma's own client; use the database's direct postgres:// URL (`directUrl`)"
        }
        "pgsql" | "psql" | "postgis" | "pg" => "write postgres:// instead",
        "mysql" | "mariadb" | "mysql2" | "mssql" | "sqlserver" | "mongodb" | "mongodb+srv" | "oracle"
        | "cockroachdb" | "redis" | "rediss" | "libsql" | "http" | "https" | "ws" | "wss" | "d1"
        | "duckdb" | "clickhouse" | "s3" => "Postgres (postgres://) and SQLite (sqlite:) are supported",
        "env" => return Error::invalid("env:NAME was not resolved to a database URL here"),
        _ => return Error::invalid("the database URL has an unknown scheme").hint(FORMS),
    };
    Error::invalid(format!("databases of the scheme {scheme}: are not supported")).hint(hint)
}

/// Percent-decodes one component. A `%` that begins no code stays as it is,
/// which is what most drivers do with a password written carelessly.
fn decode(component: &str, what: &str) -> Result<String> {
    let text = percent_encoding::percent_decode_str(component)
        .decode_utf8()
        .map_err(|_| Error::invalid(format!("the {what} in the database URL is not UTF-8 once decoded")))?;
    if text.contains('\0') {
        return Err(Error::invalid(format!("the {what} in the database URL contains a NUL byte")));
    }
    Ok(text.into_owned())
}

/// Makes a name from a URL safe to print on a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests;
