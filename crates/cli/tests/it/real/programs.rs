//! Tools whose migrations are programs: their history is taken over, they go on applying.

use cofferdam_testkit::postgres::{Database, majors};
use rusqlite::Connection;
use serde_json::json;

use crate::project::{Project, document};

const DJANGO: &str = "
    create table django_migrations (
        id integer not null primary key autoincrement, app varchar(255) not null,
        name varchar(255) not null, applied datetime not null);
    create table shop_item (id integer primary key);
    insert into django_migrations (app, name, applied) values ('shop', '0001_initial', '2026-01-01');";

const KNEX: &str = "
    create table knex_migrations (
        id integer not null primary key autoincrement, name varchar(255), batch integer, migration_time datetime);
    create table knex_migrations_lock (\"index\" integer not null primary key autoincrement, is_locked integer);
    create table notes (id integer primary key);
    insert into knex_migrations (name, batch) values ('20240101000000_a.js', 1);
    insert into knex_migrations_lock (is_locked) values (0);";

/// A project whose database `sql` has made.
fn project(sql: &str) -> Project {
    let project = Project::new();
    let db = Connection::open(project.path("app.db")).expect("a database");
    db.execute_batch(sql).expect("its tables");
    project
}

/// As a project of Django: two commands say what there is.
fn django() -> Project {
    project(DJANGO)
        .file("list.txt", "[X]  shop.0001_initial\n[ ]  shop.0002_drop\n")
        .file("shop/0001_initial.sql", "this is never asked for")
        .file("shop/0002_drop.sql", "BEGIN;\nDROP TABLE shop_item;\nCOMMIT;\n")
        .file(
            "cofferdam.toml",
            "database_url = \"sqlite:app.db\"\n[migrations]\nformat = \"command\"\n\
             list = \"cat list.txt\"\nsql = \"cat {app}/{name}.sql\"\n",
        )
}

#[test]
fn what_a_program_would_do_is_judged_and_planned_and_its_own_tool_applies_it() {
    let project = django();
    let check = document("check", &project.cofferdam("check --format json").status(1).run());
    assert_eq!(check["findings"][0]["rule"], "drop-table");
    let plan = document("plan", &project.cofferdam("plan --format json").status(1).run());
    assert_eq!(plan["steps"][0]["id"], "shop.0002_drop");
    project.cofferdam("migrate").status(2).stderr_contains("their own tool applies").run();
    let adopt = document("adopt", &project.cofferdam("adopt --format json").run());
    assert_eq!(
        (&adopt["source"], &adopt["adopted"][0]["version"]),
        (&json!("django"), &json!("shop.0001_initial"))
    );
    assert_eq!(adopt["pending"], json!(["shop.0002_drop"]));
    project.cofferdam("adopt --keep-in-step").status(2).stderr_contains("python manage.py migrate").run();
}

#[test]
fn what_the_tool_applied_since_is_not_pending_and_is_recorded_by_adopt() {
    let project = django();
    project.cofferdam("adopt").run();
    let db = Connection::open(project.path("app.db")).expect("a database");
    db.execute_batch(
        "insert into django_migrations (app, name, applied) values ('shop', '0002_drop', 'now')",
    )
    .expect("a row of Django's");
    project
        .cofferdam("status")
        .stdout_contains("0 pending")
        .stderr_contains("applied by their own tool")
        .run();
    project.cofferdam("migrate").stderr_contains("0 applied").run();
    project.cofferdam("adopt").stdout_contains("1 migration adopted from django, 1 already, 0 pending").run();
}

#[test]
fn a_program_that_its_tool_lists_before_an_applied_one_is_not_called_late() {
    let project = django();
    project.write("list.txt", "[X]  shop.0001_initial\n[ ]  shop.0002_colour\n[X]  zoo.0001_initial\n");
    project.write("shop/0002_colour.sql", "ALTER TABLE shop_item ADD COLUMN colour text;\n");
    let db = Connection::open(project.path("app.db")).expect("a database");
    db.execute_batch(
        "insert into django_migrations (app, name, applied) values ('zoo', '0001_initial', '2026-01-02')",
    )
    .expect("a row of Django's");
    project.cofferdam("adopt").run();
    project.cofferdam("check").stderr_lacks("is older than").run();
    project.cofferdam("plan").stdout_contains("step shop.0002_colour").stderr_lacks("is older than").run();
}

#[test]
fn a_list_that_fails_says_why() {
    let project = django();
    project.write(
        "cofferdam.toml",
        "[migrations]\nformat = \"command\"\nlist = \"echo no settings >&2; false\"\n",
    );
    project.cofferdam("check").status(2).stderr_contains("no settings").run();
    project.write("cofferdam.toml", "[migrations]\nformat = \"command\"\n");
    project.cofferdam("check").status(2).stderr_contains("needs `list`").run();
}

#[test]
fn a_history_of_programs_is_taken_over_without_their_files_and_ours_come_after_it() {
    let project = project(KNEX).file("cofferdam.toml", "database_url = \"sqlite:app.db\"\n");
    project.cofferdam("adopt").stdout_contains("1 migration adopted from knex").run();
    project.write("migrations/0001_colour.sql", "alter table notes add column colour text;\n");
    project.cofferdam("migrate").stderr_contains("1 applied").run();
    let status = document("status", &project.cofferdam("status --format json").run());
    assert_eq!(status["applied"].as_array().map(Vec::len), Some(2));
    project.cofferdam("rollback 20240101000000_a.js").any_status().run();
    project.cofferdam("audit --verify").run();
}

#[test]
fn a_held_lock_of_knex_keeps_its_history_from_being_taken_over() {
    let project = project(KNEX).file("cofferdam.toml", "database_url = \"sqlite:app.db\"\n");
    let db = Connection::open(project.path("app.db")).expect("a database");
    db.execute_batch("update knex_migrations_lock set is_locked = 1").expect("the lock is held");
    project
        .cofferdam("adopt")
        .status(3)
        .stderr_contains("holds its migration lock")
        .stderr_contains("migrate:unlock")
        .run();
    project.cofferdam("adopt").status(3).run();
    db.execute_batch("update knex_migrations_lock set is_locked = 0").expect("the lock is free");
    project.cofferdam("adopt").run();
}

#[test]
fn ledgers_in_schemas_of_their_own_are_found() {
    for major in majors() {
        let database = Database::new(major);
        database.psql(
            "create schema sqitch;
             create table sqitch.projects (project text primary key, uri text);
             create table sqitch.changes (change_id text primary key, script_hash text, change text not null,
               project text not null, committed_at timestamptz not null default clock_timestamp());
             insert into sqitch.changes values ('c1', 'h1', 'one', 'shop'), ('c2', 'h2', 'two', 'shop')",
        );
        let project = Project::new();
        let adopt = project.cofferdam("adopt --format json --database-url").arg(database.url()).run();
        let adopt = document("adopt", &adopt);
        assert_eq!(
            (&adopt["source"], adopt["adopted"].as_array().map(Vec::len)),
            (&json!("sqitch"), Some(2))
        );
    }
}

#[test]
fn ledgers_of_two_tools_are_named_and_none_is_chosen() {
    let project = project(&format!("{KNEX}{}", DJANGO.replace("shop_item", "other")))
        .file("cofferdam.toml", "database_url = \"sqlite:app.db\"\n");
    project.cofferdam("adopt").status(2).stderr_contains("knex, django").run();
    project.cofferdam("adopt --from flyway").status(2).stderr_contains("knex and django is there").run();
    project.cofferdam("adopt --from django").stdout_contains("1 migration adopted from django").run();
}

#[test]
fn a_role_without_rights_is_told_what_to_grant() {
    for major in majors() {
        let database = Database::new(major);
        database.psql(
            "create table _sqlx_migrations (version bigint primary key, description text not null,
               installed_on timestamptz not null default now(), success boolean not null,
               checksum bytea not null, execution_time bigint not null);
             drop role if exists take_over_reader; create role take_over_reader login",
        );
        let url = database.url().replace("://postgres@", "://take_over_reader@");
        let project = Project::new().file("migrations/1_a.up.sql", "select 1;");
        let adopt = |line: &str| project.cofferdam(line).arg("--database-url").arg(&url);
        adopt("adopt").status(2).stderr_contains("permission denied").stderr_contains("grant select").run();
        database.psql("grant select on _sqlx_migrations to take_over_reader");
        adopt("adopt")
            .status(2)
            .stderr_contains("schema cofferdam")
            .stderr_contains("grant create on database")
            .run();
        database.psql(&format!("grant create on database {} to take_over_reader", database.name()));
        let denied = adopt("adopt --keep-in-step").status(2);
        denied
            .stderr_contains("cannot keep _sqlx_migrations in step")
            .stderr_contains("grant insert, delete")
            .run();
        adopt("adopt").run();
        database.psql(
            "drop schema cofferdam cascade; drop owned by take_over_reader; drop role take_over_reader",
        );
    }
}

