//! A catalog as a file, and as 32 bytes.
//!
//! The file is versioned JSON in a fixed order: two reads of one schema give the
//! same bytes, apart from row estimates. A file of a newer format is refused by
//! its number, never half read.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Catalog;
use super::diff::canonical_pieces;
use crate::error::{Error, Result};

/// The snapshot format that this program writes, and the newest it reads.
const VERSION: u64 = 1;

#[derive(Serialize)]
struct Written<'a> {
    version: u64,
    #[serde(flatten)]
    catalog: &'a Catalog,
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl Catalog {
    /// The snapshot's text: `{"version": 1, "engine": .., "objects": {..}}`, indented, with a final newline.
    ///
    /// # Errors
    /// None in practice; [`ErrorKind::Bug`](crate::ErrorKind::Bug) if a value cannot be written as JSON.
    pub fn to_snapshot(&self) -> Result<String> {
        let written = Written { version: VERSION, catalog: self };
        let mut text = serde_json::to_string_pretty(&written)
            .map_err(|e| Error::bug("a catalog cannot be written as JSON").source(e))?;
        text.push('\n');
        Ok(text)
    }

    /// Reads what [`Catalog::to_snapshot`] wrote.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when it is no snapshot or one of a newer format.
    pub fn from_snapshot(text: &str) -> Result<Self> {
        let unreadable = |e: serde_json::Error| {
            let place = format!("line {}, column {}", e.line(), e.column());
            Error::invalid(format!("this is no catalog snapshot: {place}"))
                .hint("write one from the live database")
                .source(e)
        };
        let Versioned { version } = serde_json::from_str(text).map_err(unreadable)?;
        if version != VERSION {
            return Err(Error::invalid(format!(
                "the catalog snapshot has format {version}, this program reads format {VERSION}"
            ))
            .hint("write the snapshot again with this program"));
        }
        serde_json::from_str(text).map_err(unreadable)
    }
}

/// 32 bytes that two catalogs share exactly when nothing that is compared differs.
///
/// BLAKE3 over the canonical form that [`diff`](super::diff()) compares, names and owners
/// included, row estimates, server version and dependency edges left out. Stable across
/// runs and builds; a change of the model changes it.
pub fn fingerprint(catalog: &Catalog) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    feed(&mut hasher, &canonical_pieces(catalog));
    *hasher.finalize().as_bytes()
}

/// Hashes a value so that no two values feed the same bytes and key order does not matter.
fn feed(hasher: &mut blake3::Hasher, value: &Value) {
    match value {
        Value::Null => tagged(hasher, b'0', b""),
        Value::Bool(b) => tagged(hasher, b'b', if *b { b"1" } else { b"0" }),
        Value::Number(n) => tagged(hasher, b'n', n.to_string().as_bytes()),
        Value::String(s) => tagged(hasher, b's', s.as_bytes()),
        Value::Array(items) => {
            tagged(hasher, b'a', items.len().to_string().as_bytes());
            items.iter().for_each(|item| feed(hasher, item));
        }
        Value::Object(map) => {
            tagged(hasher, b'o', map.len().to_string().as_bytes());
            // Another crate may have asked serde_json to keep insertion order.
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            for (key, item) in entries {
                tagged(hasher, b'k', key.as_bytes());
                feed(hasher, item);
            }
        }
    }
}

fn tagged(hasher: &mut blake3::Hasher, tag: u8, bytes: &[u8]) {
    hasher.update(&[tag]);
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}
