//! A catalog cut into comparable pieces: properties, and parts that have a name of their own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Ignore, Pieces, names};
use crate::catalog::id::{ObjectId, ObjectKind, QualifiedName};
use crate::catalog::object::Object;
use crate::catalog::table::TableKind;
use crate::catalog::{Catalog, Engine, text};

/// One object or part of an object.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Piece {
    /// Everything compared that is no part. Absent means default.
    pub(super) properties: BTreeMap<String, Value>,
    /// Columns, constraints, indexes, triggers, rules, policies.
    pub(super) parts: Pieces,
    /// The columns whose order is the object's own choice.
    pub(super) column_order: Vec<String>,
}

impl Piece {
    /// The own columns that `other` has too, in the own order.
    pub(super) fn order_within(&self, other: &Piece) -> Vec<&str> {
        let theirs: BTreeSet<_> = other.column_order.iter().collect();
        self.column_order.iter().filter(|c| theirs.contains(c)).map(String::as_str).collect()
    }

    /// What it is, in one line, for a report that it is missing or extra.
    pub(super) fn summary(&self) -> String {
        if let Some(text) = self.properties.get("definition") {
            return super::words(text);
        }
        let columns = self.parts.keys().filter(|id| id.kind == ObjectKind::Column).count();
        if columns > 0 {
            return format!("{columns} {}", if columns == 1 { "column" } else { "columns" });
        }
        let told: Vec<_> = self
            .properties
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "owner" | "privileges" | "comment" | "body"))
            .map(|(name, value)| match value {
                Value::Bool(true) => name.replace('_', " "),
                _ if name == "type" || name == "labels" => super::words(value),
                _ => format!("{} {}", name.replace('_', " "), super::words(value)),
            })
            .collect();
        told.join(", ")
    }
}

/// Fields of the model that repeat a definition or change without the schema changing.
fn says_nothing_new(kind: ObjectKind) -> &'static [&'static str] {
    match kind {
        ObjectKind::Constraint => &["columns", "references", "deferrable", "initially_deferred"],
        ObjectKind::Index => &["method", "keys", "include", "predicate", "estimates", "create"],
        ObjectKind::Column => &["name"],
        ObjectKind::Table => &["object", "estimates", "sql"],
        _ => &["object", "estimates", "create"],
    }
}

/// Fields that hold text written by a person, to be compared to the letter.
const TO_THE_LETTER: &[&str] = &["comment", "body", "labels", "name"];

/// What two servers have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Servers {
    /// Both name their NOT NULL constraints. Before 18 it was none: nothing to compare with.
    named_not_null: bool,
    /// Both know the right to maintain a table, which nobody could be granted before 17.
    maintain: bool,
    /// One prints the columns of a view over a single table with that table's name and the
    /// other, from 16 on, without.
    qualifies_apart: bool,
}

impl Servers {
    pub(super) fn of(one: u32, other: u32) -> Self {
        let (older, newer) = (one.min(other), one.max(other));
        Self {
            named_not_null: older >= 180_000,
            maintain: older >= 170_000,
            qualifies_apart: older < 160_000 && newer >= 160_000,
        }
    }
}

/// Cuts up what takes part in a comparison under `ignore`.
pub(super) fn pieces(catalog: &Catalog, ignore: &Ignore, servers: Servers) -> Pieces {
    let cutter = Cutter { engine: catalog.engine, ignore, servers };
    let left_out = LeftOut::of(catalog, ignore);
    catalog
        .objects
        .iter()
        .filter(|(id, object)| !left_out.covers(id, object))
        .map(|(id, object)| (id.clone(), cutter.object(id, object)))
        .collect()
}

/// What `ignore.tables` takes along.
struct LeftOut<'a> {
    ignore: &'a Ignore,
    emptied_schemas: BTreeSet<&'a str>,
}

impl<'a> LeftOut<'a> {
    fn of(catalog: &'a Catalog, ignore: &'a Ignore) -> Self {
        let mut left = Self { ignore, emptied_schemas: BTreeSet::new() };
        let mut kept = BTreeSet::new();
        let mut touched = BTreeSet::new();
        for (id, object) in &catalog.objects {
            if let Some(schema) = id.name.schema.as_deref() {
                if left.covers(id, object) { &mut touched } else { &mut kept }.insert(schema);
            }
        }
        left.emptied_schemas = touched.into_iter().filter(|s| !kept.contains(s) && *s != "public").collect();
        left
    }

