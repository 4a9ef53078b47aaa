//! Views and materialized views.

use super::super::Step;
use super::super::text::{ident, qualified, settings};
use super::{Scene, Written, column, create, index, privileges, reference};
use crate::catalog::id::{ObjectId, ObjectKind, QualifiedName};
use crate::catalog::table::View;

/// `create view ..`; `create or replace` when it stands there already.
pub(super) fn statement(id: &ObjectId, view: &View, replace: bool) -> String {
    let materialized = id.kind == ObjectKind::MaterializedView;
    let mut text = String::from("create ");
    if replace && !materialized {
        text += "or replace ";
    }
    text += if materialized { "materialized view " } else { "view " };
    text += &qualified(&id.name);
    if let Some(method) = &view.access_method {
        text += &format!(" using {}", ident(method));
    }
    if !view.options.is_empty() {
        text += &format!(" with ({})", settings(&view.options));
    }
    if let Some(tablespace) = &view.tablespace {
        text += &format!(" tablespace {}", ident(tablespace));
    }
    let query = view.definition.trim().trim_end_matches(';');
    format!("{text} as\n  {query}")
}

/// A view with all that belongs to it.
pub(super) fn whole(scene: &Scene<'_>, id: &ObjectId) -> Written<Vec<String>> {
    let view = scene.view(id)?;
    let mut all = vec![statement(id, view, false)];
    for column in &view.columns {
        all.extend(column::finish_view(scene, &ObjectId::column(id.name.clone(), &column.name), column));
    }
    for (name, index) in &view.indexes {
        let own = ObjectId::new(
            ObjectKind::Index,
            QualifiedName { schema: id.name.schema.clone(), name: name.clone() },
        );
        all.push(index::create(&id.name, crate::catalog::TableKind::Ordinary, name, index, false));
        all.extend(index::finish(scene, &own, index));
    }
    for name in view.triggers.keys() {
        let own = ObjectId::part(ObjectKind::Trigger, id.name.clone(), name);
        all.extend(create::trigger(scene, &own)?);
    }
    for name in view.rules.keys() {
        let own = ObjectId::part(ObjectKind::Rule, id.name.clone(), name);
        all.extend(create::rule(scene, &own)?);
    }
    if let Some(text) = &view.comment {
        all.push(reference::comment(scene, id, Some(text)));
    }
    all.extend(privileges::fresh(scene, id, view.privileges.as_ref()));
    Ok(all)
}

/// Whether `create or replace view` can take the live view to the expected one: it may only
/// add columns at the end.
pub(super) fn replaceable(id: &ObjectId, should: &View, is: &View) -> bool {
    let same = |(a, b): (&crate::catalog::Column, &crate::catalog::Column)| {
        a.name == b.name && a.type_ == b.type_ && a.collation == b.collation
    };
    id.kind == ObjectKind::View
        && is.columns.len() <= should.columns.len()
        && is.columns.iter().zip(&should.columns).all(same)
}

/// A view in one go: applications never see it half made.
pub(super) fn make(scene: &Scene<'_>, id: &ObjectId) -> Written {
    let mut all = whole(scene, id)?;
    Ok(vec![match all.len() {
        1 => Step::Alone(all.remove(0)),
        _ => Step::Together(all),
    }])
}
