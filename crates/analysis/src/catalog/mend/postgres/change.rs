//! A property that differs.

use super::super::Step;
use super::super::order::{Action, Stage};
use super::super::text::{ident, literal, qualified};
use super::{
    Outcome, Scene, Written, column, column_in, constraint, create, each, gone, index, own_name, privileges,
    reference, routine, several, table, view,
};
use crate::catalog::id::{ObjectId, ObjectKind, QualifiedName};
use crate::catalog::object::{Object, Privileges, TypeShape};
use crate::catalog::table::{Enabled, TableKind};
use crate::catalog::{Catalog, Difference};

/// The actions for one property of an object that both databases have.
pub(super) fn property(
    scene: &Scene<'_>,
    differences: &[Difference],
    difference: &Difference,
    property: &str,
) -> Written<Outcome> {
    let id = &difference.object;
    if property == "name" {
        let is = difference.live.as_deref().ok_or_else(|| gone(&id.name))?;
        let statement = rename(scene, id, is)?;
        return Ok(run(Action::new(Stage::Rename, id.clone(), each([statement])).makes([id.clone()])));
    }
    if matches!(property, "parent" | "inherited" | "identity")
        && let Some(text) =
            table::comes_with_attach(scene, differences, id).or_else(|| attached(scene, differences, id))
    {
        return Ok(Outcome::Follows(text));
    }
    if id.kind == ObjectKind::Table && matches!(property, "parents" | "partition_bound") {
        return table::parents(scene, id).map(run);
    }
    let stage = match property {
        "replica_identity" | "owned_by" | "clustered" => Stage::Link,
        _ if id.kind == ObjectKind::DefaultPrivileges => Stage::Link,
        _ => Stage::Make,
    };
    let steps = steps(scene, id, difference, property)?;
    let mut action =
        Action::new(stage, id.clone(), steps).makes([id.clone()]).frees([scene.live_id(id).clone()]);
    if property == "owned_by"
        && let Some(Object::Sequence(sequence)) = scene.expected.objects.get(id)
    {
        action = action.needs(sequence.owned_by.clone());
    }
    Ok(run(action))
}

fn run(action: Action) -> Outcome {
    Outcome::Run(vec![action])
}

/// A column whose table comes back under its parent.
pub(super) fn attached(scene: &Scene<'_>, differences: &[Difference], id: &ObjectId) -> Option<String> {
    use crate::catalog::DifferenceKind;
    let owner = scene.owner(id);
    let bound = |d: &&Difference| {
        d.object == *owner
            && matches!(&d.kind, DifferenceKind::Different { property } if property == "partition_bound")
    };
    differences.iter().find(bound).map(|_| format!("mended together with {owner}"))
}

fn steps(scene: &Scene<'_>, id: &ObjectId, difference: &Difference, property: &str) -> Written {
    match property {
        "comment" => return Ok(each([reference::comment(scene, id, difference.expected.as_deref())])),
        "privileges" => return Ok(each(grants(scene, id))),
        "owner" => {
            let owner = difference.expected.as_deref().ok_or_else(|| gone(&id.name))?;
            return Ok(each([format!(
                "alter {} owner to {}",
                reference::reference(scene, id),
                ident(owner)
            )]));
        }
        "column_order" => {
            return Err("no statement moves a column: code that names its columns does not notice".to_owned());
        }
        _ => {}
    }
    match id.kind {
        ObjectKind::Table => of_table(scene, id, property),
        ObjectKind::Column => of_column(scene, id, property),
        ObjectKind::Constraint => of_constraint(scene, id, property),
        ObjectKind::Index => of_index(scene, id, property),
        ObjectKind::Trigger => of_trigger(scene, id, property),
        ObjectKind::Rule => of_rule(scene, id, property),
        ObjectKind::Policy => of_policy(scene, id),
        ObjectKind::View | ObjectKind::MaterializedView => of_view(scene, id, property),
        ObjectKind::Domain => of_domain(scene, id, property),
        _ => of_others(scene, id, property),
    }
}

