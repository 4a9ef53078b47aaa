//! Prisma's ledger.

use cofferdam_analysis::sql::Dialect;

use super::{Row, Sign, Told, Tool, Write};
use crate::folder::{Folder, Format, Migration};

#[derive(Debug)]
pub(super) struct Prisma;

impl Tool for Prisma {
    fn name(&self) -> &'static str {
        "prisma"
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Prisma)
    }

    fn tables(&self) -> &'static [Sign] {
        &[Sign {
            table: "_prisma_migrations",
            columns: &["migration_name", "checksum", "finished_at", "rolled_back_at"],
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
        "npx prisma migrate deploy"
    }
}
