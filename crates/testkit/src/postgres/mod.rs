//! Disposable Postgres: a server per major, a database per test.
//!
//! A test asks for [`Database::new`] and gets an empty database on a server of
//! that major; the database goes when the value does. The server is shared:
//! `with-postgres` (which `./test` uses) starts one per major for the whole run
//! and names them in `COFFERDAM_TEST_SERVERS`; without it each test process
//! starts its own at the first request, from a template that `initdb` made once.
//! Neither outlives its process, however that ends (see `cofferdam::scratch`).
//!
//! A test that stops, kills or reconfigures a server takes its own: [`cluster`].

mod database;
mod server;
mod template;

pub use cofferdam::scratch::{Address, Binaries, Cluster, Row, Session, Settings, StopMode};
pub use database::Database;
pub use server::{
    SERVERS, binaries, cluster, installed, majors, pg_dump, programs, server, settings, shared,
};
