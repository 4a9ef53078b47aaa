//! Changes the schema and data of a running database, loses nothing, and can go back.
//!
//! This is the library under the program `cofferdam`. It does the I/O, never prints and
//! never reads the environment: what it needs is handed in, what it has to say comes
//! back as values and [`Error`]s.

pub mod adopt;
pub mod audit;
pub mod baseline;
pub mod catalog;
pub mod crash;
pub mod db;
pub mod folder;
pub mod foreign;
pub mod ledger;
pub mod migrate;
pub mod preflight;
mod progress;
mod project;
pub mod replay;
pub mod rollback;
pub mod runner;
pub mod scratch;
pub mod status;
pub mod uninstall;

pub use cofferdam_analysis::{Error, ErrorKind, Result};
pub use progress::{Event, Silent, Watch};
pub use project::{Project, Stop};
