//! What a statement that fails in a scratch database means for the caller.

use cofferdam_analysis::sql::{Action, ObjectKind, Script, Statement};
use cofferdam_analysis::{Error, Result};

use crate::db::SqlFailure;
use crate::runner::statement_failed;

/// The error of a statement that `server` did not carry out. `missing` are roles of the
/// target that are not there.
pub(super) fn failed(
    server: &str,
    script: &Script,
    statement: &Statement,
    failure: SqlFailure,
    missing: &[String],
) -> Error {
    if let Some(name) = extension(statement) {
        let message =
            format!("the scratch server ({server}) cannot create the extension {name}: {}", failure.message);
        return Error::invalid(message)
            .at(script.place(statement.span), Some(script.text.clone()))
            .hint("install the extension's package for that server, or name a server that has it: --scratch-url URL");
    }
    // 42704 is undefined_object; the name stands in the message whatever its language.
    let role = missing
        .iter()
        .find(|role| failure.sqlstate == "42704" && failure.message.contains(&format!("\"{role}\"")));
    if let Some(role) = role {
        return Error::invalid(format!("the scratch server ({server}) lacks the role {role}"))
            .at(script.place(statement.span), Some(script.text.clone()))
            .hint(format!("create it there: create role {role} nologin; or leave --scratch-url out, so that a server of our own is used"));
    }
    statement_failed(script, statement, failure).while_("in the scratch database")
}

fn extension(statement: &Statement) -> Option<&str> {
    statement.actions().find_map(|action| match action {
        Action::Create { kind: ObjectKind::Extension, name, .. } => Some(name.name.as_str()),
        _ => None,
    })
}

/// Whether a statement concerns a subscription only.
pub(super) fn is_subscription(statement: &Statement) -> bool {
    let mut actions = statement.actions().peekable();
    actions.peek().is_some() && actions.all(|action| kind_of(action) == Some(ObjectKind::Subscription))
}

/// Refuses what would change more than the database that it runs in.
pub(super) fn refuse_wide(script: &Script) -> Result<()> {
    let wide = script.statements.iter().find(|statement| {
        let beyond = |kind| matches!(kind, ObjectKind::Role | ObjectKind::Database | ObjectKind::Tablespace);
        matches!(statement.verb.as_str(), "alter system" | "drop owned" | "reassign owned")
            || statement.actions().filter_map(kind_of).any(beyond)
    });
    match wide {
        None => Ok(()),
        Some(statement) => Err(Error::invalid(format!(
            "it runs {}, which would change more of the scratch server than its scratch database",
            statement.verb.to_uppercase()
        ))
        .at(script.place(statement.span), Some(script.text.clone()))
        .hint("leave --scratch-url out, so that a server of our own is used")),
    }
}

/// The roles that the files make themselves.
pub(super) fn made_roles(script: &Script) -> impl Iterator<Item = &str> {
    script.statements.iter().flat_map(Statement::actions).filter_map(|action| match action {
        Action::Create { kind: ObjectKind::Role, name, .. } => Some(name.name.as_str()),
        _ => None,
    })
}

fn kind_of(action: &Action) -> Option<ObjectKind> {
    match action {
        Action::Create { kind, .. } | Action::Alter { kind, .. } | Action::Drop { kind, .. } => Some(*kind),
        _ => None,
    }
}
