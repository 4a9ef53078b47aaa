//! In which order the statements run: what something needs before it, what uses
//! something away before that goes.
//!
//! Ties are decided by kind and name, so one pair of catalogs gives one script.
//! A cycle (two functions that call each other in their defaults) is cut at the
//! action that would come first by kind.

use std::collections::{BTreeMap, BTreeSet};

use super::Step;
use crate::catalog::Catalog;
use crate::catalog::id::{ObjectId, ObjectKind};

/// When an action comes by its nature, before dependencies are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Names first: what follows is written with the expected ones.
    Rename,
    /// Makes or changes something; by kind.
    Make,
    /// Foreign keys, when all tables and their keys are there.
    ForeignKey,
    /// Puts a table under its parent.
    Attach,
    /// What names an index of a table, or a table of a sequence.
    Link,
    /// Takes something away; last, so that nothing goes before its successor is there.
    Drop,
}

/// Statements that belong together, and what they mean for others.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) stage: Stage,
    pub(super) of: ObjectId,
    /// Expected objects that are there, or as they should be, afterwards.
    pub(super) makes: BTreeSet<ObjectId>,
    /// Live objects whose uses of other objects may end with it.
    pub(super) frees: BTreeSet<ObjectId>,
    /// Live objects that are gone afterwards.
    pub(super) drops: BTreeSet<ObjectId>,
    /// Expected objects that must be there before, beside what the catalog's edges say.
    pub(super) needs: BTreeSet<ObjectId>,
    pub(super) steps: Vec<Step>,
    /// The differences that it mends, by their place.
    pub(super) mends: Vec<usize>,
}

impl Action {
    pub(super) fn new(stage: Stage, of: ObjectId, steps: Vec<Step>) -> Self {
        Self {
            stage,
            of,
            makes: BTreeSet::new(),
            frees: BTreeSet::new(),
            drops: BTreeSet::new(),
            needs: BTreeSet::new(),
            steps,
            mends: Vec::new(),
        }
    }

    pub(super) fn makes(mut self, ids: impl IntoIterator<Item = ObjectId>) -> Self {
        self.makes.extend(ids);
        self
    }

    pub(super) fn frees(mut self, ids: impl IntoIterator<Item = ObjectId>) -> Self {
        self.frees.extend(ids);
        self
    }

    pub(super) fn drops(mut self, ids: impl IntoIterator<Item = ObjectId>) -> Self {
        self.drops.extend(ids);
        self
    }

    pub(super) fn needs(mut self, ids: impl IntoIterator<Item = ObjectId>) -> Self {
        self.needs.extend(ids);
        self
    }

    fn rank(&self) -> (Stage, std::cmp::Reverse<Option<ObjectKind>>, &ObjectId) {
        // Drops go from the parts to the containers.
        let dropped = (self.stage == Stage::Drop).then_some(self.of.kind);
        (self.stage, std::cmp::Reverse(dropped), &self.of)
    }
}

/// Which object a part belongs to, in one catalog.
pub(super) fn owners(catalog: &Catalog) -> BTreeMap<ObjectId, ObjectId> {
    let mut owners = BTreeMap::new();
    for (id, object) in &catalog.objects {
        for part in super::postgres::parts_of(id, object) {
            owners.insert(part, id.clone());
        }
    }
    owners
}

/// Sorts actions.
pub(super) fn order(mut actions: Vec<Action>, expected: &Catalog, live: &Catalog) -> Vec<Action> {
    actions.sort_by(|a, b| a.rank().cmp(&b.rank()));
    let before = edges(&actions, expected, live);
    let mut left: BTreeSet<usize> = (0..actions.len()).collect();
    let mut order = Vec::with_capacity(actions.len());
    while let Some(first) = left.first().copied() {
        let free = left.iter().copied().find(|at| before[*at].is_disjoint(&left));
        let next = free.unwrap_or(first);
        left.remove(&next);
        order.push(next);
    }
    let mut slots: Vec<Option<Action>> = actions.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| slots[at].take()).collect()
}

