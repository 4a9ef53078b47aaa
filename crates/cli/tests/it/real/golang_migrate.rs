//! golang-migrate's folders and ledgers.

use super::Dialect;
use super::written::{
    Step, Tool, brought, ended, everywhere, gaps_are_named, is_kept_in_step, is_taken_over,
};

const GOLANG_MIGRATE: Tool = Tool {
    name: "golang-migrate",
    folder: "migrations",
    ledger: "schema_migrations",
    create: |dialect| match dialect {
        Dialect::Postgres => {
            "create table \"public\".\"schema_migrations\" (version bigint not null primary key, dirty boolean not null)"
        }
        Dialect::Sqlite => {
            "create table schema_migrations (version uint64,dirty bool);
             create unique index version_unique on schema_migrations (version)"
        }
    },
    record: |version| {
        format!(
            "delete from schema_migrations; insert into schema_migrations (version, dirty) values ({version}, false)"
        )
    },
    rows: "select version, dirty from schema_migrations",
    version: |number| format!("{number:06}"),
    files: |version, step: &Step| {
        let file = |way, text| (format!("{version}_{}.{way}.sql", step.name), ended(step, text));
        vec![file("up", step.up), file("down", step.down)]
    },
};

#[test]
fn golang_migrate_is_taken_over_wherever_it_stopped() {
    is_taken_over(GOLANG_MIGRATE);
}

#[test]
fn golang_migrate_is_kept_in_step_forward_and_back() {
    is_kept_in_step(GOLANG_MIGRATE);
}

#[test]
fn what_does_not_fit_golang_migrates_folder_is_named() {
    gaps_are_named(GOLANG_MIGRATE);
}

#[test]
fn a_dirty_version_refuses_everything_and_names_the_way_out() {
    everywhere(GOLANG_MIGRATE, |scene| {
        let scene = brought(scene(), 3);
        scene.database.sql("update schema_migrations set dirty = true");
        for command in ["adopt", "adopt --keep-in-step"] {
            let said = scene.refused(command, 3);
            assert!(said.contains("000003_people.up.sql") && said.contains("version 3 is dirty"), "{said}");
            assert!(
                said.contains("migrate force 3 (it is applied) or migrate force 2 (it is not)"),
                "{said}"
            );
        }
        scene.database.sql("update schema_migrations set dirty = false");
        scene.done("adopt --keep-in-step");
        // Somebody ran the tool beside us, and it failed.
        scene.database.sql("update schema_migrations set version = 4, dirty = true");
        let said = scene.refused("migrate", 3);
        assert!(said.contains("version 4 is dirty") && said.contains("migrate force 4"), "{said}");
        let status = scene.run("status").status(1).run();
        assert!(status.stdout.contains("version 4 is dirty"), "{status}");
        scene.database.sql("update schema_migrations set version = 3, dirty = false");
        scene.done("migrate");
        assert!(scene.rows().starts_with("4|"), "{}", scene.rows());
    });
}

#[test]
fn an_empty_ledger_has_nothing_applied_and_taking_the_first_one_back_empties_it() {
    everywhere(GOLANG_MIGRATE, |scene| {
        let scene = brought(scene(), 0);
        assert_eq!(scene.done("adopt --keep-in-step")["adopted"], serde_json::json!([]));
        scene.done("migrate --to 1");
        assert!(scene.rows().starts_with("1|"), "{}", scene.rows());
        scene.done("rollback");
        assert_eq!(scene.rows(), "");
    });
}

#[test]
fn a_file_that_came_late_never_counts_as_applied() {
    everywhere(GOLANG_MIGRATE, |scene| {
        let scene = brought(scene(), 4);
        std::fs::remove_file(scene.project.path("migrations/000002_note_index.up.sql")).expect("removed");
        std::fs::remove_file(scene.project.path("migrations/000002_note_index.down.sql")).expect("removed");
        scene.done("adopt --keep-in-step");
        scene.project.write("migrations/000002_late.up.sql", "create table late (id integer);\n");
        let said = scene.refused("migrate", 3);
        assert!(said.contains("000002_late.up.sql is older than 000004, which is applied"), "{said}");
        let adopted = scene.done("adopt");
        assert_eq!(adopted["adopted"], serde_json::json!([]), "it never ran");
        assert!(
            adopted["problems"][0]["message"].as_str().is_some_and(|m| m.contains("passed over")),
            "{adopted}"
        );
        scene
            .project
            .write("cofferdam.toml", "[migrations]\nformat = \"golang-migrate\"\nout_of_order = \"apply\"\n");
        scene.done("migrate");
        assert_eq!(scene.database.sql("select count(*) from late"), "0");
        assert!(scene.rows().starts_with("4|"), "{}", scene.rows());
    });
}

#[test]
fn three_tools_share_a_tables_name_and_are_told_apart() {
    everywhere(GOLANG_MIGRATE, |scene| {
        let ours = brought(scene(), 2);
        assert_eq!(ours.done("adopt")["source"], "golang-migrate");
        // dbmate's table beside golang-migrate's files.
        let other = scene();
        other.database.sql("create table schema_migrations (version varchar(255) primary key)");
        other.project.write("migrations/000001_a.up.sql", "create table a (id integer);\n");
        let said = other.refused("adopt", 2);
        assert!(said.contains("dbmate's ledger") && said.contains("format = \"dbmate\""), "{said}");
        // Ecto's is nobody's we know.
        let ecto = scene();
        ecto.database
            .sql("create table schema_migrations (version bigint primary key, inserted_at timestamp)");
        ecto.project.write("migrations/000001_a.up.sql", "create table a (id integer);\n");
        let said = ecto.refused("adopt", 2);
        assert!(said.contains("whose columns are not those of a tool we know"), "{said}");
    });
}

#[test]
fn new_files_come_in_pairs_of_six_digits() {
    everywhere(GOLANG_MIGRATE, |scene| {
        let made = brought(scene(), 1).done("new next");
        assert_eq!(
            made["files"],
            serde_json::json!(["migrations/000005_next.up.sql", "migrations/000005_next.down.sql"])
        );
    });
}

#[test]
fn a_way_forward_that_is_gone_is_not_called_edited() {
    everywhere(GOLANG_MIGRATE, |scene| {
        let scene = brought(scene(), 2);
        scene.done("adopt");
        std::fs::remove_file(scene.project.path("migrations/000001_take_notes.up.sql")).expect("removed");
        let status = scene.run("status").status(1).run();
        let gone = "000001_take_notes is applied and its file that goes forward is not in";
        assert!(status.stdout.contains(gone) && !status.stdout.contains("was edited"), "{status}");
        assert!(scene.refused("migrate", 3).contains(gone));
    });
}
