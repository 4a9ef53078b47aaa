//! Tables and views with what belongs to them.
//!
//! Where the server prints a definition, that text is the truth and is what gets
//! compared; the fields taken apart beside it (`columns`, `keys`, `references`)
//! are there for look-ups. Positions are the order in the vector, never an
//! attribute number: a dropped column leaves no gap here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id::QualifiedName;
use super::object::{Estimates, Privileges};
use super::{is_default, is_true, yes};

/// How a table stores its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// An ordinary table.
    #[default]
    Ordinary,
    /// A partitioned table: holds no rows of its own.
    Partitioned,
    /// A foreign table.
    Foreign,
    /// A SQLite virtual table.
    Virtual,
    /// A table that a SQLite virtual table keeps for itself; never part of a comparison.
    Shadow,
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// How it stores its rows.
    pub kind: TableKind,
    /// In their order.
    #[serde(skip_serializing_if = "is_default")]
    pub columns: Vec<Column>,
    /// By name; SQLite's have no name of weight, so their definition stands for it.
    #[serde(skip_serializing_if = "is_default")]
    pub constraints: BTreeMap<String, Constraint>,
    /// By name, in the table's schema; those behind constraints too.
    #[serde(skip_serializing_if = "is_default")]
    pub indexes: BTreeMap<String, Index>,
    /// By name.
    #[serde(skip_serializing_if = "is_default")]
    pub triggers: BTreeMap<String, Trigger>,
    /// By name.
    #[serde(skip_serializing_if = "is_default")]
    pub rules: BTreeMap<String, Rule>,
    /// By name.
    #[serde(skip_serializing_if = "is_default")]
    pub policies: BTreeMap<String, Policy>,
    /// What it is a parent of or partitioned by.
    #[serde(skip_serializing_if = "is_default")]
    pub partitioning: Option<Partitioning>,
    /// The tables it inherits from, in order; of a partition, its one parent.
    #[serde(skip_serializing_if = "is_default")]
    pub parents: Vec<QualifiedName>,
    /// `FOR VALUES ...` or `DEFAULT`, when it is a partition.
    #[serde(skip_serializing_if = "is_default")]
    pub partition_bound: Option<String>,
    /// The composite type of a typed table.
    #[serde(skip_serializing_if = "is_default")]
    pub of_type: Option<String>,
    /// Not written to the log: emptied after a crash.
    #[serde(skip_serializing_if = "is_default")]
    pub unlogged: bool,
    /// Row-level security is on.
    #[serde(skip_serializing_if = "is_default")]
    pub row_security: bool,
    /// Row-level security holds for the owner too.
    #[serde(skip_serializing_if = "is_default")]
    pub force_row_security: bool,
    /// What an update logs of the old row.
    #[serde(skip_serializing_if = "is_default")]
    pub replica_identity: ReplicaIdentity,
    /// Storage parameters; those of the TOAST table begin with `toast.`.
    #[serde(skip_serializing_if = "is_default")]
    pub options: BTreeMap<String, String>,
    /// The table access method, when it is not `heap`.
    #[serde(skip_serializing_if = "is_default")]
    pub access_method: Option<String>,
    /// The tablespace, when it is not the database's.
    #[serde(skip_serializing_if = "is_default")]
    pub tablespace: Option<String>,
    /// The server of a foreign table.
    #[serde(skip_serializing_if = "is_default")]
    pub server: Option<String>,
    /// Options of a foreign table; secrets are withheld.
    #[serde(skip_serializing_if = "is_default")]
    pub server_options: BTreeMap<String, String>,
    /// SQLite: `WITHOUT ROWID`.
    #[serde(skip_serializing_if = "is_default")]
    pub without_rowid: bool,
    /// SQLite: `STRICT`.
    #[serde(skip_serializing_if = "is_default")]
    pub strict: bool,
    /// SQLite: the key is `AUTOINCREMENT`.
    #[serde(skip_serializing_if = "is_default")]
    pub autoincrement: bool,
    /// SQLite: module and arguments of a virtual table, normalised.
    #[serde(skip_serializing_if = "is_default")]
    pub module: Option<String>,
    /// SQLite: the `CREATE TABLE` text as stored, for rebuilds; never compared.
    #[serde(skip_serializing_if = "is_default")]
    pub sql: Option<String>,
    /// The owning role.
    #[serde(skip_serializing_if = "is_default")]
    pub owner: Option<String>,
    /// `None`: what the server gives by default.
    #[serde(skip_serializing_if = "is_default")]
    pub privileges: Option<Privileges>,
    /// `COMMENT ON`.
    #[serde(skip_serializing_if = "is_default")]
    pub comment: Option<String>,
    /// The planner's idea of its size; never compared.
    #[serde(skip_serializing_if = "is_default")]
    pub estimates: Option<Estimates>,
}

