//! Folders and ledgers of Flyway. There is no Flyway here to run: the ledger is written as
//! its source does (flyway/flyway 12, PostgreSQLDatabase and SQLiteDatabase), the checksums
//! are those of another program's CRC-32.

use serde_json::{Value, json};

use super::fresh::Fresh;
use super::side::{Side, on_each};
use crate::project::document;

const NOTES: &str = "create table notes (id integer primary key, body text not null);\n";
const STATUS: &str = "alter table notes add column status text;\n";
const TAGS: &str = "create table tags (id integer primary key, name text not null);\r\n";
const OPEN: &str =
    "drop view if exists open_notes;\ncreate view open_notes as select id from notes where status is null;\n";
const OPEN_EDITED: &str = "drop view if exists open_notes;\ncreate view open_notes as select id, body from notes where status is null;\n";

const FILES: [(&str, &str); 5] = [
    ("V1__create_notes.sql", NOTES),
    ("V1_1__add_status.sql", STATUS),
    ("later/V2__create_tags.sql", TAGS),
    ("later/U2__create_tags.sql", "drop table tags;\n"),
    ("R__open_notes.sql", OPEN),
];

const LEDGER_POSTGRES: &str = r#"create table "flyway_schema_history" (
    "installed_rank" int not null, "version" varchar(50), "description" varchar(200) not null,
    "type" varchar(20) not null, "script" varchar(1000) not null, "checksum" integer,
    "installed_by" varchar(100) not null, "installed_on" timestamp not null default now(),
    "execution_time" integer not null, "success" boolean not null);
  alter table "flyway_schema_history" add constraint "flyway_schema_history_pk" primary key ("installed_rank");
  create index "flyway_schema_history_s_idx" on "flyway_schema_history" ("success")"#;
const LEDGER_SQLITE: &str = r#"create table "flyway_schema_history" (
    "installed_rank" int not null primary key, "version" varchar(50), "description" varchar(200) not null,
    "type" varchar(20) not null, "script" varchar(1000) not null, "checksum" int,
    "installed_by" varchar(100) not null,
    "installed_on" text not null default (strftime('%Y-%m-%d %H:%M:%f','now')),
    "execution_time" int not null, "success" boolean not null);
  create index "main"."flyway_schema_history_s_idx" on "flyway_schema_history" ("success")"#;

/// What a row of Flyway's says beside its rank, its user and its times.
type Row = (Option<&'static str>, &'static str, &'static str, &'static str, Option<i32>, bool);

const ROW_NOTES: Row = (Some("1"), "create notes", "SQL", "V1__create_notes.sql", Some(1_582_065_468), true);
const ROW_STATUS: Row =
    (Some("1.1"), "add status", "SQL", "V1_1__add_status.sql", Some(-1_513_967_035), true);
const ROW_OPEN: Row = (None, "open notes", "SQL", "R__open_notes.sql", Some(480_206_882), true);
const ROW_BASELINE: Row =
    (Some("1.1"), "<< Flyway Baseline >>", "BASELINE", "<< Flyway Baseline >>", None, true);
const ROW_SCHEMA: Row = (None, "<< Flyway Schema Creation >>", "SCHEMA", "\"app\"", None, true);

fn ledger(database: &Fresh, rows: &[Row]) {
    let (table, user) = match database {
        Fresh::Postgres(_) => (LEDGER_POSTGRES, "current_user"),
        Fresh::Sqlite(_) => (LEDGER_SQLITE, "''"),
    };
    database.sql(table);
    let text = |text: Option<&str>| text.map_or("null".to_owned(), |text| format!("'{text}'"));
    for (at, (version, description, kind, script, checksum, success)) in rows.iter().enumerate() {
        let rank = if *kind == "SCHEMA" { 0 } else { at + 1 };
        let (version, checksum) = (text(*version), checksum.map_or("null".to_owned(), |sum| sum.to_string()));
        database.sql(&format!(
            "insert into flyway_schema_history (installed_rank, version, description, type, script, checksum,
               installed_by, execution_time, success) values ({rank}, {version}, '{description}', '{kind}',
               '{script}', {checksum}, {user}, 12, {success})"
        ));
    }
}

