//! Where commands build scratch databases, and the programs of Postgres they find.

use std::path::PathBuf;

use cofferdam::replay::Place;
use cofferdam::scratch::Binaries;

use crate::context::Context;
use crate::failure::Result;
use crate::target;

/// Options of commands that build a schema to compare with.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Build the scratch database on this Postgres server instead of one of our own
    ///
    /// A database with a random name is created there and dropped again; nothing else is
    /// touched. Without it, and without scratch_url in cofferdam.toml, a throw-away server is
    /// started from the server programs on this machine. SQLite needs neither. The URL may be
    /// given as env:NAME or file:PATH.
    #[arg(long, value_name = "URL")]
    pub(crate) scratch_url: Option<String>,
}

impl Context {
    /// Where scratch databases are built.
    pub(crate) fn scratch_place(&self, options: &Options) -> Result<Place> {
        let named = target::scratch(options.scratch_url.as_deref(), &self.environment, &self.config)?;
        Ok(match named {
            Some(target) => Place::Server {
                target: Box::new(target),
                connect: Box::new(self.environment.connect_options()?),
            },
            None => Place::Local(self.server_programs()),
        })
    }

    /// The Postgres servers of this machine, newest first.
    pub(crate) fn server_programs(&self) -> Vec<Binaries> {
        Binaries::find(&[], self.environment.path.as_ref().and_then(|path| path.to_str()))
    }

    /// The directories in which client programs of Postgres may lie.
    pub(crate) fn client_directories(&self) -> Vec<PathBuf> {
        let beside = self.server_programs();
        let beside = beside.iter().map(|binaries| binaries.directory().to_owned());
        let path = self.environment.path.iter().flat_map(std::env::split_paths);
        beside.chain(path).collect()
    }
}
