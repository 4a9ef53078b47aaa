//! A copy that trusts the order of columns.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule, Table, ident, listed, object, same_column};
use crate::place::Span;
use crate::sql::{Action, Effect, Insert, InsertSource, ObjectName, OnConflict, Query};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "copy-select-star",
    title: "A copy by the position of columns",
    why: "columns are matched by position, not by name: where the order differs, values end up in each \
          other's columns and nothing fails",
    safe_form: "name the columns on both sides",
    loss: true,
    fixable: true,
    bad: Some(Example::on(
        "create table notes (title text, body text);\ncreate table archive (body text, title text);\n",
        "insert into archive select * from notes;\n",
    )),
    good: Some(Example::on(
        "create table notes (title text, body text);\ncreate table archive (body text, title text);\n",
        "insert into archive (title, body) select title, body from notes;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Insert(insert) = &effect.action else { return };
    let InsertSource::Query(query) = &insert.source else { return };
    let Some(star) = query.items.iter().find(|item| item.star) else { return };
    let sources: Vec<&ObjectName> = query.tables.iter().collect();
    if sources.is_empty() || !effect.within.runs_now() || same_order(cx, insert, query) {
        return;
    }
    let message = format!("copies {} into {} by the position of the columns", listed(&sources), insert.table);
    let draft = report.at(effect.span, message);
    draft.losing(cx.world.tables_hold(sources));
    if let Some(named) = named(cx, effect, insert, query, star.span) {
        draft.rewrite(named);
    }
}

fn columns(table: Option<&Table>) -> Option<Vec<&str>> {
    let table = table.filter(|t| t.columns_complete)?;
    Some(table.columns.iter().map(|c| c.definition.name.as_str()).collect())
}

/// Whether both sides are known and agree name by name.
fn same_order(cx: &Context<'_>, insert: &Insert, query: &Query) -> bool {
    let ([source], [_]) = (query.tables.as_slice(), query.items.as_slice()) else { return false };
    let Some(from) = columns(cx.world.table(source)) else { return false };
    let to = match &insert.columns {
        Some(listed) => Some(listed.iter().map(String::as_str).collect()),
        None => columns(cx.world.table(&insert.table)),
    };
    to.is_some_and(|to: Vec<&str>| {
        to.len() == from.len() && to.iter().zip(&from).all(|(a, b)| same_column(a, b, cx.dialect()))
    })
}

/// The same statement with the source's columns named on both sides, where the target has them all.
fn named(cx: &Context<'_>, effect: &Effect, insert: &Insert, query: &Query, star: Span) -> Option<String> {
    let ([source], [_]) = (query.tables.as_slice(), query.items.as_slice()) else { return None };
    let simple = insert.columns.is_none() && insert.on_conflict == OnConflict::Fail && !query.compound;
    let text = cx.text(effect.span);
    if !simple || query.joins || !text.get(..6).is_some_and(|t| t.eq_ignore_ascii_case("insert")) {
        return None;
    }
    let from = columns(cx.world.table(source))?;
    let to = columns(cx.world.table(&insert.table))?;
    if !from.iter().all(|f| to.iter().any(|t| same_column(f, t, cx.dialect()))) {
        return None;
    }
    let list: Vec<String> = from.iter().map(|c| ident(c)).collect();
    let list = list.join(", ");
    let tail = cx.text(Span::new(star.end, effect.span.end));
    Some(format!("insert into {} ({list}) select {list}{tail}", object(&insert.table)))
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, postgres, sqlite};

    #[test]
    fn copies_by_position_are_errors() {
        let message = "error copies old into new by the position of the columns";
        for sql in [
            "insert into new select * from old",
            "insert into new (a, b) select * from old",
            "insert into new select o.*, 1 from old o",
            "create table new (a int, b int); insert into new select * from old",
        ] {
            assert_eq!(postgres(sql).lines("copy-select-star"), [message], "{sql}");
            assert_eq!(sqlite(sql).lines("copy-select-star"), [message], "{sql}");
        }
    }

    #[test]
    fn the_fix_names_the_columns_that_both_have() {
        let fix = |tables: &str, sql: &str| {
            Set::sqlite().schema(tables).file(sql).judge().findings[0].fix.clone().map(|f| f.sql[0].clone())
        };
        let swapped = "CREATE TABLE old (a, \"Order\"); CREATE TABLE new (\"Order\", a, c);";
        assert_eq!(
            fix(swapped, "INSERT INTO new SELECT * FROM old WHERE a > 1").as_deref(),
            Some("insert into new (a, \"Order\") select a, \"Order\" FROM old WHERE a > 1")
        );
        assert_eq!(
            fix("CREATE TABLE old (a, b); CREATE TABLE new (a, c);", "INSERT INTO new SELECT * FROM old"),
            None
        );
        assert_eq!(fix("CREATE TABLE old (a, b);", "INSERT INTO new SELECT * FROM old"), None);
    }

    #[test]
    fn named_columns_and_equal_orders_are_not_reported() {
        for sql in [
            "insert into new (a, b) select a, b from old",
            "insert into new select count(*) from old",
            "create table old (a int, b int); insert into new select * from old",
            "create table new as select * from old",
            "select * from old",
        ] {
            assert_silent("copy-select-star", &postgres(sql));
        }
        let equal = Set::sqlite()
            .schema("CREATE TABLE old (a, b); CREATE TABLE new (A, b);")
            .file("INSERT INTO new SELECT * FROM old")
            .judge();
        assert_silent("copy-select-star", &equal);
    }
}
