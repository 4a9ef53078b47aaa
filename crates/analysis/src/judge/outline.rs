//! One file at a glance: what happens to each table in it, and which of its
//! statements together rebuild a table. One pass over the effects.

use std::collections::HashMap;

use super::world::Key;
use crate::sql::table::{Column, CreateTable, TableChange};
use crate::sql::{Action, Dialect, Effect, Insert, InsertSource, ObjectKind, ObjectName, Query, Script};

/// An effect of the file: statement and effect, both from 0. Ordered as they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct At {
    /// [`crate::sql::Statement::index`].
    pub statement: usize,
    /// The place in its `effects`.
    pub effect: usize,
}

/// What happens to a table.
#[derive(Debug, Clone)]
pub enum Event<'s> {
    /// It is made.
    Created,
    /// It is dropped.
    Dropped,
    /// A column is added.
    ColumnAdded(&'s Column),
    /// A column is dropped.
    ColumnDropped(&'s str),
}

/// Rows copied from one table into another.
#[derive(Debug, Clone)]
pub struct Copy<'s> {
    /// The source.
    pub from: ObjectName,
    /// Where to.
    pub to: ObjectName,
    /// Where it stands.
    pub at: At,
    /// `None` for `create table .. as`.
    pub insert: Option<&'s Insert>,
    /// What is read.
    pub query: &'s Query,
}

/// How a table is rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebuildForm {
    /// create new, copy old into it, drop old, rename new.
    NewThenRename,
    /// rename old away, create it anew, copy.
    OldAway,
    /// copy old into a backup, drop old, create it anew, copy back.
    Backup,
}

/// A table replaced by a new one of its name, with its rows.
#[derive(Debug, Clone)]
pub struct Rebuild<'s> {
    /// The order of things.
    pub form: RebuildForm,
    /// The table, by the name it keeps.
    pub table: ObjectName,
    /// The other name in play: the new table's, the old one's or the backup's.
    pub aside: ObjectName,
    /// The `create table` of the table that stays.
    pub create: At,
    /// The copies out of the old rows, in order.
    pub copies: Vec<Copy<'s>>,
    /// The copy back, for [`RebuildForm::Backup`].
    pub back: Option<At>,
    /// The drop of the old rows.
    pub drop: Option<At>,
    /// The rename.
    pub rename: Option<At>,
}

impl<'s> Rebuild<'s> {
    /// The table that stays, as the file defines it; `None` for `create table .. as`.
    pub fn definition(&self, script: &'s Script) -> Option<&'s CreateTable> {
        match &script.statements[self.create.statement].effects[self.create.effect].action {
            Action::CreateTable(create) => Some(create),
            _ => None,
        }
    }

    /// Every effect that is part of it, in order.
    pub fn parts(&self) -> Vec<At> {
        let mut parts: Vec<At> = [Some(self.create), self.back, self.drop, self.rename]
            .into_iter()
            .flatten()
            .chain(self.copies.iter().map(|copy| copy.at))
            .collect();
        parts.sort_unstable();
        parts
    }

    /// The name under which the old rows are dropped.
    pub fn old(&self) -> &ObjectName {
        match self.form {
            RebuildForm::NewThenRename | RebuildForm::Backup => &self.table,
            RebuildForm::OldAway => &self.aside,
        }
    }

    /// Whether every row of the old table is in some copy. A copy that skips duplicates
    /// counts: another rule speaks about that one.
    pub fn copies_every_row(&self) -> bool {
        self.copies.iter().any(|copy| copy.query.is_whole())
    }
}

impl Query {
    /// Whether it reads each row of its first table, by its own text.
    pub fn is_whole(&self) -> bool {
        self.filter.is_all() && !self.reduces && !self.joins && !self.compound && !self.tables.is_empty()
    }
}

/// What happens in a file.
#[derive(Debug, Default)]
pub struct Outline<'s> {
    events: HashMap<Key, Vec<(At, Event<'s>)>>,
    /// The tables rebuilt, in the order in which they are done.
    pub rebuilds: Vec<Rebuild<'s>>,
    dropping: HashMap<At, Vec<usize>>,
}

impl<'s> Outline<'s> {
    /// Reads the outline of `script`.
    pub fn of(script: &'s Script) -> Self {
        let mut reader = Reader::new(script.dialect);
        for statement in &script.statements {
            for (n, effect) in statement.effects.iter().enumerate().filter(|(_, e)| e.within.runs_now()) {
                reader.effect(At { statement: statement.index, effect: n }, effect);
            }
        }
        let mut outline = reader.outline;
        for (n, rebuild) in outline.rebuilds.iter().enumerate() {
            if let Some(at) = rebuild.drop {
                outline.dropping.entry(at).or_default().push(n);
            }
        }
        outline
    }

