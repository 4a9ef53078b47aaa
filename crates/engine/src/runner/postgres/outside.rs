//! Statements that Postgres forbids inside a transaction: intent, statement, outcome.
//!
//! Crash: after the intent the statement may run or not; it may even go on in the server
//! after its client was killed (`create index concurrently` does). [`settle`](Runner::settle)
//! ends that backend first and asks the catalog afterwards, never the other way round.

use std::time::Duration;

use cofferdam_analysis::plan::{self, Judge, Outside, lock};
use cofferdam_analysis::sql::{Dialect, ObjectName, Script, Statement};
use cofferdam_analysis::{Error, ErrorKind, Result};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::super::{Job, statement_failed};
use super::Runner;
use super::locks::{Attempts, WAY_OUT, quote};
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
            if matches!(outside.judge, Judge::Detached { .. }) {
                // Finalizing the detach was the statement.
                return self.outside_done(job, Some("finalized")).await;
            }
        }
        let intent = Intent { existed: before == Seen::Done, sql: job.script.sql(statement).to_owned() };
        self.save(job, StepState::Intent, Some(&intent.to_text()?)).await?;
        crash::hit(CrashPoint::IntentCommitted);
        let result = self.permitted(job, statement).await;
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

    /// Runs the statement with the permit in the session, as far as one is needed.
    async fn permitted(&mut self, job: &Job<'_>, statement: &Statement) -> Result<()> {
        let Some(permit) = &self.permit else { return self.run_outside(job, statement).await };
        permit.carry_outside(&self.session).await?;
        self.as_owner(&self.session).await?;
        let result = self.run_outside(job, statement).await;
        if let Some(permit) = &self.permit
            && !self.session.is_closed()
        {
            permit.put_down(&self.session).await?;
        }
        result
    }

    /// Runs the statement alone. One that stops the application (`vacuum full`) queues for
    /// milliseconds at a time; the others wait behind nobody's back and may wait long.
    async fn run_outside(&mut self, job: &Job<'_>, statement: &Statement) -> Result<()> {
        let limits = self.options.locks;
        let budget = limits.budget.max(limits.wait.unwrap_or_default());
        if !lock::locks(statement).is_strong() {
            return self.run_once(job, statement, budget).await;
        }
        let mut attempts = Attempts::new(limits);
        loop {
            let error = match self.run_once(job, statement, attempts.queue()).await {
                Err(error) if error.kind() == ErrorKind::Blocked => error,
                ended => return ended,
            };
            self.check_stop()?;
            attempts.slow_down();
            if !attempts.pause().await {
                return Err(error.detail(format!("tried for {} s", limits.budget.as_secs())));
            }
        }
    }

    /// One attempt; says who makes it wait.
    async fn run_once(&mut self, job: &Job<'_>, statement: &Statement, wait: Duration) -> Result<()> {
        let sql = job.script.sql(statement);
        set_session(&self.session, wait).await?;
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
            return Err(Error::blocked(format!("{} waited {} s{who}", statement.verb, wait.as_secs_f32()))
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
    /// `Interrupted` when the catalog cannot tell: a person has to. `Refused` when the
    /// statement took place and the file now says another one.
    pub async fn settle(&mut self, job: &Job<'_>, left: &Step) -> Result<()> {
        if let Some(backend) = left.backend {
            self.end_backend(backend).await?;
        }
        let intent = Intent::of(left)?;
        let former = Script::parse(Dialect::Postgres, "", &intent.sql);
        let judge =
            former.statements.first().and_then(|s| plan::outside_of_transaction(s, Dialect::Postgres));
        let judge = judge.map_or(Judge::Unknown, |outside| outside.judge);
        let edited = left.hash != job.step.hash;
        match seen(&self.session, &judge).await? {
            Seen::Done if intent.existed => self.step(job).await,
            Seen::Done if edited => {
                let refused = Error::refused(format!(
                    "step {} took place as it was before the file was edited",
                    left.id
                ))
                .detail(format!("the statement: {}", intent.sql))
                .hint("put that statement back, and write the change as a new migration");
                Err(match job.statements().next() {
                    Some(now) => refused.at(job.script.place(now.span), Some(job.script.text.clone())),
                    None => refused,
                })
            }
            Seen::Done => self.outside_done(job, Some("settled")).await,
            Seen::Half if edited => {
                self.clear(&judge).await?;
                self.step(job).await
            }
            Seen::NotDone | Seen::Half => self.step(job).await,
            // Whoever edited the statement has looked.
            Seen::Unknown if edited => self.step(job).await,
            Seen::Unknown => Err(Error::interrupted(format!(
                "step {} was cut off, and nothing shows whether it took place",
                left.id
            ))
            .detail(format!("the statement: {}", intent.sql))
            .hint(
                "look whether it did: if so, take the statement out of the file; if not, write it in \
                 another way (the case of a word is enough); then run migrate again",
            )),
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
            Judge::Reindexed(name) => {
                for row in reindex_leftovers(&self.session, name.as_ref()).await? {
                    let sql = format!("drop index concurrently if exists {}", row.get::<_, String>(0));
                    self.session.batch_execute(&sql).await.map_err(|e| self.session.error(e))?;
                }
            }
            Judge::IndexGone(_) | Judge::Repeatable | Judge::Unknown => {}
        }
        set_session(&self.session, Duration::ZERO).await
    }
}

/// What an intent's row says of its statement.
#[derive(serde::Serialize, serde::Deserialize)]
struct Intent {
    /// What it makes stood there before, so that its presence proves nothing.
    existed: bool,
    /// The statement: the file may be edited before it is settled.
    sql: String,
}

impl Intent {
    fn to_text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::bug(format!("an intent that is no JSON: {e}")))
    }

    fn of(step: &Step) -> Result<Intent> {
        let text = step.outcome.as_deref().unwrap_or_default();
        serde_json::from_str(text)
            .map_err(|_| ledger::damaged(format!("an intent of step {} without its statement", step.id)))
    }
}

/// Outside of a transaction nothing is local: the limits hold until the next file begins.
async fn set_session(client: &Client, lock_timeout: Duration) -> Result<()> {
    let millis = lock_timeout.as_millis().to_string();
    let sql = "select set_config('lock_timeout', $1, false), set_config('statement_timeout', '0', false)";
    client.query(sql, &[&millis]).await.db()?;
    Ok(())
}

/// What an interrupted rebuild of that index, table or schema left.
async fn reindex_leftovers(client: &Client, name: Option<&ObjectName>) -> Result<Vec<tokio_postgres::Row>> {
    let name = name.map(quote).transpose()?;
    client.query(include_str!("sql/reindex_leftovers.sql"), &[&name]).await.db()
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
        Judge::Reindexed(name) => {
            let left = reindex_leftovers(client, name.as_ref()).await?;
            Ok(if left.is_empty() { Seen::NotDone } else { Seen::Half })
        }
        Judge::Repeatable => Ok(Seen::NotDone),
        Judge::Unknown => Ok(Seen::Unknown),
    }
}
