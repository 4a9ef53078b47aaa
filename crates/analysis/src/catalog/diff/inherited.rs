//! One cause, one difference: what a partition or inheriting table shows only
//! because its parent shows it is left out.

use std::collections::BTreeSet;

use super::{Difference, DifferenceKind};
use crate::catalog::Catalog;
use crate::catalog::id::{ObjectId, ObjectKind, QualifiedName};
use crate::catalog::object::Object;

/// Takes out differences of children that repeat one of their parent.
pub(super) fn silence(expected: &Catalog, live: &Catalog, found: &mut Vec<Difference>) {
    type Told = (ObjectId, DifferenceKind, Option<String>, Option<String>);
    let values: BTreeSet<Told> = found
        .iter()
        .map(|d| (d.object.clone(), d.kind.clone(), d.live.clone(), d.expected.clone()))
        .collect();
    let verdicts: BTreeSet<(ObjectId, DifferenceKind)> =
        found.iter().map(|d| (d.object.clone(), d.kind.clone())).collect();
    found.retain(|difference| {
        let catalog = match &difference.kind {
            DifferenceKind::Missing => expected,
            DifferenceKind::Extra => live,
            // These do not pass down to children, so each has its own.
            DifferenceKind::Different { property }
                if matches!(property.as_str(), "comment" | "privileges") =>
            {
                return true;
            }
            DifferenceKind::Different { .. } => live,
        };
        let kind = difference.kind.clone();
        !above(catalog, &difference.object).into_iter().any(|parent| match difference.object.kind {
            // The definitions of two indexes or triggers name different tables.
            ObjectKind::Index | ObjectKind::Trigger => verdicts.contains(&(parent, kind.clone())),
            _ if matches!(kind, DifferenceKind::Different { .. }) => {
                values.contains(&(parent, kind.clone(), difference.live.clone(), difference.expected.clone()))
            }
            _ => verdicts.contains(&(parent, kind.clone())),
        })
    });
}

/// The objects of parent tables that `id` is a copy of.
fn above(catalog: &Catalog, id: &ObjectId) -> Vec<ObjectId> {
    match id.kind {
        ObjectKind::Index => catalog
            .index(id.name.schema.as_deref(), &id.name.name)
            .and_then(|(_, index)| index.parent.clone())
            .map(|parent| ObjectId::new(ObjectKind::Index, parent))
            .into_iter()
            .collect(),
        ObjectKind::Column | ObjectKind::Constraint | ObjectKind::Trigger => parents(catalog, &id.name)
            .iter()
            .map(|parent| ObjectId { name: parent.clone(), ..id.clone() })
            .collect(),
        _ => Vec::new(),
    }
}

fn parents<'a>(catalog: &'a Catalog, table: &QualifiedName) -> &'a [QualifiedName] {
    match catalog.objects.get(&ObjectId::table(table.clone())) {
        Some(Object::Table(table)) => &table.parents,
        _ => &[],
    }
}
