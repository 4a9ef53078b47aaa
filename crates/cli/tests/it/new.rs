//! `new` makes the next file.

use crate::project::{Project, document};

#[test]
fn the_first_migration_makes_the_folder() {
    let project = Project::new();
    let output = project.cofferdam("new --format json Create-Notes").run();
    let document = document("new", &output);
    assert_eq!(document["migration"]["version"], "0001");
    assert_eq!(document["files"][0], "migrations/0001_create_notes.sql");
    assert_eq!(project.files(), ["migrations/0001_create_notes.sql"]);
}

#[test]
fn the_next_one_is_numbered_like_the_newest() {
    let project = Project::new().file("db/migrations/00041_a.sql", "");
    project.cofferdam("new b").stdout_contains("write the SQL into db/migrations/00042_b.sql\n").run();
}

#[test]
fn a_folder_of_pairs_gets_a_pair() {
    let project = Project::new().file("migrations/7_a.up.sql", "").file("migrations/7_a.down.sql", "");
    let output = project.cofferdam("new b").run();
    insta::assert_snapshot!(output.stdout, @r"
    write the SQL into migrations/8_b.up.sql
    and what takes it back into migrations/8_b.down.sql
    then: cofferdam check
    ");
}

#[test]
fn a_name_without_letters_is_refused() {
    let output = Project::new().cofferdam("new --format json -- --").status(2).run();
    assert_eq!(document("new", &output)["error"]["message"], "the name has no letter or digit");
}

#[test]
fn check_says_that_a_new_file_is_still_empty() {
    let project = Project::new();
    project.cofferdam("new a").run();
    project.cofferdam("check --dialect sqlite").stdout_contains("warning[empty-migration]").run();
}
