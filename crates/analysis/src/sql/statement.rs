//! What a statement is and does, in words that hold for Postgres and SQLite alike.
//!
//! The parsers' own trees end at the border of `sql`: everything above (rules,
//! plans, the runner) reads these types only. Types carry facts, never verdicts.

use std::borrow::Cow;

use super::{Directive, expr::Expr, table};
use crate::place::Span;

/// The SQL a text is written in. Never guessed from "it parses".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// PostgreSQL 15 to 18.
    Postgres,
    /// SQLite 3.
    Sqlite,
}

/// A possibly qualified name, as the database stores it: quotes removed, and in
/// Postgres unquoted letters folded to lower case. SQLite keeps the spelling and
/// compares without regard to ASCII case: compare with [`ObjectName::same_as`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// `public` in `public.notes`; in SQLite the attached database (`main`, `temp`).
    pub schema: Option<String>,
    /// The last part.
    pub name: String,
}

impl ObjectName {
    /// A name without schema.
    pub fn bare(name: impl Into<String>) -> Self {
        Self { schema: None, name: name.into() }
    }

    /// A name with its schema.
    pub fn qualified(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: Some(schema.into()), name: name.into() }
    }

    /// Whether both mean one object when a missing schema means the default one
    /// (`public`, `main`).
    pub fn same_as(&self, other: &ObjectName, dialect: Dialect) -> bool {
        self.key(dialect) == other.key(dialect)
    }

    /// A form that is equal exactly where [`ObjectName::same_as`] holds; for maps.
    pub fn key(&self, dialect: Dialect) -> (String, String) {
        match dialect {
            Dialect::Postgres => {
                (self.schema.clone().unwrap_or_else(|| "public".to_owned()), self.name.clone())
            }
            Dialect::Sqlite => (
                self.schema.as_deref().unwrap_or("main").to_ascii_lowercase(),
                self.name.to_ascii_lowercase(),
            ),
        }
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// One statement of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Position in the file, from 0. Statements that could not be parsed count.
    pub index: usize,
    /// From the first to the last token, without the semicolon and without comments around it.
    pub span: Span,
    /// The leading key words in lower case, for people: `create index`, `alter table`.
    pub verb: Cow<'static, str>,
    /// What it does, in order, including what its CTEs and bodies do.
    pub effects: Box<[Effect]>,
    /// The directives that hold for this statement: those in comments before it,
    /// or behind it on the line on which it ends.
    pub directives: Vec<Directive>,
    /// Why it could not be read. Then `effects` is empty, except for an `alter` that SQLite
    /// does not know but whose meaning is clear: its effects are kept, so that a rule can name it.
    pub damage: Option<Box<Damage>>,
}

impl Statement {
    /// The actions the statement itself takes when it runs: without those that only
    /// stand in the body of a function or trigger that it defines.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.effects.iter().filter(|e| e.within.runs_now()).map(|e| &e.action)
    }
}

/// A statement the parser could not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The bytes the parser stopped at, in the file.
    pub span: Span,
    /// What the parser says, as a lower-case fragment.
    pub message: String,
}

/// Something a statement does.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The part of the file that does it.
    pub span: Span,
    /// Where in the statement it stands.
    pub within: Within,
    /// What is done.
    pub action: Action,
}

/// Where in a statement an [`Effect`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Within {
    /// The statement itself.
    Statement,
    /// A data-changing `with` query.
    Cte,
    /// A `do` block: runs at once.
    DoBlock,
    /// A literal run by `execute` in a `do` block.
    DynamicSql,
    /// The body of a function or procedure: runs when called. In SQLite a view's query.
    FunctionBody,
    /// The body of a trigger (SQLite) or rule: runs when fired.
    TriggerBody,
}

impl Within {
    /// Whether the effect happens when the statement runs.
    pub fn runs_now(self) -> bool {
        match self {
            Within::Statement | Within::Cte | Within::DoBlock | Within::DynamicSql => true,
            Within::FunctionBody | Within::TriggerBody => false,
        }
    }
}

/// The kinds of object that can be created, altered and dropped by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// An ordinary, partitioned, virtual or foreign table.
    Table,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// An index.
    Index,
    /// A sequence.
    Sequence,
    /// A schema.
    Schema,
    /// A database.
    Database,
    /// An enum, composite, range or base type.
    Type,
    /// A domain.
    Domain,
    /// A function, procedure or aggregate.
    Function,
    /// A trigger.
    Trigger,
    /// A rewrite rule.
    Rule,
    /// A row security policy.
    Policy,
    /// An extension.
    Extension,
    /// A role or user.
    Role,
    /// A publication.
    Publication,
    /// A subscription.
    Subscription,
    /// An event trigger.
    EventTrigger,
    /// A tablespace.
    Tablespace,
    /// Anything else: statistics, casts, operators, collations, servers ...
    Other,
}

