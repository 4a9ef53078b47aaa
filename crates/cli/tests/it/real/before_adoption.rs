//! What `status` and `init` say of a database that the folder's own tool brought so far, and
//! nobody has adopted.

use cofferdam_testkit::postgres;
use serde_json::{Value, json};

use super::File;
use super::fresh::Fresh;
use crate::project::{Project, document};

/// Runs `test` with a database that sqlx brought through `done` of three files.
fn brought(done: usize, test: impl Fn(&Project, &dyn Fn(&str, i32) -> Value)) {
    let files: Vec<File> = (1..=3)
        .map(|number| File {
            version: number.to_string(),
            description: format!("t{number}"),
            text: format!("create table t{number} (id integer primary key);\n"),
        })
        .collect();
    let majors = postgres::majors().into_iter().map(Fresh::postgres);
    for database in std::iter::once(Fresh::sqlite()).chain(majors) {
        let project = Project::new();
        for File { version, description, text } in &files {
            project.write(&format!("migrations/{version}_{description}.sql"), text);
        }
        database.run_by_sqlx(&files[..done]);
        test(&project, &|line, code| {
            let command = project.cofferdam(line).args(["--format", "json", "--dir", "migrations"]);
            let output = command.arg("--database-url").arg(database.url()).status(code).run();
            document(line, &output)
        });
    }
}

fn messages(status: &Value) -> Vec<String> {
    let problems = status["problems"].as_array().expect("an array");
    problems.iter().map(|problem| problem["message"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn what_the_tool_applied_is_not_pending_and_adopt_is_named() {
    brought(2, |_, run| {
        let status = run("status", 0);
        assert_eq!(status["applied"], json!([]), "our ledger counts nothing");
        assert_eq!(status["pending"], json!([{"version": "3", "name": "t3"}]));
        assert_eq!(status["problems"], json!([]));
        let notes = status["notes"].to_string();
        assert!(notes.contains("2 migrations that sqlx applied are not adopted"), "{notes}");
        assert!(notes.contains("cofferdam adopt"), "{notes}");
        run("adopt", 0);
        let status = run("status", 0);
        assert_eq!(status["applied"].as_array().map(Vec::len), Some(2));
        assert!(!status["notes"].to_string().contains("not adopted"), "{status}");
    });
}

#[test]
fn an_edited_a_missing_and_a_file_of_other_line_ends_are_named_before_adoption() {
    let cases: [(fn(&Project), &str); 3] = [
        (
            |p| p.write("migrations/1_t1.sql", "create table t1 (id bigint);\n"),
            "was edited after sqlx applied",
        ),
        (
            |p| p.write("migrations/1_t1.sql", "create table t1 (id integer primary key);\r\n"),
            "has other line ends than the file that sqlx applied",
        ),
        (
            |p| std::fs::remove_file(p.path("migrations/1_t1.sql")).expect("removed"),
            "sqlx applied 1_t1, and its file is not in migrations",
        ),
    ];
    for (spoil, said) in cases {
        brought(2, |project, run| {
            spoil(project);
            let problems = messages(&run("status", 1));
            assert!(problems.len() == 1 && problems[0].contains(said), "{said}: {problems:?}");
        });
    }
}

#[test]
fn what_is_wrong_is_said_once_after_adoption() {
    brought(2, |project, run| {
        run("adopt", 0);
        project.write("migrations/1_t1.sql", "create table t1 (id bigint);\n");
        let problems = messages(&run("status", 1));
        assert!(problems.len() == 1 && problems[0].contains("was edited after"), "{problems:?}");
        // An older checkout is deployed: its newer files are gone, and that is no problem.
        project.write("migrations/1_t1.sql", "create table t1 (id integer primary key);\n");
        for file in ["migrations/2_t2.sql", "migrations/3_t3.sql"] {
            std::fs::remove_file(project.path(file)).expect("removed");
        }
        assert_eq!(run("status", 0)["problems"], json!([]));
    });
}

#[test]
fn init_takes_as_history_what_the_ledger_counts_as_applied() {
    for (done, since) in [(0, Value::Null), (2, json!("2")), (3, json!("3"))] {
        brought(done, |project, run| {
            let init = run("init", 0);
            assert_eq!((&init["since"], &init["database"]["reached"]), (&since, &json!(true)), "{done}");
            let written = project.read("cofferdam.toml");
            assert_eq!(written.contains("since"), !since.is_null(), "{written}");
            assert_eq!(init["next"][0], "cofferdam adopt");
            // Ours counts as well, and has nothing to adopt any more.
            run("adopt", 0);
            run("migrate", 0);
            std::fs::remove_file(project.path("cofferdam.toml")).expect("removed");
            let init = run("init", 0);
            assert_eq!(init["since"], "3");
            assert_eq!(init["next"], json!(["cofferdam status", "cofferdam check"]));
        });
    }
}
