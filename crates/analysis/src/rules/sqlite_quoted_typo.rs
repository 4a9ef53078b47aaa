//! A name in double quotes that no column has: SQLite takes it for a string.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule, Table, same_column};
use crate::place::Span;
use crate::sql::expr::Expr;
use crate::sql::{Action, Dialect, Effect, Filter, InsertSource, ObjectName};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "sqlite-quoted-typo",
    title: "A misspelt name in double quotes becomes a string",
    why: "sqlite takes a name in double quotes that it does not know for a string, so the same text goes into \
          every row, or the condition compares with it",
    safe_form: "write strings in single quotes and correct the names in double quotes",
    dialects: &[Dialect::Sqlite],
    fixable: true,
    bad: Some(Example::on(
        "create table notes (id integer primary key, title text, heading text);\n",
        "update notes set title = \"headin\" where title is null;\n",
    )),
    good: Some(Example::on(
        "create table notes (id integer primary key, title text, heading text);\n",
        "update notes set title = \"heading\" where title is null;\n",
    )),
    ..Card::BLANK
};

/// Names that every table with a rowid has.
const ROWID: &[&str] = &["rowid", "oid", "_rowid_"];

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let mut tables: Vec<&ObjectName> = Vec::new();
    let mut exprs: Vec<&Expr> = Vec::new();
    let filter = match &effect.action {
        Action::Update(update) => {
            tables.push(&update.table);
            tables.extend(&update.from);
            exprs.extend(update.assignments.iter().map(|(_, value)| value));
            &update.filter
        }
        Action::Delete { table, filter, .. } => {
            tables.push(table);
            filter
        }
        Action::Insert(insert) => {
            let InsertSource::Query(query) = &insert.source else { return };
            tables.extend(&query.tables);
            exprs.extend(&query.items);
            &query.filter
        }
        _ => return,
    };
    if let Filter::Condition(condition) = filter {
        exprs.push(condition);
    }
    let aliases: Vec<&str> = exprs.iter().filter_map(|e| e.alias.as_deref()).collect();
    let Some(known) = all_known(cx, &tables) else { return };
    let typos = exprs.iter().filter(|e| !e.subquery).flat_map(|e| &e.double_quoted).filter(|(name, _)| {
        let is = |other: &str| same_column(name, other, Dialect::Sqlite);
        let column = known.iter().any(|t| t.column(name, Dialect::Sqlite).is_some());
        !column && !ROWID.iter().copied().any(is) && !aliases.iter().copied().any(is)
    });
    for (name, span) in typos {
        let (nearest, message) =
            (nearest(&known, name), format!("reads \"{name}\", which is no column but the string '{name}'"));
        let draft = report.at(*span, message);
        match nearest {
            Some(column) => {
                draft.help(format!("did you mean \"{column}\"? a string stands in single quotes"))
            }
            None => draft.rewrite(as_string(cx, *span, name)),
        };
    }
}

/// The tables, if each is known with all its columns.
fn all_known<'a>(cx: &Context<'a>, names: &[&ObjectName]) -> Option<Vec<&'a Table>> {
    let known = names.iter().map(|name| cx.world.table(name).filter(|t| t.columns_complete));
    known.collect::<Option<Vec<_>>>().filter(|tables| !tables.is_empty())
}

fn nearest<'a>(tables: &[&'a Table], name: &str) -> Option<&'a str> {
    let columns = tables.iter().flat_map(|t| t.columns.iter().map(|c| c.definition.name.as_str()));
    crate::rules::nearest_of(name, columns)
}

/// The statement with the name at `span` written as the string it is.
fn as_string(cx: &Context<'_>, span: Span, name: &str) -> String {
    let whole = cx.statement.map_or(span, |s| s.span);
    let (before, after) = (Span::new(whole.start, span.start), Span::new(span.end, whole.end));
    format!("{}'{}'{}", cx.text(before), name.replace('\'', "''"), cx.text(after))
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Judged, Set, sqlite};

    const ID: &str = "sqlite-quoted-typo";
    const SCHEMA: &str =
        "create table t (id integer primary key, title text, kind text); create table u (x text);";

    fn judged(sql: &str) -> Judged {
        Set::sqlite().schema(SCHEMA).file(sql).judge()
    }

    #[test]
    fn a_name_that_no_column_has_is_a_string() {
        let typo = ["error reads \"titel\", which is no column but the string 'titel'"];
        for sql in [
            "update t set kind = \"titel\"",
            "update t set kind = upper(\"titel\") where id = 1",
            "update t set kind = 'a' where \"titel\" = 'b'",
            "delete from t where \"titel\" is null",
            "insert into u (x) select \"titel\" from t",
            "insert into u (x) select id from t where \"titel\" = 'x'",
        ] {
            assert_eq!(judged(sql).lines(ID), typo, "{sql}");
        }
    }

    #[test]
    fn names_that_columns_have_are_names() {
        for sql in [
            "update t set kind = \"TITLE\"",
            "update t set \"titel\" = 'x'",
            "update t set kind = 'titel', title = [title] || `kind`",
            "update t set kind = \"x\" from u",
            "delete from t where \"rowid\" = 1",
            "update t set kind = t.\"titel\"",
            "insert into u (\"x\") select \"kind\" as \"k\" from t where \"k\" = 'y'",
            "insert into u (x) values (\"titel\")",
            "update t set kind = (select \"y\" from v)",
            "select \"titel\" from t",
        ] {
            assert!(judged(sql).lines(ID).is_empty(), "{sql}");
        }
    }

    #[test]
    fn of_unknown_columns_nothing_is_said() {
        assert!(sqlite("update t set kind = \"titel\"").lines(ID).is_empty());
        assert!(
            Set::sqlite().table_of("t", None).file("update t set kind = \"x\"").judge().lines(ID).is_empty()
        );
    }

    #[test]
    fn a_likely_name_is_offered_and_else_the_string() {
        let near = judged("update t set kind = \"titl\"");
        let typo = near.findings.iter().find(|f| f.rule == ID).expect("a finding");
        let help = typo.help.clone().unwrap_or_default();
        assert!(help.starts_with("did you mean \"title\"?"), "{help}");
        let far = judged("update t set kind = \"it's done\" where id = 1");
        let fix = far.findings.iter().find(|f| f.rule == ID).and_then(|f| f.fix.clone()).expect("a fix");
        assert_eq!(fix.sql, ["update t set kind = 'it''s done' where id = 1"]);
    }
}
