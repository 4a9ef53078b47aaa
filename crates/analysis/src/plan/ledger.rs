//! The ledger is cofferdam's own: no file writes, locks, replaces or drops it.
//!
//! A file that did would forge what the fence and the audit chain prove. Refused is also
//! what only defines such code (a function's or a trigger's body): it would run later,
//! where nobody looks. Reading the ledger is fine.

use crate::sql::{
    Action, Dialect, Effect, ObjectKind, ObjectName, Script, table::ObjectChange, table::TableChange,
};
use crate::{Error, Result};

/// Postgres: the schema of the ledger.
const SCHEMA: &str = "cofferdam";

/// SQLite: how the names of the ledger's tables begin.
const PREFIX: &str = "_cofferdam_";

pub(super) fn refuse(script: &Script) -> Result<()> {
    let mut effects = script.statements.iter().flat_map(|s| &s.effects);
    let Some((effect, name)) = effects.find_map(|e| touched(e, script.dialect).map(|name| (e, name))) else {
        return Ok(());
    };
    Err(Error::refused(format!("it changes {name}, which belongs to the ledger"))
        .at(script.place(effect.span), Some(script.text.clone()))
        .hint("the ledger is cofferdam's own: take the statement out"))
}

/// What of the ledger the effect changes.
fn touched(effect: &Effect, dialect: Dialect) -> Option<String> {
    let ours = |name: &&ObjectName| match dialect {
        Dialect::Postgres => name.schema.as_deref() == Some(SCHEMA),
        // Whatever the schema: a temporary table of that name would hide the real one.
        Dialect::Sqlite => is_prefixed(&name.name),
    };
    if let Some(name) = targets(&effect.action).into_iter().find(ours) {
        return Some(name.to_string());
    }
    into_the_ledger(&effect.action, dialect)
}

fn is_prefixed(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// The objects that an action writes, locks, makes, changes or drops.
fn targets(action: &Action) -> Vec<&ObjectName> {
    match action {
        Action::CreateTable(create) => create.name.iter().chain(&create.partition_of).collect(),
        Action::CreateTableAs { name, .. } | Action::Refresh { name, .. } => vec![name],
        Action::AlterTable { table, .. } | Action::Delete { table, .. } | Action::Merge { table, .. } => {
            vec![table]
        }
        Action::CreateIndex(index) => vec![&index.table],
        Action::Drop { names, on, .. } => names.iter().chain(on).collect(),
        Action::Create { name, on, .. } => std::iter::once(name).chain(on).collect(),
        Action::Alter { name, .. } => vec![name],
        Action::Truncate { tables, .. } | Action::Lock { tables, .. } => tables.iter().collect(),
        Action::Insert(insert) => vec![&insert.table],
        Action::Update(update) => vec![&update.table],
        Action::Copy { table: Some(table), from: true, .. } => vec![table],
        // They read, or keep every row and name as it is.
        Action::Copy { .. }
        | Action::Select(_)
        | Action::Reindex { .. }
        | Action::Vacuum { .. }
        | Action::Cluster { .. } => Vec::new(),
        // They name no object here, or are no change of one.
        Action::DropOwned { .. }
        | Action::Call { .. }
        | Action::DynamicSql
        | Action::Unread { .. }
        | Action::Set { .. }
        | Action::Pragma { .. }
        | Action::Transaction(_)
        | Action::Privileges { .. }
        | Action::Attach { .. }
        | Action::Other => Vec::new(),
    }
}

/// The ledger's schema itself, ways into it, and names that only the ledger may have.
fn into_the_ledger(action: &Action, dialect: Dialect) -> Option<String> {
    if dialect == Dialect::Sqlite {
        return match action {
            Action::AlterTable { change: TableChange::RenameTo(to), .. } if is_prefixed(to) => {
                Some(to.clone())
            }
            _ => None,
        };
    }
    let schema = || Some(format!("schema {SCHEMA}"));
    match action {
        Action::Drop { kind: ObjectKind::Schema, names, .. } if names.iter().any(|n| n.name == SCHEMA) => {
            schema()
        }
        Action::Create { kind: ObjectKind::Schema, name, .. } if name.name == SCHEMA => schema(),
        Action::Alter { kind: ObjectKind::Schema, name, change } => {
            let becomes = matches!(change, ObjectChange::RenameTo(to) if to == SCHEMA);
            if name.name == SCHEMA || becomes { schema() } else { None }
        }
        Action::Alter { change: ObjectChange::SetSchema(to), .. }
        | Action::AlterTable { change: TableChange::SetSchema(to), .. }
            if to == SCHEMA =>
        {
            schema()
        }
        // Behind it every bare name may be one of the ledger.
        Action::Set { name, value: Some(value), .. } if name == "search_path" => value
            .split(',')
            .map(|part| part.trim().trim_matches(['\'', '"']))
            .any(|part| part.eq_ignore_ascii_case(SCHEMA))
            .then(|| format!("search_path to {SCHEMA}")),
        _ => None,
    }
}
