//! What each effect makes of the [`World`]. Constant work for each effect.

use super::session::Transaction;
use super::world::{Filled, Gone, Key, KnownColumn, Moment, Origin, Table, View, World, same_column};
use crate::sql::table::{Column, ConstraintKind, CreateTable, Generated, ObjectChange, TableChange};
use crate::sql::{
    Action, Effect, Filter, Insert, InsertSource, ObjectKind, ObjectName, OnConflict, Query, Script,
    Statement, TransactionCommand, Update,
};

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
            Action::Delete { table, .. } => self.loses(table),
            Action::Merge { table, deletes, updates, .. } => {
                if *deletes {
                    self.loses(table);
                }
                if *updates {
                    self.rewrites(table);
                }
            }
            Action::Truncate { tables, .. } => tables.iter().for_each(|t| self.loses(t)),
            Action::DynamicSql | Action::Call { .. } => self.calls(&effect.action),
            Action::Transaction(TransactionCommand::Rollback) => self.forget_transaction(),
            _ => {}
        }
        self.session.apply(&effect.action);
        self.now.transaction = self.session.transaction();
    }

    /// Remembers what a view that the statement has made reads: its query stands in its body.
    pub(super) fn note_view(&mut self, statement: &Statement) {
        let [Effect { action: Action::Create { kind: ObjectKind::View, name, .. }, .. }, body] =
            statement.effects.as_slice()
        else {
            return;
        };
        let Action::Select(query) = &body.action else { return };
        let condition = match &query.filter {
            Filter::Condition(condition) => condition.columns.as_slice(),
            Filter::All | Filter::AlwaysTrue(_) | Filter::CurrentOf => &[],
        };
        let items = query.items.iter().flat_map(|item| &item.columns);
        let columns = items.chain(condition).cloned().collect();
        let view = View { name: name.clone(), tables: query.tables.clone(), columns };
        self.views.insert(self.key(name), view);
    }

    /// A procedure and built SQL may write anywhere. The `call` that stands for a `do`
    /// block has no name, and its statements follow.
    fn calls(&mut self, action: &Action) {
        if !matches!(action, Action::Call { name } if name.name.is_empty()) {
            self.opaque = Some(self.now.transaction);
        }
    }

    fn origin(&self, if_not_exists: bool, key: &Key) -> Origin {
        let known_absent = self.complete || self.gone.contains_key(key);
        match self.in_run {
            false => Origin::Existing,
            true if if_not_exists && !known_absent => Origin::Unknown,
            true => Origin::New(self.now),
        }
    }

    fn column(&self, definition: &Column, origin: Origin) -> KnownColumn {
        KnownColumn { definition: definition.clone(), origin, filled: Filled::default() }
    }

    fn create_table(&mut self, create: &CreateTable) {
        let Some(name) = &create.name else { return };
        let key = if create.temporary { self.temporary_key(name) } else { self.key(name) };
        if create.if_not_exists && self.tables.contains_key(&key) {
            return;
        }
        let origin = self.origin(create.if_not_exists && !create.temporary, &key);
        let table = Table {
            temporary: create.temporary,
            partitioned: create.partitioned,
            without_rowid: create.without_rowid,
            strict: create.strict,
            columns: create.columns.iter().map(|c| self.column(c, origin)).collect(),
            // Over a table that may stand, the definition is a guess.
            columns_complete: origin != Origin::Unknown
                && create.like.is_empty()
                && create.inherits.is_empty()
                && create.partition_of.is_none(),
            constraints: create.constraints.clone(),
            ..Table::mentioned(name.clone(), origin)
        };
        self.note_references(&key, &table);
        self.put(key, table);
    }

    fn create_table_as(&mut self, name: &ObjectName, temporary: bool, if_not_exists: bool, query: &Query) {
        let key = if temporary { self.temporary_key(name) } else { self.key(name) };
        if if_not_exists && self.tables.contains_key(&key) {
            return;
        }
        let origin = self.origin(if_not_exists && !temporary, &key);
        let named: Vec<Option<String>> =
            query.items.iter().map(|e| e.alias.clone().or_else(|| e.column.clone())).collect();
        let columns_complete = named.iter().all(Option::is_some) && !query.items.iter().any(|e| e.star);
        let columns = named.into_iter().flatten();
        let columns =
            columns.map(|name| self.column(&Column { name, ..Column::default() }, origin)).collect();
        let table = Table { temporary, columns, columns_complete, ..Table::mentioned(name.clone(), origin) };
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
                        self.gone.insert(key, Gone { table, at: self.now, renamed: false });
                    }
                }
            }
            ObjectKind::Index => names.iter().for_each(|name| self.drop_index(name)),
            ObjectKind::View => {
                for name in names {
                    self.views.remove(&self.key(name));
                }
            }
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

    fn alter_table(&mut self, name: &ObjectName, change: &TableChange) {
        let key = self.find(name);
        match change {
            TableChange::RenameTo(to) => {
                return self.rename(&key, ObjectName { name: to.clone(), ..name.clone() });
            }
            TableChange::SetSchema(to) => {
                return self.rename(&key, ObjectName::qualified(to.clone(), name.name.clone()));
            }
            _ => {}
        }
        let (now, dialect, in_run) = (self.now, self.dialect, self.in_run);
        let unknown = if in_run { Origin::Unknown } else { Origin::Existing };
        if matches!(change, TableChange::DropColumn { .. }) {
            self.loses(name);
        }
        if rewrites(change) {
            self.rewrites(name);
        }
        let table = self.tables.entry(key.clone()).or_insert_with(|| Table::mentioned(name.clone(), unknown));
        match change {
            TableChange::AddColumn { column, if_not_exists } => {
                if *if_not_exists && table.column(&column.name, dialect).is_some() {
                    return;
                }
                let origin = match in_run {
                    false => Origin::Existing,
                    true if *if_not_exists && !table.columns_complete => Origin::Unknown,
                    true => Origin::New(now),
                };
                let definition = (**column).clone();
                table.columns.push(KnownColumn { definition, origin, filled: Filled::default() });
                if let Some(to) = &column.references {
                    let parent = self.key(&to.table);
                    self.referenced_by.entry(parent).or_default().push(key);
                }
            }
            TableChange::DropColumn { name, .. } => {
                table.columns.retain(|c| !same_column(&c.definition.name, name, dialect));
                table.indexes.retain(|i| !i.columns.iter().any(|e| e.columns.contains(name)));
            }
            TableChange::RenameColumn { from, to } => {
                if let Some(column) = table.column_mut(from, dialect) {
                    to.clone_into(&mut column.definition.name);
                }
            }
            TableChange::AlterType { name, ty, .. } => match table.column_mut(name, dialect) {
                Some(column) => column.definition.ty = Some(ty.clone()),
                None => {
                    let definition = Column { name: name.clone(), ty: Some(ty.clone()), ..Column::default() };
                    table.columns.push(KnownColumn {
                        definition,
                        origin: unknown,
                        filled: Filled::default(),
                    });
                }
            },
            TableChange::SetNotNull(name) | TableChange::DropNotNull(name) => {
                if let Some(column) = table.column_mut(name, dialect) {
                    column.definition.not_null = matches!(change, TableChange::SetNotNull(_));
                }
            }
            TableChange::Default { name, default } => {
                if let Some(column) = table.column_mut(name, dialect) {
                    column.definition.default = default.as_deref().cloned();
                }
            }
            TableChange::AddConstraint(constraint) => {
                table.constraints.push((**constraint).clone());
                if let ConstraintKind::ForeignKey { references, .. } = &constraint.kind {
                    let parent = self.key(&references.table);
                    self.referenced_by.entry(parent).or_default().push(key);
                }
            }
            TableChange::DropConstraint { name, .. } => {
                table.constraints.retain(|c| c.name.as_ref() != Some(name));
            }
            TableChange::ValidateConstraint(name) => {
                for constraint in table.constraints.iter_mut().filter(|c| c.name.as_ref() == Some(name)) {
                    constraint.not_valid = false;
                }
            }
            TableChange::RenameConstraint { from, to } => {
                for constraint in table.constraints.iter_mut().filter(|c| c.name.as_ref() == Some(from)) {
                    constraint.name = Some(to.clone());
                }
            }
            _ => {}
        }
    }

    fn rename(&mut self, from: &Key, to: ObjectName) {
        let to_key =
            if from.0 == self.temporary_key(&to).0 { self.temporary_key(&to) } else { self.key(&to) };
        let Some(mut table) = self.take(from, true) else { return };
        table.name = to;
        for index in &mut table.indexes {
            index.table = table.name.clone();
            if let Some(name) = &index.name {
                self.index_tables.insert((to_key.0.clone(), name.key(self.dialect).1), to_key.clone());
            }
        }
        if let Some(referencing) = self.referenced_by.remove(from) {
            // SQLite and Postgres both let foreign keys follow a rename.
            self.follow_rename(&referencing, from, &table.name);
            self.referenced_by.entry(to_key.clone()).or_default().extend(referencing);
        }
        self.note_references(&to_key, &table);
        if let Some(lost) = self.lost.get(from).copied() {
            self.lost.insert(to_key.clone(), lost);
        }
        let took_over = table.took_over;
        self.put(to_key.clone(), table);
        if let Some(table) = self.tables.get_mut(&to_key) {
            table.took_over |= took_over;
        }
    }

    fn follow_rename(&mut self, referencing: &[Key], parent: &Key, to: &ObjectName) {
        for from in referencing {
            let Some(mut table) = self.tables.remove(from) else { continue };
            for column in &mut table.columns {
                if let Some(r) =
                    column.definition.references.as_mut().filter(|r| self.key(&r.table) == *parent)
                {
                    r.table = to.clone();
                }
            }
            for constraint in &mut table.constraints {
                if let ConstraintKind::ForeignKey { references, .. } = &mut constraint.kind
                    && self.key(&references.table) == *parent
                {
                    references.table = to.clone();
                }
            }
            self.tables.insert(from.clone(), table);
        }
    }

    fn insert(&mut self, insert: &Insert) {
        if matches!(insert.on_conflict, OnConflict::Update | OnConflict::Replace) {
            self.rewrites(&insert.table);
        }
        if insert.on_conflict == OnConflict::Replace {
            self.loses(&insert.table);
        }
        if let InsertSource::Query(query) = &insert.source {
            let key = self.find(&insert.table);
            self.copies(&key, query, insert.on_conflict == OnConflict::Fail && query.is_whole());
        }
    }

    fn update(&mut self, update: &Update) {
        self.rewrites(&update.table);
        let (clock, dialect) = (self.now.clock, self.dialect);
        let mut from = vec![self.find(&update.table)];
        from.extend(update.from.iter().map(|t| self.find(t)));
        let Some(table) = self.tables.get_mut(&from[0]) else { return };
        let read = update.assignments.iter().filter(|(_, e)| !e.columns.is_empty() || e.subquery);
        for (name, _) in read {
            if let Some(column) = table.column_mut(name, dialect) {
                column.filled.from = from.iter().map(|k| (k.clone(), clock)).collect();
            }
        }
    }

    /// Rows of the tables that `query` reads were copied into the table of `to`; all of them if `whole`.
    fn copies(&mut self, to: &Key, query: &Query, whole: bool) {
        let mut sources: Vec<(Key, usize)> = Vec::new();
        for name in &query.tables {
            let key = self.find(name);
            if key == *to {
                continue;
            }
            match self.tables.get_mut(&key) {
                Some(table) if matches!(table.origin, Origin::New(_)) => {
                    if whole {
                        table.filled.copied_on = self.now.clock;
                    }
                    sources.extend(table.filled.from.iter().map(|(k, _)| (k.clone(), self.now.clock)));
                }
                _ => sources.push((key, self.now.clock)),
            }
        }
        sources.sort();
        sources.dedup();
        let Some(table) = self.tables.get_mut(to) else { return };
        table.filled.from.retain(|(k, _)| !sources.iter().any(|(s, _)| s == k));
        table.filled.from.extend(sources);
    }

    /// A table lost rows, a column or itself.
    fn loses(&mut self, name: &ObjectName) {
        let key = self.find(name);
        self.lost.insert(key, self.now.clock);
    }

    /// The run changed rows that others may have written.
    fn rewrites(&mut self, name: &ObjectName) {
        let (key, transaction) = (self.find(name), self.now.transaction);
        if let Some(table) = self.tables.get_mut(&key)
            && let Origin::New(made) = table.origin
        {
            table.rewritten |= made.transaction != transaction;
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

/// Whether Postgres writes every row anew, so that `xmin` becomes ours.
fn rewrites(change: &TableChange) -> bool {
    match change {
        TableChange::AlterType { .. } | TableChange::SetLogged(_) => true,
        TableChange::Generation { drop, .. } => !drop,
        TableChange::AddColumn { column, .. } => {
            let stable =
                ["now", "current_timestamp", "transaction_timestamp", "statement_timestamp", "current_date"];
            let volatile = |calls: &[String]| calls.iter().any(|c| !stable.contains(&c.as_str()));
            column.identity
                || column.generated == Some(Generated::Stored)
                || column.ty.as_ref().is_some_and(|t| t.name.ends_with("serial"))
                || column.default.as_ref().is_some_and(|d| volatile(&d.calls))
        }
        _ => false,
    }
}
