//! Reaching a server, and the words when it cannot be reached.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use cofferdam::ErrorKind;
use cofferdam::db::{self, ConnectOptions, Secret};
use cofferdam_testkit::postgres::{self, Cluster, Database, StopMode};
use cofferdam_testkit::proxy::Proxy;

use super::{connect, newest, refused, target, value};

#[tokio::test]
async fn a_session_knows_where_it_is() {
    for major in postgres::majors() {
        let database = Database::new(major);
        let session = connect(&database.url()).await;
        assert_eq!(session.major(), major);
        assert_eq!(session.database(), database.name());
        assert_eq!(session.role(), "postgres");
        assert!(!session.is_standby() && !session.is_read_only());
        assert!(session.pooler().is_none(), "{:?}", session.pooler());
        assert!(session.notes().is_empty(), "{:?}", session.notes());
        assert_eq!(value(&session, "select pg_backend_pid()").await, session.backend().pid.to_string());
        let listed =
            value(&session, "select application_name from pg_stat_activity where pid = pg_backend_pid()");
        assert_eq!(listed.await, "cofferdam");
        let known = database.psql("select system_identifier from pg_control_system()");
        assert_eq!(session.system_identifier().await.unwrap().unwrap().to_string(), known);
    }
}

#[tokio::test]
async fn parameters_of_the_url_reach_the_server() {
    let database = Database::new(newest());
    let url = format!(
        "{}?schema=my%20%22own%22%20schema&options=-c%20geqo%3Doff&application_name=theirs",
        database.url()
    );
    let session = connect(&url).await;
    assert_eq!(value(&session, "show search_path").await, r#""my ""own"" schema""#);
    assert_eq!(value(&session, "show geqo").await, "off");
    assert_eq!(value(&session, "show application_name").await, "cofferdam");
}

#[tokio::test]
async fn a_missing_database_is_a_matter_of_the_url() {
    let database = Database::new(newest());
    let nowhere = target(&database.url()).with_database("nowhere");
    let error = db::connect(&nowhere, &ConnectOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.message().ends_with(r#"refused the connection: database "nowhere" does not exist"#),
        "{error}"
    );
    assert_eq!(error.hint_text(), Some("create the database first, or correct its name in the URL"));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    // Bound and closed again: nobody else is likely to take it at once.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let error = refused(&format!("postgres://u:hunter2@127.0.0.1:{port}/d")).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(error.message(), format!("127.0.0.1:{port} cannot be reached: connection refused"));
    let error = refused("postgres://u@host.invalid/d").await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(error.message(), "the host of host.invalid:5432 is not known");
    let error = refused("postgres://u@%2Fno%2Fsuch%2Fdir/d").await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(error.message(), "/no/such/dir:5432 cannot be reached: no such file or directory");
}

#[tokio::test]
async fn a_network_that_swallows_everything_ends_in_time() {
    let database = Database::new(newest());
    let proxy = Proxy::start(database.address());
    proxy.black_hole();
    let options = ConnectOptions { connect_timeout: Duration::from_millis(200), ..ConnectOptions::default() };
    let error = db::connect(&target(&database.url_through(&proxy)), &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(error.message(), format!("127.0.0.1:{} did not answer in time", proxy.port()));
}

#[tokio::test]
async fn a_server_that_hangs_up_is_unreachable() {
    let database = Database::new(newest());
    let proxy = Proxy::start(database.address());
    proxy.refuse();
    let error = refused(&database.url_through(&proxy)).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
}

#[tokio::test]
async fn of_several_hosts_the_first_that_answers_is_taken() {
    let database = Database::new(newest());
    let dead = Proxy::start(database.address());
    dead.refuse();
    let alive = Proxy::start(database.address());
    let url = format!(
        "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/{}",
        dead.port(),
        alive.port(),
        database.name()
    );
    let session = connect(&url).await;
    assert_eq!(session.label(), format!("127.0.0.1:{}", alive.port()));
    assert_eq!(dead.accepted(), 1);
    alive.refuse();
    let error = refused(&url).await;
    assert!(error.message().starts_with(&format!("127.0.0.1:{} ", alive.port())), "{error}");
    assert!(error.details()[0].starts_with(&format!("127.0.0.1:{} ", dead.port())), "{:?}", error.details());
}

#[tokio::test]
async fn a_replica_is_refused_and_passed_over() {
    let major = newest();
    let standby = postgres::cluster(major);
    std::fs::write(standby.data_directory().join("standby.signal"), "").unwrap();
    standby.restart(StopMode::Fast).unwrap();
    let error = refused(&standby.url("postgres")).await;
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.message().ends_with(": the server is a replica (in recovery) and cannot be changed"),
        "{error}"
    );
    assert_eq!(error.hint_text(), Some("give the primary's address"));

    let reading = ConnectOptions { allow_standby: true, ..ConnectOptions::default() };
    let session = db::connect(&target(&standby.url("postgres")), &reading).await.unwrap();
    assert!(session.is_standby() && session.is_read_only());
    let wanted = format!("{}?target_session_attrs=read-write", standby.url("postgres"));
    let error = db::connect(&target(&wanted), &reading).await.unwrap_err();
    assert!(error.message().ends_with("is not what target_session_attrs asks for"), "{error}");

    let primary = postgres::server(major);
    let both = format!(
        "host={},{} port={},{} user=postgres dbname=postgres",
        standby.address().directory().display(),
        primary.directory().display(),
        standby.address().port(),
        primary.port()
    );
    let session = connect(&both).await;
    assert!(session.label().starts_with(&primary.directory().display().to_string()), "{}", session.label());
}

/// A server on 127.0.0.1 that wants a password.
fn with_password() -> Cluster {
    let major = newest();
    let binaries = postgres::binaries().iter().find(|found| found.major() == major).unwrap();
    let cluster = Cluster::start(binaries, &postgres::settings(major).tcp(true))
        .unwrap_or_else(|e| panic!("{e} {:?}", e.details()));
    // Two calls: CREATE DATABASE must not share a message with another statement.
    cluster.run("postgres", r"create role ann login password 'a:b\c'").unwrap();
    cluster.run("postgres", "create database app owner ann").unwrap();
    cluster
}

#[tokio::test]
async fn a_password_comes_from_url_then_options_then_file() {
    let cluster = with_password();
    let port = cluster.address().port();
    let bare = format!("postgres://ann@127.0.0.1:{port}/app");
    let error = refused(&bare).await;
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.message(), format!("127.0.0.1:{port} asks for a password and none is given"));

    connect(&format!("postgres://ann:a%3Ab%5Cc@127.0.0.1:{port}/app")).await;
    let right = ConnectOptions { password: Some(Secret::new(r"a:b\c")), ..ConnectOptions::default() };
    assert_eq!(db::connect(&target(&bare), &right).await.unwrap().role(), "ann");
    let url = format!("postgres://ann:wrong@127.0.0.1:{port}/app");
    let error = db::connect(&target(&url), &right).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().ends_with(r#"password authentication failed for user "ann""#), "{error}");
    assert!(!format!("{error} {error:?}").contains("wrong"));

    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".pgpass");
    std::fs::write(&file, format!("127.0.0.1:{port}:app:ann:a:b\\\\c\n")).unwrap();
    let from_file = ConnectOptions { home: Some(home.path().to_owned()), ..ConnectOptions::default() };
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    db::connect(&target(&bare), &from_file).await.unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = db::connect(&target(&bare), &from_file).await.unwrap_err();
    assert!(error.message().ends_with("asks for a password and none is given"), "{error}");
    assert!(error.details().iter().any(|line| line.contains("chmod 0600")), "{:?}", error.details());
}

#[tokio::test]
async fn a_server_without_room_is_blocked_not_broken() {
    let major = newest();
    let binaries = postgres::binaries().iter().find(|found| found.major() == major).unwrap();
    let settings = postgres::settings(major)
        .parameter("max_connections", "5")
        .parameter("max_wal_senders", "0")
        .parameter("wal_level", "replica")
        .parameter("superuser_reserved_connections", "1");
    let cluster = Cluster::start(binaries, &settings).unwrap_or_else(|e| panic!("{e} {:?}", e.details()));
    cluster.run("postgres", "create role ann login").unwrap();
    let url = cluster.url("postgres").replacen("postgres@", "ann@", 1);
    let mut held = Vec::new();
    let error = loop {
        match super::try_connect(&url).await {
            Ok(session) => held.push(session),
            Err(error) => break error,
        }
        assert!(held.len() < 5, "the limit is not reached");
    };
    assert_eq!(error.kind(), ErrorKind::Blocked, "{error}");
}
