//! Each fault of the proxy, seen by a client.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use cofferdam_testkit::postgres::{self, Database};
use cofferdam_testkit::proxy::{Proxy, Trap};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

/// Long enough for whatever is going to happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough to say that nothing comes: the same answer takes well under a millisecond otherwise.
const SILENCE: Duration = Duration::from_millis(300);

async fn connect(database: &Database, proxy: &Proxy) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(&database.url_through(proxy), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn place() -> (Database, Proxy) {
    let database = Database::new(postgres::majors()[0]);
    let proxy = Proxy::start(database.address());
    (database, proxy)
}

#[tokio::test]
async fn bytes_pass_in_both_directions() {
    let (database, proxy) = place();
    let client = connect(&database, &proxy).await.expect("it forwards");
    let long = "x".repeat(3 << 20);
    let row = client.query_one("select $1::text || 'y'", &[&long]).await.expect("it answers");
    assert_eq!(row.get::<_, &str>(0).len(), long.len() + 1);
    assert_eq!(proxy.accepted(), 1);
}

#[tokio::test]
async fn a_delay_holds_up_each_direction_and_ends() {
    let (database, proxy) = place();
    let client = connect(&database, &proxy).await.expect("it forwards");
    let delay = Duration::from_millis(150);
    proxy.delay(delay);
    let began = Instant::now();
    client.batch_execute("select 1").await.expect("it answers late");
    assert!(began.elapsed() >= 2 * delay, "{:?}", began.elapsed());
    proxy.delay(Duration::from_secs(3600));
    proxy.restore();
    timeout(PATIENCE, client.batch_execute("select 1")).await.expect("no delay").expect("it answers");
}

#[tokio::test]
async fn a_cut_resets_present_connections_and_serves_new_ones() {
    let (database, proxy) = place();
    let client = connect(&database, &proxy).await.expect("it forwards");
    proxy.cut();
    timeout(PATIENCE, client.batch_execute("select 1")).await.expect("told at once").expect_err("cut");
    connect(&database, &proxy).await.expect("a new connection works");
}

#[tokio::test]
async fn a_cut_is_a_reset_and_not_a_polite_end() {
    let (_database, proxy) = place();
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.expect("it accepts");
    // A request for TLS is answered with one byte, which proves that the proxy has the connection.
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.expect("it is sent");
    assert_eq!(stream.read_u8().await.expect("an answer"), b'N');
    proxy.cut();
    let end = timeout(PATIENCE, stream.read_u8()).await.expect("told at once").expect_err("cut");
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn refusing_ends_when_restored() {
    let (database, proxy) = place();
    let client = connect(&database, &proxy).await.expect("it forwards");
    proxy.refuse();
    assert!(timeout(PATIENCE, client.batch_execute("select 1")).await.expect("told").is_err());
    assert!(timeout(PATIENCE, connect(&database, &proxy)).await.expect("told").is_err());
    proxy.restore();
    connect(&database, &proxy).await.expect("it forwards again");
}

#[tokio::test]
async fn a_black_hole_tells_nobody_and_delivers_after_the_partition() {
    let (database, proxy) = place();
    let client = connect(&database, &proxy).await.expect("it forwards");
    client.batch_execute("create table t ()").await.expect("it works");
    proxy.black_hole();
    let query = client.batch_execute("drop table t");
    tokio::pin!(query);
    assert!(timeout(SILENCE, &mut query).await.is_err(), "an answer came out of a black hole");
    assert_eq!(database.psql("select to_regclass('t') is not null"), "t", "a request got through");
    let newcomer = connect(&database, &proxy);
    tokio::pin!(newcomer);
    assert!(timeout(SILENCE, &mut newcomer).await.is_err(), "a new connection got through");
    proxy.restore();
    timeout(PATIENCE, query).await.expect("it arrives").expect("it works");
    timeout(PATIENCE, newcomer).await.expect("it arrives").expect("it works");
    assert_eq!(database.psql("select to_regclass('t') is null"), "t");
}

#[tokio::test]
async fn held_replies_leave_the_server_working() {
    let (database, proxy) = place();
    let client = connect(&database, &proxy).await.expect("it forwards");
    proxy.hold_replies();
    let query = client.batch_execute("create table t ()");
    tokio::pin!(query);
    assert!(timeout(SILENCE, &mut query).await.is_err(), "an answer came");
    assert_eq!(database.psql("select to_regclass('t') is not null"), "t", "the request did not get through");
    proxy.cut();
    timeout(PATIENCE, query).await.expect("told").expect_err("cut");
}

#[tokio::test]
async fn a_trap_before_a_commit_loses_the_transaction_and_one_after_it_only_the_answer() {
    let (database, proxy) = place();
    for (name, trap) in [("lost", Trap::Before(b"commit".into())), ("kept", Trap::After(b"commit".into()))] {
        let client = connect(&database, &proxy).await.expect("it forwards");
        client.batch_execute(&format!("begin; create table {name} ()")).await.expect("it works");
        proxy.trap(trap);
        assert!(proxy.trap_is_set());
        let end = timeout(PATIENCE, client.batch_execute("commit")).await.expect("told");
        assert!(end.is_err() && !proxy.trap_is_set(), "{name}");
    }
    // Ours waits for the lock that the cut transaction holds until the server notices its end.
    database.psql("create table lost ()");
    let deadline = Instant::now() + PATIENCE;
    while database.psql("select to_regclass('kept') is not null") != "t" {
        assert!(Instant::now() < deadline, "the commit got lost as well");
    }
}
