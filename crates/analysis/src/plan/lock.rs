//! The table locks a statement takes in Postgres, as far as its text shows them.
//!
//! Source: the chapter "Explicit Locking" of the Postgres manual and
//! `AlterTableGetLockLevel` in its source, versions 15 to 18.

use crate::sql::table::{Constraint, ConstraintKind, TableChange};
use crate::sql::{Action, ObjectKind, ObjectName, Statement};

/// A table lock, weakest first. The names are those of `lock table`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LockMode {
    /// `select`.
    AccessShare,
    /// `select for update`.
    RowShare,
    /// `insert`, `update`, `delete`.
    RowExclusive,
    /// `validate constraint`, `create index concurrently`.
    ShareUpdateExclusive,
    /// `create index`: blocks writes.
    Share,
    /// `create trigger`, foreign keys: blocks writes.
    ShareRowExclusive,
    /// `refresh concurrently`: blocks writes.
    Exclusive,
    /// Most of `alter table`: blocks reads too.
    AccessExclusive,
}

impl LockMode {
    /// All of them, weakest first.
    pub const ALL: [LockMode; 8] = [
        LockMode::AccessShare,
        LockMode::RowShare,
        LockMode::RowExclusive,
        LockMode::ShareUpdateExclusive,
        LockMode::Share,
        LockMode::ShareRowExclusive,
        LockMode::Exclusive,
        LockMode::AccessExclusive,
    ];

    /// Whether two sessions cannot hold both on one table: the table of "Explicit Locking".
    pub fn conflicts_with(self, other: LockMode) -> bool {
        use LockMode::*;
        let weakest = match self {
            AccessShare => AccessExclusive,
            RowShare => Exclusive,
            RowExclusive => Share,
            ShareUpdateExclusive => ShareUpdateExclusive,
            // Conflicts with writers, and with all stronger ones but its own kind.
            Share => return other != Share && other >= RowExclusive,
            ShareRowExclusive => RowExclusive,
            Exclusive => RowShare,
            AccessExclusive => AccessShare,
        };
        other >= weakest
    }

    /// `AccessExclusive`: as findings and plans show it.
    pub fn as_str(self) -> &'static str {
        match self {
            LockMode::AccessShare => "AccessShare",
            LockMode::RowShare => "RowShare",
            LockMode::RowExclusive => "RowExclusive",
            LockMode::ShareUpdateExclusive => "ShareUpdateExclusive",
            LockMode::Share => "Share",
            LockMode::ShareRowExclusive => "ShareRowExclusive",
            LockMode::Exclusive => "Exclusive",
            LockMode::AccessExclusive => "AccessExclusive",
        }
    }

    /// `access exclusive`: as `lock table` writes it.
    pub fn as_sql(self) -> &'static str {
        match self {
            LockMode::AccessShare => "access share",
            LockMode::RowShare => "row share",
            LockMode::RowExclusive => "row exclusive",
            LockMode::ShareUpdateExclusive => "share update exclusive",
            LockMode::Share => "share",
            LockMode::ShareRowExclusive => "share row exclusive",
            LockMode::Exclusive => "exclusive",
            LockMode::AccessExclusive => "access exclusive",
        }
    }

    /// Whether it stops the application's writes, so that nobody may queue behind it.
    pub fn is_strong(self) -> bool {
        self >= LockMode::Share
    }
}

/// What a statement locks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Locks {
    /// Tables that stand, or may stand, before the statement, each with its strongest lock.
    pub tables: Vec<(ObjectName, LockMode)>,
    /// It also takes strong locks on what `lock table` cannot name: indexes, views, types, sequences.
    pub elsewhere: bool,
    /// The tables whose foreign keys' far sides are locked as well, because the table goes.
    pub parents_of: Vec<ObjectName>,
}

impl Locks {
    /// Whether one of them stops the application's writes.
    pub fn is_strong(&self) -> bool {
        self.elsewhere || self.tables.iter().any(|(_, mode)| mode.is_strong())
    }

