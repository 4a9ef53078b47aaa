//! `alter table`, clause by clause, and renames.

use std::collections::BTreeSet;

use super::super::world::{Key, KnownColumn, Moment, Origin, Table, World, same_column};
use crate::sql::table::{Column, ConstraintKind, Generated, TableChange};
use crate::sql::{Dialect, ObjectName};

impl World {
    pub(super) fn alter_table(&mut self, name: &ObjectName, change: &TableChange) {
        let key = self.find(name);
        match change {
            TableChange::RenameTo(to) => {
                return self.rename(&key, ObjectName { name: to.clone(), ..name.clone() });
            }
            TableChange::SetSchema(to) => {
                return self.rename(&key, ObjectName::qualified(to.clone(), name.name.clone()));
            }
            TableChange::DropColumn { .. } => self.loses(name),
            _ => {}
        }
        if rewrites(change) {
            self.note_rewrite(&self.find(name));
        }
        let parent = match change {
            TableChange::AddColumn { column, .. } => column.references.as_ref().map(|r| &r.table),
            TableChange::AddConstraint(constraint) => match &constraint.kind {
                ConstraintKind::ForeignKey { references, .. } => Some(&references.table),
                _ => None,
            },
            _ => None,
        };
        if let Some(parent) = parent.map(|p| self.key(p)) {
            self.referenced_by.entry(parent).or_default().insert(key.clone());
        }
        let path_schema = self.path_schema();
        let (now, dialect, in_run) = (self.now, self.dialect, self.in_run);
        let mentioned = if in_run { Origin::Unknown } else { Origin::Existing };
        let table = self.tables.entry(key).or_insert_with(|| Table::mentioned(name.clone(), mentioned));
        if path_schema.is_some() {
            // What stands here bare was written without a path of the file's own.
            table.settle_references("public");
        }
        table.change_constraint(change);
        table.change_column(change, dialect, in_run.then_some(now));
        if let Some(schema) = path_schema {
            table.settle_references(&schema);
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

    fn follow_rename(&mut self, referencing: &BTreeSet<Key>, parent: &Key, to: &ObjectName) {
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
}

impl Table {
    /// `now` is `None` for SQL that ran before this run.
    fn change_column(&mut self, change: &TableChange, dialect: Dialect, now: Option<Moment>) {
        match change {
            TableChange::AddColumn { column, if_not_exists } => {
                if *if_not_exists && self.column(&column.name, dialect).is_some() {
                    return;
                }
                let origin = match now {
                    None => Origin::Existing,
                    Some(_) if *if_not_exists && !self.columns_complete => Origin::Unknown,
                    Some(now) => Origin::New(now),
                };
                self.columns.push(KnownColumn::new((**column).clone(), origin));
            }
            TableChange::DropColumn { name, .. } => {
                self.columns.retain(|c| !same_column(&c.definition.name, name, dialect));
                self.indexes.retain(|i| !i.columns.iter().any(|e| e.columns.contains(name)));
            }
            TableChange::RenameColumn { from, to } => {
                if let Some(column) = self.column_mut(from, dialect) {
                    to.clone_into(&mut column.definition.name);
                }
            }
            TableChange::AlterType { name, ty, .. } => {
                if self.column(name, dialect).is_none() {
                    let mentioned = if now.is_some() { Origin::Unknown } else { Origin::Existing };
                    let definition = Column { name: name.clone(), ..Column::default() };
                    self.columns.push(KnownColumn::new(definition, mentioned));
                }
                if let Some(column) = self.column_mut(name, dialect) {
                    column.definition.ty = Some(ty.clone());
                }
            }
            TableChange::SetNotNull(name) | TableChange::DropNotNull(name) => {
                if let Some(column) = self.column_mut(name, dialect) {
                    column.definition.not_null = matches!(change, TableChange::SetNotNull(_));
                }
            }
            TableChange::Default { name, default } => {
                if let Some(column) = self.column_mut(name, dialect) {
                    column.definition.default.clone_from(default);
                }
            }
            _ => {}
        }
    }

    fn change_constraint(&mut self, change: &TableChange) {
        match change {
            TableChange::AddConstraint(constraint) => self.constraints.push((**constraint).clone()),
            TableChange::DropConstraint { name, .. } => {
                self.constraints.retain(|c| c.name.as_ref() != Some(name));
            }
            TableChange::ValidateConstraint(name) => {
                for constraint in self.constraints.iter_mut().filter(|c| c.name.as_ref() == Some(name)) {
                    constraint.not_valid = false;
                }
            }
            TableChange::RenameConstraint { from, to } => {
                for constraint in self.constraints.iter_mut().filter(|c| c.name.as_ref() == Some(from)) {
                    constraint.name = Some(to.clone());
                }
            }
            _ => {}
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
