//! Statements that Postgres forbids inside a transaction: intent, statement, outcome.
//!
//! Crash: after the intent the statement may run or not; it may even go on in the server
//! after its client was killed (`create index concurrently` does). [`settle`](Runner::settle)
//! ends that backend first and asks the catalog afterwards, never the other way round.

use std::time::Duration;

use cofferdam_analysis::plan::{Judge, Outside};
use cofferdam_analysis::sql::{ObjectName, Statement};
use cofferdam_analysis::{Error, Result};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::super::{Job, statement_failed};
use super::Runner;
use super::locks::{WAY_OUT, quote};
use crate::Event;
use crate::crash::{self, CrashPoint};
use crate::db::error::SqlFailure;
use crate::db::{DbResult, Ident, Poll};
use crate::ledger::{self, Step, StepState};

/// How often to look who stands in the way of a running statement.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What the catalog says of a statement's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It took place.
    Done,
    /// It did not.
    NotDone,
    /// It was cut off and left something to clear away.
    Half,
    /// The catalog cannot tell.
    Unknown,
}

impl Runner<'_> {
    pub(super) async fn outside(&mut self, job: &Job<'_>, outside: &Outside) -> Result<()> {
        let Some(statement) = job.statements().next() else {
            return Err(Error::bug("a step outside of a transaction without a statement"));
        };
        let before = seen(&self.session, &outside.judge).await?;
        if before == Seen::Half {
            self.clear(&outside.judge).await?;
        }
        let existed = before == Seen::Done;
        let note = serde_json::json!({"before": if existed { "there" } else { "absent" }}).to_string();
        self.save(job, StepState::Intent, Some(&note)).await?;
        crash::hit(CrashPoint::IntentCommitted);
        let result = self.run_outside(job, statement).await;
        crash::hit(CrashPoint::OutsideDone);
        match result {
            Ok(()) => self.outside_done(job, None).await,
            Err(error) => {
                if self.session.is_closed() {
                    // Nothing can be said now; the intent stands and the next run settles it.
                    return Err(error);
                }
                let half = seen(&self.session, &outside.judge).await? == Seen::Half;
                let error = if half { self.cleared_after(error, &outside.judge).await } else { error };
                self.save(job, StepState::Failed, Some(error.message())).await?;
                Err(error)
            }
        }
    }

    async fn cleared_after(&mut self, error: Error, judge: &Judge) -> Error {
        match self.clear(judge).await {
            Ok(()) => error,
            Err(_) => {
                error.detail("what it left half done (an invalid index) is cleared away by the next run")
            }
        }
    }

    async fn outside_done(&mut self, job: &Job<'_>, outcome: Option<&str>) -> Result<()> {
        self.fenced(async |client| self.record(client, job, false, outcome).await).await?;
        crash::hit(CrashPoint::OutsideRecorded);
        Ok(())
    }

    async fn save(&self, job: &Job<'_>, state: StepState, outcome: Option<&str>) -> Result<()> {
        let step = job.step;
        self.fenced(async |client| {
            ledger::postgres::save_step(client, job.run, &step.id, &step.hash, state, false, outcome).await
        })
        .await
    }

    /// Runs the statement alone, and says who makes it wait.
    async fn run_outside(&mut self, job: &Job<'_>, statement: &Statement) -> Result<()> {
        let sql = job.script.sql(statement);
        let budget = self.options.locks.budget.max(self.options.locks.wait.unwrap_or_default());
        set_session(&self.session, budget).await?;
        let backend = self.session.backend();
        let running = self.session.simple_query(sql);
        tokio::pin!(running);
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut said = String::new();
        let mut blockers = Vec::new();
        let result = loop {
            tokio::select! {
                biased;
                result = &mut running => break result,
                _ = look.tick() => {
                    // Asking may fail with the server; then the statement's own error says so.
                    if let Ok(now) = self.pulse.blockers(backend).await && !now.is_empty() {
                        blockers = now;
                        let who = blockers[0].to_string();
                        if said != who.split(", for ").next().unwrap_or_default() {
                            said = who.split(", for ").next().unwrap_or_default().to_owned();
                            let for_what = format!("{} of {}", statement.verb, job.step.id);
                            self.watch.event(Event::Waiting { for_what, blocker: Some(who) });
                        }
                        crash::hit(CrashPoint::OutsideRunning);
                    }
                }
            }
        };
        let Err(error) = result else {
            return set_session(&self.session, Duration::ZERO).await;
        };
        if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) {
            let who = blockers.first().map(|b| format!(" for {b}")).unwrap_or_default();
            return Err(Error::blocked(format!("{} waited {} s{who}", statement.verb, budget.as_secs()))
                .at(job.script.place(statement.span), Some(job.script.text.clone()))
                .hint(WAY_OUT));
        }
        Err(match SqlFailure::from_postgres(&error, sql) {
            Some(failure) if !self.session.is_closed() => statement_failed(job.script, statement, failure),
            _ => self.session.error(error),
        })
    }

    /// Finds out what became of an intent that a former runner left, and finishes it.
    ///
    /// # Errors
    /// `Interrupted` when the catalog cannot tell: a person has to.
    pub async fn settle(&mut self, job: &Job<'_>, left: &Step) -> Result<()> {
        let Some(outside) = &job.step.outside else { return self.step(job).await };
        if let Some(backend) = left.backend {
            self.end_backend(backend).await?;
        }
        let existed = left.outcome.as_deref().is_some_and(|o| o.contains("\"there\""));
        match seen(&self.session, &outside.judge).await? {
            Seen::Done if !existed => self.outside_done(job, Some("settled")).await,
            Seen::Done | Seen::NotDone | Seen::Half => self.step(job).await,
            Seen::Unknown => {
                let statement = job.statements().next().map(|s| job.script.sql(s)).unwrap_or_default();
                Err(Error::interrupted(format!(
                    "step {} was cut off, and nothing shows whether it took place",
                    left.id
                ))
                .detail(format!("the statement: {statement}"))
                .hint(
                    "look whether it did: if so, take the statement out of the file; if not, \
                         write it anew with a comment changed; then run migrate again",
                ))
            }
        }
    }

    async fn end_backend(&mut self, backend: crate::db::Backend) -> Result<()> {
        let mut poll = Poll::new(Duration::from_millis(50), self.options.locks.budget);
        while self.session.is_alive(backend).await? {
            self.session.terminate(backend).await?;
            if !poll.pause().await {
                return Err(Error::blocked(format!("process {} of a former run does not end", backend.pid))
                    .hint("end it by hand (select pg_terminate_backend(pid)), then run this again"));
            }
        }
        Ok(())
    }

    /// Clears away what a cut-off statement left.
    async fn clear(&mut self, judge: &Judge) -> Result<()> {
        set_session(&self.session, self.options.locks.budget).await?;
        match judge {
            Judge::IndexValid { table, index } => {
                let name = quote(index)?;
                let sql = match index_schema(&self.session, table).await? {
                    Some(schema) => format!(
                        "drop index concurrently if exists {schema}.{}",
                        Ident::new(index.name.as_str())?
                    ),
                    None => format!("drop index concurrently if exists {name}"),
                };
                self.session.batch_execute(&sql).await.map_err(|e| self.session.error(e))?;
            }
            Judge::Detached { table, partition } => {
                let sql =
                    format!("alter table {} detach partition {} finalize", quote(table)?, quote(partition)?);
                self.session.batch_execute(&sql).await.map_err(|e| self.session.error(e))?;
            }
            Judge::Reindexed(_) => {
                for row in self.session.query(include_str!("sql/reindex_leftovers.sql"), &[]).await.db()? {
                    let sql = format!("drop index concurrently if exists {}", row.get::<_, String>(0));
                    self.session.batch_execute(&sql).await.map_err(|e| self.session.error(e))?;
                }
            }
            Judge::IndexGone(_) | Judge::Repeatable | Judge::Unknown => {}
        }
        set_session(&self.session, Duration::ZERO).await
    }
}

