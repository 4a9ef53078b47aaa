//! Columns: as a line of `CREATE TABLE`, and added to a table that is there.

use super::super::text::{ident, literal, qualified, settings};
use super::{Scene, Written, counter, each, guard, privileges, reference};
use crate::catalog::id::{ObjectId, ObjectKind, QualifiedName};
use crate::catalog::table::{Column, ConstraintKind, Identity, SequenceRange, Table};

/// `"body" text collate "C" default ''::text not null`.
pub(super) fn line(
    scene: &Scene<'_>,
    table: Option<(&QualifiedName, &Table)>,
    column: &Column,
) -> Written<String> {
    let mut line = format!("{} {}", ident(&column.name), column.type_);
    if let Some(compression) = &column.compression {
        line += &format!(" compression {compression}");
    }
    if !column.server_options.is_empty() {
        line += &format!(" options ({})", server_options(&column.server_options)?);
    }
    if let Some(collation) = &column.collation {
        line += &format!(" collate {collation}");
    }
    line += &filling(column);
    if column.not_null && !not_null_has_a_name(scene, table, column) {
        line += " not null";
    }
    Ok(line)
}

/// Where the values come from: default, expression or sequence.
fn filling(column: &Column) -> String {
    if let Some(generated) = &column.generated {
        let kept = if generated.stored { "stored" } else { "virtual" };
        return format!(" generated always as ({}) {kept}", generated.expression);
    }
    // A partition's identity is its parent's: it has no sequence and says nothing.
    if let Some(identity) = column.identity.as_ref().filter(|identity| identity.range.increment != 0) {
        return format!(" {}", identity_clause(identity));
    }
    column.default.as_ref().map(|default| format!(" default {default}")).unwrap_or_default()
}

/// `generated always as identity (..)`.
pub(super) fn identity_clause(identity: &Identity) -> String {
    let when = if identity.always { "always" } else { "by default" };
    format!("generated {when} as identity ({})", range(&identity.range))
}

/// What a sequence counts, as `CREATE SEQUENCE` says it, without the type.
pub(super) fn range(range: &SequenceRange) -> String {
    format!(
        "increment {} minvalue {} maxvalue {} start {} cache {}{}",
        range.increment,
        range.min,
        range.max,
        range.start,
        range.cache,
        if range.cycle { " cycle" } else { " no cycle" }
    )
}

/// From Postgres 18 on NOT NULL is a constraint that is written with its name.
pub(super) fn not_null_has_a_name(
    scene: &Scene<'_>,
    table: Option<(&QualifiedName, &Table)>,
    column: &Column,
) -> bool {
    scene.live.server_version >= 180_000
        && table.is_some_and(|(_, table)| {
            table
                .constraints
                .values()
                .any(|c| c.kind == ConstraintKind::NotNull && c.columns.first() == Some(&column.name))
        })
}

/// `name 'value'` for each; a withheld secret cannot be written.
pub(super) fn server_options(options: &std::collections::BTreeMap<String, String>) -> Written<String> {
    if let Some((name, _)) = options.iter().find(|(_, value)| *value == "(withheld)") {
        return Err(format!("its option {name} is a secret that is read by nobody: set it by hand"));
    }
    Ok(options.iter().map(|(n, v)| format!("{} {}", ident(n), literal(v))).collect::<Vec<_>>().join(", "))
}

/// What is set on a column apart from its line: storage, statistics, options, comment, privileges.
pub(super) fn finish(scene: &Scene<'_>, id: &ObjectId, column: &Column) -> Vec<String> {
    let alter = format!("{} alter column {}", alter(scene, &id.name), ident(&column.name));
    let mut all = Vec::new();
    if let Some(storage) = &column.storage {
        all.push(format!("{alter} set storage {storage}"));
    }
    if let Some(target) = column.statistics {
        all.push(format!("{alter} set statistics {target}"));
    }
    if !column.options.is_empty() {
        all.push(format!("{alter} set ({})", settings(&column.options)));
    }
    if let Some(text) = &column.comment {
        all.push(reference::comment(scene, id, Some(text)));
    }
    if column.privileges.is_some() {
        all.extend(privileges::mend(scene, id, None, column.privileges.as_ref(), None));
    }
    all
}