/// Gives a constraint, index or sequence that has another name the expected one.
pub(super) fn rename(scene: &Scene<'_>, id: &ObjectId, is: &str) -> Written<String> {
    let to = ident(own_name(id));
    let from = QualifiedName { schema: id.name.schema.clone(), name: is.to_owned() };
    Ok(match id.kind {
        ObjectKind::Constraint if scene.owner(id).kind == ObjectKind::Domain => {
            format!("alter domain {} rename constraint {} to {to}", qualified(&id.name), ident(is))
        }
        ObjectKind::Constraint => {
            format!("{} rename constraint {} to {to}", column::alter(scene, &id.name), ident(is))
        }
        ObjectKind::Index => format!("alter index {} rename to {to}", qualified(&from)),
        ObjectKind::Sequence => format!("alter sequence {} rename to {to}", qualified(&from)),
        _ => return Err(format!("rename {is} to {to} by hand")),
    })
}

/// The privileges of an object or column, and its owner.
fn granted<'a>(
    catalog: &'a Catalog,
    scene: &Scene<'_>,
    id: &ObjectId,
) -> (Option<&'a Privileges>, Option<&'a str>) {
    if id.kind == ObjectKind::Column {
        let column = column_in(catalog, scene.owner(id), own_name(id));
        return (column.and_then(|column| column.privileges.as_ref()), None);
    }
    let (granted, owner) = match catalog.objects.get(id) {
        Some(Object::Schema(o)) => (&o.privileges, &o.owner),
        Some(Object::Type(o)) => (&o.privileges, &o.owner),
        Some(Object::Domain(o)) => (&o.privileges, &o.owner),
        Some(Object::Sequence(o)) => (&o.privileges, &o.owner),
        Some(Object::Routine(o)) => (&o.privileges, &o.owner),
        Some(Object::Table(o)) => (&o.privileges, &o.owner),
        Some(Object::View(o)) => (&o.privileges, &o.owner),
        Some(Object::Server(o)) => (&o.privileges, &o.owner),
        Some(Object::Defined(o)) => (&o.privileges, &o.owner),
        Some(Object::Extension(_) | Object::Publication(_) | Object::EventTrigger(_)) | None => {
            return (None, None);
        }
    };
    (granted.as_ref(), owner.as_deref())
}

fn grants(scene: &Scene<'_>, id: &ObjectId) -> Vec<String> {
    let (is, owner) = granted(scene.live, scene, scene.live_id(id));
    let (should, _) = granted(scene.expected, scene, id);
    privileges::mend(scene, id, is, should, owner)
}

fn of_table(scene: &Scene<'_>, id: &ObjectId, property: &str) -> Written {
    let (should, is) = (scene.table(&id.name)?, scene.live_table(&id.name).ok_or_else(|| gone(&id.name))?);
    let alter = column::alter(scene, &id.name);
    let statement = match property {
        "row_security" => {
            format!("{alter} {} row level security", if should.row_security { "enable" } else { "disable" })
        }
        "force_row_security" => {
            let word = if should.force_row_security { "force" } else { "no force" };
            format!("{alter} {word} row level security")
        }
        "replica_identity" => table::set_replica_identity(&id.name, &should.replica_identity),
        "unlogged" => format!("{alter} set {}", if should.unlogged { "unlogged" } else { "logged" }),
        "options" => return Ok(each(storage(&alter, &should.options, &is.options))),
        "access_method" => {
            format!("{alter} set access method {}", should.access_method.as_deref().unwrap_or("heap"))
        }
        "tablespace" => match &should.tablespace {
            Some(space) => format!("{alter} set tablespace {}", ident(space)),
            None => {
                return Err("which tablespace is the database's own is not in the catalog: move it by hand"
                    .to_owned());
            }
        },
        "of_type" => match &should.of_type {
            Some(type_) => format!("{alter} of {type_}"),
            None => format!("{alter} not of"),
        },
        "server_options" => {
            format!(
                "{alter} options ({})",
                several::options_change(&should.server_options, &is.server_options)?
            )
        }
        _ => {
            return Err(
                "that is decided when the table is made: make another one and move the rows".to_owned()
            );
        }
    };
    Ok(each([statement]))
}

