//! Working in a session: limits, messages, ends.

use std::time::Duration;

use cofferdam::ErrorKind;
use cofferdam::db::{Backend, Guard, SqlFailure, Terminated};
use cofferdam_testkit::postgres::{self, Database};

use super::{connect, newest, until, value};

const LIMITS: &str = "select current_setting('lock_timeout') || ' ' || current_setting('statement_timeout') \
     || ' ' || current_setting('idle_in_transaction_session_timeout') \
     || ' ' || current_setting('client_connection_check_interval')";

#[tokio::test]
async fn limits_hold_inside_the_transaction_and_are_gone_after_it() {
    for major in postgres::majors() {
        let database = Database::new(major);
        let mut session = connect(&database.url()).await;
        let before = value(&session, LIMITS).await;
        assert_eq!(before, "0 0 0 0");
        let guard = Guard::default().lock_timeout(Duration::from_millis(20));
        let transaction = guard.begin(&mut session).await.unwrap();
        let inside: String = transaction.query_one(LIMITS, &[]).await.unwrap().get(0);
        assert_eq!(inside, "20ms 0 15s 1s");
        guard.statement_timeout(Duration::from_secs(7)).apply(transaction.client()).await.unwrap();
        let inside: String = transaction.query_one(LIMITS, &[]).await.unwrap().get(0);
        assert_eq!(inside, "20ms 7s 15s 1s");
        transaction.commit().await.unwrap();
        assert_eq!(value(&session, LIMITS).await, before);
    }
}

#[tokio::test]
async fn a_lock_that_is_held_blocks_for_the_limit_only() {
    let database = Database::new(newest());
    database.psql("create table t (a int)");
    let holder = connect(&database.url()).await;
    holder.batch_execute("begin; lock table t in share mode").await.unwrap();
    let mut session = connect(&database.url()).await;
    let guard = Guard::default().lock_timeout(Duration::from_millis(20));
    let transaction = guard.begin(&mut session).await.unwrap();
    let error = transaction.batch_execute("alter table t add b int").await.unwrap_err();
    let failure = SqlFailure::from_postgres(&error, "alter table t add b int").unwrap();
    assert_eq!((failure.sqlstate.as_str(), failure.kind()), ("55P03", ErrorKind::Blocked));
}

#[tokio::test]
async fn a_transaction_left_idle_is_ended_by_the_server() {
    let database = Database::new(newest());
    let mut session = connect(&database.url()).await;
    let guard = Guard { idle_in_transaction: Duration::from_millis(30), ..Guard::default() };
    let transaction = guard.begin(&mut session).await.unwrap();
    let client = transaction.client();
    until("the server ends the session", async || client.is_closed()).await;
    let error = transaction.batch_execute("select 1").await.unwrap_err();
    drop(transaction);
    let error = session.error(error);
    assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
    assert!(error.message().ends_with("due to idle-in-transaction timeout"), "{error}");
}

#[tokio::test]
async fn notices_are_kept_up_to_a_limit() {
    let database = Database::new(newest());
    let session = connect(&database.url()).await;
    session
        .batch_execute(
            "do $$ begin for i in 1..1005 loop raise notice 'row %', i using hint = 'look'; end loop; end $$",
        )
        .await
        .unwrap();
    let notices = session.take_notices();
    assert_eq!((notices.list.len(), notices.dropped), (1000, 5));
    assert_eq!(notices.list[0].message, "row 6");
    assert_eq!(notices.list[999].message, "row 1005");
    assert_eq!(
        (notices.list[0].severity.as_str(), notices.list[0].hint.as_deref()),
        ("NOTICE", Some("look"))
    );
    assert_eq!(session.take_notices().list, []);
}

#[tokio::test]
async fn a_closed_session_is_gone_from_the_server() {
    let database = Database::new(newest());
    let session = connect(&database.url()).await;
    let other = connect(&database.url()).await;
    let backend = session.backend();
    assert!(other.is_alive(backend).await.unwrap());
    session.close().await;
    until("the backend ends", async || !other.is_alive(backend).await.unwrap()).await;
}

