//! Somebody else is in the way, or the database goes.

use std::time::{Duration, Instant};

use cofferdam::scratch::Session;
use cofferdam_testkit::postgres;
use cofferdam_testkit::proxy::{Proxy, Trap};
use cofferdam_testkit::workload::Plan;

use super::scene::{Database, Kind, Scene};

fn newest() -> u32 {
    *postgres::majors().last().expect("a major")
}

fn session(scene: &Scene) -> Session {
    scene.postgres().address().session(scene.postgres().name()).expect("a session")
}

const FILES: [(&str, &str); 2] = [
    (
        "0001_create.sql",
        "create table notes (id bigint primary key, body text);\ncreate table other (id integer);",
    ),
    ("0002_more.sql", "insert into other values (1);\nalter table notes add column at timestamptz;"),
];

fn first_applied(kind: Kind) -> Scene {
    let scene = Scene::new(kind, &FILES);
    scene.run("migrate --to 1").run();
    scene
}

fn nothing_half_done(scene: &Scene) {
    assert_eq!(scene.sql("select count(*) from other"), "0");
    assert_eq!(scene.sql(&format!("select count(*) from {}", scene.ledger("migration"))), "1");
}

#[test]
fn whoever_holds_the_lock_longer_than_the_budget_is_named_and_nothing_is_half_done() {
    for kind in Kind::all() {
        let Kind::Postgres(_) = kind else { continue };
        // A reader's lock, which only the step meets, and one that keeps even readers of the catalog off.
        for lock in ["select * from notes", "lock table notes"] {
            let scene = first_applied(kind);
            let mut holder = session(&scene);
            let pid = holder.run("set application_name = 'payroll'; select pg_backend_pid()").expect("a pid");
            let pid = pid.last().and_then(|row| row[0].clone()).expect("a pid");
            holder.run(&format!("begin; {lock}")).expect("a lock");
            let output = scene.run("migrate --lock-budget 2s --patience 1s").status(4).run();
            let said = output.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in [
                format!("pid {pid}"),
                "user postgres".into(),
                "application payroll".into(),
                format!("query: begin; {lock}"),
                " s, idle in transaction".into(),
            ] {
                assert!(said.contains(&part), "{lock}: no {part}\n{output}");
            }
            nothing_half_done(&scene);
            holder.run("rollback").expect("the lock goes");
            scene.run("migrate").run();
        }
    }
}

#[test]
fn nobody_queues_behind_us_while_we_are_patient_and_hardly_afterwards() {
    let scene = first_applied(Kind::Postgres(newest()));
    let mut holder = session(&scene);
    holder.run("begin; select * from notes").expect("a lock");
    let running = scene.run("migrate --lock-budget 5s --patience 2s").status(4).spawn();
    let mut watcher = session(&scene);
    let ours = "select count(*) from pg_locks l join pg_stat_activity a using (pid)
                where not l.granted and a.datname = current_database() and a.application_name like 'cofferdam%'";
    let started = "select count(*) from cofferdam.run where state = 'running'";
    let count = |watcher: &mut Session, sql: &str| -> u32 {
        watcher.run(sql).expect("an answer")[0][0].as_deref().and_then(|n| n.parse().ok()).expect("a number")
    };
    while count(&mut watcher, started) == 0 {}
    let begun = Instant::now();
    let (mut patient, mut queued) = (0, Vec::new());
    while begun.elapsed() < Duration::from_millis(4500) {
        let at = begun.elapsed();
        if count(&mut watcher, ours) > 0 {
            if at < Duration::from_millis(1700) {
                patient += 1;
            }
            queued.push(at);
        }
    }
    running.wait();
    assert_eq!(patient, 0, "somebody could have queued behind us at {queued:?}");
    // Sightings of one attempt lie close together; attempts are a second apart, give or take the jitter.
    let attempts = queued
        .iter()
        .enumerate()
        .filter(|(i, at)| *i == 0 || **at - queued[i - 1] > Duration::from_millis(200));
    let attempts: Vec<_> = attempts.map(|(_, at)| *at).collect();
    println!("attempts that queued: {attempts:?}");
    assert!((1..=6).contains(&attempts.len()), "{attempts:?}");
}

