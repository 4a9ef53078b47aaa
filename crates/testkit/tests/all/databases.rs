//! A database per test.

use cofferdam_testkit::postgres::{self, Database};

#[test]
fn every_test_gets_an_empty_database_of_the_major_it_asks_for() {
    for major in postgres::majors() {
        let (one, two) = (Database::new(major), Database::new(major));
        one.psql("create table t (a int, b text); insert into t values (1, null), (2, 'x')");
        assert_eq!(one.psql("select * from t order by a"), "1|\n2|x");
        assert_eq!(two.psql("select count(*) from pg_class where relname = 't'"), "0");
        let version: u32 = one.psql("show server_version_num").parse().expect("a number");
        assert_eq!(version / 10_000, major);
        assert_eq!(one.psql("show wal_level"), "logical");
    }
}

#[test]
fn a_dropped_value_drops_the_database_with_all_that_holds_it() {
    for major in postgres::majors() {
        let database = Database::new(major);
        let (name, address) = (database.name().to_owned(), database.address().clone());
        database.psql(&format!("select pg_create_logical_replication_slot('{name}', 'pgoutput')"));
        database.psql(&format!("begin; create table t (); prepare transaction '{name}'"));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let client = runtime.block_on(database.client());
        drop(database);
        let left = format!(
            "select 1 from pg_database where datname = '{name}' union all select 1 from pg_replication_slots where slot_name = '{name}'"
        );
        assert_eq!(address.run("postgres", &left).expect("it answers").len(), 0);
        assert!(runtime.block_on(client.query_one("select 1", &[])).is_err(), "its session lives");
    }
}

#[test]
#[should_panic(expected = "division by zero")]
fn a_failing_statement_fails_the_test() {
    Database::new(postgres::majors()[0]).psql("select 1/0");
}

#[tokio::test]
async fn a_client_can_be_had() {
    let database = Database::new(postgres::majors()[0]);
    let client = database.client().await;
    let row = client.query_one("select current_database()", &[]).await.expect("it answers");
    assert_eq!(row.get::<_, String>(0), database.name());
}
