//! An extra attribute of a composite type, which may hold values wherever that type stands.
//!
//! It is dropped after a look at every column that holds the type or its array. Where values
//! may stand that no such look reaches (in another composite, a domain, a range, a materialized
//! view, a table's row type) it is left to a person.

use std::collections::{BTreeMap, BTreeSet};

use super::super::order::users;
use super::super::text::{ident, qualified};
use super::{Scene, Written, guard, own_name};
use crate::catalog::id::{ObjectId, ObjectKind, QualifiedName};
use crate::catalog::object::{Object, Type, TypeShape};
use crate::catalog::table::Column;

type Users = BTreeMap<ObjectId, BTreeSet<ObjectId>>;

/// Drops an attribute, when no value of its type has it set.
pub(super) fn drop(scene: &Scene<'_>, id: &ObjectId) -> Written<Vec<String>> {
    let type_ = scene.live_owner.get(id).ok_or_else(|| super::gone(&id.name))?;
    let users = users(scene.live);
    refuse_hidden(scene, type_, &users)?;
    let name = &id.name;
    let attribute = ident(own_name(id));
    let mut looks = Vec::new();
    let mut tables = Vec::new();
    let mut typed = Vec::new();
    for (table, found) in scene.live.tables() {
        let before = looks.len();
        if found.of_type.as_deref().is_some_and(|of| names(of, name)) {
            looks.push(format!("select from {} where {attribute} is not null", qualified(table)));
            typed.push(table);
        }
        looks.extend(found.columns.iter().filter_map(|column| look(table, column, name, &attribute)));
        if looks.len() > before {
            tables.push(table);
        }
    }
    refuse_cascade(id, &typed, &users)?;
    // Only typed tables need the word; without it, what uses the attribute stops the statement.
    let cascade = if typed.is_empty() { "" } else { " cascade" };
    let drop = format!("alter type {} drop attribute {attribute}{cascade}", qualified(&id.name));
    if looks.is_empty() {
        return Ok(vec![drop]);
    }
    Ok(vec![guard::unless_found(
        tables,
        &looks.join(" union all "),
        &format!("values of {name} have {} set: nothing was dropped", own_name(id)),
        &[drop],
    )])
}

/// A query that finds rows in which the attribute is set, where the column holds the type.
fn look(table: &QualifiedName, column: &Column, type_: &QualifiedName, attribute: &str) -> Option<String> {
    let (table, own) = (qualified(table), ident(&column.name));
    if !names(&column.type_, type_) {
        return None;
    }
    Some(if column.type_.ends_with("[]") {
        format!("select from {table} o, unnest(o.{own}) v where v.{attribute} is not null")
    } else {
        format!("select from {table} o where (o.{own}).{attribute} is not null")
    })
}

/// Fails when values of the type may stand where no column shows them.
fn refuse_hidden(scene: &Scene<'_>, type_: &ObjectId, users: &Users) -> Written<()> {
    let name = &type_.name;
    let hidden = |user: &ObjectId| {
        Err(format!(
            "values of {name} may stand in {user}, where no statement looks for them: drop it by hand"
        ))
    };
    let mut rows: Vec<&QualifiedName> = Vec::new();
    for (table, found) in scene.live.tables() {
        if found.of_type.as_deref().is_some_and(|of| names(of, name)) || holds(&found.columns, name) {
            rows.push(table);
        }
    }
    // The row type of a table that holds the type holds it too.
    let inside = |object: &Object, of: &QualifiedName| match object {
        Object::Table(table) => of != name && holds(&table.columns, of),
        Object::View(view) => view.populated.is_some() && holds(&view.columns, of),
        Object::Type(Type { shape: TypeShape::Composite { columns }, .. }) => holds(columns, of),
        Object::Domain(domain) => names(&domain.type_, of),
        _ => false,
    };
    for (id, object) in &scene.live.objects {
        if id != type_ && rows.iter().copied().chain([name]).any(|of| inside(object, of)) {
            return hidden(id);
        }
    }
    for user in users.get(type_).into_iter().flatten() {
        let whole = scene.live_owner.get(user).unwrap_or(user);
        match whole.kind {
            ObjectKind::Domain | ObjectKind::Type | ObjectKind::MaterializedView if whole != type_ => {
                return hidden(user);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the text names the type, or its array. The server quotes more words than we do.
fn names(text: &str, type_: &QualifiedName) -> bool {
    text.trim_end_matches("[]").parse::<QualifiedName>().is_ok_and(|name| name == *type_)
}

fn holds(columns: &[Column], type_: &QualifiedName) -> bool {
    columns.iter().any(|column| names(&column.type_, type_))
}

/// `cascade` reaches typed tables, and with them what reads their columns.
fn refuse_cascade(id: &ObjectId, typed: &[&QualifiedName], users: &Users) -> Written<()> {
    if typed.is_empty() {
        return Ok(());
    }
    let own = typed.iter().map(|table| ObjectId::column((*table).clone(), own_name(id)));
    let user = own.chain([id.clone()]).find_map(|column| users.get(&column)?.first().cloned());
    match user {
        Some(user) => Err(format!("{user} uses it and would go together with it: drop that first, by hand")),
        None => Ok(()),
    }
}
