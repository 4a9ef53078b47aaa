//! Files that were half applied, edited, and run again.

use cofferdam_testkit::postgres;

use super::scene::{Kind, Scene};

fn newest() -> Kind {
    Kind::Postgres(*postgres::majors().last().expect("a major"))
}

#[test]
fn a_file_whose_failed_tail_was_taken_out_is_recorded_and_runs_only_once() {
    for kind in [Kind::Sqlite, newest()] {
        let begun = "-- cofferdam:no-transaction\ncreate table a (b int);\ninsert into a values (1);\n";
        let scene =
            Scene::new(kind, &[("0001_a.sql", &*format!("{begun}insert into nowhere values (1);\n"))]);
        scene.run("migrate").status(1).run();
        scene.project.write("migrations/0001_a.sql", begun);
        scene.run("migrate").stderr_contains("1 applied, 0 already").run();
        scene.run("migrate").stderr_contains("0 applied, 1 already").run();
        assert_eq!(scene.sql("select count(*) from a"), "1", "{kind:?}");
        scene.run("audit --verify").run();
    }
}

#[test]
fn settings_of_done_steps_hold_when_the_rest_runs_later() {
    let postgres = "-- cofferdam:no-transaction\ncreate schema app;\nset search_path = app;\n\
                    create table a (x int);\nselect 1/0;\ncreate table b (x int);\n";
    let scene = Scene::new(newest(), &[("0001_a.sql", postgres)]);
    scene.run("migrate").status(1).run();
    scene.project.write("migrations/0001_a.sql", postgres.replace("1/0", "1/1"));
    scene.run("migrate").run();
    let places = "select string_agg(schemaname || '.' || tablename, ' ' order by tablename) from pg_tables
                  where tablename in ('a', 'b')";
    assert_eq!(scene.sql(places), "app.a app.b");

    let sqlite = "-- cofferdam:no-transaction\ncreate table p (id integer primary key);\n\
                  create table c (p references p on delete cascade);\ninsert into p values (1);\n\
                  insert into c values (1);\npragma foreign_keys = off;\nselect * from nowhere;\n\
                  delete from p where id = 1;\n";
    let scene = Scene::new(Kind::Sqlite, &[("0001_a.sql", sqlite)]);
    scene.run("migrate").status(1).run();
    scene.project.write("migrations/0001_a.sql", sqlite.replace("nowhere", "p"));
    scene.run("migrate").any_status().run();
    assert_eq!(scene.sql("select count(*) from c"), "1", "enforcement stayed off, as in one go");
}

#[test]
fn an_intent_is_never_settled_for_the_statement_it_was_edited_to() {
    let (scene, snapshot) = super::concurrency::killed_during_concurrently("400");
    snapshot.end();
    super::concurrency::wait_for(&scene, super::concurrency::AT_WORK, "0");
    let valid = scene.sql(super::concurrency::VALID) == "1|t";
    scene.project.write("migrations/0002_index.sql", "create index concurrently notes_body on notes (id);");
    let migrate = scene.run("migrate").any_status().run();
    let column = "select attname from pg_attribute where attrelid = 'notes_body'::regclass";
    if valid {
        assert_eq!(migrate.code(), Some(3), "{migrate}");
        assert!(migrate.to_string().contains("took place as it was"), "{migrate}");
        assert_eq!(scene.sql(column), "body");
    } else {
        assert_eq!((migrate.code(), &*scene.sql(column)), (Some(0), "id"), "{migrate}");
    }
}

#[test]
fn a_half_done_detach_is_finalized() {
    let files = [
        (
            "0001_p.sql",
            "create table p (a int) partition by list (a);\ncreate table c partition of p for values in (1);",
        ),
        ("0002_detach.sql", "alter table p detach partition c concurrently;"),
    ];
    let scene = Scene::new(newest(), &files);
    scene.run("migrate --to 1").run();
    let database = scene.postgres();
    let session = || database.address().session(database.name()).expect("a session");
    let mut reader = session();
    reader.run("begin isolation level repeatable read; select count(*) from p").expect("a snapshot");
    let mut other = session();
    other.run("set lock_timeout = '300ms'").expect("a setting");
    other.run("alter table p detach partition c concurrently").expect_err("the snapshot is in its way");
    reader.run("commit").expect("a commit");
    assert_eq!(scene.sql("select inhdetachpending from pg_inherits where inhrelid = 'c'::regclass"), "t");
    scene.run("migrate").run();
    assert_eq!(scene.sql("select count(*) from pg_inherits where inhrelid = 'c'::regclass"), "0");
}

#[test]
fn row_security_does_not_hide_rows_from_the_proof() {
    let scene = Scene::new(
        newest(),
        &[("0001_a.sql", "create table a (tenant int);\nalter table a enable row level security;")],
    );
    let database = scene.postgres();
    let role = format!("owner_of_{}", database.name());
    let (name, superuser) = (database.name(), database.url());
    scene.sql(&format!("create role {role} login; grant create on database {name} to {role}; grant all on schema public to {role}"));
    let owner = superuser.replace("postgres@", &format!("{role}@"));
    assert_ne!(owner, superuser, "the superuser sees every row");
    let run = |line: &str| scene.run(line).env("DATABASE_URL", &owner);
    scene.project.write("migrations/0002_fails.sql", "select 1/0;");
    run("migrate").any_status().run();
    scene.sql("alter table a force row level security; insert into a values (1)");
    scene.project.write("migrations/0002_fails.sql", "drop table a;");
    run("migrate").status(3).run();
    assert_eq!(scene.sql("select count(*) from a"), "1");
}
