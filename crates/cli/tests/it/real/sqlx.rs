//! Folders that their applications run by sqlx.

use std::collections::BTreeSet;
use std::path::Path;

use cofferdam_testkit::{Cofferdam, Output};
use serde_json::{Value, json};

use super::fresh::Fresh;
use super::side::{Side, cofferdam, on_each};
use super::{File, Folder, with_folders};
use crate::project::{Project, document};

fn applied(output: &Output) -> Vec<Value> {
    let migrate = document("migrate", output);
    let applied = migrate["applied"].as_array().expect("an array");
    applied.iter().map(|migration| migration["version"].clone()).collect()
}

fn versions(files: &[File]) -> Vec<Value> {
    files.iter().map(|file| json!(file.version)).collect()
}

fn plainly(files: &[File], fresh: &dyn Fn() -> Fresh) -> Fresh {
    let database = fresh();
    database.run_plainly(files.iter().map(|file| file.text.as_str()));
    database
}

#[test]
fn a_fresh_database_gets_the_catalog_of_plain_execution() {
    with_folders(|folder, path, files, fresh| {
        let expected = plainly(files, fresh).catalog();
        let (project, database) = (Project::new(), fresh());
        let output = cofferdam(&project, &database, path, "migrate").run();
        assert_eq!(applied(&output), versions(files), "{}", folder.path);
        database.assert_like(&expected, folder.path);
        cofferdam(&project, &database, path, "migrate").stderr_contains("0 applied").run();
    });
}

#[test]
fn a_history_of_sqlx_is_taken_over_wherever_it_stopped() {
    with_folders(|folder, path, files, fresh| {
        let expected = plainly(files, fresh).catalog();
        for done in 0..=files.len() {
            let database = fresh();
            database.run_by_sqlx(&files[..done]);
            let when = format!("{} after {done} migrations of sqlx", folder.path);
            let took_over = TakeOver { folder, path, files, done, database: &database };
            took_over.run();
            database.assert_like(&expected, &when);
        }
    });
}

/// A database that sqlx brought to `done` of `files`.
struct TakeOver<'a> {
    folder: &'a Folder,
    path: &'a Path,
    files: &'a [File],
    done: usize,
    database: &'a Fresh,
}

impl TakeOver<'_> {
    fn cofferdam(&self, project: &Project, line: &str) -> Cofferdam {
        cofferdam(project, self.database, self.path, line)
    }

    fn run(&self) {
        let project = Project::new();
        let (theirs, pending) = self.files.split_at(self.done);
        let ledger = self.database.sqlx_ledger();
        let before = self.database.catalog();
        let refused = self.cofferdam(&project, "migrate").status(3).stderr("").run();
        let hint = &document("migrate", &refused)["error"]["hint"];
        assert!(hint.as_str().is_some_and(|hint| hint.contains("cofferdam adopt")), "{refused}");
        self.database.assert_like(&before, "a refusal changed something");

        let adopted = document("adopt", &self.cofferdam(&project, "adopt").run());
        assert_eq!(adopted["source"], "sqlx");
        let names: Vec<Value> =
            adopted["adopted"].as_array().expect("an array").iter().map(|m| m["version"].clone()).collect();
        assert_eq!((names, adopted["pending"].clone()), (versions(theirs), json!(versions(pending))));

        let losses = self.losses();
        let mut migrate = "migrate".to_owned();
        if !losses.is_empty() {
            self.refuses(&project, &losses);
            let rules = losses.into_iter().collect::<Vec<_>>().join(",");
            migrate = format!("migrate --allow {rules} --reason nobody-reads-it");
        }
        let output = self.cofferdam(&project, &migrate).run();
        assert_eq!(applied(&output), versions(pending), "{output}");
        assert_eq!(document("migrate", &output)["already"], self.done);

        let status = document("status", &self.cofferdam(&project, "status").run());
        assert_eq!((&status["pending"], &status["problems"]), (&json!([]), &json!([])));
        assert_eq!(document("audit", &self.cofferdam(&project, "audit --verify").run())["verified"], true);
        assert_eq!(self.database.sqlx_ledger(), ledger, "sqlx's ledger was touched");
    }

    /// The rules that refuse: what they lose was made by sqlx.
    fn losses(&self) -> BTreeSet<&'static str> {
        let theirs = |version: &&str| self.files[..self.done].iter().any(|file| file.version == *version);
        let losses = self.folder.losses.iter();
        losses.filter(|(_, made, lost)| theirs(made) && !theirs(lost)).map(|(rule, _, _)| *rule).collect()
    }

    fn refuses(&self, project: &Project, losses: &BTreeSet<&str>) {
        let before = self.database.catalog();
        let refused = self.cofferdam(project, "migrate").status(3).run();
        let refused = document("migrate", &refused);
        assert_eq!(refused["error"]["kind"], "refused");
        let findings = refused["findings"].as_array().unwrap_or_else(|| panic!("{refused:#}"));
        let errors = findings.iter();
        let errors = errors.filter(|finding| finding["severity"] == "error");
        let rules: BTreeSet<&str> = errors.filter_map(|finding| finding["rule"].as_str()).collect();
        assert_eq!(&rules, losses, "{refused:#}");
        self.database.assert_like(&before, "a refusal changed something");
    }
}

