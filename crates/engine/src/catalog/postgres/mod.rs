//! Postgres 15 and newer.
//!
//! Most of what is compared is text that the server prints (`pg_get_*def`), and
//! such text depends on the session: the search path decides what is qualified,
//! `DateStyle` how a constant date looks. [`read`] pins all of that for its own
//! transaction and puts it back.
//!
//! Those printing functions look at the newest catalog rather than at our snapshot,
//! so a concurrent DDL statement can make one of them fail; the whole read is then
//! made again, a few times.

mod assemble;
mod objects;
mod parts;
mod privileges;
mod relations;

pub(crate) use assemble::may_be_secret;
use cofferdam_analysis::catalog::Catalog;
use cofferdam_analysis::{Error, Result};
use futures_util::future::try_join_all;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Row, SimpleQueryMessage};

use crate::db::postgres_error;

/// The oldest server whose catalog is read, as `server_version_num`.
const OLDEST: u32 = 150_000;

/// How often a read is made again when concurrent DDL got in its way.
const ATTEMPTS: u32 = 4;

/// What each query answered, in the order in which they are asked.
struct Answers {
    version: u32,
    rows: [Vec<Row>; QUERIES.len()],
}

/// One of the [`QUERIES`], by its place there.
#[derive(Clone, Copy)]
enum Ask {
    Schemas,
    Relations,
    Columns,
    Constraints,
    Indexes,
    Triggers,
    Rules,
    Policies,
    Sequences,
    Routines,
    Types,
    Extensions,
    EventTriggers,
    Publications,
    Servers,
    DefaultPrivileges,
    Defined,
    Comments,
    Privileges,
    Uses,
}

const QUERIES: [&str; 20] = [
    include_str!("../sql/schemas.sql"),
    include_str!("../sql/relations.sql"),
    include_str!("../sql/columns.sql"),
    include_str!("../sql/constraints.sql"),
    include_str!("../sql/indexes.sql"),
    include_str!("../sql/triggers.sql"),
    include_str!("../sql/rules.sql"),
    include_str!("../sql/policies.sql"),
    include_str!("../sql/sequences.sql"),
    include_str!("../sql/routines.sql"),
    include_str!("../sql/types.sql"),
    include_str!("../sql/extensions.sql"),
    include_str!("../sql/event_triggers.sql"),
    include_str!("../sql/publications.sql"),
    include_str!("../sql/servers.sql"),
    include_str!("../sql/default_privileges.sql"),
    include_str!("../sql/defined.sql"),
    include_str!("../sql/comments.sql"),
    include_str!("../sql/privileges.sql"),
    include_str!("../sql/uses.sql"),
];

impl Answers {
    fn to(&self, ask: Ask) -> &[Row] {
        &self.rows[ask as usize]
    }
}

/// Reads the catalog of the database that `client` is connected to.
///
/// Outside a transaction it runs one of its own: repeatable read, read only. Inside one it
/// uses a savepoint and rolls back to it, so that settings and a failed query leave no trace;
/// what it sees is then up to that transaction's isolation.
///
/// Dropping the future half-way leaves that transaction or savepoint open: drop the session then too.
///
/// # Errors
/// `Invalid` for a server older than 15, `Blocked` when a lock or statement timeout of the
/// session ended it, `Unreachable` when the connection broke, `Conflict` for what else the server
/// says, such as a transaction that has failed already.
pub async fn read(client: &Client) -> Result<Catalog> {
    let (open, close, undo) = if in_transaction(client).await? {
        const UNDO: &str = "rollback to savepoint cofferdam_catalog; release savepoint cofferdam_catalog";
        ("savepoint cofferdam_catalog", UNDO, UNDO)
    } else {
        ("begin transaction isolation level repeatable read, read only", "commit", "rollback")
    };
    let mut attempt = 1;
    let answers = loop {
        client.batch_execute(open).await.map_err(failed)?;
        match ask(client).await {
            Ok(answers) => {
                client.batch_execute(close).await.map_err(failed)?;
                break answers;
            }
            Err(e) => {
                if !client.is_closed() {
                    client.batch_execute(undo).await.map_err(failed)?;
                }
                if attempt == ATTEMPTS || !lost_a_race(&e) {
                    return Err(failed(e));
                }
                attempt += 1;
            }
        }
    };
    if answers.version < OLDEST {
        return Err(Error::invalid(format!(
            "the server is Postgres {}, older than 15",
            answers.version / 10_000
        ))
        .hint("upgrade the server: Postgres 15 is the oldest one supported"));
    }
    assemble::catalog(&answers)
}

/// Whether the session is in a transaction already.
///
/// A setting made for the transaction only is gone by the next statement outside of one. Unlike
/// trying a savepoint, this leaves no error in the server's log.
async fn in_transaction(client: &Client) -> std::result::Result<bool, Error> {
    client.simple_query("select set_config('cofferdam.probe', 'open', true)").await.map_err(failed)?;
    let answer =
        client.simple_query("select current_setting('cofferdam.probe', true)").await.map_err(failed)?;
    Ok(answer.iter().any(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0) == Some("open"),
        _ => false,
    }))
}

async fn ask(client: &Client) -> std::result::Result<Answers, tokio_postgres::Error> {
    client.simple_query(include_str!("../sql/session.sql")).await?;
    let version = client.query_one("select current_setting('server_version_num')::int4", &[]).await?;
    let version = u32::try_from(version.try_get::<_, i32>(0)?).unwrap_or(0);
    if version < OLDEST {
        return Ok(Answers { version, rows: Default::default() });
    }
    let asked = try_join_all(QUERIES.map(|query| client.query(query, &[]))).await?;
    let mut answered = asked.into_iter();
    // One answer a query: the array is never short.
    let rows = std::array::from_fn(|_| answered.next().unwrap_or_default());
    Ok(Answers { version, rows })
}

/// Whether concurrent DDL made a printing function fail: the object went while we read.
fn lost_a_race(e: &tokio_postgres::Error) -> bool {
    const RACES: &[SqlState] = &[
        SqlState::INTERNAL_ERROR,
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_OBJECT,
        SqlState::UNDEFINED_COLUMN,
        SqlState::UNDEFINED_FUNCTION,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    e.code().is_some_and(|code| RACES.contains(code))
}

fn failed(e: tokio_postgres::Error) -> Error {
    postgres_error(e).while_("cannot read the catalog")
}

/// A column of an answer by its name. Failing is a bug: the names stand in our own SQL.
fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, name: &str) -> Result<T> {
    row.try_get(name)
        .map_err(|e| Error::bug(format!("the catalog query's column `{name}` has another type")).source(e))
}
