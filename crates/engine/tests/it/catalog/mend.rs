//! What is found is mended: the statements run, and nothing differs afterwards.

use std::fmt::Write as _;

use cofferdam_analysis::catalog::{Catalog, Ignore, Mending, MendingStep, mend};
use cofferdam_analysis::plan;
use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_testkit::postgres::{Database, majors};
use tokio_postgres::Client;

use super::drift::{PLANTED, PLANTED_18};
use super::{catalog, in_full, run, tell, torture, torture_15};

/// Where a column stands is no statement's to change.
fn ignore() -> Ignore {
    Ignore { column_order: true, ..Ignore::default() }
}

/// Runs everything as psql without `ON_ERROR_STOP` would; what failed comes back.
pub(super) async fn carry_out(client: &Client, mending: &Mending) -> String {
    let mut failures = String::new();
    for step in &mending.steps {
        let sql = match step {
            MendingStep::Alone(statement) => statement.clone(),
            MendingStep::Together(statements) => format!("begin; {}; commit", statements.join("; ")),
        };
        if let Err(e) = client.batch_execute(&sql).await {
            let said = e.as_db_error().map_or_else(|| e.to_string(), |said| said.message().to_owned());
            _ = client.batch_execute("rollback").await;
            _ = writeln!(failures, "  failed: {said}\n  in: {sql}");
        }
    }
    failures
}

/// What is left to be told by hand, one line each; anything else that is left is a failure.
async fn mended(client: &Client, expected: &Catalog, ignore: &Ignore) -> Result<Vec<String>, String> {
    let live = catalog(client).await;
    let mending = mend(expected, &live, ignore);
    let script = mending.script();
    let parsed = Script::parse(Dialect::Postgres, "mend.sql", &script);
    if let Err(e) = plan::file(&parsed, "0001", false) {
        return Err(format!("  is no migration file: {e}\n{script}"));
    }
    let mut failures = carry_out(client, &mending).await;
    let by_hand: Vec<String> =
        mending.found.iter().filter(|m| m.by_hand).map(|m| tell(&m.difference)).collect();
    let after = mend(expected, &catalog(client).await, ignore);
    for left in &after.found {
        let line = tell(&left.difference);
        if !by_hand.contains(&line) && line != COMES_BACK {
            let (expected, live) = (&left.difference.expected, &left.difference.live);
            _ = writeln!(failures, "  left: {line}\n    expected {expected:?}\n    live     {live:?}");
        }
    }
    if failures.is_empty() { Ok(by_hand) } else { Err(format!("{failures}  script:\n{script}")) }
}

/// What has to be done by hand, and the reason is Postgres'.
const BY_HAND: &[&str] = &[
    "labels of type app.mood after alter type app.mood add value 'furious'",
    "not_null of domain app.email after alter domain app.email drop not null",
    "missing constraint app.email.email_has_at after alter domain app.email drop constraint email_has_at",
    "inherited of column app.child.id after alter table app.child no inherit app.base",
    "inherited of column app.child.later after alter table app.child no inherit app.base",
    "inherited of constraint app.child.base_id_check after alter table app.child no inherit app.base",
];

/// Attaching makes the parts of all indexes of the parent, those too that the table was without.
const COMES_BACK: &str = "extra index app.events_2021_body_idx";

#[tokio::test]
async fn every_planted_difference_is_mended() {
    let mut wrong = Vec::new();
    for major in majors() {
        let (database, client) = torture(major).await;
        let expected = catalog(&client).await;
        close(&database, client).await;
        let mut by_hand = Vec::new();
        let newer = if major >= 18 { PLANTED_18 } else { &[] };
        for (sql, _) in PLANTED.iter().chain(newer) {
            let copy = Database::copy_of(&database);
            let client = copy.client().await;
            run(&client, sql).await;
            match mended(&client, &expected, &ignore()).await {
                Ok(lines) => by_hand.extend(lines.into_iter().map(|line| format!("{line} after {sql}"))),
                Err(what) => wrong.push(format!("Postgres {major}: {sql}\n{what}")),
            }
        }
        if by_hand != BY_HAND {
            wrong.push(format!("Postgres {major}, by hand: {by_hand:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A database with sessions cannot be copied.
async fn close(database: &Database, client: Client) {
    drop(client);
    let gone = format!(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{}'",
        database.name()
    );
    database.address().run("postgres", &gone).expect("sessions end");
}

/// From one end to the other: nothing to everything, and everything to nothing.
#[tokio::test]
async fn an_empty_database_becomes_the_expected_one() {
    for major in majors() {
        let (_database, client) = torture(major).await;
        let expected = catalog(&client).await;
        let empty = Database::new(major);
        let client = empty.client().await;
        let outcome = mended(&client, &expected, &ignore()).await;
        match outcome {
            // Its options hold a secret, and nobody reads those.
            Ok(by_hand) => {
                assert_eq!(by_hand, ["missing server there", "missing table app.remote"], "Postgres {major}");
            }
            Err(what) => panic!("Postgres {major}\n{what}"),
        }
    }
}

#[tokio::test]
async fn everything_extra_goes_while_it_holds_nothing() {
    for major in majors() {
        let empty = Database::new(major);
        let expected = catalog(&empty.client().await).await;
        let (_database, client) = torture(major).await;
        match mended(&client, &expected, &ignore()).await {
            Ok(by_hand) => assert_eq!(by_hand, Vec::<String>::new(), "Postgres {major}"),
            Err(what) => panic!("Postgres {major}\n{what}"),
        }
    }
}

/// What one server prints otherwise than another is no difference.
#[tokio::test]
async fn one_schema_on_two_majors_is_one_schema() {
    let (first, last) = (majors()[0], majors()[majors().len() - 1]);
    let (_one, client) = torture_15(first).await;
    let (_other, other) = torture_15(last).await;
    let (old, new) = (catalog(&client).await, catalog(&other).await);
    assert_eq!(in_full(&old, &new, &Ignore::default()), "");
    assert_eq!(in_full(&new, &old, &Ignore::default()), "");
}