/// One thing done to the schema, the data or the session.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `create table`, also `partition of`, `like`, virtual tables.
    CreateTable(Box<table::CreateTable>),
    /// `create table .. as`, `select .. into`.
    CreateTableAs {
        /// The new table.
        name: ObjectName,
        /// Gone at the end of the session.
        temporary: bool,
        /// `if not exists`.
        if_not_exists: bool,
        /// The query's facts.
        query: Box<Query>,
    },
    /// One clause of `alter table`; a statement with three clauses has three.
    AlterTable {
        /// The table (or view, or index: Postgres allows `alter table` on them).
        table: ObjectName,
        /// `if exists`.
        if_exists: bool,
        /// The clause.
        change: table::TableChange,
    },
    /// `create index`.
    CreateIndex(Box<table::CreateIndex>),
    /// `reindex`.
    Reindex {
        /// Outside of a transaction only.
        concurrently: bool,
        /// What is rebuilt: `index`, `table`, `schema`, `database`, `system`.
        target: String,
        /// Its name, where it has one.
        name: Option<ObjectName>,
    },
    /// `drop ...`.
    Drop {
        /// Of what.
        kind: ObjectKind,
        /// Which; for triggers, rules and policies the object's own name.
        names: Vec<ObjectName>,
        /// The table of a trigger, rule or policy.
        on: Option<ObjectName>,
        /// `if exists`.
        if_exists: bool,
        /// `cascade`.
        cascade: bool,
        /// Indexes only.
        concurrently: bool,
    },
    /// `drop owned by` (`reassign` false) or `reassign owned by`.
    DropOwned {
        /// The roles.
        roles: Vec<String>,
        /// `reassign owned`.
        reassign: bool,
    },
    /// `create` of anything that is no table and no index.
    Create {
        /// Of what.
        kind: ObjectKind,
        /// The new object.
        name: ObjectName,
        /// The table of a trigger, rule or policy.
        on: Option<ObjectName>,
        /// `or replace`.
        or_replace: bool,
        /// `if not exists`.
        if_not_exists: bool,
        /// Gone at the end of the session.
        temporary: bool,
    },
    /// `alter` of anything that is no table.
    Alter {
        /// Of what.
        kind: ObjectKind,
        /// Which.
        name: ObjectName,
        /// How.
        change: table::ObjectChange,
    },
    /// `truncate`.
    Truncate {
        /// The tables.
        tables: Vec<ObjectName>,
        /// `cascade`.
        cascade: bool,
    },
    /// `insert`.
    Insert(Box<Insert>),
    /// `update`.
    Update(Box<Update>),
    /// `delete`.
    Delete {
        /// The table.
        table: ObjectName,
        /// Which rows.
        filter: Filter,
        /// Further tables read (`using`).
        using: Vec<ObjectName>,
    },
    /// `merge`.
    Merge {
        /// The table changed.
        table: ObjectName,
        /// Has a `when .. then delete`.
        deletes: bool,
        /// Has a `when .. then update`.
        updates: bool,
        /// Has a `when .. then insert`.
        inserts: bool,
    },
    /// `copy`.
    Copy {
        /// The table, unless a query is copied.
        table: Option<ObjectName>,
        /// `from`.
        from: bool,
        /// `stdin` or `stdout`: data that only psql can feed.
        stdio: bool,
    },
    /// `select`, `values`, `table`: reads, and calls functions.
    Select(Box<Query>),
    /// `call` and `do` (a `do` block's statements follow as effects of their own).
    Call {
        /// The procedure; empty for `do`.
        name: ObjectName,
    },
    /// `execute` of text that is no literal.
    DynamicSql,
    /// A text within the statement that is not read: it may do anything.
    Unread {
        /// Why, as a lower-case fragment.
        why: &'static str,
    },
    /// `set` and `reset`.
    Set {
        /// `set local`.
        local: bool,
        /// The setting in lower case; `session_replication_role`, `search_path`, `role` ...
        name: String,
        /// Its text; `None` for `reset` and `default`.
        value: Option<String>,
    },
    /// SQLite's `pragma`.
    Pragma {
        /// In lower case.
        name: String,
        /// The text after `=` or within the parentheses, quotes removed.
        value: Option<String>,
    },
    /// `begin`, `commit`, savepoints ...
    Transaction(TransactionCommand),
    /// `lock table`.
    Lock {
        /// The tables.
        tables: Vec<ObjectName>,
        /// `AccessExclusive` and so on; the default is the strongest.
        mode: String,
        /// `nowait`.
        nowait: bool,
    },
    /// `vacuum`.
    Vacuum {
        /// `full`.
        full: bool,
        /// The tables; empty for all.
        tables: Vec<ObjectName>,
    },
    /// `cluster`; all tables where `table` is `None`.
    Cluster {
        /// The table.
        table: Option<ObjectName>,
    },
    /// `refresh materialized view`.
    Refresh {
        /// The view.
        name: ObjectName,
        /// `concurrently`.
        concurrently: bool,
    },
    /// `grant` and `revoke`, `alter default privileges`.
    Privileges {
        /// `grant` rather than `revoke`.
        grant: bool,
        /// Names the role `public`.
        to_public: bool,
    },
    /// `attach` and `detach` (SQLite).
    Attach {
        /// `attach` rather than `detach`.
        attach: bool,
    },
    /// Something no rule asks about: comments, analyze, notify ...
    Other,
}