/// The ledger but for its times.
fn rows(database: &Fresh) -> String {
    database.sql(
        "select installed_rank, version, description, type, script, checksum, execution_time >= 0, success,
           installed_on is not null
         from flyway_schema_history order by installed_rank",
    )
}

/// What Flyway did with the first two files and the view.
fn half(database: &Fresh) {
    database.run_plainly([NOTES, STATUS, OPEN]);
    ledger(database, &[ROW_NOTES, ROW_STATUS, ROW_OPEN]);
}

fn versions(rows: &Value) -> Vec<&str> {
    rows.as_array().expect("an array").iter().filter_map(|row| row["version"].as_str()).collect()
}

#[test]
fn its_history_is_taken_over_and_the_rest_runs_with_both_ledgers_in_step() {
    on_each(|fresh| {
        let expected = fresh();
        expected.run_plainly([NOTES, STATUS, OPEN, TAGS]);
        let database = fresh();
        half(&database);
        let side = Side::of(&FILES, &database);
        let refused = document("migrate", &side.run("migrate", 3));
        assert!(refused["error"]["hint"].as_str().is_some_and(|hint| hint.contains("cofferdam adopt")));

        let adopted = document("adopt", &side.run("adopt --keep-in-step", 0));
        assert_eq!(adopted["source"], "flyway");
        assert_eq!(versions(&adopted["adopted"]), ["1", "1.1", "R__open_notes"]);
        assert_eq!(adopted["pending"], json!(["2"]));
        let migrated = document("migrate", &side.run("migrate", 0));
        assert_eq!(versions(&migrated["applied"]), ["2"]);
        side.is_clean();
        database.assert_like(&expected.catalog(), "after both");

        let all = fresh();
        ledger(
            &all,
            &[
                ROW_NOTES,
                ROW_STATUS,
                ROW_OPEN,
                (Some("2"), "create tags", "SQL", "later/V2__create_tags.sql", Some(1_910_262_735), true),
            ],
        );
        assert_eq!(rows(&database), rows(&all));
        let users = database.sql("select count(distinct installed_by) from flyway_schema_history");
        assert_eq!(users, "1", "the same user as Flyway writes");
    });
}

#[test]
fn without_being_asked_nothing_is_written_to_its_ledger() {
    on_each(|fresh| {
        let database = fresh();
        half(&database);
        let before = rows(&database);
        let side = Side::of(&FILES, &database);
        side.run("adopt", 0);
        side.run("migrate", 0);
        side.is_clean();
        assert_eq!(rows(&database), before);
    });
}

#[test]
fn what_is_repeatable_runs_once_more_when_it_changed() {
    on_each(|fresh| {
        let database = fresh();
        half(&database);
        let side = Side::of(&FILES, &database);
        side.run("adopt --keep-in-step", 0);
        side.run("migrate", 0);
        for (text, columns) in [(OPEN_EDITED, 2), (OPEN, 1)] {
            side.project.write("sql/R__open_notes.sql", text);
            let status = document("status", &side.run("status", 0));
            assert_eq!(versions(&status["pending"]), ["R__open_notes"]);
            assert_eq!(status["problems"], json!([]));
            let migrated = document("migrate", &side.run("migrate", 0));
            assert_eq!(versions(&migrated["applied"]), ["R__open_notes"]);
            let width = match &database {
                Fresh::Postgres(_) => database
                    .sql("select count(*) from information_schema.columns where table_name = 'open_notes'"),
                Fresh::Sqlite(_) => database.sql("select count(*) from pragma_table_info('open_notes')"),
            };
            assert_eq!(width, columns.to_string());
            side.is_clean();
        }
        let sums = database
            .sql("select checksum from flyway_schema_history where version is null order by installed_rank");
        assert_eq!(sums.lines().collect::<Vec<_>>(), ["480206882", "-1599193623", "480206882"]);
    });
}

#[test]
fn a_repeatable_that_changed_since_flyway_ran_it_is_pending_after_adopting() {
    on_each(|fresh| {
        let database = fresh();
        half(&database);
        let side = Side::of(&FILES, &database);
        side.project.write("sql/R__open_notes.sql", OPEN_EDITED);
        let adopted = document("adopt", &side.run("adopt", 0));
        assert_eq!(adopted["pending"], json!(["2", "R__open_notes"]));
        let migrated = document("migrate", &side.run("migrate", 0));
        assert_eq!(versions(&migrated["applied"]), ["2", "R__open_notes"]);
        side.is_clean();
    });
}

