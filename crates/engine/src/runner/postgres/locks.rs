//! Strong locks without a queue behind us.
//!
//! All locks of a step are asked for with `nowait` before its first statement, so
//! nobody ever waits for us while we wait for somebody. Only when that has failed for
//! [`LockLimits::patience`] do we queue, at most once a second and for milliseconds.

use std::fmt;
use std::time::Duration;

use cofferdam_analysis::catalog::Catalog;
use cofferdam_analysis::plan::lock::{LockMode, Locks};
use cofferdam_analysis::sql::{Action, ObjectName, Script, Statement};
use cofferdam_analysis::{Error, ErrorKind, Place, Result};
use tokio::time::Instant;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::super::LockLimits;
use super::{Failed, set_local};
use crate::db::{Backend, DbResult, Poll, QualifiedIdent, Session};

/// A first attempt to queue is short, later ones a little longer.
const SHORT_QUEUE: Duration = Duration::from_millis(20);
const QUEUE: Duration = Duration::from_millis(50);
/// What to do about somebody who keeps a lock.
pub(super) const WAY_OUT: &str =
    "wait for that session or end it, then run this again; --lock-budget 5m keeps trying longer";

/// While nobody queues behind us we may ask often.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// Once we queue, at most one attempt a second.
const QUEUE_EVERY: Duration = Duration::from_secs(1);

/// The attempts at one step, against one clock.
pub(super) struct Attempts {
    limits: LockLimits,
    started: Instant,
    queued: u32,
    poll: Poll,
    said: Option<Instant>,
}

impl Attempts {
    pub(super) fn new(limits: LockLimits) -> Self {
        // The budget also bounds a --lock-wait longer than itself: then one attempt is made.
        Self {
            limits,
            started: Instant::now(),
            queued: 0,
            poll: Poll::new(ASK_EVERY, limits.budget.max(limits.wait.unwrap_or_default())),
            said: None,
        }
    }

    fn patient(&self) -> bool {
        self.started.elapsed() < self.limits.patience.min(self.limits.budget)
    }

    /// How long a statement may queue for a strong lock now.
    pub(super) fn queue(&self) -> Duration {
        match self.limits.wait {
            Some(wait) if !self.patient() => wait,
            _ if self.queued < 2 => SHORT_QUEUE,
            _ => QUEUE,
        }
    }

    /// Waits until the next attempt is due; `false` when the budget is spent.
    pub(super) async fn pause(&mut self) -> bool {
        if !self.patient() {
            self.queued += 1;
            self.poll.set_every(QUEUE_EVERY);
        }
        self.poll.pause().await
    }

    /// The last attempt held locks while it waited: others queued, so the next comes later.
    pub(super) fn slow_down(&mut self) {
        self.queued += 1;
        self.poll.set_every(QUEUE_EVERY);
    }

    /// Whether the last word to the user is old enough for another.
    pub(super) fn worth_saying(&mut self) -> bool {
        let due = self.said.is_none_or(|said| said.elapsed() > Duration::from_secs(5));
        if due {
            self.said = Some(Instant::now());
        }
        due
    }
}

/// A lock that was not to be had.
#[derive(Debug)]
pub(super) struct Blocked {
    place: Option<(Place, std::sync::Arc<str>)>,
    relations: Vec<(ObjectName, LockMode)>,
}

impl Blocked {
    pub(super) fn at(script: &Script, statement: &Statement, locks: Locks) -> Self {
        let mut relations = locks.tables;
        for action in statement.actions() {
            if let Action::Drop { names, .. } = action {
                relations.extend(names.iter().map(|name| (name.clone(), LockMode::AccessExclusive)));
            }
        }
        Self { place: Some((script.place(statement.span), script.text.clone())), relations }
    }

    /// Whether it stopped a statement, with the step's other locks in our hands.
    pub(super) fn held_locks(&self) -> bool {
        self.place.is_some()
    }

    /// What is waited for.
    pub(super) fn what(&self) -> String {
        match self.relations.first() {
            Some((name, _)) => format!("a lock on {name}"),
            None => "a lock".to_owned(),
        }
    }

    pub(super) fn into_error(self, who: &[Holder], budget: Duration) -> Error {
        let what = self.what();
        let seconds = budget.as_secs_f64();
        let message = match who.first() {
            Some(holder) => format!("{what} was not to be had for {seconds:.0} s: held by {holder}"),
            None => format!("{what} was not to be had for {seconds:.0} s"),
        };
        let mut error = Error::blocked(message).hint(WAY_OUT);
        for other in who.iter().skip(1) {
            error = error.detail(format!("also held by {other}"));
        }
        match self.place {
            Some((place, text)) => error.at(place, Some(text)),
            None => error,
        }
    }
}

