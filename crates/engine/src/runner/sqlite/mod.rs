//! The runner on SQLite: one file, one writer.
//!
//! Every step runs in `begin immediate`, which keeps all other writers out, and reads
//! its fence there. A table rebuild follows SQLite's own procedure (lang_altertable,
//! section 7): foreign keys off before the transaction, checked before the commit; the
//! rows of every table that the file does not write must be as many as before.
//!
//! Crash: SQLite's journal rolls an open step back when the file is opened next. A
//! rollback point that was being copied is left under a temporary name and made anew.

mod proof;
mod restore;
mod settings;
mod state;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cofferdam_analysis::sql::{Action, ObjectKind, Script, Statement, table::TableChange};
use cofferdam_analysis::{Error, ErrorKind, NobodysRows, Result, plan};
use rusqlite::Connection;

use super::{Job, Record, statement_failed};
use crate::crash::{self, CrashPoint};
use crate::db::{self, DbResult, SqlFailure, SqliteTarget};
use crate::ledger::sqlite::{self as rows, Taken};
use crate::ledger::{Protected, Run, RunState, StepState};
use crate::{Event, Project, Stop, Watch};

pub(crate) use restore::NotRestored;
pub(crate) use settings::Settings;
pub(crate) use state::Outcome;
pub use state::{TableState, table_states};

/// How a command runs steps.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// How long to wait for the write lock, and for readers at the commit.
    pub budget: Duration,
    /// How long to wait while another runner is at work.
    pub lease_wait: Duration,
    /// Raised to stop after the current step.
    pub stop: Stop,
}

/// What a file needs beside its statements.
#[derive(Debug, Clone)]
pub struct FileNeeds {
    /// Foreign keys are enforced while it runs.
    pub foreign_keys: bool,
    /// It rebuilds or drops a table: row counts and foreign keys are proved.
    pub rebuilds: bool,
    /// It may leave rows out: somebody allowed that, with a reason.
    pub may_lose: bool,
    /// The tables, by schema and name, whose old rows may go: their drop was allowed.
    pub may_drop: HashSet<(String, String)>,
    /// Where to copy the database first.
    pub copy_to: Option<PathBuf>,
    /// The copy that the file's first step made: what the tables hold after this step is
    /// what a rollback may replace.
    pub copied: Option<PathBuf>,
}

/// A runner that holds the lease.
pub struct Runner<'w> {
    db: Connection,
    target: SqliteTarget,
    fence: i64,
    options: RunnerOptions,
    actor: String,
    made: proof::Made,
    /// The file's data version when the copy was made; another connection's commit changes it.
    copied_at: Option<i64>,
    settings: Settings,
    watch: &'w mut dyn Watch,
}

/// The way out for whoever finds the database open elsewhere.
const OPEN: &str = "end that process (lsof shows who has the file open), then run this again";

