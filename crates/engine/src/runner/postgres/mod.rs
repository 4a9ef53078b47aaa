//! The runner on Postgres: lease, heartbeat, steps.

mod guard;
mod locks;
mod outside;
mod owners;
mod proof;
mod pulse;

use std::time::Duration;

use cofferdam_analysis::plan::lock::{self, LockMode};
use cofferdam_analysis::sql::{Action, ObjectName, Script, Statement};
use cofferdam_analysis::{Error, Result, plan};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{Job, LockLimits, Record, statement_failed};
use crate::crash::{self, CrashPoint};
use crate::db::error::SqlFailure;
use crate::db::{self, DbResult, Poll, Session};
use crate::ledger::{self, Lease, Permit, Protected, RunState, StepState, Taken};
use crate::{Event, Project, Stop, Watch};
pub(crate) use guard::{GUARD_DROP, GUARD_TABLES, GUARD_TABLES_AT_ONCE, take_down, trigger_drops};
use locks::{Attempts, Blocked};
pub(crate) use locks::{locked_out, read_catalog};
pub(crate) use owners::{Owned, default_privileges, for_each, giving_back, owned};
use pulse::Pulse;

/// Weak locks (rows, `validate constraint`) make nobody queue for long; still we do not wait for ever.
const WEAK_LOCK: Duration = Duration::from_secs(1);

/// How a command runs steps.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// For locks that stop the application.
    pub locks: LockLimits,
    /// How long to wait while another runner is at work.
    pub lease_wait: Duration,
    /// Raised to stop after the current step.
    pub stop: Stop,
}

/// A runner that holds the lease.
pub struct Runner<'w> {
    session: Session,
    pulse: Pulse,
    lease: Lease,
    /// Where a guard stands.
    permit: Option<Permit>,
    options: RunnerOptions,
    actor: String,
    watch: &'w mut dyn Watch,
}