    /// The first event of `table` after `at` that `wanted` takes.
    pub fn next(
        &self,
        dialect: Dialect,
        table: &ObjectName,
        at: At,
        wanted: impl Fn(&Event<'s>) -> bool,
    ) -> Option<At> {
        let events = self.events.get(&table.key(dialect))?;
        let start = events.partition_point(|(when, _)| *when <= at);
        events[start..].iter().find(|(_, event)| wanted(event)).map(|(when, _)| *when)
    }

    /// Everything that happens to `table` in the file.
    pub fn events(&self, dialect: Dialect, table: &ObjectName) -> &[(At, Event<'s>)] {
        self.events.get(&table.key(dialect)).map_or(&[], Vec::as_slice)
    }

    /// The rebuild whose old rows the effect at `at` drops with the table `name`.
    pub fn rebuild_dropping(&self, dialect: Dialect, at: At, name: &ObjectName) -> Option<&Rebuild<'s>> {
        let rebuilds = self.dropping.get(&at)?.iter().map(|n| &self.rebuilds[*n]);
        rebuilds.into_iter().find(|rebuild| rebuild.old().same_as(name, dialect))
    }
}

struct Reader<'s> {
    dialect: Dialect,
    outline: Outline<'s>,
    created: HashMap<Key, At>,
    dropped: HashMap<Key, At>,
    /// By the table copied from.
    copies: HashMap<Key, Vec<Copy<'s>>>,
    /// By the old name: the new one, and where.
    renamed_away: HashMap<Key, (ObjectName, At)>,
    /// Rebuilds whose old rows still stand under this name.
    waiting_for_drop: HashMap<Key, usize>,
}

impl<'s> Reader<'s> {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            outline: Outline::default(),
            created: HashMap::new(),
            dropped: HashMap::new(),
            copies: HashMap::new(),
            renamed_away: HashMap::new(),
            waiting_for_drop: HashMap::new(),
        }
    }

    fn effect(&mut self, at: At, effect: &'s Effect) {
        match &effect.action {
            Action::CreateTable(create) => {
                if let Some(name) = &create.name {
                    self.created(name, at);
                }
            }
            Action::CreateTableAs { name, query, .. } => {
                self.created(name, at);
                self.copied(name, None, query, at);
            }
            Action::Insert(insert) => {
                if let InsertSource::Query(query) = &insert.source {
                    self.copied(&insert.table, Some(insert), query, at);
                }
            }
            Action::Drop { kind: ObjectKind::Table, names, .. } => {
                names.iter().for_each(|name| self.dropped(name, at));
            }
            Action::AlterTable { table, change, .. } => self.altered(table, change, at),
            _ => {}
        }
    }

    fn event(&mut self, table: &ObjectName, at: At, event: Event<'s>) {
        self.outline.events.entry(table.key(self.dialect)).or_default().push((at, event));
    }

    fn created(&mut self, name: &ObjectName, at: At) {
        self.event(name, at, Event::Created);
        self.created.insert(name.key(self.dialect), at);
    }

    fn dropped(&mut self, name: &ObjectName, at: At) {
        self.event(name, at, Event::Dropped);
        let key = name.key(self.dialect);
        self.dropped.insert(key.clone(), at);
        if let Some(n) = self.waiting_for_drop.remove(&key) {
            self.outline.rebuilds[n].drop = Some(at);
        }
    }

    fn altered(&mut self, table: &ObjectName, change: &'s TableChange, at: At) {
        match change {
            TableChange::AddColumn { column, .. } => self.event(table, at, Event::ColumnAdded(column)),
            TableChange::DropColumn { name, .. } => self.event(table, at, Event::ColumnDropped(name)),
            TableChange::RenameTo(to) => {
                self.renamed(table, ObjectName { name: to.clone(), ..table.clone() }, at);
            }
            _ => {}
        }
    }

    fn copied(&mut self, to: &ObjectName, insert: Option<&'s Insert>, query: &'s Query, at: At) {
        for from in &query.tables {
            let copy = Copy { from: from.clone(), to: to.clone(), at, insert, query };
            if !self.completes_old_away(&copy) && !self.completes_backup(&copy) {
                self.copies.entry(from.key(self.dialect)).or_default().push(copy);
            }
        }
    }

    /// rename `t` away, create `t`, and now: copy from the one that was renamed.
    fn completes_old_away(&mut self, copy: &Copy<'s>) -> bool {
        let key = copy.to.key(self.dialect);
        let Some((aside, rename)) = self.renamed_away.get(&key) else { return false };
        let created = self.created.get(&key).copied().filter(|create| create > rename);
        let (Some(create), true) = (created, aside.same_as(&copy.from, self.dialect)) else { return false };
        let aside_key = aside.key(self.dialect);
        if let Some(n) = self.waiting_for_drop.get(&aside_key) {
            self.outline.rebuilds[*n].copies.push(copy.clone());
            return true;
        }
        self.waiting_for_drop.insert(aside_key, self.outline.rebuilds.len());
        self.outline.rebuilds.push(Rebuild {
            form: RebuildForm::OldAway,
            table: copy.to.clone(),
            aside: aside.clone(),
            create,
            copies: vec![copy.clone()],
            back: None,
            drop: None,
            rename: Some(*rename),
        });
        true
    }

    /// copy `t` aside, drop `t`, create `t`, and now: copy back.
    fn completes_backup(&mut self, back: &Copy<'s>) -> bool {
        let key = back.to.key(self.dialect);
        let Some(drop) = self.dropped.get(&key).copied() else { return false };
        let Some(create) = self.created.get(&key).copied().filter(|create| *create > drop) else {
            return false;
        };
        let copies = self.copies.get(&key).into_iter().flatten();
        let copies: Vec<Copy<'s>> =
            copies.filter(|c| c.to.same_as(&back.from, self.dialect) && c.at < drop).cloned().collect();
        if copies.is_empty() {
            return false;
        }
        self.copies.remove(&key);
        self.outline.rebuilds.push(Rebuild {
            form: RebuildForm::Backup,
            table: back.to.clone(),
            aside: back.from.clone(),
            create,
            copies,
            back: Some(back.at),
            drop: Some(drop),
            rename: None,
        });
        true
    }

    fn renamed(&mut self, from: &ObjectName, to: ObjectName, at: At) {
        let (from_key, to_key) = (from.key(self.dialect), to.key(self.dialect));
        let created = self.created.remove(&from_key);
        if let (Some(create), Some(drop)) = (created, self.dropped.get(&to_key).copied()) {
            let copies = self.copies.remove(&to_key).into_iter().flatten();
            let copies: Vec<Copy<'s>> =
                copies.filter(|c| c.to.same_as(from, self.dialect) && c.at < drop).collect();
            if !copies.is_empty() {
                self.outline.rebuilds.push(Rebuild {
                    form: RebuildForm::NewThenRename,
                    table: to.clone(),
                    aside: from.clone(),
                    create,
                    copies,
                    back: None,
                    drop: Some(drop),
                    rename: Some(at),
                });
            }
        }
        if let Some(create) = created {
            self.created.insert(to_key, create);
        } else {
            self.renamed_away.insert(from_key, (to, at));
        }
    }
}