impl<'w> Runner<'w> {
    /// Waits for the lease on `db`, whose database has a ledger.
    ///
    /// # Errors
    /// `Blocked`, naming the holder, when `lease_wait` is over.
    pub fn start(
        db: Connection,
        target: &SqliteTarget,
        project: &Project,
        options: RunnerOptions,
        watch: &'w mut dyn Watch,
    ) -> Result<Runner<'w>> {
        let owner = format!("{}, process {}", project.actor, std::process::id());
        let fence = wait_for_lease(&db, &owner, &options, watch)?;
        crash::hit(CrashPoint::LeaseTaken);
        let settings = Settings::of(&db)?;
        let (target, actor) = (target.clone(), project.actor.clone());
        Ok(Runner {
            db,
            target,
            fence,
            options,
            actor,
            made: proof::Made::default(),
            copied_at: None,
            settings,
            watch,
        })
    }

    /// The connection that steps run on.
    pub fn db(&self) -> &Connection {
        &self.db
    }

    /// A number that another connection's commit changes.
    ///
    /// # Errors
    /// Those of the file.
    pub fn data_version(&self) -> Result<i64> {
        proof::data_version(&self.db)
    }

    /// Who is told what happens.
    pub fn watch(&mut self) -> &mut dyn Watch {
        self.watch
    }

    /// # Errors
    /// `Interrupted` when a stop was asked for.
    pub fn check_stop(&self) -> Result<()> {
        self.options.stop.check()
    }

    /// Leaves the mark of a protected database that has none yet, in a transaction of its own.
    ///
    /// # Errors
    /// As [`Runner::fenced`].
    pub fn protect(&mut self, protected: &Protected) -> Result<()> {
        if !protected.is_to_be_marked() {
            return Ok(());
        }
        self.fenced(|db| protected.mark_on_sqlite(db, &self.actor))?;
        self.watch.event(super::marked(protected));
        Ok(())
    }

    /// Runs `work` in a transaction that holds the fence.
    pub fn fenced<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.begin()?;
        let result =
            rows::renew_lease(&self.db, self.fence, "between two steps").and_then(|()| work(&self.db));
        match result {
            Ok(value) => self.commit().map(|()| value),
            Err(error) => {
                self.rollback();
                Err(error)
            }
        }
    }

    /// What the run will lose as nobody's, and what `open`, the same run cut off, knew of it.
    pub fn expect<'c>(
        &mut self,
        claims: impl Iterator<Item = &'c NobodysRows>,
        open: Option<&Run>,
    ) -> Result<()> {
        claims.for_each(|claim| self.made.will_be_claimed(claim));
        let last = open.iter().flat_map(|run| run.steps.iter().rev()).find_map(|step| step.outcome.as_ref());
        let left = last.and_then(|text| serde_json::from_str::<state::Left>(text).ok()).unwrap_or_default();
        self.made.recall(&self.db, left.made)
    }

    /// Makes the connection what it was when it was opened, with foreign keys as the file needs them.
    pub fn fresh(&self, foreign_keys: bool) -> Result<()> {
        self.settings.restore(&self.db, foreign_keys)
    }

    /// Makes the connection what the done steps of a file left: their pragmas hold for what
    /// comes after them.
    ///
    /// # Errors
    /// `Conflict` when one fails that did not fail before.
    pub fn replay_settings(&self, script: &Script, done: &[plan::Step]) -> Result<()> {
        for index in done.iter().flat_map(|step| &step.statements) {
            let statement = &script.statements[*index];
            if statement.actions().all(|action| matches!(action, Action::Pragma { value: Some(_), .. })) {
                self.execute(script, statement)?;
            }
        }
        Ok(())
    }

    /// Runs one step.
    ///
    /// # Errors
    /// `Conflict` with the place for a failing statement or a failed proof, `Blocked` when
    /// another process keeps the file locked, `Refused` for a loss that is somebody's.
    pub fn step(&mut self, job: &Job<'_>, needs: &FileNeeds) -> Result<()> {
        self.check_stop()?;
        if job.step.outside.is_some() {
            return self.outside(job, needs);
        }
        self.begin()?;
        match self.attempt(job, needs).and_then(|()| self.commit()) {
            Ok(()) => {}
            Err(error) => {
                self.rollback();
                self.made.forget_uncommitted();
                return Err(error);
            }
        }
        crash::hit(CrashPoint::StepCommitted);
        self.made.committed();
        if needs.rebuilds { self.check_integrity() } else { Ok(()) }
    }

    fn attempt(&mut self, job: &Job<'_>, needs: &FileNeeds) -> Result<()> {
        rows::renew_lease(&self.db, self.fence, &format!("at step {}", job.step.id))?;
        crash::hit(CrashPoint::StepBegun);
        if let Some(path) = &needs.copy_to {
            self.copy(path)?;
            self.copied_at = Some(proof::data_version(&self.db)?);
        }
        let before = if needs.rebuilds { state::row_counts(&self.db)? } else { Vec::new() };
        for (index, statement) in job.step.statements.iter().zip(job.statements()) {
            if let Some(claim) = job.proofs.get(index) {
                proof::prove(&self.db, &self.made, job, statement, claim)?;
            }
            self.execute(job.script, statement)?;
            self.made.saw(&self.db, statement)?;
            crash::hit(CrashPoint::StatementDone);
        }
        if needs.rebuilds {
            state::check_counts(&self.db, &before, job, needs)?;
        }
        if needs.rebuilds || !needs.foreign_keys {
            state::check_foreign_keys(&self.db)?;
        }
        let made = self.made.witnesses(&self.db)?;
        let outcome = state::outcome(&self.db, self.copy_to_tell_of(needs)?, made)?;
        self.record(job, outcome.as_deref())?;
        crash::hit(CrashPoint::StepRecorded);
        Ok(())
    }

    fn execute(&self, script: &Script, statement: &Statement) -> Result<()> {
        execute(&self.db, script, statement)
    }

    /// The copy whose tables this step's row tells of: the step that made it tells what it
    /// left, and the file's last one again, unless somebody else wrote between the two:
    /// their rows must not pass for the migration's.
    fn copy_to_tell_of<'n>(&self, needs: &'n FileNeeds) -> Result<Option<&'n Path>> {
        if needs.copy_to.is_some() {
            return Ok(needs.copy_to.as_deref());
        }
        let undisturbed = self.copied_at == Some(proof::data_version(&self.db)?);
        Ok(needs.copied.as_deref().filter(|_| undisturbed))
    }

    fn outside(&mut self, job: &Job<'_>, needs: &FileNeeds) -> Result<()> {
        if let Some(path) = &needs.copy_to {
            self.fenced(|_| self.copy(path))?;
            self.copied_at = Some(proof::data_version(&self.db)?);
        }
        for statement in job.statements() {
            self.execute(job.script, statement)?;
        }
        crash::hit(CrashPoint::OutsideDone);
        self.fenced(|db| {
            let outcome = state::outcome(db, self.copy_to_tell_of(needs)?, Vec::new())?;
            self.record(job, outcome.as_deref())
        })?;
        crash::hit(CrashPoint::OutsideRecorded);
        Ok(())
    }

    fn record(&self, job: &Job<'_>, outcome: Option<&str>) -> Result<()> {
        let step = job.step;
        rows::save_step(&self.db, job.run, &step.id, &step.hash, StepState::Done, outcome)?;
        self.record_end(job.run, &job.record)
    }

    /// Records a file whose steps are all done already: what failed was taken out of it.
    ///
    /// # Errors
    /// As [`Runner::fenced`].
    pub fn record_done(&self, run: i64, record: &Record<'_>) -> Result<()> {
        self.fenced(|_| self.record_end(run, record))
    }

    fn record_end(&self, run: i64, record: &Record<'_>) -> Result<()> {
        match record {
            Record::Nothing => Ok(()),
            Record::Applied { migration, begun, detail, again, in_step } => {
                let mut detail = detail.clone();
                detail["run"] = run.into();
                if let Some(writes) = in_step {
                    writes.to_sqlite(&self.db, begun.elapsed())?;
                }
                if *again {
                    let before = (migration.source, migration.version);
                    rows::remove(&self.db, &self.actor, "repeat", before, detail.clone())?;
                }
                let one = [super::took(migration, *begun)];
                rows::record(&self.db, &self.actor, "migrate", &one, detail).map(|_| ())
            }
            Record::Removed { source, version, detail, in_step } => {
                if let Some(writes) = in_step {
                    writes.to_sqlite(&self.db, Duration::ZERO)?;
                }
                rows::remove(&self.db, &self.actor, "rollback", (*source, *version), detail.clone())
            }
        }
    }

    /// Copies the state before this step. Our open transaction keeps writers out and has
    /// not been committed, so another connection reads exactly that state.
    fn copy(&self, path: &Path) -> Result<()> {
        if path.exists() {
            // A former attempt at this very step left it: it may be older than the last write.
            std::fs::remove_file(path).map_err(|e| {
                Error::invalid(format!("cannot replace the rollback point {}: {e}", path.display()))
            })?;
        }
        let reader = db::open_sqlite(&self.target, db::SqliteOptions::new(db::SqliteMode::ReadOnly))?;
        let copy = db::copy_sqlite(&reader, path)?;
        crash::hit(CrashPoint::CopyNamed);
        tracing::info!(path = %copy.path.display(), bytes = copy.bytes, "rollback point written");
        Ok(())
    }

    fn check_integrity(&self) -> Result<()> {
        let said: String = self.db.query_row("pragma quick_check(1)", [], |row| row.get(0)).db()?;
        if said == "ok" {
            return Ok(());
        }
        Err(Error::corrupt(format!("after the step the database is damaged: {said}"))
            .hint("cofferdam rollback puts the copy back that was made before the step"))
    }

    fn begin(&self) -> Result<()> {
        retry(&self.options, "the write lock", || self.db.execute_batch("begin immediate"))
            .map_err(|e| e.hint(OPEN))
    }

    fn commit(&self) -> Result<()> {
        retry(&self.options, "an open reader to end", || self.db.execute_batch("commit"))
            .map_err(|e| e.hint(OPEN))
    }

    fn rollback(&self) {
        if !self.db.is_autocommit() {
            // Fails only when SQLite has rolled back already.
            let _ = self.db.execute_batch("rollback");
        }
    }

    /// Closes the run.
    pub fn close_run(&self, run: i64, state: RunState, error: Option<&str>) -> Result<()> {
        self.fenced(|db| rows::end_run(db, run, state, error))?;
        crash::hit(CrashPoint::RunClosed);
        Ok(())
    }

    /// Gives the lease back.
    pub fn release(self) -> Result<()> {
        self.begin()?;
        rows::release_lease(&self.db, self.fence)?;
        self.commit()
    }
}

