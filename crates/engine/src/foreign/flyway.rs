//! Flyway's ledger, `flyway_schema_history`. Source: flyway/flyway 12 (JdbcTableSchemaHistory,
//! CoreMigrationType, MigrationInfoServiceImpl), the same since version 5.
//!
//! Every run adds a row and the last row of a version counts. What is taken back here loses
//! its row: the community edition has no undo and would count the version as applied if an
//! `UNDO_SQL` row stood beside it.

use std::collections::HashMap;

use cofferdam_analysis::Severity;
use cofferdam_analysis::sql::Dialect;

use super::{Entry, Row, Sign, Told, Tool, Unit, Value, Write, problem};
use crate::folder::flyway::{description, is_baseline};
use crate::folder::{Folder, Format, Key, Migration};

#[derive(Debug)]
pub(super) struct Flyway;

/// What its column holds.
const DESCRIPTION_LENGTH: usize = 200;

/// What a row of its ledger stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A file of SQL.
    File,
    /// A program of the application: Java, a script.
    Program,
    /// A file that stands for all versions up to its own.
    BaselineFile,
    /// The database was like this before Flyway came.
    Baseline,
    /// Flyway made the schema; no migration.
    Schema,
    /// Its version does not count any more.
    Gone,
}

impl Kind {
    fn of(text: &str) -> Kind {
        match text {
            "SQL" => Kind::File,
            "SQL_BASELINE" => Kind::BaselineFile,
            "BASELINE" => Kind::Baseline,
            "SCHEMA" => Kind::Schema,
            "DELETE" => Kind::Gone,
            undo if undo.starts_with("UNDO_") => Kind::Gone,
            // JDBC, SCRIPT, CUSTOM, SPRING_JDBC, and their baselines.
            _ => Kind::Program,
        }
    }
}

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
            columns: &["installed_rank", "version", "description", "type", "script", "checksum", "success"],
            without: &[],
        }]
    }

    fn select(&self, dialect: Dialect) -> Option<&'static str> {
        Some(match dialect {
            Dialect::Postgres => include_str!("sql/flyway.sql"),
            Dialect::Sqlite => include_str!("sql/flyway.sqlite.sql"),
        })
    }

    fn history(&self, rows: &[Row], folder: &Folder) -> Told {
        let mut history = Reading { folder, told: Told::default(), entries: Vec::new(), at: HashMap::new() };
        for row in rows {
            let [version, name, Some(kind), checksum, success, ..] = row.as_slice() else { continue };
            let entry = entry(version.as_deref(), name.as_deref().unwrap_or_default(), checksum.as_deref());
            match success.as_deref() {
                Some("1") => history.count(Kind::of(kind), entry),
                _ => history.told.problems.push(failed(&entry)),
            }
        }
        history.told.problems.extend(rows.last().and_then(elsewhere));
        Told { entries: history.entries.into_iter().flatten().collect(), ..history.told }
    }

    fn without_file(&self, entry: &Entry, rows: &[Row]) -> bool {
        // What could run again leaves no gap when its file is gone.
        let repeatable = Format::Flyway.version(&entry.version, "").is_some_and(|v| v.is_repeatable());
        let last = rows.iter().rev().find(|row| row.first() == Some(&Some(entry.version.clone())));
        let program =
            last.and_then(|row| row.get(2)?.as_deref()).is_some_and(|kind| Kind::of(kind) == Kind::Program);
        repeatable || program
    }

    fn applied(&self, migration: &Migration, _: &Folder, dialect: Dialect) -> Option<Vec<Write>> {
        let checksum = migration.foreign.as_ref()?.written.parse().ok()?;
        Some(vec![Write::Insert(vec![
            ("installed_rank", Value::Sql("(select coalesce(max(installed_rank), 0) + 1 from {table})")),
            ("version", version(migration).map_or(Value::Null, Value::Text)),
            ("description", Value::Text(short(description(&migration.name)))),
            ("type", Value::Text(if is_baseline(migration) { "SQL_BASELINE" } else { "SQL" }.to_owned())),
            ("script", Value::Text(migration.tag.clone())),
            ("checksum", Value::Int(checksum)),
            (
                "installed_by",
                match dialect {
                    Dialect::Postgres => Value::Sql("current_user"),
                    // Nobody, as Flyway has it there.
                    Dialect::Sqlite => Value::Text(String::new()),
                },
            ),
            ("execution_time", Value::Took(Unit::Millis)),
            ("success", Value::Bool(true)),
        ])])
    }

    fn taken_back(&self, migration: &Migration, _: &Folder, _: Dialect) -> Option<Vec<Write>> {
        Some(vec![Write::Delete(match version(migration) {
            Some(version) => vec![("version", Value::Text(version))],
            None => vec![("script", Value::Text(migration.tag.clone()))],
        })])
    }

    fn migrate_command(&self) -> &'static str {
        "flyway migrate"
    }
}

