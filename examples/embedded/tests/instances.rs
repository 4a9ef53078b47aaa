//! The example does what it says, on both databases.

use cofferdam_testkit::{Cofferdam, Output, Running, postgres, sqlite};

const FILES: [&str; 3] = ["0001", "0002", "0003"];

fn three_instances(url: &str) -> Output {
    Cofferdam::new(env!("CARGO_BIN_EXE_embedded")).env("DATABASE_URL", url).run()
}

/// All by one name: on SQLite the lease of a process that is gone is taken over at once only
/// from a namesake, and else when it runs out.
fn one_instance(url: &str) -> Running {
    Cofferdam::new(env!("CARGO_BIN_EXE_embedded")).arg("instance").env("DATABASE_URL", url).spawn()
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

#[test]
fn killed_in_a_step_on_sqlite_the_next_instance_does_what_is_left() {
    let database = sqlite::Database::new();
    let mut killed = one_instance(&database.url());
    killed.wait_for_stdout("step 2 of 3: 0002");
    // On a machine that is busy it may have come further; it is killed all the same.
    drop(killed);
    let next = one_instance(&database.url()).wait();
    assert!(next.stdout.contains("instance: ready, ") && !next.stdout.contains(": 0001 done"), "{next}");
    assert_eq!(database.sql("select count(*), max(id), count(author) from notes"), "200000|200000|0");
    assert_eq!(database.sql("select group_concat(version) from _cofferdam_migration"), "0001,0002,0003");
}

#[test]
fn killed_in_a_step_on_postgres_the_next_instance_goes_on_with_that_step() {
    for major in postgres::majors() {
        let database = postgres::Database::new(major);
        let files = cofferdam::Migrations::of_folder(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"));
        files.to("0002").run_blocking(&database.url()).expect("two of three");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime for the one who holds the lock");
        let holder = runtime.block_on(database.client());
        runtime
            .block_on(holder.batch_execute("begin; lock table notes in access share mode"))
            .expect("a lock");
        let mut killed = one_instance(&database.url());
        killed.wait_for_stdout("instance: waits for");
        killed.kill();
        runtime.block_on(holder.batch_execute("commit")).expect("nobody waits any more");
        let next = one_instance(&database.url()).wait();
        assert!(next.stdout.ends_with("instance: ready, 1 applied now, 2 before\n"), "{next}");
        let versions = database.psql("select string_agg(version, ',' order by seq) from cofferdam.migration");
        assert_eq!(versions, "0001,0002,0003");
    }
}
