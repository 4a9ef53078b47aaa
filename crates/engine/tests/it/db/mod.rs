//! Connections: who is reached, how, and what is said when it fails.

mod connect;
mod pooler;
mod session;
mod tls;

use std::time::Duration;

use cofferdam::db::{self, ConnectOptions, Poll, PostgresTarget, Session, Target};
use cofferdam::{Error, Result};
use cofferdam_testkit::postgres;

/// The Postgres target that a URL names.
fn target(url: &str) -> PostgresTarget {
    match Target::parse(url) {
        Ok(Target::Postgres(target)) => target,
        other => panic!("{url}: {other:?}"),
    }
}

async fn try_connect(url: &str) -> Result<Session> {
    db::connect(&target(url), &ConnectOptions::default()).await
}

async fn connect(url: &str) -> Session {
    try_connect(url).await.unwrap_or_else(|e| panic!("{}: {e} {:?}", target(url).redacted(), e.details()))
}

async fn refused(url: &str) -> Error {
    match try_connect(url).await {
        Err(error) => error,
        Ok(session) => panic!("{url} connects to {}", session.label()),
    }
}

/// One value of one row, as text.
async fn value(session: &Session, sql: &str) -> String {
    let rows = session.simple_query(sql).await.unwrap_or_else(|e| panic!("{sql}: {}", session.error(e)));
    rows.iter()
        .find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("null").to_owned()),
            _ => None,
        })
        .unwrap_or_else(|| panic!("no row: {sql}"))
}

/// Asks until it is so; a test that never gets there fails.
async fn until<F: AsyncFnMut() -> bool>(what: &str, mut so: F) {
    let mut poll = Poll::new(Duration::from_millis(5), Duration::from_secs(60));
    while !so().await {
        assert!(poll.pause().await, "never: {what}");
    }
}

fn newest() -> u32 {
    *postgres::majors().last().expect("at least one major is tested")
}
