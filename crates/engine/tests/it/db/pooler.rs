//! A pooler shows itself by the process number it announces.

use std::sync::Arc;

use cofferdam::db::PoolerKind;
use cofferdam_testkit::postgres::{Address, Database};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};

use super::{connect, newest};

/// Stands between as a pooler does: it answers the login with a key of its own.
async fn fake_pooler(address: &Address) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = Arc::new(address.socket());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = UnixStream::connect(&*socket).await.unwrap();
            tokio::spawn(relay(client, server));
        }
    });
    port
}

async fn relay(client: tokio::net::TcpStream, server: UnixStream) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    loop {
        let Ok(kind) = from_server.read_u8().await else { return };
        // The answer to the question for TLS is one byte without a length.
        if kind == b'N' {
            to_client.write_u8(kind).await.unwrap();
            continue;
        }
        let length = from_server.read_u32().await.unwrap();
        let mut body = vec![0; length as usize - 4];
        from_server.read_exact(&mut body).await.unwrap();
        if kind == b'K' {
            body[..4].copy_from_slice(&4_242_424_i32.to_be_bytes());
        }
        to_client.write_u8(kind).await.unwrap();
        to_client.write_u32(length).await.unwrap();
        to_client.write_all(&body).await.unwrap();
        if kind == b'K' {
            let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
            return;
        }
    }
}

#[tokio::test]
async fn a_process_number_that_is_not_the_backends_is_a_pooler() {
    let database = Database::new(newest());
    let port = fake_pooler(database.address()).await;
    let session = connect(&format!("postgres://postgres@127.0.0.1:{port}/{}", database.name())).await;
    let found = session.pooler().expect("a pooler");
    assert_eq!(found.kind, PoolerKind::Unknown);
    let expected =
        format!("the login announced process 4242424, but process {} answers", session.backend().pid);
    assert_eq!(found.evidence, expected);
}

#[tokio::test]
async fn a_declared_pooler_is_believed_and_gets_no_startup_options() {
    let database = Database::new(newest());
    let session = connect(&format!("{}?pgbouncer=true&schema=app", database.url())).await;
    assert_eq!(session.pooler().map(|found| found.kind), Some(PoolerKind::Declared));
    assert!(session.notes()[0].contains("`schema`"), "{:?}", session.notes());
    assert_eq!(super::value(&session, "show search_path").await, r#""$user", public"#);
}
