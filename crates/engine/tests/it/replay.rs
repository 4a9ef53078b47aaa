//! Building a schema from its migrations in a scratch database.

use cofferdam::catalog::postgres::read;
use cofferdam::db::{ConnectOptions, Target};
use cofferdam::replay::{Place, Source, Wanted, postgres, sqlite};
use cofferdam::{ErrorKind, Stop};
use cofferdam_analysis::catalog::{Catalog, Ignore, diff};
use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_testkit::postgres::{Cluster, Database, cluster, installed, majors};

const FILES: [&str; 4] = [
    "create table artist (id int primary key, name text not null);
     create role replay_made;
     set search_path = pg_catalog; set role replay_made;",
    "create index concurrently artist_name on artist (name);",
    "-- cofferdam:no-transaction
     begin; create table album (id int primary key, artist int references artist); commit;
     create view albums as select a.id, r.name from album a join artist r on r.id = a.artist;",
    "grant select on albums to replay_reader;
     create policy own on album for select to replay_reader using (true);
     create subscription far connection 'host=127.0.0.1 port=9' publication p;",
];

fn sources(dialect: Dialect, files: &[&str]) -> Vec<Source> {
    let source = |(at, text): (usize, &&str)| Source {
        version: format!("{:04}", at + 1),
        script: Script::parse(dialect, &format!("{:04}_x.sql", at + 1), text),
        no_transaction: false,
    };
    files.iter().enumerate().map(source).collect()
}

fn own(major: u32) -> Place {
    Place::Local(vec![installed(major)])
}

fn named(server: &Cluster) -> Place {
    let Target::Postgres(target) = Target::parse(&server.url("postgres")).unwrap() else {
        panic!("a Postgres URL")
    };
    Place::Server { target: Box::new(target), connect: Box::new(ConnectOptions::default()) }
}

async fn built(
    files: &[&str],
    major: u32,
    place: &Place,
    roles: &[&str],
) -> cofferdam::Result<(Catalog, Vec<String>)> {
    let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
    let wanted = Wanted { major, roles: &roles, stop: &Stop::default() };
    let built = postgres(&sources(Dialect::Postgres, files), place, &wanted).await?;
    Ok((built.catalog, built.notes))
}

/// Scratch databases that stand on a server.
fn scratch_databases(server: &Cluster) -> String {
    let sql = "select datname from pg_database where datname like 'cofferdam_scratch_%'";
    format!("{:?}", server.run("postgres", sql).unwrap())
}

#[tokio::test]
async fn files_of_all_kinds_give_the_catalog_that_running_them_gives() {
    for major in majors() {
        let roles = ["replay_reader", "replay_made", "pg_monitor", "postgres", "odd \"role\""];
        let (catalog, notes) = built(&FILES, major, &own(major), &roles).await.unwrap();
        let database = Database::new(major);
        database.rows("do $$ begin create role replay_reader; exception when duplicate_object or unique_violation then end $$");
        database.rows(
            "create table artist (id int primary key, name text not null);
             create index artist_name on artist (name);
             create table album (id int primary key, artist int references artist);
             create view albums as select a.id, r.name from album a join artist r on r.id = a.artist;
             grant select on albums to replay_reader;
             create policy own on album for select to replay_reader using (true);",
        );
        let plainly = read(&database.client().await).await.unwrap();
        assert_eq!(diff(&plainly, &catalog, &Ignore::default()), [], "Postgres {major}");
        let [note] = notes.as_slice() else { panic!("{notes:?}") };
        assert!(note.starts_with("CREATE SUBSCRIPTION at 0004_x.sql:3 was left out"), "{note}");
    }
}

#[tokio::test]
async fn a_failing_statement_has_its_place_and_leaves_no_database() {
    for major in majors() {
        let server = cluster(major);
        for place in [own(major), named(&server)] {
            let files = ["select 1;", "create table a (id int);\ncreate table a (id int);"];
            let error = built(&files, major, &place, &[]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert_eq!(error.message(), "in the scratch database: relation \"a\" already exists");
            let at = error.place().unwrap();
            assert_eq!((at.file.as_ref(), at.line), ("0002_x.sql", 2));
        }
        let stop = Stop::default();
        stop.raise();
        let wanted = Wanted { major, roles: &[], stop: &stop };
        let stopped = postgres(&sources(Dialect::Postgres, &["select 1"]), &named(&server), &wanted).await;
        assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Interrupted);
        assert_eq!(scratch_databases(&server), "[]");
    }
}

