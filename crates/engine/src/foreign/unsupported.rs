//! Tools that are recognised, so that nobody migrates beside them unknowingly, and whose
//! history is not taken over.

use cofferdam_analysis::sql::Dialect;

use super::{Row, Sign, Told, Tool, Write};
use crate::folder::{Folder, Format, Migration};

/// A tool known by its table.
#[derive(Debug)]
pub(super) struct Recognised {
    name: &'static str,
    signs: &'static [Sign],
    command: &'static str,
}

pub(super) static LIQUIBASE: Recognised = Recognised {
    name: "liquibase",
    signs: &[Sign { table: "databasechangelog", columns: &["id", "author", "filename"], without: &[] }],
    command: "liquibase update",
};

pub(super) static ATLAS: Recognised = Recognised {
    name: "atlas",
    signs: &[Sign { table: "atlas_schema_revisions", columns: &["version", "hash"], without: &[] }],
    command: "atlas migrate apply",
};

impl Tool for Recognised {
    fn name(&self) -> &'static str {
        self.name
    }

    fn format(&self) -> Option<Format> {
        None
    }

    fn tables(&self) -> &'static [Sign] {
        self.signs
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
        self.command
    }
}