#[tokio::test]
async fn only_the_very_backend_is_ended() {
    for major in postgres::majors() {
        let database = Database::new(major);
        let session = connect(&database.url()).await;
        let other = connect(&database.url()).await;
        let backend = session.backend();
        let earlier_life = Backend { started: backend.started - 1, ..backend };
        assert_eq!(other.terminate(earlier_life).await.unwrap(), Terminated::Gone);
        assert!(!other.is_alive(earlier_life).await.unwrap());
        assert_eq!(value(&session, "select 1").await, "1");

        assert_eq!(other.terminate(backend).await.unwrap(), Terminated::Told);
        until("the backend ends", async || !other.is_alive(backend).await.unwrap()).await;
        assert_eq!(other.terminate(backend).await.unwrap(), Terminated::Gone);
        until("the client notices", async || session.is_closed()).await;
        let error = session.error(session.simple_query("select 1").await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        let expected = format!(
            "the connection to {} was lost: terminating connection due to administrator command",
            session.label()
        );
        assert_eq!(error.message(), expected);
    }
}

#[tokio::test]
async fn a_backend_of_another_role_is_neither_ended_nor_called_gone() {
    let database = Database::new(newest());
    // Roles are shared by all tests of the server, so the name is the database's.
    let role = database.name();
    database.psql(&format!("create role {role} login"));
    let session = connect(&database.url()).await;
    let stranger = connect(&database.url().replacen("postgres@", &format!("{role}@"), 1)).await;
    let error = stranger.terminate(session.backend()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("belongs to another role"), "{error}");
    assert!(stranger.is_alive(session.backend()).await.unwrap());
    stranger.close().await;
    database.psql(&format!("drop role {role}"));
}

#[tokio::test]
async fn a_running_statement_can_be_cancelled_from_elsewhere() {
    let database = Database::new(newest());
    let session = connect(&database.url()).await;
    let other = connect(&database.url()).await;
    let canceller = session.canceller();
    let running = tokio::spawn(async move { session.batch_execute("select pg_sleep(600)").await });
    let asleep =
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
    until("it runs", async || value(&other, asleep).await == "1").await;
    canceller.cancel().await.unwrap();
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.code().map(|code| code.code()), Some("57014"));
}

#[tokio::test]
async fn a_failed_statement_keeps_what_the_server_said_apart() {
    let database = Database::new(newest());
    let session = connect(&database.url()).await;
    let sql = "select 'é', '🦀', nowhere from pg_class";
    let error = session.batch_execute(sql).await.unwrap_err();
    let failure = SqlFailure::from_postgres(&error, sql).unwrap();
    assert_eq!(failure.sqlstate, "42703");
    assert_eq!(&sql[failure.position.unwrap()..][..7], "nowhere");

    session
        .batch_execute("create table t (a int constraint only_once unique); insert into t values (7)")
        .await
        .unwrap();
    let error = session.batch_execute("insert into t values (7)").await.unwrap_err();
    let failure = SqlFailure::from_postgres(&error, "").unwrap();
    assert_eq!(failure.message, r#"duplicate key value violates unique constraint "only_once""#);
    assert_eq!(failure.detail.as_deref(), Some("Key (a)=(7) already exists."));
    assert_eq!((failure.table.as_deref(), failure.constraint.as_deref()), (Some("t"), Some("only_once")));
    assert_eq!(failure.kind(), ErrorKind::Conflict);

    let sql = "do $$ begin perform é from missing; end $$";
    let error = session.batch_execute(sql).await.unwrap_err();
    let failure = SqlFailure::from_postgres(&error, sql).unwrap();
    let (inner, at) = failure.internal.unwrap();
    assert_eq!(&inner[at..], "missing");
    assert_eq!(failure.position, None);
}
