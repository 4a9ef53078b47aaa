//! dbmate's folders and ledgers.

use super::Dialect;
use super::written::{
    Step, Tool, brought, ended, everywhere, gaps_are_named, is_kept_in_step, is_taken_over,
};

const DBMATE: Tool = Tool {
    name: "dbmate",
    folder: "db/migrations",
    ledger: "schema_migrations",
    create: |dialect| match dialect {
        Dialect::Postgres => "create table public.schema_migrations (version character varying primary key)",
        Dialect::Sqlite => "create table \"schema_migrations\" (version varchar(128) primary key)",
    },
    record: |version| format!("insert into schema_migrations (version) values ('{version}')"),
    rows: "select version from schema_migrations order by version",
    version: |number| format!("2024010{number}000000"),
    files: |version, step: &Step| {
        let options = if step.no_transaction { " transaction:false" } else { "" };
        let text = format!("-- migrate:up{options}\n{}\n-- migrate:down{options}\n{}\n", step.up, step.down);
        vec![(format!("{version}_{}.sql", step.name), ended(step, &text))]
    },
};

#[test]
fn dbmate_is_taken_over_wherever_it_stopped() {
    is_taken_over(DBMATE);
}

#[test]
fn dbmate_is_kept_in_step_forward_and_back() {
    is_kept_in_step(DBMATE);
}

#[test]
fn what_does_not_fit_dbmates_folder_is_named() {
    gaps_are_named(DBMATE);
}

#[test]
fn dbmates_schema_file_is_left_alone_and_late_files_run() {
    everywhere(DBMATE, |scene| {
        let scene = brought(scene(), 4);
        scene.project.write("db/schema.sql", "create table nobody_reads_it (x);\n");
        scene.done("adopt --keep-in-step");
        let late = "-- migrate:up\ncreate table late (id integer);\n-- migrate:down\n";
        scene.project.write("db/migrations/20240102120000_late.sql", late);
        assert_eq!(scene.done("migrate")["applied"][0]["version"], "20240102120000");
        assert!(scene.rows().contains("20240102120000"));
        assert_eq!(scene.project.read("db/schema.sql"), "create table nobody_reads_it (x);\n");
        let said = scene.refused("rollback", 3);
        assert!(said.contains("the part after `-- migrate:down` in 20240102120000_late.sql"), "{said}");
    });
}

#[test]
fn a_part_that_cannot_be_read_is_shown_where_it_stands_in_the_file() {
    everywhere(DBMATE, |scene| {
        let scene = brought(scene(), 4);
        let text = "-- migrate:up\ncreate table odd (id integer);\n\n-- migrate:down\n\ndrop tabel odd;\n";
        scene.project.write("db/migrations/20240109000000_odd.sql", text);
        scene.done("adopt");
        scene.done("migrate");
        let said = scene.refused("rollback", 2);
        assert!(said.contains("20240109000000_odd.sql:6"), "{said}");
        scene
            .project
            .write("db/migrations/20240110000000_odder.sql", "select 1;\n-- migrate:up\n-- migrate:down\n");
        let said = scene.refused("status", 2);
        assert!(
            said.contains("20240110000000_odder.sql has a statement before") && said.contains(".sql:1"),
            "{said}"
        );
    });
}

#[test]
fn a_new_file_has_dbmates_markers_and_a_time() {
    everywhere(DBMATE, |scene| {
        let scene = brought(scene(), 1);
        let made = scene.done("new add_note_status");
        let file = made["files"][0].as_str().expect("a file");
        assert!(file.ends_with("_add_note_status.sql"), "{made}");
        assert_eq!(made["migration"]["version"].as_str().map(str::len), Some(14), "{made}");
        assert_eq!(scene.project.read(file), "-- migrate:up\n\n\n-- migrate:down\n\n");
        scene.run("status").run();
    });
}
