//! Tables, columns, constraints and indexes as statements describe them.

use super::{ObjectName, expr::Expr, statement::Filter};
use crate::place::Span;

/// A type as a statement writes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TypeName {
    /// Canonical in Postgres (`integer` for int/int4, `character varying`, `timestamp with time zone` ...),
    /// lower-cased text in SQLite; without arguments and array brackets. Quoted names keep their case.
    pub name: String,
    /// The schema, unless `pg_catalog`.
    pub schema: Option<String>,
    /// `(10, 2)` as written.
    pub args: Vec<String>,
    /// An array.
    pub array: bool,
    /// Where it stands.
    pub span: Span,
}

impl std::fmt::Display for TypeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.name)?;
        if !self.args.is_empty() {
            write!(f, "({})", self.args.join(","))?;
        }
        f.write_str(if self.array { "[]" } else { "" })
    }
}

/// `create table`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreateTable {
    /// The new table.
    pub name: Option<ObjectName>,
    /// Does nothing where a table of this name stands, whatever its columns.
    pub if_not_exists: bool,
    /// Gone at the end of the session.
    pub temporary: bool,
    /// Emptied by a crash.
    pub unlogged: bool,
    /// In order.
    pub columns: Vec<Column>,
    /// Those that stand beside the columns.
    pub constraints: Vec<Constraint>,
    /// `like t`.
    pub like: Vec<ObjectName>,
    /// `inherits (t)`.
    pub inherits: Vec<ObjectName>,
    /// `partition by`.
    pub partitioned: bool,
    /// `partition of t`.
    pub partition_of: Option<ObjectName>,
    /// SQLite.
    pub without_rowid: bool,
    /// SQLite.
    pub strict: bool,
    /// `create virtual table .. using MODULE`.
    pub module: Option<String>,
}

/// A column definition.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Column {
    /// As stored.
    pub name: String,
    /// The whole definition.
    pub span: Span,
    /// `None` where SQLite allows none.
    pub ty: Option<Box<TypeName>>,
    /// `not null`.
    pub not_null: bool,
    /// `default`.
    pub default: Option<Box<Expr>>,
    /// `generated always as (..)`.
    pub generated: Option<Generated>,
    /// `generated .. as identity`.
    pub identity: bool,
    /// `primary key`.
    pub primary_key: bool,
    /// SQLite's `autoincrement`.
    pub autoincrement: bool,
    /// `unique`.
    pub unique: bool,
    /// `check (..)`.
    pub checks: Vec<Expr>,
    /// `references`.
    pub references: Option<Box<Reference>>,
    /// `collate`.
    pub collation: Option<String>,
    /// SQLite's `on conflict X` behind any of its constraints, with its place; `X` in lower case.
    pub on_conflict: Option<(String, Span)>,
}

/// How a generated column is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Generated {
    /// Written with the row.
    Stored,
    /// Computed when read.
    Virtual,
}

/// The far side of a foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The table referenced.
    pub table: ObjectName,
    /// Its columns; empty for its primary key.
    pub columns: Vec<String>,
    /// `cascade`, `set null`, `set default`, `restrict`, `no action`.
    pub on_delete: String,
    /// The same for updates.
    pub on_update: String,
}

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    /// Its name, where one is given.
    pub name: Option<String>,
    /// The whole definition.
    pub span: Span,
    /// What it demands.
    pub kind: ConstraintKind,
    /// `not valid`.
    pub not_valid: bool,
    /// SQLite's `on conflict X`, in lower case, with its place.
    pub on_conflict: Option<(String, Span)>,
}

/// What a constraint demands.
#[derive(Debug, Clone, PartialEq)]
pub enum ConstraintKind {
    /// `primary key (..)` or `primary key using index i`.
    PrimaryKey {
        /// The columns; empty with `using_index`.
        columns: Vec<String>,
        /// The index taken over.
        using_index: Option<String>,
    },
    /// `unique (..)` or `unique using index i`.
    Unique {
        /// The columns; empty with `using_index`.
        columns: Vec<String>,
        /// The index taken over.
        using_index: Option<String>,
    },
    /// `check (..)`.
    Check(Expr),
    /// `foreign key (..) references ..`.
    ForeignKey {
        /// Our columns.
        columns: Vec<String>,
        /// The far side.
        references: Reference,
    },
    /// `exclude`.
    Exclude,
    /// `not null c` as a table constraint (Postgres 18).
    NotNull(String),
}

