//! `cofferdam generate config-schema`: what editors check and complete `cofferdam.toml` by.
//!
//! The schema is written by hand; a test holds it against what the program reads.

use super::File;

/// Print the JSON Schema of cofferdam.toml
///
/// Editors that know TOML complete and check the file by it: write the schema into a file
/// and name that in the first line of cofferdam.toml, as `#:schema ./FILE`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

const SCHEMA: &str = include_str!("cofferdam.toml.json");

pub(super) fn make() -> File {
    File::new("cofferdam.toml.json", SCHEMA)
}
