//! A program that brings its migrations, beside the command line: one ledger.

use cofferdam::Migrations;
use cofferdam_testkit::{postgres, sqlite};

use crate::project::{Project, document};

static EMBEDDED: Migrations =
    cofferdam::migrations!("$CARGO_MANIFEST_DIR/../../examples/embedded/migrations");

/// The same files in a project.
fn project(url: &str) -> Project {
    let mut project = Project::new().file("cofferdam.toml", format!("database_url = \"{url}\"\n"));
    for migration in EMBEDDED.folder().expect("a folder").migrations() {
        let path = format!("migrations/{}", migration.file_name());
        // Saved on Windows: it is the same file.
        project = project.file(&path, migration.text.replace('\n', "\r\n"));
    }
    project
}

fn both_see_each_other(url: &str) {
    let project = project(url);
    EMBEDDED.clone().to("0002").run_blocking(url).expect("two of three");
    let status = document("status", &project.cofferdam("status --format json").run());
    let versions = |key: &str| -> Vec<String> {
        let rows = status[key].as_array().expect("rows");
        rows.iter().map(|row| row["version"].as_str().expect("a version").to_owned()).collect()
    };
    assert_eq!(
        (versions("applied"), versions("pending")),
        (vec!["0001".into(), "0002".into()], vec!["0003".into()])
    );
    assert_eq!(status["problems"].as_array().map(Vec::len), Some(0), "{status}");
    project.cofferdam("migrate").stdout_contains("0003").run();
    let report = EMBEDDED.run_blocking(url).expect("nothing to do");
    assert_eq!((report.applied.len(), report.already), (0, 3));
    project.cofferdam("audit").run();
}

#[test]
fn a_program_and_the_command_line_share_one_ledger_on_sqlite() {
    both_see_each_other(&sqlite::Database::new().url());
}

#[test]
fn a_program_and_the_command_line_share_one_ledger_on_postgres() {
    for major in postgres::majors() {
        both_see_each_other(&postgres::Database::new(major).url());
    }
}