#[test]
fn drift_from_programs_whose_sql_is_not_known_is_not_guessed() {
    let project = django();
    project.cofferdam("adopt").run();
    project.cofferdam("diff").status(2).stderr_contains("shop.0001_initial is a program").run();
}

#[test]
fn a_ledger_in_step_is_not_left_behind_by_a_folder_of_another_format() {
    let project = Project::new().file("cofferdam.toml", "database_url = \"sqlite:app.db\"\n").file(
        "migrations/20240101000000_a.sql",
        "-- migrate:up\ncreate table a (id integer);\n-- migrate:down\n",
    );
    let db = Connection::open(project.path("app.db")).expect("a database");
    db.execute_batch(
        "create table schema_migrations (version varchar(128) primary key); create table a (id integer);
         insert into schema_migrations values ('20240101000000')",
    )
    .expect("a ledger of dbmate's");
    project.cofferdam("adopt --keep-in-step").run();
    project.write("sql/0001_b.sql", "create table b (id integer);");
    let elsewhere = |line: &str| project.cofferdam(line).args(["--dir", "sql"]);
    elsewhere("migrate").status(3).stderr_contains("dbmate's ledger is to be kept in step").run();
    project.cofferdam("adopt --keep-in-step=no").run();
    elsewhere("migrate").stderr_contains("1 applied").run();
}

