//! `check` judges files without a database.

use crate::project::{Project, document};

const CREATE: &str = "create table notes (id integer primary key, body text not null);\n";

fn project() -> Project {
    Project::new()
        .file("migrations/0001_create.sql", CREATE)
        .file("migrations/0002_drop.sql", "drop table notes;\n")
}

#[test]
fn a_finding_is_shown_in_its_line_with_the_reason_and_what_to_do() {
    let project = project().file("cofferdam.toml", "[check]\nsince = \"0001\"\n");
    let output = project.cofferdam("check --dialect postgres").status(1).run();
    insta::assert_snapshot!(output.stdout, @r"
    error[drop-table]: drops the table notes and every row in it
     --> migrations/0002_drop.sql:1:1
      |
    1 | drop table notes;
      | ^^^^^^^^^^^^^^^^
      = why: every row is lost, and the tables it references are locked as long as
             the transaction lasts
      = cost: takes AccessExclusive
      = help: rename the table out of the way, and drop it in a later migration once
              a backup holds it; if it is meant:
              -- cofferdam:allow drop-table REASON
      = allow once: cofferdam migrate --allow drop-table --reason TEXT

    1 file, 1 statement: 1 error
    ");
}

#[test]
fn the_document_holds_the_same_as_the_text() {
    let project = project().file("cofferdam.toml", "[check]\nsince = \"0001\"\n");
    let output = project.cofferdam("check --dialect postgres --format json").status(1).run();
    let document = document("check", &output);
    let finding = &document["findings"][0];
    assert_eq!(finding["rule"], "drop-table");
    assert_eq!((&finding["file"], &finding["line"]), (&"migrations/0002_drop.sql".into(), &1.into()));
    assert_eq!(document["summary"]["error"], 1);
    assert_eq!(document["error"]["kind"], "findings");
}

#[test]
fn a_table_made_in_the_same_set_holds_nobodys_rows() {
    let output = project().cofferdam("check --dialect postgres --format json").run();
    assert!(output.stderr.contains("as if none of these files had run yet"), "{output}");
    let document = document("check", &output);
    assert_eq!(document["summary"]["error"], 0, "{document:#}");
    assert_eq!(document["summary"]["files"], 2);
}

#[test]
fn older_files_of_the_folder_are_history_for_the_paths_that_are_named() {
    let output = project()
        .cofferdam("check --dialect postgres --format json migrations/0002_drop.sql")
        .status(1)
        .run();
    let document = document("check", &output);
    assert_eq!(document["summary"]["files"], 1);
    assert_eq!(document["findings"][0]["rule"], "drop-table");
}

#[test]
fn a_schema_that_already_ran_holds_rows() {
    let project = Project::new().file("schema.sql", CREATE).file("drop.sql", "drop table notes;");
    project.cofferdam("check --dialect sqlite --schema schema.sql drop.sql").status(1).run();
}

#[test]
fn fail_on_decides_the_exit_and_nothing_else() {
    let project = Project::new().file("a.sql", "-- cofferdam:allow drop-table because\nselect 1;\n");
    let output = project.cofferdam("check --dialect sqlite --format json a.sql").any_status().run();
    let found = document("check", &output)["findings"].clone();
    assert_eq!(found[0]["rule"], "unused-allow");
    let exit_for = |severity: &str| {
        project
            .cofferdam(&format!("check --dialect sqlite a.sql --fail-on {severity}"))
            .any_status()
            .run()
            .code()
    };
    let expected = match found[0]["severity"].as_str() {
        Some("error") => [Some(1), Some(1), Some(1)],
        Some("warning") => [Some(0), Some(1), Some(1)],
        _ => [Some(0), Some(0), Some(1)],
    };
    assert_eq!([exit_for("error"), exit_for("warning"), exit_for("note")], expected);
}

#[test]
fn sql_is_read_from_the_standard_input() {
    let output =
        Project::new().cofferdam("check --dialect sqlite --format json -").stdin("selec 1;").status(1).run();
    assert_eq!(document("check", &output)["findings"][0]["file"], "<stdin>");
}

#[test]
fn the_dialect_is_that_of_the_url_and_otherwise_said() {
    let project = Project::new().file("a.sql", "select 1;");
    project.cofferdam("check a.sql").stderr_contains("judged as Postgres").run();
    project.cofferdam("check a.sql --database-url sqlite:never-opened.db").stderr("").run();
    assert_eq!(project.files(), ["a.sql"]);
}

#[test]
fn files_that_cannot_be_judged_are_refused() {
    let project =
        Project::new().file("readme.md", "").file("latin1.sql", b"select '\xe9';").file("cofferdam.toml", "");
    for (path, says) in [
        ("readme.md", "is no file that can be judged"),
        ("latin1.sql", "is not UTF-8"),
        ("absent.sql", "cannot read"),
    ] {
        project.cofferdam(&format!("check --dialect sqlite {path}")).status(2).stderr_contains(says).run();
    }
}

#[test]
fn odd_but_valid_files_are_read() {
    let project = Project::new()
        .file("0001_empty.sql", "")
        .file("0002_comments.sql", "-- nothing\n/* here */")
        .file("0003_bom.sql", "\u{feff}select 1;\r\n")
        .file("compose.yaml", "services: {}\n");
    let output = project.cofferdam("check --dialect sqlite .").run();
    assert_eq!(output.stdout.matches("warning[empty-migration]").count(), 2, "{output}");
    assert!(output.stdout.ends_with("4 files, 1 statement: 2 warnings\n"), "{output}");
}

#[test]
fn a_file_name_cannot_write_to_the_terminal() {
    let project = Project::new().file("a\u{1b}[2J.sql", "selec 1;");
    project.cofferdam("check --dialect sqlite .").status(1).stdout_lacks("\u{1b}").run();
}
