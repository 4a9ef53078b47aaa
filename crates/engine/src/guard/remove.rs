//! `guard remove`.

use cofferdam_analysis::{Error, Result};

use super::{GuardReport, Options, plan};
use crate::db::{self, PostgresTarget};
use crate::ledger::{self, guard};
use crate::runner::postgres::{self, Runner, RunnerOptions};
use crate::{Project, Watch};

pub(super) async fn run(
    project: &Project,
    target: &PostgresTarget,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<GuardReport> {
    let session = db::connect(target, &project.connect).await?;
    let Some(standing) = guard::standing(&session).await? else { return Ok(GuardReport::none()) };
    confirmed(options, session.database())?;
    if options.dry_run {
        let sql = vec![plan::shown(postgres::GUARD_DROP)];
        let level = standing.level.to_string();
        return Ok(GuardReport { installed: true, level, sql, dry_run: true, ..GuardReport::none() });
    }
    // A copy may have been restored with the guard and without the ledger.
    ledger::postgres::create(&session, &project.actor).await?;
    let runner_options =
        RunnerOptions { locks: options.locks, lease_wait: options.lease_wait, stop: options.stop.clone() };
    let mut runner = Runner::start(session, project, runner_options, watch).await?;
    let taken_down = match guard::standing(runner.session()).await {
        Ok(Some(standing)) => postgres::take_down(&mut runner, &standing, "guard-remove").await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if !runner.session().is_closed() {
        let released = runner.release().await;
        taken_down?;
        released?;
    } else {
        taken_down?;
    }
    Ok(GuardReport::none())
}

fn confirmed(options: &Options, database: &str) -> Result<()> {
    match &options.confirm {
        Some(name) if name == database => Ok(()),
        Some(name) => Err(Error::refused(format!(
            "cannot remove the guard: the database is called {database}, and --confirm names {name}"
        ))
        .hint("look whether the URL leads to the database that you mean")),
        None if options.protected && !options.dry_run => {
            Err(Error::refused(format!("cannot remove the guard: the database {database} is protected"))
                .hint(format!("if it is the one you mean: --confirm {database}")))
        }
        None => Ok(()),
    }
}
