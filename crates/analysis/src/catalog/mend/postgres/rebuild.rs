//! What Postgres alters only after others have stepped aside: they are dropped, it is
//! altered, they are made again as expected, all in one transaction.
//!
//! A view stands in the way of a column's type, a function in the way of a view that
//! reads it, a foreign key in the way of the key that it points to. What stands in the
//! way of what stands in the way counts too. Nothing dropped here holds data of its own:
//! a materialized view is filled again from its query.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Step;
use super::super::order::{Action, Stage, users};
use super::super::text::ident;
use super::{
    Note, Scene, Written, change, column, constraint, counter, create, index, own_name, parts_of, remove,
    routine, view,
};
use crate::catalog::id::{ObjectId, ObjectKind, QualifiedName};
use crate::catalog::object::Object;
use crate::catalog::table::{ConstraintKind, TableKind};
use crate::catalog::{Difference, DifferenceKind};

/// Something that cannot be altered while others use it.
struct Core {
    id: ObjectId,
    /// What to run when the way is free; nothing when it is itself dropped and made again.
    statements: Vec<String>,
    /// Whether it is dropped and made again.
    again: bool,
    mends: Vec<usize>,
}

/// Users of live objects, under expected names.
struct Web<'a> {
    scene: &'a Scene<'a>,
    users: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    to_expected: BTreeMap<ObjectId, ObjectId>,
}

/// The actions of all such differences. A difference that nobody can mend gets a note.
pub(super) fn actions(
    scene: &Scene<'_>,
    differences: &[Difference],
    notes: &mut BTreeMap<usize, Note>,
) -> Vec<Action> {
    let web = Web::new(scene, differences);
    let mut groups: Vec<(Vec<Core>, BTreeSet<ObjectId>)> = Vec::new();
    for (at, difference) in differences.iter().enumerate() {
        if let Some(text) = moved_with_extension(differences, difference) {
            notes.insert(at, Note { text, by_hand: false });
            continue;
        }
        let found = match web.core(difference, at) {
            None => continue,
            Some(Err(text)) => {
                notes.insert(at, Note { text, by_hand: true });
                continue;
            }
            Some(Ok(core)) => core,
        };
        match web.in_the_way(&found) {
            Ok(members) => join(&mut groups, found, members),
            Err(text) => _ = notes.insert(at, Note { text, by_hand: true }),
        }
    }
    let mut actions = Vec::new();
    for (cores, members) in groups {
        let mends: Vec<usize> = cores.iter().flat_map(|core| core.mends.iter().copied()).collect();
        match web.action(&cores, &members, differences) {
            Ok(action) => actions.push(action),
            Err(text) => {
                for at in mends {
                    notes.insert(at, Note { text: text.clone(), by_hand: true });
                }
            }
        }
    }
    actions
}

/// Two that share something to step aside are altered together.
fn join(groups: &mut Vec<(Vec<Core>, BTreeSet<ObjectId>)>, core: Core, members: BTreeSet<ObjectId>) {
    let (mut cores, mut all) = (vec![core], members);
    let mut rest = Vec::new();
    for (others, theirs) in groups.drain(..) {
        let same = |core: &Core| others.iter().any(|other| other.id == core.id);
        let touches = !theirs.is_disjoint(&all)
            || cores.iter().any(|core| theirs.contains(&core.id) || same(core))
            || others.iter().any(|other| all.contains(&other.id));
        if touches {
            cores.splice(0..0, others);
            all.extend(theirs);
        } else {
            rest.push((others, theirs));
        }
    }
    rest.push((cores, all));
    *groups = rest;
}

/// The type of a moved extension is printed with its new schema.
fn moved_with_extension(differences: &[Difference], difference: &Difference) -> Option<String> {
    let (should, is) = (difference.expected.as_deref()?, difference.live.as_deref()?);
    differences.iter().find_map(|other| {
        let moved = matches!(&other.kind, DifferenceKind::Different { property } if property == "schema");
        if !moved || other.object.kind != ObjectKind::Extension || other.object == difference.object {
            return None;
        }
        let (to, from) = (other.expected.as_deref()?, other.live.as_deref()?);
        (is.replace(&format!("{from}."), &format!("{to}.")) == should)
            .then(|| format!("mended together with {}", other.object))
    })
}

