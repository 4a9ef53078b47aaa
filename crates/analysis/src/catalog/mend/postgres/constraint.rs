//! Constraints: added not valid and then validated, keys from an index that was built concurrently.

use super::super::Step;
use super::super::text::{find_outside, ident, insert_before, qualified, suffixed, with_clause};
use super::{Scene, Written, column, each, guard, index, own_name, reference, several};
use crate::catalog::id::{ObjectId, ObjectKind};
use crate::catalog::table::{Constraint, ConstraintKind, Table, TableKind};

/// `constraint "name" CHECK (..)`, as a line of `CREATE TABLE` or after `ADD`.
pub(super) fn line(table: Option<&Table>, name: &str, constraint: &Constraint) -> String {
    let index =
        table.and_then(|table| table.indexes.values().find(|i| i.constraint.as_deref() == Some(name)));
    let mut definition = constraint.definition.clone();
    if let Some(index) = index {
        // What the server prints of a constraint lacks the storage of its index.
        let mut clause = with_clause(&index.definition).unwrap_or_default().to_owned();
        if let Some(tablespace) = &index.tablespace {
            clause += &format!(" using index tablespace {}", ident(tablespace));
        }
        definition = insert_before(&definition, &[" WHERE (", " DEFERRABLE", " INITIALLY"], &clause);
    }
    format!("constraint {} {definition}", ident(name))
}

/// Adds a missing constraint of a table or domain that is there, with what is set on it.
pub(super) fn add(scene: &Scene<'_>, id: &ObjectId) -> Written {
    let constraint = scene.constraint(id)?;
    let name = own_name(id);
    let owner = scene.owner(id);
    let mut steps = if owner.kind == ObjectKind::Domain {
        several::refuse_nested(scene, owner)?;
        let alter = format!("alter domain {}", qualified(&id.name));
        add_unvalidated(&alter, name, &line(None, name, constraint), constraint)
    } else {
        let table = scene.table(&id.name)?;
        let alter = column::alter(scene, &id.name);
        let line = line(Some(table), name, constraint);
        match constraint.kind {
            ConstraintKind::Check | ConstraintKind::ForeignKey | ConstraintKind::NotNull
                if stepwise(scene, table, constraint) =>
            {
                add_unvalidated(&alter, name, &line, constraint)
            }
            ConstraintKind::PrimaryKey | ConstraintKind::Unique if from_index(scene, table, constraint) => {
                add_from_index(scene, id, table, constraint, name)?
            }
            _ => each([format!("{alter} add {line}")]),
        }
    };
    steps.extend(each(finish(scene, id, constraint)));
    Ok(steps)
}

/// Whether the constraint can be added without a scan and validated later.
fn stepwise(scene: &Scene<'_>, table: &Table, constraint: &Constraint) -> bool {
    let partitioned_key = constraint.kind == ConstraintKind::ForeignKey
        && table.kind == TableKind::Partitioned
        && scene.live.server_version < 180_000;
    table.kind != TableKind::Foreign
        && !partitioned_key
        && !constraint.definition.ends_with(" NOT ENFORCED")
        && (constraint.kind != ConstraintKind::NotNull || scene.live.server_version >= 180_000)
}

fn add_unvalidated(alter: &str, name: &str, line: &str, constraint: &Constraint) -> Vec<Step> {
    let mut all = vec![format!("{alter} add {line} not valid")];
    if constraint.validated {
        all.push(format!("{alter} validate constraint {}", ident(name)));
    }
    each(all)
}

/// Whether an index can be built first and taken as the constraint's.
fn from_index(scene: &Scene<'_>, table: &Table, constraint: &Constraint) -> bool {
    table.kind == TableKind::Ordinary
        && !constraint.definition.contains(" WITHOUT OVERLAPS")
        && !table.parents.iter().any(|parent| {
            super::table_in(scene.expected, parent).is_some_and(|t| t.kind == TableKind::Partitioned)
        })
}

fn add_from_index(
    scene: &Scene<'_>,
    id: &ObjectId,
    table: &Table,
    constraint: &Constraint,
    index_name: &str,
) -> Written {
    let backing = table
        .indexes
        .values()
        .find(|index| index.constraint.as_deref() == Some(own_name(id)))
        .ok_or_else(|| super::gone(&id.name))?;
    Ok(each([
        index::create(&id.name, table.kind, index_name, backing, true),
        format!(
            "{} add {}",
            column::alter(scene, &id.name),
            using_index(constraint, own_name(id), index_name)
        ),
    ]))
}

/// `constraint "x" unique using index "y" deferrable`.
fn using_index(constraint: &Constraint, name: &str, index: &str) -> String {
    let kind = if constraint.kind == ConstraintKind::PrimaryKey { "primary key" } else { "unique" };
    let late =
        find_outside(&constraint.definition, " DEFERRABLE").map_or("", |at| &constraint.definition[at..]);
    format!("constraint {} {kind} using index {}{late}", ident(name), ident(index))
}

/// What is set on a constraint apart from its line.
pub(super) fn finish(scene: &Scene<'_>, id: &ObjectId, constraint: &Constraint) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(text) = &constraint.comment {
        all.push(reference::comment(scene, id, Some(text)));
    }
    let table = super::table_in(scene.expected, &id.name);
    let index =
        table.and_then(|t| t.indexes.iter().find(|(_, i)| i.constraint.as_deref() == Some(own_name(id))));
    if let Some((name, index)) = index {
        let at = crate::catalog::QualifiedName { name: name.clone(), ..id.name.clone() };
        if let Some(text) = &index.comment {
            all.push(reference::comment_on(&format!("index {}", qualified(&at)), Some(text)));
        }
        if index.clustered {
            all.push(format!("alter table {} cluster on {}", qualified(&id.name), ident(name)));
        }
    }
    if constraint.switched_off {
        all.push(switch(id, constraint));
    }
    all
}

