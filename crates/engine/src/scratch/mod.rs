//! Throw-away Postgres servers.
//!
//! A [`Cluster`] is a server of its own in a directory of its own: made by
//! `initdb`, reachable through a unix socket that only its owner may open, and
//! gone with all its files when the [`Cluster`] is dropped, when the program
//! ends, and when the program is killed (`kill -9`).
//!
//! It refuses to start as root, as Postgres does: a root caller gets a server
//! that runs as an ordinary user of the machine. It never downloads anything:
//! it uses server binaries that are there ([`Binaries::find`]). Nothing here
//! reads the environment; the shell hands in `PATH` and directories.
//!
//! All calls block, so that they work without a runtime and in `Drop`; async
//! code makes them from `spawn_blocking`.
//!
//! How it dies with its parent: a small shell script (`supervisor.sh`) is the
//! parent of the server and reads commands from a pipe. When the program ends,
//! however it ends, the kernel closes the pipe; the script then stops the
//! server and removes the directory. There is no moment at which a server runs
//! without somebody waiting for that end of file.

//!
//! Elsewhere than on Unix none is started ([`Cluster`] refuses): there is no shell to look after it.

#[cfg(unix)]
mod account;
#[cfg(unix)]
mod address;
mod binaries;
#[cfg(unix)]
mod cluster;
#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod session;
mod settings;
#[cfg(unix)]
mod supervisor;

#[cfg(unix)]
pub use address::Address;
pub use binaries::Binaries;
#[cfg(unix)]
pub use cluster::{Cluster, LeftRunning, StopMode};
#[cfg(not(unix))]
pub use elsewhere::{Cluster, LeftRunning, Row};
#[cfg(unix)]
pub use session::{Row, Session};
pub use settings::Settings;
