//! Django's ledger.

use cofferdam_analysis::sql::Dialect;

use super::{Row, Sign, Told, Tool, Write};
use crate::folder::{Folder, Format, Migration};

#[derive(Debug)]
pub(super) struct Django;

impl Tool for Django {
    fn name(&self) -> &'static str {
        "django"
    }

    fn format(&self) -> Option<Format> {
        None
    }

    fn tables(&self) -> &'static [Sign] {
        &[Sign { table: "django_migrations", columns: &["app", "name", "applied"], without: &[] }]
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
        "python manage.py migrate"
    }
}
