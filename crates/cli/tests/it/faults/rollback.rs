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

const TABLE: (&str, &str) = ("0001_create.sql", "create table a (id integer primary key, v text, w text);");

/// A scene whose second migration does nothing and whose down file is this, on a table with two rows.
fn down(kind: Kind, sql: &str) -> Scene {
    let scene = Scene::new(
        kind,
        &[TABLE, ("0002_more.sql", "create index a_v on a (v);"), ("0002_more.down.sql", sql)],
    );
    scene.run("migrate").run();
    scene.sql("insert into a (id, v) values (1, 'x'), (2, 'y')");
    scene
}

#[test]
fn a_down_file_that_overwrites_values_is_refused_unless_they_may_go() {
    for kind in [Kind::Sqlite, newest()] {
        let scene = down(kind, "drop index a_v;\nupdate a set v = '';");
        scene.run("rollback").status(3).stderr_contains("a.v (2 rows)").run();
        assert_eq!(scene.sql("select v from a order by id"), "x\ny", "{kind:?}");
        scene.run("rollback --discard-writes").run();
        assert_eq!(scene.sql("select count(*) from a where v = ''"), "2", "{kind:?}");
    }
}

#[test]
fn a_down_file_that_drops_a_schema_is_refused_by_the_rows_in_it() {
    let create = "create schema s;\ncreate table s.t (id integer);\ncreate table s.empty (id integer);";
    let scene = Scene::new(
        newest(),
        &[("0001_schema.sql", create), ("0001_schema.down.sql", "drop schema s cascade;")],
    );
    scene.run("migrate").run();
    scene.sql("insert into s.t select generate_series(1, 500)");
    scene.run("rollback").status(3).stderr_contains("s.t (500 rows)").stderr_lacks("s.empty").run();
    scene.sql("delete from s.t");
    scene.run("rollback").run();
    assert_eq!(scene.sql("select to_regnamespace('s') is null"), "t");
}

#[test]
fn a_loss_that_cannot_be_counted_is_named() {
    let scene = down(newest(), "drop index a_v;\nalter table a set unlogged;");
    scene.run("rollback").status(3).stderr_contains("unlogged").run();
    scene.run("rollback --discard-writes").run();
}

#[test]
fn a_down_file_whose_failed_end_was_taken_out_runs_nothing_again() {
    for kind in [Kind::Sqlite, newest()] {
        let first = "insert into a (id, v) select max(id) + 1, 'down' from a;";
        let no_transaction = "-- cofferdam:no-transaction\n";
        let scene = down(kind, &format!("{no_transaction}{first}\ninsert into nowhere values (1);"));
        scene.run("rollback").status(1).run();
        let status = scene.run("status").any_status().run();
        assert!(status.stdout.contains("0002") && !status.stdout.contains("run: ?"), "{}", status.stdout);
        let file = "migrations/0002_more.down.sql";
        scene.project.write(file, format!("{no_transaction}{}", first.replace("'down'", "'other'")));
        scene.run("rollback").status(3).stderr_contains("edited in a part that is done").run();
        scene.project.write(file, format!("{no_transaction}{first}"));
        scene.run("rollback").run();
        assert_eq!(scene.sql("select count(*) from a"), "3", "{kind:?}");
        let versions = format!("select version from {}", scene.ledger("migration"));
        assert_eq!(scene.sql(&versions), "0001", "{kind:?}");
        scene.run("audit --verify").run();
    }
}

#[test]
fn a_down_file_waits_for_a_locked_table_no_longer_than_its_budget() {
    let scene = down(newest(), "drop table a;");
    let database = scene.postgres();
    let mut holder = database.address().session(database.name()).expect("a session");
    holder.run("begin; lock table a").expect("a lock");
    let rollback = scene.run("rollback --lock-budget 1s").status(4).stderr_contains("held by pid");
    rollback.timeout(Duration::from_secs(15)).run();
    holder.run("commit").expect("a commit");
}

#[test]
fn a_copy_is_not_put_back_over_rows_of_a_full_text_index() {
    let scene = Scene::new(
        Kind::Sqlite,
        &[
            (
                "0001_create.sql",
                "create table a (id integer primary key, v text);\ncreate virtual table words using fts5(body);",
            ),
            REBUILD[1],
        ],
    );
    scene.run("migrate").run();
    scene.sql("insert into words values ('written later')");
    scene.run("rollback").status(3).stderr_contains("words (1 row)").run();
    assert_eq!(scene.sql("select body from words"), "written later");
    scene.run("rollback --discard-writes").run();
    assert_eq!(scene.sql("select count(*) from words"), "0");
}

#[test]
fn the_copy_of_another_database_of_that_name_is_kept() {
    let scene = Scene::new(Kind::Sqlite, &REBUILD);
    scene.run("migrate").run();
    let copies = files_with(&scene, ".before-0002");
    let copy = directory(&scene).join(&copies[0]);
    let kept = std::fs::read(&copy).expect("a copy");
    let Database::Sqlite(database) = &scene.database else { panic!("a scene on SQLite") };
    std::fs::remove_file(database.path()).expect("removed");
    scene.run("migrate").run();
    assert!(std::fs::read(&copy).expect("a copy") == kept, "it was replaced");
    assert_eq!(files_with(&scene, ".before-0002").len(), 2);
}

#[test]
fn what_the_migration_itself_wrote_is_not_lost_by_taking_it_back() {
    let rebuild = format!(
        "-- cofferdam:no-transaction\nbegin;\n{}\ncommit;\ninsert into a values (2, 'of the migration');",
        REBUILD[1].1
    );
    let scene = Scene::new(Kind::Sqlite, &[REBUILD[0], ("0002_rebuild.sql", &rebuild)]);
    scene.run("migrate").run();
    scene.run("rollback").run();
    assert_eq!(scene.sql("select id, v from a"), "1|x");
}

#[test]
fn a_rollback_over_several_refuses_before_the_first_of_them_runs() {
    for kind in [Kind::Sqlite, newest()] {
        let scene = Scene::new(
            kind,
            &[
                ("0001_base.sql", "create table base (id integer primary key);"),
                ("0002_posts.sql", "create table posts (id integer primary key);"),
                ("0002_posts.down.sql", "drop table posts;"),
                ("0003_more.sql", "create table more (id integer primary key);"),
                ("0003_more.down.sql", "drop table more;"),
            ],
        );
        scene.run("migrate").run();
        scene.sql("insert into posts values (1)");
        scene.run("rollback 0001").status(3).stderr_contains("posts (1 row)").run();
        assert_eq!(scene.sql("select count(*) from more"), "0", "nothing was taken back");
        scene.run("rollback 0001 --discard-writes").run();
    }
}
