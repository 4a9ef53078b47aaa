//! Types, domains, sequences, publications, event triggers and foreign servers.

use super::super::text::{ident, idents, literal, qualified};
use super::{Scene, Written, column, constraint, own_name, reference};
use crate::catalog::id::{ObjectId, ObjectKind};
use crate::catalog::object::{Domain, EventTrigger, Object, Publication, Sequence, Server, Type, TypeShape};
use crate::catalog::table::Enabled;

/// `create type ..`.
pub(super) fn create_type(scene: &Scene<'_>, id: &ObjectId, type_: &Type) -> Written<Vec<String>> {
    let name = qualified(&id.name);
    match &type_.shape {
        TypeShape::Enum { labels } => {
            let labels: Vec<String> = labels.iter().map(|label| literal(label)).collect();
            Ok(vec![format!("create type {name} as enum ({})", labels.join(", "))])
        }
        TypeShape::Composite { columns } => {
            let attribute = |column: &crate::catalog::Column| {
                let collate = column.collation.as_ref().map(|c| format!(" collate {c}")).unwrap_or_default();
                format!("{} {}{collate}", ident(&column.name), column.type_)
            };
            let attributes: Vec<String> = columns.iter().map(attribute).collect();
            let mut all = vec![format!("create type {name} as ({})", attributes.join(", "))];
            for column in columns.iter().filter(|c| c.comment.is_some()) {
                let own = ObjectId::column(id.name.clone(), &column.name);
                all.push(reference::comment(scene, &own, column.comment.as_deref()));
            }
            Ok(all)
        }
        TypeShape::Range { .. } | TypeShape::Base { .. } => match &type_.create {
            Some(create) => Ok(vec![create.clone()]),
            None => Err("a base type needs its functions written in C: create it by hand".to_owned()),
        },
    }
}

/// What takes an enum's labels to the expected ones.
pub(super) fn labels(id: &ObjectId, should: &[String], is: &[String]) -> Written<Vec<String>> {
    let name = qualified(&id.name);
    if let Some(extra) = is.iter().find(|label| !should.contains(label)) {
        let changed: Vec<(&String, &String)> =
            is.iter().zip(should).filter(|(is, should)| is != should).collect();
        let renamed = is.len() == should.len()
            && changed.iter().all(|(from, to)| !should.contains(from) && !is.contains(to));
        if !renamed {
            return Err(format!(
                "Postgres removes no label from an enum ({extra}): make a new type, alter the columns to it through text, drop this one"
            ));
        }
        // No label can be removed, so one that stands in another's place is that one renamed.
        return Ok(changed
            .into_iter()
            .map(|(from, to)| format!("alter type {name} rename value {} to {}", literal(from), literal(to)))
            .collect());
    }
    let mut there: Vec<String> = is.to_vec();
    let mut all = Vec::new();
    for (at, label) in should.iter().enumerate().filter(|(_, label)| !is.contains(label)) {
        let place = match at.checked_sub(1).map(|before| &should[before]) {
            Some(before) => format!("after {}", literal(before)),
            None => there.first().map(|first| format!("before {}", literal(first))).unwrap_or_default(),
        };
        all.push(format!("alter type {name} add value {} {place}", literal(label)).trim_end().to_owned());
        there.insert(at.min(there.len()), label.clone());
    }
    if there != should {
        return Err(
            "Postgres does not sort an enum's labels anew: make a new type and alter the columns to it"
                .to_owned(),
        );
    }
    Ok(all)
}

/// `create domain ..`.
pub(super) fn create_domain(scene: &Scene<'_>, id: &ObjectId, domain: &Domain) -> Vec<String> {
    let mut text = format!("create domain {} as {}", qualified(&id.name), domain.type_);
    if let Some(collation) = &domain.collation {
        text += &format!(" collate {collation}");
    }
    if let Some(default) = &domain.default {
        text += &format!(" default {default}");
    }
    if domain.not_null {
        text += " not null";
    }
    let checks = domain.constraints.iter().filter(|(_, c)| c.kind == crate::catalog::ConstraintKind::Check);
    let mut comments = Vec::new();
    let mut late = Vec::new();
    for (name, check) in checks {
        let own = ObjectId::part(ObjectKind::Constraint, id.name.clone(), name);
        if check.validated {
            text += &format!("\n  {}", constraint::line(None, name, check));
        } else {
            let line = constraint::line(None, name, check);
            late.push(format!("alter domain {} add {line} not valid", qualified(&id.name)));
        }
        if let Some(comment) = &check.comment {
            comments.push(reference::comment(scene, &own, Some(comment)));
        }
    }
    std::iter::once(text).chain(late).chain(comments).collect()
}

/// `create sequence ..`; whose it is comes later, when the column is there.
pub(super) fn create_sequence(id: &ObjectId, sequence: &Sequence) -> Vec<String> {
    let unlogged = if sequence.unlogged { "unlogged " } else { "" };
    vec![format!(
        "create {unlogged}sequence {} as {} {}",
        qualified(&id.name),
        sequence.range.type_,
        column::range(&sequence.range)
    )]
}

/// `alter sequence .. owned by ..`.
pub(super) fn owned_by(id: &ObjectId, column: Option<&ObjectId>) -> String {
    let to = match column {
        Some(column) => format!("{}.{}", qualified(&column.name), ident(own_name(column))),
        None => "none".to_owned(),
    };
    format!("alter sequence {} owned by {to}", qualified(&id.name))
}