/// Takes all strong locks of a step in the fixed order of their oids.
pub(super) async fn take(client: &Client, needed: &Locks, attempts: &Attempts) -> Result<(), Failed> {
    let strong: Vec<(ObjectName, LockMode)> =
        needed.tables.iter().filter(|(_, mode)| mode.is_strong()).cloned().collect();
    if strong.is_empty() && needed.parents_of.is_empty() {
        return Ok(());
    }
    let names = quoted(strong.iter().map(|(name, _)| name))?;
    let modes: Vec<i32> = strong.iter().map(|(_, mode)| *mode as i32 + 1).collect();
    let parents = quoted(needed.parents_of.iter())?;
    let tables = client.query(include_str!("sql/tables.sql"), &[&names, &modes, &parents]).await.db()?;
    let nowait = attempts.patient();
    if !nowait {
        set_local(client, "lock_timeout", attempts.queue()).await?;
    }
    for row in tables {
        let (table, mode): (String, i32) = (row.get(0), row.get(1));
        let mode = mode_of(mode);
        let nowait = if nowait { " nowait" } else { "" };
        // The name comes quoted from regclass's own output.
        let sql = format!("lock table {table} in {} mode{nowait}", mode.as_sql());
        match client.batch_execute(&sql).await {
            Ok(()) => {}
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                let relations = vec![(bare(&table), mode)];
                return Err(Failed::Blocked(Blocked { place: None, relations }));
            }
            Err(error) => return Err(Failed::For(crate::db::error::postgres(error))),
        }
    }
    Ok(())
}

/// A name as regclass prints it, kept as one part: it is only shown and looked up again.
fn bare(regclass: &str) -> ObjectName {
    match regclass.split_once('.') {
        Some((schema, name)) => ObjectName::qualified(schema.trim_matches('"'), name.trim_matches('"')),
        None => ObjectName::bare(regclass.trim_matches('"')),
    }
}

fn mode_of(number: i32) -> LockMode {
    LockMode::ALL.into_iter().find(|mode| *mode as i32 + 1 == number).unwrap_or(LockMode::AccessExclusive)
}

fn quoted<'a>(names: impl Iterator<Item = &'a ObjectName>) -> Result<Vec<String>> {
    names.map(quote).collect()
}

/// A name as `to_regclass` reads it.
pub(super) fn quote(name: &ObjectName) -> Result<String> {
    QualifiedIdent::of(name).map(|name| name.to_string())
}

/// Somebody who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    pid: i32,
    user: String,
    application: String,
    seconds: i64,
    state: String,
    query: String,
}

impl Holder {
    fn of(row: &tokio_postgres::Row) -> Holder {
        Holder {
            pid: row.get(0),
            user: row.get(1),
            application: row.get(2),
            seconds: row.get(3),
            state: row.get(4),
            query: row.get(5),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return write!(f, "a prepared transaction (see pg_prepared_xacts)");
        }
        write!(f, "pid {}, user {}", self.pid, self.user)?;
        if !self.application.is_empty() {
            write!(f, ", application {}", self.application)?;
        }
        write!(f, ", for {} s, {}", self.seconds, self.state)?;
        if !self.query.is_empty() {
            write!(f, ", query: {}", self.query)?;
        }
        Ok(())
    }
}

/// Who holds what stands in the way.
pub(super) async fn holders(session: &Session, blocked: &Blocked) -> Result<Vec<Holder>> {
    let names = quoted(blocked.relations.iter().map(|(name, _)| name))?;
    let strongest =
        blocked.relations.iter().map(|(_, mode)| *mode).max().unwrap_or(LockMode::AccessExclusive);
    // A row that we wait for is held by somebody with our own mode on its table.
    let in_the_way = |mode: &LockMode| strongest.conflicts_with(*mode) || *mode == strongest;
    let modes: Vec<String> = LockMode::ALL
        .iter()
        .filter(|mode| in_the_way(mode))
        .map(|mode| format!("{}Lock", mode.as_str()))
        .collect();
    let rows = session.query(include_str!("sql/holders.sql"), &[&names, &modes]).await;
    Ok(rows.map_err(|e| session.error(e))?.iter().map(Holder::of).collect())
}

/// Reads the catalog, whose printing functions wait for whoever has a table locked
/// exclusively: asks again until the budget is spent.
///
/// # Errors
/// `Blocked` naming the holder; those of reading.
pub(crate) async fn read_catalog(session: &Session, limits: LockLimits) -> Result<Catalog> {
    let mut poll = Poll::new(ASK_EVERY, limits.budget);
    loop {
        let error = match crate::catalog::postgres::read(session).await {
            Err(error) if error.kind() == ErrorKind::Blocked => error,
            read => return read,
        };
        if poll.pause().await {
            continue;
        }
        return Err(locked_out(session, "read the catalog", limits.budget, error).await?);
    }
}

/// The error of a read that waited for the whole budget, naming who has a table locked; else `error`.
pub(crate) async fn locked_out(
    session: &Session,
    to_do: &str,
    budget: Duration,
    error: Error,
) -> Result<Error> {
    let rows = session.query(include_str!("sql/exclusive.sql"), &[]).await.map_err(|e| session.error(e))?;
    let Some(row) = rows.first() else { return Ok(error) };
    let (table, holder): (String, Holder) = (row.get(6), Holder::of(row));
    let seconds = budget.as_secs_f64();
    Ok(Error::blocked(format!("cannot {to_do}: {table} was locked for {seconds:.0} s, held by {holder}"))
        .hint(WAY_OUT))
}

/// Who makes that backend wait.
pub(super) async fn blocked_by(session: &Session, backend: Backend) -> Result<Vec<Holder>> {
    let rows = session.query(include_str!("sql/blocked_by.sql"), &[&backend.pid]).await;
    Ok(rows.map_err(|e| session.error(e))?.iter().map(Holder::of).collect())
}
