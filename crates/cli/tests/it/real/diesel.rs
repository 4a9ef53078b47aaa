//! diesel's folders and ledgers.

use super::Dialect;
use super::written::{
    Step, Tool, brought, ended, everywhere, gaps_are_named, is_kept_in_step, is_taken_over,
};

const DIESEL: Tool = Tool {
    name: "diesel",
    folder: "migrations",
    ledger: "__diesel_schema_migrations",
    create: |dialect| {
        match dialect {
        Dialect::Postgres => {
            "create table public.__diesel_schema_migrations (version character varying(50) not null primary key,
             run_on timestamp without time zone default current_timestamp not null)"
        }
        Dialect::Sqlite => {
            "create table __diesel_schema_migrations (version varchar(50) primary key not null,
             run_on timestamp not null default current_timestamp)"
        }
    }
    },
    record: |version| format!("insert into __diesel_schema_migrations (version) values ('{version}')"),
    rows: "select version, run_on is not null from __diesel_schema_migrations order by version",
    version: |number| format!("2024010{number}000000"),
    files: |version, step: &Step| {
        let folder = format!("{}-{}-{}-000000_{}", &version[..4], &version[4..6], &version[6..8], step.name);
        let file = |name, text| (format!("{folder}/{name}"), ended(step, text));
        let mut files = vec![file("up.sql", step.up), file("down.sql", step.down)];
        if step.no_transaction {
            files.push(file("metadata.toml", "run_in_transaction = false\n"));
        }
        files
    },
};

#[test]
fn diesel_is_taken_over_wherever_it_stopped() {
    is_taken_over(DIESEL);
}

#[test]
fn diesel_is_kept_in_step_forward_and_back() {
    is_kept_in_step(DIESEL);
}

#[test]
fn what_does_not_fit_diesels_folder_is_named() {
    gaps_are_named(DIESEL);
}

#[test]
fn the_setup_migration_and_its_row_are_history_like_any_other() {
    everywhere(DIESEL, |scene| {
        let scene = brought(scene(), 2);
        scene.project.write("migrations/.keep", "");
        scene.project.write("migrations/00000000000000_diesel_initial_setup/up.sql", "select 1;\n");
        scene
            .database
            .sql("insert into __diesel_schema_migrations values ('00000000000000', '2020-01-01 00:00:00')");
        let adopted = scene.done("adopt");
        assert_eq!(adopted["adopted"][0]["version"], "00000000000000");
        assert_eq!(adopted["pending"], serde_json::json!(["20240103000000", "20240104000000"]));
        scene.done("migrate --to 2024-01-03-000000");
        assert_eq!(scene.done("status")["pending"][0]["version"], "20240104000000");
    });
}

#[test]
fn a_folder_without_up_sql_is_refused_and_a_missing_way_back_named() {
    everywhere(DIESEL, |scene| {
        let scene = brought(scene(), 4);
        scene.done("adopt");
        scene.project.write("migrations/2024-01-05-000000_more/up.sql", "create table more (id integer);\n");
        scene.done("migrate");
        let said = scene.refused("rollback", 3);
        assert!(said.contains("down.sql in the folder of 20240105000000_more"), "{said}");
        scene.project.write("migrations/2024-01-06-000000_none/down.sql", "");
        let said = scene.refused("status", 2);
        assert!(said.contains("2024-01-06-000000_none has no up.sql"), "{said}");
    });
}

#[test]
fn new_folders_are_named_by_the_time_as_diesel_writes_it() {
    everywhere(DIESEL, |scene| {
        let scene = brought(scene(), 1);
        let made = scene.done("new next");
        let up = made["files"][0].as_str().expect("a file").to_owned();
        let stem =
            up.strip_prefix("migrations/").and_then(|up| up.strip_suffix("_next/up.sql")).expect("its form");
        assert_eq!(stem.split('-').map(str::len).collect::<Vec<_>>(), [4, 2, 2, 6]);
        assert_eq!(made["migration"]["version"], stem.replace('-', ""));
        assert_eq!(scene.done("status")["pending"][3]["version"], made["migration"]["version"]);
    });
}