/// `create publication ..`.
pub(super) fn create_publication(id: &ObjectId, publication: &Publication) -> Vec<String> {
    let mut text = format!("create publication {}", qualified(&id.name));
    if publication.all_tables {
        text += " for all tables";
    } else if let Some(members) = members(publication) {
        text += &format!(" for {members}");
    }
    vec![format!("{text} with ({})", publication_options(publication))]
}

/// Its settings, those too that stand at their default.
fn publication_options(publication: &Publication) -> String {
    let option = |name: &str, default: &str| {
        publication.options.get(name).map_or_else(|| default.to_owned(), Clone::clone)
    };
    let mut text = format!(
        "publish = {}, publish_via_partition_root = {}",
        literal(&option("publish", "")),
        option("publish_via_partition_root", "false")
    );
    if publication.options.contains_key("publish_generated_columns") {
        text += ", publish_generated_columns = stored";
    }
    text
}

/// `table a (x) where (y), tables in schema b`.
fn members(publication: &Publication) -> Option<String> {
    let mut all: Vec<String> = publication
        .tables
        .iter()
        // The catalog holds these names as the server quotes them.
        .map(|(table, detail)| format!("table {table} {detail}").trim_end().to_owned())
        .collect();
    if !publication.schemas.is_empty() {
        all.push(format!("tables in schema {}", idents(&publication.schemas)));
    }
    (!all.is_empty()).then(|| all.join(", "))
}

/// What takes a publication to the expected one.
pub(super) fn alter_publication(id: &ObjectId, should: &Publication, is: &Publication) -> Vec<String> {
    let name = qualified(&id.name);
    let mut all = Vec::new();
    if should.all_tables != is.all_tables {
        all.push(format!("drop publication {name}"));
        all.extend(create_publication(id, should));
        return all;
    }
    if should.options != is.options {
        let mut options = publication_options(should);
        if is.options.contains_key("publish_generated_columns")
            && !should.options.contains_key("publish_generated_columns")
        {
            options += ", publish_generated_columns = none";
        }
        all.push(format!("alter publication {name} set ({options})"));
    }
    if should.tables != is.tables || should.schemas != is.schemas {
        match members(should) {
            Some(members) => all.push(format!("alter publication {name} set {members}")),
            None => {
                all.extend(is.tables.keys().map(|t| format!("alter publication {name} drop table {t}")));
                if !is.schemas.is_empty() {
                    let schemas = idents(&is.schemas);
                    all.push(format!("alter publication {name} drop tables in schema {schemas}"));
                }
            }
        }
    }
    all
}

/// `create event trigger ..`.
pub(super) fn create_event_trigger(id: &ObjectId, trigger: &EventTrigger) -> Vec<String> {
    let mut text = format!("create event trigger {} on {}", qualified(&id.name), trigger.event);
    if !trigger.tags.is_empty() {
        let tags: Vec<String> = trigger.tags.iter().map(|tag| literal(tag)).collect();
        text += &format!(" when tag in ({})", tags.join(", "));
    }
    let mut all = vec![format!("{text} execute function {}()", trigger.function)];
    if trigger.enabled != Enabled::Origin {
        all.push(event_trigger_fires(id, trigger.enabled));
    }
    all
}

/// `alter event trigger .. enable`.
pub(super) fn event_trigger_fires(id: &ObjectId, enabled: Enabled) -> String {
    let word = match enabled {
        Enabled::Origin => "enable",
        Enabled::Disabled => "disable",
        Enabled::Replica => "enable replica",
        Enabled::Always => "enable always",
    };
    format!("alter event trigger {} {word}", qualified(&id.name))
}

/// `create server ..` or `create foreign data wrapper ..`.
pub(super) fn create_server(server: &Server) -> Written<Vec<String>> {
    let create = server.create.as_ref().ok_or("the snapshot does not say how to create it")?;
    if server.options.is_empty() {
        return Ok(vec![create.clone()]);
    }
    Ok(vec![format!("{create} options ({})", column::server_options(&server.options)?)])
}

/// `add a '1', set b '2', drop c`: what takes foreign options to the expected ones.
pub(super) fn options_change(
    should: &std::collections::BTreeMap<String, String>,
    is: &std::collections::BTreeMap<String, String>,
) -> Written<String> {
    let mut parts = Vec::new();
    for (name, value) in should {
        let word = match is.get(name) {
            Some(had) if had == value => continue,
            Some(_) => "set",
            None => "add",
        };
        if value == "(withheld)" {
            return Err(format!("its option {name} is a secret that is read by nobody: set it by hand"));
        }
        parts.push(format!("{word} {} {}", ident(name), literal(value)));
    }
    parts.extend(
        is.keys().filter(|name| !should.contains_key(*name)).map(|name| format!("drop {}", ident(name))),
    );
    Ok(parts.join(", "))
}

/// Postgres cannot look at values of a domain inside of arrays and rows, so it changes no rule for them.
pub(super) fn refuse_nested(scene: &Scene<'_>, domain: &ObjectId) -> Written<()> {
    let name = domain.name.to_string();
    let inside = |(_, object): (&ObjectId, &Object)| match object {
        Object::Table(table) => table.columns.iter().any(|c| c.type_ == format!("{name}[]")),
        Object::View(view) if view.populated.is_some() => {
            view.columns.iter().any(|c| c.type_ == format!("{name}[]"))
        }
        Object::Type(Type { shape: TypeShape::Composite { columns }, .. }) => {
            columns.iter().any(|c| c.type_.trim_end_matches("[]") == name)
        }
        _ => false,
    };
    if scene.live.objects.iter().any(inside) {
        return Err(format!(
            "Postgres cannot check {name} where it stands in arrays or rows: make those columns plain for the time"
        ));
    }
    Ok(())
}
