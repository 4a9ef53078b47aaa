//! Rollbacks that meet somebody else's work, or a down file that takes more than it says.

use std::time::{Duration, Instant};

use cofferdam_testkit::postgres;

use super::scene::{Database, Kind, Scene};

fn newest() -> Kind {
    Kind::Postgres(*postgres::majors().last().expect("a major"))
}

/// The folder of the database, on SQLite.
fn directory(scene: &Scene) -> &std::path::Path {
    match &scene.database {
        Database::Sqlite(database) => database.directory(),
        Database::Postgres(_) => panic!("a scene on Postgres"),
    }
}

/// The names in it that hold `part`.
fn files_with(scene: &Scene, part: &str) -> Vec<String> {
    let entries = std::fs::read_dir(directory(scene)).expect("a directory").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains(part)).collect()
}

#[track_caller]
fn wait_until(what: &str, mut come: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !come() {
        assert!(Instant::now() < deadline, "not yet: {what}");
    }
}

const REBUILD: [(&str, &str); 2] = [
    ("0001_create.sql", "create table a (id integer primary key, v text);\ninsert into a values (1, 'x');"),
    (
        "0002_rebuild.sql",
        "create table a_new (id integer primary key, v text not null);\ninsert into a_new select id, v from a;\ndrop table a;\nalter table a_new rename to a;",
    ),
];

#[test]
fn a_rollback_that_slept_past_its_lease_leaves_the_newer_database_alone() {
    let scene = Scene::new(Kind::Sqlite, &REBUILD);
    scene.run("migrate").run();
    let Database::Sqlite(database) = &scene.database else { panic!("a scene on SQLite") };
    let reader = database.connection();
    reader.query_row("select count(*) from a", [], |row| row.get::<_, i64>(0)).expect("a reader");
    let rollback =
        scene.run("rollback --lock-budget 60s").status(7).stderr_contains("another runner took over").spawn();
    wait_until("the state to go back to", || !files_with(&scene, ".restore").is_empty());
    rollback.pause();
    scene.project.write("migrations/0003_more.sql", "create table more (id integer);");
    scene.run("migrate").run();
    drop(reader);
    rollback.go_on();
    rollback.wait();
    assert_eq!(scene.sql("select count(*) from more"), "0");
    assert_eq!(scene.sql("select version from _cofferdam_migration order by seq"), "0001\n0002\n0003");
    assert_eq!(files_with(&scene, ".restore"), Vec::<String>::new());
    scene.run("audit --verify").run();
}
