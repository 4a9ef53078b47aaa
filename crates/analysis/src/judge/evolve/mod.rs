//! What each effect makes of the [`World`]. Constant work for each effect.

mod alter;
mod rows;
mod views;

pub(super) use views::View;

use super::session::Transaction;
use super::world::{Gone, Key, KnownColumn, Moment, Origin, Table, World, same_column};
use crate::sql::table::{Column, CreateTable, ObjectChange};
use crate::sql::{Action, Effect, ObjectKind, ObjectName, Query, Script, TransactionCommand};

impl World {
    pub(super) fn begin_file(
        &mut self,
        file: usize,
        script: &Script,
        transaction: Transaction,
        in_run: bool,
    ) {
        self.drop_temporary_tables();
        self.session.begin_file(script, transaction);
        self.in_run = in_run;
        self.now = Moment { file, statement: 0, ..self.now };
        self.touched.clear();
    }

    pub(super) fn begin_statement(&mut self, index: usize) {
        self.session.begin_statement();
        self.now.statement = index;
        if self.now.transaction != self.session.transaction() {
            self.now.transaction = self.session.transaction();
            self.touched.clear();
        }
    }

    /// Follows one effect that happens now.
    pub(super) fn apply(&mut self, effect: &Effect) {
        self.now.clock += 1;
        match &effect.action {
            Action::CreateTable(create) => self.create_table(create),
            Action::CreateTableAs { name, temporary, if_not_exists, query } => {
                self.create_table_as(name, *temporary, *if_not_exists, query);
            }
            Action::AlterTable { table, change, .. } => self.alter_table(table, change),
            Action::CreateIndex(index) => self.create_index(index),
            Action::Create { kind: ObjectKind::Trigger, name, on: Some(on), .. } => {
                self.create_trigger(name, on)
            }
            Action::Create { kind: ObjectKind::Schema, name, if_not_exists: false, .. } if self.in_run => {
                self.schemas.insert(name.name.clone(), self.now);
            }
            Action::Drop { kind, names, on, .. } => self.drop(*kind, names, on.as_ref()),
            Action::Alter { kind: ObjectKind::Index, name, change: ObjectChange::RenameTo(to) } => {
                self.rename_index(name, to);
            }
            Action::Insert(insert) => self.insert(insert),
            Action::Update(update) => self.update(update),
            Action::Delete { table, .. } => self.deletes(table),
            Action::Merge { table, deletes, updates, .. } => {
                if *deletes {
                    self.deletes(table);
                }
                if *updates {
                    self.rewrites(table);
                }
            }
            Action::Truncate { tables, .. } => tables.iter().for_each(|t| self.loses(t)),
            Action::DynamicSql | Action::Unread { .. } | Action::Call { .. } => self.calls(&effect.action),
            Action::Transaction(TransactionCommand::Rollback) => self.forget_transaction(),
            _ => {}
        }
        self.session.apply(&effect.action);
        self.now.transaction = self.session.transaction();
    }

    /// A procedure and built SQL may write anywhere. The `call` that stands for a `do`
    /// block has no name, and its statements follow.
    fn calls(&mut self, action: &Action) {
        if !matches!(action, Action::Call { name } if name.name.is_empty()) {
            self.opaque = Some(self.now.transaction);
        }
    }

    fn origin(&self, if_not_exists: bool, name: &ObjectName) -> Origin {
        match self.in_run {
            false => Origin::Existing,
            true if if_not_exists && !self.is_absent(name) => Origin::Unknown,
            true => Origin::New(self.now),
        }
    }

    /// The name as any session reads it: with the schema that this file's search path gave it.
    fn settled(&self, name: &ObjectName, key: &Key) -> ObjectName {
        let by_path = name.schema.is_none() && self.path_schema().is_some();
        if by_path { ObjectName::qualified(key.0.clone(), name.name.clone()) } else { name.clone() }
    }

    fn create_table(&mut self, create: &CreateTable) {
        let Some(name) = &create.name else { return };
        let key = if create.temporary { self.temporary_key(name) } else { self.key(name) };
        if create.if_not_exists && self.tables.contains_key(&key) {
            return;
        }
        let origin = self.origin(create.if_not_exists && !create.temporary, name);
        let mut table = Table {
            temporary: create.temporary,
            partitioned: create.partitioned,
            without_rowid: create.without_rowid,
            strict: create.strict,
            columns: create.columns.iter().map(|c| KnownColumn::new(c.clone(), origin)).collect(),
            // Over a table that may stand, the definition is a guess.
            columns_complete: origin != Origin::Unknown
                && create.like.is_empty()
                && create.inherits.is_empty()
                && create.partition_of.is_none(),
            constraints: create.constraints.clone(),
            ..Table::mentioned(self.settled(name, &key), origin)
        };
        if let Some(schema) = self.path_schema() {
            table.settle_references(&schema);
        }
        self.note_references(&key, &table);
        self.put(key, table);
    }

