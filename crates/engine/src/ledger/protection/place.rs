//! Which database a mark was set on, and whether it is this one.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::db::SqliteTarget;

/// A database, by what does not change with the URL that leads to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Place {
    Postgres {
        database: String,
        /// Its own number in its cluster, which it keeps when it is renamed.
        oid: u32,
        /// The number of the cluster, in decimal; `None` where the role may not know it.
        system: Option<String>,
    },
    Sqlite {
        /// With links resolved.
        path: String,
        device: Option<u64>,
        inode: Option<u64>,
    },
}

impl Place {
    /// The file of `target`, which need not be there yet; `None` for one in memory.
    pub(super) fn of_file(target: &SqliteTarget) -> Option<Place> {
        let path = target.real_path()?;
        let (device, inode) = numbers(&path).unzip();
        Some(Place::Sqlite { path: path.to_string_lossy().into_owned(), device, inode })
    }

    /// The name that people know it by.
    pub(super) fn name(&self) -> String {
        match self {
            Place::Postgres { database, .. } => database.clone(),
            Place::Sqlite { path, .. } => Path::new(path)
                .file_name()
                .map_or_else(|| path.clone(), |name| name.to_string_lossy().into_owned()),
        }
    }

    /// Whether a mark that was set on `self` holds for `here`.
    ///
    /// A database that was renamed is the same, and so is one that was restored in its
    /// place; one with another name and another number is a copy. Where a cluster cannot be
    /// told from another, the name decides: rather one confirmation too many.
    pub(super) fn is_of(&self, here: &Place) -> bool {
        match (self, here) {
            (
                Place::Postgres { database, oid, system },
                Place::Postgres { database: name, oid: number, system: cluster },
            ) => match (system, cluster) {
                (Some(a), Some(b)) => a == b && (database == name || oid == number),
                (None, _) | (_, None) => database == name,
            },
            (
                Place::Sqlite { path, device, inode },
                Place::Sqlite { path: here, device: disk, inode: number },
            ) => path == here || (device.is_some() && device == disk && inode.is_some() && inode == number),
            (Place::Postgres { .. }, Place::Sqlite { .. })
            | (Place::Sqlite { .. }, Place::Postgres { .. }) => false,
        }
    }
}

/// What names a file whatever its path is: the disk and its number there. Elsewhere than on
/// Unix the path alone tells.
#[cfg(unix)]
fn numbers(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|facts| (facts.dev(), facts.ino()))
}

#[cfg(not(unix))]
fn numbers(_: &Path) -> Option<(u64, u64)> {
    None
}
