//! What mends a SQLite database.
//!
//! SQLite keeps the text of what was made, so what holds no rows (an index, a view, a
//! trigger) is dropped and made as the text says, and a table that is not there is made.
//! A column is added where `ALTER TABLE` can.
//!
//! Refused, and told as to be done by hand: every statement that could lose rows. SQLite
//! has no statement that looks and drops in one, and its shell goes on after a failed
//! one, so neither the drop of a table or column nor a rebuild can be printed in a form
//! that is safe for whoever runs it. A rebuild belongs in a migration, where the runner
//! counts and keeps a copy.

use std::collections::{BTreeMap, BTreeSet};

use super::Note;
use super::order::{Action, Stage};
use super::text::ident;
use crate::catalog::id::{ObjectId, ObjectKind};
use crate::catalog::object::Object;
use crate::catalog::sqlite_text::{TableText, column_definitions, says};
use crate::catalog::table::{Table, TableKind};
use crate::catalog::{Catalog, Difference, DifferenceKind};

/// When a statement comes. What is in the way goes first: a trigger before its view, and
/// a table comes before what stands on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    DropTrigger,
    DropView,
    DropIndex,
    Table,
    Column,
    Index,
    View,
    Trigger,
}

/// What runs, in its order, and what to say of the rest.
pub(super) fn actions(
    expected: &Catalog,
    live: &Catalog,
    differences: &[Difference],
) -> (Vec<Action>, BTreeMap<usize, Note>) {
    let mut mender = Mender {
        expected,
        live,
        differences,
        made: Vec::new(),
        notes: BTreeMap::new(),
        done: BTreeSet::new(),
    };
    for (at, difference) in differences.iter().enumerate() {
        mender.one(at, difference);
    }
    mender.made.sort_by_key(|(turn, place, _)| (*turn, *place));
    (mender.made.into_iter().map(|(_, _, action)| action).collect(), mender.notes)
}

struct Mender<'a> {
    expected: &'a Catalog,
    live: &'a Catalog,
    differences: &'a [Difference],
    /// Columns in the order of their table: a generated one stands on those before it.
    made: Vec<(Turn, usize, Action)>,
    notes: BTreeMap<usize, Note>,
    /// What is made already, with what it stands on: one object may show several differences.
    done: BTreeSet<(Turn, ObjectId)>,
}

