//! A plan, and what the database answers, as the operator's list.

use std::collections::BTreeMap;
use std::time::Duration;

use cofferdam::migrate::{PlanReport, PlannedStatement, PlannedStep};
use cofferdam::preflight::{self, Ask, NeededTable};
use cofferdam::{Project, status};
use cofferdam_analysis::checklist::{self, Checklist, Deployment, Statement, Step};
use cofferdam_analysis::plan::lock::LockMode;

use crate::clock;
use crate::failure::Result;

/// A transaction of this age makes a step wait, or keeps what a rewrite would free.
const LONG: Duration = Duration::from_secs(30);

/// Asks the database and makes the list.
pub(super) async fn list(project: &Project, plan: &PlanReport) -> Result<Checklist> {
    let ask = Ask { tables: tables(plan), copy: plan.rollback_point.is_some(), long_after: LONG };
    let facts = preflight::facts(project, &ask).await?;
    let last = last_applied(project).await?;
    let steps: Vec<Step> = steps(plan, last.as_deref());
    Ok(checklist::build(&Deployment {
        target: &project.target.redacted(),
        identity: &project.target.identity(),
        written: &clock::now().text(),
        program: env!("CARGO_PKG_VERSION"),
        steps: &steps,
        refusing: plan.findings.iter().filter(|finding| finding.refuses()).count(),
        facts: &facts,
    }))
}

/// The version that a rollback of the first step's file leaves as the last.
async fn last_applied(project: &Project) -> Result<Option<String>> {
    use cofferdam::db::Target;
    if let Target::Sqlite(target) = &project.target
        && target.path().is_some_and(|path| !path.exists())
    {
        return Ok(None);
    }
    Ok(status::read(project).await?.applied.last().map(|applied| applied.version.clone()))
}

/// The tables that the steps lock, each with its strongest lock.
fn tables(plan: &PlanReport) -> Vec<NeededTable> {
    let mut found: BTreeMap<&str, NeededTable> = BTreeMap::new();
    for statement in plan.steps.iter().flat_map(|step| &step.statements) {
        for (table, mode) in &*statement.lock {
            let mode = LockMode::ALL.into_iter().find(|known| known.as_str() == *mode);
            let (Some(mode), Some((schema, name))) = (mode, table.split_once('.')) else { continue };
            let needed = found.entry(table).or_insert_with(|| NeededTable {
                schema: schema.to_owned(),
                name: name.to_owned(),
                mode,
                rewritten: Some(false),
            });
            needed.mode = needed.mode.max(mode);
            needed.rewritten = match (needed.rewritten, statement.rewrite) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                (None, _) | (_, None) => None,
            };
        }
    }
    found.into_values().collect()
}

fn steps(plan: &PlanReport, last: Option<&str>) -> Vec<Step> {
    let mut before = last.map(str::to_owned);
    let mut version = None;
    let mut steps = Vec::new();
    for step in &plan.steps {
        let own = step.id.split('/').next().unwrap_or(&step.id).to_owned();
        if version.as_ref() != Some(&own) {
            before = version.replace(own).or(before);
        }
        steps.push(Step {
            id: step.id.clone(),
            file: step.file.clone(),
            statements: step.statements.iter().map(statement).collect(),
            transaction: step.transaction,
            undo: undo(step, before.as_deref()),
        });
    }
    steps
}

fn undo(step: &PlannedStep, before: Option<&str>) -> String {
    let Some(by) = &step.undo else {
        return "none, the file has no down file: write one, or a migration that takes it back".to_owned();
    };
    let by = if by.ends_with(".sql") { checklist::code(by) } else { by.clone() };
    let command = match before {
        Some(before) => checklist::code(&format!("cofferdam rollback {before}")),
        None => format!("{} for each migration back to it", checklist::code("cofferdam rollback")),
    };
    let whole = if step.id.contains('/') { ", once the whole file is applied" } else { "" };
    format!("{command}, by {by}{whole}")
}

fn statement(statement: &PlannedStatement) -> Statement {
    Statement {
        sql: statement.sql.to_string(),
        locks: statement
            .lock
            .iter()
            .map(|(table, mode)| format!("{mode} on {}", checklist::code(table)))
            .collect(),
        rewrite: statement.rewrite,
        scan: statement.scan,
        rows: statement.rows,
        estimate_ms: statement.estimate_ms,
    }
}
