//! Where no server of our own can be started: the same names, and a refusal.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use cofferdam_analysis::{Error, Result};

use super::{Binaries, Settings};

/// A row that SQL returned: its columns as text.
pub type Row = Vec<Option<String>>;

/// A server of our own. On this system there is none.
#[derive(Debug)]
pub struct Cluster(Infallible);

/// A server that was left running. On this system there is none.
#[derive(Debug)]
pub struct LeftRunning {
    /// The server's process.
    pub pid: u32,
    /// Its files.
    pub directory: PathBuf,
}

/// Why not, with the way that is left.
pub(super) fn refusal() -> Error {
    Error::invalid("scratch servers are started on Linux and macOS only")
        .hint("name a server that may be used: --scratch-url URL")
}

impl Cluster {
    /// Starts nothing.
    ///
    /// # Errors
    /// Always invalid.
    pub fn start(_: &Binaries, _: &Settings) -> Result<Self> {
        Err(refusal())
    }

    /// Its major version.
    pub fn major(&self) -> u32 {
        match self.0 {}
    }

    /// The URL of one of its databases.
    pub fn url(&self, _: &str) -> String {
        match self.0 {}
    }

    /// The directory of its files.
    pub fn data_directory(&self) -> PathBuf {
        match self.0 {}
    }

    /// Makes a database.
    ///
    /// # Errors
    /// None.
    pub fn create_database(&self, _: &str) -> Result<String> {
        match self.0 {}
    }

    /// Runs SQL.
    ///
    /// # Errors
    /// None.
    pub fn run(&self, _: &str, _: &str) -> Result<Vec<Row>> {
        match self.0 {}
    }

    /// Lets it run on.
    ///
    /// # Errors
    /// None.
    pub fn leave_running(self) -> Result<LeftRunning> {
        match self.0 {}
    }
}

/// Whether the caller can run `program` as a server.
///
/// # Errors
/// Always invalid.
pub(super) fn able_to_run(_: &Path) -> Result<()> {
    Err(refusal())
}