    fn create_table_as(&mut self, name: &ObjectName, temporary: bool, if_not_exists: bool, query: &Query) {
        let key = if temporary { self.temporary_key(name) } else { self.key(name) };
        if if_not_exists && self.tables.contains_key(&key) {
            return;
        }
        let origin = self.origin(if_not_exists && !temporary, name);
        let named: Vec<Option<&str>> =
            query.items.iter().map(|e| e.alias.as_deref().or(e.column.as_deref())).collect();
        let columns_complete = named.iter().all(Option::is_some) && !query.items.iter().any(|e| e.star);
        let columns = named.into_iter().flatten();
        let column = |name: &str| Column { name: name.to_owned(), ..Column::default() };
        let columns = columns.map(|name| KnownColumn::new(column(name), origin)).collect();
        let table = Table {
            temporary,
            columns,
            columns_complete,
            ..Table::mentioned(self.settled(name, &key), origin)
        };
        self.put(key.clone(), table);
        self.copies(&key, query, query.is_whole());
    }

    fn put(&mut self, key: Key, mut table: Table) {
        if let Some(gone) = self.gone.remove(&key) {
            table.took_over = gone.table.took_over || !matches!(gone.table.origin, Origin::New(_));
        }
        self.touched.push(key.clone());
        if table.temporary {
            self.temporary.push(key.clone());
        }
        self.tables.insert(key, table);
    }

    fn take(&mut self, key: &Key, renamed: bool) -> Option<Table> {
        let table = self.tables.remove(key)?;
        self.touched.push(key.clone());
        self.gone.insert(key.clone(), Gone { table: table.clone(), at: self.now, renamed });
        Some(table)
    }

    fn create_index(&mut self, index: &crate::sql::table::CreateIndex) {
        let key = self.find(&index.table);
        if let Some(name) = &index.name {
            // An index lives in its table's schema; SQLite names it there as well.
            let qualified = ObjectName::qualified(key.0.clone(), name.name.clone());
            self.index_tables.insert(qualified.key(self.dialect), key.clone());
        }
        if let Some(table) = self.tables.get_mut(&key) {
            table.indexes.push(index.clone());
        }
    }

    fn rename_index(&mut self, from: &ObjectName, to: &str) {
        let Some(table_key) = self.index_tables.remove(&self.key(from)) else { return };
        let renamed = ObjectName { name: to.to_owned(), ..from.clone() };
        self.index_tables.insert(self.key(&renamed), table_key.clone());
        let dialect = self.dialect;
        let Some(table) = self.tables.get_mut(&table_key) else { return };
        for index in &mut table.indexes {
            if let Some(name) = index.name.as_mut().filter(|n| same_column(&n.name, &from.name, dialect)) {
                to.clone_into(&mut name.name);
            }
        }
    }

    fn drop(&mut self, kind: ObjectKind, names: &[ObjectName], on: Option<&ObjectName>) {
        match kind {
            ObjectKind::Table => {
                for name in names {
                    let key = self.find(name);
                    self.loses(name);
                    if self.take(&key, false).is_none() {
                        // Whatever stood there, it does not any more.
                        let origin = if self.complete { Origin::New(self.now) } else { Origin::Unknown };
                        let table = Table::mentioned(name.clone(), origin);
                        self.touched.push(key.clone());
                        self.gone.insert(key, Gone { table, at: self.now, renamed: false });
                    }
                }
            }
            ObjectKind::Index => names.iter().for_each(|name| self.drop_index(name)),
            ObjectKind::View => self.drop_views(names),
            ObjectKind::Schema => {
                for name in names {
                    self.schemas.remove(&name.name);
                    let keys: Vec<Key> = self.tables.keys().filter(|k| k.0 == name.name).cloned().collect();
                    for key in keys {
                        self.lost.insert(key.clone(), self.now.clock);
                        self.take(&key, false);
                    }
                }
            }
            ObjectKind::Trigger => {
                for name in names {
                    let known = self.trigger_tables.remove(&name.name.to_ascii_lowercase());
                    let Some(key) = on.map(|on| self.find(on)).or(known) else { continue };
                    if let Some(table) = self.tables.get_mut(&key) {
                        table.triggers.retain(|t| !t.eq_ignore_ascii_case(&name.name));
                    }
                }
            }
            _ => {}
        }
    }

    fn create_trigger(&mut self, name: &ObjectName, on: &ObjectName) {
        let key = self.find(on);
        self.trigger_tables.insert(name.name.to_ascii_lowercase(), key.clone());
        if let Some(table) = self.tables.get_mut(&key) {
            table.triggers.push(name.name.clone());
        }
    }

    fn drop_index(&mut self, name: &ObjectName) {
        let Some(table_key) = self.index_tables.remove(&self.key(name)) else { return };
        let dialect = self.dialect;
        if let Some(table) = self.tables.get_mut(&table_key) {
            let same = |n: &ObjectName| same_column(&n.name, &name.name, dialect);
            table.indexes.retain(|index| !index.name.as_ref().is_some_and(same));
        }
    }

    /// What the transaction made is gone, and what it dropped stands again: both are
    /// no longer known, which is always on the safe side.
    fn forget_transaction(&mut self) {
        for key in std::mem::take(&mut self.touched) {
            self.gone.remove(&key);
            if let Some(table) = self.tables.remove(&key) {
                self.tables.insert(key, Table::mentioned(table.name, Origin::Unknown));
            }
        }
    }

    fn drop_temporary_tables(&mut self) {
        for key in std::mem::take(&mut self.temporary) {
            self.tables.remove(&key);
        }
    }
}
