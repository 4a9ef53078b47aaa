//! Introspection and diff on real schemas.

mod drift;
mod mend;
mod mend_rows;
mod postgres;
mod restore;
mod sqlite;

use cofferdam::catalog::postgres::read;
use cofferdam_analysis::catalog::{Catalog, Difference, DifferenceKind, Ignore, diff};
use cofferdam_testkit::postgres::Database;
use tokio_postgres::Client;

const TORTURE: &str = include_str!("torture.sql");
const TORTURE_18: &str = include_str!("torture_18.sql");

/// Roles belong to the server, which tests share: two may make them at once.
const ROLES: &str = "
    do $$ begin create role torture_reader; exception when duplicate_object or unique_violation then end $$;
    do $$ begin create role torture_writer; exception when duplicate_object or unique_violation then end $$";

/// A database with the torture schema as every major knows it, and a client of it.
async fn torture_15(major: u32) -> (Database, Client) {
    let database = Database::new(major);
    let client = database.client().await;
    run(&client, ROLES).await;
    run(&client, TORTURE).await;
    (database, client)
}

/// A database with the torture schema, and a client of it.
async fn torture(major: u32) -> (Database, Client) {
    let (database, client) = torture_15(major).await;
    if major >= 18 {
        run(&client, TORTURE_18).await;
    }
    (database, client)
}

async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|e| {
        let said = e.as_db_error().map_or_else(|| e.to_string(), ToString::to_string);
        panic!("{said}\nin: {}", sql.chars().take(500).collect::<String>())
    });
}

async fn catalog(client: &Client) -> Catalog {
    read(client).await.unwrap_or_else(|e| panic!("{e} {:?}", e.details()))
}

/// Differences in a form that tests compare: `missing table public.notes`, `type of column public.notes.id`.
fn told(expected: &Catalog, live: &Catalog, ignore: &Ignore) -> Vec<String> {
    diff(expected, live, ignore).iter().map(tell).collect()
}

fn tell(difference: &Difference) -> String {
    match &difference.kind {
        DifferenceKind::Missing => format!("missing {}", difference.object),
        DifferenceKind::Extra => format!("extra {}", difference.object),
        DifferenceKind::Different { property } => format!("{property} of {}", difference.object),
    }
}

/// Everything compared, with values, for a failure that should not be.
fn in_full(expected: &Catalog, live: &Catalog, ignore: &Ignore) -> String {
    let line = |d: &Difference| format!("{}\n  expected {:?}\n  live     {:?}", tell(d), d.expected, d.live);
    diff(expected, live, ignore).iter().map(line).collect::<Vec<_>>().join("\n")
}
