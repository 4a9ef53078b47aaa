//! Connections to the databases we look after.
//!
//! Promise: a URL as teams write it leads to the database that their own driver
//! would reach, with libpq's meaning of encryption; every failure says what to
//! do next; no password is ever shown; nothing is read from the environment.
//!
//! Refused: servers older than Postgres 14 and servers in recovery (unless a
//! command only reads), other databases, files that are no SQLite database.
//!
//! After a crash nothing of ours stays behind: a Postgres session ends with its
//! process (a statement that runs on is the runner's business), and of a SQLite
//! copy only a file with a temporary name can be left.

mod connect;
mod copy;
pub(crate) mod error;
mod explain;
mod guard;
mod ident;
pub(crate) mod libpq;
mod options;
mod passfile;
mod poll;
mod pooler;
mod random;
mod secret;
mod session;
mod sqlite;
mod startup;
mod tls;
mod url;
mod verify;

pub use connect::connect;
pub use copy::{Copy, copy_sqlite};
pub use error::{DbResult, SqlFailure, postgres as postgres_error, sqlite as sqlite_error};
pub use guard::Guard;
pub use ident::{Ident, QualifiedIdent};
pub use options::{ChannelBinding, ConnectOptions, Negotiation, RootCert, TlsMode, TlsVersion};
pub use poll::{Poll, spread};
pub use pooler::{Pooler, PoolerKind};
pub(crate) use random::random_secret;
pub use secret::Secret;
pub use session::{Backend, Canceller, Notice, Notices, Session, Terminated};
pub use sqlite::{ForeignKeys, SqliteMode, SqliteOptions, open_sqlite};
pub use url::{
    Endpoint, Host, Keepalives, PostgresTarget, SessionAttrs, SqliteLocation, SqliteTarget, Target,
    only_informs,
};
