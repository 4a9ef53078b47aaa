//! `alter table .. drop column` of a column that something else needs.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule, Table, object, same_column};
use crate::sql::expr::Expr;
use crate::sql::table::{ConstraintKind, CreateIndex, TableChange};
use crate::sql::{Action, Dialect, Effect, Filter, ObjectName};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "sqlite-drop-column-limits",
    title: "A column that sqlite cannot drop",
    why: "sqlite refuses to drop a column of a key, an index, a constraint or a view, so the migration fails",
    safe_form: "drop the index or view first and make it again without the column; rebuild the table for keys \
                and constraints",
    dialects: &[Dialect::Sqlite],
    fixable: true,
    bad: Some(Example::sql(
        "create table drafts (id integer primary key, slug text);\n\
             create index drafts_slug on drafts (slug);\n\
             alter table drafts drop column slug;\n",
    )),
    good: Some(Example::sql(
        "create table drafts (id integer primary key, slug text);\n\
         create index drafts_slug on drafts (slug);\n\
         drop index drafts_slug;\n\
         alter table drafts drop column slug;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::AlterTable { table: name, change: TableChange::DropColumn { name: column, .. }, .. } =
        &effect.action
    else {
        return;
    };
    let Some(table) = cx.world.table(name) else { return };
    let indexes: Vec<&CreateIndex> = table.indexes.iter().filter(|i| index_reads(i, column)).collect();
    let mut users: Vec<String> = needed_by_table(table, column).into_iter().map(str::to_owned).collect();
    let views = cx.world.views_reading(name, column);
    let only_indexes = users.is_empty() && views.is_empty();
    users.extend(indexes.iter().filter_map(|i| i.name.as_ref()).map(|n| format!("the index {}", n.name)));
    users.extend(views.iter().map(|view| format!("the view {view}")));
    if users.is_empty() {
        return;
    }
    let message = format!("drops {name}.{column}, which fails: {} needs it", users.join(", "));
    let draft = report.at(effect.span, message);
    if only_indexes && let Some(statement) = cx.statement {
        let schema = name.schema.clone();
        let drop = |i: &&CreateIndex| {
            let index = i.name.as_ref()?;
            Some(format!(
                "drop index {}",
                object(&ObjectName { schema: schema.clone(), name: index.name.clone() })
            ))
        };
        let mut sql: Vec<String> = indexes.iter().filter_map(drop).collect();
        sql.push(cx.text(statement.span).to_owned());
        draft.rewrite_as(sql);
    }
}

/// The parts of the table itself that need the column.
fn needed_by_table(table: &Table, column: &str) -> Vec<&'static str> {
    let is = |name: &str| same_column(name, column, Dialect::Sqlite);
    let mut users = Vec::new();
    if table.primary_key().into_iter().any(is) {
        users.push("the primary key");
    }
    let own = table.column(column, Dialect::Sqlite);
    let unique = table.constraints.iter().any(|c| match &c.kind {
        ConstraintKind::Unique { columns, .. } => columns.iter().any(|c| is(c)),
        _ => false,
    });
    if unique || own.is_some_and(|c| c.definition.unique) {
        users.push("a unique constraint");
    }
    let others = table.columns.iter().filter(|c| !is(&c.definition.name));
    let mut checks = others.flat_map(|c| &c.definition.checks).chain(table.constraints.iter().filter_map(
        |c| match &c.kind {
            ConstraintKind::Check(condition) => Some(condition),
            _ => None,
        },
    ));
    if checks.any(|check| reads(check, column)) {
        users.push("a check");
    }
    let foreign = table.constraints.iter().any(|c| match &c.kind {
        ConstraintKind::ForeignKey { columns, .. } => columns.iter().any(|c| is(c)),
        _ => false,
    });
    if foreign {
        users.push("a foreign key");
    }
    users
}

fn index_reads(index: &CreateIndex, column: &str) -> bool {
    let predicate = match &index.predicate {
        Filter::Condition(condition) => reads(condition, column),
        Filter::All | Filter::AlwaysTrue(_) | Filter::CurrentOf => false,
    };
    predicate || index.columns.iter().any(|key| reads(key, column))
}

fn reads(expr: &Expr, column: &str) -> bool {
    expr.columns.iter().any(|c| same_column(c, column, Dialect::Sqlite))
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, sqlite};

    const ID: &str = "sqlite-drop-column-limits";

    fn dropped(schema: &str) -> Vec<String> {
        Set::sqlite().schema(schema).file("alter table T drop column C").judge().lines(ID)
    }

    #[test]
    fn what_needs_the_column_is_named() {
        for (schema, user) in [
            ("create table t (a, c int primary key)", "the primary key"),
            ("create table t (a, c, primary key (a, c))", "the primary key"),
            ("create table t (a, c unique)", "a unique constraint"),
            ("create table t (a, c, unique (a, c))", "a unique constraint"),
            ("create table t (a, c, check (c > a))", "a check"),
            ("create table t (a check (a > c), c)", "a check"),
            ("create table t (a, c, foreign key (c) references p)", "a foreign key"),
            ("create table t (a, c); create index i on t (a, c)", "the index i"),
            ("create table t (a, c); create index i on t (lower(c))", "the index i"),
            ("create table t (a, c); create index i on t (a) where c > 0", "the index i"),
            ("create table t (a, c); create view v as select a, c from t", "the view v"),
            ("create table t (a, c); create view v as select a from t where c", "the view v"),
            ("create table t (a, c unique); create index i on t (c)", "a unique constraint, the index i"),
        ] {
            assert_eq!(
                dropped(schema),
                [format!("error drops T.C, which fails: {user} needs it")],
                "{schema}"
            );
        }
    }

    #[test]
    fn a_column_nobody_needs_is_dropped_in_silence() {
        for schema in [
            "create table t (a primary key, b unique, c)",
            "create table t (a, c check (c > 0))",
            "create table t (a, c references p)",
            "create table t (a, c); create index i on t (a); create index j on u (c)",
            "create table t (a, c); create index i on t (c); drop index i",
            "create table t (a, c); create view v as select c from u",
            "create table t (a, c); create view v as select * from t",
            "create table t (a, c); create view v as select c from t; drop view v",
            "create table u (c primary key)",
            "",
        ] {
            assert!(dropped(schema).is_empty(), "{schema}");
        }
    }

    #[test]
    fn the_fix_drops_the_indexes_first() {
        let sql =
            "create table main.t (a, c); create index main.i on t (c); alter table main.t drop column c";
        let judged = sqlite(sql);
        let fix = judged.findings.iter().find(|f| f.rule == ID).and_then(|f| f.fix.clone()).expect("a fix");
        assert_eq!(fix.sql, ["drop index main.i", "alter table main.t drop column c"]);
    }
}
