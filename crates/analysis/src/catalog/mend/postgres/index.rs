//! Indexes: built concurrently, swapped only when the new one is valid.

use std::collections::BTreeSet;

use super::super::Step;
use super::super::text::{ident, insert_before, qualified, suffixed};
use super::{Scene, Written, constraint, each, reference};
use crate::catalog::id::{ObjectId, ObjectKind, QualifiedName};
use crate::catalog::object::Object;
use crate::catalog::table::{Index, TableKind};
use crate::catalog::{Difference, DifferenceKind};

/// `create unique index concurrently "x" on "public"."notes" USING btree (a)`.
pub(super) fn create(on: &QualifiedName, kind: TableKind, name: &str, index: &Index, apart: bool) -> String {
    let unique = if index.unique { "unique " } else { "" };
    // Postgres builds no index of a partitioned table concurrently.
    let how = if apart && kind != TableKind::Partitioned { "concurrently " } else { "" };
    let only = if kind == TableKind::Partitioned { "only " } else { "" };
    let mut definition = index.definition.clone();
    if let Some(tablespace) = &index.tablespace {
        definition = insert_before(&definition, &[" WHERE ("], &format!(" tablespace {}", ident(tablespace)));
    }
    format!("create {unique}index {how}{} on {only}{} {definition}", ident(name), qualified(on))
}

fn kind_of(object: Option<&Object>) -> TableKind {
    match object {
        Some(Object::Table(table)) => table.kind,
        _ => TableKind::Ordinary,
    }
}

/// Adds a missing index to a relation that is there, or is being made (`apart` is false then).
pub(super) fn add(scene: &Scene<'_>, id: &ObjectId, apart: bool) -> Written {
    let (owner, index) = scene.index(id)?;
    let kind = kind_of(scene.expected.objects.get(owner));
    let mut steps = each([create(&owner.name, kind, &id.name.name, index, apart)]);
    if kind == TableKind::Partitioned {
        steps.extend(children(scene, id, owner)?);
    }
    steps.extend(each(finish(scene, id, index)));
    if let Some(parent) = &index.parent {
        let live = scene.live.index(parent.schema.as_deref(), &parent.name);
        if live.is_some() && scene.live_table(&owner.name).is_some() {
            steps.extend(each([attach(parent, &id.name)]));
        }
    }
    Ok(steps)
}

/// Builds the parts of a partitioned table's index one by one and puts them under it.
fn children(scene: &Scene<'_>, id: &ObjectId, owner: &ObjectId) -> Written {
    let mut steps = Vec::new();
    for child in scene.expected.children_of(&owner.name) {
        let Some(live) = scene.live_table(child) else { continue };
        let Some(table) = super::table_in(scene.expected, child) else { continue };
        let part = table.indexes.iter().find(|(_, index)| index.parent.as_ref() == Some(&id.name));
        let Some((name, index)) = part else { continue };
        let own = QualifiedName { schema: child.schema.clone(), name: name.clone() };
        let own_id = ObjectId::new(id.kind, own.clone());
        if !live.indexes.contains_key(name) && !scene.renamed.contains_key(&own_id) {
            steps.push(Step::Alone(create(child, table.kind, name, index, true)));
            if table.kind == TableKind::Partitioned {
                steps.extend(children(scene, &own_id, &ObjectId::table(child.clone()))?);
            }
            steps.extend(each(finish(scene, &own_id, index)));
        }
        steps.push(Step::Alone(attach(&id.name, &own)));
    }
    Ok(steps)
}

/// Puts an index under that of the parent table.
pub(super) fn attach(parent: &QualifiedName, child: &QualifiedName) -> String {
    format!("alter index {} attach partition {}", qualified(parent), qualified(child))
}

/// What is set on an index apart from its definition.
pub(super) fn finish(scene: &Scene<'_>, id: &ObjectId, index: &Index) -> Vec<String> {
    let name = qualified(&id.name);
    let mut all: Vec<String> = index
        .statistics
        .iter()
        .map(|(position, target)| {
            format!("alter index {name} alter column {position} set statistics {target}")
        })
        .collect();
    if let Some(text) = &index.comment {
        all.push(reference::comment(scene, id, Some(text)));
    }
    if index.clustered {
        let owner = scene.owner(id);
        let kind =
            if owner.kind == crate::catalog::ObjectKind::Table { "table" } else { "materialized view" };
        all.push(format!("alter {kind} {} cluster on {}", qualified(&owner.name), ident(&id.name.name)));
    }
    all
}

/// Builds the index under an interim name, then swaps; the old one serves until then.
pub(super) fn redefine(scene: &Scene<'_>, id: &ObjectId) -> Written {
    let (owner, index) = scene.index(id)?;
    let kind = kind_of(scene.expected.objects.get(owner));
    let name = qualified(&id.name);
    let live = scene.live.index(id.name.schema.as_deref(), &scene.live_id(id).name.name);
    if index.parent.is_some() || live.is_some_and(|(_, live)| live.parent.is_some()) {
        return Err(
            "it is a part of the parent table's index, which has to be replaced as a whole: do it by hand"
                .to_owned(),
        );
    }
    if kind == TableKind::Partitioned {
        return redefine_tree(scene, id, owner, index);
    }
    let interim = suffixed(&id.name.name, "_mend");
    let interim_name = qualified(&QualifiedName { name: interim.clone(), ..id.name.clone() });
    let mut steps = each([
        create(&owner.name, kind, &interim, index, true),
        constraint::when_valid(
            &interim_name,
            &[
                format!("drop index {name}"),
                format!("alter index {interim_name} rename to {}", ident(&id.name.name)),
            ],
        ),
    ]);
    steps.extend(each(finish(scene, id, index)));
    Ok(steps)
}

