//! How a scratch server is reached, and its databases.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cofferdam_analysis::Result;

use super::{Row, Session};

/// The superuser of every scratch server.
pub(super) const USER: &str = "postgres";
/// How long a server may take until it accepts connections: crash recovery included.
pub(super) const START_PATIENCE: Duration = Duration::from_secs(60);

/// Where a scratch server is reached by its superuser, without a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    directory: PathBuf,
    port: u16,
}

impl Address {
    /// The server whose socket for `port` lies in `directory`.
    pub fn new(directory: impl Into<PathBuf>, port: u16) -> Self {
        Self { directory: directory.into(), port }
    }

    /// The directory of the socket, as libpq's `host` takes it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The port, which is part of the socket's name.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The socket file.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(format!(".s.PGSQL.{}", self.port))
    }

    /// The connection URL of `database` for the superuser, over the socket.
    pub fn url(&self, database: &str) -> String {
        let host = encode(&self.directory.to_string_lossy());
        format!("postgres://{USER}@{host}:{}/{}", self.port, encode(database))
    }

    /// A session of the superuser in `database`.
    ///
    /// # Errors
    /// Conflict when there is no such database; Unreachable when the server does not answer.
    pub fn session(&self, database: &str) -> Result<Session> {
        Session::connect(&self.socket(), USER, database, START_PATIENCE)
    }

    /// Runs SQL text in `database` in a session of its own and returns its rows.
    ///
    /// # Errors
    /// Conflict with the server's message; Unreachable when it does not answer.
    pub fn run(&self, database: &str, sql: &str) -> Result<Vec<Row>> {
        self.session(database)?.run(sql)
    }

    /// Creates an empty database and returns its URL.
    ///
    /// # Errors
    /// Conflict when it exists already.
    pub fn create_database(&self, database: &str) -> Result<String> {
        // Copying files beats logging every page when nobody else uses template0; see CREATE DATABASE.
        let sql = format!("create database {} template template0 strategy file_copy", quoted(database));
        self.run(USER, &sql)?;
        Ok(self.url(database))
    }

    /// Drops a database, ending the sessions in it.
    ///
    /// # Errors
    /// Conflict when it does not exist or a prepared transaction or a slot holds it.
    pub fn drop_database(&self, database: &str) -> Result<()> {
        self.run(USER, &format!("drop database {} with (force)", quoted(database))).map(drop)
    }
}

fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

pub(super) fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_carries_any_directory_and_database_name() {
        let address = Address::new("/tmp/a b", 5432);
        assert_eq!(address.url("q\"x/é"), "postgres://postgres@%2Ftmp%2Fa%20b:5432/q%22x%2F%C3%A9");
    }
}
