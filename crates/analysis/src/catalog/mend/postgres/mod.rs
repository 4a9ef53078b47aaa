//! Differences of Postgres catalogs -> actions.

mod attribute;
mod change;
mod column;
mod constraint;
mod counter;
mod create;
mod guard;
mod index;
mod privileges;
mod rebuild;
mod reference;
mod remove;
mod routine;
mod several;
mod table;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use super::order::{Action, Stage};
use super::{Note, Step};
use crate::catalog::diff::Renamed;
use crate::catalog::id::{ObjectId, ObjectKind, QualifiedName};
use crate::catalog::object::Object;
use crate::catalog::table::{Column, Constraint, Index, Table, View};
use crate::catalog::{Catalog, Difference, DifferenceKind};

/// Statements, or why a person has to do it.
type Written<T = Vec<Step>> = Result<T, String>;

/// Both catalogs, and what follows from them.
struct Scene<'a> {
    expected: &'a Catalog,
    live: &'a Catalog,
    /// Expected and live id of what has two names that the server made up.
    renamed: &'a Renamed,
    owner: BTreeMap<ObjectId, ObjectId>,
    live_owner: BTreeMap<ObjectId, ObjectId>,
}

/// What to run for each difference, and what to say where nothing can be run.
pub(super) fn actions(
    expected: &Catalog,
    live: &Catalog,
    renamed: &Renamed,
    differences: &[Difference],
) -> (Vec<Action>, BTreeMap<usize, Note>) {
    let scene = Scene {
        expected,
        live,
        renamed,
        owner: super::order::owners(expected),
        live_owner: super::order::owners(live),
    };
    let mut notes = BTreeMap::new();
    let mut actions = counter::actions(&scene, differences, &mut notes);
    actions.extend(rebuild::actions(&scene, differences, &mut notes));
    let mut covered: BTreeSet<usize> =
        actions.iter().flat_map(|action| action.mends.iter().copied()).collect();
    covered.extend(notes.keys());
    for (at, difference) in differences.iter().enumerate().filter(|(at, _)| !covered.contains(at)) {
        match one(&scene, differences, difference) {
            Ok(Outcome::Run(found)) => {
                for action in found {
                    add(&mut actions, action, at);
                }
            }
            Ok(Outcome::Follows(text)) => _ = notes.insert(at, Note { text, by_hand: false }),
            Err(text) => _ = notes.insert(at, Note { text, by_hand: true }),
        }
    }
    actions.extend(late_names(&scene, &actions, differences));
    (actions, notes)
}

/// What a difference comes to.
enum Outcome {
    Run(Vec<Action>),
    /// What mends another difference mends it too.
    Follows(String),
}

fn one(scene: &Scene<'_>, differences: &[Difference], difference: &Difference) -> Written<Outcome> {
    let id = &difference.object;
    if let Some(text) = table::comes_with_type(scene, differences, difference) {
        return Ok(Outcome::Follows(text));
    }
    if let Some(text) = index::goes_with_parent(scene, differences, difference) {
        return Ok(Outcome::Follows(text));
    }
    match &difference.kind {
        DifferenceKind::Missing => create::missing(scene, differences, id),
        DifferenceKind::Extra if let Some(text) = table::goes_with_attach(scene, differences, id) => {
            Ok(Outcome::Follows(text))
        }
        DifferenceKind::Extra if let Some(text) = remove::goes_with_column(scene, differences, id) => {
            Ok(Outcome::Follows(text))
        }
        DifferenceKind::Extra => remove::extra(scene, id).map(|a| Outcome::Run(vec![a])),
        DifferenceKind::Different { property } => change::property(scene, differences, difference, property),
    }
}

/// Two properties of one object may be mended by one statement: it runs once.
fn add(actions: &mut Vec<Action>, mut action: Action, at: usize) {
    let same = |other: &&mut Action| other.of == action.of && other.steps == action.steps;
    if let Some(other) = actions.iter_mut().find(same) {
        other.mends.push(at);
        return;
    }
    action.mends.push(at);
    actions.push(action);
}

/// What an action is about to name by its expected name gets that name first.
fn late_names(scene: &Scene<'_>, actions: &[Action], differences: &[Difference]) -> Vec<Action> {
    let touched: BTreeSet<&ObjectId> =
        actions.iter().flat_map(|a| a.makes.iter()).chain(differences.iter().map(|d| &d.object)).collect();
    let silent = scene.renamed.iter().filter(|(should, _)| touched.contains(should));
    silent
        .filter_map(|(should, is)| {
            let statement = change::rename(scene, should, own_name(is)).ok()?;
            let action = Action::new(Stage::Rename, should.clone(), vec![Step::Alone(statement)]);
            Some(action.makes([should.clone()]))
        })
        .collect()
}

fn own_name(id: &ObjectId) -> &str {
    id.part.as_deref().unwrap_or(&id.name.name)
}

