//! The commands on Postgres, from the outside.

use cofferdam_testkit::postgres::{Database, majors};

use crate::project::{Project, document};

fn project(database: &Database) -> Project {
    Project::new()
        .file("cofferdam.toml", "database_url = \"env:APP_URL\"\n")
        .file("app.url", format!("{}\n", database.url()))
        .file(
            "migrations/0001_create.sql",
            "create table notes (id bigint primary key, body text not null);\n",
        )
        .file("migrations/0002_status.sql", "alter table notes add column status text;\n")
}

#[test]
fn the_documents_are_valid_on_every_major() {
    for major in majors() {
        let database = Database::new(major);
        let project = project(&database);
        let cofferdam = |line: &str| project.cofferdam(line).env("APP_URL", database.url());
        let plan = document("plan", &cofferdam("plan --format json").run());
        assert_eq!(
            plan["steps"][0]["statements"][0]["sql"].as_str().map(|sql| &sql[..12]),
            Some("create table")
        );
        document("migrate", &cofferdam("migrate --format json").run());
        let status = document("status", &cofferdam("status --format json").run());
        assert_eq!(status["applied"].as_array().map(Vec::len), Some(2));
        document("audit", &cofferdam("audit --format json --verify").run());
        document("check", &cofferdam("check --format json").run());
        cofferdam("rollback --format json").any_status().run();
    }
}

#[test]
fn the_url_may_lie_in_a_file() {
    let database = Database::new(majors()[0]);
    let project = project(&database);
    project.cofferdam("migrate --database-url file:app.url").stderr_contains("2 applied").run();
    project.cofferdam("status").env("APP_URL", "file:app.url").stdout_contains("2 applied, 0 pending").run();
}

#[test]
fn a_migration_goes_past_the_pooler_where_a_direct_url_is_given() {
    let database = Database::new(majors()[0]);
    let project = project(&database);
    // Nothing listens there: whoever uses it fails.
    let pooler = format!("postgres://postgres@127.0.0.1:9/{}?pgbouncer=true", database.name());
    project.write("cofferdam.toml", format!("database_url = \"{pooler}\"\ndirect_url = \"env:APP_URL\"\n"));
    project.cofferdam("migrate").env("APP_URL", database.url()).stderr_contains("2 applied").run();
    project
        .cofferdam("migrate")
        .env("APP_URL", database.url())
        .env("DATABASE_URL", "postgres://postgres@127.0.0.1:9/elsewhere")
        .status(2)
        .stderr_contains("direct_url leads to")
        .run();
}

#[test]
fn a_failing_statement_shows_what_the_server_said() {
    let database = Database::new(majors()[0]);
    let project = project(&database)
        .file("migrations/0003_rows.sql", "insert into notes (id, body)\nvalues (1, 'a'), (1, 'b');\n");
    let output = project.cofferdam("migrate --progress none").env("APP_URL", database.url()).status(1).run();
    insta::assert_snapshot!(output.stderr, @r#"
    error: cannot apply 0003_rows.sql: duplicate key value violates unique
           constraint "notes_pkey"
     --> migrations/0003_rows.sql:1:1
      |
    1 | / insert into notes (id, body)
    2 | | values (1, 'a'), (1, 'b');
      | |_________________________^
      DETAIL: Key (id)=(1) already exists.
    "#);
}

#[test]
fn ctrl_c_stops_a_migration_that_waits_and_the_same_command_goes_on() {
    let database = Database::new(majors()[0]);
    let project = project(&database);
    let migrate = |line: &str| project.cofferdam(line).env("APP_URL", database.url());
    migrate("migrate --to 0001").run();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = runtime.block_on(database.client());
    runtime.block_on(client.batch_execute("begin; lock table notes in share mode")).expect("a lock");
    let mut running = migrate("migrate --lock-budget 10m --patience 10m").status(7).spawn();
    running.wait_for_stderr("waiting for");
    running.interrupt();
    let output = running.wait();
    assert!(output.stderr.contains("stopping after the current step"), "{output}");
    runtime.block_on(client.batch_execute("rollback")).expect("the lock is given back");
    migrate("migrate").stderr_contains("migrations completed: 1 applied, 1 already").run();
}

#[test]
fn a_lock_that_is_not_given_back_ends_with_exit_4_and_names_its_holder() {
    let database = Database::new(majors()[0]);
    let project = project(&database);
    let migrate = |line: &str| project.cofferdam(line).env("APP_URL", database.url());
    migrate("migrate --to 0001").run();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = runtime.block_on(database.client());
    runtime.block_on(client.batch_execute("begin; lock table notes in share mode")).expect("a lock");
    let output = migrate("migrate --patience 200ms --lock-budget 1s --format json").status(4).run();
    let blocked = document("migrate", &output);
    assert_eq!(blocked["error"]["kind"], "blocked");
    let text = blocked["error"].to_string();
    assert!(text.contains("pid"), "{text}");
}

#[test]
fn passwords_are_printed_nowhere() {
    let project = Project::new().file("migrations/0001_a.sql", "select 1;\n");
    for line in ["migrate", "status -vv", "plan --format json"] {
        project
            .cofferdam(line)
            .env("DATABASE_URL", "postgres://app:hunter2@127.0.0.1:9/app?connect_timeout=5")
            .status(5)
            .stdout_lacks("hunter2")
            .stderr_lacks("hunter2")
            .run();
    }
}