/// What the rows so far come to.
struct Reading<'a> {
    folder: &'a Folder,
    told: Told,
    /// In the order of their rows; `None` where a later row took one back.
    entries: Vec<Option<Entry>>,
    /// Where the entry of a migration stands.
    at: HashMap<Key, usize>,
}

impl Reading<'_> {
    fn count(&mut self, kind: Kind, mut entry: Entry) {
        match kind {
            Kind::Schema => {}
            Kind::Gone => self.forget(&entry),
            Kind::Baseline => self.count_before(&entry),
            Kind::BaselineFile => {
                self.count_before(&entry);
                if self.folder.find(&entry.version).is_none_or(is_baseline) {
                    self.put(entry);
                }
            }
            Kind::File | Kind::Program => {
                let here = self.folder.find(&entry.version);
                match here {
                    // The file that stands for it now has another text.
                    Some(file) if is_baseline(file) => entry.checksum = None,
                    None if self.is_stood_for(&entry) => return self.forget(&entry),
                    Some(_) | None => {}
                }
                self.put(entry);
            }
        }
    }

    /// Whether a baseline file of the folder stands for it.
    fn is_stood_for(&self, entry: &Entry) -> bool {
        let version = Format::Flyway.version(&entry.version, "");
        self.folder
            .migrations()
            .iter()
            .any(|m| is_baseline(m) && version.as_ref().is_some_and(|v| *v < m.version))
    }

    /// The files up to a baseline count as applied: they are what stood there before.
    fn count_before(&mut self, baseline: &Entry) {
        let Some(upto) = Format::Flyway.version(&baseline.version, "") else { return };
        for migration in self.folder.migrations() {
            let before = !migration.version.is_repeatable()
                && (migration.version < upto || migration.version.key() == upto.key());
            let entry = Entry {
                version: migration.version.to_string(),
                name: description(&migration.name),
                checksum: None,
            };
            if before && !self.at.contains_key(&key(&entry)) {
                self.put(entry);
            }
        }
    }

    /// The last row of a version counts, in its place.
    fn put(&mut self, entry: Entry) {
        self.forget(&entry);
        self.at.insert(key(&entry), self.entries.len());
        self.entries.push(Some(entry));
    }

    fn forget(&mut self, entry: &Entry) {
        if let Some(at) = self.at.remove(&key(entry)) {
            self.entries[at] = None;
        }
    }
}

/// What tells migrations apart: versions that Flyway takes for equal are one.
fn key(entry: &Entry) -> Key {
    match Format::Flyway.version(&entry.version, "") {
        Some(version) => version.key().clone(),
        None => Key::Text(entry.version.clone()),
    }
}

/// A row as an entry; one without a version is of a file that runs again.
fn entry(version: Option<&str>, name: &str, checksum: Option<&str>) -> Entry {
    Entry {
        version: version.map_or_else(|| format!("R__{}", name.replace(' ', "_")), str::to_owned),
        name: name.to_owned(),
        checksum: checksum.map(str::to_owned),
    }
}

fn failed(entry: &Entry) -> cofferdam_analysis::Finding {
    problem(
        Severity::Error,
        format!("flyway left {} ({}) failed: a part of it may be there", entry.version, entry.name),
        "undo by hand what is there of it, then `flyway repair` takes its row out; then go on here",
    )
}

/// Flyway sets the search path to the schema of its ledger, and the files count on it.
fn elsewhere(row: &Row) -> Option<cofferdam_analysis::Finding> {
    let [_, _, _, _, _, Some(ledger), session] = row.as_slice() else { return None };
    let session = session.as_deref().unwrap_or("none");
    (ledger != session).then(|| {
        problem(
            Severity::Error,
            format!("flyway's ledger is in the schema {ledger}, and this session's own schema is {session}"),
            format!(
                "names without a schema mean {ledger} to flyway: add schema={ledger} to the database URL, \
                 or set the role's search_path"
            ),
        )
    })
}

/// As the ledger writes it; what runs again has none.
fn version(migration: &Migration) -> Option<String> {
    match migration.version.key() {
        Key::Dotted(_) => Some(migration.version.to_string()),
        Key::Repeatable(_) | Key::Number(_) | Key::Text(_) => None,
    }
}

