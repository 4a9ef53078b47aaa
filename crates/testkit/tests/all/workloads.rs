//! A workload's count agrees with the database, and says so when it does not.

use cofferdam_testkit::postgres::{self, Database};
use cofferdam_testkit::proxy::Proxy;
use cofferdam_testkit::workload::Plan;

#[test]
fn every_acknowledged_write_is_found_again() {
    for major in postgres::majors() {
        let database = Database::new(major);
        let workload = Plan::own_tables(&database, 4).start();
        workload.wait_for(200);
        let lap = workload.lap();
        assert!(lap.writes >= 200 && lap.errors == 0, "{lap:?}");
        assert!(lap.p50 <= lap.p99 && lap.p99 <= lap.max && !lap.p50.is_zero(), "{lap:?}");
        workload.wait_for(10);
        assert!(workload.lap().writes < lap.writes, "a lap counts from the last");
        let report = workload.stop();
        assert_eq!(report.in_doubt(), 0);
        let rows: usize = database.psql("select count(*) from workload").parse().expect("a number");
        assert_eq!(rows, report.figures.writes);
        report.verify(&database);
    }
}

#[test]
fn a_lost_an_added_and_a_miscounted_write_are_each_noticed() {
    let database = Database::new(postgres::majors()[0]);
    let workload = Plan::own_tables(&database, 2).start();
    workload.wait_for(20);
    let report = workload.stop();
    let damage = [
        ("delete from workload where client = 1 and n = 1", "1 writes lost [1]"),
        ("insert into workload values (2, 100000)", "that nobody sent [-1, 100000]"),
        ("update workload_counter set n = n + 5 where client = 1", "that nobody sent [-1]"),
    ];
    for (sql, expected) in damage {
        database.psql(sql);
        let told = report.disagreements(&database).join("\n");
        assert!(told.contains(expected), "{sql}: {told}");
    }
}

#[test]
fn writes_of_a_lost_connection_are_in_doubt_and_clients_come_back() {
    let database = Database::new(postgres::majors()[0]);
    let proxy = Proxy::start(database.address());
    let workload = Plan::own_tables(&database, 4).through(database.url_through(&proxy)).start();
    for _ in 0..5 {
        proxy.hold_replies();
        proxy.cut();
        proxy.restore();
        workload.wait_for(20);
    }
    proxy.refuse();
    workload.wait_for_error();
    proxy.restore();
    workload.wait_for(20);
    let report = workload.stop();
    assert!(report.figures.errors > 0 && report.first_error.is_some());
    report.verify(&database);
}

#[test]
fn a_server_that_is_killed_loses_no_acknowledged_write() {
    let cluster = postgres::cluster(postgres::majors()[0]);
    let database = Database::on(cluster.major(), cluster.address().clone());
    let workload = Plan::own_tables(&database, 4).start();
    workload.wait_for(100);
    cluster.kill_server().expect("it dies");
    workload.wait_for_error();
    cluster.start_again().expect("it recovers");
    workload.wait_for(100);
    workload.stop().verify(&database);
}

#[test]
fn writes_into_a_table_of_the_test_are_counted_too() {
    let database = Database::new(postgres::majors()[0]);
    database.psql(
        "create table notes (id uuid primary key default gen_random_uuid(), author int, serial bigint)",
    );
    let write = "insert into notes (author, serial) values ($1, $2)";
    let workload = Plan::new(database.url(), 2, write, "select serial from notes where author = $1").start();
    workload.wait_for(10);
    database.psql("alter table notes add constraint no_more check (serial < 0) not valid");
    workload.wait_for_error();
    let report = workload.stop();
    report.verify(&database);
    assert_eq!(report.in_doubt(), 0, "a refused write is not in doubt");
    assert!(report.first_error.as_deref().is_some_and(|e| e.contains("no_more")), "{report:?}");
}