impl<'w> Runner<'w> {
    /// Waits for the lease on `session`, whose database has a ledger.
    ///
    /// # Errors
    /// `Blocked`, naming the holder, when `lease_wait` is over; `Invalid` behind a pooler.
    pub async fn start(
        session: Session,
        project: &Project,
        options: RunnerOptions,
        watch: &'w mut dyn Watch,
    ) -> Result<Runner<'w>> {
        if let Some(pooler) = session.pooler() {
            return Err(Error::invalid(format!("the URL leads to a connection pooler ({})", pooler.evidence))
                .hint("give the database's own address as direct_url in cofferdam.toml: migrations need one session"));
        }
        let owner = format!("{}, process {}", project.actor, std::process::id());
        let lease = wait_for_lease(&session, &owner, &options, watch).await?;
        crash::hit(CrashPoint::LeaseTaken);
        let pulse = Pulse::start(project, lease).await?;
        let permit = match Permit::issue(&session, lease).await {
            Ok(permit) => permit,
            Err(error) => {
                pulse.end().await;
                lease.release(&session).await?;
                return Err(error);
            }
        };
        Ok(Runner { session, pulse, lease, permit, options, actor: project.actor.clone(), watch })
    }

    /// The connection that steps run on.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Who is told what happens.
    pub fn watch(&mut self) -> &mut dyn Watch {
        self.watch
    }

    /// # Errors
    /// `Interrupted` when a stop was asked for or the lease was lost.
    pub fn check_stop(&self) -> Result<()> {
        self.options.stop.check()?;
        self.pulse.check()
    }

    /// Runs `work` in a transaction that holds the fence.
    ///
    /// # Errors
    /// `work`'s own; `Interrupted` when the lease was taken over.
    pub async fn fenced<T>(&self, work: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
        let client: &Client = &self.session;
        begin(client, &self.session, WEAK_LOCK).await?;
        let result = async {
            self.lease.check(client).await?;
            if let Some(permit) = &self.permit {
                permit.carry(client).await?;
            }
            work(client).await
        }
        .await;
        match result {
            Ok(value) => {
                client.batch_execute("commit").await.map_err(|e| self.session.error(e))?;
                Ok(value)
            }
            Err(error) => {
                // The connection may be gone; then the server has rolled back.
                let _ = client.batch_execute("rollback").await;
                Err(error)
            }
        }
    }

    /// Leaves the mark of a protected database that has none yet, in a transaction of its own.
    ///
    /// # Errors
    /// As [`Runner::fenced`].
    pub async fn protect(&mut self, protected: &Protected) -> Result<()> {
        if !protected.is_to_be_marked() {
            return Ok(());
        }
        self.fenced(async |client| protected.mark_on_postgres(client, &self.actor).await).await?;
        self.watch.event(super::marked(protected));
        Ok(())
    }

    /// Makes the session what it was when it was opened: each file starts there.
    pub async fn fresh(&self) -> Result<()> {
        fresh(&self.session).await
    }

    /// Makes the session what the done steps of a file left: their settings hold for what
    /// comes after them.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn replay_settings(&self, script: &Script, done: &[plan::Step]) -> Result<()> {
        for index in done.iter().flat_map(|step| &step.statements) {
            let statement = &script.statements[*index];
            if statement.actions().all(|action| matches!(action, Action::Set { local: false, .. })) {
                let sql = script.sql(statement);
                self.session.simple_query(sql).await.map_err(|e| self.session.error(e))?;
            }
        }
        Ok(())
    }

    /// Runs one step.
    ///
    /// # Errors
    /// `Conflict` with the place for a failing statement, `Blocked` naming who holds the
    /// lock, `Refused` for a loss that is somebody's, `Interrupted`, `Unreachable`.
    pub async fn step(&mut self, job: &Job<'_>) -> Result<()> {
        self.check_stop()?;
        self.pulse.say(format!("at step {}", job.step.id));
        let result = match &job.step.outside {
            None => self.transactional(job).await,
            Some(outside) => self.outside(job, outside).await,
        };
        self.pass_on_notices();
        result
    }

    /// What the server said beside its answers: `raise notice`, `skipping`, warnings.
    fn pass_on_notices(&mut self) {
        let heard = self.session.take_notices();
        for notice in heard.list {
            let text = format!("{}: {}", notice.severity.to_lowercase(), notice.message);
            self.watch.event(Event::Note { text });
        }
        if heard.dropped > 0 {
            self.watch
                .event(Event::Note { text: format!("and {} more notices before these", heard.dropped) });
        }
    }

    async fn transactional(&mut self, job: &Job<'_>) -> Result<()> {
        let mut needed = lock::Locks::default();
        job.statements().for_each(|statement| needed.merge(lock::locks(statement)));
        let mut attempts = Attempts::new(self.options.locks);
        loop {
            let result = self.attempt(job, &needed, &attempts).await;
            let blocked = match result {
                Ok(()) => return Ok(()),
                Err(Failed::Blocked(blocked)) => blocked,
                Err(Failed::For(error)) => {
                    let _ = self.session.batch_execute("rollback").await;
                    return Err(error);
                }
            };
            self.session.batch_execute("rollback").await.map_err(|e| self.session.error(e))?;
            let who = locks::holders(&self.session, &blocked).await?;
            if blocked.held_locks() {
                attempts.slow_down();
            }
            if attempts.worth_saying() {
                self.watch.event(Event::Waiting {
                    for_what: blocked.what(),
                    blocker: who.first().map(ToString::to_string),
                });
            }
            self.check_stop()?;
            if !attempts.pause().await {
                return Err(blocked.into_error(&who, self.options.locks.budget));
            }
        }
    }

    /// Runs `work` in a fenced transaction that holds `mode` on all of `tables`, for which it
    /// waits as a step does: nobody queues behind us for long.
    ///
    /// # Errors
    /// `Blocked` naming who holds a lock; `work`'s own.
    pub(crate) async fn locked(
        &mut self,
        tables: &[ObjectName],
        mode: LockMode,
        work: impl AsyncFn(&Client) -> Result<()>,
    ) -> Result<()> {
        let needed =
            lock::Locks { tables: tables.iter().map(|t| (t.clone(), mode)).collect(), ..Default::default() };
        let mut attempts = Attempts::new(self.options.locks);
        loop {
            self.check_stop()?;
            let result = self.attempt_locked(&needed, &attempts, &work).await;
            let blocked = match result {
                Ok(()) => return Ok(()),
                Err(Failed::Blocked(blocked)) => blocked,
                Err(Failed::For(error)) => {
                    let _ = self.session.batch_execute("rollback").await;
                    return Err(error);
                }
            };
            self.session.batch_execute("rollback").await.map_err(|e| self.session.error(e))?;
            let who = locks::holders(&self.session, &blocked).await?;
            if attempts.worth_saying() {
                let blocker = who.first().map(ToString::to_string);
                self.watch.event(Event::Waiting { for_what: blocked.what(), blocker });
            }
            if !attempts.pause().await {
                return Err(blocked.into_error(&who, self.options.locks.budget));
            }
        }
    }

    async fn attempt_locked(
        &self,
        needed: &lock::Locks,
        attempts: &Attempts,
        work: &impl AsyncFn(&Client) -> Result<()>,
    ) -> Result<(), Failed> {
        let client: &Client = &self.session;
        begin(client, &self.session, WEAK_LOCK).await?;
        self.lease.check(client).await?;
        if let Some(permit) = &self.permit {
            permit.carry(client).await?;
        }
        locks::take(client, needed, attempts).await?;
        work(client).await?;
        client.batch_execute("commit").await.map_err(|e| Failed::For(self.session.error(e)))
    }

    /// One attempt at a transactional step: everything, or an error with the transaction open.
    async fn attempt(&self, job: &Job<'_>, needed: &lock::Locks, attempts: &Attempts) -> Result<(), Failed> {
        let client: &Client = &self.session;
        begin(client, &self.session, WEAK_LOCK).await?;
        self.lease.check(client).await?;
        crash::hit(CrashPoint::StepBegun);
        self.as_owner(client).await?;
        locks::take(client, needed, attempts).await?;
        // Whoever waits behind a strong lock of this step waits for all its statements.
        let wait = if needed.is_strong() { attempts.queue() } else { WEAK_LOCK };
        let mut in_force = false;
        for (index, statement) in job.step.statements.iter().zip(job.statements()) {
            if let Some(claim) = job.proofs.get(index) {
                proof::prove(client, job, statement, claim).await?;
            }
            if !in_force {
                set_local(client, "lock_timeout", wait).await?;
                if let Some(permit) = &self.permit {
                    permit.carry(client).await?;
                }
            }
            let sql = job.script.sql(statement);
            tracing::debug!(step = job.step.id, sql, "statement");
            if let Err(error) = client.simple_query(sql).await {
                return Err(self.failure(job, statement, sql, error));
            }
            in_force = !may_set(statement);
            crash::hit(CrashPoint::StatementDone);
        }
        self.as_ourselves(client).await?;
        self.record(client, job, true, None).await?;
        crash::hit(CrashPoint::StepRecorded);
        client.batch_execute("commit").await.map_err(|error| {
            match SqlFailure::from_postgres(&error, "") {
                // A deferred constraint speaks at the commit.
                Some(failure) => failure.into_error().while_("the commit failed"),
                None => {
                    self.session.error(error).detail("whether the step was committed shows at the next run")
                }
            }
        })?;
        crash::hit(CrashPoint::StepCommitted);
        Ok(())
    }

    /// What a step makes belongs to the role that owns the tables, where they are guarded so.
    async fn as_owner(&self, client: &Client) -> Result<()> {
        match self.permit.as_ref().and_then(Permit::owner) {
            Some(owner) => client.batch_execute(&format!("set role {}", db::Ident::new(owner)?)).await.db(),
            None => Ok(()),
        }
    }

    /// The file may have changed role and path; the ledger is written by who we are.
    async fn as_ourselves(&self, client: &Client) -> Result<()> {
        let sql = "reset session authorization; reset role; set local search_path = pg_catalog";
        client.batch_execute(sql).await.db()
    }

    fn failure(
        &self,
        job: &Job<'_>,
        statement: &Statement,
        sql: &str,
        error: tokio_postgres::Error,
    ) -> Failed {
        let waited = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED];
        if error.code().is_some_and(|code| waited.contains(code)) {
            return Failed::Blocked(Blocked::at(job.script, statement, lock::locks(statement)));
        }
        Failed::For(match SqlFailure::from_postgres(&error, sql) {
            Some(failure) if !error.is_closed() => statement_failed(job.script, statement, failure),
            _ => self.session.error(error),
        })
    }

    /// Writes what the ledger says of a step that is done, in the open transaction.
    async fn record(
        &self,
        client: &Client,
        job: &Job<'_>,
        in_transaction: bool,
        outcome: Option<&str>,
    ) -> Result<()> {
        let step = job.step;
        ledger::postgres::save_step(
            client,
            job.run,
            &step.id,
            &step.hash,
            StepState::Done,
            in_transaction,
            outcome,
        )
        .await?;
        self.record_end(client, job.run, &job.record).await
    }

    /// Records a file whose steps are all done already: what failed was taken out of it.
    ///
    /// # Errors
    /// As [`Runner::fenced`].
    pub async fn record_done(&self, run: i64, record: &Record<'_>) -> Result<()> {
        self.fenced(async |client| self.record_end(client, run, record).await).await
    }

    async fn record_end(&self, client: &Client, run: i64, record: &Record<'_>) -> Result<()> {
        match record {
            Record::Nothing => Ok(()),
            Record::Applied { migration, begun, detail, again, in_step } => {
                let mut detail = detail.clone();
                detail["run"] = run.into();
                if let Some(writes) = in_step {
                    writes.to_postgres(client, begun.elapsed()).await?;
                }
                if *again {
                    let before = (migration.source, migration.version);
                    ledger::postgres::remove(client, &self.actor, "repeat", before, detail.clone()).await?;
                }
                let one = [super::took(migration, *begun)];
                ledger::postgres::record(client, &self.actor, "migrate", &one, detail).await.map(|_| ())
            }
            Record::Removed { source, version, detail, in_step } => {
                if let Some(writes) = in_step {
                    writes.to_postgres(client, Duration::ZERO).await?;
                }
                let gone = (*source, *version);
                ledger::postgres::remove(client, &self.actor, "rollback", gone, detail.clone()).await
            }
        }
    }

    /// Closes the run.
    pub async fn close_run(&self, run: i64, state: RunState, error: Option<&str>) -> Result<()> {
        self.fenced(async |client| ledger::postgres::end_run(client, run, state, error).await).await?;
        crash::hit(CrashPoint::RunClosed);
        Ok(())
    }

    /// Gives the lease back.
    pub async fn release(self) -> Result<()> {
        self.pulse.end().await;
        if self.permit.is_some() {
            Permit::revoke(&self.session, self.lease).await?;
        }
        self.lease.release(&self.session).await?;
        self.session.close().await;
        Ok(())
    }
}