/// Flyway cuts what is too long for its column in this way.
fn short(text: String) -> String {
    match text.chars().count() {
        0..=DESCRIPTION_LENGTH => text,
        _ => text.chars().take(DESCRIPTION_LENGTH - 3).chain("...".chars()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> Folder {
        let root = tempfile::tempdir().expect("a folder");
        for file in files {
            std::fs::write(root.path().join(file), "").expect("a file");
        }
        Folder::read(root.path(), Some(Format::Flyway)).expect("a folder")
    }

    fn told(files: &[&str], rows: &[(Option<&str>, &str, &str, Option<&str>, bool)]) -> Told {
        let rows: Vec<Row> = rows
            .iter()
            .map(|(version, name, kind, checksum, success)| {
                let text = |text: &str| Some(text.to_owned());
                let checksum = checksum.map(str::to_owned);
                vec![
                    version.map(str::to_owned),
                    text(name),
                    text(kind),
                    checksum,
                    text(if *success { "1" } else { "0" }),
                ]
            })
            .collect();
        Flyway.history(&rows, &folder(files))
    }

    fn shown(told: &Told) -> Vec<String> {
        let checksum = |entry: &Entry| entry.checksum.clone().unwrap_or_else(|| "-".to_owned());
        told.entries.iter().map(|entry| format!("{} {}", entry.version, checksum(entry))).collect()
    }

    #[test]
    fn the_last_row_of_a_version_counts() {
        let told = told(
            &["V1__a.sql", "V2__b.sql", "V3__c.sql", "R__v.sql"],
            &[
                (None, "<< Flyway Schema Creation >>", "SCHEMA", None, true),
                (Some("1"), "a", "SQL", Some("11"), true),
                (None, "v", "SQL", Some("1"), true),
                (Some("2"), "b", "SQL", Some("12"), true),
                (Some("3"), "c", "SQL", Some("13"), true),
                (Some("3"), "c", "UNDO_SQL", Some("99"), true),
                (Some("2.0"), "b", "DELETE", None, true),
                (None, "v", "SQL", Some("2"), true),
                (Some("3"), "c", "SQL", Some("23"), true),
            ],
        );
        assert_eq!(shown(&told), ["1 11", "R__v 2", "3 23"]);
        assert!(told.problems.is_empty());
    }

    #[test]
    fn files_up_to_a_baseline_count_without_checksum() {
        let told = told(
            &["V1__a.sql", "V1_5__a.sql", "V2__b.sql", "V3__c.sql", "R__v.sql"],
            &[
                (Some("2"), "<< Flyway Baseline >>", "BASELINE", None, true),
                (Some("3"), "c", "SQL", Some("7"), true),
            ],
        );
        assert_eq!(shown(&told), ["1 -", "1.5 -", "2 -", "3 7"]);
    }

    #[test]
    fn a_baseline_file_stands_for_rows_whose_files_are_gone() {
        let rows = [
            (Some("1"), "a", "SQL", Some("1"), true),
            (Some("2"), "b", "SQL", Some("2"), true),
            (Some("3"), "c", "SQL", Some("3"), true),
        ];
        assert_eq!(shown(&told(&["B2__base.sql", "V3__c.sql"], &rows)), ["2 -", "3 3"]);
        let by_baseline = [(Some("2"), "base", "SQL_BASELINE", Some("5"), true)];
        assert_eq!(shown(&told(&["B2__base.sql", "V3__c.sql"], &by_baseline)), ["2 5"]);
        assert_eq!(shown(&told(&["V1__a.sql", "V2__b.sql", "V3__c.sql"], &by_baseline)), ["1 -", "2 -"]);
    }

    #[test]
    fn a_failed_row_is_a_problem_and_no_entry() {
        let told = told(&["V1__a.sql"], &[(Some("1"), "a", "SQL", Some("1"), false)]);
        assert!(told.entries.is_empty());
        assert_eq!(told.problems[0].message, "flyway left 1 (a) failed: a part of it may be there");
        assert!(told.problems[0].help.as_ref().is_some_and(|help| help.contains("flyway repair")));
    }

    #[test]
    fn a_ledger_in_another_schema_than_the_sessions_is_a_problem() {
        let row = |ledger: &str, session: Option<&str>| -> Row {
            let text = |text: &str| Some(text.to_owned());
            vec![text("1"), text("a"), text("SQL"), None, text("1"), text(ledger), session.map(str::to_owned)]
        };
        let problems = |row| Flyway.history(&[row], &folder(&["V1__a.sql"])).problems;
        assert!(problems(row("public", Some("public"))).is_empty());
        let problem = &problems(row("app", Some("public")))[0];
        assert!(problem.message.ends_with("this session's own schema is public"), "{}", problem.message);
        assert_eq!(problems(row("app", None)).len(), 1);
    }

    #[test]
    fn programs_and_repeatables_need_no_file() {
        let row = |version: Option<&str>, kind: &str| {
            vec![version.map(str::to_owned), None, Some(kind.to_owned()), None, Some("1".to_owned())]
        };
        let rows = [row(Some("1"), "SQL"), row(Some("2"), "JDBC"), row(None, "SQL")];
        let without = |version| Flyway.without_file(&entry(version, "v", None), &rows);
        assert_eq!((without(Some("1")), without(Some("2")), without(None)), (false, true, true));
    }

    #[test]
    fn a_long_description_is_cut_as_flyway_cuts_it() {
        let cut = short("x".repeat(201));
        assert!(cut.len() == 200 && cut.ends_with("x..."));
        assert_eq!(short("x".repeat(200)).len(), 200);
    }
}
