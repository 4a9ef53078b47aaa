//! Command lines, configurations and environments that are wrong.

use crate::project::{Project, document};

#[test]
fn a_wrong_command_line_is_one_document_when_json_was_asked_for() {
    let project = Project::new();
    for line in ["check --format json --dilect sqlite", "--format=json check --fail-on catastrophe"] {
        let output = project.cofferdam(line).status(2).run();
        let document = document("check", &output);
        assert_eq!(document["error"]["kind"], "invalid");
        assert!(output.stderr.is_empty(), "{output}");
    }
}

#[test]
fn a_command_that_does_not_exist_is_a_document_too() {
    let output = Project::new().cofferdam("--format json chekc").status(2).run();
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("a document");
    assert_eq!((&document["ok"], &document["version"]), (&false.into(), &1.into()));
    assert_eq!(document["error"]["hint"], "a similar subcommand exists: 'check'");
}

#[test]
fn every_failure_is_one_document() {
    let project = Project::new().file("cofferdam.toml", "[migrations]\nfromat = \"native\"\n");
    let output = project.cofferdam("check --format json").status(2).run();
    let document = document("check", &output);
    assert_eq!(document["error"]["hint"], "did you mean `format`?");
    assert_eq!(document["error"]["place"]["line"], 2);
}

#[test]
fn an_unknown_setting_is_shown_in_its_line() {
    let project = Project::new().file("cofferdam.toml", "[migrations]\nfromat = \"native\"\n");
    let output = project.cofferdam("check").status(2).run();
    insta::assert_snapshot!(output.stderr, @r#"
    error: cannot read cofferdam.toml: unknown field `fromat`, expected one of
           `dir`, `format`, `list`, `sql`, `out_of_order`, `placeholders`
     --> cofferdam.toml:2:1
      |
    2 | fromat = "native"
      | ^^^^^^
    hint: did you mean `format`?
    "#);
}

#[test]
fn a_password_in_the_configuration_is_refused_and_shown_nowhere() {
    let project =
        Project::new().file("cofferdam.toml", "database_url = \"postgres://app:hunter2@db.example/app\"\n");
    project
        .cofferdam("check migrations")
        .status(2)
        .stderr_contains("the configuration holds a password")
        .stderr_contains("cofferdam.toml:1:16")
        .stderr_lacks("hunter2")
        .run();
    project
        .cofferdam("check migrations --format json")
        .status(2)
        .stdout_lacks("hunter2")
        .stderr_lacks("hunter2")
        .run();
}

#[test]
fn two_migrations_folders_are_both_named_and_none_is_chosen() {
    let project = Project::new().file("migrations/0001_a.sql", "").file("db/migrations/0001_a.sql", "");
    project
        .cofferdam("check --dialect sqlite")
        .status(2)
        .stderr_contains("there are several migrations folders: migrations, db/migrations")
        .run();
    project.cofferdam("check --dialect sqlite --dir db/migrations").run();
}

#[test]
fn a_named_configuration_must_be_there() {
    let project = Project::new().file("migrations/0001_a.sql", "");
    project.cofferdam("check --config other.toml").status(2).stderr_contains("other.toml").run();
    project
        .cofferdam("check")
        .env("COFFERDAM_CONFIG", "other.toml")
        .status(2)
        .stderr_contains("other.toml")
        .run();
}

#[test]
fn an_environment_that_is_not_configured_is_refused_even_beside_a_url() {
    let project = Project::new().file("cofferdam.toml", "[env.staging]\ndatabase_url = \"sqlite:a.db\"\n");
    project
        .cofferdam("check --env production --database-url sqlite:b.db")
        .status(2)
        .stderr_contains("there is no environment `production`")
        .stderr_contains("cofferdam.toml has: staging")
        .run();
}

#[test]
fn a_variable_that_is_named_and_not_set_is_said() {
    let project = Project::new().file("migrations/0001_a.sql", "");
    project
        .cofferdam("check --database-url env:PROD_URL")
        .status(2)
        .stderr_contains("the variable PROD_URL is not set")
        .run();
}

#[test]
fn colour_is_there_when_asked_for_and_never_for_a_pipe() {
    let project = Project::new().file("migrations/0001_a.sql", "selec 1;");
    project.cofferdam("check --dialect sqlite").status(1).stdout_lacks("\u{1b}").run();
    project.cofferdam("check --dialect sqlite --color always").status(1).stdout_contains("\u{1b}[").run();
    project
        .cofferdam("check --dialect sqlite --color always")
        .env("NO_COLOR", "1")
        .status(1)
        .stdout_contains("\u{1b}[")
        .run();
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let project = Project::new();
    let program = env!("CARGO_BIN_EXE_cofferdam");
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("('{program}' explain; echo $? >&2) | true")])
        .current_dir(project.path("."))
        .output()
        .expect("a shell");
    assert_eq!(String::from_utf8_lossy(&status.stderr), "0\n");
}

#[test]
fn what_only_an_applications_pool_understands_is_noted_where_somebody_looks() {
    let project = Project::new().file("migrations/0001_a.sql", "create table a (id integer primary key);\n");
    let url = "file:notes.db?connection_limit=1";
    let cofferdam = |line: &str| project.cofferdam(line).env("DATABASE_URL", url);
    let note = "`connection_limit` in the database URL is for the application and is ignored";
    cofferdam("init").stdout_contains("connection_limit").run();
    for line in ["migrate", "status", "plan"] {
        cofferdam(line).stderr_lacks("connection_limit").run();
        cofferdam(&format!("{line} -v")).stderr_contains(&note[..note.len() - 8]).run();
    }
    // What may be a mistake is said each time.
    project.cofferdam("status --database-url file:notes.db?fancy=1").stderr_contains("`fancy`").run();
}
