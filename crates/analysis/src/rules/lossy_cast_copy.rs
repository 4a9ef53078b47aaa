//! A copy that shortens or rounds values on the way.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule, same_column};
use crate::sql::expr::{Cast, Expr};
use crate::sql::table::TypeName;
use crate::sql::{Action, Dialect, Effect, InsertSource, ObjectName, Query};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "lossy-cast-copy",
    title: "A copy shortens or rounds values",
    why: "an explicit cast never fails for what does not fit: SQLite turns 'abc' into 0 and 1.5 into 1, \
          Postgres cuts text off at varchar(n) and rounds numbers",
    safe_form: "first count the rows whose value does not survive the cast and back, and keep the old column until none is left",
    loss: true,
    bad: Some(Example::on(
        "create table notes (id integer, body text);\ncreate table archive (id integer, body varchar(80));\n",
        "insert into archive (id, body) select id, body::varchar(80) from notes;\n",
    )),
    good: Some(Example::on(
        "create table notes (id integer, body text);\ncreate table archive (id integer, body varchar(80));\n",
        "insert into archive (id, body) select id, body from notes;\n",
    )),
    ..Card::BLANK
};

/// Functions that give back a part of their argument, or a rounded one.
const SHORTENING: &[&str] = &[
    "substr",
    "substring",
    "left",
    "right",
    "trunc",
    "round",
    "floor",
    "ceil",
    "ceiling",
    "date_trunc",
    "split_part",
];

/// Functions whose result is a whole number, or is made of digits, whatever their argument is.
const WHOLE: &[&str] = &[
    "strftime",
    "unixepoch",
    "length",
    "char_length",
    "octet_length",
    "instr",
    "count",
    "extract",
    "date_part",
];

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let (target, query) = match &effect.action {
        Action::Insert(insert) => match &insert.source {
            InsertSource::Query(query) => (&insert.table, query),
            InsertSource::Values | InsertSource::DefaultValues => return,
        },
        Action::CreateTableAs { name, query, .. } => (name, query),
        _ => return,
    };
    if query.tables.is_empty() || query.reduces || !effect.within.runs_now() {
        return;
    }
    let star = query.items.iter().any(|item| item.star);
    for item in query.items.iter().filter(|_| !star) {
        if let Some((column, how)) = lossy(cx, query, item) {
            let message = format!("copies {column} into {target} {how}");
            let sources: Vec<&ObjectName> = query.tables.iter().collect();
            report.at(item.span, message).losing(cx.world.tables_hold(sources));
        }
    }
}

/// The column that loses something in `item`, unless it is also copied as it is.
fn lossy<'q>(cx: &Context<'_>, query: &Query, item: &'q Expr) -> Option<(&'q str, String)> {
    let kept = |column: &str| {
        let whole = query.items.iter().filter_map(|i| i.column.as_deref());
        whole.into_iter().any(|c| same_column(c, column, cx.dialect()))
    };
    let whole = item.calls.iter().any(|c| WHOLE.contains(&c.as_str()));
    let cast = item.casts.iter().filter(|_| !whole).find_map(|cast| {
        let column = cast.columns.iter().find(|c| !kept(c))?;
        loses(cx, query, cast, column).then(|| (column.as_str(), format!("cast to {}", cast.to)))
    });
    cast.or_else(|| {
        let call = item.calls.iter().find(|c| SHORTENING.contains(&c.as_str()))?;
        let column = item.columns.iter().find(|c| !kept(c))?;
        Some((column.as_str(), format!("through {call}()")))
    })
}

fn loses(cx: &Context<'_>, query: &Query, cast: &Cast, column: &str) -> bool {
    let known = query.tables.iter().find_map(|table| cx.world.table(table)?.column(column, cx.dialect()));
    let from = known.and_then(|c| c.definition.ty.as_deref());
    match cx.dialect() {
        Dialect::Sqlite => sqlite_loses(from, &cast.to),
        Dialect::Postgres => super::narrow_type::narrowing(from, &cast.to, true).is_some(),
    }
}