impl<'a> Web<'a> {
    fn new(scene: &'a Scene<'a>, differences: &[Difference]) -> Self {
        let mut to_expected: BTreeMap<ObjectId, ObjectId> =
            scene.renamed.iter().map(|(should, is)| (is.clone(), should.clone())).collect();
        for difference in differences {
            if let (DifferenceKind::Different { property }, Some(live)) = (&difference.kind, &difference.live)
                && property == "name"
            {
                let mut is = difference.object.clone();
                match &mut is.part {
                    Some(part) => live.clone_into(part),
                    None => live.clone_into(&mut is.name.name),
                }
                to_expected.insert(is, difference.object.clone());
            }
        }
        Self { scene, users: users(scene.live), to_expected }
    }

    fn expected_id(&self, live: &ObjectId) -> ObjectId {
        self.to_expected.get(live).unwrap_or(live).clone()
    }

    /// What a difference alters, if it is of this sort.
    fn core(&self, difference: &Difference, at: usize) -> Option<Written<Core>> {
        let DifferenceKind::Different { property } = &difference.kind else { return None };
        let id = &difference.object;
        let core = |again, statements| Core { id: id.clone(), statements, again, mends: vec![at] };
        match (id.kind, property.as_str()) {
            (ObjectKind::Column, "type" | "collation") if !self.regenerated(id) => {
                Some(column::retype(self.scene, id).map(|statements| core(false, statements)))
            }
            (ObjectKind::Column, "generated" | "type" | "collation") => {
                Some(column::regenerate(self.scene, id).map(|statements| core(false, statements)))
            }
            (ObjectKind::View | ObjectKind::MaterializedView, "definition") => {
                let (Some(Object::View(should)), Some(Object::View(is))) = self.both(id) else { return None };
                (!view::replaceable(id, should, is)).then(|| Ok(core(true, Vec::new())))
            }
            (ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate, property)
                if !matches!(property, "comment" | "privileges" | "owner") =>
            {
                let (Some(Object::Routine(should)), Some(Object::Routine(is))) = self.both(id) else {
                    return None;
                };
                (!routine::replaceable(id, should, is)).then(|| Ok(core(true, Vec::new())))
            }
            (ObjectKind::Constraint, "definition" | "index") => {
                let users = self.direct(id);
                (!users.is_empty()).then(|| Ok(core(true, Vec::new())))
            }
            (_, "definition") if id.kind != ObjectKind::DefaultPrivileges => {
                matches!(self.both(id), (Some(Object::Defined(_)), Some(Object::Defined(_))))
                    .then(|| Ok(core(true, Vec::new())))
            }
            (ObjectKind::Server | ObjectKind::ForeignDataWrapper, "definition") => Some(Err(
                "what a foreign server is made of is decided when it is made: drop it and create it again"
                    .to_owned(),
            )),
            _ => None,
        }
    }

    fn both(&self, id: &ObjectId) -> (Option<&'a Object>, Option<&'a Object>) {
        (self.scene.expected.objects.get(id), self.scene.live.objects.get(self.scene.live_id(id)))
    }

    /// Whether the column is dropped and added again.
    fn regenerated(&self, id: &ObjectId) -> bool {
        let (Ok(should), Ok(is)) = (self.scene.column(id), self.scene.live_column(id)) else { return false };
        should.generated != is.generated
    }

    /// Who uses it, under expected names.
    fn direct(&self, id: &ObjectId) -> BTreeSet<ObjectId> {
        let mut live = vec![self.to_live(id)];
        if id.kind == ObjectKind::Constraint {
            // Foreign keys use the index behind a key.
            live.push(ObjectId::new(
                ObjectKind::Index,
                QualifiedName { schema: id.name.schema.clone(), name: own_name(&live[0]).to_owned() },
            ));
        }
        let mut all: BTreeSet<ObjectId> = BTreeSet::new();
        for user in live.iter().filter_map(|id| self.users.get(id)).flatten() {
            all.insert(self.expected_id(user));
        }
        all.remove(id);
        all.retain(|user| user.kind != ObjectKind::Index || !self.backs(user));
        all
    }

    fn to_live(&self, id: &ObjectId) -> ObjectId {
        self.to_expected.iter().find(|(_, should)| *should == id).map_or(id, |(is, _)| is).clone()
    }

    /// Whether an index belongs to a constraint, with which it comes and goes.
    fn backs(&self, id: &ObjectId) -> bool {
        self.scene.index(id).is_ok_and(|(_, index)| index.constraint.is_some())
    }

