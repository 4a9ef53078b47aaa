//! What a statement that fails in a scratch database means for the caller.

use cofferdam_analysis::Error;
use cofferdam_analysis::sql::{Action, ObjectKind, Script, Statement};

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

/// The roles that the files make themselves.
pub(super) fn made_roles(script: &Script) -> impl Iterator<Item = &str> {
    script.statements.iter().flat_map(Statement::actions).filter_map(|action| match action {
        Action::Create { kind: ObjectKind::Role, name, .. } => Some(name.name.as_str()),
        _ => None,
    })
}

/// Of which kind of object an action is.
pub(super) fn kind_of(action: &Action) -> Option<ObjectKind> {
    match action {
        Action::Create { kind, .. } | Action::Alter { kind, .. } | Action::Drop { kind, .. } => Some(*kind),
        _ => None,
    }
}
