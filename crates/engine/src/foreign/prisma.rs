//! Prisma's ledger, `_prisma_migrations`. Sources: the table as Prisma 6 makes it and the
//! rows it wrote, on Postgres and on SQLite.
//!
//! A name may have several rows: each attempt is one. A row that is neither finished nor
//! rolled back failed, and stops Prisma; one that is finished and not rolled back counts.

use std::collections::HashMap;

use cofferdam_analysis::Severity;
use cofferdam_analysis::sql::Dialect;

use super::{Entry, Row, Sign, Told, Tool, Value, Write, problem, problem_with};
use crate::folder::{Folder, Format, Migration};

/// A random UUID (version 4), as Prisma's ids are.
const UUID_SQLITE: &str = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || \
     substr(hex(randomblob(2)), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) || \
     substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))";

/// The present time as the other rows have it: Prisma's own engine writes milliseconds since
/// 1970, the adapters of JavaScript write text.
const NOW_SQLITE: &str = "case when (select typeof(started_at) from {table} order by rowid desc limit 1) = 'integer' \
     then cast(round((julianday('now') - 2440587.5) * 86400000) as integer) \
     else strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now') end";

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
            columns: &["migration_name", "checksum", "started_at", "finished_at", "rolled_back_at"],
            without: &[],
        }]
    }

    fn select(&self, dialect: Dialect) -> Option<&'static str> {
        Some(match dialect {
            Dialect::Postgres => include_str!("sql/prisma.postgres.sql"),
            Dialect::Sqlite => include_str!("sql/prisma.sqlite.sql"),
        })
    }

    fn history(&self, rows: &[Row], folder: &Folder) -> Told {
        let mut told = Told::default();
        let mut entries: HashMap<&str, usize> = HashMap::new();
        for attempt in rows.iter().filter_map(Attempt::of) {
            if attempt.state != State::Applied {
                continue;
            }
            // Of several the newest one says what the file was; the first one, when it ran.
            let at = *entries.entry(attempt.name).or_insert_with(|| {
                told.entries.push(Entry {
                    version: attempt.name.to_owned(),
                    name: String::new(),
                    checksum: None,
                });
                told.entries.len() - 1
            });
            told.entries[at].checksum = attempt.checksum;
        }
        for attempt in rows.iter().filter_map(Attempt::of) {
            let named = |finding: &cofferdam_analysis::Finding| finding.message == attempt.said();
            let applied = entries.contains_key(attempt.name);
            let matters = match attempt.state {
                State::Failed => true,
                // Nobody expects a file that never counted.
                State::RolledBack => !applied && folder.find(attempt.name).is_some(),
                State::Applied => false,
            };
            if matters && !told.problems.iter().any(named) {
                told.problems.push(attempt.problem(folder));
            }
        }
        told
    }

    fn applied(&self, migration: &Migration, _: &Folder, dialect: Dialect) -> Option<Vec<Write>> {
        let (id, started, finished) = match dialect {
            Dialect::Postgres => ("gen_random_uuid()::text", "now()", "clock_timestamp()"),
            Dialect::Sqlite => (UUID_SQLITE, NOW_SQLITE, NOW_SQLITE),
        };
        Some(vec![Write::Insert(vec![
            ("id", Value::Sql(id)),
            ("checksum", Value::Text(migration.foreign.as_ref()?.written.clone())),
            ("finished_at", Value::Sql(finished)),
            ("migration_name", Value::Text(migration.tag.clone())),
            ("logs", Value::Null),
            ("rolled_back_at", Value::Null),
            ("started_at", Value::Sql(started)),
            ("applied_steps_count", Value::Int(1)),
        ])])
    }

    /// Prisma takes nothing back; without a row it finds the migration pending.
    fn taken_back(&self, migration: &Migration, _: &Folder, _: Dialect) -> Option<Vec<Write>> {
        let name = Value::Text(migration.tag.clone());
        Some(vec![Write::Statement(include_str!("sql/prisma.taken_back.sql"), vec![name])])
    }

    fn migrate_command(&self) -> &'static str {
        "npx prisma migrate deploy"
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Applied,
    Failed,
    RolledBack,
}

/// A row.
struct Attempt<'a> {
    name: &'a str,
    checksum: Option<String>,
    state: State,
}

impl<'a> Attempt<'a> {
    fn of(row: &'a Row) -> Option<Attempt<'a>> {
        let [Some(name), checksum, finished, rolled_back] = row.as_slice() else { return None };
        let is = |flag: &Option<String>| flag.as_deref() == Some("1");
        let state = match (is(finished), is(rolled_back)) {
            (_, true) => State::RolledBack,
            (true, false) => State::Applied,
            (false, false) => State::Failed,
        };
        Some(Attempt { name, checksum: checksum.clone(), state })
    }

    fn said(&self) -> String {
        let name = self.name;
        match self.state {
            State::Failed => format!("prisma left {name} unfinished: it failed, or is being applied now"),
            State::RolledBack => {
                format!("prisma failed in {name} and counts it as rolled back: it is pending again")
            }
            State::Applied => format!("prisma applied {name}"),
        }
    }

    fn problem(&self, folder: &Folder) -> cofferdam_analysis::Finding {
        let name = self.name;
        let (severity, way_out) = match self.state {
            State::Failed => (
                Severity::Error,
                format!(
                    "its `logs` in _prisma_migrations say why; undo by hand what it left and \
                     `npx prisma migrate resolve --rolled-back {name}`, or finish it and \
                     `npx prisma migrate resolve --applied {name}`; then adopt again"
                ),
            ),
            State::RolledBack | State::Applied => (
                Severity::Warning,
                "make sure that nothing of the failed attempt is left before it runs again".to_owned(),
            ),
        };
        match folder.find(name) {
            Some(migration) => problem_with(migration, severity, self.said(), way_out),
            None => problem(severity, self.said(), way_out),
        }
    }
}

#[cfg(test)]
mod tests;