/// A view or materialized view.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// The query, as the server prints it; of SQLite, as written.
    pub definition: String,
    /// In their order.
    #[serde(skip_serializing_if = "is_default")]
    pub columns: Vec<Column>,
    /// Whether it stores rows, and whether it has any to show; `None` for a plain view.
    #[serde(skip_serializing_if = "is_default")]
    pub populated: Option<bool>,
    /// Of a materialized view, by name.
    #[serde(skip_serializing_if = "is_default")]
    pub indexes: BTreeMap<String, Index>,
    /// `INSTEAD OF` triggers, by name.
    #[serde(skip_serializing_if = "is_default")]
    pub triggers: BTreeMap<String, Trigger>,
    /// By name; without the one that makes it a view.
    #[serde(skip_serializing_if = "is_default")]
    pub rules: BTreeMap<String, Rule>,
    /// `security_barrier`, `check_option` and their like; storage parameters.
    #[serde(skip_serializing_if = "is_default")]
    pub options: BTreeMap<String, String>,
    /// Of a materialized view, when it is not `heap`.
    #[serde(skip_serializing_if = "is_default")]
    pub access_method: Option<String>,
    /// Of a materialized view, when it is not the database's.
    #[serde(skip_serializing_if = "is_default")]
    pub tablespace: Option<String>,
    /// SQLite: the statement as stored; never compared.
    #[serde(skip_serializing_if = "is_default")]
    pub create: Option<String>,
    /// The owning role.
    #[serde(skip_serializing_if = "is_default")]
    pub owner: Option<String>,
    /// `None`: what the server gives by default.
    #[serde(skip_serializing_if = "is_default")]
    pub privileges: Option<Privileges>,
    /// `COMMENT ON`.
    #[serde(skip_serializing_if = "is_default")]
    pub comment: Option<String>,
    /// The planner's idea of its size; never compared.
    #[serde(skip_serializing_if = "is_default")]
    pub estimates: Option<Estimates>,
}

/// One column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Column {
    /// Exactly as stored.
    pub name: String,
    /// As the server formats it, with its modifier: `character varying(50)`; of SQLite, as declared.
    #[serde(rename = "type")]
    pub type_: String,
    /// Whether it refuses NULL.
    #[serde(skip_serializing_if = "is_default")]
    pub not_null: bool,
    /// The default's text.
    #[serde(skip_serializing_if = "is_default")]
    pub default: Option<String>,
    /// Set for an identity column.
    #[serde(skip_serializing_if = "is_default")]
    pub identity: Option<Identity>,
    /// Set for a generated column.
    #[serde(skip_serializing_if = "is_default")]
    pub generated: Option<Generated>,
    /// The collation, when it is not the type's.
    #[serde(skip_serializing_if = "is_default")]
    pub collation: Option<String>,
    /// `plain`, `external`, `extended` or `main`, when it is not the type's.
    #[serde(skip_serializing_if = "is_default")]
    pub storage: Option<String>,
    /// `pglz` or `lz4`, when it was set.
    #[serde(skip_serializing_if = "is_default")]
    pub compression: Option<String>,
    /// The statistics target, when it was set.
    #[serde(skip_serializing_if = "is_default")]
    pub statistics: Option<i32>,
    /// Options of the attribute that a user can set (`n_distinct` and its like).
    #[serde(skip_serializing_if = "is_default")]
    pub options: BTreeMap<String, String>,
    /// Options of a foreign table's column.
    #[serde(skip_serializing_if = "is_default")]
    pub server_options: BTreeMap<String, String>,
    /// Comes from a parent table only: the table itself does not declare it.
    #[serde(skip_serializing_if = "is_default")]
    pub inherited: bool,
    /// SQLite: a hidden column of a virtual table.
    #[serde(skip_serializing_if = "is_default")]
    pub hidden: bool,
    /// `None`: nothing was granted on the column itself.
    #[serde(skip_serializing_if = "is_default")]
    pub privileges: Option<Privileges>,
    /// `COMMENT ON`.
    #[serde(skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

/// An identity column's sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// `GENERATED ALWAYS` rather than `BY DEFAULT`.
    pub always: bool,
    /// The sequence's name; the server makes it up.
    pub sequence: QualifiedName,
    /// Start, limits and steps.
    #[serde(flatten)]
    pub range: SequenceRange,
}

/// What a sequence counts. Its current value is data and stands nowhere.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SequenceRange {
    /// `bigint`, `integer` or `smallint`.
    #[serde(rename = "type")]
    pub type_: String,
    /// First value.
    pub start: i64,
    /// Smallest value.
    pub min: i64,
    /// Largest value.
    pub max: i64,
    /// Step; negative counts down.
    pub increment: i64,
    /// Values a session takes at once.
    pub cache: i64,
    /// Begins again at its end.
    pub cycle: bool,
}

/// A generated column's expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    /// Kept in the row, rather than computed when read.
    pub stored: bool,
    /// The expression.
    pub expression: String,
}

/// What a constraint demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    /// `PRIMARY KEY`.
    PrimaryKey,
    /// `UNIQUE`.
    Unique,
    /// `CHECK`.
    Check,
    /// `FOREIGN KEY`.
    ForeignKey,
    /// `EXCLUDE`.
    Exclusion,
    /// `NOT NULL`, which has a name of its own since Postgres 18.
    NotNull,
}

