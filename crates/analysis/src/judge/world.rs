//! The schema as the statements so far have left it, and what is not known about it.
//!
//! A table that no statement and no catalog mentions is not "absent": it stands,
//! and it is big. Knowledge is only ever used to say less, so a gap in it costs a
//! false alarm and never a loss.

use std::collections::{BTreeSet, HashMap};

use super::evolve::View;
use super::session::Session;
use crate::sql::table::{Column, Constraint, ConstraintKind, CreateIndex, Reference};
use crate::sql::{Dialect, ObjectName};

/// A name in the form that is equal exactly for one object.
pub(super) type Key = (String, String);

/// When something happened within the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The file, from 0.
    pub file: usize,
    /// The statement in it, from 0.
    pub statement: usize,
    /// [`Session::transaction`] at the time.
    pub transaction: usize,
    /// Counts effects over the whole set; later is greater.
    pub clock: usize,
}

/// Where a table or column comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It stood before this run.
    Existing,
    /// It may have stood before: only mentioned, or made by `if not exists`.
    Unknown,
    /// This run made it, then.
    New(Moment),
}

/// A column, as far as it is known.
#[derive(Debug, Clone)]
pub struct KnownColumn {
    /// As the last statement that described it says.
    pub definition: Column,
    /// Where it comes from.
    pub origin: Origin,
    pub(super) filled: Filled,
    pub(super) computed: bool,
}

impl KnownColumn {
    pub(super) fn new(definition: Column, origin: Origin) -> Self {
        Self { definition, origin, filled: Filled::default(), computed: false }
    }

    /// Whether an update of this set computed it from other columns.
    pub fn is_computed(&self) -> bool {
        self.computed
    }
}

/// A table, as far as it is known.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its present name.
    pub name: ObjectName,
    /// Where it comes from.
    pub origin: Origin,
    /// Gone with the session.
    pub temporary: bool,
    /// `partition by`.
    pub partitioned: bool,
    /// SQLite.
    pub without_rowid: bool,
    /// SQLite.
    pub strict: bool,
    /// The estimate of the catalog; `None` counts as big.
    pub rows: Option<u64>,
    /// In order; all of them only if `columns_complete`.
    pub columns: Vec<KnownColumn>,
    /// Whether `columns` is the whole table.
    pub columns_complete: bool,
    /// Those beside the columns.
    pub constraints: Vec<Constraint>,
    /// Its indexes, without those behind constraints.
    pub indexes: Vec<CreateIndex>,
    /// The names of its triggers.
    pub triggers: Vec<String>,
    /// It took the name of a table that stood before: what read that one reads this one.
    pub took_over: bool,
    pub(super) filled: Filled,
    /// Rows were changed by this run after the transaction that made the table: their
    /// `xmin` says nothing about who wrote them first.
    pub(super) rewritten: bool,
}

/// Whose rows were copied into a table or column, as far as they stood before the run.
#[derive(Debug, Clone, Default)]
pub(super) struct Filled {
    /// The tables copied from, with the clock of the last copy.
    pub(super) from: Vec<(Key, usize)>,
    /// When these rows were last copied on into another table.
    pub(super) copied_on: usize,
}

impl Table {
    /// A table of which only the name is known.
    pub fn mentioned(name: ObjectName, origin: Origin) -> Self {
        Self {
            name,
            origin,
            temporary: false,
            partitioned: false,
            without_rowid: false,
            strict: false,
            rows: None,
            columns: Vec::new(),
            columns_complete: false,
            constraints: Vec::new(),
            indexes: Vec::new(),
            triggers: Vec::new(),
            took_over: false,
            filled: Filled::default(),
            rewritten: false,
        }
    }

    /// The column of that name.
    pub fn column(&self, name: &str, dialect: Dialect) -> Option<&KnownColumn> {
        self.columns.iter().find(|c| same_column(&c.definition.name, name, dialect))
    }

    pub(super) fn column_mut(&mut self, name: &str, dialect: Dialect) -> Option<&mut KnownColumn> {
        self.columns.iter_mut().find(|c| same_column(&c.definition.name, name, dialect))
    }

    /// The columns of the primary key; empty when there is none or it is not known.
    pub fn primary_key(&self) -> Vec<&str> {
        let beside = self.constraints.iter().find_map(|c| match &c.kind {
            ConstraintKind::PrimaryKey { columns, .. } => Some(columns.iter().map(String::as_str).collect()),
            _ => None,
        });
        beside.unwrap_or_else(|| {
            let keys = self.columns.iter().filter(|c| c.definition.primary_key);
            keys.map(|c| c.definition.name.as_str()).collect()
        })
    }