/// For each action, those that come before it.
fn edges(actions: &[Action], expected: &Catalog, live: &Catalog) -> Vec<BTreeSet<usize>> {
    let (owner, live_owner) = (owners(expected), owners(live));
    let mut makers: BTreeMap<&ObjectId, Vec<usize>> = BTreeMap::new();
    let mut free_ers: BTreeMap<&ObjectId, Vec<usize>> = BTreeMap::new();
    let mut droppers: BTreeMap<&crate::catalog::QualifiedName, Vec<usize>> = BTreeMap::new();
    for (at, action) in actions.iter().enumerate() {
        action.makes.iter().for_each(|id| makers.entry(id).or_default().push(at));
        action.frees.iter().chain(&action.drops).for_each(|id| free_ers.entry(id).or_default().push(at));
        action
            .drops
            .iter()
            .filter(|id| is_relation(id))
            .for_each(|id| droppers.entry(&id.name).or_default().push(at));
    }
    let found =
        |index: &BTreeMap<&ObjectId, Vec<usize>>, owner: &BTreeMap<ObjectId, ObjectId>, id: &ObjectId| {
            let mut all = index.get(id).cloned().unwrap_or_default();
            if let Some(whole) = owner.get(id) {
                all.extend(index.get(whole).into_iter().flatten());
            }
            all
        };
    let users = users(live);
    let mut before = vec![BTreeSet::new(); actions.len()];
    for (at, action) in actions.iter().enumerate() {
        let mut first: BTreeSet<usize> = BTreeSet::new();
        for made in &action.makes {
            for used in expected.uses.get(made).into_iter().flatten().filter(|used| !owns(made, used)) {
                first.extend(found(&makers, &owner, used));
            }
            if let Some(whole) = owner.get(made) {
                first.extend(makers.get(whole).into_iter().flatten());
            }
            if is_relation(made) {
                let others = droppers.get(&made.name).into_iter().flatten();
                first.extend(others.filter(|other| !actions[**other].drops.contains(made)));
            }
        }
        for needed in &action.needs {
            first.extend(found(&makers, &owner, needed));
        }
        for dropped in &action.drops {
            for user in users.get(dropped).into_iter().flatten() {
                first.extend(found(&free_ers, &live_owner, user));
            }
        }
        first.remove(&at);
        // The same object: names, then making, then links.
        first.extend((0..at).filter(|other| {
            actions[*other].stage < action.stage && !action.makes.is_disjoint(&actions[*other].makes)
        }));
        before[at] = first;
    }
    // Two that want each other first: nature decides.
    for at in 0..actions.len() {
        for other in 0..at {
            if before[at].contains(&other) {
                before[other].remove(&at);
            }
        }
    }
    before
}

/// A sequence belongs to its column and is used by the column's default: the column comes later.
fn owns(user: &ObjectId, used: &ObjectId) -> bool {
    user.kind == ObjectKind::Sequence && matches!(used.kind, ObjectKind::Column | ObjectKind::Table)
}

/// Names of these share one space.
fn is_relation(id: &ObjectId) -> bool {
    matches!(
        id.kind,
        ObjectKind::Table
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::Index
            | ObjectKind::Type
            | ObjectKind::Domain
    )
}

/// By used object, who uses it; of a relation also who uses a part of it.
pub(super) fn users(live: &Catalog) -> BTreeMap<ObjectId, BTreeSet<ObjectId>> {
    let owner = owners(live);
    let mut users: BTreeMap<ObjectId, BTreeSet<ObjectId>> = BTreeMap::new();
    for (user, used) in &live.uses {
        for used in used.iter().filter(|used| !owns(user, used)) {
            users.entry(used.clone()).or_default().insert(user.clone());
            if let Some(whole) =
                owner.get(used).filter(|whole| owner.get(user) != Some(whole) && user != *whole)
            {
                users.entry(whole.clone()).or_default().insert(user.clone());
            }
        }
    }
    users
}
