//! Everything in a catalog that is not a table or view, and the one enum over all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::id::ObjectId;
use super::is_default;
use super::table::{Column, Constraint, Enabled, SequenceRange, Table, View};

/// One object of a catalog; its [`ObjectId`] holds its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "object", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Object {
    /// A schema.
    Schema(Schema),
    /// An extension.
    Extension(Extension),
    /// An enum, composite, range or base type.
    Type(Type),
    /// A domain.
    Domain(Domain),
    /// A sequence.
    Sequence(Sequence),
    /// A function, procedure or aggregate.
    Routine(Routine),
    /// A table.
    Table(Box<Table>),
    /// A view or materialized view.
    View(Box<View>),
    /// A publication.
    Publication(Publication),
    /// An event trigger.
    EventTrigger(EventTrigger),
    /// A foreign server or foreign-data wrapper.
    Server(Server),
    /// What is compared by its text alone: operators, casts, collations, statistics, ...
    Defined(Defined),
}

/// A schema.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Schema {
    /// The owning role.
    #[serde(skip_serializing_if = "is_default")]
    pub owner: Option<String>,
    /// `None`: what the server gives by default.
    #[serde(skip_serializing_if = "is_default")]
    pub privileges: Option<Privileges>,
    /// `COMMENT ON`.
    #[serde(skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

/// An installed extension.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extension {
    /// The installed version.
    pub version: String,
    /// Where its objects stand.
    pub schema: String,
    /// `COMMENT ON`.
    #[serde(skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

/// A type that is neither a domain nor a table's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Type {
    /// What it is made of.
    #[serde(flatten)]
    pub shape: TypeShape,
    /// The statement that creates it, where the model does not hold its parts; never compared.
    #[serde(default, skip_serializing_if = "is_default")]
    pub create: Option<String>,
    /// The owning role.
    #[serde(default, skip_serializing_if = "is_default")]
    pub owner: Option<String>,
    /// `None`: what the server gives by default.
    #[serde(default, skip_serializing_if = "is_default")]
    pub privileges: Option<Privileges>,
    /// `COMMENT ON`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

/// What a type is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "snake_case")]
pub enum TypeShape {
    /// Its labels in sort order.
    Enum {
        /// In sort order.
        labels: Vec<String>,
    },
    /// Its attributes.
    Composite {
        /// In order.
        columns: Vec<Column>,
    },
    /// A range over a subtype.
    Range {
        /// Subtype, operator class, collation, functions and multirange, as SQL would say it.
        definition: String,
    },
    /// A type with its own input and output functions, or a shell.
    Base {
        /// Its functions and storage.
        definition: String,
    },
}

/// A domain.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Domain {
    /// The type under it, with its modifier.
    #[serde(rename = "type")]
    pub type_: String,
    /// Whether it refuses NULL.
    #[serde(skip_serializing_if = "is_default")]
    pub not_null: bool,
    /// The default's text.
    #[serde(skip_serializing_if = "is_default")]
    pub default: Option<String>,
    /// The collation, when it is not the base type's.
    #[serde(skip_serializing_if = "is_default")]
    pub collation: Option<String>,
    /// By name.
    #[serde(skip_serializing_if = "is_default")]
    pub constraints: BTreeMap<String, Constraint>,
    /// The owning role.
    #[serde(skip_serializing_if = "is_default")]
    pub owner: Option<String>,
    /// `None`: what the server gives by default.
    #[serde(skip_serializing_if = "is_default")]
    pub privileges: Option<Privileges>,
    /// `COMMENT ON`.
    #[serde(skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

/// A sequence. An identity column's is told with the column instead.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sequence {
    /// Start, limits and steps.
    #[serde(flatten)]
    pub range: SequenceRange,
    /// The column it is dropped with.
    #[serde(skip_serializing_if = "is_default")]
    pub owned_by: Option<ObjectId>,
    /// Not written to the log.
    #[serde(skip_serializing_if = "is_default")]
    pub unlogged: bool,
    /// The owning role.
    #[serde(skip_serializing_if = "is_default")]
    pub owner: Option<String>,
    /// `None`: what the server gives by default.
    #[serde(skip_serializing_if = "is_default")]
    pub privileges: Option<Privileges>,
    /// `COMMENT ON`.
    #[serde(skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

