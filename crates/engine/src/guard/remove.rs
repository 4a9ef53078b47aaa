//! `guard remove`.

use cofferdam_analysis::Result;

use super::{GuardReport, Options, plan};
use crate::db::{self, PostgresTarget};
use crate::ledger::{self, guard};
use crate::runner::postgres::{self, Runner, RunnerOptions};
use crate::{Project, Watch};

/// Reads after "cannot", before the database.
const ACT: &str = "remove the guard of";

pub(super) async fn run(
    project: &Project,
    target: &PostgresTarget,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<GuardReport> {
    let session = db::connect(target, &project.connect).await?;
    let Some(standing) = guard::standing(&session).await? else { return Ok(GuardReport::none()) };
    let has_ledger = ledger::postgres::exists(&session).await?;
    if !options.dry_run {
        project.protection.on_postgres(&session, has_ledger).await?.demand(ACT, &[])?;
    }
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
    let taken_down = under_lease(&mut runner, project).await;
    if !runner.session().is_closed() {
        let released = runner.release().await;
        taken_down?;
        released?;
    } else {
        taken_down?;
    }
    Ok(GuardReport::none())
}

async fn under_lease(runner: &mut Runner<'_>, project: &Project) -> Result<()> {
    // Somebody may have marked it until the lease was ours.
    project.protection.on_postgres(runner.session(), true).await?.demand(ACT, &[])?;
    match guard::standing(runner.session()).await? {
        Some(standing) => postgres::take_down(runner, &standing, "guard-remove").await,
        None => Ok(()),
    }
}
