//! Goose's ledger.

use cofferdam_analysis::sql::Dialect;

use super::{Row, Sign, Told, Tool, Write};
use crate::folder::{Folder, Format, Migration};

#[derive(Debug)]
pub(super) struct Goose;

impl Tool for Goose {
    fn name(&self) -> &'static str {
        "goose"
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Goose)
    }

    fn tables(&self) -> &'static [Sign] {
        &[Sign { table: "goose_db_version", columns: &["version_id", "is_applied", "tstamp"], without: &[] }]
    }

    fn select(&self, _: Dialect) -> Option<&'static str> {
        None
    }

    fn history(&self, _: &[Row], _: &Folder) -> Told {
        Told::default()
    }

    fn applied(&self, _: &Migration, _: &Folder, _: Dialect) -> Option<Vec<Write>> {
        None
    }

    fn taken_back(&self, _: &Migration, _: &Folder, _: Dialect) -> Option<Vec<Write>> {
        None
    }

    fn migrate_command(&self) -> &'static str {
        "goose up"
    }
}