/// A function, procedure or aggregate. Its argument types stand in its id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Routine {
    /// Arguments with names, modes and defaults.
    pub arguments: String,
    /// What it returns; `None` for a procedure.
    #[serde(skip_serializing_if = "is_default")]
    pub result: Option<String>,
    /// The language.
    pub language: String,
    /// Its text; of a `BEGIN ATOMIC` body, as the server prints it; of an aggregate, its parts.
    pub body: String,
    /// The object file of a C function.
    #[serde(skip_serializing_if = "is_default")]
    pub library: Option<String>,
    /// `immutable`, `stable` or `volatile`.
    pub volatility: String,
    /// `safe`, `restricted` or `unsafe`.
    pub parallel: String,
    /// NULL in, NULL out.
    #[serde(skip_serializing_if = "is_default")]
    pub strict: bool,
    /// Runs with the rights of its owner.
    #[serde(skip_serializing_if = "is_default")]
    pub security_definer: bool,
    /// May run before security barriers.
    #[serde(skip_serializing_if = "is_default")]
    pub leakproof: bool,
    /// Is a window function.
    #[serde(skip_serializing_if = "is_default")]
    pub window: bool,
    /// The planner's cost, in units of `cpu_operator_cost`.
    pub cost: f32,
    /// The planner's row count, of a function that returns a set.
    #[serde(skip_serializing_if = "is_default")]
    pub rows: f32,
    /// `SET` clauses.
    #[serde(skip_serializing_if = "is_default")]
    pub settings: BTreeMap<String, String>,
    /// The planner support function.
    #[serde(skip_serializing_if = "is_default")]
    pub support: Option<String>,
    /// The statement that creates it, of an aggregate; never compared.
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
}

/// A publication.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Publication {
    /// Publishes every table there is and will be.
    #[serde(skip_serializing_if = "is_default")]
    pub all_tables: bool,
    /// The other settings, by the names of `CREATE PUBLICATION`.
    pub options: BTreeMap<String, String>,
    /// Tables with their column list and row filter.
    #[serde(skip_serializing_if = "is_default")]
    pub tables: BTreeMap<String, String>,
    /// Schemas published as a whole.
    #[serde(skip_serializing_if = "is_default")]
    pub schemas: BTreeSet<String>,
    /// The owning role.
    #[serde(skip_serializing_if = "is_default")]
    pub owner: Option<String>,
    /// `COMMENT ON`.
    #[serde(skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

/// An event trigger.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventTrigger {
    /// `ddl_command_end`, ...
    pub event: String,
    /// The commands it fires on; empty for all.
    #[serde(skip_serializing_if = "is_default")]
    pub tags: BTreeSet<String>,
    /// What it calls.
    pub function: String,
    /// When it fires.
    #[serde(skip_serializing_if = "is_default")]
    pub enabled: Enabled,
    /// The owning role.
    #[serde(skip_serializing_if = "is_default")]
    pub owner: Option<String>,
    /// `COMMENT ON`.
    #[serde(skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

/// A foreign server or foreign-data wrapper.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    /// Wrapper, type and version of a server; functions of a wrapper.
    pub definition: String,
    /// Options; secrets are withheld.
    #[serde(skip_serializing_if = "is_default")]
    pub options: BTreeMap<String, String>,
    /// The statement that creates it, without options; never compared.
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
}

/// An object compared by its text alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Defined {
    /// All there is to say about it.
    pub definition: String,
    /// The statements that create it; empty where nobody can say. Never compared.
    #[serde(skip_serializing_if = "is_default")]
    pub create: Vec<String>,
    /// The owning role.
    #[serde(skip_serializing_if = "is_default")]
    pub owner: Option<String>,
    /// `None`: what the server gives by default.
    #[serde(skip_serializing_if = "is_default")]
    pub privileges: Option<Privileges>,
    /// `COMMENT ON`.
    #[serde(skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

/// The planner's idea of a relation's size. Never part of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    /// Rows; `None` while nobody has counted (Postgres' `reltuples = -1`): treat it as big.
    pub rows: Option<f64>,
    /// Pages of the main fork; `None` where the database does not say.
    pub pages: Option<i64>,
}

/// Who may do what: privileges by grantee, a trailing `*` for the right to grant it on.
///
/// The owner stands here only when it lacks something that owners have by default.
pub type Privileges = BTreeMap<Grantee, BTreeSet<String>>;

/// Who was granted something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grantee {
    /// The object's owner, whoever that is.
    Owner,
    /// Everybody.
    Public,
    /// One role.
    Role(String),
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Grantee::Owner => f.write_str("owner"),
            Grantee::Public => f.write_str("public"),
            Grantee::Role(name) => write!(f, "role {name}"),
        }
    }
}

impl Grantee {
    /// Reads the written form: `owner`, `public` or `role NAME`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "owner" => Some(Grantee::Owner),
            "public" => Some(Grantee::Public),
            other => other.strip_prefix("role ").map(|name| Grantee::Role(name.to_owned())),
        }
    }
}

impl Serialize for Grantee {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Grantee {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Grantee::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no grantee")))
    }
}
