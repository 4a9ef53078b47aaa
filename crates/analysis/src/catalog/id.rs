//! Names of objects: typed, totally ordered, and written so that they can be read back.
//!
//! A name is kept exactly as the database stores it; quotes appear only in the
//! written form (`table public."Note"`), where a bare word would mean another name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// What sort of thing an [`ObjectId`] names.
///
/// The order is that of reports: containers before what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ObjectKind {
    /// A schema.
    Schema,
    /// An installed extension; what it brought along is not listed.
    Extension,
    /// A procedural language that no extension brought.
    Language,
    /// A foreign-data wrapper.
    ForeignDataWrapper,
    /// A foreign server.
    Server,
    /// A collation.
    Collation,
    /// An enum, composite, range or base type.
    Type,
    /// A domain.
    Domain,
    /// A sequence that is no identity column's.
    Sequence,
    /// A function or window function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// An operator.
    Operator,
    /// An operator family.
    OperatorFamily,
    /// An operator class.
    OperatorClass,
    /// A cast.
    Cast,
    /// A text search dictionary.
    TextSearchDictionary,
    /// A text search configuration.
    TextSearchConfiguration,
    /// An encoding conversion.
    Conversion,
    /// A table: ordinary, partitioned, foreign, virtual or shadow.
    Table,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A column of a table, view or composite type.
    Column,
    /// A constraint of a table or domain.
    Constraint,
    /// An index.
    Index,
    /// A trigger.
    Trigger,
    /// A rewrite rule.
    Rule,
    /// A row-level security policy.
    Policy,
    /// Extended statistics.
    Statistics,
    /// A publication.
    Publication,
    /// An event trigger.
    EventTrigger,
    /// What `ALTER DEFAULT PRIVILEGES` set.
    DefaultPrivileges,
}

/// How the name of a kind is built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `name`: lives in no schema.
    Global,
    /// `schema.name`, or `name` in SQLite.
    Named,
    /// `schema.name.part`: belongs to a relation or domain.
    Part,
    /// `schema.name(argument types)`.
    Routine,
}

/// Every kind with its written word and form. Order of declaration; words that
/// begin with another's word need no care, since the word must end at a blank.
const KINDS: &[(ObjectKind, &str, Form)] = &[
    (ObjectKind::Schema, "schema", Form::Global),
    (ObjectKind::Extension, "extension", Form::Global),
    (ObjectKind::Language, "language", Form::Global),
    (ObjectKind::ForeignDataWrapper, "foreign-data wrapper", Form::Global),
    (ObjectKind::Server, "server", Form::Global),
    (ObjectKind::Collation, "collation", Form::Named),
    (ObjectKind::Type, "type", Form::Named),
    (ObjectKind::Domain, "domain", Form::Named),
    (ObjectKind::Sequence, "sequence", Form::Named),
    (ObjectKind::Function, "function", Form::Routine),
    (ObjectKind::Procedure, "procedure", Form::Routine),
    (ObjectKind::Aggregate, "aggregate", Form::Routine),
    (ObjectKind::Operator, "operator", Form::Routine),
    (ObjectKind::OperatorFamily, "operator-family", Form::Routine),
    (ObjectKind::OperatorClass, "operator-class", Form::Routine),
    (ObjectKind::Cast, "cast", Form::Global),
    (ObjectKind::TextSearchDictionary, "dictionary", Form::Named),
    (ObjectKind::TextSearchConfiguration, "configuration", Form::Named),
    (ObjectKind::Conversion, "conversion", Form::Named),
    (ObjectKind::Table, "table", Form::Named),
    (ObjectKind::View, "view", Form::Named),
    (ObjectKind::MaterializedView, "materialized-view", Form::Named),
    (ObjectKind::Column, "column", Form::Part),
    (ObjectKind::Constraint, "constraint", Form::Part),
    (ObjectKind::Index, "index", Form::Named),
    (ObjectKind::Trigger, "trigger", Form::Part),
    (ObjectKind::Rule, "rule", Form::Part),
    (ObjectKind::Policy, "policy", Form::Part),
    (ObjectKind::Statistics, "statistics", Form::Named),
    (ObjectKind::Publication, "publication", Form::Global),
    (ObjectKind::EventTrigger, "event-trigger", Form::Global),
    (ObjectKind::DefaultPrivileges, "default-privileges", Form::Global),
];

impl ObjectKind {
    /// The word used in written ids: `table`, `materialized-view`.
    pub fn as_str(self) -> &'static str {
        self.entry().1
    }

    fn form(self) -> Form {
        self.entry().2
    }

    fn entry(self) -> (ObjectKind, &'static str, Form) {
        // KINDS lists the variants in order of declaration; a test keeps it so.
        KINDS[self as usize]
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name and the schema it stands in: `None` in SQLite and for what lives in no schema.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QualifiedName {
    /// The schema, exactly as stored.
    pub schema: Option<String>,
    /// The name, exactly as stored.
    pub name: String,
}

impl QualifiedName {
    /// `schema.name`.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: Some(schema.into()), name: name.into() }
    }

    /// A name without a schema.
    pub fn bare(name: impl Into<String>) -> Self {
        Self { schema: None, name: name.into() }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", Quoted(schema))?;
        }
        write!(f, "{}", Quoted(&self.name))
    }
}

