//! Folders and ledgers of refinery. The ledger is written as refinery_cli 0.10 makes it;
//! the checksums were computed by another SipHash-1-3.

use serde_json::{Value, json};

use super::fresh::Fresh;
use super::side::{Side, on_each};
use crate::project::document;

const NOTES: &str = "create table a (id int);\n";
const TAGS: &str = "create table b (id int);\r\n";
const LATE: &str = "create table u (id int);\n";
const LAST: &str = "create table n8 (id int)";

const FILES: [(&str, &str); 6] = [
    ("V1__create_a.sql", NOTES),
    ("V2__create_b.sql", TAGS),
    ("sub/V08__Name8.sql", LAST),
    ("sub/V08__Name8.down.sql", "drop table n8"),
    ("README.md", "not SQL"),
    ("V7__h-h.sql", "nonsense"),
];

/// What refinery 0.10 itself wrote for these names, versions and texts.
const SUM_NOTES: &str = "3108681285984812637";
const SUM_NOTES_WIDE: &str = "8626184550342387970";
const SUM_TAGS: &str = "8393483241788628460";
const SUM_LATE: &str = "18098439400701874850";
const SUM_LAST: &str = "11931682828122988380";

fn ledger(database: &Fresh, width: &str, rows: &[(i64, &str, &str)]) {
    database.sql(&format!(
        "create table refinery_schema_history(version {width} primary key, name varchar(255),
           applied_on varchar(255), checksum varchar(255))"
    ));
    for (version, name, checksum) in rows {
        database.sql(&format!(
            "insert into refinery_schema_history values ({version}, '{name}',
               '2026-11-21T12:47:28.01034498{version}Z', '{checksum}')"
        ));
    }
}

fn half(database: &Fresh) {
    database.run_plainly([NOTES, TAGS]);
    ledger(database, "int4", &[(1, "create_a", SUM_NOTES), (2, "create_b", SUM_TAGS)]);
}

fn rows(database: &Fresh) -> String {
    database.sql("select version, name, checksum from refinery_schema_history order by version")
}

fn versions(rows: &Value) -> Vec<&str> {
    rows.as_array().expect("an array").iter().filter_map(|row| row["version"].as_str()).collect()
}

fn side<'a>(database: &'a Fresh) -> Side<'a> {
    Side::of(&FILES, database)
}

/// RFC 3339 with a fraction, in UTC, as refinery itself can read it again.
fn is_a_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape.trim_end_matches('Z').trim_end_matches('0') == "0000-00-00T00:00:00."
}

#[test]
fn its_history_is_taken_over_and_the_rest_runs_with_both_ledgers_in_step() {
    on_each(|fresh| {
        let expected = fresh();
        expected.run_plainly([NOTES, TAGS, LAST]);
        let database = fresh();
        half(&database);
        let side = side(&database);
        side.run("migrate", 3);
        let adopted = document("adopt", &side.run("adopt --keep-in-step", 0));
        assert_eq!(adopted["source"], "refinery");
        assert_eq!((versions(&adopted["adopted"]), &adopted["pending"]), (vec!["1", "2"], &json!(["08"])));
        side.run("migrate", 0);
        side.is_clean();
        database.assert_like(&expected.catalog(), "after both");
        let all = format!("1|create_a|{SUM_NOTES}\n2|create_b|{SUM_TAGS}\n8|Name8|{SUM_LAST}");
        assert_eq!(rows(&database), all);
        let time = database.sql("select applied_on from refinery_schema_history where version = 8");
        assert!(is_a_time(&time), "{time}");
    });
}

#[test]
fn a_ledger_with_versions_of_64_bits_has_checksums_of_its_own() {
    on_each(|fresh| {
        let database = fresh();
        ledger(&database, "int8", &[]);
        let side = Side::of(&[("V1__create_a.sql", NOTES)], &database);
        side.run("adopt --keep-in-step", 0);
        side.run("migrate", 0);
        assert_eq!(rows(&database), format!("1|create_a|{SUM_NOTES_WIDE}"));
        database.sql("drop table a");
        let other = fresh();
        ledger(&other, "int8", &[(1, "create_a", SUM_NOTES_WIDE)]);
        let side = Side::of(&[("V1__create_a.sql", NOTES)], &other);
        side.run("adopt", 0);
        side.is_clean();
    });
}