/// Runs a statement to its end. `pragma foreign_key_check` reports by rows, not by failing.
pub(crate) fn execute(db: &Connection, script: &Script, statement: &Statement) -> Result<()> {
    let sql = script.sql(statement);
    let fail = |error: rusqlite::Error| match SqlFailure::from_sqlite(&error) {
        Some(failure) => statement_failed(script, statement, failure),
        None => crate::db::sqlite_error(error),
    };
    tracing::debug!(sql, "statement");
    let mut prepared = db.prepare(sql).map_err(fail)?;
    let checks = statement
        .actions()
        .any(|a| matches!(a, Action::Pragma { name, .. } if name == "foreign_key_check" || name == "integrity_check"));
    let mut result = prepared.raw_query();
    let mut reported = Vec::new();
    while let Some(row) = result.next().map_err(fail)? {
        let line = row.get::<_, Option<String>>(0).ok().flatten().unwrap_or_default();
        // A line for each broken row: its table is worth saying once.
        if checks && line != "ok" && reported.len() < 5 && !reported.contains(&line) {
            reported.push(line);
        }
    }
    if reported.is_empty() {
        return Ok(());
    }
    Err(Error::conflict(format!("the file's own check found broken rows in {}", reported.join(", ")))
        .at(script.place(statement.span), Some(script.text.clone()))
        .hint("run the same pragma on a copy to see all of them"))
}