/// `alter table "public"."notes"`, or what it is instead.
pub(super) fn alter(scene: &Scene<'_>, name: &QualifiedName) -> String {
    let id = ObjectId::table(name.clone());
    let is = |kind| {
        let id = ObjectId { kind, ..id.clone() };
        scene.expected.objects.contains_key(&id)
    };
    let kind = match () {
        () if is(ObjectKind::View) => "view",
        () if is(ObjectKind::MaterializedView) => "materialized view",
        () if is(ObjectKind::Type) => "type",
        () => return format!("alter {}", reference::reference(scene, &id)),
    };
    format!("alter {kind} {}", qualified(name))
}

/// Adds a missing column or attribute.
pub(super) fn add(scene: &Scene<'_>, id: &ObjectId) -> Written {
    let column = scene.column(id)?;
    let owner = scene.owner(id);
    let name = qualified(&id.name);
    match owner.kind {
        ObjectKind::Type => {
            let collate = column.collation.as_ref().map(|c| format!(" collate {c}")).unwrap_or_default();
            let add = format!(
                "alter type {name} add attribute {} {}{collate} cascade",
                ident(&column.name),
                column.type_
            );
            Ok(each([add]))
        }
        ObjectKind::View | ObjectKind::MaterializedView => Ok(each(finish_view(scene, id, column))),
        _ => {
            let table = scene.table(&id.name)?;
            let add = format!(
                "{} add column {}",
                alter(scene, &id.name),
                line(scene, Some((&id.name, table)), column)?
            );
            Ok(each(std::iter::once(add).chain(finish(scene, id, column))))
        }
    }
}

/// What a view's column has of its own.
pub(super) fn finish_view(scene: &Scene<'_>, id: &ObjectId, column: &Column) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(default) = &column.default {
        all.push(format!(
            "{} alter column {} set default {default}",
            alter(scene, &id.name),
            ident(&column.name)
        ));
    }
    if let Some(text) = &column.comment {
        all.push(reference::comment(scene, id, Some(text)));
    }
    if column.privileges.is_some() {
        all.extend(privileges::mend(scene, id, None, column.privileges.as_ref(), None));
    }
    all
}

/// Sets NOT NULL: through a validated check, so that the scan holds no strong lock.
pub(super) fn set_not_null(scene: &Scene<'_>, id: &ObjectId) -> Written {
    const CHECK: &str = "_cofferdam_not_null";
    let column = ident(super::own_name(id));
    let alter = alter(scene, &id.name);
    let table = scene.live_table(&id.name);
    let plain = format!("{alter} alter column {column} set not null");
    if table.is_none_or(|table| table.kind == crate::catalog::TableKind::Foreign) {
        return Ok(each([plain]));
    }
    Ok(each([
        format!("{alter} add constraint {CHECK} check ({column} is not null) not valid"),
        format!("{alter} validate constraint {CHECK}"),
        plain,
        format!("{alter} drop constraint {CHECK}"),
    ]))
}

/// Changes a column's type or collation; values that would not come through unchanged refuse it.
pub(super) fn retype(scene: &Scene<'_>, id: &ObjectId) -> Written<Vec<String>> {
    let (should, is) = (scene.column(id)?, scene.live_column(id)?);
    let name = ident(&should.name);
    let owner = scene.owner(id);
    let collate = should.collation.as_ref().map(|c| format!(" collate {c}")).unwrap_or_default();
    let same_type = should.type_ == is.type_;
    if owner.kind == ObjectKind::Type {
        let type_ = qualified(&id.name);
        return Ok(vec![format!(
            "alter type {type_} alter attribute {name} type {}{collate} cascade",
            should.type_
        )]);
    }
    let alter = alter(scene, &id.name);
    let cast = cast(scene, &name, &should.type_);
    let mut parts = Vec::new();
    // What counts changes hands in a statement of its own, and what counted serves until then.
    let counts = counter::changes(scene, id);
    if is.default.is_some() && !counts {
        parts.push(format!("alter column {name} drop default"));
    }
    // Postgres computes the values of a generated column anew, and takes no word on how.
    let using = if same_type || is.generated.is_some() { String::new() } else { format!(" using {cast}") };
    parts.push(format!("alter column {name} type {}{collate}{using}", should.type_));
    if let Some(default) = should.default.as_ref().filter(|_| !counts) {
        parts.push(format!("alter column {name} set default {default}"));
    }
    let change = format!("{alter} {}", parts.join(", "));
    if same_type || is.generated.is_some() {
        return Ok(vec![change]);
    }
    // A conversion there and back that changes a value's text has lost something.
    let back = format!("({cast})::{}", is.type_);
    Ok(vec![guard::unless_found(
        Some(&id.name),
        &format!("select from {} where {back}::text is distinct from {name}::text", qualified(&id.name)),
        &format!(
            "{}.{} holds values that {} would change: nothing was altered",
            id.name, should.name, should.type_
        ),
        &[change],
    )])
}