/// `set (..)` and `reset (..)`.
fn storage(
    alter: &str,
    should: &std::collections::BTreeMap<String, String>,
    is: &std::collections::BTreeMap<String, String>,
) -> Vec<String> {
    let set: Vec<_> = should.iter().filter(|(name, value)| is.get(*name) != Some(*value)).collect();
    let reset: Vec<&str> = is.keys().filter(|n| !should.contains_key(*n)).map(String::as_str).collect();
    let mut all = Vec::new();
    if !set.is_empty() {
        all.push(format!("{alter} set ({})", super::super::text::settings(set)));
    }
    if !reset.is_empty() {
        all.push(format!("{alter} reset ({})", reset.join(", ")));
    }
    all
}

fn of_column(scene: &Scene<'_>, id: &ObjectId, property: &str) -> Written {
    let should = scene.column(id)?;
    let is = scene.live_column(id)?;
    let alter = format!("{} alter column {}", column::alter(scene, &id.name), ident(&should.name));
    let statement = match property {
        "default" => match &should.default {
            Some(default) => format!("{alter} set default {default}"),
            None => format!("{alter} drop default"),
        },
        "not_null" if should.not_null => return column::set_not_null(scene, id),
        "not_null" => format!("{alter} drop not null"),
        "identity" => return column::identity(scene, id),
        "storage" => match (&should.storage, scene.live.server_version >= 160_000) {
            (Some(storage), _) => format!("{alter} set storage {storage}"),
            (None, true) => format!("{alter} set storage default"),
            // What a type's own storage is, only the server knows; every type whose storage can be set stores it so.
            (None, false) => format!("{alter} set storage extended"),
        },
        "compression" => {
            format!("{alter} set compression {}", should.compression.as_deref().unwrap_or("default"))
        }
        "statistics" => format!("{alter} set statistics {}", should.statistics.unwrap_or(-1)),
        "options" => return Ok(each(storage(&alter, &should.options, &is.options))),
        "server_options" => {
            format!(
                "{alter} options ({})",
                several::options_change(&should.server_options, &is.server_options)?
            )
        }
        "inherited" => return Err(local("column")),
        _ => return Err(format!("no statement changes the {property} of a column")),
    };
    Ok(each([statement]))
}

fn local(what: &str) -> String {
    format!(
        "whether a {what} is also the table's own is decided when it is made; it matters only when the parent drops it"
    )
}

fn of_constraint(scene: &Scene<'_>, id: &ObjectId, property: &str) -> Written {
    let should = scene.constraint(id)?;
    match property {
        "validated" => constraint::validity(scene, id),
        "switched_off" => Ok(each([constraint::switch(id, should)])),
        "valid" => constraint::index_validity(scene, id),
        "inherited" => Err(local("constraint")),
        "index_comment" | "clustered" | "tablespace" => of_own_index(scene, id, property),
        // A difference of the index behind it, or of what it demands.
        _ => constraint::redefine(scene, id),
    }
}

/// What is set on the index behind a constraint.
fn of_own_index(scene: &Scene<'_>, id: &ObjectId, property: &str) -> Written {
    let table = scene.table(&id.name)?;
    let found = table.indexes.iter().find(|(_, index)| index.constraint.as_deref() == Some(own_name(id)));
    let (name, found) = found.ok_or_else(|| gone(&id.name))?;
    let at = qualified(&QualifiedName { name: name.clone(), ..id.name.clone() });
    let alter = column::alter(scene, &id.name);
    let statement = match property {
        "index_comment" => reference::comment_on(&format!("index {at}"), found.comment.as_deref()),
        "clustered" if found.clustered => format!("{alter} cluster on {}", ident(name)),
        "clustered" => format!("{alter} set without cluster"),
        _ => match &found.tablespace {
            Some(space) => format!("alter index {at} set tablespace {}", ident(space)),
            None => {
                return Err("which tablespace is the database's own is not in the catalog: move it by hand"
                    .to_owned());
            }
        },
    };
    Ok(each([statement]))
}

