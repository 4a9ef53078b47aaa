//! `alter column .. type .. using` something that does not read the row.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule};
use crate::sql::table::TableChange;
use crate::sql::{Action, Dialect, Effect};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "constant-using",
    title: "A type change gives every row the same value",
    why: "USING reads no column of the row, so every value is overwritten, and the table is rewritten for it",
    safe_form: "compute the new value from the old one",
    dialects: &[Dialect::Postgres],
    loss: true,
    lock: Some("AccessExclusive"),
    rewrite: Some(true),
    scan: Some(true),
    supersedes: &["narrow-type"],
    bad: Some(Example::on(
        "create table notes (id bigint primary key, state text);\n",
        "alter table notes alter column state type integer using 0;\n",
    )),
    good: Some(Example::on(
        "create table notes (id bigint primary key, state text);\n",
        "alter table notes alter column state type integer\n  using case state when 'open' then 0 when 'done' then 1 end;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::AlterTable { table, change: TableChange::AlterType { name, using: Some(using), .. }, .. } =
        &effect.action
    else {
        return;
    };
    if effect.within.runs_now() && using.columns.is_empty() && !using.star {
        let message = format!("overwrites {name} in every row of {table} with {}", cx.text(using.span));
        report.at(effect.span, message).losing(cx.world.column_holds(table, name));
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{assert_silent, postgres};

    #[test]
    fn an_expression_without_a_column_is_an_error() {
        for using in ["0", "null", "now()", "gen_random_uuid()", "'x'::text", "(1 + 1)"] {
            let sql = format!("alter table t alter column c type text using {using}");
            let message = format!("error overwrites c in every row of t with {using}");
            assert_eq!(postgres(&sql).lines("constant-using"), [message]);
        }
        let both = "alter table t alter c type varchar(5) using 'none'";
        assert_eq!(postgres(both).losses(), ["error constant-using"]);
    }

    #[test]
    fn an_expression_of_the_row_is_not() {
        for using in ["c::integer", "coalesce(c, '0')::integer", "lower(other)", "case c when 'a' then 1 end"]
        {
            assert_silent(
                "constant-using",
                &postgres(&format!("alter table t alter c type text using {using}")),
            );
        }
        assert_silent("constant-using", &postgres("alter table t alter c type text"));
        assert_silent(
            "constant-using",
            &postgres("create table t (c int); alter table t alter c type text using 'x'"),
        );
    }
}
