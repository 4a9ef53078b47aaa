//! Objects that are the same under another name.
//!
//! A constraint or index that stands under two names with one definition on the
//! same table, or a sequence owned by the same column, is one object that was
//! renamed. When the server made up both names, that is no difference at all;
//! otherwise it is a difference of its `name`, which a rename mends, and never a
//! missing one beside an extra one, which would be mended by building it again.

use std::collections::BTreeMap;

use serde_json::Value;

use super::pieces::Piece;
use super::{Difference, Ignore, Pieces, Renamed, different};
use crate::catalog::id::{ObjectId, ObjectKind, QualifiedName};

/// The endings that Postgres gives to names it makes up, before a number if the name was taken.
/// Source: `ChooseRelationName` and its callers.
const ENDINGS: &[&str] = &["_pkey", "_key", "_fkey", "_check", "_excl", "_idx", "_seq", "_not_null"];

/// Whether Postgres could have made up this name. The table's name in it says nothing: tables get renamed.
pub(super) fn look_generated(name: &str) -> bool {
    let stem = name.trim_end_matches(['"']).trim_end_matches(|c: char| c.is_ascii_digit());
    ENDINGS.iter().any(|ending| stem.len() > ending.len() && stem.ends_with(ending))
}

/// Gives live pieces the expected names where they are the same object, and reports
/// the renames that somebody meant. Returned are the others: expected and live name of
/// what the server named twice.
pub(super) fn settle(
    expected: &Pieces,
    live: &mut Pieces,
    ignore: &Ignore,
    found: &mut Vec<Difference>,
) -> Renamed {
    let mut silent = Renamed::new();
    settle_sequences(expected, live, ignore, found, &mut silent);
    for (id, piece) in expected {
        let Some(other) = live.get_mut(id) else { continue };
        let pairs = pairs(&piece.parts, &other.parts);
        for (should, is) in pairs {
            report(&should, &is, ignore, found, &mut silent);
            follow_index(other, &should, &is);
            if let Some(part) = other.parts.remove(&is) {
                other.parts.insert(should, part);
            }
        }
    }
    silent
}

fn report(
    should: &ObjectId,
    is: &ObjectId,
    ignore: &Ignore,
    found: &mut Vec<Difference>,
    silent: &mut Renamed,
) {
    let (expected, live) = (own_name(should), own_name(is));
    if ignore.generated_names && look_generated(expected) && look_generated(live) {
        silent.insert(should.clone(), is.clone());
        return;
    }
    found.push(different(should, "name", Some(expected.to_owned()), Some(live.to_owned())));
}

fn own_name(id: &ObjectId) -> &str {
    id.part.as_deref().unwrap_or(&id.name.name)
}

/// Parts that only one side has by name but both have by definition: expected id, live id.
fn pairs(expected: &Pieces, live: &Pieces) -> Vec<(ObjectId, ObjectId)> {
    let mut unmatched: BTreeMap<String, Vec<&ObjectId>> = BTreeMap::new();
    for (id, piece) in live.iter().rev().filter(|(id, _)| !expected.contains_key(*id)) {
        unmatched.entry(signature(id, piece)).or_default().push(id);
    }
    expected
        .iter()
        .filter(|(id, _)| {
            matches!(id.kind, ObjectKind::Constraint | ObjectKind::Index) && !live.contains_key(*id)
        })
        .filter_map(|(id, piece)| {
            let is = unmatched.get_mut(&signature(id, piece))?.pop()?;
            Some((id.clone(), is.clone()))
        })
        .collect()
}

fn signature(id: &ObjectId, piece: &Piece) -> String {
    let told: Vec<String> = piece
        .properties
        .iter()
        // What may change while it stays the same object is compared afterwards.
        .filter(|(name, _)| !matches!(name.as_str(), "comment" | "validated" | "valid" | "switched_off"))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("{} {}", id.kind, told.join("\n"))
}

/// A table may name an index as its replica identity.
fn follow_index(table: &mut Piece, should: &ObjectId, is: &ObjectId) {
    let Some(Value::Object(identity)) = table.properties.get_mut("replica_identity") else { return };
    if identity.get("index").and_then(Value::as_str) == Some(own_name(is)) {
        identity.insert("index".to_owned(), Value::String(own_name(should).to_owned()));
    }
}

fn settle_sequences(
    expected: &Pieces,
    live: &mut Pieces,
    ignore: &Ignore,
    found: &mut Vec<Difference>,
    silent: &mut Renamed,
) {
    let owners = |pieces: &Pieces, others: &Pieces| -> BTreeMap<String, ObjectId> {
        pieces
            .iter()
            .filter(|(id, _)| id.kind == ObjectKind::Sequence && !others.contains_key(*id))
            .filter_map(|(id, piece)| {
                Some((piece.properties.get("owned_by")?.as_str()?.to_owned(), id.clone()))
            })
            .collect()
    };
    let theirs = owners(live, expected);
    for (column, should) in owners(expected, live) {
        let Some(is) = theirs.get(&column) else { continue };
        report(&should, is, ignore, found, silent);
        if let Some(piece) = live.remove(is) {
            live.insert(should.clone(), piece);
        }
        if let Ok(column) = column.parse::<ObjectId>() {
            follow_default(expected, live, &column, &should.name, &is.name);
        }
    }
}

/// A serial column's default names its sequence.
fn follow_default(
    expected: &Pieces,
    live: &mut Pieces,
    column: &ObjectId,
    should: &QualifiedName,
    is: &QualifiedName,
) {
    let table = ObjectId::table(column.name.clone());
    let default = expected.get(&table).and_then(|t| t.parts.get(column)?.properties.get("default"));
    let own = live.get_mut(&table).and_then(|t| t.parts.get_mut(column)?.properties.get_mut("default"));
    if let (Some(default), Some(own)) = (default, own)
        && counts_by(default, should)
        && counts_by(own, is)
    {
        own.clone_from(default);
    }
}

/// Whether a default is `nextval` of this sequence.
fn counts_by(default: &Value, sequence: &QualifiedName) -> bool {
    let plain = |text: &str| text.replace(['"', '\''], "");
    let named = default
        .as_str()
        .and_then(|text| text.strip_prefix("nextval('")?.strip_suffix("'::regclass)"))
        .map(plain);
    named == Some(plain(&sequence.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_made_up_by_the_server_are_known_by_their_ending() {
        for name in ["notes_pkey", "notes_body_idx1", "old_a_b_fkey", "\"Notes_id_seq\"", "t_c_not_null"] {
            assert!(look_generated(name), "{name}");
        }
        for name in ["_pkey", "body", "notes_idx_body", "idx", "notes_checks"] {
            assert!(!look_generated(name), "{name}");
        }
    }
}