fn of_index(scene: &Scene<'_>, id: &ObjectId, property: &str) -> Written {
    let (owner, should) = scene.index(id)?;
    let name = qualified(&id.name);
    let kind = if owner.kind == ObjectKind::Table { "table" } else { "materialized view" };
    let alter = format!("alter {kind} {}", qualified(&owner.name));
    let statement = match property {
        "valid" => return index::validity(scene, id),
        "clustered" if should.clustered => format!("{alter} cluster on {}", ident(&id.name.name)),
        "clustered" => format!("{alter} set without cluster"),
        "tablespace" => match &should.tablespace {
            Some(space) => format!("alter index {name} set tablespace {}", ident(space)),
            None => {
                return Err("which tablespace is the database's own is not in the catalog: move it by hand"
                    .to_owned());
            }
        },
        "statistics" => {
            let live = scene.live.index(id.name.schema.as_deref(), &scene.live_id(id).name.name);
            let had = live.map(|(_, index)| index.statistics.clone()).unwrap_or_default();
            let changed =
                had.keys().chain(should.statistics.keys()).collect::<std::collections::BTreeSet<_>>();
            return Ok(each(changed.into_iter().filter(|p| had.get(p) != should.statistics.get(p)).map(
                |position| {
                    let target = should.statistics.get(position).copied().unwrap_or(-1);
                    format!("alter index {name} alter column {position} set statistics {target}")
                },
            )));
        }
        "parent" => match &should.parent {
            Some(parent) => index::attach(parent, &id.name),
            None => {
                return Err(
                    "no statement takes an index away from the parent's: drop it and create it again"
                        .to_owned(),
                );
            }
        },
        _ => return index::redefine(scene, id),
    };
    Ok(each([statement]))
}

fn of_trigger(scene: &Scene<'_>, id: &ObjectId, property: &str) -> Written {
    let mut all = create::trigger(scene, id)?;
    let owner = scene.expected.objects.get(scene.owner(id));
    let trigger = match owner {
        Some(Object::Table(table)) => table.triggers.get(own_name(id)),
        Some(Object::View(view)) => view.triggers.get(own_name(id)),
        _ => None,
    };
    let enabled = trigger.map_or(Enabled::Origin, |trigger| trigger.enabled);
    if property == "enabled" {
        return Ok(each([create::fires(id, "trigger", enabled)]));
    }
    if property == "inherited" {
        return Err(local("trigger"));
    }
    match create::replacing(&all[0]) {
        Some(replacing) => {
            all[0] = replacing;
            if enabled == Enabled::Origin {
                all.insert(1, create::fires(id, "trigger", enabled));
            }
        }
        None => all.insert(0, format!("drop {}", reference::reference(scene, id))),
    }
    Ok(create::together(all))
}

fn of_rule(scene: &Scene<'_>, id: &ObjectId, property: &str) -> Written {
    let mut all = create::rule(scene, id)?;
    let rule = match scene.expected.objects.get(scene.owner(id)) {
        Some(Object::Table(table)) => table.rules.get(own_name(id)),
        Some(Object::View(view)) => view.rules.get(own_name(id)),
        _ => None,
    };
    if property == "enabled" {
        let enabled = rule.map_or(Enabled::Origin, |rule| rule.enabled);
        return Ok(each([create::fires(id, "rule", enabled)]));
    }
    all[0] = create::replacing(&all[0]).ok_or_else(|| gone(&id.name))?;
    Ok(create::together(all))
}

/// Between dropping and creating a policy rows would be open or hidden: one transaction.
fn of_policy(scene: &Scene<'_>, id: &ObjectId) -> Written {
    let mut all = create::policy(scene, id)?;
    all.insert(0, format!("drop {}", reference::reference(scene, id)));
    Ok(create::together(all))
}

fn of_view(scene: &Scene<'_>, id: &ObjectId, property: &str) -> Written {
    let should = scene.view(id)?;
    let Some(Object::View(is)) = scene.live.objects.get(id) else { return Err(gone(&id.name)) };
    let alter = column::alter(scene, &id.name);
    match property {
        "options" => Ok(each(storage(&alter, &should.options, &is.options))),
        "definition" => Ok(each([view::statement(id, should, true)])),
        "populated" if should.populated == Some(true) => {
            Ok(each([format!("refresh materialized view {}", qualified(&id.name))]))
        }
        "populated" => Ok(each([format!("refresh materialized view {} with no data", qualified(&id.name))])),
        "tablespace" => {
            match &should.tablespace {
                Some(space) => Ok(each([format!("{alter} set tablespace {}", ident(space))])),
                None => Err("which tablespace is the database's own is not in the catalog: move it by hand"
                    .to_owned()),
            }
        }
        "access_method" => Ok(each([format!(
            "{alter} set access method {}",
            should.access_method.as_deref().unwrap_or("heap")
        )])),
        _ => Err(format!("no statement changes the {property} of a view")),
    }
}

