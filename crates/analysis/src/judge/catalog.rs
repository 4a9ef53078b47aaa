//! A catalog's tables in the words of statements, so that one [`Table`] holds both.

use super::world::{Known, KnownColumn, Origin, Table};
use crate::catalog::{self, Catalog, Engine, QualifiedName, TableKind};
use crate::sql::table::{Column, Constraint, ConstraintKind, CreateIndex, Generated, Reference, TypeName};
use crate::sql::{Action, Dialect, Filter, ObjectName, Script, expr::Expr};

impl Known for Catalog {
    fn tables(&self) -> Vec<Table> {
        self.tables().map(|(name, table)| known(self.engine, name, table)).collect()
    }
}

fn known(engine: Engine, name: &QualifiedName, table: &catalog::Table) -> Table {
    let mut known = Table {
        partitioned: table.kind == TableKind::Partitioned,
        without_rowid: table.without_rowid,
        strict: table.strict,
        // A float of the planner's, -1 for "nobody counted" already taken out.
        rows: table.estimates.as_ref().and_then(|e| e.rows).filter(|r| *r >= 0.0).map(|r| r as u64),
        columns: table.columns.iter().map(|c| existing(column(c))).collect(),
        columns_complete: true,
        constraints: table.constraints.iter().filter_map(|(name, c)| constraint(name, c)).collect(),
        indexes: table
            .indexes
            .iter()
            .filter(|(_, i)| i.constraint.is_none())
            .map(|(index, i)| create_index(index, name, i))
            .collect(),
        triggers: table.triggers.keys().cloned().collect(),
        ..Table::mentioned(object_name(name), Origin::Existing)
    };
    if engine == Engine::Sqlite {
        take_from_text(&mut known, table.sql.as_deref());
    }
    known
}

/// SQLite keeps what a table is as text; what the reader makes of it says more than pragmas do.
fn take_from_text(known: &mut Table, sql: Option<&str>) {
    let script = Script::parse(Dialect::Sqlite, "", sql.unwrap_or(""));
    let actions = script.statements.iter().flat_map(|s| s.actions());
    let Some(create) = actions.into_iter().find_map(|a| match a {
        Action::CreateTable(create) if !create.columns.is_empty() => Some(create),
        _ => None,
    }) else {
        return;
    };
    known.columns = create.columns.iter().cloned().map(existing).collect();
    known.constraints = create.constraints.clone();
}

fn existing(definition: Column) -> KnownColumn {
    KnownColumn::new(definition, Origin::Existing)
}

fn object_name(name: &QualifiedName) -> ObjectName {
    ObjectName { schema: name.schema.clone(), name: name.name.clone() }
}

fn column(column: &catalog::Column) -> Column {
    Column {
        name: column.name.clone(),
        ty: (!column.type_.is_empty()).then(|| Box::new(type_name(&column.type_))),
        not_null: column.not_null,
        default: column.default.as_ref().map(|_| Box::default()),
        generated: column
            .generated
            .as_ref()
            .map(|g| if g.stored { Generated::Stored } else { Generated::Virtual }),
        identity: column.identity.is_some(),
        collation: column.collation.clone(),
        ..Column::default()
    }
}

/// `timestamp(3) with time zone[]` -> name, arguments, array.
fn type_name(text: &str) -> TypeName {
    let (text, array) = match text.find('[') {
        Some(at) => (&text[..at], true),
        None => (text, false),
    };
    let (name, args) = match (text.find('('), text.find(')')) {
        (Some(open), Some(close)) if open < close => {
            let args = text[open + 1..close].split(',').map(|a| a.trim().to_owned()).collect();
            (format!("{}{}", text[..open].trim_end(), &text[close + 1..]), args)
        }
        _ => (text.to_owned(), Vec::new()),
    };
    let (schema, name) = match name.split_once('.') {
        Some((schema, name)) if !name.is_empty() => (Some(schema.to_owned()), name.to_owned()),
        _ => (None, name),
    };
    TypeName { name, schema, args, array, ..TypeName::default() }
}

fn reading(columns: &[String]) -> Expr {
    Expr { columns: columns.into(), ..Expr::default() }
}

fn constraint(name: &str, constraint: &catalog::Constraint) -> Option<Constraint> {
    use catalog::ConstraintKind as Known;
    let columns = constraint.columns.clone();
    let kind = match constraint.kind {
        Known::PrimaryKey => ConstraintKind::PrimaryKey { columns, using_index: None },
        Known::Unique => ConstraintKind::Unique { columns, using_index: None },
        Known::Check => ConstraintKind::Check(reading(&columns)),
        Known::ForeignKey => {
            ConstraintKind::ForeignKey { columns, references: reference(constraint.references.as_ref()?) }
        }
        Known::Exclusion => ConstraintKind::Exclude,
        Known::NotNull => ConstraintKind::NotNull(columns.into_iter().next()?),
    };
    let not_valid = !constraint.validated;
    Some(Constraint {
        name: Some(name.to_owned()),
        span: Default::default(),
        kind,
        not_valid,
        on_conflict: None,
    })
}

