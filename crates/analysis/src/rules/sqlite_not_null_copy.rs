//! Rows copied into a column that has become NOT NULL.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule, Table, same_column};
use crate::sql::expr::{Expr, Literal};
use crate::sql::table::Column;
use crate::sql::{Action, Dialect, Effect, Filter, Insert, InsertSource, OnConflict, Query};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const GIVEN: &str = "create table notes (id integer primary key, body text);\n";

const CARD: Card = Card {
    id: "sqlite-not-null-copy",
    title: "Nullable values copied into a NOT NULL column",
    why: "the first row without a value makes the copy fail, or, with OR IGNORE, is left out",
    safe_form: "count the rows that have no value first, and copy coalesce(column, VALUE)",
    dialects: &[Dialect::Sqlite],
    loss: true,
    bad: Some(Example::on(
        GIVEN,
        "pragma foreign_keys = off;\n\
         create table notes_new (id integer primary key, body text not null);\n\
         insert into notes_new (id, body) select id, body from notes;\n\
         drop table notes;\n\
         alter table notes_new rename to notes;\n\
         pragma foreign_key_check;\n",
    )),
    good: Some(Example::on(
        GIVEN,
        "pragma foreign_keys = off;\n\
         create table notes_new (id integer primary key, body text not null);\n\
         insert into notes_new (id, body) select id, coalesce(body, '') from notes;\n\
         drop table notes;\n\
         alter table notes_new rename to notes;\n\
         pragma foreign_key_check;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Insert(insert) = &effect.action else { return };
    let InsertSource::Query(query) = &insert.source else { return };
    let [source] = query.tables.as_slice() else { return };
    if !effect.within.runs_now() || query.compound {
        return;
    }
    let (Some(target), Some(old)) = (cx.world.table(&insert.table), cx.world.table(source)) else { return };
    for column in target.columns.iter().map(|c| &c.definition) {
        let Some(item) = value_of(insert, query, target, column) else { continue };
        let Some(from) = nullable(old, item) else { continue };
        if excluded(&query.filter, from) || filled_before(cx, source, from) {
            continue;
        }
        let lost = match insert.on_conflict {
            OnConflict::Ignore => "rows without a value are left out",
            _ => "it fails at the first row without a value",
        };
        let message = format!(
            "copies {source}.{from}, which may be null, into {}.{}, which may not: {lost}",
            insert.table, column.name
        );
        report.at(item.span, message).losing(cx.world.table_holds(source));
    }
}

/// The item of `query` that is written into `column`, if the column takes no null.
fn value_of<'q>(insert: &Insert, query: &'q Query, target: &Table, column: &Column) -> Option<&'q Expr> {
    let is_rowid = column.primary_key && column.ty.as_ref().is_some_and(|t| t.name == "integer");
    let refuses = column.not_null || (column.primary_key && (target.strict || target.without_rowid));
    if !refuses || is_rowid || query.items.iter().any(|item| item.star) {
        return None;
    }
    let position = match &insert.columns {
        Some(names) => names.iter().position(|n| same_column(n, &column.name, Dialect::Sqlite))?,
        None => target.columns.iter().position(|c| c.definition.name == column.name)?,
    };
    query.items.get(position)
}

/// The column of `old` that `item` copies as it is, if that one may be null.
fn nullable<'t>(old: &'t Table, item: &Expr) -> Option<&'t str> {
    let name = item.column.as_deref()?;
    let column = &old.column(name, Dialect::Sqlite)?.definition;
    let key = old.primary_key();
    let in_key = key.iter().any(|k| same_column(k, name, Dialect::Sqlite));
    let never_null = column.not_null
        || (in_key && (old.strict || old.without_rowid))
        || (in_key && key.len() == 1 && column.ty.as_ref().is_some_and(|t| t.name == "integer"));
    (!never_null).then_some(column.name.as_str())
}

/// Whether the condition asks about the column: then somebody thought of it.
fn excluded(filter: &Filter, column: &str) -> bool {
    match filter {
        Filter::Condition(condition) => {
            condition.columns.iter().any(|c| same_column(c, column, Dialect::Sqlite))
        }
        Filter::All | Filter::AlwaysTrue(_) | Filter::CurrentOf => false,
    }
}

/// Whether the file gave the column a value before.
fn filled_before(cx: &Context<'_>, source: &crate::sql::ObjectName, column: &str) -> bool {
    let earlier = cx.script.statements[..cx.at.statement].iter().flat_map(|s| s.actions());
    earlier.into_iter().any(|action| match action {
        Action::Update(update) => {
            update.table.same_as(source, Dialect::Sqlite)
                && update.assignments.iter().any(|(name, value)| {
                    same_column(name, column, Dialect::Sqlite) && value.literal != Some(Literal::Null)
                })
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, sqlite};

    const ID: &str = "sqlite-not-null-copy";
    const NEW: &str = "create table n (id integer primary key, b text not null, c text);";

    fn copied(schema: &str, copy: &str) -> Vec<String> {
        Set::sqlite().schema(schema).file(&format!("{NEW} {copy}")).judge().lines(ID)
    }

    const OLD: &str = "create table t (id integer primary key, b text, c text);";

    #[test]
    fn a_nullable_value_into_not_null_is_found() {
        let fails = "error copies t.b, which may be null, into n.b, which may not: it fails at the first row without a value";
        assert_eq!(copied(OLD, "insert into n (id, b) select id, b from t;"), [fails]);
        assert_eq!(copied(OLD, "insert into n select x.id, (x.B), c from t x;"), [fails]);
        assert_eq!(copied(OLD, "insert into n (b) select b from t where c is not null;"), [fails]);
        let ignored =
            "error copies t.b, which may be null, into n.b, which may not: rows without a value are left out";
        assert_eq!(copied(OLD, "insert or ignore into n (b, id) select b, id from t;"), [ignored]);
    }

    #[test]
    fn a_text_key_without_not_null_holds_nulls_too() {
        let old = "create table t (id integer, b text primary key);";
        assert_eq!(copied(old, "insert into n (id, b) select id, b from t;").len(), 1);
        let strict = "create table t (id integer, b text primary key) strict;";
        assert!(copied(strict, "insert into n (id, b) select id, b from t;").is_empty());
    }

    #[test]
    fn values_that_cannot_be_null_are_silent() {
        for copy in [
            "insert into n (id, b) select id, coalesce(b, '') from t;",
            "insert into n (id, b) select id, b from t where b is not null;",
            "insert into n (id, b) select id, 'x' from t;",
            "insert into n (id, c) select id, b from t;",
            "insert into n (id, b) values (1, null);",
            "update t set b = '' where b is null; insert into n (id, b) select id, b from t;",
        ] {
            assert!(copied(OLD, copy).is_empty(), "{copy}");
        }
        let not_null = "create table t (id integer primary key, b text not null, c text);";
        assert!(copied(not_null, "insert into n (id, b) select id, b from t;").is_empty());
    }

    #[test]
    fn of_an_unknown_source_nothing_is_said() {
        assert!(sqlite(&format!("{NEW} insert into n (id, b) select id, b from t;")).lines(ID).is_empty());
    }

    #[test]
    fn a_source_of_this_run_lowers_it() {
        let copy = format!("{NEW} insert into n (id, b) select id, b from t;");
        let judged = Set::sqlite().file(OLD).file(&copy).judge();
        assert!(judged.lines(ID)[0].starts_with("note "), "{}", judged.text());
        assert!(sqlite(&format!("{OLD} {copy}")).lines(ID).is_empty());
    }
}
