//! Look-ups that rules and plans ask of a catalog.
//!
//! A name without a schema is looked for where an ordinary session would find it
//! (`public`), then anywhere it stands only once; a name that stands in two other
//! schemas is not found rather than guessed. SQLite's names match whatever their ASCII case.

use super::id::{ObjectId, ObjectKind, QualifiedName};
use super::object::Object;
use super::table::{Column, Constraint, ConstraintKind, Index, Reference, Table, View};
use super::{Catalog, Engine};

/// A table or view found by name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Relation<'a> {
    /// It is a table.
    Table(&'a Table),
    /// It is a view or materialized view.
    View(&'a View),
}

/// A foreign key, seen from either end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForeignKey<'a> {
    /// The table that holds the reference.
    pub table: &'a QualifiedName,
    /// The constraint's name.
    pub name: &'a str,
    /// The constraint.
    pub constraint: &'a Constraint,
    /// Its far end.
    pub reference: &'a Reference,
}

impl Catalog {
    /// The id of the object of one of `kinds` that a session means by this name.
    pub fn resolve(&self, kinds: &[ObjectKind], schema: Option<&str>, name: &str) -> Option<&ObjectId> {
        match (self.engine, schema) {
            (Engine::Sqlite, _) => self.only(kinds, |id| id.name.name.eq_ignore_ascii_case(name)),
            (Engine::Postgres, Some(schema)) => self.exactly(kinds, schema, name),
            (Engine::Postgres, None) => self
                .exactly(kinds, "public", name)
                .or_else(|| self.only(kinds, |id| id.name.name == name && id.part.is_none())),
        }
    }

    fn exactly(&self, kinds: &[ObjectKind], schema: &str, name: &str) -> Option<&ObjectId> {
        kinds.iter().find_map(|kind| {
            let id = ObjectId::new(*kind, QualifiedName::new(schema, name));
            self.objects.get_key_value(&id).map(|(id, _)| id)
        })
    }

    fn only(&self, kinds: &[ObjectKind], wanted: impl Fn(&ObjectId) -> bool) -> Option<&ObjectId> {
        let mut found = kinds.iter().flat_map(|kind| self.of_kind(*kind)).map(|(id, _)| id);
        let first = found.find(|id| wanted(id))?;
        (!found.any(wanted)).then_some(first)
    }

    /// Every object of `kind`, in order.
    pub fn of_kind(&self, kind: ObjectKind) -> impl Iterator<Item = (&ObjectId, &Object)> {
        let first = ObjectId::new(kind, QualifiedName { schema: None, name: String::new() });
        self.objects.range(first..).take_while(move |(id, _)| id.kind == kind)
    }

    /// Every table with its name, in order.
    pub fn tables(&self) -> impl Iterator<Item = (&QualifiedName, &Table)> {
        self.of_kind(ObjectKind::Table).filter_map(|(id, object)| match object {
            Object::Table(table) => Some((&id.name, table.as_ref())),
            _ => None,
        })
    }

    /// The table that a session means by this name.
    pub fn table(&self, schema: Option<&str>, name: &str) -> Option<&Table> {
        self.named_table(schema, name).map(|(_, table)| table)
    }

    /// The table that a session means by this name, with its full name.
    pub fn named_table(&self, schema: Option<&str>, name: &str) -> Option<(&QualifiedName, &Table)> {
        let id = self.resolve(&[ObjectKind::Table], schema, name)?;
        match self.objects.get(id) {
            Some(Object::Table(table)) => Some((&id.name, table)),
            _ => None,
        }
    }

    /// The table or view that a session means by this name.
    pub fn relation(&self, schema: Option<&str>, name: &str) -> Option<(&QualifiedName, Relation<'_>)> {
        let kinds = [ObjectKind::Table, ObjectKind::View, ObjectKind::MaterializedView];
        let id = self.resolve(&kinds, schema, name)?;
        match self.objects.get(id) {
            Some(Object::Table(table)) => Some((&id.name, Relation::Table(table))),
            Some(Object::View(view)) => Some((&id.name, Relation::View(view))),
            _ => None,
        }
    }

    /// A column of a table or view.
    pub fn column(&self, schema: Option<&str>, relation: &str, column: &str) -> Option<&Column> {
        let (_, found) = self.relation(schema, relation)?;
        self.column_in(found.columns(), column)
    }