/// An enum has casts from nothing but text.
fn cast(scene: &Scene<'_>, name: &str, to: &str) -> String {
    let bare = to.trim_end_matches("[]");
    let enumerated = scene.expected.of_kind(ObjectKind::Type).any(|(id, object)| {
        let enumerated = matches!(
            object,
            crate::catalog::Object::Type(crate::catalog::Type {
                shape: crate::catalog::TypeShape::Enum { .. },
                ..
            })
        );
        enumerated && id.name.to_string() == bare
    });
    if enumerated { format!("{name}::text::{to}") } else { format!("{name}::{to}") }
}

/// Makes a plain column a generated one: values that the expression would not give refuse it.
pub(super) fn regenerate(scene: &Scene<'_>, id: &ObjectId) -> Written<Vec<String>> {
    let (should, is) = (scene.column(id)?, scene.live_column(id)?);
    let alter = alter(scene, &id.name);
    let name = ident(&should.name);
    let Some(generated) = &should.generated else {
        let expression = match &is.generated {
            Some(generated) if !generated.stored => {
                return Err(format!(
                    "a virtual column keeps no values ({}): add a plain one, fill it and drop this one",
                    generated.expression
                ));
            }
            _ => format!("{alter} alter column {name} drop expression"),
        };
        return Ok(vec![expression]);
    };
    let same_kind = is.generated.as_ref().is_some_and(|other| other.stored == generated.stored);
    if same_kind && scene.live.server_version >= 170_000 {
        return Ok(vec![format!("{alter} alter column {name} set expression as ({})", generated.expression)]);
    }
    let table = scene.table(&id.name)?;
    let mut statements = vec![
        format!("{alter} drop column {name}"),
        format!("{alter} add column {}", line(scene, Some((&id.name, table)), should)?),
    ];
    statements.extend(finish(scene, id, should));
    if is.generated.is_some() {
        return Ok(statements);
    }
    Ok(vec![guard::unless_found(
        Some(&id.name),
        &format!(
            "select from {} where {name} is distinct from ({})",
            qualified(&id.name),
            generated.expression
        ),
        &format!(
            "{}.{} holds values that its expression does not give: nothing was altered",
            id.name, should.name
        ),
        &statements,
    )])
}

/// Statements that make one column's identity what it should be.
pub(super) fn identity(scene: &Scene<'_>, id: &ObjectId) -> Written {
    let (should, is) = (scene.column(id)?, scene.live_column(id)?);
    let alter = format!("{} alter column {}", alter(scene, &id.name), ident(&should.name));
    let statement = match (&should.identity, &is.identity) {
        (Some(identity), None) => format!("{alter} add {}", identity_clause(identity)),
        (None, _) => format!("{alter} drop identity"),
        (Some(identity), Some(_)) => {
            let r = &identity.range;
            format!(
                "{alter} set generated {} set increment {} set minvalue {} set maxvalue {} set start {} set cache {} set {}",
                if identity.always { "always" } else { "by default" },
                r.increment,
                r.min,
                r.max,
                r.start,
                r.cache,
                if r.cycle { "cycle" } else { "no cycle" }
            )
        }
    };
    Ok(each([statement]))
}
