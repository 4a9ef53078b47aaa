//! Tools whose migrations are programs, or whose files we do not run: their history is
//! taken over, they go on applying. And those that are only recognised, so that nobody
//! migrates beside them unknowingly.
//!
//! Sources of the tables: the tools themselves, run on Postgres and SQLite; Liquibase's and
//! Atlas' from their documentation.

use cofferdam_analysis::Severity;
use cofferdam_analysis::sql::Dialect;

use super::{Entry, Row, Sign, Told, Tool, Write, problem};
use crate::folder::{Folder, Format, Migration};

/// A tool that is known by its tables.
#[derive(Debug)]
pub(super) struct Programs {
    name: &'static str,
    signs: &'static [Sign],
    /// On Postgres and on SQLite; the version stands in the first column, its name in the
    /// second, a checksum in the third.
    select: Option<(&'static str, &'static str)>,
    /// What else the rows say; for most nothing.
    reads: fn(&[Row], &Folder, &mut Told),
    command: &'static str,
}

const fn sign(table: &'static str, columns: &'static [&'static str]) -> Sign {
    Sign { table, columns, without: &[] }
}

/// File names, a batch each, and a lock that a crash leaves behind.
pub(super) static KNEX: Programs = Programs {
    name: "knex",
    signs: &[
        sign("knex_migrations", &["id", "name", "batch", "migration_time"]),
        sign("knex_migrations_lock", &["index", "is_locked"]),
    ],
    select: Some((include_str!("sql/knex.sql"), include_str!("sql/knex.sql"))),
    reads: knex_lock,
    command: "npx knex migrate:latest",
};

/// The revision of each branch's head.
pub(super) static ALEMBIC: Programs = Programs {
    name: "alembic",
    signs: &[sign("alembic_version", &["version_num"])],
    select: Some((include_str!("sql/alembic.sql"), include_str!("sql/alembic.sql"))),
    reads: alembic_ancestors,
    command: "alembic upgrade head",
};

/// Times; the same table as dbmate's, with another one beside it.
pub(super) static RAILS: Programs = Programs {
    name: "rails",
    signs: &[
        Sign { table: "schema_migrations", columns: &["version"], without: &["dirty", "inserted_at"] },
        sign("ar_internal_metadata", &["key", "value"]),
    ],
    select: Some((include_str!("sql/rails.sql"), include_str!("sql/rails.sql"))),
    reads: nothing_else,
    command: "bin/rails db:migrate",
};

/// `app.name`.
pub(super) static DJANGO: Programs = Programs {
    name: "django",
    signs: &[sign("django_migrations", &["id", "app", "name", "applied"])],
    select: Some((include_str!("sql/django.sql"), include_str!("sql/django.sql"))),
    reads: nothing_else,
    command: "python manage.py migrate",
};

/// Change names, with the SHA-1 of the deploy script.
pub(super) static SQITCH: Programs = Programs {
    name: "sqitch",
    signs: &[
        sign("changes", &["change_id", "script_hash", "change", "project", "committed_at"]),
        sign("projects", &["project", "uri"]),
    ],
    select: Some((include_str!("sql/sqitch.sql"), include_str!("sql/sqitch.sql"))),
    reads: nothing_else,
    command: "sqitch deploy",
};

/// File names of committed migrations, with their hash.
pub(super) static GRAPHILE: Programs = Programs {
    name: "graphile-migrate",
    signs: &[
        sign("migrations", &["hash", "previous_hash", "filename", "date"]),
        sign("current", &["filename", "content"]),
    ],
    select: Some((include_str!("sql/graphile.sql"), include_str!("sql/graphile.sql"))),
    reads: graphile_files,
    command: "graphile-migrate migrate",
};

/// File names, and a lock.
pub(super) static YOYO: Programs = Programs {
    name: "yoyo",
    signs: &[sign("_yoyo_migration", &["migration_hash", "migration_id", "applied_at_utc"])],
    select: Some((include_str!("sql/yoyo.sql"), include_str!("sql/yoyo.sql"))),
    reads: nothing_else,
    command: "yoyo apply",
};

pub(super) static LIQUIBASE: Programs = Programs {
    name: "liquibase",
    signs: &[sign("databasechangelog", &["id", "author", "filename"])],
    select: None,
    reads: nothing_else,
    command: "liquibase update",
};

pub(super) static ATLAS: Programs = Programs {
    name: "atlas",
    signs: &[sign("atlas_schema_revisions", &["version", "hash"])],
    select: None,
    reads: nothing_else,
    command: "atlas migrate apply",
};

impl Tool for Programs {
    fn name(&self) -> &'static str {
        self.name
    }

    fn format(&self) -> Option<Format> {
        None
    }

    fn tables(&self) -> &'static [Sign] {
        self.signs
    }

    fn select(&self, dialect: Dialect) -> Option<&'static str> {
        let (postgres, sqlite) = self.select?;
        Some(match dialect {
            Dialect::Postgres => postgres,
            Dialect::Sqlite => sqlite,
        })
    }

    fn history(&self, rows: &[Row], folder: &Folder) -> Told {
        let mut told = Told::default();
        for row in rows {
            let [Some(version), name, checksum, ..] = row.as_slice() else { continue };
            let name = name.clone().unwrap_or_default();
            told.entries.push(Entry { version: version.clone(), name, checksum: checksum.clone() });
        }
        (self.reads)(rows, folder, &mut told);
        told
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

fn nothing_else(_: &[Row], _: &Folder, _: &mut Told) {}

/// A run that is going on, or one that was killed: knex cannot tell, and neither can we.
fn knex_lock(rows: &[Row], _: &Folder, told: &mut Told) {
    if rows.iter().any(|row| row.get(3).and_then(Option::as_deref) == Some("1")) {
        told.problems.push(problem(
            Severity::Error,
            "knex holds its migration lock: a migration of knex is running, or one was killed",
            "if none is running: npx knex migrate:unlock, look at what the last migration left half done, \
             and adopt again",
        ));
    }
}

/// The ledger leaves out what follows the number in a file's name.
fn graphile_files(_: &[Row], folder: &Folder, told: &mut Told) {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    for entry in &mut told.entries {
        let number = &entry.version[..digits(&entry.version)];
        let file = folder.migrations().iter().map(|m| m.version.as_str());
        if let Some(file) =
            file.into_iter().find(|file| !number.is_empty() && file[..digits(file)] == *number)
        {
            entry.version = file.to_owned();
        }
    }
}

/// The ledger has only the newest revision; what leads to it, the list of revisions says.
fn alembic_ancestors(rows: &[Row], folder: &Folder, told: &mut Told) {
    let heads = std::mem::take(&mut told.entries);
    if let ([head], 1) = (heads.as_slice(), rows.len())
        && let Some(newest) = folder.migrations().iter().position(|m| m.version.as_str() == head.version)
    {
        told.entries.extend(folder.migrations().iter().take(newest + 1).map(|m| Entry {
            version: m.version.to_string(),
            name: m.name.clone(),
            checksum: None,
        }));
        return;
    }
    if heads.len() > 1 {
        told.problems.push(problem(
            Severity::Warning,
            format!("alembic stands at {} heads, whose ancestors its ledger does not name", heads.len()),
            "merge them: alembic merge heads",
        ));
    }
    told.entries = heads;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Row {
        cells.iter().map(|cell| Some((*cell).to_owned())).collect()
    }

    fn revisions(versions: &[&str]) -> Folder {
        let one = |version: &&str| Migration::of_program(version, "", "");
        Folder::of_programs("alembic".into(), versions.iter().map(one).collect(), Vec::new())
            .expect("a folder")
    }

    #[test]
    fn the_head_of_alembic_stands_for_all_that_led_to_it() {
        let folder = revisions(&["a1", "b2", "c3"]);
        let versions = |rows: &[Row]| -> Vec<String> {
            ALEMBIC.history(rows, &folder).entries.into_iter().map(|entry| entry.version).collect()
        };
        assert_eq!(versions(&[row(&["b2", "", ""])]), ["a1", "b2"]);
        assert_eq!(versions(&[row(&["elsewhere", "", ""])]), ["elsewhere"]);
        let two = ALEMBIC.history(&[row(&["b2", "", ""]), row(&["c3", "", ""])], &folder);
        assert_eq!((two.entries.len(), two.problems.len()), (2, 1));
    }

    #[test]
    fn a_held_lock_of_knex_is_a_problem_with_a_way_out() {
        let folder = revisions(&[]);
        assert!(KNEX.history(&[row(&["1_a.js", "", "", "0"])], &folder).problems.is_empty());
        let held = KNEX.history(&[row(&["1_a.js", "", "", "1"])], &folder);
        assert_eq!(held.entries.len(), 1);
        assert!(held.problems[0].help.as_deref().is_some_and(|help| help.contains("migrate:unlock")));
    }
}