    fn column_in<'a>(&self, columns: &'a [Column], name: &str) -> Option<&'a Column> {
        columns.iter().find(|column| self.same_name(&column.name, name))
    }

    /// Whether this database takes two names for one.
    pub fn same_name(&self, a: &str, b: &str) -> bool {
        match self.engine {
            Engine::Postgres => a == b,
            Engine::Sqlite => a.eq_ignore_ascii_case(b),
        }
    }

    /// An index by its own name, with the table or materialized view that it is on.
    pub fn index(&self, schema: Option<&str>, name: &str) -> Option<(&ObjectId, &Index)> {
        let mut found = self.objects.iter().filter_map(|(id, object)| {
            let indexes = match object {
                Object::Table(table) => &table.indexes,
                Object::View(view) => &view.indexes,
                _ => return None,
            };
            if schema.is_some_and(|s| id.name.schema.as_deref().is_some_and(|own| own != s)) {
                return None;
            }
            indexes.iter().find(|(key, _)| self.same_name(key, name)).map(|(_, index)| (id, index))
        });
        let first = found.next()?;
        match found.next() {
            None => Some(first),
            Some(second) => [first, second].into_iter().chain(found).find(|(id, _)| in_public(&id.name)),
        }
    }

    /// The foreign keys that a table holds.
    pub fn foreign_keys_of<'a>(&'a self, table: &'a QualifiedName) -> impl Iterator<Item = ForeignKey<'a>> {
        let found = self.named_table(table.schema.as_deref(), &table.name);
        found.into_iter().flat_map(|(name, table)| foreign_keys(name, table))
    }

    /// The foreign keys of any table that point to `table`, itself included.
    pub fn foreign_keys_to<'a>(&'a self, table: &'a QualifiedName) -> impl Iterator<Item = ForeignKey<'a>> {
        self.tables().flat_map(|(name, table)| foreign_keys(name, table)).filter(move |key| {
            let to = &key.reference.table;
            to.schema == table.schema && self.same_name(&to.name, &table.name)
        })
    }

    /// The partitions and inheritance children directly under `table`.
    pub fn children_of<'a>(&'a self, table: &'a QualifiedName) -> impl Iterator<Item = &'a QualifiedName> {
        self.tables().filter(move |(_, child)| child.parents.contains(table)).map(|(name, _)| name)
    }

    /// What could not stand without `id`, directly. Of a relation: what uses it or a column of it.
    pub fn dependents<'a>(&'a self, id: &'a ObjectId) -> impl Iterator<Item = &'a ObjectId> {
        let whole = id.part.is_none();
        self.uses
            .iter()
            .filter(move |(user, used)| {
                let inside = whole && user.part.is_some() && user.name == id.name;
                !inside && used.iter().any(|u| u == id || (whole && is_column_of(u, id)))
            })
            .map(|(user, _)| user)
    }
}

fn is_column_of(column: &ObjectId, relation: &ObjectId) -> bool {
    column.kind == ObjectKind::Column && column.name == relation.name
}

fn in_public(name: &QualifiedName) -> bool {
    name.schema.as_deref() == Some("public")
}

fn foreign_keys<'a>(name: &'a QualifiedName, table: &'a Table) -> impl Iterator<Item = ForeignKey<'a>> {
    table.constraints.iter().filter_map(move |(key, constraint)| {
        let reference = constraint.references.as_ref()?;
        Some(ForeignKey { table: name, name: key, constraint, reference })
    })
}

impl<'a> Relation<'a> {
    /// Its columns, in order.
    pub fn columns(self) -> &'a [Column] {
        match self {
            Relation::Table(table) => &table.columns,
            Relation::View(view) => &view.columns,
        }
    }
}

impl Table {
    /// A column by its exact name. [`Catalog::column`] knows SQLite's rule.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The primary key, if there is one.
    pub fn primary_key(&self) -> Option<&Constraint> {
        self.constraints.values().find(|c| c.kind == ConstraintKind::PrimaryKey)
    }

    /// Whether a complete, valid index begins with these columns in any order, so that a
    /// look-up by all of them needs no scan.
    pub fn has_index_on(&self, columns: &[String]) -> bool {
        let by_rowid = match (columns, self.primary_key()) {
            // SQLite's INTEGER PRIMARY KEY has no index: the table itself is ordered by it.
            ([only], Some(key)) => {
                !self.constraint_has_index(ConstraintKind::PrimaryKey) && key.columns == [only.clone()]
            }
            _ => false,
        };
        by_rowid
            || self.indexes.values().any(|index| {
                let first: Vec<_> =
                    index.keys.iter().take(columns.len()).filter_map(|k| k.column.as_ref()).collect();
                index.valid
                    && index.predicate.is_none()
                    && first.len() == columns.len()
                    && columns.iter().all(|column| first.iter().any(|f| f.eq_ignore_ascii_case(column)))
            })
    }

    fn constraint_has_index(&self, kind: ConstraintKind) -> bool {
        self.indexes.values().any(|index| {
            let named = index.constraint.as_ref().and_then(|name| self.constraints.get(name));
            named.is_some_and(|constraint| constraint.kind == kind)
        })
    }
}
