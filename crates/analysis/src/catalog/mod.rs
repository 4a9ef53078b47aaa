//! One database's schema as data, for Postgres and SQLite alike.
//!
//! The promise: two databases with the same schema give equal catalogs, whatever
//! the order in which their objects were made, whoever formatted the SQL and
//! however many columns were dropped on the way; and [`diff`] names every
//! property that differs. A catalog holds no rows, no sequence values and no
//! secrets (options that look like one are withheld when it is read), so a
//! snapshot of it may lie in a repository.
//!
//! It refuses to guess: what the server prints is kept as it is printed, and only
//! [`diff`] knows which differences mean nothing. Row estimates are carried along
//! for rules that need a size, and are no part of equality or of the [`fingerprint`].

mod diff;
mod id;
mod lookup;
mod mend;
mod object;
mod pattern;
mod snapshot;
mod sqlite_text;
mod table;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use diff::{Difference, DifferenceKind, Ignore, diff};
pub use id::{ObjectId, ObjectKind, QualifiedName};
pub use lookup::{ForeignKey, Relation};
pub use mend::{Mended, Mending, Step as MendingStep, mend};
pub use object::{
    Defined, Domain, Estimates, EventTrigger, Extension, Grantee, Object, Privileges, Publication, Routine,
    Schema, Sequence, Server, Type, TypeShape,
};
pub use snapshot::fingerprint;
pub use sqlite_text::{TableText, same_text as sqlite_text};
pub use table::{
    Action, Column, Constraint, ConstraintKind, Enabled, Generated, Identity, Index, IndexKey, Partitioning,
    Policy, Reference, ReplicaIdentity, Rule, SequenceRange, Table, TableKind, Trigger, View,
};

/// Which database's rules a catalog follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL, 15 or newer.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// One database's schema.
///
/// Objects that an extension brought, the server's own, temporary ones and
/// Cofferdam's own (`cofferdam` schema, `_cofferdam_*`) are never in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// Whose rules hold.
    pub engine: Engine,
    /// As the server counts: 150018 for Postgres 15.18, 3045001 for SQLite 3.45.1.
    pub server_version: u32,
    /// Everything, by identity.
    pub objects: BTreeMap<ObjectId, Object>,
    /// What each object cannot do without: a view's columns, a trigger's function, a
    /// foreign key's table. Only edges that dropping the used object would have to cut;
    /// empty for SQLite, which checks nothing of the kind.
    #[serde(default, skip_serializing_if = "is_default")]
    pub uses: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
}

impl Catalog {
    /// A database without objects.
    pub fn empty(engine: Engine, server_version: u32) -> Self {
        Self { engine, server_version, objects: BTreeMap::new(), uses: BTreeMap::new() }
    }
}

/// For serde: leaves fields out of the snapshot that say nothing.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_true(value: &bool) -> bool {
    *value
}

fn yes() -> bool {
    true
}
