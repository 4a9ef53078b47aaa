//! The statements a database forbids inside a transaction, and how to tell from the
//! catalog whether one that was cut off took place.
//!
//! Source: the calls of `PreventInTransactionBlock` in Postgres 15 to 18 and the
//! documentation of SQLite's `VACUUM`, `ATTACH` and `PRAGMA journal_mode`.

use crate::sql::{
    Action, Dialect, ObjectKind, ObjectName, Statement, table::ObjectChange, table::TableChange,
};

/// Why a statement cannot run in a transaction, and how its outcome is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The judgement of the catalog after a crash between statement and ledger row.
    pub judge: Judge,
}

/// How the catalog shows whether a statement took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judge {
    /// `create index concurrently`: done when the index is valid; an invalid one is
    /// dropped and the statement repeated.
    IndexValid {
        /// The table.
        table: ObjectName,
        /// The index.
        index: ObjectName,
    },
    /// `drop index concurrently`: done when no index of that name is left.
    IndexGone(Vec<ObjectName>),
    /// `reindex concurrently`: left-over `_ccnew` and `_ccold` indexes are dropped, then it is repeated.
    Reindexed(Option<ObjectName>),
    /// `detach partition concurrently`: done when the partition is detached; a pending one is finalized.
    Detached {
        /// The parent.
        table: ObjectName,
        /// The partition.
        partition: ObjectName,
    },
    /// Repeating does no harm: `vacuum`, `attach`, `pragma journal_mode`.
    Repeatable,
    /// The catalog cannot tell; a person has to.
    Unknown,
}

/// Whether the database forbids `statement` inside a transaction.
pub fn outside_of_transaction(statement: &Statement, dialect: Dialect) -> Option<Outside> {
    let judge = match dialect {
        Dialect::Postgres => statement
            .actions()
            .find_map(postgres)
            .or_else(|| by_verb(&statement.verb).then_some(Judge::Unknown)),
        Dialect::Sqlite => statement.actions().find_map(sqlite),
    };
    judge.map(|judge| Outside { judge })
}

fn by_verb(verb: &str) -> bool {
    verb.starts_with("alter system") || verb == "discard all"
}

fn postgres(action: &Action) -> Option<Judge> {
    match action {
        Action::CreateIndex(index) if index.concurrently => Some(match &index.name {
            // An index is always created in its table's schema.
            Some(name) => Judge::IndexValid {
                table: index.table.clone(),
                index: ObjectName { schema: index.table.schema.clone(), name: name.name.clone() },
            },
            None => Judge::Unknown,
        }),
        Action::Drop { kind: ObjectKind::Index, names, concurrently: true, .. } => {
            Some(Judge::IndexGone(names.clone()))
        }
        Action::Drop {
            kind: ObjectKind::Database | ObjectKind::Tablespace | ObjectKind::Subscription,
            ..
        }
        | Action::Create {
            kind: ObjectKind::Database | ObjectKind::Tablespace | ObjectKind::Subscription,
            ..
        }
        | Action::Alter { change: ObjectChange::RefreshSubscription, .. } => Some(Judge::Unknown),
        Action::Reindex { concurrently, target, name } => {
            let whole = matches!(target.as_str(), "schema" | "database" | "system");
            (*concurrently || whole).then(|| Judge::Reindexed(name.clone()))
        }
        Action::AlterTable {
            table,
            change: TableChange::DetachPartition { partition, concurrently: true },
            ..
        } => Some(Judge::Detached { table: table.clone(), partition: (**partition).clone() }),
        Action::Vacuum { .. } | Action::Cluster { table: None } => Some(Judge::Repeatable),
        _ => None,
    }
}

fn sqlite(action: &Action) -> Option<Judge> {
    match action {
        Action::Vacuum { .. } | Action::Attach { .. } => Some(Judge::Repeatable),
        Action::Pragma { name, value: Some(_) }
            if matches!(name.as_str(), "journal_mode" | "auto_vacuum" | "page_size") =>
        {
            Some(Judge::Repeatable)
        }
        _ => None,
    }
}