#[test]
fn what_the_tool_applies_while_migrate_waits_for_the_lease_is_not_applied_again() {
    let project = Project::new()
        .file("cofferdam.toml", "database_url = \"sqlite:app.db\"\n")
        .file(
            "migrations/20240101000000_a.sql",
            "-- migrate:up\ncreate table a (id integer);\n-- migrate:down\n",
        )
        .file(
            "migrations/20240102000000_b.sql",
            "-- migrate:up\ninsert into a values (1);\n-- migrate:down\n",
        );
    let db = Connection::open(project.path("app.db")).expect("a database");
    db.execute_batch(
        "create table schema_migrations (version varchar(128) primary key); create table a (id integer);
         insert into schema_migrations values ('20240101000000')",
    )
    .expect("a ledger of dbmate's");
    project.cofferdam("adopt").run();
    // Somebody of another machine is at work.
    db.execute_batch("update _cofferdam_lease set owner = 'ann@elsewhere, process 1', expires = '2999-01-01T00:00:00.000Z'")
        .expect("the lease is held");
    let migrate = project.cofferdam("migrate --progress json");
    let mut migrate = migrate.status(3).stderr_contains("dbmate has applied 20240102000000").spawn();
    migrate.wait_for_stderr("ann@elsewhere");
    db.execute_batch(
        "insert into a values (1); insert into schema_migrations values ('20240102000000');
         update _cofferdam_lease set owner = null, expires = null",
    )
    .expect("dbmate applies it, and the lease is free");
    migrate.wait();
    let rows: i64 = db.query_row("select count(*) from a", [], |row| row.get(0)).expect("rows");
    assert_eq!(rows, 1, "it ran once");
}