#[test]
fn clients_hardly_notice_that_we_wait_for_a_lock() {
    let database = postgres::Database::new(newest());
    let clients = Plan::own_tables(&database, 4).pace(Duration::from_millis(2)).start();
    let table = database.psql("select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by relname limit 1");
    let change = format!("alter table {table} add column at timestamptz;");
    let scene = Scene::on(Database::Postgres(database), &[("0001_more.sql", change.as_str())]);
    scene.run("adopt --none").run();
    let mut holder = session(&scene);
    holder.run(&format!("begin; select count(*) from {table}")).expect("a lock");
    clients.wait_for(200);
    clients.lap();
    clients.wait_for(1500);
    let without = clients.lap();
    scene.run("migrate --lock-budget 3s --patience 1s").status(4).run();
    let with = clients.lap();
    println!(
        "p99 without us {:?}, while we try {:?}, slowest {:?} and {:?}",
        without.p99, with.p99, without.max, with.max
    );
    assert!(with.p99 <= without.p99 + Duration::from_millis(50), "{without:?} {with:?}");
    assert_eq!(with.errors, 0);
    let report = clients.stop();
    report.verify(scene.postgres());
}

#[test]
fn an_open_reader_and_a_writer_in_the_way_are_exit_4_on_sqlite() {
    for (setup, holds) in
        [("begin immediate; insert into other values (9)", "the write lock"), ("begin exclusive", "")]
    {
        let scene = first_applied(Kind::Sqlite);
        let Database::Sqlite(database) = &scene.database else { unreachable!("made above") };
        let holder = database.connection();
        holder.execute_batch(setup).expect("a lock");
        let output = scene.run("migrate --lock-budget 500ms --lease-wait 500ms").status(4).run();
        assert!(output.stderr.contains(holds) || output.stderr.contains("locked"), "{output}");
        holder.execute_batch("rollback").expect("it goes");
        nothing_half_done(&scene);
        scene.run("migrate").run();
    }
    // In WAL mode a reader is in nobody's way.
    let scene = first_applied(Kind::Sqlite);
    let Database::Sqlite(database) = &scene.database else { unreachable!("made above") };
    let reader = database.connection();
    reader.execute_batch("begin; select * from notes").expect("a snapshot");
    scene.run("migrate --lock-budget 500ms").run();
    drop(reader);
}

#[test]
fn a_rollback_point_is_not_put_back_under_a_reader() {
    let rebuild = "create table notes_new (id integer primary key, body text);
                   insert into notes_new (id, body) select id, body from notes;
                   drop table notes;
                   alter table notes_new rename to notes;";
    let create =
        "create table notes (id integer primary key, body text);\ninsert into notes values (1, 'a');";
    let scene = Scene::new(Kind::Sqlite, &[("0001_create.sql", create), ("0002_rebuild.sql", rebuild)]);
    scene.run("migrate").run();
    let Database::Sqlite(database) = &scene.database else { unreachable!("made above") };
    let before = scene.state();
    let reader = database.connection();
    reader.execute_batch("begin; select * from notes").expect("a snapshot");
    scene.run("rollback --lock-budget 500ms").status(4).run();
    reader.execute_batch("commit").expect("it ends");
    drop(reader);
    scene.assert_is(&before, "refused under a reader");
    scene.run("rollback").run();
}

#[test]
fn a_database_that_only_reads_is_said_and_left_alone() {
    let scene = first_applied(Kind::Postgres(newest()));
    scene.sql(&format!("alter database {} set default_transaction_read_only = on", scene.postgres().name()));
    let output = scene.run("migrate").any_status().run();
    assert!([Some(1), Some(2), Some(3)].contains(&output.code()), "{output}");
    assert!(output.stderr.contains("read"), "{output}");
    scene.run("status").run();
    scene.sql(&format!(
        "begin read write; alter database {} reset default_transaction_read_only; commit",
        scene.postgres().name()
    ));
    nothing_half_done(&scene);
    scene.run("migrate").run();
}

