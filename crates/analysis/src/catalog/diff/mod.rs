//! What differs between the catalog that the migrations make and the live one.
//!
//! Every property of every object takes part unless it is named here as one that
//! says nothing, so a field added to the model is compared from its first day.
//! What means nothing: names that the server made up, the form in which the server
//! prints an equal expression, attribute numbers, row estimates, and what the
//! caller asks to [`Ignore`].

mod inherited;
mod names;
mod pieces;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::ObjectId;
use super::{Catalog, Engine};
use pieces::{Piece, Servers, pieces};

/// Differences that the caller does not want to hear of.
#[derive(Debug, Clone, PartialEq)]
pub struct Ignore {
    /// Constraints, indexes and sequences that differ only in a name the server made up. On by default.
    pub generated_names: bool,
    /// Owners. On by default: a scratch database has other roles.
    pub owners: bool,
    /// Privileges and default privileges.
    pub privileges: bool,
    /// Comments.
    pub comments: bool,
    /// The order of columns.
    pub column_order: bool,
    /// Whether constraints are validated and indexes valid.
    pub validity: bool,
    /// Whether a materialized view has been filled. On by default: that is data.
    pub populated: bool,
    /// The version of an extension. On by default: it follows from what the server has installed.
    pub extension_versions: bool,
    /// Tables to leave out with all that belongs to them: other tools' ledgers. Each `name`
    /// (in any schema) or `schema.name`; a schema with nothing else in it goes with them.
    pub tables: BTreeSet<String>,
}

impl Default for Ignore {
    fn default() -> Self {
        Self {
            generated_names: true,
            owners: true,
            populated: true,
            extension_versions: true,
            ..Self::nothing()
        }
    }
}

impl Ignore {
    /// Compares everything that is schema.
    pub fn nothing() -> Self {
        Self {
            generated_names: false,
            owners: false,
            privileges: false,
            comments: false,
            column_order: false,
            validity: false,
            populated: false,
            extension_versions: false,
            tables: BTreeSet::new(),
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The object, by its expected name where it has one.
    pub object: ObjectId,
    /// What is wrong with it.
    #[serde(flatten)]
    pub kind: DifferenceKind,
    /// What the live database has; `None` when missing.
    pub live: Option<String>,
    /// What was expected; `None` when extra.
    pub expected: Option<String>,
}

/// How an object differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum DifferenceKind {
    /// The live database lacks it.
    Missing,
    /// Only the live database has it.
    Extra,
    /// Both have it, but a property differs.
    Different {
        /// The property, by its name in the snapshot; `name` when it was renamed,
        /// `column_order` when the columns stand in another order.
        property: String,
    },
}

/// Compares a live catalog with the expected one; empty when nothing that matters differs.
///
/// Ordered by object, then property. A whole missing or extra table is one difference.
pub fn diff(expected: &Catalog, live: &Catalog, ignore: &Ignore) -> Vec<Difference> {
    compared(expected, live, ignore).0
}

/// Expected and live id of one object under two names.
pub(super) type Renamed = BTreeMap<ObjectId, ObjectId>;

/// The differences, and what has two names that the server made up.
pub(super) fn compared(expected: &Catalog, live: &Catalog, ignore: &Ignore) -> (Vec<Difference>, Renamed) {
    let servers = Servers::of(expected.server_version, live.server_version);
    let expected_pieces = pieces(expected, ignore, servers);
    let mut live_pieces = pieces(live, ignore, servers);
    let mut found = Vec::new();
    let silent = names::settle(&expected_pieces, &mut live_pieces, ignore, &mut found);
    compare(&expected_pieces, &live_pieces, &mut found);
    inherited::silence(expected, live, &mut found);
    found.sort_by(|a, b| (&a.object, &a.kind).cmp(&(&b.object, &b.kind)));
    (found, silent)
}

/// The catalog in the form that comparisons see, for the fingerprint.
pub(super) fn canonical_pieces(catalog: &Catalog) -> Value {
    let engine = match catalog.engine {
        Engine::Postgres => "postgres",
        Engine::Sqlite => "sqlite",
    };
    let all =
        pieces(catalog, &Ignore { populated: true, ..Ignore::nothing() }, Servers::of(u32::MAX, u32::MAX));
    serde_json::json!({ "engine": engine, "objects": Value::Object(to_map(&all)) })
}

fn to_map(pieces: &Pieces) -> serde_json::Map<String, Value> {
    pieces
        .iter()
        .map(|(id, piece)| {
            let properties: serde_json::Map<_, _> =
                piece.properties.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            let value = serde_json::json!({
                "properties": properties, "parts": to_map(&piece.parts), "order": piece.column_order,
            });
            (id.to_string(), value)
        })
        .collect()
}

type Pieces = BTreeMap<ObjectId, Piece>;

fn compare(expected: &Pieces, live: &Pieces, found: &mut Vec<Difference>) {
    for (id, piece) in expected {
        match live.get(id) {
            Some(other) => compare_piece(id, piece, other, found),
            None => found.push(Difference {
                object: id.clone(),
                kind: DifferenceKind::Missing,
                live: None,
                expected: Some(piece.summary()),
            }),
        }
    }
    for (id, piece) in live.iter().filter(|(id, _)| !expected.contains_key(*id)) {
        found.push(Difference {
            object: id.clone(),
            kind: DifferenceKind::Extra,
            live: Some(piece.summary()),
            expected: None,
        });
    }
}

fn compare_piece(id: &ObjectId, expected: &Piece, live: &Piece, found: &mut Vec<Difference>) {
    let properties: BTreeSet<_> = expected.properties.keys().chain(live.properties.keys()).collect();
    for property in properties {
        let (should, is) = (expected.properties.get(property), live.properties.get(property));
        if should != is {
            found.push(different(id, property, should.map(words), is.map(words)));
        }
    }
    let (should, is) = (expected.order_within(live), live.order_within(expected));
    if should != is {
        found.push(different(id, "column_order", Some(should.join(", ")), Some(is.join(", "))));
    }
    compare(&expected.parts, &live.parts, found);
}

fn different(id: &ObjectId, property: &str, expected: Option<String>, live: Option<String>) -> Difference {
    let kind = DifferenceKind::Different { property: property.to_owned() };
    Difference { object: id.clone(), kind, live, expected }
}

/// A property's value as people read it.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            map.iter().map(|(k, v)| format!("{k} {}", words(v))).collect::<Vec<_>>().join("; ")
        }
        Value::Null => "none".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests;