/// The ids of what belongs to an object.
pub(super) fn parts_of(id: &ObjectId, object: &Object) -> Vec<ObjectId> {
    let part = |kind, name: &String| ObjectId::part(kind, id.name.clone(), name);
    let beside = |name: &String| {
        ObjectId::new(ObjectKind::Index, QualifiedName { schema: id.name.schema.clone(), name: name.clone() })
    };
    let columns = |columns: &[Column]| -> Vec<ObjectId> {
        columns.iter().map(|column| part(ObjectKind::Column, &column.name)).collect()
    };
    match object {
        Object::Table(table) => {
            let mut all = columns(&table.columns);
            all.extend(table.constraints.keys().map(|name| part(ObjectKind::Constraint, name)));
            all.extend(table.indexes.keys().map(beside));
            all.extend(table.triggers.keys().map(|name| part(ObjectKind::Trigger, name)));
            all.extend(table.rules.keys().map(|name| part(ObjectKind::Rule, name)));
            all.extend(table.policies.keys().map(|name| part(ObjectKind::Policy, name)));
            all
        }
        Object::View(view) => {
            let mut all = columns(&view.columns);
            all.extend(view.indexes.keys().map(beside));
            all.extend(view.triggers.keys().map(|name| part(ObjectKind::Trigger, name)));
            all.extend(view.rules.keys().map(|name| part(ObjectKind::Rule, name)));
            all
        }
        Object::Domain(domain) => {
            domain.constraints.keys().map(|name| part(ObjectKind::Constraint, name)).collect()
        }
        Object::Type(type_) => match &type_.shape {
            crate::catalog::TypeShape::Composite { columns: attributes } => columns(attributes),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

impl<'a> Scene<'a> {
    /// What the part belongs to in the expected catalog; itself when it is no part.
    fn owner<'b>(&'b self, id: &'b ObjectId) -> &'b ObjectId {
        self.owner.get(id).or_else(|| self.live_owner.get(id)).unwrap_or(id)
    }

    fn table(&self, name: &QualifiedName) -> Written<&'a Table> {
        table_in(self.expected, name).ok_or_else(|| gone(name))
    }

    fn view(&self, id: &ObjectId) -> Written<&'a View> {
        match self.expected.objects.get(id) {
            Some(Object::View(view)) => Ok(view),
            _ => Err(gone(&id.name)),
        }
    }

    fn column(&self, id: &ObjectId) -> Written<&'a Column> {
        column_in(self.expected, self.owner(id), own_name(id)).ok_or_else(|| gone(&id.name))
    }

    fn live_column(&self, id: &ObjectId) -> Written<&'a Column> {
        let owner = self.live_owner.get(id).ok_or_else(|| gone(&id.name))?;
        column_in(self.live, owner, own_name(id)).ok_or_else(|| gone(&id.name))
    }

    fn constraint(&self, id: &ObjectId) -> Written<&'a Constraint> {
        constraint_in(self.expected, self.owner(id), own_name(id)).ok_or_else(|| gone(&id.name))
    }

    fn index(&self, id: &ObjectId) -> Written<(&'a ObjectId, &'a Index)> {
        let owner = self.owner.get(id).ok_or_else(|| gone(&id.name))?;
        let (owner, object) = self.expected.objects.get_key_value(owner).ok_or_else(|| gone(&id.name))?;
        index_in(object, &id.name.name).map(|index| (owner, index)).ok_or_else(|| gone(&id.name))
    }

    /// The live id of an object that is known by its expected one.
    fn live_id<'b>(&'b self, id: &'b ObjectId) -> &'b ObjectId {
        self.renamed.get(id).unwrap_or(id)
    }

    /// Whether a table of this name stands in the live catalog.
    fn live_table(&self, name: &QualifiedName) -> Option<&'a Table> {
        table_in(self.live, name)
    }
}

fn gone(name: &QualifiedName) -> String {
    format!("the expected catalog says too little about {name}")
}

fn table_in<'a>(catalog: &'a Catalog, name: &QualifiedName) -> Option<&'a Table> {
    match catalog.objects.get(&ObjectId::table(name.clone())) {
        Some(Object::Table(table)) => Some(table),
        _ => None,
    }
}

fn column_in<'a>(catalog: &'a Catalog, owner: &ObjectId, name: &str) -> Option<&'a Column> {
    let columns = match catalog.objects.get(owner)? {
        Object::Table(table) => &table.columns,
        Object::View(view) => &view.columns,
        Object::Type(crate::catalog::Type {
            shape: crate::catalog::TypeShape::Composite { columns },
            ..
        }) => columns,
        _ => return None,
    };
    columns.iter().find(|column| column.name == name)
}

fn constraint_in<'a>(catalog: &'a Catalog, owner: &ObjectId, name: &str) -> Option<&'a Constraint> {
    match catalog.objects.get(owner)? {
        Object::Table(table) => table.constraints.get(name),
        Object::Domain(domain) => domain.constraints.get(name),
        _ => None,
    }
}

fn index_in<'a>(object: &'a Object, name: &str) -> Option<&'a Index> {
    match object {
        Object::Table(table) => table.indexes.get(name),
        Object::View(view) => view.indexes.get(name),
        _ => None,
    }
}

/// Statements that each commit by themselves.
fn each(statements: impl IntoIterator<Item = String>) -> Vec<Step> {
    statements.into_iter().map(Step::Alone).collect()
}
