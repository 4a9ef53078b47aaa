//! Several runners at once: started together, killed while the server works on, stopped
//! past their lease.

use std::time::{Duration, Instant};

use cofferdam_testkit::{Running, postgres};

use super::scene::{Database, Kind, Scene};

/// Polls until `sql` returns `wanted`.
#[track_caller]
pub(super) fn wait_for(scene: &Scene, sql: &str, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let got = scene.sql(sql);
        if got == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{sql} stays {got}, not {wanted}");
    }
}

fn newest() -> u32 {
    *postgres::majors().last().expect("a major")
}

/// A session that keeps a snapshot of a transaction that writes, until it is dropped:
/// `create index concurrently` waits for it.
pub(super) struct Snapshot(cofferdam::scratch::Session);

impl Snapshot {
    fn of(scene: &Scene) -> Snapshot {
        let database = scene.postgres();
        let mut session = database.address().session(database.name()).expect("a session");
        session.run("begin isolation level repeatable read; select count(*) from notes; insert into other values (1)").expect("a transaction");
        Snapshot(session)
    }

    pub(super) fn end(mut self) {
        self.0.run("commit").expect("a commit");
    }
}

const INDEX: [(&str, &str); 2] = [
    (
        "0001_create.sql",
        "create table notes (id bigint primary key, body text);\ncreate table other (id integer);",
    ),
    ("0002_index.sql", "create index concurrently notes_body on notes (body);"),
];

/// A runner that was killed while its `create index concurrently` waits in the server.
pub(super) fn killed_during_concurrently(lease_ms: &str) -> (Scene, Snapshot) {
    let scene = Scene::new(Kind::Postgres(newest()), &INDEX);
    scene.run("migrate --to 1").run();
    let snapshot = Snapshot::of(&scene);
    // Its own lock_timeout must not end the statement before the test's patience ends.
    let killed =
        scene.with_lease("migrate --lock-budget 5m", lease_ms).env("COFFERDAM_CRASH_AT", "outside-running");
    killed.killed().run();
    (scene, snapshot)
}

pub(super) const AT_WORK: &str = "select count(*) from pg_stat_activity
     where datname = current_database() and query like 'create index concurrently%'";
pub(super) const VALID: &str =
    "select count(*), bool_and(indisvalid) from pg_index i join pg_class c on c.oid = indexrelid
     where c.relname like 'notes_body%'";

#[test]
fn an_index_that_the_server_goes_on_building_is_ended_and_built_anew() {
    let (scene, snapshot) = killed_during_concurrently("400");
    let pid = scene.sql(&AT_WORK.replace("count(*)", "pid"));
    assert!(!pid.is_empty(), "the server goes on after its client died");
    let again = scene.run("migrate").spawn();
    // The snapshot would hold it up for ever: only the next runner can end it.
    wait_for(&scene, &format!("select count(*) from pg_stat_activity where pid = {pid}"), "0");
    snapshot.end();
    again.wait();
    assert_eq!(scene.sql(VALID), "1|t");
    assert_eq!(scene.sql(AT_WORK), "0");
    assert_eq!(scene.sql("select count(*) from cofferdam.migration"), "2");
    scene.run("audit --verify").run();
}

#[test]
fn an_index_that_became_valid_after_its_client_died_counts_as_built() {
    let (scene, snapshot) = killed_during_concurrently("400");
    snapshot.end();
    wait_for(&scene, AT_WORK, "0");
    let oid = scene.sql("select oid from pg_class where relname = 'notes_body'");
    let valid = scene.sql(VALID) == "1|t";
    scene.run("migrate").run();
    assert_eq!(scene.sql(VALID), "1|t");
    let now = scene.sql("select oid from pg_class where relname = 'notes_body'");
    assert_eq!(now == oid, valid, "a valid index is kept, an invalid one is built anew");
    assert!(scene.sql("select outcome from cofferdam.step where id = '0002'").contains("settled") == valid);
}

const TOGETHER: usize = 20;

fn start_together(scene: &Scene) -> Vec<Running> {
    // Leases as they are in production: a loaded machine must not lose one.
    (0..TOGETHER).map(|_| scene.with_lease("migrate --format json", "15000").spawn()).collect()
}

#[track_caller]
fn assert_each_applied_once(runners: Vec<Running>, files: usize) {
    let mut applied = Vec::new();
    for runner in runners {
        let document = runner.wait().json();
        let versions = document["applied"].as_array().expect("a list").clone();
        applied.extend(versions.iter().map(|one| one["version"].as_str().expect("a version").to_owned()));
    }
    applied.sort();
    let expected: Vec<String> = (1..=files).map(|n| format!("{n:04}")).collect();
    assert_eq!(applied, expected, "by {TOGETHER} processes");
}

#[test]
fn of_twenty_that_start_together_one_applies_each_file_and_nobody_fails_on_postgres() {
    let cluster = postgres::cluster(newest());
    let database = postgres::Database::on(newest(), cluster.address().clone());
    let files = [
        INDEX[0],
        INDEX[1],
        (
            "0003_more.sql",
            "create index concurrently notes_id_body on notes (id, body);\ninsert into other values (1);",
        ),
        ("0004_last.sql", "alter table notes add column at timestamptz;"),
    ];
    let scene = Scene::on(Database::Postgres(database), &files);
    assert_each_applied_once(start_together(&scene), files.len());
    assert_eq!(scene.sql("select count(*) from other"), "1");
    assert_eq!(scene.sql("select count(*) from cofferdam.audit"), "5");
    assert_eq!(scene.sql("select count(*) from pg_index where not indisvalid"), "0");
    let log = cluster.log();
    assert!(!log.contains("deadlock"), "{log}");
    scene.run("audit --verify").run();
}

