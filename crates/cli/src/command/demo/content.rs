//! What the tables of the notes app hold, as numbers that can be compared.

use serde::Serialize;

/// The tables, in the order in which they are shown.
const TABLES: [&str; 3] = ["notebooks", "notes", "note_tags"];

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Held {
    pub(super) table: &'static str,
    pub(super) rows: u64,
    /// BLAKE3, in hexadecimal, over the rows in key order: each as JSON text behind its
    /// length in bytes as a little-endian u64. Only of columns that no migration of the
    /// story changes on purpose.
    pub(super) checksum: String,
}

/// All tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Content(pub(super) Vec<Held>);

/// Takes rows one by one; `content.sql` of each database returns them.
pub(super) struct Count([(u64, blake3::Hasher); TABLES.len()]);

impl Count {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| (0, blake3::Hasher::new())))
    }

    pub(super) fn row(&mut self, table: &str, values: &str) {
        let Some(at) = TABLES.iter().position(|name| *name == table) else { return };
        let (rows, hasher) = &mut self.0[at];
        *rows += 1;
        hasher.update(&(values.len() as u64).to_le_bytes());
        hasher.update(values.as_bytes());
    }

    pub(super) fn content(self) -> Content {
        let held = |(table, (rows, hasher)): (&'static str, (u64, blake3::Hasher))| Held {
            table,
            rows,
            checksum: hasher.finalize().to_hex().to_string(),
        };
        Content(TABLES.into_iter().zip(self.0).map(held).collect())
    }
}
