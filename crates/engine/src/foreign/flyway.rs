//! Flyway's ledger.

use cofferdam_analysis::sql::Dialect;

use super::{Row, Sign, Told, Tool, Write};
use crate::folder::{Folder, Format, Migration};

#[derive(Debug)]
pub(super) struct Flyway;

impl Tool for Flyway {
    fn name(&self) -> &'static str {
        "flyway"
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Flyway)
    }

    fn tables(&self) -> &'static [Sign] {
        &[Sign {
            table: "flyway_schema_history",
            columns: &["installed_rank", "version", "checksum", "success"],
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
        "flyway migrate"
    }
}
