//! SQLite 3.37 and newer.
//!
//! Pragmas tell columns and indexes; what they keep silent about (checks,
//! collations, conflict clauses, deferral) is read from the stored `CREATE` text.
//! Only the database `main` is read: attached and temporary ones are somebody else's.

use std::collections::{BTreeMap, HashMap, HashSet};

use cofferdam_analysis::catalog::{
    Catalog, Column, Constraint, ConstraintKind, Engine, Estimates, Generated, Index, IndexKey, Object,
    ObjectId, ObjectKind, QualifiedName, Table, TableKind, TableText, Trigger, View, sqlite_text,
};
use cofferdam_analysis::{Error, Result};
use rusqlite::{Connection, Row};

use crate::db::sqlite_error;

/// The oldest library whose `pragma table_list` tells shadow tables and STRICT.
const OLDEST: i32 = 3_037_000;

/// Reads the catalog of the database `main`, in one read transaction unless one is open already.
///
/// A virtual table whose module is not loaded, and a view that reads a table which is gone, are
/// told without columns: SQLite cannot say what they are.
///
/// # Errors
/// `Invalid` for a library older than 3.37, `Blocked` when the file stays locked past the busy
/// timeout, `Corrupt` when the file is damaged or no database, `Conflict` for what else SQLite says.
pub fn read(conn: &Connection) -> Result<Catalog> {
    let version = rusqlite::version_number();
    if version < OLDEST {
        return Err(Error::invalid(format!("SQLite {} is older than 3.37", rusqlite::version()))
            .hint("use a newer SQLite library"));
    }
    // Many pragmas make one catalog only while the file stands still.
    let own = conn.is_autocommit();
    if own {
        conn.execute_batch("begin deferred").map_err(failed)?;
    }
    let found = Reader::new(conn, version.unsigned_abs()).and_then(Reader::read);
    if own {
        let ended = conn.execute_batch("commit").map_err(failed);
        return found.and_then(|catalog| ended.map(|()| catalog));
    }
    found
}

fn failed(e: rusqlite::Error) -> Error {
    sqlite_error(e).while_("read the catalog")
}

/// One row of `sqlite_schema`.
struct Entry {
    kind: String,
    name: String,
    table: String,
    sql: Option<String>,
}

struct Reader<'a> {
    conn: &'a Connection,
    catalog: Catalog,
    entries: Vec<Entry>,
    /// Every table and column name, in lower case: what a double-quoted word can mean.
    names: HashSet<String>,
}