#[test]
fn an_undo_file_takes_its_version_back_and_out_of_its_ledger() {
    on_each(|fresh| {
        let database = fresh();
        half(&database);
        let side = Side::of(&FILES, &database);
        side.run("adopt --keep-in-step", 0);
        let before = rows(&database);
        side.run("migrate", 0);
        side.run("rollback", 0);
        assert_eq!(rows(&database), before);
        let status = document("status", &side.run("status", 0));
        assert_eq!(versions(&status["pending"]), ["2"]);
        side.run("migrate", 0);
        side.is_clean();
    });
}

#[test]
fn a_baseline_row_counts_for_the_files_before_it() {
    on_each(|fresh| {
        let database = fresh();
        database.run_plainly([NOTES, STATUS]);
        ledger(&database, &[ROW_BASELINE]);
        let side = Side::of(&FILES, &database);
        let adopted = document("adopt", &side.run("adopt", 0));
        assert_eq!(versions(&adopted["adopted"]), ["1", "1.1"]);
        side.run("migrate", 0);
        side.is_clean();
    });
}

#[test]
fn programs_deleted_versions_and_schema_rows_do_not_stand_in_the_way() {
    on_each(|fresh| {
        let database = fresh();
        database.run_plainly([NOTES, STATUS]);
        ledger(
            &database,
            &[
                ROW_SCHEMA,
                ROW_NOTES,
                (Some("1.0.5"), "Import", "JDBC", "db.migration.V1_0_5__Import", None, true),
                (Some("1.0.7"), "gone", "SQL", "V1_0_7__gone.sql", Some(7), true),
                (Some("1.0.7"), "gone", "DELETE", "V1_0_7__gone.sql", Some(7), true),
                ROW_STATUS,
            ],
        );
        let side = Side::of(&FILES, &database);
        let adopted = document("adopt", &side.run("adopt --keep-in-step", 0));
        assert_eq!(versions(&adopted["adopted"]), ["1", "1.0.5", "1.1"]);
        side.run("migrate", 0);
        side.is_clean();
    });
}

#[test]
fn a_history_that_does_not_fit_is_refused_with_the_way_out() {
    let cases: [(&[Row], &str, &str); 4] = [
        (
            &[ROW_NOTES, (Some("1.1"), "add status", "SQL", "V1_1__add_status.sql", Some(5), false)],
            "flyway left 1.1 (add status) failed",
            "flyway repair",
        ),
        (
            &[(Some("1"), "create notes", "SQL", "V1__create_notes.sql", Some(5), true)],
            "V1__create_notes.sql was edited after flyway applied it",
            "put the file back",
        ),
        (
            &[ROW_NOTES, (Some("1.0.7"), "gone", "SQL", "V1_0_7__gone.sql", Some(7), true)],
            "flyway applied 1.0.7_gone, and its file is not in",
            "bring the file back",
        ),
        (
            &[ROW_NOTES, (Some("9"), "future", "SQL", "V9__future.sql", Some(7), true)],
            "flyway applied 9_future, and its file is not in",
            "bring the file back",
        ),
    ];
    on_each(|fresh| {
        for (rows, message, way_out) in &cases {
            let database = fresh();
            ledger(&database, rows);
            let side = Side::of(&FILES, &database);
            let refused = document("adopt", &side.run("adopt", 3));
            let error = &refused["error"];
            assert!(error["message"].as_str().is_some_and(|text| text.contains(message)), "{error:#}");
            assert!(error["hint"].as_str().is_some_and(|text| text.contains(way_out)), "{error:#}");
        }
    });
}

#[test]
fn line_ends_are_no_edit_to_flyway() {
    on_each(|fresh| {
        let database = fresh();
        half(&database);
        let side = Side::of(&FILES, &database);
        side.project.write("sql/V1__create_notes.sql", NOTES.replace('\n', "\r\n"));
        side.run("adopt", 0);
        side.run("migrate", 0);
        side.is_clean();
    });
}