impl FromStr for QualifiedName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (mut parts, rest) = split_name(text).ok_or_else(|| unreadable(text))?;
        match (parts.len(), rest) {
            (1, "") => Ok(Self { schema: None, name: parts.remove(0) }),
            (2, "") => Ok(Self { name: parts.remove(1), schema: Some(parts.remove(0)) }),
            _ => Err(unreadable(text)),
        }
    }
}

/// The identity of one object: kind, name and, where it belongs to another object, its part of it.
///
/// Written as `table public.notes`, `column public.notes.body`,
/// `function public.area(double precision)`; [`FromStr`] reads that form back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// What sort of thing it is.
    pub kind: ObjectKind,
    /// Its name; for a part, the name of what it belongs to.
    pub name: QualifiedName,
    /// The column, constraint, trigger, rule or policy; for a routine its argument types.
    pub part: Option<String>,
}

impl ObjectId {
    /// An object that is no part of another one.
    pub fn new(kind: ObjectKind, name: QualifiedName) -> Self {
        Self { kind, name, part: None }
    }

    /// A part (`column`, `constraint`, `trigger`, `rule`, `policy`) of the relation or domain
    /// `of`, or a routine with its argument types.
    pub fn part(kind: ObjectKind, of: QualifiedName, part: impl Into<String>) -> Self {
        Self { kind, name: of, part: Some(part.into()) }
    }

    /// Short for a table's id.
    pub fn table(name: QualifiedName) -> Self {
        Self::new(ObjectKind::Table, name)
    }

    /// Short for a column's id.
    pub fn column(table: QualifiedName, column: impl Into<String>) -> Self {
        Self::part(ObjectKind::Column, table, column)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        let part = self.part.as_deref().unwrap_or("");
        match self.kind.form() {
            Form::Global | Form::Named => Ok(()),
            Form::Part => write!(f, ".{}", Quoted(part)),
            Form::Routine => write!(f, "({part})"),
        }
    }
}

impl FromStr for ObjectId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse_id(text).ok_or_else(|| unreadable(text))
    }
}

fn parse_id(text: &str) -> Option<ObjectId> {
    let (kind, _, form) = *KINDS
        .iter()
        .find(|(_, word, _)| text.strip_prefix(word).is_some_and(|rest| rest.starts_with(' ')))?;
    let (mut parts, rest) = split_name(&text[kind.as_str().len() + 1..])?;
    let part = match form {
        Form::Part => Some(parts.pop()?),
        Form::Routine => Some(rest.strip_prefix('(')?.strip_suffix(')')?.to_owned()),
        Form::Global | Form::Named => None,
    };
    if form != Form::Routine && !rest.is_empty() {
        return None;
    }
    let name = parts.pop()?;
    let schema = parts.pop();
    parts.is_empty().then_some(ObjectId { kind, name: QualifiedName { schema, name }, part })
}

fn unreadable(text: &str) -> Error {
    Error::invalid(format!("`{text}` names no object"))
        .hint("write it as `table public.notes` or `column public.notes.body`")
}

/// Splits `a."b.c"(x)` into `["a", "b.c"]` and `(x)`.
fn split_name(text: &str) -> Option<(Vec<String>, &str)> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = split_word(rest)?;
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => return Some((parts, after)),
        }
    }
}

fn split_word(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !is_word(c)).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut word = String::new();
    loop {
        let end = rest.find('"')?;
        word.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(next) => {
                word.push('"');
                rest = next;
            }
            None => return Some((word, rest)),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '$'
}

/// Writes a name with quotes where a bare word would be read as another name.
///
/// For reports only: it knows no keywords. SQL is built with the engine's `Ident`.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let starts_well = self.0.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if starts_well && self.0.chars().all(is_word) {
            return f.write_str(self.0);
        }
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
as_text!(ObjectId, QualifiedName);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kinds_stand_at_their_own_place_in_the_list() {
        for (index, (kind, _, _)) in KINDS.iter().enumerate() {
            assert_eq!(*kind as usize, index, "{kind:?}");
        }
        assert_eq!(ObjectKind::DefaultPrivileges as usize + 1, KINDS.len());
    }

    #[test]
    fn ids_are_written_as_people_say_them() {
        let notes = QualifiedName::new("public", "notes");
        assert_eq!(ObjectId::table(notes.clone()).to_string(), "table public.notes");
        assert_eq!(ObjectId::column(notes, "Body").to_string(), "column public.notes.\"Body\"");
        assert_eq!(ObjectId::table(QualifiedName::bare("notes")).to_string(), "table notes");
        let f = ObjectId::part(ObjectKind::Function, QualifiedName::new("app", "f"), "integer, text");
        assert_eq!(f.to_string(), "function app.f(integer, text)");
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in
            ["", "table", "table ", "chair public.x", "table a.b.c", "column x", "table a\"", "table \"a"]
        {
            assert!(text.parse::<ObjectId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn written_ids_read_back(
            kind in 0..KINDS.len(),
            schema in proptest::option::of("\\PC{1,8}"),
            name in "\\PC{1,12}",
            part in "\\PC{1,12}",
        ) {
            let (kind, _, form) = KINDS[kind];
            let schema = if form == Form::Global { None } else { schema };
            let part = matches!(form, Form::Part | Form::Routine).then_some(part);
            let id = ObjectId { kind, name: QualifiedName { schema, name }, part };
            prop_assert_eq!(id.to_string().parse::<ObjectId>().unwrap(), id);
        }
    }
}