    /// Every set of columns that is known to be unique, the primary key first; without
    /// partial and expression indexes.
    pub fn unique_keys(&self) -> Vec<Vec<&str>> {
        let mut keys = vec![self.primary_key()];
        keys.extend(
            self.columns.iter().filter(|c| c.definition.unique).map(|c| vec![c.definition.name.as_str()]),
        );
        keys.extend(self.constraints.iter().filter_map(|c| match &c.kind {
            ConstraintKind::Unique { columns, .. } => Some(columns.iter().map(String::as_str).collect()),
            _ => None,
        }));
        let indexes = self.indexes.iter().filter(|i| i.unique && i.predicate.is_all());
        keys.extend(indexes.map(|i| i.columns.iter().filter_map(|e| e.column.as_deref()).collect()));
        keys.retain(|key| !key.is_empty());
        keys
    }

    /// Writes the schema into the bare names that its foreign keys point to.
    pub(super) fn settle_references(&mut self, schema: &str) {
        let inline = self.columns.iter_mut().filter_map(|c| c.definition.references.as_deref_mut());
        let beside = self.constraints.iter_mut().filter_map(|c| match &mut c.kind {
            ConstraintKind::ForeignKey { references, .. } => Some(references),
            _ => None,
        });
        for reference in inline.chain(beside) {
            reference.table.schema.get_or_insert_with(|| schema.to_owned());
        }
    }

    /// Its foreign keys: our columns and the far side.
    pub fn foreign_keys(&self) -> impl Iterator<Item = (Vec<&str>, &Reference)> {
        let inline = self.columns.iter().filter_map(|c| {
            c.definition.references.as_deref().map(|r| (vec![c.definition.name.as_str()], r))
        });
        let beside = self.constraints.iter().filter_map(|c| match &c.kind {
            ConstraintKind::ForeignKey { columns, references } => {
                Some((columns.iter().map(String::as_str).collect(), references))
            }
            _ => None,
        });
        inline.chain(beside)
    }
}

/// Whether two spellings mean one column.
pub fn same_column(a: &str, b: &str, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Postgres => a == b,
        Dialect::Sqlite => a.eq_ignore_ascii_case(b),
    }
}

/// What a catalog, live or saved, knows about the database before the first file of the run.
pub trait Known {
    /// Every table of the database; what is not among them does not exist.
    fn tables(&self) -> Vec<Table>;
}

/// A table that a statement of the set dropped or renamed away.
#[derive(Debug, Clone)]
pub struct Gone {
    /// As it was.
    pub table: Table,
    /// When.
    pub at: Moment,
    /// Renamed, so it still stands under another name.
    pub renamed: bool,
}

/// Everything known before the statement at hand.
#[derive(Debug, Clone)]
pub struct World {
    /// What the statements are written in.
    pub dialect: Dialect,
    /// The transaction and the settings.
    pub session: Session,
    pub(super) now: Moment,
    /// The files at hand belong to this run: what they make is new.
    pub(super) in_run: bool,
    /// A catalog was given: what is not known does not exist.
    pub(super) complete: bool,
    pub(super) tables: HashMap<Key, Table>,
    pub(super) gone: HashMap<Key, Gone>,
    /// The catalog's tables by their bare names: a role may have a search path of its own,
    /// by which a bare name means one of these.
    pub(super) by_bare_name: HashMap<String, Vec<Key>>,
    /// Tables that hold a foreign key to the table of the key; may name some that are gone.
    pub(super) referenced_by: HashMap<Key, BTreeSet<Key>>,
    /// The table of each known index.
    pub(super) index_tables: HashMap<Key, Key>,
    /// The table of each trigger made by the set, by its name in lower case.
    pub(super) trigger_tables: HashMap<String, Key>,
    /// SQLite's views made by the set: the tables and columns that each reads.
    pub(super) views: HashMap<Key, View>,
    /// The temporary tables of this session.
    pub(super) temporary: Vec<Key>,
    /// When a table that stood before the run last lost rows or a column.
    pub(super) lost: HashMap<Key, usize>,
    /// The transaction of the last statement whose writes cannot be seen.
    pub(super) opaque: Option<usize>,
    /// Keys changed since the transaction began, for `rollback`.
    pub(super) touched: Vec<Key>,
    /// Schemas made by this run.
    pub(super) schemas: HashMap<String, Moment>,
}

impl World {
    /// The world before the first file.
    pub fn new(dialect: Dialect, known: Option<&dyn Known>) -> Self {
        let mut world = World {
            dialect,
            session: Session::default(),
            now: Moment { file: 0, statement: 0, transaction: 0, clock: 0 },
            in_run: false,
            complete: known.is_some(),
            tables: HashMap::new(),
            gone: HashMap::new(),
            by_bare_name: HashMap::new(),
            referenced_by: HashMap::new(),
            index_tables: HashMap::new(),
            trigger_tables: HashMap::new(),
            views: HashMap::new(),
            temporary: Vec::new(),
            lost: HashMap::new(),
            opaque: None,
            touched: Vec::new(),
            schemas: HashMap::new(),
        };
        for table in known.into_iter().flat_map(Known::tables) {
            let key = world.key(&table.name);
            for index in table.indexes.iter().filter_map(|i| i.name.as_ref()) {
                world.index_tables.insert(world.key(index), key.clone());
            }
            world.note_references(&key, &table);
            world.by_bare_name.entry(key.1.clone()).or_default().push(key.clone());
            world.tables.insert(key, table);
        }
        world
    }

