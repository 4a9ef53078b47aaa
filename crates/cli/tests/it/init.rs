//! `init` looks and writes one file.

use crate::project::{Project, document};

#[test]
fn a_project_with_migrations_gets_its_folder_format_and_history() {
    let project = Project::new().file("migrations/0001_a.sql", "").file("migrations/0002_b.sql", "");
    let output = project.cofferdam("init").run();
    insta::assert_snapshot!(output.stdout, @r"
    wrote cofferdam.toml
    found migrations: 2 migrations, format native
    next:
      cofferdam status
      cofferdam check
    ");
    insta::assert_snapshot!(project.read("cofferdam.toml"), @r#"
    # Cofferdam's settings for this project; docs/configuration.md has all of them.
    # The database is that of --database-url or of the variable DATABASE_URL.

    [migrations]
    dir = "migrations"

    [check]
    # Files up to this version are history: read, but not judged.
    since = "0002"
    "#);
    assert_eq!(project.files(), ["cofferdam.toml", "migrations/0001_a.sql", "migrations/0002_b.sql"]);
}

#[test]
fn an_empty_project_gets_a_file_and_nothing_else() {
    let project = Project::new();
    let document = document("init", &project.cofferdam("init --format json").run());
    assert_eq!(document["dir"], serde_json::Value::Null);
    assert_eq!(project.files(), ["cofferdam.toml"]);
    // What was written can be read again.
    project.cofferdam("explain").run();
}

#[test]
fn sqlx_is_recognised() {
    let project = Project::new().file("migrations/1_a.up.sql", "").file("migrations/1_a.down.sql", "");
    let document = document("init", &project.cofferdam("init --format json").run());
    assert_eq!((&document["format"], &document["since"]), (&"sqlx".into(), &"1".into()));
}

#[test]
fn a_folder_of_two_tools_is_noted() {
    let project = Project::new()
        .file("migrations/V1__a.sql", "")
        .file("migrations/2_b.sql", "-- migrate:up\n-- migrate:down\n");
    project.cofferdam("init").stdout_contains("the folder is not understood").run();
}

#[test]
fn an_existing_configuration_is_kept() {
    let project = Project::new().file("cofferdam.toml", "# mine\n");
    let output = project.cofferdam("init --format json").status(3).run();
    assert_eq!(document("init", &output)["error"]["kind"], "refused");
    assert_eq!(project.read("cofferdam.toml"), "# mine\n");
}

#[test]
fn the_file_can_have_another_name() {
    let project = Project::new();
    project.cofferdam("init --config other.toml").run();
    assert_eq!(project.files(), ["other.toml"]);
}

#[test]
fn a_password_is_not_written_down() {
    let project = Project::new();
    project
        .cofferdam("init --database-url postgres://app:hunter2@db.example/app")
        .stdout_contains("DATABASE_URL")
        .stdout_lacks("hunter2")
        .run();
    assert!(!project.read("cofferdam.toml").contains("hunter2"));
}

#[test]
fn a_url_that_holds_no_secret_is_written_down() {
    let project = Project::new();
    project.cofferdam("init --database-url sqlite:notes.db").run();
    assert!(project.read("cofferdam.toml").contains("database_url = \"sqlite:notes.db\"\n"));
}

#[test]
fn a_variable_that_will_win_over_the_written_url_is_noted() {
    let noted = |url: &str, variable: &str| {
        let project = Project::new();
        let init = project.cofferdam(&format!("init --format json --database-url {url}"));
        document("init", &init.env("DATABASE_URL", variable).run())["notes"].to_string()
    };
    let notes = noted("sqlite:notes.db", "postgres://app:hunter2@db.example/app");
    assert!(
        notes.contains("DATABASE_URL is set to app@db.example") && notes.contains("wins over"),
        "{notes}"
    );
    assert!(!notes.contains("hunter2"), "{notes}");
    let notes = noted("sqlite:notes.db", "hunter2");
    assert!(notes.contains("no database URL") && !notes.contains("hunter2"), "{notes}");
    let notes = noted("sqlite:notes.db", "file:./notes.db");
    assert!(!notes.contains("wins over"), "{notes}");
}

#[test]
fn tables_without_any_ledger_are_taken_over_by_baseline() {
    let baseline: &[&str] = &["cofferdam baseline", "cofferdam status", "cofferdam check"];
    // Nothing but a baseline may come before what stands there.
    let none: &[&str] = &["cofferdam adopt --none", "cofferdam status", "cofferdam check"];
    for (file, next) in [(None, baseline), (Some("0001_baseline.sql"), baseline), (Some("0001_a.sql"), none)]
    {
        let project = Project::new();
        if let Some(file) = file {
            project.write(&format!("migrations/{file}"), "create table a (id integer primary key);\n");
        }
        let db = rusqlite::Connection::open(project.path("notes.db")).expect("a database");
        db.execute_batch("create table a (id integer primary key)").expect("a table");
        let init = project.cofferdam("init --format json --database-url sqlite:notes.db").run();
        let init = document("init", &init);
        assert_eq!((&init["next"], &init["since"]), (&serde_json::json!(next), &serde_json::Value::Null));
    }
}

#[test]
fn a_folder_of_two_tools_is_not_one_without_migrations() {
    let project = Project::new()
        .file("migrations/V1__a.sql", "")
        .file("migrations/2_b.sql", "-- migrate:up\n-- migrate:down\n");
    let output = project
        .cofferdam("init")
        .stdout_lacks("no migrations yet")
        .stdout_lacks("cofferdam new")
        .stdout_contains("holds migrations of two tools")
        .stdout_contains("format =");
    output.run();
}