/// SQLite casts by affinity, from the declared type of the column (§3.1 of "Datatypes in SQLite").
fn sqlite_loses(from: Option<&TypeName>, to: &TypeName) -> bool {
    let declared = from.map_or_else(String::new, |t| t.name.to_ascii_lowercase());
    let holds_integers = declared.contains("int") || declared.contains("bool");
    let holds_numbers = ["real", "floa", "doub"].iter().any(|part| declared.contains(part));
    let name = to.name.to_ascii_lowercase();
    let text = ["char", "clob", "text"].iter().any(|part| name.contains(part));
    if name.contains("int") {
        !holds_integers
    } else if text || name.contains("blob") {
        // SQLite ignores the length of varchar(n), and any number has a text.
        false
    } else {
        !holds_integers && !holds_numbers
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, postgres, sqlite};

    #[test]
    fn casts_that_lose_are_errors() {
        for (sql, message) in [
            ("INSERT INTO n (a) SELECT CAST(a AS INTEGER) FROM o", "copies a into n cast to integer"),
            ("INSERT INTO n (a) SELECT CAST(trim(a) AS REAL) FROM o", "copies a into n cast to real"),
            ("INSERT INTO n (a) SELECT substr(a, 1, 10) FROM o", "copies a into n through substr()"),
            ("INSERT INTO n (a) SELECT round(a) FROM o", "copies a into n through round()"),
        ] {
            assert_eq!(sqlite(sql).lines("lossy-cast-copy"), [format!("error {message}")], "{sql}");
        }
        for (sql, message) in [
            (
                "insert into n (a) select a::varchar(20) from o",
                "copies a into n cast to character varying(20)",
            ),
            (
                "insert into n (a) select cast(a as numeric(10, 2)) from o",
                "copies a into n cast to numeric(10,2)",
            ),
            ("insert into n (a) select left(a, 10) from o", "copies a into n through left()"),
            ("insert into n (a) select a::integer from o", "copies a into n cast to integer"),
            ("create table n as select a::char(3) as a from o", "copies a into n cast to character(3)"),
        ] {
            assert_eq!(postgres(sql).lines("lossy-cast-copy"), [format!("error {message}")], "{sql}");
        }
    }

    #[test]
    fn the_place_is_that_of_the_value() {
        let judged = postgres("insert into n (a, b)\n  select a, b::varchar(5) from o");
        let place = judged.findings[0].place.clone().expect("it stands in a file");
        assert_eq!((place.line, place.column), (2, 13));
    }

    #[test]
    fn casts_that_keep_everything_are_not_reported() {
        for sql in [
            "insert into n (a) select a::text from o",
            "insert into n (a) select '5'::integer from o",
            "insert into n (a, b) select a, left(a, 1) from o",
            "insert into n (a) select count(*)::integer from o",
            "insert into n (a) values (5::varchar(3))",
            "create table o (a text); insert into n (a) select a::varchar(2) from o",
            "select a::varchar(2) from o",
        ] {
            assert_silent("lossy-cast-copy", &postgres(sql));
        }
        for (schema, sql) in [
            ("create table o (a varchar(10))", "insert into n (a) select a::varchar(20) from o"),
            ("create table o (a smallint)", "insert into n (a) select a::integer from o"),
            ("create table o (a text)", "insert into n (a) select a::integer from o"),
            ("create table o (a numeric(8, 2))", "insert into n (a) select a::numeric(10, 2) from o"),
        ] {
            assert_silent("lossy-cast-copy", &Set::postgres().schema(schema).file(sql).judge());
        }
        let integers = Set::sqlite().schema("CREATE TABLE o (a INTEGER, b REAL)");
        assert_silent(
            "lossy-cast-copy",
            &sqlite("INSERT INTO n SELECT CAST(strftime('%s', a) AS INTEGER) FROM o"),
        );
        let cast = "INSERT INTO n SELECT CAST(a AS INTEGER), CAST(a AS TEXT), CAST(b AS REAL) FROM o";
        assert_silent("lossy-cast-copy", &integers.file(cast).judge());
    }
}