    /// The moment of the statement at hand.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Whether a table that is not known is known not to exist.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// What is known about a table; a bare name finds a temporary table first.
    pub fn table(&self, name: &ObjectName) -> Option<&Table> {
        self.tables.get(&self.find(name))
    }

    /// The table an index belongs to.
    pub fn table_of_index(&self, index: &ObjectName) -> Option<&Table> {
        let key = self.index_tables.get(&self.key(index))?;
        self.tables.get(key)
    }

    /// How the set lost a table of this name, when none stands there now.
    pub fn gone(&self, name: &ObjectName) -> Option<&Gone> {
        let key = self.find(name);
        if self.tables.contains_key(&key) { None } else { self.gone.get(&key) }
    }

    /// The known tables with a foreign key to `name`, itself excluded.
    pub fn referencing(&self, name: &ObjectName) -> Vec<&Table> {
        let key = self.find(name);
        let mut found: Vec<&Table> = Vec::new();
        for from in self.referenced_by.get(&key).into_iter().flatten().filter(|from| **from != key) {
            let Some(table) = self.tables.get(from) else { continue };
            let still = table.foreign_keys().any(|(_, to)| self.find(&to.table) == key);
            if still {
                found.push(table);
            }
        }
        found
    }

    /// Every known table, in no particular order.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    /// Whether no table of this name stands: dropped by the set, or absent from the
    /// catalog. Of what catalogs leave out (the server's own tables and ours) nobody knows.
    pub fn is_absent(&self, name: &ObjectName) -> bool {
        let key = self.find(name);
        let left_out = key.0.starts_with("pg_") && key.0 != "pg_temp"
            || matches!(key.0.as_str(), "information_schema" | "cofferdam" | "cofferdam_guard")
            || key.1.starts_with("_cofferdam_");
        let known = self.gone.contains_key(&key) || self.complete && !left_out;
        known && !self.tables.contains_key(&key) && self.elsewhere(name, &key).is_empty()
    }

    /// The schema of a bare name: the first of `search_path` that is one of the user's.
    pub(super) fn key(&self, name: &ObjectName) -> Key {
        let key = name.key(self.dialect);
        if name.schema.is_some() || self.dialect == Dialect::Sqlite {
            return key;
        }
        (self.path_schema().unwrap_or(key.0), key.1)
    }

    /// The schema that this file's own `search_path` gives to bare names.
    pub(super) fn path_schema(&self) -> Option<String> {
        let path = self.session.setting("search_path")?;
        let mut parts = path.split(',').map(|part| part.trim().trim_matches(['"', '\'']));
        parts.find(|p| !p.is_empty() && !matches!(*p, "$user" | "pg_temp" | "pg_catalog")).map(str::to_owned)
    }

    pub(super) fn temporary_key(&self, name: &ObjectName) -> Key {
        let schema = match self.dialect {
            Dialect::Postgres => "pg_temp",
            Dialect::Sqlite => "temp",
        };
        (schema.to_owned(), self.key(&ObjectName::bare(name.name.clone())).1)
    }

    /// The key under which a mentioned table stands.
    pub(super) fn find(&self, name: &ObjectName) -> Key {
        if name.schema.is_none() {
            let temporary = self.temporary_key(name);
            if self.tables.contains_key(&temporary) {
                return temporary;
            }
        }
        let key = self.key(name);
        match self.elsewhere(name, &key) {
            [only] if !self.tables.contains_key(&key) && self.tables.contains_key(only) => only.clone(),
            _ => key,
        }
    }

    /// The catalog's tables of this bare name, none of which stands in the schema of `key`.
    fn elsewhere(&self, name: &ObjectName, key: &Key) -> &[Key] {
        let by_role = name.schema.is_none() && self.session.setting("search_path").is_none();
        let found = self.by_bare_name.get(&key.1).filter(|keys| by_role && !keys.contains(key));
        found.map_or(&[], Vec::as_slice)
    }

    /// Whether the name says itself that it means a table of this session.
    pub(super) fn is_temporary(&self, name: &ObjectName) -> bool {
        let schema = name.schema.as_deref().unwrap_or("");
        match self.dialect {
            Dialect::Postgres => schema == "pg_temp",
            Dialect::Sqlite => schema.eq_ignore_ascii_case("temp"),
        }
    }

    pub(super) fn note_references(&mut self, from: &Key, table: &Table) {
        let parents: Vec<Key> = table.foreign_keys().map(|(_, to)| self.key(&to.table)).collect();
        for parent in parents {
            self.referenced_by.entry(parent).or_default().insert(from.clone());
        }
    }
}
