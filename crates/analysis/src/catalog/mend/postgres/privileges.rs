//! Grants: what takes one access list to another.

use std::collections::{BTreeMap, BTreeSet};

use super::super::text::{ident, qualified};
use super::Scene;
use crate::catalog::id::{ObjectId, ObjectKind};
use crate::catalog::object::{Grantee, Object, Privileges};

/// By right, whether it may be granted on.
type Rights = BTreeMap<String, bool>;

/// What is granted on: `table "public"."notes"`, with the column if it is one.
struct Target {
    on: String,
    column: Option<String>,
    kind: ObjectKind,
    /// The owning role, if the catalog says.
    owner: Option<String>,
}

/// Takes the privileges of an object or column from `is` to `should`.
pub(super) fn mend(
    scene: &Scene<'_>,
    id: &ObjectId,
    is: Option<&Privileges>,
    should: Option<&Privileges>,
    owner: Option<&str>,
) -> Vec<String> {
    let target = target(scene, id, owner);
    steps(&target, &effective(id.kind, is), &effective(id.kind, should), is, should)
}

/// Gives a new object what is expected, whatever the live database's default privileges gave it.
pub(super) fn fresh(scene: &Scene<'_>, id: &ObjectId, should: Option<&Privileges>) -> Vec<String> {
    let target = target(scene, id, None);
    let given = default_grantees(scene, id);
    if given.is_empty() {
        return steps(&target, &effective(id.kind, None), &effective(id.kind, should), None, should);
    }
    let everybody = given.into_iter().chain([Grantee::Public]).collect::<BTreeSet<_>>();
    let mut all: Vec<String> = everybody
        .iter()
        .filter_map(|grantee| Some(format!("revoke all on {} from {}", target.on, target.name(grantee)?)))
        .collect();
    all.extend(steps(&target, &BTreeMap::new(), &effective(id.kind, should), None, should));
    all
}

fn target(scene: &Scene<'_>, id: &ObjectId, owner: Option<&str>) -> Target {
    let whole = if id.kind == ObjectKind::Column { scene.owner(id) } else { id };
    let name = qualified(&whole.name);
    let on = match whole.kind {
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
            format!("routine {name}({})", whole.part.as_deref().unwrap_or(""))
        }
        ObjectKind::Sequence => format!("sequence {name}"),
        ObjectKind::Schema => format!("schema {name}"),
        ObjectKind::Type | ObjectKind::Domain => format!("type {name}"),
        ObjectKind::Language => format!("language {name}"),
        ObjectKind::Server => format!("foreign server {name}"),
        ObjectKind::ForeignDataWrapper => format!("foreign data wrapper {name}"),
        _ => format!("table {name}"),
    };
    let column = (id.kind == ObjectKind::Column).then(|| ident(id.part.as_deref().unwrap_or("")));
    Target { on, column, kind: id.kind, owner: owner.map(str::to_owned) }
}

/// Who has what; the owner stands apart.
fn effective(kind: ObjectKind, granted: Option<&Privileges>) -> BTreeMap<Grantee, Rights> {
    let Some(granted) = granted else {
        return default_right(kind)
            .map(|right| (Grantee::Public, Rights::from([(right.to_owned(), false)])))
            .into_iter()
            .collect();
    };
    let one = |(grantee, rights): (&Grantee, &BTreeSet<String>)| {
        (grantee.clone(), rights.iter().map(|right| read(right)).collect())
    };
    granted.iter().filter(|(grantee, _)| **grantee != Grantee::Owner).map(one).collect()
}

/// `SELECT*` is a right with the right to grant it on.
fn read(right: &str) -> (String, bool) {
    match right.strip_suffix('*') {
        Some(right) => (right.to_owned(), true),
        None => (right.to_owned(), false),
    }
}

/// What everybody has on a new object of this kind.
/// Source: PostgreSQL documentation, "Privileges", table "Summary of Access Privileges".
fn default_right(kind: ObjectKind) -> Option<&'static str> {
    match kind {
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => Some("EXECUTE"),
        ObjectKind::Type | ObjectKind::Domain | ObjectKind::Language => Some("USAGE"),
        _ => None,
    }
}

impl Target {
    fn name(&self, grantee: &Grantee) -> Option<String> {
        match grantee {
            Grantee::Owner => self.owner.as_deref().map(ident),
            Grantee::Public => Some("public".to_owned()),
            Grantee::Role(name) => Some(ident(name)),
        }
    }

    fn rights<'a>(&self, rights: impl Iterator<Item = &'a String>) -> String {
        let one = |right: &String| match &self.column {
            Some(column) => format!("{} ({column})", right.to_lowercase()),
            None => right.to_lowercase(),
        };
        rights.map(one).collect::<Vec<_>>().join(", ")
    }

    fn grant<'a>(&self, rights: impl Iterator<Item = &'a String>, to: &str, on: bool) -> String {
        let option = if on { " with grant option" } else { "" };
        format!("grant {} on {} to {to}{option}", self.rights(rights), self.on)
    }
}

