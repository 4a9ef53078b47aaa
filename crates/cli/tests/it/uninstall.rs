//! Leaving: what goes, what stays, what refuses.

use cofferdam_testkit::postgres::{Database, majors};
use serde_json::Value;

use crate::project::{Project, document};

const CREATE: &str = "create table notes (id integer primary key, body text not null);\n";

fn project() -> Project {
    Project::new()
        .file("cofferdam.toml", "database_url = \"sqlite:notes.db\"\n")
        .file("migrations/0001_create.sql", CREATE)
}

fn names(project: &Project) -> String {
    let db = rusqlite::Connection::open(project.path("notes.db")).expect("the database");
    let sql =
        "select coalesce(group_concat(name, ' '), '') from (select name from sqlite_schema order by name)";
    db.query_row(sql, [], |row| row.get(0)).expect("names")
}

fn sql(project: &Project, sql: &str) {
    let db = rusqlite::Connection::open(project.path("notes.db")).expect("the database");
    db.execute_batch(sql).expect("valid");
}

#[test]
fn the_ledger_goes_into_a_file_and_nothing_of_ours_stays() {
    let project = project();
    project.cofferdam("migrate").run();
    let shown = document("uninstall", &project.cofferdam("uninstall --dry-run --format json").run());
    assert_eq!((&shown["dry_run"], &shown["export"]), (&true.into(), &Value::Null));
    assert!(names(&project).contains("_cofferdam_meta"));
    let ran = project.cofferdam("uninstall --format json").run();
    let left = document("uninstall", &ran);
    assert_eq!(left["dropped"], shown["dropped"]);
    let told = "about to drop table _cofferdam_";
    assert!(ran.stderr.contains(told) && ran.stderr.contains("table _cofferdam_audit ("), "{ran}");
    assert_eq!(left["dropped"].as_array().map(Vec::len), Some(6));
    assert_eq!((&left["recorded_only_here"], &left["only_here"]), (&1.into(), &serde_json::json!(["0001"])));
    assert_eq!(names(&project), "notes");
    let file = left["export"].as_str().expect("a file");
    assert!(file.starts_with("cofferdam-ledger-notes-20") && file.ends_with("Z.json"), "{file}");
    let export: Value = serde_json::from_str(&project.read(file)).expect("JSON");
    assert_eq!(export["tables"]["migration"][0]["version"], "0001");
    assert_eq!(export["tables"]["audit"].as_array().map(Vec::len), Some(2));
    assert_eq!(export["tables"].as_object().map(|tables| tables.len()), Some(6));
    // Once more there is nothing to do, and nothing is written.
    let before = project.files();
    project.cofferdam("uninstall").stdout("nothing to do: the database has no ledger of ours\n").run();
    let nothing = document("uninstall", &project.cofferdam("uninstall --format json").run());
    assert_eq!(nothing["dropped"], serde_json::json!([]));
    assert_eq!(project.files(), before);
}

#[test]
fn no_folder_is_needed_to_leave() {
    let project = project();
    project.cofferdam("migrate").run();
    std::fs::remove_dir_all(project.path("migrations")).expect("removed");
    project.cofferdam("uninstall --no-export").stdout_contains("table _cofferdam_audit").run();
    assert_eq!(names(&project), "notes");
    assert!(!project.files().iter().any(|file| file.contains("ledger")));
}

#[test]
fn an_existing_file_is_not_replaced_and_nothing_is_dropped() {
    let project = project().file("mine.json", "{}");
    project.cofferdam("migrate").run();
    project.cofferdam("uninstall --export mine.json").status(3).stderr_contains("exists already").run();
    assert_eq!(project.read("mine.json"), "{}");
    project.cofferdam("uninstall --export no/such/folder.json").status(2).run();
    assert!(names(&project).contains("_cofferdam_meta"));
    project.cofferdam("migrate").stderr_contains("0 applied, 1 already").run();
}

#[test]
fn a_half_applied_run_is_finished_first() {
    let project = project().file(
        "migrations/0002_steps.sql",
        "-- cofferdam:no-transaction\ninsert into notes (body) values ('a');\nvacuum;\ninsert into nope values (1);\n",
    );
    project.cofferdam("migrate").status(1).run();
    let refused = project.cofferdam("uninstall").status(3).stderr_contains("half done").run();
    assert!(refused.stderr.contains("cofferdam migrate"), "{refused}");
    project.write(
        "migrations/0002_steps.sql",
        "-- cofferdam:no-transaction\ninsert into notes (body) values ('a');\nvacuum;\ninsert into notes (body) values ('b');\n",
    );
    project.cofferdam("migrate").run();
    // A failure that left nothing behind is no reason to stay.
    project.write("migrations/0003_wrong.sql", "insert into nope values (1);\n");
    project.cofferdam("migrate").status(1).run();
    project.cofferdam("uninstall").run();
    assert_eq!(names(&project), "notes");
}