    /// Everything that has to step aside, the core too if it is made again.
    fn in_the_way(&self, core: &Core) -> Written<BTreeSet<ObjectId>> {
        let mut members = BTreeSet::new();
        let kept_by_type_change = |id: &ObjectId| {
            matches!(id.kind, ObjectKind::Index | ObjectKind::Constraint | ObjectKind::Statistics)
        };
        let drops_column =
            core.id.kind == ObjectKind::Column && core.statements.iter().any(|s| s.contains(" drop column "));
        let first = self.direct(&core.id);
        let mut left: Vec<ObjectId> = match core.id.kind {
            ObjectKind::Column if !drops_column => {
                first.into_iter().filter(|id| !kept_by_type_change(id)).collect()
            }
            _ => first.into_iter().collect(),
        };
        if core.again {
            members.insert(core.id.clone());
        }
        while let Some(id) = left.pop() {
            if !self.is_expected(&id) || members.contains(&id) || id == core.id {
                continue;
            }
            match id.kind {
                ObjectKind::Table => {
                    return Err(format!("{id} stands in the way and holds rows: alter it by hand"));
                }
                ObjectKind::Type | ObjectKind::Domain => {
                    return Err(format!("{id} stands in the way: alter it by hand"));
                }
                ObjectKind::Sequence => continue,
                ObjectKind::Column if !self.steps_aside(&id) => {
                    if matches!(core.id.kind, ObjectKind::Type | ObjectKind::Domain | ObjectKind::Collation) {
                        return Err(format!("{id} stands in the way and holds values: alter it by hand"));
                    }
                    continue;
                }
                ObjectKind::Column if !self.is_generated(&id) => {}
                _ => left.extend(self.direct(&id)),
            }
            members.insert(id);
        }
        // What belongs to something that is made again comes back with it.
        let owned = |id: &ObjectId| {
            self.scene
                .owner
                .get(id)
                .is_some_and(|owner| members.contains(owner) || *owner == core.id && core.again)
        };
        Ok(members.iter().filter(|id| !owned(id)).cloned().collect())
    }

    fn is_expected(&self, id: &ObjectId) -> bool {
        self.scene.expected.objects.contains_key(id) || self.scene.owner.contains_key(id)
    }

    /// A column that uses something through its default or expression.
    fn steps_aside(&self, id: &ObjectId) -> bool {
        self.scene.column(id).is_ok_and(|c| c.default.is_some() || c.generated.is_some())
    }

    fn is_generated(&self, id: &ObjectId) -> bool {
        self.scene.column(id).is_ok_and(|c| c.generated.is_some())
    }

    /// One transaction: aside, alter, back.
    fn action(
        &self,
        cores: &[Core],
        members: &BTreeSet<ObjectId>,
        differences: &[Difference],
    ) -> Written<Action> {
        let scene = self.scene;
        let (down, up) = (self.sorted(members, false), self.sorted(members, true));
        let mut statements = Vec::new();
        for id in down.iter().rev() {
            statements.push(self.aside(id)?);
        }
        let mut done: BTreeSet<&[String]> = BTreeSet::new();
        for core in cores.iter().filter(|core| done.insert(&core.statements)) {
            statements.extend(core.statements.iter().cloned());
        }
        let mut after = Vec::new();
        for id in &up {
            let (again, later) = self.back(id)?;
            statements.extend(again);
            after.extend(later);
        }
        let alone = members.is_empty();
        let mut steps = if alone && statements.len() == 1 {
            super::each(statements)
        } else {
            vec![Step::Together(statements)]
        };
        steps.extend(super::each(after));
        let mut all: BTreeSet<ObjectId> = members.iter().cloned().collect();
        all.extend(cores.iter().map(|core| core.id.clone()));
        for id in members {
            all.extend(scene.expected.objects.get(id).map(|o| parts_of(id, o)).unwrap_or_default());
        }
        let covers = |difference: &Difference| self.covers(cores, members, difference);
        let mut mends: Vec<usize> = cores.iter().flat_map(|core| core.mends.iter().copied()).collect();
        mends.extend((0..differences.len()).filter(|at| covers(&differences[*at])));
        let mut told = BTreeSet::new();
        mends.retain(|at| told.insert(*at));
        let mut action =
            Action::new(Stage::Make, cores[0].id.clone(), steps).makes(all.clone()).frees(all.clone());
        action.drops = members.iter().map(|id| self.to_live(id)).collect();
        action.mends = mends;
        Ok(action)
    }

