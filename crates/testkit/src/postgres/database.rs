//! A database per test.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use cofferdam::scratch::{Address, Row};
use tokio_postgres::NoTls;

use super::server;

/// An empty database of one test; dropped with the value, sessions or not.
#[derive(Debug)]
pub struct Database {
    major: u32,
    name: String,
    address: Address,
}

impl Database {
    /// An empty database on the shared server of `major`.
    pub fn new(major: u32) -> Self {
        Self::on(major, server(major))
    }

    /// An empty database on another server.
    pub fn on(major: u32, address: Address) -> Self {
        let name = unique();
        address.create_database(&name).unwrap_or_else(|e| panic!("cannot create a database: {e}"));
        Self { major, name, address }
    }

    /// A copy of a database that has no sessions, on the same server.
    ///
    /// # Panics
    /// With the server's message, when somebody is connected to the other one.
    pub fn copy_of(other: &Self) -> Self {
        let (name, address) = (unique(), other.address.clone());
        let sql = format!("create database \"{name}\" template \"{}\"", other.name);
        address.run("postgres", &sql).unwrap_or_else(|e| panic!("cannot copy a database: {e}"));
        Self { major: other.major, name, address }
    }

    /// The major of the server.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The URL for the superuser, over the unix socket.
    pub fn url(&self) -> String {
        self.address.url(&self.name)
    }

    /// The URL through a [proxy](crate::proxy::Proxy) in front of this server.
    pub fn url_through(&self, proxy: &crate::proxy::Proxy) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", proxy.port(), self.name)
    }

    /// A client of the superuser; its connection runs as a task of its own.
    pub async fn client(&self) -> tokio_postgres::Client {
        connect(&self.url()).await
    }

    /// Runs SQL text in a session of its own and returns its rows.
    ///
    /// # Panics
    /// With the server's message when a statement fails.
    pub fn rows(&self, sql: &str) -> Vec<Row> {
        self.address
            .run(&self.name, sql)
            .unwrap_or_else(|e| panic!("{e}\n{}\nin: {sql}", e.details().join("\n")))
    }

    /// Runs SQL text and returns its rows as `psql --no-align --tuples-only`
    /// prints them: a line each, values apart by `|`, nothing for null.
    ///
    /// # Panics
    /// With the server's message when a statement fails.
    pub fn psql(&self, sql: &str) -> String {
        let line = |row: Row| row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join("|");
        self.rows(sql).into_iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Connects to a URL without TLS; the connection runs as a task of its own.
///
/// # Panics
/// When the server cannot be reached.
pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.unwrap_or_else(|e| panic!("cannot connect: {e}"));
    // Ends with the client, or when the server goes: then the client says so.
    tokio::spawn(connection);
    client
}

impl Drop for Database {
    fn drop(&mut self) {
        // On a shared server nobody else would clean up what keeps a database in place. A server
        // that a test has stopped cannot be cleaned and need not be.
        let _ = self.let_go();
        let _ = self.address.drop_database(&self.name);
    }
}

impl Database {
    /// Ends what outlives sessions: prepared transactions and replication slots.
    fn let_go(&self) -> cofferdam_analysis::Result<()> {
        let mut session = self.address.session(&self.name)?;
        let prepared = "select format('rollback prepared %L', gid) from pg_prepared_xacts where database = current_database()";
        for command in session.run(prepared)?.into_iter().flatten().flatten() {
            session.run(&command)?;
        }
        session.run(
            "select pg_terminate_backend(active_pid, 5000) from pg_replication_slots where database = current_database() and active;
             select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()",
        )?;
        Ok(())
    }
}

/// A name that no other test of any process uses: process ids come round again
/// during a long run, so the time is part of it.
fn unique() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    format!("t{}_{:x}_{}", std::process::id(), now.as_micros(), COUNTER.fetch_add(1, Ordering::Relaxed))
}