#[test]
fn a_refusal_counts_the_rows_that_sqlx_left_and_the_copy_keeps_them() {
    with_folders(|folder, path, files, fresh| {
        let Some((_, _, lost)) = folder.losses.iter().find(|(rule, ..)| *rule == "drop-table") else {
            return;
        };
        let done = files.iter().position(|file| file.version == *lost).expect("the version is there");
        let (project, database) = (Project::new(), fresh());
        database.run_by_sqlx(&files[..done]);
        let columns = match &database {
            Fresh::Postgres(_) => "(client_id, user_id, hostname, timestamp, data)",
            Fresh::Sqlite(_) => "(id, timestamp, hostname, event_type, history_id)",
        };
        let values = match &database {
            Fresh::Postgres(_) => "('a', 1, 'h', now(), 'd'), ('b', 1, 'h', now(), 'd')",
            Fresh::Sqlite(_) => "('a', 1, 'h', 'create', 'x'), ('b', 2, 'h', 'create', 'y')",
        };
        database.sql(&format!("insert into events {columns} values {values}"));
        cofferdam(&project, &database, path, "adopt").run();
        let refused = cofferdam(&project, &database, path, "migrate").status(3).run();
        assert!(refused.stdout.contains("events has 2 rows"), "{refused}");
        assert_eq!(database.sql("select count(*) from events"), "2");
        if let Fresh::Sqlite(file) = &database {
            let allowed = "migrate --allow drop-table --reason nobody-reads-it";
            let output = cofferdam(&project, &database, path, allowed).run();
            let point = document("migrate", &output)["rollback_point"]["path"].clone();
            let copy = file.directory().join(point.as_str().expect("a copy"));
            let copy = rusqlite::Connection::open(copy).expect("the copy opens");
            let rows: i64 =
                copy.query_row("select count(*) from events", [], |row| row.get(0)).expect("a count");
            assert_eq!(rows, 2);
        }
    });
}

const OWN: [(&str, &str, &str); 2] = [
    ("1", "create_notes", "create table notes (id integer);\n"),
    ("2", "create_tags", "create table tags (id integer);\n"),
];

/// A folder of pairs whose first migration sqlx has applied.
fn half(database: &Fresh) -> Side<'_> {
    let side = Side::of(&[], database);
    for (version, name, text) in OWN {
        side.project.write(&format!("sql/{version}_{name}.up.sql"), text);
        side.project.write(&format!("sql/{version}_{name}.down.sql"), "drop table tags;\n");
    }
    let (version, name, text) = OWN[0];
    let (description, text) = (name.replace('_', " "), text.to_owned());
    database.run_by_sqlx(&[File { version: version.to_owned(), description, text }]);
    side
}

#[test]
fn what_is_taken_back_loses_its_row_as_with_sqlx() {
    on_each(|fresh| {
        let database = fresh();
        let side = half(&database);
        let before = database.sqlx_ledger();
        side.run("adopt --keep-in-step", 0);
        side.run("migrate", 0);
        let row =
            "select description, success, execution_time > 0, installed_on is not null from _sqlx_migrations";
        let written = database.sql(&format!("{row} where version = 2"));
        assert!(["create tags|t|t|t", "create tags|1|1|1"].contains(&written.as_str()), "{written}");
        side.run("rollback", 0);
        assert_eq!(database.sqlx_ledger(), before);
        side.run("migrate", 0);
        side.is_clean();
    });
}

#[test]
fn a_row_without_success_and_an_edited_file_are_refused_with_the_way_out() {
    let refusal = |side: &Side<'_>| {
        let refused = document("adopt", &side.run("adopt", 3));
        let text = |field: &str| refused["error"][field].as_str().unwrap_or_default().to_owned();
        (text("message"), text("hint"))
    };
    on_each(|fresh| {
        let database = fresh();
        let side = half(&database);
        side.project.write("sql/1_create_notes.up.sql", OWN[0].2.replace('\n', "\r\n"));
        let (message, hint) = refusal(&side);
        assert!(message.starts_with("1_create_notes.up.sql has other line ends"), "{message}");
        assert!(hint.contains(".gitattributes"), "{hint}");
        side.project.write("sql/1_create_notes.up.sql", "create table notes (id bigint);\n");
        assert!(refusal(&side).0.starts_with("1_create_notes.up.sql was edited after sqlx applied it"));
        side.project.write("sql/1_create_notes.up.sql", OWN[0].2);
        database.sql("update _sqlx_migrations set success = false");
        let (message, hint) = refusal(&side);
        assert_eq!(message, "sqlx left migration 1 (create notes) half applied");
        assert!(hint.contains("delete from _sqlx_migrations where version = 1"), "{hint}");
    });
}