/// Transaction control as it stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionCommand {
    /// `begin`, `start transaction`.
    Begin,
    /// `commit`, `end`.
    Commit,
    /// `rollback`, `abort` (of the whole transaction).
    Rollback,
    /// `savepoint`.
    Savepoint,
    /// `release`.
    Release,
    /// `rollback to`.
    RollbackTo,
    /// `set transaction`, `set session characteristics`.
    SetTransaction,
    /// `prepare transaction`, `commit prepared`, `rollback prepared`.
    TwoPhase,
}

/// What happens when a row that is inserted or updated meets an equal key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnConflict {
    /// The statement fails (SQL's default).
    Fail,
    /// The row is left out: `or ignore`, `on conflict do nothing`.
    Ignore,
    /// The row that stands is deleted: `or replace`, `replace into`.
    Replace,
    /// `on conflict .. do update`.
    Update,
    /// SQLite's `or rollback`, `or fail`, `or abort`: fails too.
    FailOtherwise,
}

/// `insert`.
#[derive(Debug, Clone, PartialEq)]
pub struct Insert {
    /// The table written.
    pub table: ObjectName,
    /// The column list; `None` when there is none.
    pub columns: Option<Box<[String]>>,
    /// Where the rows come from.
    pub source: InsertSource,
    /// What happens to duplicates.
    pub on_conflict: OnConflict,
    /// For [`OnConflict::Ignore`] and `Update`: the columns named, or empty for any conflict.
    pub conflict_columns: Box<[String]>,
}

/// Where an insert's rows come from.
#[derive(Debug, Clone, PartialEq)]
pub enum InsertSource {
    /// `values (..), (..)`. Nothing of the rows: no rule asks about them, and they are
    /// most of a large file.
    Values,
    /// `select ..`.
    Query(Box<Query>),
    /// `default values`.
    DefaultValues,
}

/// What rules ask about a query.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    /// The outermost select list (of the first arm of a compound); a `*` stands as [`Expr`] with `star`.
    pub items: Vec<Expr>,
    /// Every table read anywhere in the query, CTEs and subqueries included, CTE names left out.
    pub tables: Vec<ObjectName>,
    /// The outermost `where`, or that of the first arm.
    pub filter: Filter,
    /// `union`, `intersect`, `except`, `values`: more than one plain select.
    pub compound: bool,
    /// `distinct`, `group by`, aggregates or `limit`: the query may leave rows out by design.
    pub reduces: bool,
    /// `join` with a condition that can drop rows of the first table.
    pub joins: bool,
    /// Functions called, in lower case, unqualified.
    pub calls: Vec<String>,
}

/// `update`.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The table.
    pub table: ObjectName,
    /// Columns and their new values.
    pub assignments: Box<[(String, Expr)]>,
    /// Which rows.
    pub filter: Filter,
    /// Further tables read (`from`).
    pub from: Box<[ObjectName]>,
    /// SQLite's `update or ignore|replace`.
    pub on_conflict: OnConflict,
    /// The bytes of ` or ignore`, so that they can be taken out.
    pub on_conflict_span: Option<Span>,
}

/// Which rows a statement touches.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Filter {
    /// No `where`: all.
    #[default]
    All,
    /// A `where` that holds for every row: `true`, `1 = 1`.
    AlwaysTrue(Span),
    /// `where current of`.
    CurrentOf,
    /// A real condition.
    Condition(Box<Expr>),
}

impl Filter {
    /// Whether every row is touched.
    pub fn is_all(&self) -> bool {
        match self {
            Filter::All | Filter::AlwaysTrue(_) => true,
            Filter::CurrentOf | Filter::Condition(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use super::{Effect, Expr, Insert, Statement};

    /// A large file has a million of them: a variant or field that is rarely there belongs in a box.
    #[test]
    fn what_is_kept_for_each_statement_is_small() {
        let sizes = [size_of::<Statement>(), size_of::<Effect>(), size_of::<Insert>(), size_of::<Expr>()];
        let bounds = [96, 136, 104, 152];
        assert!(sizes.iter().zip(bounds).all(|(size, bound)| *size <= bound), "{sizes:?}, {bounds:?}");
    }
}