fn steps(
    target: &Target,
    is: &BTreeMap<Grantee, Rights>,
    should: &BTreeMap<Grantee, Rights>,
    is_granted: Option<&Privileges>,
    should_granted: Option<&Privileges>,
) -> Vec<String> {
    let mut statements = owners(target, is_granted, should_granted);
    let none = Rights::new();
    let grantees: BTreeSet<&Grantee> = is.keys().chain(should.keys()).collect();
    for grantee in grantees {
        let Some(name) = target.name(grantee) else { continue };
        let (has, wants) = (is.get(grantee).unwrap_or(&none), should.get(grantee).unwrap_or(&none));
        let revoked: Vec<&String> = has.keys().filter(|right| !wants.contains_key(*right)).collect();
        if !revoked.is_empty() {
            statements.push(format!(
                "revoke {} on {} from {name}",
                target.rights(revoked.into_iter()),
                target.on
            ));
        }
        let narrowed: Vec<&String> = has
            .iter()
            .filter(|(right, on)| **on && wants.get(*right) == Some(&false))
            .map(|(r, _)| r)
            .collect();
        if !narrowed.is_empty() {
            let rights = target.rights(narrowed.into_iter());
            statements.push(format!("revoke grant option for {rights} on {} from {name}", target.on));
        }
        for on in [false, true] {
            let added: Vec<&String> = wants
                .iter()
                .filter(|(right, with)| **with == on && has.get(*right).is_none_or(|had| on && !had))
                .map(|(right, _)| right)
                .collect();
            if !added.is_empty() {
                statements.push(target.grant(added.into_iter(), &name, on));
            }
        }
    }
    statements
}

/// An owner has everything unless the list says otherwise.
fn owners(target: &Target, is: Option<&Privileges>, should: Option<&Privileges>) -> Vec<String> {
    let of = |granted: Option<&Privileges>| granted.and_then(|g| g.get(&Grantee::Owner)).cloned();
    let (is, should) = (of(is), of(should));
    if is == should || target.kind == ObjectKind::Column {
        return Vec::new();
    }
    let name = target.name(&Grantee::Owner).unwrap_or_else(|| "current_user".to_owned());
    match should {
        None => vec![format!("grant all on {} to {name}", target.on)],
        Some(rights) => {
            let mut all = vec![format!("revoke all on {} from {name}", target.on)];
            let rights: Vec<String> = rights.iter().map(|right| read(right).0).collect();
            if !rights.is_empty() {
                all.push(target.grant(rights.iter(), &name, false));
            }
            all
        }
    }
}

/// Whom the live database's default privileges mention for objects such as this one.
fn default_grantees(scene: &Scene<'_>, id: &ObjectId) -> BTreeSet<Grantee> {
    let word = match id.kind {
        ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView => "tables",
        ObjectKind::Sequence => "sequences",
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => "functions",
        ObjectKind::Type | ObjectKind::Domain => "types",
        ObjectKind::Schema => "schemas",
        _ => return BTreeSet::new(),
    };
    let mut all = BTreeSet::new();
    for (default, object) in scene.live.of_kind(ObjectKind::DefaultPrivileges) {
        let Object::Defined(defined) = object else { continue };
        if default.name.name.starts_with(&format!("{word} of ")) {
            let mentioned =
                defined.definition.split("; ").filter_map(|entry| Some(entry.split_once(" to ")?.1));
            all.extend(mentioned.filter_map(Grantee::parse).filter(|grantee| *grantee != Grantee::Owner));
            all.insert(Grantee::Public);
        }
    }
    all
}

/// What `ALTER DEFAULT PRIVILEGES` says, written from the one catalog's entry to the other's.
pub(super) fn defaults(id: &ObjectId, is: Option<&str>, should: Option<&str>) -> Result<Vec<String>, String> {
    let unreadable = || format!("alter the {id} by hand: its roles cannot be told apart");
    let (objects, rest) = id.name.name.split_once(" of ").ok_or_else(unreadable)?;
    let (role, schema) = match rest.split_once(" in ") {
        Some((role, schema)) => (role, Some(schema)),
        None => (rest, None),
    };
    if rest.matches(" in ").count() > 1 || role.contains(" of ") {
        return Err(unreadable());
    }
    let inside = schema.map(|schema| format!(" in schema {}", ident(schema))).unwrap_or_default();
    let head = format!("alter default privileges for role {}{inside}", ident(role));
    let kind = match objects {
        "functions" => ObjectKind::Function,
        "types" => ObjectKind::Type,
        _ => ObjectKind::Table,
    };
    let read_entry = |text: Option<&str>| -> Result<Option<Privileges>, String> {
        let Some(text) = text else { return Ok(None) };
        let mut found = Privileges::new();
        for entry in text.split("; ").filter(|entry| !entry.is_empty()) {
            let (rights, grantee) = entry.split_once(" to ").ok_or_else(unreadable)?;
            let grantee = Grantee::parse(grantee).ok_or_else(unreadable)?;
            found.insert(grantee, rights.split(", ").map(str::to_owned).collect());
        }
        Ok(Some(found))
    };
    let target = Target { on: objects.to_owned(), column: None, kind, owner: Some(role.to_owned()) };
    let (is, should) = (read_entry(is)?, read_entry(should)?);
    // In a schema there is nothing by default; elsewhere an entry replaces the defaults as a whole.
    let rights = |granted: &Option<Privileges>| match (granted, schema) {
        (None, Some(_)) => BTreeMap::new(),
        (granted, _) => effective(kind, granted.as_ref()),
    };
    // The owner's full rights are the default and are written out in an entry.
    let without_owner = |granted: Option<Privileges>| granted.filter(|_| false);
    let (had, wanted) = (rights(&is), rights(&should));
    let all = steps(&target, &had, &wanted, without_owner(is).as_ref(), without_owner(should).as_ref());
    Ok(all.into_iter().map(|statement| format!("{head} {statement}")).collect())
}