    fn add(&mut self, table: &ObjectName, mode: LockMode) {
        match self.tables.iter_mut().find(|(name, _)| name == table) {
            Some((_, have)) => *have = (*have).max(mode),
            None => self.tables.push((table.clone(), mode)),
        }
    }

    /// Both together: the locks of a whole step.
    pub fn merge(&mut self, other: Locks) {
        for (table, mode) in other.tables {
            self.add(&table, mode);
        }
        self.elsewhere |= other.elsewhere;
        self.parents_of.extend(other.parents_of);
    }
}

/// The locks of one statement.
pub fn locks(statement: &Statement) -> Locks {
    let mut locks = Locks::default();
    for action in statement.actions() {
        of_action(action, &mut locks);
    }
    locks
}

fn of_action(action: &Action, locks: &mut Locks) {
    use LockMode::*;
    match action {
        Action::AlterTable { table, change, .. } => of_change(table, change, locks),
        Action::CreateTable(create) => {
            let inline = create.columns.iter().filter_map(|c| c.references.as_deref());
            let beside = create.constraints.iter().filter_map(foreign);
            for reference in inline.chain(beside) {
                locks.add(&reference.table, ShareRowExclusive);
            }
            if let Some(parent) = &create.partition_of {
                locks.add(parent, AccessExclusive);
            }
            create.inherits.iter().for_each(|parent| locks.add(parent, ShareUpdateExclusive));
        }
        Action::CreateIndex(index) => {
            locks.add(&index.table, if index.concurrently { ShareUpdateExclusive } else { Share });
        }
        Action::Drop { kind: ObjectKind::Table, names, .. } => {
            names.iter().for_each(|table| locks.add(table, AccessExclusive));
            locks.parents_of.extend(names.iter().cloned());
        }
        Action::Drop { kind: ObjectKind::Index, concurrently: true, .. } => {}
        Action::Drop {
            kind: ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Policy,
            on: Some(table),
            ..
        } => {
            locks.add(table, AccessExclusive);
        }
        Action::Drop { .. } | Action::DropOwned { .. } | Action::Lock { .. } | Action::Refresh { .. } => {
            locks.elsewhere = true;
        }
        Action::Create { kind: ObjectKind::Trigger, on: Some(table), .. } => {
            locks.add(table, ShareRowExclusive)
        }
        Action::Create { kind: ObjectKind::Rule | ObjectKind::Policy, on: Some(table), .. } => {
            locks.add(table, AccessExclusive);
        }
        Action::Create { kind: ObjectKind::View, or_replace: true, .. } => locks.elsewhere = true,
        Action::Alter {
            kind:
                ObjectKind::Index
                | ObjectKind::View
                | ObjectKind::MaterializedView
                | ObjectKind::Type
                | ObjectKind::Domain
                | ObjectKind::Sequence,
            ..
        } => locks.elsewhere = true,
        // What they run cannot be seen: it may be anything.
        Action::DynamicSql | Action::Unread { .. } => locks.elsewhere = true,
        Action::Call { name } if !name.name.is_empty() => locks.elsewhere = true,
        Action::Truncate { tables, .. } => tables.iter().for_each(|table| locks.add(table, AccessExclusive)),
        Action::Reindex { concurrently: false, .. } => locks.elsewhere = true,
        Action::Vacuum { full: true, .. } | Action::Cluster { .. } => locks.elsewhere = true,
        Action::Insert(insert) => locks.add(&insert.table, RowExclusive),
        Action::Update(update) => locks.add(&update.table, RowExclusive),
        Action::Delete { table, .. } | Action::Merge { table, .. } => locks.add(table, RowExclusive),
        Action::Copy { table: Some(table), from: true, .. } => locks.add(table, RowExclusive),
        _ => {}
    }
}