fn reference(reference: &catalog::Reference) -> Reference {
    let spelled = |action| {
        use catalog::Action;
        match action {
            Action::NoAction => "no action",
            Action::Restrict => "restrict",
            Action::Cascade => "cascade",
            Action::SetNull => "set null",
            Action::SetDefault => "set default",
        }
        .to_owned()
    };
    Reference {
        table: object_name(&reference.table),
        columns: reference.columns.clone(),
        on_delete: spelled(reference.on_delete),
        on_update: spelled(reference.on_update),
    }
}

fn create_index(name: &str, table: &QualifiedName, index: &catalog::Index) -> CreateIndex {
    let key = |key: &catalog::IndexKey| Expr {
        columns: key.column.iter().cloned().collect(),
        column: key.column.as_deref().map(Box::from),
        ..Expr::default()
    };
    CreateIndex {
        name: Some(ObjectName { schema: table.schema.clone(), name: name.to_owned() }),
        table: object_name(table),
        unique: index.unique,
        concurrently: false,
        if_not_exists: false,
        only: false,
        columns: index.keys.iter().map(key).collect(),
        method: index.method.clone(),
        predicate: match index.predicate {
            Some(_) => Filter::Condition(Box::default()),
            None => Filter::All,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_taken_apart_as_the_reader_does() {
        for (text, name, args, array) in [
            ("integer", "integer", &[][..], false),
            ("character varying(50)", "character varying", &["50"][..], false),
            ("numeric(10,2)", "numeric", &["10", "2"][..], false),
            ("timestamp(3) with time zone[]", "timestamp with time zone", &["3"][..], true),
        ] {
            let ty = type_name(text);
            assert_eq!(
                (ty.name.as_str(), ty.args.as_slice(), ty.array),
                (name, args.iter().map(|a| a.to_string()).collect::<Vec<_>>().as_slice(), array),
                "{text}"
            );
        }
        assert_eq!(type_name("app.mood").schema.as_deref(), Some("app"));
    }

    #[test]
    fn a_catalogs_types_and_sizes_decide_what_is_narrow_and_what_is_small() {
        let column =
            |type_: &str| catalog::Column { name: "c".into(), type_: type_.into(), ..Default::default() };
        let table = catalog::Table {
            columns: vec![column("character varying(50)")],
            estimates: Some(catalog::Estimates { rows: Some(12.0), pages: None }),
            ..Default::default()
        };
        let mut catalog = Catalog::empty(Engine::Postgres, 150_000);
        let id = catalog::ObjectId::new(catalog::ObjectKind::Table, QualifiedName::new("public", "t"));
        catalog.objects.insert(id, catalog::Object::Table(Box::new(table)));
        let judged = |sql: &str| {
            let script = Script::parse(Dialect::Postgres, "a.sql", sql);
            let files = [crate::judge::JudgedFile::new(&script, crate::judge::Role::Judged)];
            let input = crate::judge::Input::new(Dialect::Postgres, &files);
            let found = crate::judge::judge(&crate::judge::Input { known: Some(&catalog), ..input });
            found.iter().map(|f| format!("{} {}", f.severity.as_str(), f.rule)).collect::<Vec<_>>()
        };
        assert_eq!(judged("alter table t alter c type varchar(20)"), ["error narrow-type"]);
        assert_eq!(judged("alter table t alter c type varchar(60)"), Vec::<String>::new());
        assert_eq!(judged("alter table public.t set logged"), ["note set-unlogged"]);
        assert_eq!(judged("drop table if exists u"), Vec::<String>::new());
    }

    #[test]
    fn a_sqlite_table_is_read_from_the_text_it_was_made_by() {
        let table = catalog::Table {
            sql: Some(
                "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, u REFERENCES users ON DELETE CASCADE)"
                    .into(),
            ),
            ..Default::default()
        };
        let known = known(Engine::Sqlite, &QualifiedName::bare("t"), &table);
        assert_eq!(known.primary_key(), ["id"]);
        assert!(known.columns[0].definition.autoincrement);
        assert_eq!(known.foreign_keys().next().map(|(_, r)| r.on_delete.clone()).as_deref(), Some("cascade"));
    }
}
