//! `guard remove`.

use cofferdam_analysis::Result;

use super::{GuardReport, Level, Options, Standing, plan};
use crate::db::{self, PostgresTarget, Session};
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
        let sql = would_run(&session, &standing).await?;
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

/// What `--dry-run` shows: what also runs by hand, where nothing lets a trigger be dropped before
/// the event triggers are gone.
async fn would_run(session: &Session, standing: &Standing) -> Result<Vec<String>> {
    let script = plan::shown(postgres::GUARD_DROP);
    let (first, last): (Vec<&str>, Vec<&str>) =
        script.lines().partition(|line| line.starts_with("drop event trigger"));
    let mut sql = match standing.level {
        Level::EventTrigger => {
            let mut sql = vec![first.join("\n")];
            sql.extend(postgres::trigger_drops(session).await?);
            sql.push(
                "-- cofferdam drops the triggers of tables first, a few at a time, with a permit; by hand they go \
                 once the event triggers are gone"
                    .to_owned(),
            );
            sql
        }
        Level::Privileges => postgres::giving_back(session).await?,
    };
    sql.push(last.join("\n"));
    sql.push("-- not shown: the lease is taken and given back, and the audit gets an entry".to_owned());
    Ok(sql)
}

async fn under_lease(runner: &mut Runner<'_>, project: &Project) -> Result<()> {
    // Somebody may have marked it until the lease was ours.
    project.protection.on_postgres(runner.session(), true).await?.demand(ACT, &[])?;
    match guard::standing(runner.session()).await? {
        Some(standing) => postgres::take_down(runner, &standing, "guard-remove").await,
        None => Ok(()),
    }
}