/// Puts another definition in the place of a constraint.
pub(super) fn redefine(scene: &Scene<'_>, id: &ObjectId) -> Written {
    let constraint = scene.constraint(id)?;
    let name = own_name(id);
    let quoted = ident(name);
    let owner = scene.owner(id);
    if owner.kind == ObjectKind::Domain {
        several::refuse_nested(scene, owner)?;
        let alter = format!("alter domain {}", qualified(&id.name));
        let late = if constraint.definition.ends_with(" NOT ENFORCED") { "" } else { " not valid" };
        let mut steps = vec![Step::Together(vec![
            format!("{alter} drop constraint {quoted}"),
            format!("{alter} add {}{late}", line(None, name, constraint)),
        ])];
        if constraint.validated {
            steps.push(Step::Alone(format!("{alter} validate constraint {quoted}")));
        }
        return Ok(steps);
    }
    let table = scene.table(&id.name)?;
    let alter = column::alter(scene, &id.name);
    let key = matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique);
    let mut steps = if key && from_index(scene, table, constraint) {
        let interim = suffixed(name, "_mend");
        let backing = table
            .indexes
            .values()
            .find(|index| index.constraint.as_deref() == Some(name))
            .ok_or_else(|| super::gone(&id.name))?;
        each([
            index::create(&id.name, table.kind, &interim, backing, true),
            // One command: it fails as a whole when the index is not there or not valid.
            format!("{alter} drop constraint {quoted}, add {}", using_index(constraint, name, &interim)),
        ])
    } else {
        let late = stepwise(scene, table, constraint)
            && matches!(
                constraint.kind,
                ConstraintKind::Check | ConstraintKind::ForeignKey | ConstraintKind::NotNull
            );
        let not_valid = if late { " not valid" } else { "" };
        let swap = format!(
            "{alter} drop constraint {quoted}, add {}{not_valid}",
            line(Some(table), name, constraint)
        );
        let validate = format!("{alter} validate constraint {quoted}");
        each(std::iter::once(swap).chain((late && constraint.validated).then_some(validate)))
    };
    steps.extend(each(finish(scene, id, constraint)));
    Ok(steps)
}

/// Validates, or takes the validation back by adding it again.
pub(super) fn validity(scene: &Scene<'_>, id: &ObjectId) -> Written {
    let constraint = scene.constraint(id)?;
    if !constraint.validated {
        return redefine(scene, id);
    }
    let alter = match scene.owner(id).kind {
        ObjectKind::Domain => format!("alter domain {}", qualified(&id.name)),
        _ => column::alter(scene, &id.name),
    };
    Ok(each([format!("{alter} validate constraint {}", ident(own_name(id)))]))
}

/// Switches a constraint's own triggers on or off. Their names are made of numbers, so they are looked up.
pub(super) fn switch(id: &ObjectId, constraint: &Constraint) -> String {
    use super::super::text::{dollars, literal};
    let (word, letters) =
        if constraint.switched_off { ("disable", "in ('O', 'A')") } else { ("enable", "in ('D', 'R')") };
    let body = format!(
        "\ndeclare\n  own record;\nbegin\n  for own in\n    select t.tgrelid::regclass as relation, t.tgname as name from pg_trigger t\n    \
         join pg_constraint c on c.oid = t.tgconstraint\n    \
         where c.conrelid = {}::regclass and c.conname = {} and t.tgisinternal and t.tgenabled {letters}\n  \
         loop\n    execute format('alter table %s {word} trigger %I', own.relation, own.name);\n  end loop;\nend\n",
        literal(&qualified(&id.name)),
        literal(own_name(id)),
    );
    format!("do {}", dollars(&body, "mend"))
}

/// Drops an extra constraint; it holds nothing.
pub(super) fn drop(scene: &Scene<'_>, id: &ObjectId) -> String {
    let alter = match scene.owner(id).kind {
        ObjectKind::Domain => format!("alter domain {}", qualified(&id.name)),
        _ => column::alter(scene, &id.name),
    };
    format!("{alter} drop constraint {}", ident(own_name(id)))
}

/// Of a constraint's own index: whether it is whole.
pub(super) fn index_validity(scene: &Scene<'_>, id: &ObjectId) -> Written {
    let table = scene.table(&id.name)?;
    let found = table.indexes.iter().find(|(_, index)| index.constraint.as_deref() == Some(own_name(id)));
    let (name, index) = found.ok_or_else(|| super::gone(&id.name))?;
    if !index.valid {
        return Err("its index is expected to lack the parts of some partitions: nothing takes a part away"
            .to_owned());
    }
    let at = crate::catalog::QualifiedName { name: name.clone(), ..id.name.clone() };
    Ok(each([format!("reindex index concurrently {}", qualified(&at))]))
}

/// Guards a swap by the state of the index that takes over.
pub(super) fn when_valid(index: &str, statements: &[String]) -> String {
    use super::super::text::literal;
    guard::only_if(
        &format!("select indisvalid from pg_index where indexrelid = to_regclass({})", literal(index)),
        &format!("{index} is not there or not valid: nothing was replaced"),
        statements,
    )
}