    fn covers(&self, id: &ObjectId, object: &Object) -> bool {
        match object {
            Object::Table(table) => table.kind == TableKind::Shadow || self.names(&id.name),
            Object::Sequence(sequence) => sequence.owned_by.as_ref().is_some_and(|by| self.names(&by.name)),
            Object::Schema(_) => self.emptied_schemas.contains(id.name.name.as_str()),
            Object::Defined(_) => self.ignore.privileges && id.kind == ObjectKind::DefaultPrivileges,
            Object::Extension(_)
            | Object::Type(_)
            | Object::Domain(_)
            | Object::Routine(_)
            | Object::View(_)
            | Object::Publication(_)
            | Object::EventTrigger(_)
            | Object::Server(_) => false,
        }
    }

    fn names(&self, table: &QualifiedName) -> bool {
        let listed = &self.ignore.tables;
        !listed.is_empty()
            && (listed.contains(&table.name)
                || table.schema.as_ref().is_some_and(|s| listed.contains(&format!("{s}.{}", table.name))))
    }
}

struct Cutter<'a> {
    engine: Engine,
    ignore: &'a Ignore,
    servers: Servers,
}

impl Cutter<'_> {
    fn object(&self, id: &ObjectId, object: &Object) -> Piece {
        let mut fields = match serde_json::to_value(object) {
            Ok(Value::Object(fields)) => fields,
            // The model is structs of strings, numbers and maps with string keys, all of which JSON has.
            Ok(_) | Err(_) => Map::new(),
        };
        let columns = fields.remove("columns");
        let mut constraints = take_map(&mut fields, "constraints");
        let mut indexes = take_map(&mut fields, "indexes");
        if !self.servers.named_not_null || self.ignore.generated_names {
            constraints.retain(|name, c| !self.is_told_by_column(name, c));
        }
        merge_backing_indexes(&mut constraints, &mut indexes);

        let mut piece = Piece::default();
        self.columns(id, columns, &mut piece);
        let of_table = |part: &str, kind| ObjectId::part(kind, id.name.clone(), part);
        let in_schema = |part: &str, kind| {
            ObjectId::new(kind, QualifiedName { schema: id.name.schema.clone(), name: part.to_owned() })
        };
        self.parts(&mut piece, ObjectKind::Constraint, constraints, of_table);
        self.parts(&mut piece, ObjectKind::Index, indexes, in_schema);
        self.parts(&mut piece, ObjectKind::Trigger, take_map(&mut fields, "triggers"), of_table);
        self.parts(&mut piece, ObjectKind::Rule, take_map(&mut fields, "rules"), of_table);
        self.parts(&mut piece, ObjectKind::Policy, take_map(&mut fields, "policies"), of_table);
        piece.properties = self.properties(id.kind, fields);
        piece
    }

    /// Postgres 18 makes a constraint for each NOT NULL; where it adds nothing, the column has said it.
    fn is_told_by_column(&self, name: &str, constraint: &Value) -> bool {
        if self.engine != Engine::Postgres
            || constraint.get("kind").and_then(Value::as_str) != Some("not_null")
        {
            return false;
        }
        let plain = constraint.get("validated").is_none()
            && constraint.get("comment").is_none()
            && constraint["definition"].as_str().is_some_and(|text| !text.ends_with(" NO INHERIT"));
        !self.servers.named_not_null || (plain && names::look_generated(name))
    }

    fn columns(&self, id: &ObjectId, columns: Option<Value>, piece: &mut Piece) {
        let Some(Value::Array(columns)) = columns else { return };
        let view = matches!(id.kind, ObjectKind::View | ObjectKind::MaterializedView);
        for column in columns {
            let Value::Object(mut fields) = column else { continue };
            let Some(name) = fields.get("name").and_then(Value::as_str).map(str::to_owned) else { continue };
            if view {
                // Its query decides on names and types; only these can be said of a view's column.
                fields.retain(|key, _| matches!(key.as_str(), "default" | "privileges" | "comment"));
            }
            // A partition's identity is its parent's; from 17 on the server says so, with no sequence.
            if fields.get("identity").is_some_and(|identity| identity["increment"] == 0) {
                fields.remove("identity");
            }
            // Where inherited columns stand depends on when the parent got them.
            if !view && !self.ignore.column_order && !fields.contains_key("inherited") {
                piece.column_order.push(name.clone());
            }
            let part = Piece { properties: self.properties(ObjectKind::Column, fields), ..Piece::default() };
            if !(view && part.properties.is_empty()) {
                piece.parts.insert(ObjectId::column(id.name.clone(), name), part);
            }
        }
    }

    fn parts(
        &self,
        piece: &mut Piece,
        kind: ObjectKind,
        found: Map<String, Value>,
        id: impl Fn(&str, ObjectKind) -> ObjectId,
    ) {
        for (name, fields) in found {
            let Value::Object(fields) = fields else { continue };
            let part = Piece { properties: self.properties(kind, fields), ..Piece::default() };
            piece.parts.insert(id(&name, kind), part);
        }
    }

    fn properties(&self, kind: ObjectKind, fields: Map<String, Value>) -> BTreeMap<String, Value> {
        fields
            .into_iter()
            .filter(|(name, _)| self.compares(kind, name))
            .map(|(name, value)| {
                let value = self.canonical(kind, &name, value);
                (name, value)
            })
            .collect()
    }

    fn compares(&self, kind: ObjectKind, name: &str) -> bool {
        let ignored = match name {
            "owner" => self.ignore.owners,
            "privileges" => self.ignore.privileges,
            "comment" => self.ignore.comments,
            "populated" => self.ignore.populated,
            "version" => self.ignore.extension_versions && kind == ObjectKind::Extension,
            "validated" | "valid" => self.ignore.validity,
            _ => false,
        };
        !ignored && !says_nothing_new(kind).contains(&name)
    }

    fn canonical(&self, kind: ObjectKind, name: &str, mut value: Value) -> Value {
        if TO_THE_LETTER.contains(&name) {
            return value;
        }
        match (kind, name, &mut value) {
            (ObjectKind::Column, "identity", Value::Object(identity)) => {
                let made_up =
                    identity.get("sequence").and_then(Value::as_str).is_some_and(names::look_generated);
                if made_up && self.ignore.generated_names {
                    identity.remove("sequence");
                }
            }
            (_, "privileges", Value::Object(granted)) if !self.servers.maintain => {
                granted.retain(|grantee, rights| {
                    let Some(rights) = rights.as_array_mut() else { return true };
                    rights.retain(|right| !right.as_str().is_some_and(|r| r.starts_with("MAINTAIN")));
                    !rights.is_empty() || grantee == "owner"
                });
            }
            (ObjectKind::View | ObjectKind::MaterializedView, "definition", Value::String(query))
                if self.servers.qualifies_apart && self.engine == Engine::Postgres =>
            {
                *query = text::unqualified(query);
            }
            // The name of the index above may be the server's; that there is one is what matters.
            (ObjectKind::Index, "parent", parent) => *parent = Value::Bool(true),
            (ObjectKind::Column, "type", Value::String(declared)) if self.engine == Engine::Sqlite => {
                *declared = declared.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
            }
            _ => {}
        }
        match self.engine {
            Engine::Postgres => same_texts(value),
            Engine::Sqlite => value,
        }
    }
}

fn same_texts(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text::same_text(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(same_texts).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(k, v)| (k, same_texts(v))).collect()),
        other => other,
    }
}

fn take_map(fields: &mut Map<String, Value>, name: &str) -> Map<String, Value> {
    match fields.remove(name) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// An index behind a constraint lives and dies with it: what it adds is told with the constraint.
fn merge_backing_indexes(constraints: &mut Map<String, Value>, indexes: &mut Map<String, Value>) {
    indexes.retain(|_, index| {
        let Some(owner) = index.get("constraint").and_then(Value::as_str) else { return true };
        let Some(Value::Object(constraint)) = constraints.get_mut(owner) else { return true };
        for name in ["clustered", "valid", "tablespace", "comment"] {
            if let Some(value) = index.get(name) {
                let told = if name == "comment" { "index_comment" } else { name };
                constraint.insert(told.to_owned(), value.clone());
            }
        }
        if let Some(definition) = index.get("definition") {
            constraint.insert("index".to_owned(), definition.clone());
        }
        false
    });
}