#[test]
fn of_twenty_that_start_together_one_applies_each_file_and_nobody_fails_on_sqlite() {
    let files = [
        (
            "0001_create.sql",
            "create table notes (id integer primary key, body text);\ncreate table other (id integer);",
        ),
        ("0002_more.sql", "insert into other values (1);"),
        ("0003_vacuum.sql", "vacuum;\ninsert into other values (2);"),
    ];
    let scene = Scene::new(Kind::Sqlite, &files);
    assert_each_applied_once(start_together(&scene), files.len());
    assert_eq!(scene.sql("select count(*) from other"), "2");
    scene.run("audit --verify").run();
}

/// A runner that is stopped inside its second step, which waits for `blocker`'s lock.
fn stopped_between(scene: &Scene, lease_ms: &str) -> (Running, cofferdam::scratch::Session) {
    let database = scene.postgres();
    let mut blocker = database.address().session(database.name()).expect("a session");
    blocker.run("begin; select * from notes").expect("a lock");
    let mut runner = scene.with_lease("migrate --progress json", lease_ms).status(7).spawn();
    runner.wait_for_stderr("a lock on");
    runner.pause();
    (runner, blocker)
}

const TWO: [(&str, &str); 2] = [
    (
        "0001_create.sql",
        "create table notes (id bigint primary key, body text);\ncreate table other (id integer);",
    ),
    ("0002_more.sql", "alter table notes add column at timestamptz;\ninsert into other values (1);"),
];

#[test]
fn a_runner_stopped_past_its_lease_cannot_write_any_more() {
    for kind in Kind::all() {
        let Kind::Postgres(_) = kind else { continue };
        let scene = Scene::new(kind, &TWO);
        scene.run("migrate --to 1").run();
        let (stopped, mut blocker) = stopped_between(&scene, "1000");
        blocker.run("rollback").expect("the lock goes");
        scene.with_lease("migrate", "1000").stderr_contains("1 applied, 1 already").run();
        stopped.go_on();
        let output = stopped.wait();
        assert!(output.stderr.contains("another runner took over"), "{output}");
        assert_eq!(scene.sql("select count(*) from other"), "1");
        assert_eq!(scene.sql("select count(*) from cofferdam.migration"), "2");
        scene.run("audit --verify").run();
    }
}

#[test]
fn a_runner_stopped_inside_a_step_is_ended_by_the_one_that_takes_over() {
    let files = [
        TWO[0],
        (
            "0002_slow.sql",
            "insert into other values (1);\nselect pg_sleep(1);\ninsert into other values (2);",
        ),
    ];
    let scene = Scene::new(Kind::Postgres(newest()), &files);
    scene.run("migrate --to 1").run();
    let stopped = scene.with_lease("migrate", "1000").any_status().spawn();
    wait_for(
        &scene,
        "select count(*) from pg_stat_activity where datname = current_database() and query like '%pg_sleep(1)%' and application_name like 'cofferdam%'",
        "1",
    );
    stopped.pause();
    scene.with_lease("migrate", "1000").stderr_contains("1 applied, 1 already").run();
    stopped.go_on();
    let output = stopped.wait();
    assert!([Some(5), Some(7)].contains(&output.code()), "{output}");
    assert_eq!(scene.sql("select id from other order by id"), "1\n2");
    assert_eq!(scene.sql("select count(*) from cofferdam.migration"), "2");
    scene.run("audit --verify").run();
}

#[test]
fn a_runner_stopped_while_it_holds_the_file_makes_others_end_blocked_and_then_finishes() {
    // The step works long enough to be stopped inside: the count of a million combinations.
    let long = "insert into other select 1;\n\
                insert into other select count(*) from (with recursive n (i) as (select 1 union all select i + 1 from n where i < 3000000) select i from n);";
    let files = [TWO[0], ("0002_long.sql", long)];
    let scene = Scene::new(Kind::Sqlite, &files);
    scene.run("migrate --to 1").run();
    let stopped = scene.run("migrate").spawn();
    let held = || {
        let Database::Sqlite(database) = &scene.database else { unreachable!("made above") };
        let other = database.connection();
        other.busy_timeout(Duration::ZERO).expect("a setting");
        other.execute_batch("begin immediate; rollback").is_err()
    };
    // The lease is taken and the run begun in short transactions; the long one follows.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !(scene.sql("select count(*) from _cofferdam_run where state = 'running'") == "1" && held()) {
        assert!(Instant::now() < deadline, "it never held the file");
    }
    stopped.pause();
    scene.run("migrate --lock-budget 300ms --lease-wait 1s").status(4).run();
    stopped.go_on();
    stopped.wait();
    assert_eq!(scene.sql("select count(*) from other"), "2");
    scene.run("migrate").stderr_contains("0 applied, 2 already").run();
}
