//! Drizzle's ledger, `__drizzle_migrations`. Sources: the table and its rows as
//! drizzle-orm 0.45 and 1.0 (release candidate) make them, on Postgres and on SQLite.
//!
//! Up to 0.x a row is known by `created_at`, the time in the journal, and Drizzle runs
//! what is newer than the newest row: what is older and has no row it never runs, without
//! a word. From 1.0 on a row has the folder's name, and what has no row is run. The hash
//! is written and never looked at; we do look, and find rows by it that nothing else finds.

use std::collections::HashSet;

use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Finding, Severity};

use super::{Entry, Row, Sign, Table, Told, Tool, Value, Write, problem_with};
use crate::folder::{Folder, Format, Migration};

#[derive(Debug)]
pub(super) struct Drizzle;

impl Tool for Drizzle {
    fn name(&self) -> &'static str {
        "drizzle"
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Drizzle)
    }

    fn tables(&self) -> &'static [Sign] {
        &[Sign { table: "__drizzle_migrations", columns: &["hash", "created_at"], without: &[] }]
    }

    fn select(&self, dialect: Dialect) -> Option<&'static str> {
        Some(match dialect {
            Dialect::Postgres => include_str!("sql/drizzle.postgres.sql"),
            Dialect::Sqlite => include_str!("sql/drizzle.sqlite.sql"),
        })
    }

    fn history(&self, rows: &[Row], folder: &Folder) -> Told {
        let rows: Vec<Ran<'_>> = rows.iter().filter_map(Ran::of).collect();
        let mut told = Told::default();
        let mut seen: HashSet<String> = HashSet::new();
        for row in &rows {
            let version = match row.migration(folder) {
                Some(migration) => migration.tag.clone(),
                None => row.described(),
            };
            // A file that was run twice under two times counts once.
            if seen.insert(version.clone()) {
                told.entries.push(Entry {
                    version,
                    name: String::new(),
                    checksum: Some(row.hash.to_owned()),
                });
            }
        }
        if folder.goes_by_stamps() {
            let newest = rows.iter().filter_map(|row| row.created_at).max();
            let without_row = |m: &&Migration| !seen.contains(&m.tag);
            let late =
                |m: &&Migration| m.stamp.is_some_and(|when| newest.is_some_and(|newest| when <= newest));
            let skipped: Vec<&Migration> =
                folder.migrations().iter().filter(without_row).filter(late).collect();
            told.problems.extend(skipped.into_iter().map(skipped_finding));
        }
        told
    }

    fn applied(&self, migration: &Migration, folder: &Folder, dialect: Dialect) -> Option<Vec<Write>> {
        let mut row = vec![
            ("hash", Value::Text(migration.foreign.as_ref()?.written.clone())),
            ("created_at", migration.stamp.map_or(Value::Null, Value::Int)),
        ];
        if !folder.goes_by_stamps() {
            row.push(("name", Value::Text(migration.tag.clone())));
            row.push((
                "applied_at",
                Value::Sql(match dialect {
                    Dialect::Postgres => "now()",
                    Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
                }),
            ));
        }
        Some(vec![Write::Insert(row)])
    }

    /// Drizzle takes nothing back; without a row it finds the migration pending, if it is the newest.
    fn taken_back(&self, migration: &Migration, folder: &Folder, _: Dialect) -> Option<Vec<Write>> {
        if !folder.goes_by_stamps() {
            return Some(vec![Write::Delete(vec![("name", Value::Text(migration.tag.clone()))])]);
        }
        let stamp = migration.stamp?;
        let mut row = vec![("created_at", Value::Int(stamp))];
        if folder.migrations().iter().filter(|other| other.stamp == Some(stamp)).count() > 1 {
            row.push(("hash", Value::Text(migration.foreign.as_ref()?.written.clone())));
        }
        Some(vec![Write::Delete(row)])
    }

    fn migrate_command(&self) -> &'static str {
        "npx drizzle-kit migrate"
    }

    fn also_when_edited(&self, migration: &Migration, table: &Table) -> Option<String> {
        let now = &migration.foreign.as_ref()?.written;
        Some(format!(
            "drizzle itself never compares: where the database has what the file says now, \
             `update {table} set hash = '{now}' where created_at = {}` says so",
            migration.stamp?
        ))
    }

    /// What 1.0 writes needs columns that it adds when it runs for the first time.
    fn cannot_keep_in_step(&self, rows: &[Row], folder: &Folder) -> Option<Error> {
        let old = |row: &Row| row.get(3).is_some_and(|named| named.as_deref() == Some("0"));
        let both = !folder.goes_by_stamps() && rows.iter().any(old);
        both.then(|| {
            Error::refused(
                "cannot keep drizzle's ledger in step: the folder is of drizzle 1.0, and the ledger still of 0.x",
            )
            .hint("npx drizzle-kit migrate of 1.0 brings the ledger up once; or adopt without --keep-in-step")
        })
    }
}

fn skipped_finding(migration: &Migration) -> Finding {
    problem_with(
        migration,
        Severity::Warning,
        format!(
            "drizzle never ran {} and never will: its time in the journal is not after that of the newest row",
            migration.tag
        ),
        "if the database lacks it, generate it again as the newest one, or let cofferdam migrate run it: \
         out_of_order = \"apply\" under [migrations] in cofferdam.toml; if it is not wanted, take it out of the journal",
    )
}

/// A row.
struct Ran<'a> {
    created_at: Option<i64>,
    hash: &'a str,
    /// From 1.0 on.
    name: Option<&'a str>,
}

impl<'a> Ran<'a> {
    fn of(row: &'a Row) -> Option<Ran<'a>> {
        let [created_at, hash, name, _] = row.as_slice() else { return None };
        Some(Ran {
            created_at: created_at.as_deref().and_then(|text| text.parse().ok()),
            hash: hash.as_deref().unwrap_or_default(),
            name: name.as_deref(),
        })
    }

    /// The file that it speaks of, as drizzle finds it: by name; by time, which a folder's
    /// name has only to the second; then by hash.
    fn migration<'f>(&self, folder: &'f Folder) -> Option<&'f Migration> {
        let all = || folder.migrations().iter();
        if let Some(name) = self.name {
            return match folder.goes_by_stamps() {
                true => self.by_time_or_hash(folder),
                false => all().find(|m| m.tag == name),
            };
        }
        self.by_time_or_hash(folder)
    }

    fn by_time_or_hash<'f>(&self, folder: &'f Folder) -> Option<&'f Migration> {
        let unit = if folder.goes_by_stamps() { 1 } else { 1_000 };
        let time = self.created_at.map(|at| at.div_euclid(unit));
        let of_time = |m: &&Migration| time.is_some() && m.stamp.map(|at| at.div_euclid(unit)) == time;
        let of_hash = |m: &&Migration| m.foreign.as_ref().is_some_and(|hash| hash.accepts(self.hash));
        let same_time: Vec<&Migration> = folder.migrations().iter().filter(of_time).collect();
        match same_time.as_slice() {
            [one] => Some(one),
            [] => {
                let mut same_text = folder.migrations().iter().filter(of_hash);
                same_text.next().filter(|_| same_text.next().is_none())
            }
            several => several.iter().copied().find(of_hash),
        }
    }

    /// Of one whose file is not there.
    fn described(&self) -> String {
        match (self.name, self.created_at) {
            (Some(name), _) => name.to_owned(),
            (None, Some(at)) => format!("the migration of created_at {at}"),
            (None, None) => format!("the migration of hash {}", self.hash),
        }
    }
}

#[cfg(test)]
mod tests;