#[test]
fn a_u_file_runs_forward_after_newer_ones_and_a_v_file_does_not() {
    on_each(|fresh| {
        let database = fresh();
        half(&database);
        database.sql("drop table b; delete from refinery_schema_history where version = 2");
        database.sql(&format!(
            "insert into refinery_schema_history values (8, 'Name8', '2026-11-21T12:47:29Z', '{SUM_LAST}')"
        ));
        database.sql(LAST);
        let files = [("V1__create_a.sql", NOTES), ("V08__Name8.sql", LAST), ("U3__u.sql", LATE)];
        let side = Side::of(&files, &database);
        side.run("adopt --keep-in-step", 0);
        assert_eq!(versions(&document("migrate", &side.run("migrate", 0))["applied"]), ["3"]);
        side.is_clean();
        assert_eq!(rows(&database), format!("1|create_a|{SUM_NOTES}\n3|u|{SUM_LATE}\n8|Name8|{SUM_LAST}"));
        side.project.write("sql/V2__create_b.sql", TAGS);
        let refused = document("migrate", &side.run("migrate", 3));
        assert!(
            refused["error"]["message"]
                .as_str()
                .is_some_and(|m| m.contains("V2__create_b.sql is older than 08")),
            "{refused:#}"
        );
    });
}

#[test]
fn a_down_file_of_ours_takes_back_and_its_ledger_is_told() {
    on_each(|fresh| {
        let database = fresh();
        half(&database);
        let side = side(&database);
        side.run("adopt --keep-in-step", 0);
        let before = rows(&database);
        side.run("migrate", 0);
        side.run("rollback", 0);
        assert_eq!(rows(&database), before);
        side.run("migrate", 0);
        side.is_clean();
    });
}

#[test]
fn a_history_that_does_not_fit_is_refused_with_the_way_out() {
    let cases: [(&[(i64, &str, &str)], &str, &str); 3] = [
        (
            &[(1, "create_a", "5")],
            "V1__create_a.sql was edited after refinery applied it",
            "put the file back",
        ),
        (&[(1, "made_a", SUM_NOTES)], "refinery applied version 1 as made_a", "V1__made_a.sql"),
        (
            &[(1, "create_a", SUM_NOTES), (5, "gone", "5")],
            "refinery applied 5_gone, and its file is not in",
            "bring the file back",
        ),
    ];
    on_each(|fresh| {
        for (rows, message, way_out) in &cases {
            let database = fresh();
            ledger(&database, "int4", rows);
            let side = side(&database);
            let refused = document("adopt", &side.run("adopt", 3));
            let error = &refused["error"];
            assert!(error["message"].as_str().is_some_and(|text| text.contains(message)), "{error:#}");
            assert!(error["hint"].as_str().is_some_and(|text| text.contains(way_out)), "{error:#}");
        }
    });
}

#[test]
fn other_line_ends_are_named_as_such() {
    on_each(|fresh| {
        let database = fresh();
        half(&database);
        let side = side(&database);
        side.project.write("sql/V1__create_a.sql", NOTES.replace('\n', "\r\n"));
        let refused = document("adopt", &side.run("adopt", 3));
        let message = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(message.starts_with("V1__create_a.sql has other line ends"), "{message}");
    });
}

#[test]
fn the_next_file_is_named_as_refinerys() {
    let database = Fresh::sqlite();
    let side = side(&database);
    side.project.write("refinery.toml", "");
    let made = document("new", &side.run("new more", 0));
    assert_eq!(made["migration"]["version"], "09");
    assert!(made["files"].to_string().contains("V09__more.sql"));
}
