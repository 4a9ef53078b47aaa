//! Changes the schema and data of a running database, loses nothing, and can go back.
//!
//! This is the library under the program `cofferdam`. It does the I/O, never prints and
//! never reads the environment: what it needs is handed in, what it has to say comes
//! back as values and [`Error`]s.
//!
//! # Migrations at an application's start
//!
//! ```
//! # async fn serve() {}
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = std::env::temp_dir().join(format!("cofferdam-front-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory)?;
//! # let url = format!("sqlite:{}", directory.join("notes.db").display());
//! cofferdam::migrations!("migrations").run(&url).await?;
//! # assert!(cofferdam::migrations!("migrations").run(&url).await?.applied.is_empty());
//! # std::fs::remove_dir_all(&directory)?;
//! serve().await;
//! # Ok(())
//! # }
//! ```
//!
//! [`migrations!`] makes the folder part of the program; [`Migrations`] says how it is run
//! and what it tells meanwhile. Any number of instances may start at once: one applies,
//! the others wait and find nothing to do. It is what `cofferdam migrate` does, in the same
//! ledger: `cofferdam status` shows what an application applied, and the other way round.

pub mod adopt;
pub mod audit;
pub mod baseline;
pub mod catalog;
pub mod crash;
pub mod db;
pub mod drift;
mod embedded;
pub mod folder;
pub mod foreign;
pub mod guard;
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

pub use cofferdam_analysis::sql::Dialect;
pub use cofferdam_analysis::{Error, ErrorKind, Finding, Result, Severity};
pub use embedded::Migrations;
pub use progress::{Event, Silent, Watch};
pub use project::{Project, Stop};

/// What the code that [`migrations!`] leaves in another crate needs.
#[doc(hidden)]
pub mod __embedded {
    pub use include_dir;

    pub use crate::embedded::refuse_unanchored;
}