impl<'a> Reader<'a> {
    fn new(conn: &'a Connection, version: u32) -> Result<Self> {
        let sql = include_str!("sql/sqlite_schema.sql");
        let entries = rows(conn, sql, &[], |row| {
            Ok(Entry { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
        })?;
        let names = rows(conn, include_str!("sql/sqlite_names.sql"), &[], |row| row.get::<_, String>(0));
        // With a broken view or a missing module the names of all columns cannot be had at once.
        let names = names.unwrap_or_default().into_iter().map(|name| name.to_ascii_lowercase()).collect();
        Ok(Self { conn, catalog: Catalog::empty(Engine::Sqlite, version), entries, names })
    }

    fn read(mut self) -> Result<Catalog> {
        let estimates = self.estimates()?;
        let listed = rows(self.conn, include_str!("sql/sqlite_tables.sql"), &[], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        for (name, kind, without_rowid, strict) in listed {
            let (name, kind): (String, String) = (name, kind);
            if kind == "view" {
                self.view(&name)?;
                continue;
            }
            let mut table = self.table(&name, &kind)?;
            table.without_rowid = without_rowid;
            table.strict = strict;
            table.estimates = Some(Estimates { rows: estimates.get(&name).copied(), pages: None });
            let id = ObjectId::table(QualifiedName::bare(name));
            self.catalog.objects.insert(id, Object::Table(Box::new(table)));
        }
        self.triggers();
        Ok(self.catalog)
    }

    fn entry(&self, kind: &str, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.kind == kind && entry.name == name)
    }

    fn same(&self, sql: &str) -> String {
        sqlite_text(sql, &|name| self.names.contains(&name.to_ascii_lowercase()))
    }

    fn table(&self, name: &str, kind: &str) -> Result<Table> {
        let sql = self.entry("table", name).and_then(|entry| entry.sql.clone());
        let text = match (kind, &sql) {
            ("virtual", _) | (_, None) => TableText::default(),
            (_, Some(sql)) => TableText::read(sql),
        };
        let columns = self.columns(name, &text)?;
        let mut table = Table {
            kind: match kind {
                "virtual" => TableKind::Virtual,
                "shadow" => TableKind::Shadow,
                _ => TableKind::Ordinary,
            },
            columns,
            module: sql.as_deref().filter(|_| kind == "virtual").map(|sql| self.module(sql)),
            autoincrement: text.autoincrement,
            constraints: text.constraints,
            sql,
            ..Table::default()
        };
        self.indexes(name, &mut table)?;
        Ok(table)
    }

    /// What stands after `using`, in the form that is compared.
    fn module(&self, sql: &str) -> String {
        let same = self.same(sql);
        same.split_once(" using ").map_or(same.clone(), |(_, module)| module.to_owned())
    }

    fn columns(&self, table: &str, text: &TableText) -> Result<Vec<Column>> {
        let found = rows(self.conn, include_str!("sql/sqlite_columns.sql"), &[&table], |row| {
            let name: String = row.get(0)?;
            let hidden: i64 = row.get(4)?;
            let said = text.columns.get(&name);
            // 2 and 3 are generated columns, virtual and stored; 1 is a virtual table's hidden column.
            let generated = said.and_then(|said| said.generated.clone());
            let generated = match hidden {
                2 | 3 => {
                    generated.or_else(|| Some(Generated { stored: hidden == 3, expression: String::new() }))
                }
                _ => None,
            };
            Ok(Column {
                type_: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                not_null: row.get(2)?,
                default: row.get::<_, Option<String>>(3)?.map(|text| sqlite_text(&text, &|_| false)),
                generated,
                collation: said.and_then(|said| said.collation.clone()),
                hidden: hidden == 1,
                name,
                ..Column::default()
            })
        });
        Ok(found.unwrap_or_default())
    }

    fn indexes(&self, table_name: &str, table: &mut Table) -> Result<()> {
        let listed = rows(self.conn, include_str!("sql/sqlite_indexes.sql"), &[&table_name], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?, row.get::<_, String>(2)?))
        });
        for (name, unique, origin) in listed.unwrap_or_default() {
            if name.starts_with("_cofferdam_") {
                continue;
            }
            let keys = rows(self.conn, include_str!("sql/sqlite_index_keys.sql"), &[&name], |row| {
                Ok((row.get::<_, Option<String>>(0)?, row.get::<_, bool>(1)?))
            })?;
            let definition = match self.entry("index", &name).and_then(|entry| entry.sql.as_deref()) {
                Some(sql) => self.key_list_on(sql),
                None => String::new(),
            };
            let keys: Vec<IndexKey> = expressions(&definition)
                .map(Some)
                .chain(std::iter::repeat(None))
                .zip(keys)
                .map(|(text, (column, descending))| IndexKey {
                    expression: if column.is_none() { text.map(str::to_owned) } else { None },
                    column,
                    descending,
                })
                .collect();
            let index = Index {
                method: "btree".to_owned(),
                unique,
                include: Vec::new(),
                predicate: definition.split_once(") where ").map(|(_, predicate)| predicate.to_owned()),
                constraint: serves(table, &origin, &keys),
                keys,
                definition,
                valid: true,
                parent: None,
                clustered: false,
                tablespace: None,
                statistics: BTreeMap::new(),
                create: self.entry("index", &name).and_then(|entry| entry.sql.clone()),
                comment: None,
                estimates: None,
            };
            table.indexes.insert(name, index);
        }
        Ok(())
    }

    /// A `CREATE INDEX` from its key list on.
    fn key_list_on(&self, sql: &str) -> String {
        let same = self.same(sql);
        // Neither name before it can hold a bare parenthesis: the form that is compared quotes those.
        let mut quoted = false;
        let start = same.find(|c: char| {
            quoted ^= c == '"';
            c == '(' && !quoted
        });
        start.map_or(same.clone(), |at| same[at..].to_owned())
    }

    fn view(&mut self, name: &str) -> Result<()> {
        let sql = self.entry("view", name).and_then(|entry| entry.sql.as_deref()).unwrap_or_default();
        let view = View {
            definition: self.same(sql),
            columns: self.columns(name, &TableText::default())?,
            create: Some(sql.to_owned()),
            ..View::default()
        };
        let id = ObjectId::new(ObjectKind::View, QualifiedName::bare(name));
        self.catalog.objects.insert(id, Object::View(Box::new(view)));
        Ok(())
    }

    fn triggers(&mut self) {
        let found: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| entry.kind == "trigger")
            .map(|entry| {
                let definition = self.same(entry.sql.as_deref().unwrap_or_default());
                let trigger = Trigger {
                    definition,
                    enabled: Default::default(),
                    inherited: false,
                    create: entry.sql.clone(),
                    comment: None,
                };
                (entry.table.clone(), entry.name.clone(), trigger)
            })
            .collect();
        for (on, name, trigger) in found {
            let kinds = [ObjectKind::Table, ObjectKind::View];
            let Some(id) = self.catalog.resolve(&kinds, None, &on).cloned() else { continue };
            match self.catalog.objects.get_mut(&id) {
                Some(Object::Table(table)) => table.triggers.insert(name, trigger),
                Some(Object::View(view)) => view.triggers.insert(name, trigger),
                Some(_) | None => None,
            };
        }
    }

    /// Rows by table, as `ANALYZE` counted them; empty when it never ran.
    fn estimates(&self) -> Result<HashMap<String, f64>> {
        if self.entry("table", "sqlite_stat1").is_none() {
            return Ok(HashMap::new());
        }
        let counted = rows(self.conn, include_str!("sql/sqlite_estimates.sql"), &[], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
        })?;
        let first = |stat: Option<String>| stat?.split(' ').next()?.parse::<f64>().ok();
        Ok(counted.into_iter().filter_map(|(table, stat)| Some((table, first(stat)?))).collect())
    }
}

