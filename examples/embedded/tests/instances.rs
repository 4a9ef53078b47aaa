//! The example does what it says, on both databases.

use cofferdam_testkit::{Cofferdam, Output, postgres, sqlite};

const FILES: [&str; 3] = ["0001", "0002", "0003"];

fn three_instances(url: &str) -> Output {
    Cofferdam::new(env!("CARGO_BIN_EXE_embedded")).env("DATABASE_URL", url).run()
}

/// Each file once, by whichever instance; and all of them ready.
fn assert_applied_once(output: &Output) {
    let said = &output.stdout;
    for file in FILES {
        let done = said.lines().filter(|line| line.contains(&format!(": {file} done in"))).count();
        assert_eq!(done, 1, "{file} was applied {done} times\n{said}");
    }
    assert_eq!(said.matches(": ready, ").count(), 3, "{said}");
}

#[test]
fn three_instances_on_sqlite_apply_each_file_once() {
    let database = sqlite::Database::new();
    assert_applied_once(&three_instances(&database.url()));
    assert_eq!(database.sql("select count(*), max(id) from notes"), "200000|200000");
    assert_eq!(database.sql("select count(*) from _cofferdam_migration"), "3");
    let again = three_instances(&database.url());
    assert_eq!(again.stdout.matches("ready, 0 applied now, 3 before").count(), 3, "{again}");
}

#[test]
fn three_instances_on_postgres_apply_each_file_once() {
    for major in postgres::majors() {
        let database = postgres::Database::new(major);
        assert_applied_once(&three_instances(&database.url()));
        let rows = database.rows("select count(*)::text from notes");
        assert_eq!(format!("{rows:?}"), format!("{:?}", database.rows("select '200000'")));
        let again = three_instances(&database.url());
        assert_eq!(again.stdout.matches("ready, 0 applied now, 3 before").count(), 3, "{again}");
    }
}

#[test]
fn without_a_database_it_makes_one_of_its_own() {
    assert_applied_once(&Cofferdam::new(env!("CARGO_BIN_EXE_embedded")).run());
}
