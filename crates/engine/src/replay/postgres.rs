//! Replay on Postgres.

use cofferdam_analysis::catalog::Catalog;
use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_analysis::{Error, ErrorKind, Result, plan};

use super::outcome::{failed, is_subscription, made_roles};
use super::place::{Place, Scratch};
use super::reach;
use super::{Built, Source};
use crate::Stop;
use crate::catalog;
use crate::db::SqlFailure;
use crate::runner::postgres::fresh;

/// What the scratch database should be like.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The target's major version.
    pub major: u32,
    /// The target's roles, which files may name. On a server of our own they are made, by
    /// name alone; on another one nothing is made, and a file that needs a missing one fails.
    pub roles: &'a [String],
    /// Raised to stop.
    pub stop: &'a Stop,
}

/// Runs the files in order in an empty database and reads what they made.
///
/// # Errors
/// `Invalid` when there is no place for a scratch database, when a role or an extension is
/// missing there, or a file reaches outside of its database; `Conflict` with the place
/// for a failing statement; `Refused` for a file that `migrate` would not plan either;
/// `Interrupted`.
pub async fn postgres(sources: &[Source], place: &Place, wanted: &Wanted<'_>) -> Result<Built> {
    let plans = plans(sources)?;
    let shared = matches!(place, Place::Server { .. });
    sources.iter().try_for_each(|source| reach::refuse(&source.script, shared))?;
    let made: Vec<&str> = sources.iter().flat_map(|source| made_roles(&source.script)).collect();
    let roles: Vec<String> =
        wanted.roles.iter().filter(|role| !made.contains(&role.as_str())).cloned().collect();
    let mut scratch = Scratch::open(place, wanted.major, &roles).await?;
    let result = build(&mut scratch, sources, &plans, wanted.stop).await;
    let other_major = scratch.session.major() != wanted.major;
    let mut notes = std::mem::take(&mut scratch.notes);
    let left = scratch.close().await;
    match result {
        Ok(catalog) => {
            notes.extend(left);
            Ok(Built { catalog, notes })
        }
        Err(error) => {
            let error = match other_major {
                true if error.kind() == ErrorKind::Conflict => error.hint(format!(
                    "install the server package of Postgres {major}, or name such a server: --scratch-url URL",
                    major = wanted.major
                )),
                _ => error,
            };
            Err(notes.into_iter().chain(left).fold(error, Error::detail))
        }
    }
}

/// Every file's plan, before a server is started for one that has none.
pub(super) fn plans(sources: &[Source]) -> Result<Vec<plan::FilePlan>> {
    sources.iter().map(|source| plan::file(&source.script, &source.version, source.no_transaction)).collect()
}

async fn build(
    scratch: &mut Scratch,
    sources: &[Source],
    plans: &[plan::FilePlan],
    stop: &Stop,
) -> Result<Catalog> {
    for (source, plan) in sources.iter().zip(plans) {
        debug_assert_eq!(source.script.dialect, Dialect::Postgres);
        fresh(&scratch.session).await?;
        for step in &plan.steps {
            stop.check()?;
            run_step(scratch, &source.script, step, stop).await?;
        }
    }
    fresh(&scratch.session).await?;
    catalog::postgres::read(&scratch.session).await
}

async fn run_step(scratch: &mut Scratch, script: &Script, step: &plan::Step, stop: &Stop) -> Result<()> {
    if step.transaction() {
        command(scratch, "begin isolation level read committed read write").await?;
    }
    for index in &step.statements {
        stop.check()?;
        let statement = &script.statements[*index];
        let sql = script.sql(statement);
        if is_subscription(statement) {
            let place = script.place(statement.span);
            scratch.notes.push(format!(
                "{} at {}:{} was left out of the scratch database: it would connect to a publisher",
                statement.verb.to_uppercase(),
                place.file,
                place.line
            ));
            continue;
        }
        if let Err(error) = scratch.session.simple_query(sql).await {
            return Err(match SqlFailure::from_postgres(&error, sql) {
                Some(failure) if !error.is_closed() => {
                    failed(&scratch.server, script, statement, failure, &scratch.missing)
                }
                _ => scratch.session.error(error),
            });
        }
    }
    if step.transaction() {
        // As the runner does before it writes the ledger: a role holds for one step.
        command(scratch, "reset session authorization; reset role").await?;
        scratch.session.batch_execute("commit").await.map_err(|error| {
            // A deferred constraint speaks at the commit.
            match SqlFailure::from_postgres(&error, "") {
                Some(failure) => failure
                    .into_error()
                    .while_(format!("in the scratch database: the commit of {} failed", script.file)),
                None => scratch.session.error(error),
            }
        })?;
    }
    Ok(())
}

async fn command(scratch: &Scratch, sql: &str) -> Result<()> {
    scratch.session.batch_execute(sql).await.map_err(|error| scratch.session.error(error))
}