async fn set_session(client: &Client, lock_timeout: Duration) -> Result<()> {
    let millis = lock_timeout.as_millis().to_string();
    client.query("select set_config('lock_timeout', $1, false)", &[&millis]).await.db()?;
    Ok(())
}

/// An index is always created in its table's schema.
async fn index_schema(client: &Client, table: &ObjectName) -> Result<Option<String>> {
    let sql = "select relnamespace::regnamespace::text from pg_class where oid = to_regclass($1)";
    Ok(client.query_opt(sql, &[&quote(table)?]).await.db()?.map(|row| row.get(0)))
}

async fn seen(client: &Client, judge: &Judge) -> Result<Seen> {
    match judge {
        Judge::IndexValid { table, index } => {
            let row = client
                .query_opt(include_str!("sql/index_state.sql"), &[&quote(table)?, &index.name])
                .await
                .db()?;
            Ok(match row.map(|row| row.get::<_, bool>(0)) {
                Some(true) => Seen::Done,
                Some(false) => Seen::Half,
                None => Seen::NotDone,
            })
        }
        Judge::IndexGone(names) => {
            for name in names {
                let row =
                    client.query_one("select to_regclass($1) is not null", &[&quote(name)?]).await.db()?;
                if row.get(0) {
                    return Ok(Seen::NotDone);
                }
            }
            Ok(Seen::Done)
        }
        Judge::Detached { table, partition } => {
            let sql = "select inhdetachpending from pg_inherits
                       where inhparent = to_regclass($1) and inhrelid = to_regclass($2)";
            let row = client.query_opt(sql, &[&quote(table)?, &quote(partition)?]).await.db()?;
            Ok(match row.map(|row| row.get::<_, bool>(0)) {
                Some(true) => Seen::Half,
                Some(false) => Seen::NotDone,
                None => Seen::Done,
            })
        }
        Judge::Reindexed(_) => {
            let left = client.query(include_str!("sql/reindex_leftovers.sql"), &[]).await.db()?;
            Ok(if left.is_empty() { Seen::NotDone } else { Seen::Half })
        }
        Judge::Repeatable => Ok(Seen::NotDone),
        Judge::Unknown => Ok(Seen::Unknown),
    }
}