/// One constraint of a table or domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    /// What it demands.
    pub kind: ConstraintKind,
    /// As the server prints it, without `NOT VALID`.
    pub definition: String,
    /// The columns it is declared on, in its order; of a check, those it reads.
    #[serde(default, skip_serializing_if = "is_default")]
    pub columns: Vec<String>,
    /// What a foreign key points to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub references: Option<Reference>,
    /// Whether a transaction may postpone it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub deferrable: bool,
    /// Whether it is postponed unless a transaction says otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub initially_deferred: bool,
    /// Every row is known to satisfy it.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub validated: bool,
    /// Its own triggers were disabled: it stands in the catalog but checks nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub switched_off: bool,
    /// Comes from a parent table only.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inherited: bool,
    /// `COMMENT ON`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

/// The far end of a foreign key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// The table pointed to.
    pub table: QualifiedName,
    /// The columns pointed to; empty in SQLite when it means the primary key.
    pub columns: Vec<String>,
    /// What happens when the row there changes its key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_update: Action,
    /// What happens when the row there is deleted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_delete: Action,
}

/// What a foreign key does when the row it points to goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Refuse at the end of the statement or transaction.
    #[default]
    NoAction,
    /// Refuse at once.
    Restrict,
    /// Do the same to the row that points.
    Cascade,
    /// Put NULL.
    SetNull,
    /// Put the default.
    SetDefault,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// `btree`, `gin`, ...
    pub method: String,
    /// Refuses equal keys.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unique: bool,
    /// The key, in order.
    pub keys: Vec<IndexKey>,
    /// `INCLUDE`d columns.
    #[serde(default, skip_serializing_if = "is_default")]
    pub include: Vec<String>,
    /// The `WHERE` of a partial index.
    #[serde(default, skip_serializing_if = "is_default")]
    pub predicate: Option<String>,
    /// From the method on, as the server prints it: operator classes, collations, order,
    /// options, predicate. Of SQLite: from the key list on, normalised.
    pub definition: String,
    /// Queries may use it; false after a failed `CREATE INDEX CONCURRENTLY`.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub valid: bool,
    /// The constraint of the same table that it serves.
    #[serde(default, skip_serializing_if = "is_default")]
    pub constraint: Option<String>,
    /// The index of the partitioned table that it is a part of.
    #[serde(default, skip_serializing_if = "is_default")]
    pub parent: Option<QualifiedName>,
    /// `CLUSTER` uses it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub clustered: bool,
    /// The tablespace, when it is not the database's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tablespace: Option<String>,
    /// Statistics targets set on expressions, by position from 1.
    #[serde(default, skip_serializing_if = "is_default")]
    pub statistics: BTreeMap<i32, i32>,
    /// SQLite: the statement as stored; never compared.
    #[serde(default, skip_serializing_if = "is_default")]
    pub create: Option<String>,
    /// `COMMENT ON`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub comment: Option<String>,
    /// The planner's idea of its size; never compared.
    #[serde(default, skip_serializing_if = "is_default")]
    pub estimates: Option<Estimates>,
}

/// One part of an index key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct IndexKey {
    /// The column, unless it is an expression.
    #[serde(default, skip_serializing_if = "is_default")]
    pub column: Option<String>,
    /// The expression, unless it is a column.
    #[serde(default, skip_serializing_if = "is_default")]
    pub expression: Option<String>,
    /// Sorted downwards.
    #[serde(default, skip_serializing_if = "is_default")]
    pub descending: bool,
}

/// One trigger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// As the server prints it; of SQLite, normalised.
    pub definition: String,
    /// When it fires.
    #[serde(default, skip_serializing_if = "is_default")]
    pub enabled: Enabled,
    /// Cloned from the partitioned parent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inherited: bool,
    /// SQLite: the statement as stored; never compared.
    #[serde(default, skip_serializing_if = "is_default")]
    pub create: Option<String>,
    /// `COMMENT ON`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

/// When a trigger or rule fires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enabled {
    /// For ordinary sessions.
    #[default]
    Origin,
    /// Never.
    Disabled,
    /// Only while replicating.
    Replica,
    /// In every session.
    Always,
}

/// One rewrite rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// As the server prints it.
    pub definition: String,
    /// When it fires.
    #[serde(default, skip_serializing_if = "is_default")]
    pub enabled: Enabled,
    /// `COMMENT ON`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

/// One row-level security policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// `all`, `select`, `insert`, `update` or `delete`.
    pub command: String,
    /// Adds rights, rather than taking them.
    pub permissive: bool,
    /// Sorted; `public` is everybody.
    pub roles: Vec<String>,
    /// `USING`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub using: Option<String>,
    /// `WITH CHECK`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub check: Option<String>,
    /// `COMMENT ON`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

/// How a partitioned table divides its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partitioning {
    /// As the server prints it: `RANGE (at)`.
    pub key: String,
}

/// What an update or delete logs of the old row, for logical replication.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaIdentity {
    /// Its primary key, if there is one.
    #[default]
    Default,
    /// Nothing: such statements fail on a published table.
    Nothing,
    /// The whole row.
    Full,
    /// The columns of the named index.
    Index(String),
}