/// Makes a session what it was when it was opened.
pub(crate) async fn fresh(session: &Session) -> Result<()> {
    session.batch_execute(include_str!("sql/fresh.sql")).await.map_err(|e| session.error(e))?;
    let sql = "select name from pg_prepared_statements where from_sql";
    for row in session.query(sql, &[]).await.db()? {
        let name = db::Ident::new(row.get::<_, String>(0))?;
        session.batch_execute(&format!("deallocate {name}")).await.db()?;
    }
    Ok(())
}

/// Whether a statement may have changed `lock_timeout`.
fn may_set(statement: &Statement) -> bool {
    statement.effects.is_empty()
        || statement.actions().any(|action| {
            matches!(
                action,
                Action::Set { .. }
                    | Action::Select(_)
                    | Action::Call { .. }
                    | Action::DynamicSql
                    | Action::Unread { .. }
            )
        })
}

/// Why an attempt at a step ended.
enum Failed {
    /// A lock was not to be had: try again.
    Blocked(Blocked),
    /// For good.
    For(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed::For(error)
    }
}

/// Opens a transaction under our limits; only they hold, not the session's.
async fn begin(client: &Client, session: &Session, lock_timeout: Duration) -> Result<()> {
    client
        .batch_execute("begin isolation level read committed read write")
        .await
        .map_err(|e| session.error(e))?;
    db::Guard::default().lock_timeout(lock_timeout).on(session).apply(client).await
}

async fn set_local(client: &Client, name: &str, value: Duration) -> Result<()> {
    let millis = value.as_millis().max(1).to_string();
    client.query("select set_config($1, $2, true)", &[&name, &millis]).await.db()?;
    Ok(())
}

async fn wait_for_lease(
    session: &Session,
    owner: &str,
    options: &RunnerOptions,
    watch: &mut dyn Watch,
) -> Result<Lease> {
    let mut poll = Poll::new(Duration::from_millis(300), options.lease_wait);
    let mut said = None;
    loop {
        let holder = match ledger::take_lease(session, owner).await? {
            Taken::Ours(lease) => return Ok(lease),
            Taken::Held(holder) => holder,
        };
        if said.as_ref() != Some(&holder.owner) {
            said = Some(holder.owner.clone());
            watch.event(Event::Waiting {
                for_what: "the lease".to_owned(),
                blocker: Some(holder.to_string()),
            });
        }
        options.stop.check()?;
        if !poll.pause().await {
            return Err(Error::blocked(format!("another runner is at work: {holder}"))
                .hint("wait for it (--lease-wait 30m), or run this again later"));
        }
    }
}