/// What the file needs, from its plan and its statements.
pub fn needs(script: &Script, file: &plan::FilePlan) -> FileNeeds {
    let rebuilds = script.statements.iter().flat_map(Statement::actions).any(|action| {
        matches!(
            action,
            Action::Drop { kind: ObjectKind::Table, .. }
                | Action::AlterTable { change: TableChange::RenameTo(_), .. }
        )
    });
    FileNeeds {
        // A rebuild with enforcement on would delete the children of the rows it drops.
        foreign_keys: !rebuilds && file.foreign_keys.unwrap_or(true),
        rebuilds,
        may_lose: false,
        may_drop: HashSet::new(),
        copy_to: None,
        copied: None,
    }
}

/// Repeats while another process is in the way, until the budget is spent.
fn retry(options: &RunnerOptions, for_what: &str, run: impl Fn() -> rusqlite::Result<()>) -> Result<()> {
    let until = Instant::now() + options.budget;
    loop {
        let error = match run() {
            Ok(()) => return Ok(()),
            Err(error) => crate::db::sqlite_error(error),
        };
        if error.kind() != ErrorKind::Blocked {
            return Err(error);
        }
        if Instant::now() >= until {
            let seconds = options.budget.as_secs();
            return Err(Error::blocked(format!(
                "waited {seconds} s for {for_what}: another process has the database open"
            )));
        }
        pause(Duration::from_millis(20));
    }
}

/// Between two polls of a lock that SQLite cannot wait for without keeping ours.
#[expect(clippy::disallowed_methods, reason = "this is the polling itself; nothing else runs on this thread")]
fn pause(about: Duration) {
    std::thread::sleep(db::spread(about));
}

fn wait_for_lease(
    db: &Connection,
    owner: &str,
    options: &RunnerOptions,
    watch: &mut dyn Watch,
) -> Result<i64> {
    let until = Instant::now() + options.lease_wait;
    let mut said = None;
    loop {
        let holder = match rows::immediate(db, || rows::take_lease(db, owner)) {
            Ok(Taken::Ours(fence)) => return Ok(fence),
            Ok(Taken::Held(owner, progress)) => match progress {
                Some(progress) => format!("{owner}, {progress}"),
                None => owner,
            },
            Err(error) if error.kind() == ErrorKind::Blocked => {
                "a process that keeps the database locked".to_owned()
            }
            Err(error) => return Err(error),
        };
        if said.as_ref() != Some(&holder) {
            said = Some(holder.clone());
            watch.event(Event::Waiting { for_what: "the lease".to_owned(), blocker: Some(holder.clone()) });
        }
        options.stop.check()?;
        if Instant::now() >= until {
            return Err(Error::blocked(format!("another runner is at work: {holder}"))
                .hint("wait for it (--lease-wait 30m), or run this again later"));
        }
        pause(rows::ASK_EVERY);
    }
}