/// What names the difference of a parent's index whose replacement brings this part along.
pub(super) fn goes_with_parent(
    scene: &Scene<'_>,
    differences: &[Difference],
    difference: &Difference,
) -> Option<String> {
    let id = &difference.object;
    if id.kind != ObjectKind::Index
        || matches!(&difference.kind, DifferenceKind::Different { property } if property == "name")
    {
        return None;
    }
    let (_, should) = scene.index(id).ok()?;
    let (_, is) = scene.live.index(id.name.schema.as_deref(), &scene.live_id(id).name.name)?;
    let parent = ObjectId::new(ObjectKind::Index, should.parent.clone()?);
    let replaced = differences.iter().any(|d| {
        let new = matches!(&d.kind, DifferenceKind::Different { property } if is_new_definition(property));
        d.object == parent && new
    });
    let is_parent = ObjectId::new(ObjectKind::Index, is.parent.clone()?);
    let same = *scene.live_id(&parent) == is_parent || parent == is_parent;
    (replaced && same).then(|| format!("mended together with {parent}"))
}

/// Whether only another index has the property.
fn is_new_definition(property: &str) -> bool {
    let apart = ["name", "valid", "clustered", "tablespace", "statistics", "parent", "comment"];
    !apart.contains(&property)
}

/// Builds a partitioned table's index with all its parts under interim names, then swaps the whole;
/// the old one serves until then.
fn redefine_tree(scene: &Scene<'_>, id: &ObjectId, owner: &ObjectId, index: &Index) -> Written {
    if !index.valid {
        return Err("it is expected to lack the parts of some partitions: replace it by hand".to_owned());
    }
    let mut steps = Vec::new();
    let mut swap = vec![format!("drop index {}", qualified(&id.name))];
    let interim = build_tree(scene, (id, owner, index), &mut steps, &mut swap)?;
    steps.push(Step::Alone(constraint::when_valid(&qualified(&interim), &swap)));
    Ok(steps)
}

/// Builds one index and those under it; the answer is its interim name.
fn build_tree(
    scene: &Scene<'_>,
    (id, owner, index): (&ObjectId, &ObjectId, &Index),
    steps: &mut Vec<Step>,
    swap: &mut Vec<String>,
) -> Written<QualifiedName> {
    let kind = kind_of(scene.expected.objects.get(owner));
    let interim = QualifiedName { name: suffixed(&id.name.name, "_mend"), ..id.name.clone() };
    steps.push(Step::Alone(create(&owner.name, kind, &interim.name, index, true)));
    swap.push(format!("alter index {} rename to {}", qualified(&interim), ident(&id.name.name)));
    swap.extend(finish(scene, id, index));
    if kind != TableKind::Partitioned {
        return Ok(interim);
    }
    let should: BTreeSet<_> = scene.expected.children_of(&owner.name).collect();
    let is: BTreeSet<_> = scene.live.children_of(&owner.name).collect();
    if should != is {
        return Err(format!(
            "{owner} has other partitions than expected: replace the index when they are mended"
        ));
    }
    for child in should {
        let part = super::table_in(scene.expected, child)
            .and_then(|table| table.indexes.iter().find(|(_, part)| part.parent.as_ref() == Some(&id.name)));
        let Some((name, part)) = part else {
            return Err(format!(
                "which index {child} is expected to have for it is not known: replace it by hand"
            ));
        };
        let own = ObjectId::new(id.kind, QualifiedName { schema: child.schema.clone(), name: name.clone() });
        let under = build_tree(scene, (&own, &ObjectId::table(child.clone()), part), steps, swap)?;
        steps.push(Step::Alone(attach(&interim, &under)));
    }
    Ok(interim)
}

/// Makes an index whole again.
pub(super) fn validity(scene: &Scene<'_>, id: &ObjectId) -> Written {
    let (owner, index) = scene.index(id)?;
    if !index.valid {
        return Err(
            "it is expected to lack the parts of some partitions: nothing takes a part away".to_owned()
        );
    }
    if kind_of(scene.expected.objects.get(owner)) == TableKind::Partitioned {
        return children(scene, id, owner);
    }
    Ok(each([format!("reindex index concurrently {}", qualified(&id.name))]))
}

/// Drops an extra index.
pub(super) fn drop(scene: &Scene<'_>, id: &ObjectId) -> String {
    let owner = scene.live_owner.get(id);
    let partitioned =
        kind_of(owner.and_then(|owner| scene.live.objects.get(owner))) == TableKind::Partitioned;
    let how = if partitioned { "" } else { "concurrently " };
    format!("drop index {how}{}", qualified(&id.name))
}