#[test]
fn a_late_file_is_refused_as_flyway_does_unless_said_otherwise() {
    on_each(|fresh| {
        let database = fresh();
        half(&database);
        let side = Side::of(&FILES, &database);
        side.run("adopt", 0);
        side.run("migrate", 0);
        side.project.write("sql/V1_5__late.sql", "create table late (id integer primary key);");
        let refused = document("migrate", &side.run("migrate", 3));
        assert!(
            refused["error"]["message"]
                .as_str()
                .is_some_and(|m| m.contains("V1_5__late.sql is older than 2"))
        );
        side.project.write("cofferdam.toml", "[migrations]\nout_of_order = \"apply\"\n");
        side.run("migrate", 0);
        side.is_clean();
    });
}

#[test]
fn a_file_with_a_placeholder_never_runs_as_it_stands() {
    on_each(|fresh| {
        let database = fresh();
        let files =
            [("V1__a.sql", "create table ${prefix}notes (id integer primary key);\n-- ${flyway:filename}\n")];
        let side = Side::of(&files, &database);
        let refused = document("migrate", &side.run("migrate", 2));
        let error = &refused["error"];
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|m| m.ends_with("V1__a.sql, line 1: the placeholder ${prefix} has no value")),
            "{error:#}"
        );
        assert_eq!(error["place"]["line"], 1);
        side.project.write("cofferdam.toml", "[migrations.placeholders]\nprefix = \"app_\"\n");
        side.run("migrate", 0);
        assert_eq!(database.sql("select count(*) from app_notes"), "0");
        side.is_clean();
    });
}

#[test]
fn a_ledger_in_a_schema_of_its_own_is_taken_over_with_that_schema_as_the_sessions() {
    for major in cofferdam_testkit::postgres::majors() {
        let database = Fresh::postgres(major);
        database.sql("create schema app");
        let role = database.sql("select quote_ident(current_database())");
        database.sql(&format!("alter database {role} set search_path = app"));
        half(&database);
        database.sql(&format!("alter database {role} reset search_path"));
        let side = Side::of(&FILES, &database);
        let refused = document("adopt", &side.run("adopt", 3));
        let hint = refused["error"]["hint"].as_str().unwrap_or_default();
        assert!(hint.contains("add schema=app to the database URL"), "{refused:#}");

        let url = database.url();
        let url = format!("{url}{}schema=app", if url.contains('?') { '&' } else { '?' });
        for line in ["adopt --keep-in-step", "migrate"] {
            let command = side.project.cofferdam(line).args(["--format", "json", "--database-url", &url]);
            command.args(["--dir", "sql"]).run();
        }
        assert_eq!(database.sql("select count(*) from app.flyway_schema_history"), "4");
        assert_eq!(database.sql("select to_regclass('app.tags') is not null"), "t");
    }
}

#[test]
fn a_file_outside_of_a_transaction_says_so_in_its_settings() {
    on_each(|fresh| {
        let Fresh::Postgres(_) = fresh() else { return };
        let database = fresh();
        let files = [
            ("V1__a.sql", NOTES),
            ("V2__b.sql", "create index concurrently notes_body on notes (body);\n"),
            ("V2__b.sql.conf", "executeInTransaction=false\n"),
        ];
        let side = Side::of(&files, &database);
        side.run("migrate", 0);
        side.is_clean();
    });
}

#[test]
fn the_next_file_is_named_as_flyways() {
    on_each(|fresh| {
        let database = fresh();
        let side = Side::of(&FILES, &database);
        let made = document("new", &side.run("new more_tags", 0));
        assert_eq!(made["migration"]["version"], "3");
        let names = made["files"].to_string();
        assert!(names.contains("V3__more_tags.sql") && names.contains("U3__more_tags.sql"), "{names}");
    });
}

#[test]
fn init_and_status_tell_whose_the_folder_is() {
    on_each(|fresh| {
        let database = fresh();
        half(&database);
        let side = Side::of(&FILES, &database);
        let status = document("status", &side.run("status", 0));
        // Neither is what runs again when it changed, and did not.
        assert_eq!(versions(&status["pending"]), ["2"]);
        let notes = status["notes"].to_string();
        assert!(notes.contains("flyway has applied 1_create notes"), "{notes}");
        let init = document("init", &side.run("init", 0));
        assert_eq!((&init["format"], &init["since"]), (&json!("flyway"), &json!("1.1")));
    });
}