fn of_domain(scene: &Scene<'_>, id: &ObjectId, property: &str) -> Written {
    let Some(Object::Domain(should)) = scene.expected.objects.get(id) else { return Err(gone(&id.name)) };
    let alter = format!("alter domain {}", qualified(&id.name));
    let statement = match property {
        "not_null" if should.not_null => {
            several::refuse_nested(scene, id)?;
            format!("{alter} set not null")
        }
        "not_null" => format!("{alter} drop not null"),
        "default" => match &should.default {
            Some(default) => format!("{alter} set default {default}"),
            None => format!("{alter} drop default"),
        },
        _ => {
            return Err(format!(
                "the {property} of a domain is decided when it is made: make a new one and alter the columns to it"
            ));
        }
    };
    Ok(each([statement]))
}

fn of_others(scene: &Scene<'_>, id: &ObjectId, property: &str) -> Written {
    let (should, is) = (scene.expected.objects.get(id), scene.live.objects.get(scene.live_id(id)));
    let name = qualified(&id.name);
    match (should, is) {
        (Some(Object::Sequence(should)), Some(Object::Sequence(_))) => Ok(each([match property {
            "owned_by" => several::owned_by(id, should.owned_by.as_ref()),
            "unlogged" => format!("alter sequence {name} set {}", if should.unlogged { "unlogged" } else { "logged" }),
            _ => format!("alter sequence {name} as {} {}", should.range.type_, column::range(&should.range)),
        }])),
        (Some(Object::Routine(should)), Some(Object::Routine(_))) => Ok(each([routine::create(id, should)?])),
        (Some(Object::Type(should)), Some(Object::Type(is))) => match (&should.shape, &is.shape) {
            (TypeShape::Enum { labels }, TypeShape::Enum { labels: had }) => {
                several::labels(id, labels, had).map(each)
            }
            _ => Err("what a type is made of is decided when it is made: make a new one and alter the columns to it".to_owned()),
        },
        (Some(Object::Extension(should)), Some(Object::Extension(_))) => Ok(each([match property {
            "schema" => format!("alter extension {name} set schema {}", ident(&should.schema)),
            _ => format!("alter extension {name} update to {}", literal(&should.version)),
        }])),
        (Some(Object::Publication(should)), Some(Object::Publication(is))) => {
            Ok(create::together(several::alter_publication(id, should, is)))
        }
        (Some(Object::EventTrigger(should)), Some(Object::EventTrigger(_))) => {
            if property == "enabled" {
                return Ok(each([several::event_trigger_fires(id, should.enabled)]));
            }
            let mut all = vec![format!("drop event trigger {name}")];
            all.extend(create::whole(scene, id)?);
            Ok(create::together(all))
        }
        (Some(Object::Server(should)), Some(Object::Server(is))) if property == "options" => {
            let kind = reference::reference(scene, id);
            Ok(each([format!("alter {kind} options ({})", several::options_change(&should.options, &is.options)?)]))
        }
        (Some(Object::Defined(should)), Some(Object::Defined(is))) if id.kind == ObjectKind::DefaultPrivileges => {
            privileges::defaults(id, Some(&is.definition), Some(&should.definition)).map(each)
        }
        _ => Err(format!("no statement changes the {property} of this: drop it and create it again by hand")),
    }
}

/// Whether a table is of a kind whose rows stand elsewhere.
pub(super) fn holds_rows(kind: TableKind) -> bool {
    kind != TableKind::Foreign
}

/// For a rebuild: the statements of a step.
pub(super) fn flat(steps: Vec<Step>) -> Vec<String> {
    steps
        .into_iter()
        .flat_map(|step| match step {
            Step::Alone(statement) => vec![statement],
            Step::Together(statements) => statements,
        })
        .collect()
}