#[test]
fn what_others_put_between_ours_is_named_and_nothing_goes() {
    for (theirs, name) in [
        ("create index mine on _cofferdam_audit (actor)", "index mine on _cofferdam_audit"),
        ("create table _cofferdam_mine (a)", "table _cofferdam_mine"),
        ("create view mine as select * from _cofferdam_migration", "view mine"),
        ("create table mine (run integer references _cofferdam_run (id))", "table mine"),
    ] {
        let project = project();
        project.cofferdam("migrate").run();
        sql(&project, theirs);
        let before = names(&project);
        project.cofferdam("uninstall").status(3).stderr_contains(name).run();
        assert_eq!(names(&project), before);
        assert!(!project.files().iter().any(|file| file.contains("ledger")), "{name}");
    }
}

#[test]
fn a_protected_database_must_be_named() {
    let config = "[env.production]\ndatabase_url = \"sqlite:notes.db\"\nprotected = true\n";
    let project = project().file("cofferdam.toml", config);
    project.cofferdam("migrate --env production").run();
    let leave = |line: &str| project.cofferdam(&format!("uninstall {line}"));
    leave("--env production").status(3).stderr_contains("--confirm notes.db").run();
    // Protection follows the database, however it is named.
    leave("--database-url sqlite:notes.db").status(3).run();
    leave("--env production --confirm notes").status(3).stderr_contains("this database is notes.db").run();
    leave("--env production --dry-run").run();
    assert!(names(&project).contains("_cofferdam_meta"));
    leave("--env production --confirm notes.db").run();
    assert_eq!(names(&project), "notes");
}

#[test]
fn on_postgres_exactly_our_schema_goes() {
    for major in majors() {
        let database = Database::new(major);
        let project = Project::new().file("migrations/0001_create.sql", CREATE);
        let cofferdam = |line: &str| project.cofferdam(line).env("DATABASE_URL", database.url());
        cofferdam("migrate").run();
        database.psql("create table _sqlx_migrations (version bigint primary key, description text not null, installed_on timestamptz not null default now(), success boolean not null, checksum bytea not null, execution_time bigint not null)");
        let left = document("uninstall", &cofferdam("uninstall --export ledger.json --format json").run());
        assert_eq!(left["dropped"].as_array().map(Vec::len), Some(7), "{left:#}");
        assert_eq!(left["still_there"], serde_json::json!(["_sqlx_migrations (sqlx)"]));
        assert_eq!(left["only_here"], serde_json::json!(["0001"]));
        let schemas = database.psql("select count(*) from pg_namespace where nspname = 'cofferdam'");
        assert_eq!((&*schemas, &*database.psql("select count(*) from notes")), ("0", "0"));
        let export: Value = serde_json::from_str(&project.read("ledger.json")).expect("JSON");
        for (table, rows) in
            [("migration", 1), ("audit", 2), ("run", 1), ("step", 1), ("lease", 1), ("meta", 2)]
        {
            assert_eq!(export["tables"][table].as_array().map(Vec::len), Some(rows), "{table}");
        }
        assert_eq!(export["tables"]["audit"][0]["action"], "create-ledger");
        assert!(export["tables"]["audit"][0]["at"].as_str().is_some_and(|at| at.ends_with('Z')));
        let nothing = document("uninstall", &cofferdam("uninstall --format json").run());
        assert_eq!(nothing["dropped"], serde_json::json!([]));
    }
}

#[test]
fn on_postgres_what_others_put_into_our_schema_or_hang_on_it_is_named_and_nothing_goes() {
    for major in majors() {
        for (theirs, name) in [
            ("create table cofferdam.mine (a integer)", "table cofferdam.mine"),
            (
                "create function cofferdam.mine() returns integer language sql as 'select 1'",
                "function cofferdam.mine()",
            ),
            ("create type cofferdam.mine as enum ('a')", "type cofferdam.mine"),
            ("create view mine as select * from cofferdam.migration", "view mine"),
            ("create table mine (run bigint references cofferdam.run (id))", "on table mine"),
            ("create index mine on cofferdam.audit (actor)", "index cofferdam.mine"),
            ("create table mine (a cofferdam.run)", "column a of table mine"),
        ] {
            let database = Database::new(major);
            let project = Project::new().file("migrations/0001_create.sql", CREATE);
            let cofferdam = |line: &str| project.cofferdam(line).env("DATABASE_URL", database.url());
            cofferdam("migrate").run();
            database.psql(theirs);
            let refused = document("uninstall", &cofferdam("uninstall --format json").status(3).run());
            let said = refused["error"].to_string();
            assert!(said.contains(name), "{major}: {name} in {said}");
            assert_eq!(database.psql("select count(*) from cofferdam.migration"), "1");
            assert!(!project.files().iter().any(|file| file.contains("ledger")), "{name}");
        }
    }
}

#[test]
fn on_postgres_whoever_reads_the_ledger_for_long_is_waited_for_no_longer_than_a_second() {
    let database = Database::new(*majors().last().expect("a major"));
    let project = Project::new().file("migrations/0001_create.sql", CREATE);
    let cofferdam = |line: &str| project.cofferdam(line).env("DATABASE_URL", database.url());
    cofferdam("migrate").run();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = runtime.block_on(database.client());
    runtime.block_on(client.batch_execute("begin; select * from cofferdam.audit")).expect("a reader");
    cofferdam("uninstall").status(4).stderr_contains("the ledger is in use").run();
    runtime.block_on(client.batch_execute("commit")).expect("an end");
    cofferdam("uninstall").run();
}
