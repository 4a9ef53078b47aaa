//! What only the live database has. What may hold something is dropped only when it holds nothing.

use super::super::order::{Action, Stage};
use super::super::text::{dollars, ident, literal, qualified};
use super::{
    Scene, Written, attribute, change, column, constraint, each, guard, index, own_name, parts_of,
    privileges, reference,
};
use crate::catalog::id::{ObjectId, ObjectKind};
use crate::catalog::object::Object;
use crate::catalog::table::{Column, Table};
use crate::catalog::{Difference, DifferenceKind};

/// The action for an extra object.
pub(super) fn extra(scene: &Scene<'_>, id: &ObjectId) -> Written<Action> {
    let mut gone = vec![id.clone()];
    if let Some(object) = scene.live.objects.get(id) {
        gone.extend(parts_of(id, object));
    }
    Ok(Action::new(Stage::Drop, id.clone(), each(statements_for(scene, id)?)).drops(gone))
}

/// A sequence goes with the column that it belongs to.
pub(super) fn goes_with_column(
    scene: &Scene<'_>,
    differences: &[Difference],
    id: &ObjectId,
) -> Option<String> {
    let Some(Object::Sequence(sequence)) = scene.live.objects.get(id) else { return None };
    let column = sequence.owned_by.as_ref()?;
    let gone = |d: &&Difference| {
        d.kind == DifferenceKind::Extra
            && (d.object == *column || d.object == ObjectId::table(column.name.clone()))
    };
    differences.iter().find(gone).map(|d| format!("goes together with {}", d.object))
}

fn statements_for(scene: &Scene<'_>, id: &ObjectId) -> Written<Vec<String>> {
    let object = scene.live.objects.get(id);
    Ok(vec![match (id.kind, object) {
        (ObjectKind::Table, Some(Object::Table(table))) => drop_table(scene, id, table),
        (ObjectKind::MaterializedView, _) => guard::drop_matview_if_empty(&id.name),
        (ObjectKind::Column, _) => return drop_column(scene, id),
        (ObjectKind::Constraint, _) => constraint::drop(scene, id),
        (ObjectKind::Index, _) => index::drop(scene, id),
        (ObjectKind::Sequence, _) => guard::unless_found(
            None,
            &format!("select from {} where is_called", qualified(&id.name)),
            &format!("{} has given out numbers: nothing was dropped", id.name),
            &[format!("drop sequence {}", qualified(&id.name))],
        ),
        (ObjectKind::Extension, _) => drop_extension(id),
        (ObjectKind::DefaultPrivileges, Some(Object::Defined(defined))) => {
            return privileges::defaults(id, Some(&defined.definition), None);
        }
        _ => plain(scene, id)?,
    }])
}

/// `drop ..` of what holds nothing; without `cascade`, so that what uses it stops it.
pub(super) fn plain(scene: &Scene<'_>, id: &ObjectId) -> Written<String> {
    Ok(match id.kind {
        ObjectKind::Constraint => constraint::drop(scene, id),
        ObjectKind::Index => format!("drop index {}", qualified(&id.name)),
        ObjectKind::Column => {
            format!("{} drop column {}", column::alter(scene, &id.name), ident(own_name(id)))
        }
        _ => format!("drop {}", reference::reference(scene, id)),
    })
}

fn drop_table(scene: &Scene<'_>, id: &ObjectId, table: &Table) -> String {
    let reference = reference::reference(scene, id);
    if !change::holds_rows(table.kind) {
        return format!("drop {reference}");
    }
    guard::drop_if_empty(&id.name, "table")
}

fn drop_column(scene: &Scene<'_>, id: &ObjectId) -> Written<Vec<String>> {
    let owner = scene.live_owner.get(id).ok_or_else(|| super::gone(&id.name))?;
    let found = scene.live_column(id)?;
    let alter = column::alter(scene, &id.name);
    match owner.kind {
        ObjectKind::View | ObjectKind::MaterializedView => Ok(clear_view_column(scene, id, found)),
        ObjectKind::Type => attribute::drop(scene, id),
        _ if found.generated.is_some() => Ok(vec![format!("{alter} drop column {}", ident(own_name(id)))]),
        _ => {
            let table = scene.live_table(&id.name).ok_or_else(|| super::gone(&id.name))?;
            if table.of_type.is_some() {
                return Err("it comes from the table's type: it goes with that type's attribute".to_owned());
            }
            if !change::holds_rows(table.kind) {
                return Ok(vec![format!("{alter} drop column {}", ident(own_name(id)))]);
            }
            Ok(vec![guard::drop_column_if_null(&id.name, own_name(id), &alter)])
        }
    }
}

/// A view's column is its query's; only what was set on it can go.
fn clear_view_column(scene: &Scene<'_>, id: &ObjectId, found: &Column) -> Vec<String> {
    let mut all = Vec::new();
    if found.default.is_some() {
        let alter = column::alter(scene, &id.name);
        all.push(format!("{alter} alter column {} drop default", ident(own_name(id))));
    }
    if found.comment.is_some() {
        all.push(reference::comment(scene, id, None));
    }
    if found.privileges.is_some() {
        all.extend(privileges::mend(scene, id, found.privileges.as_ref(), None, None));
    }
    all
}

/// Drops an extension whose tables hold nothing.
fn drop_extension(id: &ObjectId) -> String {
    let body = format!(
        "\ndeclare\n  own regclass;\n  filled boolean;\nbegin\n  perform set_config('row_security', 'off', true);\n  \
         for own in\n    select c.oid from pg_depend d join pg_class c on c.oid = d.objid\n    \
         join pg_extension e on e.oid = d.refobjid\n    \
         where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'\n    \
         and e.extname = {0} and c.relkind in ('r', 'p', 'm')\n  loop\n    \
         execute format('select exists (select from %s)', own) into filled;\n    \
         if filled then\n      raise exception using message = format('%s of extension %s holds rows: nothing was dropped', own, {0});\n    \
         end if;\n  end loop;\n  drop extension {1};\nend\n",
        literal(&id.name.name),
        qualified(&id.name)
    );
    format!("do {}", dollars(&body, "mend"))
}
