//! Rows: where they come from, who changed them, which are lost.

use std::collections::HashSet;

use super::super::world::{Key, Origin, World};
use crate::sql::{Insert, InsertSource, ObjectName, OnConflict, Query, Update};

impl World {
    pub(super) fn insert(&mut self, insert: &Insert) {
        if matches!(insert.on_conflict, OnConflict::Update | OnConflict::Replace) {
            self.rewrites(&insert.table);
        }
        if insert.on_conflict == OnConflict::Replace {
            self.deletes(&insert.table);
        }
        if let InsertSource::Query(query) = &insert.source {
            let key = self.find(&insert.table);
            self.copies(&key, query, insert.on_conflict == OnConflict::Fail && query.is_whole());
        }
    }

    pub(super) fn update(&mut self, update: &Update) {
        self.rewrites(&update.table);
        let key = self.find(&update.table);
        let mut elsewhere = Vec::new();
        update.from.iter().for_each(|name| self.add_sources(name, &mut elsewhere));
        for (name, value) in &update.assignments {
            let mut from = elsewhere.clone();
            if value.columns.iter().any(|c| self.is_old_column(&key, c)) {
                self.add_sources(&update.table, &mut from);
            }
            let (clock, dialect) = (self.now.clock, self.dialect);
            let column = self.tables.get_mut(&key).and_then(|t| t.column_mut(name, dialect));
            if let Some(column) = column.filter(|_| !value.columns.is_empty() || value.subquery) {
                column.computed = true;
                column.filled.from = from.into_iter().map(|k| (k, clock)).collect();
            }
        }
    }

    /// Whether the column may hold values that stood before the run.
    fn is_old_column(&self, table: &Key, name: &str) -> bool {
        let known = self.tables.get(table).and_then(|t| t.column(name, self.dialect));
        known.is_none_or(|c| !matches!(c.origin, Origin::New(_)) || !c.filled.from.is_empty())
    }

    /// Adds where the rows of a table come from: itself, unless this run made it.
    fn add_sources(&self, name: &ObjectName, sources: &mut Vec<Key>) {
        let key = self.find(name);
        match self.tables.get(&key) {
            Some(table) if matches!(table.origin, Origin::New(_)) => {
                sources.extend(table.filled.from.iter().map(|(k, _)| k.clone()));
            }
            _ => sources.push(key),
        }
    }

    /// Rows of the tables that `query` reads were copied into the table of `to`; all of them if `whole`.
    pub(super) fn copies(&mut self, to: &Key, query: &Query, whole: bool) {
        let mut sources = Vec::new();
        for name in &query.tables {
            let key = self.find(name);
            if key == *to {
                continue;
            }
            self.add_sources(name, &mut sources);
            if let Some(table) = self.tables.get_mut(&key).filter(|_| whole) {
                table.filled.copied_on = self.now.clock;
            }
        }
        sources.sort();
        sources.dedup();
        let clock = self.now.clock;
        let Some(table) = self.tables.get_mut(to) else { return };
        table.filled.from.retain(|(k, _)| sources.binary_search(k).is_err());
        table.filled.from.extend(sources.into_iter().map(|k| (k, clock)));
    }

    /// A table lost rows, a column or itself.
    pub(super) fn loses(&mut self, name: &ObjectName) {
        let key = self.find(name);
        self.lost.insert(key, self.now.clock);
    }

    /// The run updates rows that others may have written.
    pub(super) fn rewrites(&mut self, name: &ObjectName) {
        let key = self.find(name);
        self.note_rewrite(&key);
        self.foreign_keys_act(key, false);
    }

    /// The run deletes rows, and foreign keys may change the rows that point to them.
    pub(super) fn deletes(&mut self, name: &ObjectName) {
        self.loses(name);
        self.foreign_keys_act(self.find(name), true);
    }

    /// Notes the tables whose rows the server changes for us, because they reference `parent`
    /// with an action: such a row carries our transaction as if the run had written it.
    fn foreign_keys_act(&mut self, parent: Key, delete: bool) {
        let mut seen = HashSet::from([(parent.clone(), delete)]);
        let mut todo = vec![(parent, delete)];
        while let Some((parent, delete)) = todo.pop() {
            let children: Vec<Key> = self.referenced_by.get(&parent).into_iter().flatten().cloned().collect();
            for child in children {
                let Some(table) = self.tables.get(&child) else { continue };
                let to_parent = table.foreign_keys().filter(|(_, to)| self.find(&to.table) == parent);
                let actions: Vec<String> = to_parent
                    .map(|(_, to)| if delete { to.on_delete.clone() } else { to.on_update.clone() })
                    .collect();
                for action in actions {
                    let deleted = match action.as_str() {
                        "cascade" => delete,
                        "set null" | "set default" => false,
                        _ => continue,
                    };
                    self.note_rewrite(&child);
                    if seen.insert((child.clone(), deleted)) {
                        todo.push((child.clone(), deleted));
                    }
                }
            }
        }
    }

    /// The run changed rows of this very table.
    pub(super) fn note_rewrite(&mut self, key: &Key) {
        let transaction = self.now.transaction;
        if let Some(table) = self.tables.get_mut(key)
            && let Origin::New(made) = table.origin
        {
            table.rewritten |= made.transaction != transaction;
        }
    }
}