impl Mender<'_> {
    fn one(&mut self, at: usize, difference: &Difference) {
        let object = &difference.object;
        match object.kind {
            ObjectKind::Table => self.table(at, difference),
            ObjectKind::View => self.view(at, difference),
            ObjectKind::Index => self.index(at, difference),
            ObjectKind::Trigger => self.trigger(at, difference),
            ObjectKind::Column => self.column(at, difference),
            _ if self.comes_with_a_column(difference) => {
                let with = "it comes with its column".to_owned();
                self.notes.insert(at, Note { text: with, by_hand: false });
            }
            _ => self.rebuild(at),
        }
    }

    fn run(&mut self, turn: Turn, of: &ObjectId, at: usize, statement: impl Into<String>) {
        if !self.done.insert((turn, of.clone())) {
            return;
        }
        // A stored text may end in a comment, which would swallow the semicolon behind it.
        let statement = closed(statement.into());
        let step = super::Step::Alone(statement);
        let mut action = Action::new(Stage::Make, of.clone(), vec![step]);
        action.mends.push(at);
        self.made.push((turn, self.place(of), action));
    }

    /// Where a column stands in its table.
    fn place(&self, of: &ObjectId) -> usize {
        let table = table(self.expected, &ObjectId::table(of.name.clone()));
        let column = |table: &Table| table.columns.iter().position(|c| Some(&c.name) == of.part.as_ref());
        table.and_then(column).unwrap_or(0)
    }

    fn by_hand(&mut self, at: usize, text: impl Into<String>) {
        self.notes.insert(at, Note { text: text.into(), by_hand: true });
    }

    fn rebuild(&mut self, at: usize) {
        self.by_hand(
            at,
            "SQLite changes this only by a rebuild of the table: write it as a migration, \
             which cofferdam migrate proves row by row",
        );
    }

    fn table(&mut self, at: usize, difference: &Difference) {
        let id = &difference.object;
        match &difference.kind {
            DifferenceKind::Missing => self.make_table(at, id),
            DifferenceKind::Extra => self.by_hand(
                at,
                "SQLite has no statement that looks whether a table is empty and drops it in one: \
                 look into it, and drop it when nothing in it is wanted",
            ),
            DifferenceKind::Different { .. } if self.is_virtual(id) => {
                self.by_hand(at, "SQLite cannot alter a virtual table: make it anew and fill it again");
            }
            DifferenceKind::Different { .. } => self.rebuild(at),
        }
    }

    fn is_virtual(&self, id: &ObjectId) -> bool {
        let found = |catalog: &Catalog| table(catalog, id).is_some_and(|t| t.kind == TableKind::Virtual);
        found(self.live) || found(self.expected)
    }

    fn make_table(&mut self, at: usize, id: &ObjectId) {
        let Some(table) = table(self.expected, id) else { return };
        let Some(sql) = &table.sql else { return };
        self.run(Turn::Table, id, at, sql);
        for (name, index) in &table.indexes {
            if let Some(sql) = &index.create {
                self.run(Turn::Index, &index_id(id, name), at, sql);
            }
        }
        for (name, trigger) in &table.triggers {
            if let Some(sql) = &trigger.create {
                self.run(Turn::Trigger, &trigger_id(id, name), at, sql);
            }
        }
    }

    fn view(&mut self, at: usize, difference: &Difference) {
        let id = &difference.object;
        if difference.kind != DifferenceKind::Missing {
            self.run(Turn::DropView, id, at, format!("drop view {}", ident(&id.name.name)));
        }
        let Some(Object::View(view)) = self.expected.objects.get(id) else { return };
        let Some(sql) = &view.create else { return };
        self.run(Turn::View, id, at, sql);
        // They went with the view.
        for (name, trigger) in &view.triggers {
            if let Some(sql) = &trigger.create {
                self.run(Turn::Trigger, &trigger_id(id, name), at, sql);
            }
        }
    }

    fn index(&mut self, at: usize, difference: &Difference) {
        let id = &difference.object;
        // An index without a text is a constraint's, which only a rebuild makes.
        let text = |catalog: &Catalog, name: &str| {
            let of_table = |object: &Object| match object {
                Object::Table(table) => table.indexes.get(name).map(|index| index.create.clone()),
                _ => None,
            };
            catalog.objects.values().find_map(of_table).flatten()
        };
        let renamed =
            matches!(&difference.kind, DifferenceKind::Different { property } if property == "name");
        let old = difference.live.as_deref().filter(|_| renamed).unwrap_or(&id.name.name);
        let (should, is) = (text(self.expected, &id.name.name), text(self.live, old));
        let wanted = difference.kind != DifferenceKind::Extra;
        let there = difference.kind != DifferenceKind::Missing;
        if (wanted && should.is_none()) || (there && is.is_none()) {
            return self.rebuild(at);
        }
        if there {
            self.run(Turn::DropIndex, id, at, format!("drop index {}", ident(old)));
        }
        if let Some(sql) = should.filter(|_| wanted) {
            if self.waits_for_a_rebuild(&index_table(self.expected, &id.name.name)) {
                // What it stands on may not be there yet.
                self.made.retain(|(_, _, action)| !action.mends.contains(&at));
                return self.by_hand(at, "its table has to be mended by hand first");
            }
            self.run(Turn::Index, id, at, sql);
        }
    }

    fn trigger(&mut self, at: usize, difference: &Difference) {
        let id = &difference.object;
        let Some(name) = id.part.as_deref() else { return };
        let view = ObjectId::new(ObjectKind::View, id.name.clone());
        let remade = |d: &Difference| d.object == view;
        if self.differences.iter().any(remade) {
            let text = format!("mended together with {view}");
            self.notes.insert(at, Note { text, by_hand: false });
            return;
        }
        if difference.kind != DifferenceKind::Missing {
            self.run(Turn::DropTrigger, id, at, format!("drop trigger {}", ident(name)));
        }
        let triggers = match self.expected.objects.get(&ObjectId::table(id.name.clone())) {
            Some(Object::Table(table)) => Some(&table.triggers),
            _ => match self.expected.objects.get(&view) {
                Some(Object::View(view)) => Some(&view.triggers),
                _ => None,
            },
        };
        if let Some(sql) = triggers.and_then(|all| all.get(name)?.create.clone()) {
            self.run(Turn::Trigger, id, at, sql);
        }
    }

    fn column(&mut self, at: usize, difference: &Difference) {
        let id = &difference.object;
        match &difference.kind {
            DifferenceKind::Missing => match self.addable(id) {
                Some(definition) => {
                    let table = ident(&id.name.name);
                    self.run(Turn::Column, id, at, format!("alter table {table} add column {definition}"));
                }
                None => self.rebuild(at),
            },
            DifferenceKind::Extra => self.by_hand(
                at,
                "SQLite has no statement that looks whether a column is empty and drops it in one: \
                 look into it, and drop it when nothing in it is wanted",
            ),
            DifferenceKind::Different { .. } => self.rebuild(at),
        }
    }

    /// The definition of a missing column that `ALTER TABLE .. ADD COLUMN` takes
    /// (<https://www.sqlite.org/lang_altertable.html>, section 4), whatever rows there are.
    fn addable(&self, id: &ObjectId) -> Option<String> {
        let name = id.part.as_deref()?;
        let table = table(self.expected, &ObjectId::table(id.name.clone()))?;
        let column = table.column(name)?;
        let definition = column_definitions(table.sql.as_deref()?).into_iter().find(|(n, _)| n == name)?.1;
        if table.kind != TableKind::Ordinary || says(&definition, &["unique", "primary"]) {
            return None;
        }
        if column.generated.as_ref().is_some_and(|generated| generated.stored) {
            return None;
        }
        let default = column.default.as_deref().filter(|text| !text.eq_ignore_ascii_case("null"));
        let constant = default.is_none_or(|text| {
            !text.starts_with("current_") && !text.contains('(') || text.starts_with('\'')
        });
        let fits = constant
            && (!column.not_null || default.is_some() || column.generated.is_some())
            && !(default.is_some() && says(&definition, &["references"]));
        fits.then_some(definition)
    }

    /// A constraint that stands in the definition of a column that is added.
    fn comes_with_a_column(&self, difference: &Difference) -> bool {
        let id = &difference.object;
        if id.kind != ObjectKind::Constraint || difference.kind != DifferenceKind::Missing {
            return false;
        }
        let Some(definition) = id.part.as_deref() else { return false };
        let missing = |d: &&Difference| {
            d.object.kind == ObjectKind::Column
                && d.object.name == id.name
                && d.kind == DifferenceKind::Missing
        };
        self.differences.iter().filter(missing).filter_map(|d| self.addable(&d.object)).any(|column| {
            TableText::read(&format!("create table t ({column})")).constraints.contains_key(definition)
        })
    }

    /// A missing column of the table cannot be added.
    fn waits_for_a_rebuild(&self, table: &Option<ObjectId>) -> bool {
        self.differences.iter().any(|d| {
            d.object.kind == ObjectKind::Column
                && d.kind == DifferenceKind::Missing
                && table.as_ref().is_some_and(|table| table.name == d.object.name)
                && self.addable(&d.object).is_none()
        })
    }
}

fn table<'a>(catalog: &'a Catalog, id: &ObjectId) -> Option<&'a Table> {
    match catalog.objects.get(id) {
        Some(Object::Table(table)) => Some(table),
        _ => None,
    }
}

fn index_table(catalog: &Catalog, index: &str) -> Option<ObjectId> {
    let has = |object: &Object| matches!(object, Object::Table(table) if table.indexes.contains_key(index));
    catalog.objects.iter().find(|(_, object)| has(object)).map(|(id, _)| id.clone())
}

fn index_id(table: &ObjectId, name: &str) -> ObjectId {
    let mut of = table.name.clone();
    name.clone_into(&mut of.name);
    ObjectId::new(ObjectKind::Index, of)
}

fn trigger_id(of: &ObjectId, name: &str) -> ObjectId {
    ObjectId::part(ObjectKind::Trigger, of.name.clone(), name)
}

fn closed(mut sql: String) -> String {
    // Whether the last line has a comment is not asked: a line more does no harm.
    let open = sql.lines().last().is_some_and(|line| line.contains("--"));
    if open {
        sql.push('\n');
    }
    sql
}
