//! Where each migration of a folder stands, by all that it is called.
//!
//! History and other tools' ledgers are held against the folder row by row; with
//! thousands of both, looking through the whole folder each time took minutes.

use std::collections::HashMap;

use super::migration::Migration;
use super::version::Key;

/// Positions in the folder's order.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    names: HashMap<String, usize>,
    keys: HashMap<Key, usize>,
}

impl Index {
    pub(super) fn of(migrations: &[Migration]) -> Index {
        let mut index = Index::default();
        for (at, migration) in migrations.iter().enumerate() {
            // Of several with one name the first counts.
            for name in [migration.version.to_string(), migration.tag.clone(), migration.title()] {
                index.names.entry(name).or_insert(at);
            }
            index.keys.entry(migration.version.key().clone()).or_insert(at);
        }
        index
    }

    /// The one of this version, tag or title.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// The one with this key.
    pub(super) fn position(&self, key: &Key) -> Option<usize> {
        self.keys.get(key).copied()
    }
}