/// One clause of `alter table`.
#[derive(Debug, Clone, PartialEq)]
pub enum TableChange {
    /// `add column`.
    AddColumn {
        /// The column.
        column: Box<Column>,
        /// `if not exists`.
        if_not_exists: bool,
    },
    /// `drop column`.
    DropColumn {
        /// The column.
        name: String,
        /// `if exists`.
        if_exists: bool,
        /// `cascade`.
        cascade: bool,
    },
    /// `alter column .. type`.
    AlterType {
        /// The column.
        name: String,
        /// The new type.
        ty: Box<TypeName>,
        /// `using`.
        using: Option<Box<Expr>>,
    },
    /// `set default` (`Some`) or `drop default`.
    Default {
        /// The column.
        name: String,
        /// The new default.
        default: Option<Box<Expr>>,
    },
    /// `set not null`.
    SetNotNull(String),
    /// `drop not null`.
    DropNotNull(String),
    /// `add generated .. as identity`, `drop identity`, `drop expression`, `set expression`.
    Generation {
        /// The column.
        name: String,
        /// `drop` rather than `add` or `set`.
        drop: bool,
    },
    /// `add constraint`, also without a name.
    AddConstraint(Box<Constraint>),
    /// `drop constraint`.
    DropConstraint {
        /// Its name.
        name: String,
        /// `if exists`.
        if_exists: bool,
        /// `cascade`.
        cascade: bool,
    },
    /// `validate constraint`.
    ValidateConstraint(String),
    /// `rename to`.
    RenameTo(String),
    /// `rename column`.
    RenameColumn {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// `rename constraint`.
    RenameConstraint {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// `set schema`.
    SetSchema(String),
    /// `set logged` or `set unlogged`.
    SetLogged(bool),
    /// `set tablespace`.
    SetTablespace(String),
    /// `attach partition`.
    AttachPartition(Box<ObjectName>),
    /// `detach partition`.
    DetachPartition {
        /// The partition.
        partition: Box<ObjectName>,
        /// Outside of a transaction only.
        concurrently: bool,
    },
    /// `enable|disable trigger X`; `name` is in lower case for `all` and `user`.
    Trigger {
        /// `enable`, also `replica` and `always`.
        enable: bool,
        /// Which.
        name: String,
    },
    /// `enable|disable|force|no force row level security`.
    RowSecurity {
        /// `enable` or `force`.
        on: bool,
    },
    /// `replica identity`.
    ReplicaIdentity,
    /// `owner to`.
    Owner(String),
    /// Storage options, statistics, comments ...: nothing a rule asks about.
    Other,
}

/// A change of something that is no table.
#[derive(Debug, Clone, PartialEq)]
pub enum ObjectChange {
    /// `alter type .. add value`.
    AddEnumValue {
        /// The label.
        value: String,
        /// `before` or `after` is given.
        placed: bool,
        /// `if not exists`.
        if_not_exists: bool,
    },
    /// `alter type .. rename value`.
    RenameEnumValue,
    /// `alter domain .. add constraint`, `set not null`.
    AddDomainConstraint {
        /// `not valid`.
        not_valid: bool,
    },
    /// `rename to`.
    RenameTo(String),
    /// `set schema`.
    SetSchema(String),
    /// `alter extension .. update`.
    UpdateExtension,
    /// `alter sequence .. restart`.
    RestartSequence,
    /// `owner to`.
    Owner(String),
    /// `alter subscription .. refresh publication` and its kind, which may refuse a transaction.
    RefreshSubscription,
    /// Anything else.
    Other,
}

/// `create index`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateIndex {
    /// The index; Postgres makes one up where it is `None`.
    pub name: Option<ObjectName>,
    /// The table.
    pub table: ObjectName,
    /// `unique`.
    pub unique: bool,
    /// Outside of a transaction only.
    pub concurrently: bool,
    /// `if not exists`.
    pub if_not_exists: bool,
    /// `on only`.
    pub only: bool,
    /// The key columns or expressions, in order.
    pub columns: Vec<Expr>,
    /// The access method, `btree` when not given.
    pub method: String,
    /// `where`.
    pub predicate: Filter,
}