#[test]
fn a_replica_is_refused_and_named() {
    let cluster = postgres::cluster(newest());
    cluster.stop(postgres::StopMode::Fast).expect("it stops");
    // A server in recovery that never ends it, which is what a replica is to its clients.
    let data = cluster.data_directory();
    let script = "printf '' > \"$0\"/standby.signal; chown --reference=\"$0\" \"$0\"/standby.signal";
    let done = std::process::Command::new("sh").args(["-c", script]).arg(&data).status().expect("sh");
    assert!(done.success());
    cluster.start_again().expect("it starts");
    let project = crate::project::Project::new().file("migrations/0001_create.sql", FILES[0].1);
    let output = project.cofferdam("migrate").env("DATABASE_URL", cluster.url("postgres")).any_status().run();
    println!("{output}");
    assert!([Some(2), Some(3)].contains(&output.code()), "{output}");
    assert!(output.stderr.contains("replica") || output.stderr.contains("recovery"), "{output}");
}

const LONG: [(&str, &str); 2] = [
    (
        "0001_create.sql",
        "create table notes (id bigint primary key, body text);\ncreate table other (id integer);",
    ),
    (
        "0002_more.sql",
        "insert into other values (1);\nalter table notes add column at timestamptz;\ninsert into other values (2);",
    ),
];

#[test]
fn a_connection_cut_anywhere_in_a_step_is_exit_5_or_7_and_the_next_run_finishes() {
    // Before or after a statement reaches the server; at the commit nobody can know until the next run.
    let traps = [
        Trap::Before("alter table notes".into()),
        Trap::After("alter table notes".into()),
        Trap::Before("commit".into()),
        Trap::After("commit".into()),
    ];
    for trap in traps {
        let scene = Scene::new(Kind::Postgres(newest()), &LONG);
        scene.run("migrate --to 1").run();
        let proxy = Proxy::start(scene.postgres().address());
        let url = scene.postgres().url_through(&proxy);
        let what = format!("{trap:?}");
        proxy.trap(trap);
        let cut = scene.run("migrate").env("DATABASE_URL", url).any_status().run();
        assert!(!proxy.trap_is_set(), "{what}: never sprung");
        assert!([Some(5), Some(7)].contains(&cut.code()), "{what}\n{cut}");
        scene.run("migrate").run();
        assert_eq!(scene.sql("select id from other order by id"), "1\n2", "{what}");
        scene.run("audit --verify").run();
    }
}

#[test]
fn a_server_that_crashes_in_a_step_or_in_concurrently_is_exit_5_and_the_next_run_finishes() {
    let cluster = postgres::cluster(newest());
    for (name, statement) in [
        ("a step", "insert into other values (1);\nselect pg_sleep(60);"),
        ("concurrently", "create index concurrently notes_body on notes (body);"),
    ] {
        let database = postgres::Database::on(newest(), cluster.address().clone());
        let scene = Scene::on(Database::Postgres(database), &[FILES[0], ("0002_long.sql", statement)]);
        scene.run("migrate --to 1").run();
        let mut snapshot = session(&scene);
        snapshot
            .run("begin isolation level repeatable read; select * from notes; insert into other values (7)")
            .expect("a snapshot");
        let running = scene.run("migrate").any_status().spawn();
        let at_work = "select count(*) from pg_stat_activity where datname = current_database() and state = 'active'
                       and (query like '%pg_sleep%' or query like 'create index%') and pid <> pg_backend_pid()";
        let deadline = Instant::now() + Duration::from_secs(20);
        while scene.sql(at_work) != "1" {
            assert!(Instant::now() < deadline, "{name}: never at work");
        }
        cluster.kill_server().expect("it dies");
        let output = running.wait();
        assert!([Some(5), Some(7)].contains(&output.code()), "{name}\n{output}");
        cluster.start_again().expect("it recovers");
        scene.project.write("migrations/0002_long.sql", statement.replace("pg_sleep(60)", "pg_sleep(0)"));
        scene.run("migrate").run();
        assert_eq!(scene.sql("select count(*) from cofferdam.migration"), "2");
        assert_eq!(scene.sql("select count(*) from pg_index where not indisvalid"), "0");
        scene.run("audit --verify").run();
    }
}
