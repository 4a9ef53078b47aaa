//! Refinery's ledger.

use cofferdam_analysis::sql::Dialect;

use super::{Row, Sign, Told, Tool, Write};
use crate::folder::{Folder, Format, Migration};

#[derive(Debug)]
pub(super) struct Refinery;

impl Tool for Refinery {
    fn name(&self) -> &'static str {
        "refinery"
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Refinery)
    }

    fn tables(&self) -> &'static [Sign] {
        &[Sign {
            table: "refinery_schema_history",
            columns: &["version", "name", "applied_on", "checksum"],
            without: &[],
        }]
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
        "refinery migrate"
    }
}