/// The constraint that an index SQLite made itself serves: origin `pk` or `u`.
fn serves(table: &Table, origin: &str, keys: &[IndexKey]) -> Option<String> {
    let kind = match origin {
        "pk" => ConstraintKind::PrimaryKey,
        "u" => ConstraintKind::Unique,
        _ => return None,
    };
    let same_columns = |constraint: &Constraint| {
        constraint.columns.len() == keys.len()
            && constraint.columns.iter().zip(keys).all(|(name, key)| {
                key.column.as_ref().is_some_and(|column| column.eq_ignore_ascii_case(name))
            })
    };
    let found = table.constraints.iter().find(|(_, c)| c.kind == kind && same_columns(c));
    found.map(|(name, _)| name.clone())
}

/// The parts of the key list at the start of an index definition.
fn expressions(definition: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0i32;
    let mut quote = None;
    let mut start = 1;
    let mut parts = Vec::new();
    for (at, c) in definition.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
        let ends = quote.is_none() && ((c == ',' && depth == 1) || (c == ')' && depth == 0));
        if ends {
            parts.push(definition[start.min(at)..at].trim());
            start = at + 1;
        }
        if ends && depth == 0 {
            break;
        }
    }
    parts.into_iter()
}

fn rows<T>(
    conn: &Connection,
    sql: &str,
    parameters: &[&dyn rusqlite::ToSql],
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = conn.prepare_cached(sql).map_err(failed)?;
    let found = statement.query_map(parameters, read).map_err(failed)?;
    found.collect::<rusqlite::Result<Vec<T>>>().map_err(failed)
}
