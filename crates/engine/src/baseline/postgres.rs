//! Baseline on Postgres.

use std::collections::BTreeSet;

use cofferdam_analysis::catalog::{Catalog, Object, fingerprint};
use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Result};
use tokio_postgres::Client;

use super::dump::{Program, Wanted as Dump};
use super::exclude::Excluded;
use super::file::Unnamed;
use super::plan::{Standing, Way, way};
use super::run::{Candidate, Counted, Findings, changed};
use super::tidy::{Facts, Tidied, tidy};
use super::{BaselineReport, Options, proof};
use crate::catalog;
use crate::crash::{self, CrashPoint};
use crate::db::{self, DbResult, Ident, PostgresTarget, Session};
use crate::foreign;
use crate::ledger::{self, History};
use crate::replay::{self, Place, Wanted};
use crate::runner::LockLimits;
use crate::runner::postgres::{Runner, RunnerOptions};
use crate::{Project, Watch};

pub(super) async fn run(
    project: &Project,
    target: &PostgresTarget,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<BaselineReport> {
    let session = db::connect(target, &project.connect).await?;
    let has_ledger = ledger::postgres::exists(&session).await?;
    let history = if has_ledger { ledger::postgres::history(&session).await? } else { History::default() };
    let protected = project.protection.on_postgres(&session, has_ledger).await?;
    let around = foreign::postgres(&session).await?;
    let project = &project.as_history_has_it(&history, &around)?;
    let live = catalog::postgres::read(&session).await?;
    let standing =
        Standing { target: project.target.redacted(), history: &history, around: &around, catalog: &live };
    let excluded = Excluded::find(&options.exclude, &live)?;
    let kept = excluded.taken_out_of(&live);
    let way = way(&standing, &project.folder, &excluded, options)?;
    if let Way::Already(_) = way {
        let candidate = Candidate::new(&way, &project.folder, Dialect::Postgres, String::new())?;
        let found = Findings { already: true, excluded: excluded.names(), ..Findings::default() };
        return Ok(candidate.report(kept.objects.len(), found));
    }
    if !has_ledger {
        refuse_without_rights(&session).await?;
    }
    let mut found = Findings { excluded: excluded.names(), ..Findings::default() };
    found.notes.extend(left_out(&session).await?);
    let text = match way {
        Way::Write { .. } => {
            let tidied = written(project, target, options, &session, &kept, &excluded).await?;
            found.roles = tidied.roles.into_iter().collect();
            found.notes.extend(tidied.notes);
            tidied.text
        }
        Way::Count(_) | Way::Already(_) => String::new(),
    };
    options.stop.check()?;
    let candidate = Candidate::new(&way, &project.folder, Dialect::Postgres, text)?;
    let built = build(&candidate, &session, options, &found.roles).await?;
    let shown = candidate.path.display().to_string();
    let notes = proof::prove(&built.catalog, &kept, &shown, options.no_privileges)
        .map_err(|error| built.notes.iter().fold(error, |error, note| error.detail(note)))?;
    found.notes.extend(built.notes.into_iter().chain(notes));
    options.stop.check()?;
    let unnamed = candidate.write()?;
    let counted =
        Counted { candidate: &candidate, unnamed: unnamed.as_ref(), live: &live, protected: &protected };
    count(session, project, options, watch, &counted).await?;
    crash::hit(CrashPoint::BaselineRecorded);
    Ok(candidate.report(kept.objects.len(), found))
}

/// Before anything takes time.
async fn refuse_without_rights(session: &Session) -> Result<()> {
    if session.query_one(include_str!("sql/may_create_schemas.sql"), &[]).await.db()?.get(0) {
        return Ok(());
    }
    let (database, role) = (Ident::new(session.database())?, Ident::new(session.role())?);
    Err(Error::invalid(format!(
        "the role {} may not create the ledger, schema cofferdam, in {}",
        session.role(),
        session.database()
    ))
    .hint(format!("as the database's owner or a superuser: grant create on database {database} to {role}")))
}

/// What no file can hold.
async fn left_out(session: &Session) -> Result<Vec<String>> {
    let rows = session.query(include_str!("sql/left_out.sql"), &[]).await.db()?;
    Ok(rows
        .iter()
        .map(|row| format!("{} left out: it is no part of a file", row.get::<_, String>(0)))
        .collect())
}

/// The text of a new file.
async fn written(
    project: &Project,
    target: &PostgresTarget,
    options: &Options,
    session: &Session,
    kept: &Catalog,
    excluded: &Excluded,
) -> Result<Tidied> {
    let (directories, major) = (options.programs.clone(), session.major());
    let program = tokio::task::spawn_blocking(move || Program::find(&directories, major))
        .await
        .map_err(|_| Error::bug("the thread that looked for pg_dump ended"))??;
    let wanted = Dump {
        target,
        connect: &project.connect,
        without: excluded.relations.iter().chain(&excluded.sequences).collect(),
        no_privileges: options.no_privileges,
    };
    let dump = program.schema(&wanted).await?;
    tidy(&dump, &facts(session, kept).await?)
}

async fn facts(session: &Session, kept: &Catalog) -> Result<Facts> {
    let mut facts = Facts::default();
    let comments = session.query(include_str!("sql/extension_comments.sql"), &[]).await.db()?;
    let comments: BTreeSet<(String, String)> = comments.iter().map(|row| (row.get(0), row.get(1))).collect();
    for (id, object) in &kept.objects {
        match object {
            Object::Table(table) => {
                let schema = id.name.schema.clone().unwrap_or_default();
                for (name, policy) in &table.policies {
                    let key = (schema.clone(), id.name.name.clone(), name.clone());
                    facts.policies.insert(key, policy.roles.clone());
                }
            }
            Object::Extension(extension) => {
                let comment = extension.comment.clone().unwrap_or_default();
                if comments.contains(&(id.name.name.clone(), comment)) {
                    facts.commented_by_themselves.insert(id.name.name.clone());
                }
            }
            Object::Schema(_) if id.name.name == "public" => facts.has_public = true,
            _ => {}
        }
    }
    Ok(facts)
}

/// What the file makes. On a server of our own all roles of this one are made first; on a
/// named one those that the file is known to name must be there.
async fn build(
    candidate: &Candidate,
    session: &Session,
    options: &Options,
    named: &[String],
) -> Result<replay::Built> {
    let roles = match (&options.place, named) {
        (Place::Server { .. }, [_, ..]) => named.to_vec(),
        _ => {
            let rows = session.query(include_str!("sql/roles.sql"), &[]).await.db()?;
            rows.iter().map(|row| row.get(0)).collect()
        }
    };
    let wanted = Wanted { major: session.major(), roles: &roles, stop: &options.stop };
    replay::postgres(std::slice::from_ref(&candidate.source), &options.place, &wanted).await
}

/// Names the file and counts it, with the ledger where there is none, in one transaction
/// that first sees that the schema is still the one that was compared.
async fn count(
    session: Session,
    project: &Project,
    options: &Options,
    watch: &mut dyn Watch,
    counted: &Counted<'_>,
) -> Result<()> {
    let Counted { candidate, unnamed, live, protected } = counted;
    let compared = fingerprint(live);
    let work = async |client: &Client| {
        if !ledger::postgres::history(client).await?.applied.is_empty() {
            return Err(
                Error::blocked("another program took the database over meanwhile").hint("cofferdam status")
            );
        }
        protected.mark_on_postgres(client, &project.actor).await?;
        let detail = serde_json::json!({"file": candidate.path.display().to_string()});
        ledger::postgres::record(client, &project.actor, "baseline", &[candidate.row()], detail).await?;
        if fingerprint(&catalog::postgres::read(client).await?) != compared {
            return Err(changed());
        }
        unnamed.map_or(Ok(()), Unnamed::name)
    };
    if ledger::postgres::create_with(&session, &project.actor, &work).await?.is_some() {
        session.close().await;
        return Ok(());
    }
    let runner_options = RunnerOptions {
        locks: LockLimits::default(),
        lease_wait: options.lease_wait,
        stop: options.stop.clone(),
    };
    let runner = Runner::start(session, project, runner_options, watch).await?;
    let counted = runner.fenced(&work).await;
    runner.release().await?;
    counted
}