#[tokio::test]
async fn work_that_is_dropped_half_way_drops_its_database_on_a_named_server() {
    let major = majors()[0];
    let server = cluster(major);
    let place = named(&server);
    let hanging = built(&["select pg_sleep(600)"], major, &place, &[]);
    let seen = async {
        let mut poll = cofferdam::db::Poll::new(
            std::time::Duration::from_millis(10),
            std::time::Duration::from_secs(30),
        );
        let at_work = "select pid from pg_stat_activity where query like 'select pg_sleep(600)%' and datname like 'cofferdam_scratch_%'";
        while server.run("postgres", at_work).unwrap().is_empty() {
            assert!(poll.pause().await, "it never began");
        }
    };
    tokio::select! {
        ended = hanging => panic!("{ended:?}"),
        () = seen => {}
    }
    assert_eq!(scratch_databases(&server), "[]");
}

#[tokio::test]
async fn a_named_server_keeps_its_roles_and_a_missing_one_is_named() {
    let major = majors()[0];
    let server = cluster(major);
    let files = ["create table t (id int);\ngrant select on t to replay_absent;"];
    let error = built(&files, major, &named(&server), &["replay_absent", "postgres"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().ends_with("lacks the role replay_absent"), "{error}");
    assert_eq!(error.place().unwrap().line, 2);
    for wide in
        ["create role replay_wide", "do $$ begin create role replay_wide; end $$", "drop database postgres"]
    {
        let error = built(&[wide], major, &named(&server), &[]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{wide}");
        assert!(error.message().contains("more of the scratch server"), "{error}");
    }
    let roles =
        server.run("postgres", "select 1 from pg_roles where rolname in ('replay_absent', 'replay_wide')");
    assert_eq!(roles.unwrap(), Vec::<Vec<Option<String>>>::new());
}

#[tokio::test]
async fn a_file_that_reaches_outside_of_its_database_is_refused_before_anything_runs() {
    let major = majors()[0];
    let server = cluster(major);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made");
    let made = path.display();
    for place in [own(major), named(&server)] {
        for (sql, names) in [
            (format!("copy (select 1) to program 'touch {made}'"), "COPY"),
            (format!("do $$ begin copy (select 1) to program 'touch {made}'; end $$"), "COPY"),
            (
                format!(
                    "do $$ begin execute 'copy (select 1) to program ' || quote_literal('touch {made}'); end $$"
                ),
                "COPY",
            ),
            (format!("select lo_export(lo_from_bytea(0, 'x'), '{made}')"), "lo_export"),
        ] {
            let error = built(&[&sql], major, &place, &[]).await.unwrap_err();
            assert!(!path.exists(), "{sql}");
            assert_eq!(error.kind(), ErrorKind::Invalid, "{sql}: {error}");
            assert!(error.message().contains(names), "{sql}: {error}");
            assert!(error.message().contains("outside of its database"), "{error}");
            assert_eq!(error.place().unwrap().line, 1);
        }
    }
}

#[tokio::test]
async fn an_extension_that_the_server_lacks_is_named() {
    let major = majors()[0];
    let error = built(&["create extension no_such_thing;"], major, &own(major), &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("cannot create the extension no_such_thing"), "{error}");
    assert!(error.hint_text().unwrap().contains("--scratch-url"), "{:?}", error.hint_text());
}

#[tokio::test]
async fn without_a_server_what_was_looked_for_is_said_and_another_major_is_noted() {
    let error = built(&["select 1"], 17, &Place::Local(Vec::new()), &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("server programs of Postgres 17"), "{error}");
    assert!(error.hint_text().unwrap().contains("postgresql-17"), "{:?}", error.hint_text());
    let newest = *majors().last().unwrap();
    let (_, notes) = built(&["select 1"], 14, &own(newest), &[]).await.unwrap();
    assert!(notes[0].contains(&format!("Postgres {newest} and the database Postgres 14")), "{notes:?}");
}

#[test]
fn on_sqlite_a_rebuild_and_its_pragmas_run_as_the_runner_runs_them() {
    let files = [
        "create table p (id integer primary key); create table c (p int references p (id) on delete cascade);
         insert into p values (1); insert into c values (1);",
        "pragma foreign_keys = off; create table p_new (id integer primary key, name text);
         insert into p_new (id) select id from p; drop table p; alter table p_new rename to p;
         pragma foreign_key_check; pragma foreign_keys = on;",
        "create temp table passing (a int); pragma case_sensitive_like = on;",
        "create view kept as select count(*) as n from c;",
    ];
    let built = sqlite(&sources(Dialect::Sqlite, &files), &Stop::default()).unwrap();
    let names: Vec<String> = built.catalog.objects.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["table c", "table p", "view kept"]);
    let broken =
        sqlite(&sources(Dialect::Sqlite, &["create table a (b);\ncreate table a (b);"]), &Stop::default());
    let error = broken.unwrap_err();
    assert_eq!((error.kind(), error.place().unwrap().line), (ErrorKind::Conflict, 2));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("other.db");
    for sql in [format!("attach '{}' as o", file.display()), format!("vacuum into '{}'", file.display())] {
        let error = sqlite(&sources(Dialect::Sqlite, &[&sql]), &Stop::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{sql}");
        assert!(!file.exists());
    }
}