fn of_change(table: &ObjectName, change: &TableChange, locks: &mut Locks) {
    use LockMode::*;
    match change {
        TableChange::ValidateConstraint(_) => locks.add(table, ShareUpdateExclusive),
        TableChange::Trigger { .. } => locks.add(table, ShareRowExclusive),
        TableChange::AttachPartition(partition) => {
            locks.add(table, ShareUpdateExclusive);
            locks.add(partition, AccessExclusive);
        }
        TableChange::DetachPartition { concurrently: true, .. } => locks.add(table, ShareUpdateExclusive),
        TableChange::DetachPartition { partition, .. } => {
            locks.add(table, AccessExclusive);
            locks.add(partition, AccessExclusive);
        }
        TableChange::AddConstraint(constraint) => match foreign(constraint) {
            Some(reference) => {
                locks.add(table, ShareRowExclusive);
                locks.add(&reference.table, ShareRowExclusive);
            }
            None => locks.add(table, AccessExclusive),
        },
        TableChange::AddColumn { column, .. } => {
            locks.add(table, AccessExclusive);
            if let Some(reference) = &column.references {
                locks.add(&reference.table, ShareRowExclusive);
            }
        }
        TableChange::Other => locks.add(table, ShareUpdateExclusive),
        _ => locks.add(table, AccessExclusive),
    }
}

fn foreign(constraint: &Constraint) -> Option<&crate::sql::table::Reference> {
    match &constraint.kind {
        ConstraintKind::ForeignKey { references, .. } => Some(references),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Dialect, Script};

    fn of(sql: &str) -> String {
        let script = Script::parse(Dialect::Postgres, "1.sql", sql);
        let mut all = Locks::default();
        script.statements.iter().for_each(|s| all.merge(locks(s)));
        let tables: Vec<String> = all.tables.iter().map(|(t, m)| format!("{t} {}", m.as_str())).collect();
        format!("{}{}", tables.join(", "), if all.elsewhere { " and elsewhere" } else { "" })
    }

    #[test]
    fn conflicts_are_those_of_the_manual() {
        let row = |mode: LockMode| -> Vec<usize> {
            LockMode::ALL
                .iter()
                .enumerate()
                .filter(|(_, other)| mode.conflicts_with(**other))
                .map(|(n, _)| n)
                .collect()
        };
        let expected: [&[usize]; 8] = [
            &[7],
            &[6, 7],
            &[4, 5, 6, 7],
            &[3, 4, 5, 6, 7],
            &[2, 3, 5, 6, 7],
            &[2, 3, 4, 5, 6, 7],
            &[1, 2, 3, 4, 5, 6, 7],
            &[0, 1, 2, 3, 4, 5, 6, 7],
        ];
        for (mode, expected) in LockMode::ALL.into_iter().zip(expected) {
            assert_eq!(row(mode), expected, "{}", mode.as_str());
        }
    }

    #[test]
    fn a_statement_shows_its_locks() {
        for (sql, expected) in [
            ("alter table a add column b int references p", "a AccessExclusive, p ShareRowExclusive"),
            ("alter table a validate constraint c", "a ShareUpdateExclusive"),
            (
                "alter table a add constraint f foreign key (x) references p not valid",
                "a ShareRowExclusive, p ShareRowExclusive",
            ),
            ("create index on a (b)", "a Share"),
            ("create index concurrently i on a (b)", "a ShareUpdateExclusive"),
            ("drop table a, b", "a AccessExclusive, b AccessExclusive"),
            ("drop index i", " and elsewhere"),
            ("create table n (p int references p)", "p ShareRowExclusive"),
            ("create table n partition of p for values in (1)", "p AccessExclusive"),
            ("create trigger t before insert on a for each row execute function f()", "a ShareRowExclusive"),
            ("update a set b = 1 where c = 2; truncate a", "a AccessExclusive"),
            ("do $$ begin alter table a drop column b; end $$", "a AccessExclusive"),
            ("do $$ begin execute format('alter table %I add x int', 'a'); end $$", " and elsewhere"),
            ("call rebuild()", " and elsewhere"),
            ("select 1", ""),
        ] {
            assert_eq!(of(sql), expected, "{sql}");
        }
    }
}