    /// Whether the group's statements mend this difference too.
    fn covers(&self, cores: &[Core], members: &BTreeSet<ObjectId>, difference: &Difference) -> bool {
        let id = &difference.object;
        let owner = self.scene.owner(id);
        let property = match &difference.kind {
            DifferenceKind::Different { property } => property.as_str(),
            DifferenceKind::Missing | DifferenceKind::Extra => "",
        };
        if property == "name" {
            return false;
        }
        let of_core = cores.iter().any(|core| {
            core.id == *id
                && (core.again
                    || self.regenerated(id)
                    || matches!(property, "type" | "collation")
                    || property == "default" && !counter::changes(self.scene, id))
        });
        let column_part = id.kind == ObjectKind::Column && members.contains(id) && !self.is_generated(id);
        of_core
            || (members.contains(id) && (!column_part || property == "default"))
            || members.contains(owner)
    }

    /// Members so that what is used comes before its users.
    fn sorted(&self, members: &BTreeSet<ObjectId>, expected: bool) -> Vec<ObjectId> {
        let uses = |id: &ObjectId| -> BTreeSet<ObjectId> {
            let parts = |id: &ObjectId| -> Vec<ObjectId> {
                let catalog = if expected { self.scene.expected } else { self.scene.live };
                catalog.objects.get(id).map(|o| parts_of(id, o)).unwrap_or_default()
            };
            let mut used = BTreeSet::new();
            for own in parts(id).into_iter().chain([id.clone()]) {
                let found = if expected {
                    self.scene.expected.uses.get(&own).cloned()
                } else {
                    let is = self.to_live(&own);
                    self.scene.live.uses.get(&is).map(|u| u.iter().map(|id| self.expected_id(id)).collect())
                };
                for id in found.unwrap_or_default() {
                    used.insert(self.scene.owner(&id).clone());
                    if id.kind == ObjectKind::Index
                        && let Ok((owner, index)) = self.scene.index(&id)
                        && let Some(constraint) = &index.constraint
                    {
                        used.insert(ObjectId::part(ObjectKind::Constraint, owner.name.clone(), constraint));
                    }
                    used.insert(id);
                }
            }
            used
        };
        let mut left: Vec<&ObjectId> = members.iter().collect();
        let mut sorted = Vec::new();
        while !left.is_empty() {
            let waits = |id: &ObjectId| uses(id).iter().any(|used| used != id && left.contains(&used));
            let next = left.iter().position(|id| !waits(id)).unwrap_or(0);
            sorted.push(left.remove(next).clone());
        }
        sorted
    }

    /// Takes a member out of the way.
    fn aside(&self, id: &ObjectId) -> Written<String> {
        if id.kind == ObjectKind::Column && !self.is_generated(id) {
            let alter = column::alter(self.scene, &id.name);
            return Ok(format!("{alter} alter column {} drop default", ident(own_name(id))));
        }
        remove::plain(self.scene, id)
    }

    /// Makes a member again: in the transaction, and what can wait until after it.
    fn back(&self, id: &ObjectId) -> Written<(Vec<String>, Vec<String>)> {
        let scene = self.scene;
        match id.kind {
            ObjectKind::Column => {
                let found = scene.column(id)?;
                if found.generated.is_some() {
                    return Ok((change::flat(column::add(scene, id)?), Vec::new()));
                }
                let alter = column::alter(scene, &id.name);
                let default = found.default.as_deref().unwrap_or("null");
                Ok((
                    vec![format!("{alter} alter column {} set default {default}", ident(own_name(id)))],
                    Vec::new(),
                ))
            }
            ObjectKind::Index => {
                let (owner, found) = scene.index(id)?;
                let kind =
                    super::table_in(scene.expected, &owner.name).map_or(TableKind::Ordinary, |t| t.kind);
                let mut all = vec![index::create(&owner.name, kind, &id.name.name, found, false)];
                all.extend(index::finish(scene, id, found));
                Ok((all, Vec::new()))
            }
            ObjectKind::Constraint => {
                let found = scene.constraint(id)?;
                let key = matches!(
                    found.kind,
                    ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclusion
                );
                if key {
                    let table = scene.table(&id.name)?;
                    let alter = column::alter(scene, &id.name);
                    let line = constraint::line(Some(table), own_name(id), found);
                    let mut all = vec![format!("{alter} add {line}")];
                    all.extend(constraint::finish(scene, id, found));
                    return Ok((all, Vec::new()));
                }
                let (late, now): (Vec<String>, Vec<String>) = change::flat(constraint::add(scene, id)?)
                    .into_iter()
                    .partition(|statement| statement.contains(" validate constraint "));
                Ok((now, late))
            }
            _ => Ok((create::whole(scene, id)?, Vec::new())),
        }
    }
}
